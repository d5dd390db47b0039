/**
 * Goes through every test without a device: each packet is filled in and encoded, each pattern filled in, so that what a
 * schema cannot see (a number out of its field's range, an address of the wrong family) is found before a run.
 */
import { isAsNeeded, mobileNodesFor } from '../bench/applicability.ts';
import { surroundings } from '../bench/surroundings.ts';
import { Context } from '../engine/context.ts';
import { datagramOf } from '../engine/robustness/datagram.ts';
import { generatedInputs, generatorDefaults } from '../engine/robustness/generate.ts';
import { variantsOf } from '../engine/robustness/variants.ts';
import { withKeysAtHand } from '../engine/sent.ts';
import { fault } from '../vectors/errors.ts';
import type { Profile } from '../vectors/profile.ts';
import type { Json, Step, SurviveStep, TestCase } from '../vectors/types.ts';
import { encodePacket, type Packet, type Tamper } from '../wire/index.ts';

/** What a captured value looks like, by the last word of the path it is taken from. */
const samples: { readonly [field: string]: Json } = {
  lifetimeSeconds: 300,
  code: 0,
  identification: 'c3a1b2c3d4e5f601',
  homeAddress: '10.1.200.1',
  homeAgent: '10.1.0.1',
  address: '2001:db8:1:d::',
  sequenceNumber: 7,
  registrationLifetimeSeconds: 600,
  addressCount: 1,
  senderMac: '02:00:00:00:00:01',
  targetLinkLayerAddress: '02:00:00:00:00:01',
  source: '10.1.0.1',
  destination: '10.10.128.1',
  careOfAddress: '10.10.128.1',
  sourcePort: 434,
};

/** By the whole path, where the last word does not tell. */
const samplesByPath: { readonly [path: string]: Json } = {
  'ethernet.source': '02:00:00:00:00:05',
  'ipv4.identification': 4711,
  'ipv4.totalLength': 92,
  'udp.length': 72,
  'udp.checksum': 0x1234,
  'registrationRequest.reverseTunneling': false,
  'registrationRequest.simultaneousBindings': false,
  'registrationRequest.decapsulationByMobileNode': false,
};

const moment = 1_000_000_000;

/** Rehearse the tests with a profile's identities; returns how many packets were encoded. Throws DataError. */
export function rehearse(tests: readonly TestCase[], profile: Profile): number {
  let packets = 0;
  for (const test of tests) packets += rehearseOne(test, profile);
  return packets;
}

function rehearseOne(test: TestCase, profile: Profile): number {
  const suitable = mobileNodesFor(test, profile);
  // One that this profile does not claim is rehearsed with any.
  const [mn, other] =
    suitable.length > 0 ? suitable : profile.mobileNodes.filter((node) => isAsNeeded(node, test.needs));
  if (mn === undefined)
    throw fault(test.file, 'needs', `no mobile node of the standard profile is like that (test ${test.id})`);
  const facts = {
    originNs: 1_700_000_000_000_000_000n,
    seed: 'rehearsal',
    graceNs: 0,
    roundTripsNs: [],
    homeHostMac: '02:00:00:00:00:02',
    visitedHostMac: '02:00:00:00:00:03',
    linkMacs: profile.mobileNodes.map(() => '02:00:00:00:00:04'),
  };
  const context = new Context(surroundings(profile, facts, test, mn, other), test.id);
  if (profile.role === 'mobile-node') context.noteKnown('mn', 'c3a1b2c3d4e5f601:49153');
  let packets = 0;
  const each = (steps: readonly Step[]): void => {
    for (const step of steps) {
      // What the steps within capture may be asked for by the patterns around them.
      if (step.kind === 'silence' || step.kind === 'record') {
        each(step.stimulus);
        each(step.barrier);
      }
      try {
        packets += rehearseStep(step, context);
      } catch (error) {
        throw fault(test.file, `${step.path} (test ${test.id})`, (error as Error).message);
      }
    }
  };
  each([...test.preamble, ...test.body, ...test.postamble, ...livenessOf(test)]);
  return packets;
}

const livenessOf = ({ liveness }: TestCase): Step[] => liveness.flatMap(({ mn, other }) => [...mn, ...other]);

/** Returns the number of packets encoded. */
function rehearseStep(step: Step, context: Context): number {
  switch (step.kind) {
    case 'send': {
      context.port(step.at);
      const associations = context.associations(step.by);
      const packet = withKeysAtHand(
        context.resolve(step.packet, moment, step.by) as unknown as Packet,
        associations,
      );
      encodePacket(packet, {
        types: context.around.extensionTypes,
        associations,
        ...(step.tamper.length === 0
          ? {}
          : { tamper: context.resolve(step.tamper, moment, step.by) as unknown as Tamper[] }),
      });
      return 1;
    }
    case 'expect':
      context.port(step.at);
      for (const check of step.checks) context.resolve(check.pattern, moment);
      if (step.within !== undefined) seconds(context, step.within);
      for (const [name, path] of Object.entries(step.capture)) {
        const sample = samplesByPath[path] ?? samples[path.split('.').at(-1) ?? ''];
        if (sample === undefined)
          throw new Error(`"${path}" is captured, and the rehearsal knows no sample for it`);
        context.captured[name] = sample;
      }
      return 0;
    case 'silence':
      context.ports(step.at);
      for (const pattern of step.of) context.resolve(pattern, moment);
      return 0;
    case 'record':
      context.port(step.at);
      for (const pattern of Object.values(step.options)) context.resolve(pattern, moment);
      return 0;
    case 'wait':
      seconds(context, step.seconds);
      seconds(context, step.plus);
      return 0;
    case 'every':
      context.port(step.at);
      context.resolve(step.of, moment);
      for (const check of step.checks) context.resolve(check.pattern, moment);
      return 0;
    case 'transfer':
      context.resolve(step.to, moment);
      return 0;
    case 'survive':
      context.port(step.at);
      return step.packets.reduce((sum, packet) => sum + rehearseHostile(step, packet, context), 0);
    case 'hook':
    case 'move':
      return 0;
  }
}

/** Of what is made of a valid packet, the number of packets. */
function rehearseHostile(step: SurviveStep, packet: Json[], context: Context): number {
  const associations = context.associations(step.by);
  const built = withKeysAtHand(context.resolve(packet, moment, step.by) as unknown as Packet, associations);
  const options = { types: context.around.extensionTypes, associations };
  const datagram = datagramOf(built, options);
  const inputs = step.variants.flatMap((kind) => {
    const made =
      kind === 'generated'
        ? generatedInputs(step.path, { ...generatorDefaults, inputs: 20 })
        : variantsOf(kind, built, options);
    if (made.length === 0) throw new Error(`nothing "${kind}" can be made of this packet`);
    return made;
  });
  return inputs.reduce((sum, input) => sum + input.make(datagram, built).length, 0);
}

function seconds(context: Context, value: Json): void {
  const number = context.resolve(value, moment);
  if (typeof number !== 'number') throw new Error(`${JSON.stringify(value)} is no number of seconds`);
}
