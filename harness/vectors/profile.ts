/** The profile of a device under test: what it is, what it claims (ICS) and what is needed to test it (IXIT). */
import { dirname, resolve } from 'node:path';
import type { AuthenticationAlgorithm } from '../wire/index.ts';
import {
  checkExtensionTypes,
  defaultExtensionTypes,
  type ExtensionTypes,
  type SecurityAssociation,
} from '../wire/index.ts';
import { fault } from './errors.ts';
import { ExpressionError, evaluate, namesOf, parseExpression, type Value } from './expression.ts';
import { expandMobileNodes, type KeySource, type MobileNode, type MobileNodeEntry, readKey } from './pool.ts';
import { readValid } from './schema.ts';
import type { Role } from './types.ts';

/** What the vendor claims; the names `requires` may use. Types and defaults of every entry. */
export const icsDefaults = {
  /** Knows the extensions of the draft at all. */
  ipv6Extensions: true,
  /** Hands out IPv6 home addresses (section 4.6): none, one address, or a subnet. */
  dynamicIpv6HomeAddress: 'none' as 'none' | 'address' | 'subnet',
  /** Assigns an IPv4 home address by the NAI (RFC 2794). */
  dynamicIpv4HomeAddress: false,
  /** Takes reverse tunnels when the request has T (RFC 3024). */
  reverseTunneling: true,
  /** Answers 138 to a request without T. */
  reverseTunnelingRequired: false,
  /** Has a security association with the foreign agent marked so in the IXIT. */
  foreignHomeSecurity: false,
  /** Sends agent advertisements on the home link. */
  advertises: false,
  /** The home network is a link with ARP and neighbour discovery on it, or only routed to the home agent. */
  homeNetwork: 'link' as 'link' | 'routed',
  /** There is an IPv6 address that its policy refuses (IXIT refusedIpv6Address). */
  refusesIpv6Address: false,
  /** Finds the mobile-home association by the NAI. */
  keyByNai: false,
  /** Replay protection is by nonces, not timestamps, for the mobile nodes of the IXIT. */
  nonces: false,
  /** Traverses NATs (RFC 3519). */
  natTraversal: false,
};
export type Ics = typeof icsDefaults;

export interface Timers {
  /** Longest wait for an answer. */
  replySeconds: number;
  /** Window of a silence that no barrier can close. */
  silenceSeconds: number;
  /** Lifetime asked for where a vector waits for expiry. */
  shortLifetimeSeconds: number;
  /** How long after its lifetime a binding may linger. */
  lifetimeToleranceSeconds: number;
  /** Lifetime asked for otherwise. */
  lifetimeSeconds: number;
  /** Longest interval between advertisements. */
  advertisementSeconds: number;
}

export const timerDefaults: Timers = {
  replySeconds: 3,
  silenceSeconds: 3,
  shortLifetimeSeconds: 5,
  lifetimeToleranceSeconds: 2,
  lifetimeSeconds: 300,
  advertisementSeconds: 20,
};

export interface ForeignAgentIdentity {
  address: string;
  association?: SecurityAssociation;
}

export interface HostAddresses {
  address: string;
  ipv6Address: string;
}

export interface PortLink {
  /** Path of the network namespace it is in; left out: the harness's own. */
  namespace?: string;
  device: string;
}

/** How the bench around the device comes to be: the embedded lab with an agent in it, or links that are there. */
export type BenchSettings =
  | { lab: { agent: 'home-agent'; configuration: string } }
  | { ports: { mn: PortLink; fa: PortLink; cn: PortLink; home?: PortLink } };

export interface Profile {
  file: string;
  device: { vendor: string; product: string; version: string };
  role: Role;
  ics: Ics;
  homeAgent: HostAddresses;
  ipv4HomePrefix: string;
  ipv6HomePrefix: string;
  /** First of the co-located care-of addresses on the mobile node's port, and how many there are. */
  careOfAddresses: { first: string; count: number };
  foreignAgents: ForeignAgentIdentity[];
  correspondentNode: HostAddresses;
  /** The harness's host on the home link, where there is one. */
  homeHost?: HostAddresses;
  refusedIpv6Address?: string;
  mobileNodes: MobileNode[];
  extensionTypes: ExtensionTypes;
  timers: Timers;
  bench: BenchSettings;
}

