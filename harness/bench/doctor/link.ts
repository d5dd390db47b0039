/** What is on the links besides the device: address conflicts, other agents, translators between the ports, a narrow path. */
import { randomBytes } from 'node:crypto';
import type { PortName, SeenFrame } from '../../engine/bench.ts';
import type { MobileNode } from '../../vectors/pool.ts';
import { encodePacket, isIpv4, type Packet } from '../../wire/index.ts';
import { type Finding, note, ok, spoiled, unknown } from './finding.ts';
import { deviceAddressOf, ownedAt } from './ports.ts';
import { ping } from './silence.ts';
import { secondNs, type Talk } from './talk.ts';

/** RFC 5227 1.1 waits longer in all; a conflict that is there answers at once. */
const probeSeconds = 0.5;
/** RFC 1256 6.2: a router answers a solicitation within 2 s. */
const solicitSeconds = 2.2;
const mostProbed = 16;
const sizes = [1500, 1400, 1280, 576] as const;

/** Ports of the harness that are one link with the device, or with what may speak for it. */
const watched: { readonly [role: string]: readonly PortName[] } = {
  'home-agent': ['home'],
  'foreign-agent': ['mn'],
  'mobile-node': ['link'],
  scenario: [],
};

/**
 * Look for others with the harness's addresses; when it `listens`, which takes some 2 s, also for agents and routers that are not the
 * device.
 */
export async function linkFindings(talk: Talk, node: MobileNode, listens: boolean): Promise<Finding[]> {
  const { profile, bench } = talk;
  const names = bench.portNames();
  const owned = names.flatMap((port) =>
    ownedAt(profile, port)
      .filter(({ address }) => isIpv4(address))
      .slice(0, mostProbed)
      .map((one) => ({ ...one, port })),
  );
  const listening = listens ? (watched[profile.role] ?? []).filter((port) => names.includes(port)) : [];
  const keys = [...owned.map(({ address }) => `arp:${address}`), 'advertisement'];
  return talk.watch(
    node,
    async (session) => {
      const begin = bench.now();
      for (const { port, address } of owned)
        await session.send(port, () => probe(bench.macAt(port, node.index), address));
      for (const port of listening)
        for (const packet of solicitations(talk, port, node)) await session.send(port, () => packet);
      const end = begin + (listening.length === 0 ? probeSeconds : solicitSeconds) * secondNs;
      while (await session.more(session.frames.length, end));
      const came = session.frames.filter(({ outgoing }) => !outgoing);
      return [...conflicts(owned, came, bench.ownMacs()), ...otherAgents(talk, listening, came)];
    },
    keys,
    [],
  );
}

/** RFC 5227 2.1.1: a request that says nothing of who asks. */
function probe(mac: string, address: string): { kind: 'ethernet'; octets: Uint8Array } {
  const octets = encodePacket([
    { ethernet: { destination: 'ff:ff:ff:ff:ff:ff', source: mac } },
    {
      arp: {
        operation: 1,
        senderMac: mac,
        senderAddress: '0.0.0.0',
        targetMac: '00:00:00:00:00:00',
        targetAddress: address,
      },
    },
  ]);
  return { kind: 'ethernet', octets };
}

function conflicts(
  owned: readonly { field: string; address: string; port: PortName }[],
  came: readonly SeenFrame[],
  own: ReadonlySet<string>,
): Finding[] {
  const findings: Finding[] = [];
  for (const { field, address, port } of owned)
    for (const frame of came) {
      if (frame.port !== port) continue;
      for (const layer of frame.decoded.layers) {
        if (!('arp' in layer) || layer.arp.operation !== 2 || layer.arp.senderAddress !== address) continue;
        const mac = layer.arp.senderMac ?? '';
        if (own.has(mac) || findings.some(({ found }) => found.includes(address))) continue;
        findings.push(
          spoiled(
            'conflict',
            `${mac} on the link of port ${port} has the harness's address ${address} (${field}) as well`,
            `take the address from one of the two; if ${mac} is the device, it is the profile's ${field} that is wrong (or its proxy ARP answers for too much)`,
            'ports',
            { ports: [port] },
          ),
        );
      }
    }
  return findings.length > 0 || owned.length === 0
    ? findings
    : [ok('conflict', `nobody else has an address of the harness (${owned.length} probed by ARP)`)];
}

