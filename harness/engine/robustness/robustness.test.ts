/** Hostile input: what is made of a packet, what is found of a device that stops, and that a recorded run says the same. */
import t from 'tap';
import { loadLedger } from '../../vectors/ledger.ts';
import { suiteNamed } from '../../vectors/suites.ts';
import type { Json, TestCase } from '../../vectors/types.ts';
import { decodePacket, fromHex, type Packet, toHex } from '../../wire/index.ts';
import type { Outcome } from '../outcome.ts';
import { run } from '../run.ts';
import {
  association,
  type Device,
  FakeSession,
  imaginary,
  request,
  steps,
  testOf,
} from '../testing/fake-bench.ts';
import { datagramOf } from './datagram.ts';
import { generatedInputs } from './generate.ts';
import { shortestOctets, shortestRun } from './narrow.ts';
import { variantsOf } from './variants.ts';

const ledger = loadLedger(suiteNamed('robustness').directory);
const options = { associations: { mobileHome: association(1001) } };
const packet: Packet = [
  { ipv4: { source: '10.10.128.1', destination: '10.1.0.1', ttl: 64 } },
  { udp: { sourcePort: 20_000, destinationPort: 434 } },
  {
    registrationRequest: {
      lifetimeSeconds: 300,
      homeAddress: '10.1.1.1',
      homeAgent: '10.1.0.1',
      careOfAddress: '10.10.128.1',
      identification: 'c3a1b2c3d4e5f601',
      extensions: [{ mobileNodeNai: { nai: 'mn@example.net' } }, { mobileHomeAuthentication: {} }],
    },
  },
];
const datagram = datagramOf(packet, options);
const made = (kind: Parameters<typeof variantsOf>[0]): { name: string; octets: Uint8Array[] }[] =>
  variantsOf(kind, packet, options).map(({ name, make }) => ({ name, octets: make(datagram, packet) }));

t.test('what is made of a request', async (t) => {
  const body = datagram.body.length;
  t.equal(made('truncated').length, 2 * body, 'cut after every octet, in two ways');
  for (const { octets } of made('truncated').filter(({ name }) => !name.includes('while')))
    t.same(decodePacket(octets[0] as Uint8Array, 'ipv4').findings, [], 'its headers are right');
  const names = made('lengths').map(({ name }) => name);
  for (const extension of ['mobileNodeNai', 'mobileHomeAuthentication'])
    for (const length of [0, 1, 254, 255])
      t.ok(names.some((name) => name.startsWith(extension) && name.includes(`length ${length} `)));
  t.ok(
    made('repeated').every(({ name, octets }) => / 50 times/.test(name) && (octets[0]?.length ?? 0) <= 1420),
    'fifty times, and whole on any link',
  );
  const types = new Set(made('unknown-types').flatMap(({ name }) => /type (\d+)/.exec(name)?.[1] ?? []));
  t.equal(types.size, 253, 'every type but the two that it has, and padding');
  for (const { name, octets } of made('fragments'))
    for (const one of octets) {
      const { layers } = decodePacket(one, 'ipv4');
      const ip = layers[0] !== undefined && 'ipv4' in layers[0] ? layers[0].ipv4 : {};
      t.ok(ip.moreFragments === true || (ip.fragmentOffset ?? 0) > 0, `${name}: fragments all of them`);
      t.equal(ip.totalLength, one.length);
    }
  const pieces = made('fragments').find(({ name }) => name === 'in fragments of eight octets')?.octets ?? [];
  t.same(
    Buffer.concat(pieces.map((one) => one.subarray(20))),
    Buffer.from(datagram.octets.subarray(20)),
    'put together they are the packet',
  );
  t.match(
    made('checksums')
      .map(({ name }) => name)
      .join(),
    /wrong UDP checksum.*without a UDP checksum/,
  );
  t.notMatch(
    made('checksums')
      .map(({ name }) => name)
      .join(),
    /IP header/,
    'the kernel would mend it',
  );
  t.match(
    made('nested')
      .map(({ name }) => name)
      .join(),
    /within 64 tunnels|within 32 tunnels/,
  );
  t.equal(made('burst')[0]?.octets.length, 500);
});

