/** The ladder diagram of a test: who sent what to whom, in which tunnels, as in the figures of the draft's section 5. */
import type { Verdict } from '../../harness/engine/outcome.ts';
import type { Layer } from '../../harness/wire/index.ts';
import { type AddressFacts, type Lane, lanes, type Results, type TestResult } from '../model/results.ts';
import { isAside, isMissed } from './asides.ts';
import type { EvidenceFrame } from './frames.ts';

/** One arrow. */
export interface Rung {
  /** Frame in the capture; undefined of what never came. */
  number?: number;
  port: string;
  timeMs: number;
  from: Lane;
  to: Lane;
  /** Outermost first: `HA 10.1.0.1 > MN 10.10.128.1`. */
  tunnels: string[];
  label: string;
  verdict?: Verdict;
  /** It proved that the device was there, or a silence. */
  aside: boolean;
}

export interface Ladder {
  lanes: Lane[];
  rungs: Rung[];
  /** Frames that are not drawn. */
  left: number;
}

/** More arrows than that are read by nobody. */
const mostRungs = 60;

const roleLane: { readonly [role: string]: Lane } = {
  'home-agent': 'HA',
  'foreign-agent': 'FA',
  'mobile-node': 'MN',
};
const portLane: { readonly [port: string]: Lane } = { mn: 'MN', fa: 'FA', cn: 'CN', ha: 'HA', home: 'host' };

/** Who has an address: a party of the figures, or somebody else. */
export type WhoIs = (address: string | undefined) => AddressFacts | undefined;

export function whoIs({ addresses }: Pick<Results, 'addresses'>): WhoIs {
  const known = new Map(addresses.map((facts) => [facts.address, facts]));
  return (address) => (address === undefined ? undefined : known.get(address));
}

/** Care-of addresses that a network gave are in no profile; who registers one has it. */
function whoIsIn(results: Results, frames: readonly EvidenceFrame[]): WhoIs {
  const known = whoIs(results);
  const given = new Map<string, AddressFacts>();
  for (const { decoded } of frames)
    for (const layer of decoded.layers) {
      if (!('registrationRequest' in layer)) continue;
      const { careOfAddress: address, homeAddress } = layer.registrationRequest;
      if (address !== undefined && known(address) === undefined && known(homeAddress)?.lane === 'MN')
        given.set(address, { address, lane: 'MN', name: 'care-of address' });
    }
  return (address) => known(address) ?? (address === undefined ? undefined : given.get(address));
}

type Ends = { source: string | undefined; destination: string | undefined };

const endsOf = (layer: Layer): Ends | undefined => {
  if ('ipv4' in layer) return { source: layer.ipv4.source, destination: layer.ipv4.destination };
  if ('ipv6' in layer) return { source: layer.ipv6.source, destination: layer.ipv6.destination };
  if ('arp' in layer) return { source: layer.arp.senderAddress, destination: layer.arp.targetAddress };
  return undefined;
};

/** The headers within which another IP header travels. */
function tunnelsOf(layers: readonly Layer[], who: WhoIs): string[] {
  const headers = layers.flatMap((layer, at) => {
    const ends = 'arp' in layer ? undefined : endsOf(layer);
    return ends === undefined ? [] : [{ ends, at }];
  });
  const name = (address: string | undefined): string => {
    const facts = who(address);
    return facts === undefined ? String(address) : `${facts.lane} ${facts.address}`;
  };
  const carries = (at: number): string => {
    const next = layers[at + 1] ?? { payload: '' };
    if ('gre' in next) return ' (GRE)';
    return 'udp' in next ? ' (UDP)' : '';
  };
  return headers
    .slice(0, -1)
    .map(({ ends, at }) => `${name(ends.source)} > ${name(ends.destination)}${carries(at)}`);
}

/** What a packet is, in a few words. */
export function packetLabel(layers: readonly Layer[]): string {
  const ip = layers.findLast((layer) => 'ipv4' in layer || 'ipv6' in layer);
  const family = ip === undefined ? '' : 'ipv4' in ip ? 'IPv4 ' : 'IPv6 ';
  for (const layer of [...layers].reverse()) {
    if ('registrationRequest' in layer) return requestLabel(layer.registrationRequest);
    if ('registrationReply' in layer) return replyLabel(layer.registrationReply);
    if ('icmpEcho' in layer) return `IPv4 echo ${layer.icmpEcho.type === 0 ? 'reply' : 'request'}`;
    if ('icmpv6Echo' in layer) return `IPv6 echo ${layer.icmpv6Echo.type === 129 ? 'reply' : 'request'}`;
    if ('icmp' in layer) return `ICMP type ${layer.icmp.type} code ${layer.icmp.code}`;
    if ('icmpv6' in layer) return `ICMPv6 type ${layer.icmpv6.type} code ${layer.icmpv6.code}`;
    if ('routerSolicitation' in layer) return 'agent solicitation';
    if ('routerAdvertisement' in layer) return advertisementLabel(layer.routerAdvertisement.extensions ?? []);
    if ('neighborSolicitation' in layer)
      return `neighbor solicitation for ${layer.neighborSolicitation.target}`;
    if ('neighborAdvertisement' in layer)
      return `neighbor advertisement of ${layer.neighborAdvertisement.target}`;
    if ('ipv6RouterSolicitation' in layer) return 'IPv6 router solicitation';
    if ('ipv6RouterAdvertisement' in layer) return 'IPv6 router advertisement';
    if ('arp' in layer)
      return layer.arp.operation === 1
        ? `ARP: who has ${layer.arp.targetAddress}`
        : `ARP: ${layer.arp.senderAddress} is at ${layer.arp.senderMac}`;
    if ('udp' in layer) return `${family}UDP to port ${layer.udp.destinationPort}`;
    if ('ipv4' in layer)
      return layer.ipv4.protocol === 6 ? 'IPv4 TCP' : `IPv4 protocol ${layer.ipv4.protocol}`;
    if ('ipv6' in layer)
      return layer.ipv6.nextHeader === 6 ? 'IPv6 TCP' : `IPv6 next header ${layer.ipv6.nextHeader}`;
  }
  return 'frame';
}