/** An agent solicitation (RFC 3344 2.2), and of IPv6 a router solicitation (RFC 2461 4.1). */
function solicitations(
  talk: Talk,
  port: PortName,
  node: MobileNode,
): { kind: 'ethernet'; octets: Uint8Array }[] {
  const { bench, profile } = talk;
  const mac = bench.macAt(port, node.index);
  const source = ownedAt(profile, port).find(({ address }) => isIpv4(address))?.address ?? '0.0.0.0';
  const frames: Packet[] = [
    [
      { ethernet: { destination: '01:00:5e:00:00:02', source: mac } },
      { ipv4: { source, destination: '224.0.0.2', ttl: 1 } },
      { routerSolicitation: {} },
    ],
    [
      { ethernet: { destination: '33:33:00:00:00:02', source: mac } },
      { ipv6: { source: '::', destination: 'ff02::2', hopLimit: 255 } },
      { ipv6RouterSolicitation: {} },
    ],
  ];
  return frames.map((packet) => ({ kind: 'ethernet', octets: encodePacket(packet) }));
}

/** Who advertises: link-layer and network-layer source, and as what. */
interface Advertiser {
  port: PortName;
  mac: string;
  address: string;
  what: 'agent' | 'router';
}

function advertisersIn(came: readonly SeenFrame[]): Advertiser[] {
  return came.flatMap(({ port, decoded }): Advertiser[] => {
    const [ethernet, ip, message] = decoded.layers;
    if (ethernet === undefined || ip === undefined || message === undefined || !('ethernet' in ethernet))
      return [];
    const mac = ethernet.ethernet.source ?? '';
    const address = 'ipv4' in ip ? (ip.ipv4.source ?? '') : 'ipv6' in ip ? (ip.ipv6.source ?? '') : '';
    const isAgent =
      'routerAdvertisement' in message &&
      (message.routerAdvertisement.extensions ?? []).some((one) => 'mobilityAgentAdvertisement' in one);
    if (isAgent) return [{ port, mac, address, what: 'agent' }];
    return 'ipv6RouterAdvertisement' in message || 'routerAdvertisement' in message
      ? [{ port, mac, address, what: 'router' }]
      : [];
  });
}

function otherAgents(talk: Talk, listening: readonly PortName[], came: readonly SeenFrame[]): Finding[] {
  if (listening.length === 0) return [];
  const { role } = talk.profile;
  const device = deviceAddressOf(talk.profile);
  const own = talk.bench.ownMacs();
  const advertisers = advertisersIn(came).filter(({ mac }) => !own.has(mac));
  const devices = new Set(
    advertisers.filter(({ address }) => address === device?.address).map(({ mac }) => mac),
  );
  const others = new Map(
    advertisers
      .filter(({ mac, address }) => !devices.has(mac) && address !== device?.address)
      .map((one) => [`${one.mac} ${one.address} ${one.what}`, one]),
  );
  const findings = [...others.values()].flatMap(({ port, mac, address, what }) => {
    // Next to a home or foreign agent an ordinary IPv6 router may stand.
    if (what === 'router' && role !== 'mobile-node') return [];
    const kind = what === 'agent' ? 'another mobility agent' : 'another router';
    return [
      spoiled(
        'other agent',
        `${kind}, ${address} (${mac}), advertises itself on the link of port ${port}`,
        'switch it off, or put the device on a link of its own' +
          (device === undefined ? '' : `; if it is the device, mend ${device.field}`),
        role === 'mobile-node' ? 'everything' : 'advertisements',
      ),
    ];
  });
  return findings.length > 0
    ? findings
    : [ok('other agent', `nobody else advertises on port ${listening.join(', ')}`)];
}