t.test('generated inputs follow from the seed', async (t) => {
  const octetsOf = (test: string, seed: number): string[] =>
    generatedInputs(test, { seed, inputs: 300 }).map(({ make }) =>
      toHex(make(datagram, packet)[0] as Uint8Array),
    );
  t.same(octetsOf('a', 1), octetsOf('a', 1));
  t.not(octetsOf('a', 1).join(), octetsOf('a', 2).join());
  t.not(octetsOf('a', 1).join(), octetsOf('b', 1).join(), 'every test has others');
  t.ok(new Set(octetsOf('a', 1)).size > 250, 'few are the same');
  t.ok(octetsOf('a', 7).every((hex) => hex.length <= 2 * 1300));
});

t.test('bisection', async (t) => {
  /** Stops where all of these are sent, in this order. */
  const needing = (...needed: number[]) => {
    let trials = 0;
    const stops = async ({ from, to }: { from: number; to: number }): Promise<boolean> => {
      trials += 1;
      return needed.every((one) => one >= from && one < to);
    };
    return { stops, trials: () => trials };
  };
  for (const one of [0, 1, 17, 63, 64, 99]) {
    const { stops, trials } = needing(one);
    t.same(await shortestRun(100, 0, stops), { from: one, to: one + 1 });
    t.ok(trials() <= 9, `${trials()} trials`);
  }
  t.same(await shortestRun(100, 0, needing(20, 70).stops), { from: 20, to: 71 });
  t.equal(await shortestRun(100, 0, async () => false), undefined, 'it does not do it again');

  const contains =
    (...octets: number[]) =>
    async (one: Uint8Array): Promise<boolean> =>
      octets.every((octet) => one.includes(octet));
  const octets = Uint8Array.from({ length: 80 }, (_, at) => at);
  const shortest = async (...needed: number[]): Promise<number[]> => [
    ...(await shortestOctets(octets, contains(...needed))),
  ];
  t.same(await shortest(40), [40]);
  t.same(await shortest(3, 50, 79), [3, 50, 79]);
});

/** Octets of the request that every input is made of. */
const whole = 46;

/** A home agent that stops for good at a message of some length, as its UDP header says it, until it is reset. */
function stopping(stopsAt: (octets: number) => boolean): { device: Device; reset(): void } {
  let isDeaf = false;
  return {
    reset: () => {
      isDeaf = false;
    },
    device: (decoded) => {
      const udp = decoded.layers.find((layer) => 'udp' in layer);
      const asked = decoded.layers.find((layer) => 'registrationRequest' in layer);
      if (udp !== undefined && 'udp' in udp) isDeaf ||= stopsAt((udp.udp.length ?? 0) - 8);
      if (isDeaf || asked === undefined || !('registrationRequest' in asked)) return [];
      const { homeAddress = '', careOfAddress = '', identification = '' } = asked.registrationRequest;
      const port = udp !== undefined && 'udp' in udp ? (udp.udp.sourcePort ?? 0) : 0;
      return [
        {
          port: 'mn',
          afterMs: 1,
          packet: [
            { ipv4: { source: '10.1.0.1', destination: careOfAddress, ttl: 63 } },
            { udp: { sourcePort: 434, destinationPort: port } },
            {
              registrationReply: {
                code: 0,
                lifetimeSeconds: 300,
                homeAddress,
                homeAgent: '10.1.0.1',
                identification,
                extensions: [{ mobileHomeAuthentication: {} }],
              },
            },
          ],
        },
      ];
    },
  };
}

const test = (...variants: string[]): TestCase =>
  testOf(
    steps('body', {
      survive: { at: 'mn', packets: [request('mn')], variants },
      clause: 'robust-a',
    } as Json),
  );

async function judge(what: ReturnType<typeof stopping>, one: TestCase, canReset = true): Promise<Outcome> {
  const session = new FakeSession(what.device);
  session.canAct = canReset;
  session.reacts = () => {
    what.reset();
    return [];
  };
  return run(one, session, imaginary(), ledger);
}