interface ProfileFile {
  device: Profile['device'];
  role: Role;
  ics?: Partial<Ics>;
  ixit: {
    homeAgent: HostAddresses;
    ipv4HomePrefix: string;
    ipv6HomePrefix: string;
    careOfAddresses: { first: string; count: number };
    foreignAgents: { address: string; spi?: number; key?: KeySource; algorithm?: AuthenticationAlgorithm }[];
    correspondentNode: HostAddresses;
    homeHost?: HostAddresses;
    refusedIpv6Address?: string;
    mobileNodes: MobileNodeEntry[];
    extensionTypes?: ExtensionTypes;
    timers?: Partial<Timers>;
  };
  bench: BenchSettings;
}

/** Load and check a profile. Throws DataError that names the file, the field and the mend. */
export function loadProfile(file: string): Profile {
  const data = readValid<ProfileFile>('profile.schema.json', file);
  const types = data.ixit.extensionTypes ?? defaultExtensionTypes;
  try {
    checkExtensionTypes(types);
  } catch (error) {
    throw fault(file, '$.ixit.extensionTypes', (error as Error).message);
  }
  const ics = { ...icsDefaults, ...data.ics };
  const foreignAgents = data.ixit.foreignAgents.map((agent, at): ForeignAgentIdentity => {
    if (agent.key === undefined) return { address: agent.address };
    if (agent.spi === undefined) throw fault(file, `$.ixit.foreignAgents[${at}].spi`, 'a key needs its SPI');
    const key = readKey(agent.key, file, `$.ixit.foreignAgents[${at}].key`);
    return {
      address: agent.address,
      association: { spi: agent.spi, key, algorithm: agent.algorithm ?? 'hmac-md5' },
    };
  });
  if (ics.foreignHomeSecurity && !foreignAgents.some((agent) => agent.association !== undefined)) {
    throw fault(
      file,
      '$.ics.foreignHomeSecurity',
      'is claimed, so one of ixit.foreignAgents needs "spi" and "key"',
    );
  }
  if (ics.refusesIpv6Address && data.ixit.refusedIpv6Address === undefined) {
    throw fault(
      file,
      '$.ics.refusesIpv6Address',
      'is claimed, so ixit.refusedIpv6Address has to name such an address',
    );
  }
  if (ics.homeNetwork === 'link' && data.ixit.homeHost === undefined) {
    throw fault(
      file,
      '$.ixit.homeHost',
      'is needed as the home network is a link (or say "homeNetwork": "routed")',
    );
  }
  const mobileNodes = expandMobileNodes(data.ixit.mobileNodes, file);
  if (mobileNodes.some((node) => (node.replay === 'nonces') !== ics.nonces)) {
    throw fault(file, 'ics.nonces', 'has to agree with "replay" of every one of ixit.mobileNodes');
  }
  const bench = data.bench;
  return {
    file,
    device: data.device,
    role: data.role,
    ics,
    homeAgent: data.ixit.homeAgent,
    ipv4HomePrefix: data.ixit.ipv4HomePrefix,
    ipv6HomePrefix: data.ixit.ipv6HomePrefix,
    careOfAddresses: data.ixit.careOfAddresses,
    foreignAgents,
    correspondentNode: data.ixit.correspondentNode,
    ...(data.ixit.homeHost === undefined ? {} : { homeHost: data.ixit.homeHost }),
    ...(data.ixit.refusedIpv6Address === undefined
      ? {}
      : { refusedIpv6Address: data.ixit.refusedIpv6Address }),
    mobileNodes,
    extensionTypes: types,
    timers: { ...timerDefaults, ...data.ixit.timers },
    bench:
      'lab' in bench
        ? { lab: { ...bench.lab, configuration: resolve(dirname(file), bench.lab.configuration) } }
        : bench,
  };
}

/** Names an ICS expression may use, with their defaults. */
export function icsNames(): string[] {
  return Object.keys(icsDefaults);
}

/** Check an ICS expression. Throws ExpressionError naming what is unknown. */
export function checkIcsExpression(text: string): void {
  for (const name of namesOf(parseExpression(text))) {
    if (!(name in icsDefaults)) {
      throw new ExpressionError(
        `"${text}": the ICS has no entry "${name}" (it has: ${icsNames().join(', ')})`,
      );
    }
  }
}

/** Whether the device claims what an expression asks for. */
export function icsHolds(text: string, ics: Ics): boolean {
  return Boolean(evaluate(parseExpression(text), (name): Value | undefined => ics[name as keyof Ics]));
}