/** Whether what leaves one port of the harness comes to another as it was sent. */
export async function pathFindings(talk: Talk, node: MobileNode): Promise<Finding[]> {
  const { profile, bench } = talk;
  const names = bench.portNames();
  const pairs: readonly (readonly [PortName, PortName])[] =
    profile.role === 'home-agent'
      ? [
          ['mn', 'cn'],
          ['cn', 'mn'],
          ['fa', 'cn'],
        ]
      : profile.role === 'foreign-agent'
        ? [
            ['ha', 'cn'],
            ['cn', 'ha'],
          ]
        : [];
  const findings: Finding[] = [];
  for (const [from, to] of pairs) {
    const source = ownedAt(profile, from).find(({ address }) => isIpv4(address))?.address;
    const destination = ownedAt(profile, to).find(({ address }) => isIpv4(address))?.address;
    if (!names.includes(from) || !names.includes(to) || source === undefined || destination === undefined)
      continue;
    findings.push(await pathFinding(talk, node, { from, to, source, destination }));
  }
  return findings;
}

interface Path {
  from: PortName;
  to: PortName;
  source: string;
  destination: string;
}

async function pathFinding(
  talk: Talk,
  node: MobileNode,
  { from, to, source, destination }: Path,
): Promise<Finding> {
  const payload = randomBytes(8).toString('hex');
  const sourcePort = 4000;
  const octets = encodePacket([
    { ipv4: { source, destination, ttl: 64 } },
    { udp: { sourcePort, destinationPort: 9 } },
    { payload },
  ]);
  return talk.watch(
    node,
    async (session) => {
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const { timeNs } = await session.send(from, () => ({ kind: 'ip', octets }));
        let refused: string | undefined;
        for (let at = 0; ; ) {
          for (; at < session.frames.length; at += 1) {
            const { decoded, outgoing, port } = session.frames[at] as SeenFrame;
            const [, ip, next] = decoded.layers;
            if (outgoing || ip === undefined || !('ipv4' in ip) || next === undefined) continue;
            const last = decoded.layers.at(-1);
            if (
              port === to &&
              'udp' in next &&
              last !== undefined &&
              'payload' in last &&
              last.payload === payload
            )
              return asSent(
                { from, to, source, destination },
                sourcePort,
                ip.ipv4.source ?? '',
                next.udp.sourcePort ?? 0,
              );
            if (port === from && 'icmp' in next && next.icmp.type === 3)
              refused = `${ip.ipv4.source} says ICMP 3/${next.icmp.code}`;
          }
          if (!(await session.more(at, timeNs + probeSeconds * secondNs))) break;
        }
        if (refused !== undefined)
          return note(
            'path',
            `from port ${from} nothing gets to port ${to} (${destination}): ${refused}`,
            pathMend(from, to),
          );
      }
      return note(
        'path',
        `from port ${from} nothing gets to port ${to} (${destination}), and nobody says why`,
        pathMend(from, to),
      );
    },
    [source, destination],
  );
}

const pathMend = (from: string, to: string): string =>
  `it need not, where the device stands between ${from} and ${to}; else look for a filter (UDP, tunnels) or a missing route back`;

function asSent({ from, to, source }: Path, sourcePort: number, cameFrom: string, port: number): Finding {
  if (cameFrom === source && port === sourcePort)
    return ok('path', `port ${from} to port ${to}: as it was sent`);
  const what = `what was sent from ${source} port ${sourcePort} came from ${cameFrom} port ${port}`;
  return spoiled(
    'nat',
    `there is address translation (NAT) between port ${from} and port ${to}: ${what}`,
    'take the translator out of the way, or bridge the links: tunnels of Mobile IPv4 do not pass it',
    'ports',
    { ports: [from, to] },
  );
}

/** The largest of a few sizes that gets to the device and back unfragmented. */
export async function mtuFindings(talk: Talk, node: MobileNode): Promise<Finding[]> {
  const device = deviceAddressOf(talk.profile);
  if (device === undefined) return [];
  for (const octets of sizes)
    if (await ping(talk, node, device.address, octets))
      return octets === sizes[0]
        ? [ok('mtu', `packets of ${octets} octets get to the device and back whole`)]
        : [
            note(
              'mtu',
              `packets of ${octets} octets get to the device and back whole, larger ones do not`,
              'raise the MTU on the way; a tunnel takes 20 octets more for each header',
            ),
          ];
  return [unknown('mtu', 'the device answers no ping, so that the MTU of the path is not known')];
}