type Extensions = readonly object[] | undefined;

const extensionOf = <T>(extensions: Extensions, name: string): T | undefined => {
  const found = extensions?.find((one) => name in one) as { [name: string]: T } | undefined;
  return found?.[name];
};

function requestLabel({
  lifetimeSeconds,
  extensions,
}: {
  lifetimeSeconds?: number;
  extensions?: Extensions;
}): string {
  const what = lifetimeSeconds === 0 ? 'deregistration request' : 'registration request';
  const address = extensionOf<{ address?: string }>(extensions, 'ipv6HomeAddress')?.address;
  const mode = extensionOf<{ reverseTunnel?: boolean }>(extensions, 'ipv6Compatibility')?.reverseTunnel;
  return `${what}${address === undefined ? '' : `, IPv6 ${address}`}${mode === undefined ? '' : `, R=${mode ? 1 : 0}`}`;
}

function replyLabel({ code, extensions }: { code?: number; extensions?: Extensions }): string {
  const ipv6 = extensionOf<{ code?: number }>(extensions, 'ipv6Code')?.code;
  return `registration reply ${code}${ipv6 === undefined ? '' : `, IPv6 code ${ipv6}`}`;
}

function advertisementLabel(extensions: readonly object[]): string {
  const flags = extensionOf<{ flags?: number }>(extensions, 'mobilityAgentAdvertisement')?.flags;
  return flags === undefined
    ? 'router advertisement'
    : `agent advertisement, A=${(flags & 0x20) === 0 ? 0 : 1}`;
}

/** From whom to whom: the port tells one end and the device under test is the other, or the addresses do. */
function endLanes(results: Results, frame: EvidenceFrame, who: WhoIs): { from: Lane; to: Lane } {
  const device = roleLane[results.role];
  const port = portLane[frame.port];
  const ends = frame.decoded.layers.map(endsOf).find((one) => one !== undefined);
  const lane = (address: string | undefined): Lane => who(address)?.lane ?? 'host';
  if (results.role === 'scenario' || device === undefined)
    return { from: lane(ends?.source), to: lane(ends?.destination) };
  // On the home link the harness is also the mobile node that has come home.
  const own = frame.outgoing ? ends?.source : ends?.destination;
  const other = port === undefined || port === 'host' ? lane(own) : port;
  const harness = other === device ? 'host' : other;
  return frame.outgoing ? { from: harness, to: device } : { from: device, to: harness };
}

/** The ladder of a test's frames, as `evidenceFrames` gives them. */
export function ladderOf(results: Results, test: TestResult, frames: readonly EvidenceFrame[]): Ladder {
  const who = whoIsIn(results, frames);
  const isPart = ({ sentBy, steps, verdict }: EvidenceFrame): boolean =>
    sentBy !== undefined || steps.length > 0 || verdict !== undefined;
  const drawn =
    frames.length <= mostRungs
      ? frames
      : [...frames.filter(isPart), ...frames.filter((one) => !isPart(one))].slice(0, mostRungs);
  const arrows = drawn.map((frame): Rung => {
    const steps = [...(frame.sentBy === undefined ? [] : [frame.sentBy]), ...frame.steps];
    return {
      number: frame.number,
      port: frame.port,
      timeMs: frame.timeMs,
      ...endLanes(results, frame, who),
      tunnels: tunnelsOf(frame.decoded.layers, who),
      label: packetLabel(frame.decoded.layers),
      ...(frame.verdict === undefined ? {} : { verdict: frame.verdict }),
      aside: steps.length === 0 || steps.every(isAside),
    };
  });
  const rungs = [...arrows, ...missedRungs(results, test)].sort((a, b) => a.timeMs - b.timeMs);
  const used = new Set(rungs.flatMap(({ from, to }) => [from, to]));
  return { lanes: lanes.filter((lane) => used.has(lane)), rungs, left: frames.length - drawn.length };
}

/** What was expected and never came. */
function missedRungs(results: Results, test: TestResult): Rung[] {
  const device = roleLane[results.role] ?? 'host';
  const missed = new Map<string, Rung>();
  for (const judgement of test.judgements) {
    const { step, verdict, clause, expected } = judgement;
    if (!isMissed(judgement)) continue;
    const record = test.steps.find((one) => one.step === step && !/ sent /.test(one.text));
    const port = /^at (\S+)/.exec(record?.text ?? '')?.[1] ?? '';
    const lane = portLane[port] ?? 'host';
    const before = missed.get(step);
    missed.set(step, {
      port,
      timeMs: ((record?.timeNs ?? test.endNs) - test.startNs) / 1e6,
      from: device,
      to: lane === device ? 'host' : lane,
      tunnels: [],
      label:
        before === undefined
          ? `never came: ${expected.at(-1) ?? 'an answer'} (${clause})`
          : before.label.replace(/\)$/, `, ${clause})`),
      verdict,
      aside: false,
    });
  }
  return [...missed.values()];
}
