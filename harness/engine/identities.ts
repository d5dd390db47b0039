/** Who is who in one run of one vector: the addresses and numbers behind the names that vectors use. */
import type { MobileNode } from '../vectors/pool.ts';
import type { AgentIdentity, HostAddresses, Timers, VisitedNetwork } from '../vectors/profile.ts';
import type { JsonObject, Position, Role } from '../vectors/types.ts';
import {
  addressPlus,
  type ExtensionTypes,
  formatAddress,
  formatIpv6,
  parseIpv6,
  parsePrefix,
  type SecurityAssociation,
} from '../wire/index.ts';
import type { Reconfiguration } from './bench.ts';

/** What the bench provides for one run of one vector. Everything in it but the keys is written into the results. */
export interface Surroundings {
  role: Role;
  position: Position;
  mn: MobileNode;
  /** A second mobile node: for barriers, and where two have to be told apart. None when the pool has one only. */
  other?: MobileNode;
  homeAgent: HostAddresses;
  correspondentNode: HostAddresses;
  ipv4HomePrefix: string;
  ipv6HomePrefix: string;
  /** Whether the device claims the extensions of the draft. */
  ipv6Extensions: boolean;
  /** Whether it demands that requests ask for a reverse tunnel. */
  reverseTunnelingRequired: boolean;
  extensionTypes: ExtensionTypes;
  timers: Timers;
  /** What the foreign agent and the home agent of this position share. */
  foreignHome?: SecurityAssociation;

  /** Towards a home agent: the harness's host on the home link. */
  homeHost?: HostAddresses & { mac: string };
  /** Towards a home agent, first of the co-located care-of addresses; mobile node n uses number 2n and, after a move, 2n + 1. */
  firstCareOfAddress?: string;
  refusedIpv6Address?: string;
  /** Foreign agents that the harness plays, in the order in which a mobile node meets them; of a home agent's position the one. */
  foreignAgents: AgentIdentity[];

  /** The foreign agent under test, or of a scenario. */
  foreignAgent?: { address: string; careOfAddress: string };
  /** Of a scenario: the foreign agent that does nothing for IPv6. */
  plainForeignAgent?: { address: string; careOfAddress: string };
  /** Towards a foreign agent: the harness's host on the visited link. */
  visitedHost?: HostAddresses & { mac: string };

  /** Towards a mobile node: the network without a foreign agent, and the harness's MAC address on its link. */
  visitedNetwork?: VisitedNetwork;
  linkMac?: string;

  /** CLOCK_REALTIME, ns since 1970, at the origin of the run. */
  originNs: bigint;
  /** Makes the tokens of this run differ from those of any other. */
  seed: string;
  /** How long after a barrier's answer a silence stays open, ns. */
  graceNs: number;
  /** The device has to begin anew first. */
  reset?: boolean;
  /** How the device has to treat mobile nodes in this run, where it does not yet. */
  reconfigurations?: readonly Reconfiguration[];
  /** The longest round trip measured at the start, ns: what has to arrive before a moment leaves so much earlier. */
  slowestNs?: number;
  /** How long after it a message that went unanswered is sent again; 1.05 s when left out. */
  repeatSeconds?: number;
}

/** UDP source ports of requests, first and last: two a mobile node. */
export const requestPorts = [20_000, 39_999] as const;

/** The mobile node is behind a foreign agent that the harness plays for a home agent. */
const isRelayed = (position: Position): boolean =>
  position === 'foreign-agent' || position === 'foreign-agent-secured';

export function udpPortOf(node: MobileNode, position: Position): number {
  return requestPorts[0] + (node.index % 10_000) * 2 + (isRelayed(position) ? 1 : 0);
}

/** RFC 4291 appendix A: an EUI-64 made of the index, with ff:fe in its middle so that it looks like no IPv4 address. */
function eui64Of(node: MobileNode): Uint8Array {
  const octets = new Uint8Array(16);
  octets.set(
    [0x02, 0x00, 0x5e, 0xff, 0xfe, (node.index >> 16) & 0xff, (node.index >> 8) & 0xff, node.index & 0xff],
    8,
  );
  return octets;
}

function underPrefix(prefix: string, interfaceId: Uint8Array): string {
  const network = parseIpv6(prefix.slice(0, prefix.indexOf('/')));
  const octets = Uint8Array.from(interfaceId);
  octets.set(network.subarray(0, 8), 0);
  return formatIpv6(octets, 0);
}

/** RFC 4291 2.7.1. */
function solicitedNode(address: Uint8Array): Uint8Array {
  const octets = Uint8Array.from(parseIpv6('ff02::1:ff00:0'));
  octets.set(address.subarray(13), 13);
  return octets;
}

/** RFC 2464 7. */
const multicastMac = (address: Uint8Array): string =>
  `33:33:${[...address.subarray(12)].map((octet) => octet.toString(16).padStart(2, '0')).join(':')}`;

/** Addresses of a mobile node's prefix and network that no mobile node has. */
function strangersOf(node: MobileNode): { neighbour: string; ipv4Neighbour: string } {
  const stranger = parseIpv6(node.ipv6HomeAddress);
  stranger[14] = (stranger[14] as number) ^ 0x40;
  return { neighbour: formatIpv6(stranger, 0), ipv4Neighbour: addressPlus(node.ipv4HomeAddress, 0x4000) };
}