t.test('a device that goes on', async (t) => {
  const { verdict, judgements } = await judge(
    stopping(() => false),
    test('truncated', 'generated'),
  );
  t.equal(verdict, 'PASS');
  t.match(judgements[0]?.actual, [/answered every time, after \d{3} inputs/]);
});

t.test('a device that stops', async (t) => {
  // At whatever has 7 octets or more and is no whole message: seven are the fewest.
  const { verdict, judgements } = await judge(
    stopping((octets) => octets >= 7 && octets < whole),
    test('truncated'),
  );
  t.equal(verdict, 'FAIL');
  const [judgement] = judgements;
  t.equal(judgement?.clause, 'robust-a');
  const actual = judgement?.actual.join('\n') ?? '';
  t.match(
    actual,
    /it stayed so until it was reset[\s\S]*the shortest input found to stop it, in \d+ trials: 35 octets/,
  );
  const hex = judgement?.input?.packets[0] ?? '';
  t.equal(fromHex(hex).length, 20 + 8 + 7);
  t.match(actual, `octets ${hex}`);
  t.equal(judgement?.frames.length, 1, 'it is in the capture');
});

t.test('a device that stops and cannot be reset', async (t) => {
  const { verdict, judgements } = await judge(
    stopping((octets) => octets === 5),
    test('truncated'),
    false,
  );
  t.equal(verdict, 'FAIL');
  t.match(judgements[0]?.actual.join('\n'), /did not come back by itself, and it cannot be reset: no reset/);
  t.notMatch(judgements[0]?.actual.join('\n'), /shortest input/, 'nothing more is claimed than was seen');
});

t.test('a device that stopped once', async (t) => {
  let times = 0;
  const once = stopping((octets) => {
    if (octets === 5) times += 1;
    return octets === 5 && times === 1;
  });
  const { verdict, reason } = await judge(once, test('truncated'));
  t.equal(verdict, 'INCONCLUSIVE');
  t.match(reason, /answered again after a reset, and the same input did not stop it once more/);
});

t.test('a device that comes back by itself', async (t) => {
  // Deaf to four messages: longer than a valid registration is repeated, not much longer.
  let left = 0;
  const inner = stopping(() => false);
  const device: Device = (decoded, at) => {
    const payload = decoded.layers.find((layer) => 'payload' in layer);
    if (payload !== undefined && 'payload' in payload && payload.payload.length === 10) left = 4;
    if (decoded.layers.some((layer) => 'registrationRequest' in layer) && left > 0) {
      left -= 1;
      return [];
    }
    return inner.device(decoded, at);
  };
  const { verdict, judgements } = await judge({ device, reset: () => {} }, test('truncated'));
  t.equal(verdict, 'WARN');
  t.equal(judgements[0]?.clause, 'robust-a#comes-back');
  t.match(judgements[0]?.actual.join('\n'), /it answered again by itself/);
});

t.test('a late copy of an earlier answer', async (t) => {
  let earlier: ReturnType<Device> = [];
  const inner = stopping((octets) => octets === whole - 1);
  const device: Device = (decoded, at) => {
    const arrivals = inner.device(decoded, at);
    if (!decoded.layers.some((layer) => 'udp' in layer && layer.udp.sourcePort === 20_004)) return arrivals;
    if (arrivals.length === 0) {
      // The network had kept it.
      const copies = earlier;
      earlier = [];
      return copies;
    }
    earlier = arrivals;
    return arrivals;
  };
  const { verdict } = await judge({ device, reset: inner.reset }, test('truncated'));
  t.equal(verdict, 'FAIL', 'is none to the registration that proves that the device is there');
});

t.test('an input of many packets', async (t) => {
  let came = 0;
  const inner = stopping(() => came >= 200);
  const device: Device = (decoded, at) => {
    const isOther = decoded.layers.some((layer) => 'udp' in layer && layer.udp.sourcePort === 20_004);
    came = isOther ? 0 : came + 1;
    return inner.device(decoded, at);
  };
  const { verdict, judgements } = await judge({ device, reset: inner.reset }, test('burst'));
  t.equal(verdict, 'FAIL');
  t.match(judgements[0]?.actual.join('\n'), /shortest input found to stop it, in \d+ trials: 200 packets/);
});