/** RFC 922: the subnet's bits, and ones behind them. */
function broadcastOf(prefix: string): string {
  const { octets, length } = parsePrefix(prefix);
  return formatAddress(
    octets.map((octet, at) => octet | (0xff >> Math.min(Math.max(length - at * 8, 0), 8))),
  );
}

/** Where a mobile node is reached in its position, as far as that is known beforehand. */
export function careOfAddressOf(node: MobileNode, around: Surroundings): string | undefined {
  if (around.foreignAgent !== undefined) return around.foreignAgent.careOfAddress;
  if (around.position === 'without-foreign-agent') return around.visitedNetwork?.careOfAddress;
  if (isRelayed(around.position) || around.role === 'mobile-node') return around.foreignAgents[0]?.address;
  return around.firstCareOfAddress === undefined
    ? undefined
    : addressPlus(around.firstCareOfAddress, node.index * 2);
}

/** The names of a mobile node, without those that have no value here. */
function mobileValues(who: string, node: MobileNode, around: Surroundings): JsonObject {
  const eui64 = eui64Of(node);
  const home = parseIpv6(node.ipv6HomeAddress);
  const values: { [name: string]: JsonObject[string] | undefined } = {
    nai: node.nai,
    homeAddress: node.ipv4HomeAddress,
    ipv6HomeAddress: node.ipv6HomeAddress,
    eui64: formatIpv6(eui64, 0),
    eui64HomeAddress: underPrefix(around.ipv6HomePrefix, eui64),
    ...strangersOf(node),
    solicitedNode: formatIpv6(solicitedNode(home), 0),
    solicitedNodeMac: multicastMac(solicitedNode(home)),
    spi: node.association.spi,
    foreignSpi: node.foreignAssociation?.spi,
    careOfAddress: careOfAddressOf(node, around),
    nextCareOfAddress:
      around.firstCareOfAddress === undefined
        ? around.foreignAgents[1]?.address
        : addressPlus(around.firstCareOfAddress, node.index * 2 + 1),
    udpPort: udpPortOf(node, around.position),
  };
  return named(who, values);
}

/** Names under a prefix, without those that have no value. */
function named(prefix: string, values: { [name: string]: JsonObject[string] | undefined }): JsonObject {
  const out: JsonObject = {};
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) out[`${prefix}.${name}`] = value;
  return out;
}

/** Every name that has a value in this run. */
export function valuesOf(around: Surroundings): JsonObject {
  const { mn, other, homeAgent, correspondentNode, extensionTypes, timers, position } = around;
  const { homeHost, visitedHost, visitedNetwork, foreignAgent, foreignAgents, linkMac } = around;
  const port =
    around.role === 'mobile-node' || around.role === 'scenario' ? 'link' : isRelayed(position) ? 'fa' : 'mn';
  return {
    ...mobileValues('mn', mn, around),
    ...(other === undefined ? {} : mobileValues('other', other, around)),
    ...named('coa', { port, colocated: around.role === 'home-agent' && !isRelayed(position) }),
    ...named('ha', { ...homeAgent }),
    ...named('cn', { ...correspondentNode }),
    ...named('home', {
      ...homeHost,
      ipv4Prefix: around.ipv4HomePrefix,
      ipv4Broadcast: broadcastOf(around.ipv4HomePrefix),
      ipv6Prefix: around.ipv6HomePrefix,
    }),
    ...named('fa', { address: foreignAgents[0]?.address, ...foreignAgent }),
    ...named('plainFa', { ...around.plainForeignAgent }),
    ...named('nextFa', { address: foreignAgents[1]?.address }),
    ...named('visited', { ...visitedHost }),
    ...named('link', { mac: linkMac }),
    ...named('network', {
      ...visitedNetwork,
      ipv6PrefixAddress: visitedNetwork?.ipv6Prefix.replace(/\/.*/, ''),
    }),
    ...named('policy', {
      refusedIpv6Address: around.refusedIpv6Address,
      reverseTunneling: around.reverseTunnelingRequired,
    }),
    ...named('types', { ...extensionTypes }),
    ...named('timers', { ...timers }),
  };
}

/** The addresses, ports and tokens by which a frame is known to concern a run: see frameKeys in the live bench. */
export function identityKeys(around: Surroundings, tokenPrefix: string): string[] {
  const { mn, other, ipv6HomePrefix, firstCareOfAddress } = around;
  const keys: string[] = [`token:${tokenPrefix}`];
  for (const node of other === undefined ? [mn] : [mn, other]) {
    keys.push(
      node.ipv4HomeAddress,
      node.ipv6HomeAddress,
      ...Object.values(strangersOf(node)),
      underPrefix(ipv6HomePrefix, eui64Of(node)),
      `nai:${node.nai}`,
      `id:${udpPortOf(node, around.position)}`,
      `udp:${udpPortOf(node, 'co-located')}`,
      `udp:${udpPortOf(node, 'foreign-agent')}`,
    );
    if (firstCareOfAddress !== undefined)
      keys.push(
        addressPlus(firstCareOfAddress, node.index * 2),
        addressPlus(firstCareOfAddress, node.index * 2 + 1),
      );
  }
  if (around.position === 'home-link') keys.push('advertisement', `arp:${around.homeAgent.address}`);
  if (around.foreignAgent !== undefined) keys.push(`arp:${around.foreignAgent.address}`);
  if (around.position === 'listener' || around.position === 'beside') keys.push('advertisement');
  return keys;
}
