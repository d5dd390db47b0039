/** The profile of a device under test: what it is, what it claims (ICS) and what is needed to test it (IXIT). */
import { dirname } from 'node:path';
import type { AuthenticationAlgorithm } from '../wire/index.ts';
import {
  addressPlus,
  checkExtensionTypes,
  defaultExtensionTypes,
  type ExtensionTypes,
  inPrefix,
  type SecurityAssociation,
} from '../wire/index.ts';
import { checkBench, withPaths } from './bench-settings.ts';
import { fault } from './errors.ts';
import { type Ics, icsDefaults, icsNames, icsValues } from './ics.ts';
import { expandMobileNodes, type KeySource, type MobileNode, type MobileNodeEntry, readKey } from './pool.ts';
import { readValid } from './schema.ts';
import type { DeviceHookName, DeviceRole, HookName, Role } from './types.ts';

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
  /** How long a foreign agent waits for a home agent's reply before it gives up (RFC 3344 3.7.1, code 78). */
  pendingSeconds: number;
  /** The longest lifetime a foreign agent takes (code 69). */
  maximumLifetimeSeconds: number;
  /** Longest time a mobile node takes to register once it could. */
  registrationSeconds: number;
  /** Longest time for a transfer by TCP. */
  transferSeconds: number;
}

export const timerDefaults: Timers = {
  replySeconds: 3,
  silenceSeconds: 3,
  shortLifetimeSeconds: 5,
  lifetimeToleranceSeconds: 2,
  lifetimeSeconds: 300,
  advertisementSeconds: 20,
  pendingSeconds: 7,
  maximumLifetimeSeconds: 1800,
  registrationSeconds: 10,
  transferSeconds: 10,
};

/** How many registration requests the harness sends in a second. */
export interface RequestRate {
  perMobileNode: number;
  /** Of all mobile nodes together: others use the device as well. */
  overall: number;
}

/** RFC 3344 3.6.3: a mobile node asks at most once a second. */
export const requestRateDefaults: RequestRate = { perMobileNode: 1, overall: 10 };

/** An agent that the harness plays, with what it shares with the device. */
export interface AgentIdentity {
  address: string;
  association?: SecurityAssociation;
}

export interface HostAddresses {
  address: string;
  ipv6Address: string;
}

/** A visited network without a foreign agent, as the harness plays it for a mobile node. */
export interface VisitedNetwork {
  /** Its IPv4 router, with the length of its prefix. */
  router: string;
  prefixLength: number;
  /** What DHCP gives; the next one after a move within it. */
  careOfAddress: string;
  /** Its IPv6 router's link-local address and the prefix it advertises. */
  ipv6Router: string;
  ipv6Prefix: string;
}

/** A device that is ready to be a port. */
export interface PortLink {
  /** Path of the network namespace it is in; left out: the harness's own. */
  namespace?: string;
  device: string;
}

/** A port as the profile names it: a device that is there, or what one is made of; and what it needs. */
export interface PortSettings {
  /** Where the device or the card is. */
  namespace?: string;
  device?: string;
  /** The device is moved whole into a namespace of our own. */
  take?: true;
  /** A card on which a macvlan is made. */
  macvlanOn?: string;
  /** A VLAN on a card; of the port "link" the number of the first, which counts upwards. */
  vlan?: { on: string; id: number };
  /** A device that is there may be changed while the run lasts. */
  configure?: boolean;
  evenIfInUse?: boolean;
  /** Each with the length of its prefix. */
  addresses?: string[];
  gateway?: string[];
  routes?: { to: string; via?: string }[];
  /** On another machine: the command that runs dsmip there. */
  via?: string[];
}

/** A command (an argument list), or a question for the operator; words in braces are filled in. */
export type Hook = string[] | { ask: string };

/** The seats of a scenario, each taken by a reference agent or by a device of somebody else's. */
export const seats = {
  homeAgent: 'home-agent',
  foreignAgent: 'foreign-agent',
  plainForeignAgent: 'foreign-agent',
  mobileNode: 'mobile-node',
} as const satisfies { [seat: string]: DeviceRole };
export type Seat = keyof typeof seats;
export const seatNames = Object.keys(seats) as readonly Seat[];

/** The embedded lab: with one reference agent under test, or with one on every seat. */
export type LabSettings =
  | { agent: DeviceRole; configuration: string }
  | { seats: { [seat in Seat]: string } };

/** Links that are there. */
export interface PortsSettings {
  /** "{n}" in the port "link" is the number of a mobile node under test, from 1 on. Namespaces are paths (in the file also names). */
  ports: { [name: string]: PortSettings };
  hooks?: { [name in HookName | DeviceHookName | 'move']?: Hook };
  /** Of a scenario: the seats on which the harness puts a reference agent. */
  seats?: { [seat in Seat]?: { configuration: string; namespace?: string } };
  /** Of a scenario: namespaces of mobile nodes in which the harness serves TCP echo. */
  echoIn?: string[];
}

/** How the bench around the device comes to be. */
export type BenchSettings = { lab: LabSettings } | PortsSettings;

export interface Device {
  vendor: string;
  product: string;
  version: string;
}

export interface Profile {
  file: string;
  device: Device;
  /** Of a scenario: who sits where. */
  seats?: { [seat in Seat]?: Device };
  role: Role;
  ics: Ics;
  /** The home agent: the device itself, or the first that the harness plays. */
  homeAgent: HostAddresses;
  ipv4HomePrefix: string;
  ipv6HomePrefix: string;
  correspondentNode: HostAddresses;
  mobileNodes: MobileNode[];
  extensionTypes: ExtensionTypes;
  timers: Timers;
  /** Of a home agent's or foreign agent's profile; without it there is no limit, as in the embedded lab. */
  requestsPerSecond?: RequestRate;
  bench: BenchSettings;

  /** Of a home agent's profile: first of the co-located care-of addresses on the mobile node's port, and how many. */
  careOfAddresses?: { first: string; count: number };
  /** Foreign agents that the harness plays for a home agent or a mobile node. */
  foreignAgents: AgentIdentity[];
  /** The harness's host on the home link, where there is one. */
  homeHost?: HostAddresses;
  refusedIpv6Address?: string;

  /** Of a foreign agent's or a scenario's profile: its address on the visited link, and the care-of address it offers. */
  foreignAgent?: { address: string; careOfAddress: string };
  /** Of a scenario: the foreign agent that does nothing for IPv6. */
  plainForeignAgent?: { address: string; careOfAddress: string };
  /** Home agents that the harness plays for a foreign agent. */
  homeAgents: AgentIdentity[];
  /** The harness's own addresses on the visited link. */
  visitedHost?: HostAddresses;

  /** Of a mobile node's or a scenario's profile. */
  visitedNetwork?: VisitedNetwork;
  /** Of a scenario: where a mobile node serves TCP echo. */
  tcpEchoPort: number;
}

const standardEchoPort = 7;

interface AgentEntry {
  address: string;
  spi?: number;
  key?: KeySource;
  algorithm?: AuthenticationAlgorithm;
}

export interface IxitFile {
  homeAgent?: HostAddresses;
  ipv4HomePrefix: string;
  ipv6HomePrefix: string;
  careOfAddresses?: { first: string; count: number };
  foreignAgents?: AgentEntry[];
  correspondentNode: HostAddresses;
  homeHost?: HostAddresses;
  refusedIpv6Address?: string;
  foreignAgent?: { address: string; careOfAddress: string };
  plainForeignAgent?: { address: string; careOfAddress: string };
  tcpEchoPort?: number;
  homeAgents?: AgentEntry[];
  visitedHost?: HostAddresses;
  visitedNetwork?: VisitedNetwork;
  mobileNodes: MobileNodeEntry[];
  extensionTypes?: ExtensionTypes;
  timers?: Partial<Timers>;
  requestsPerSecond?: Partial<RequestRate>;
}

export interface ProfileFile {
  device: Device;
  seats?: { [seat in Seat]?: Device };
  role: Role;
  ics?: { [name: string]: string | boolean };
  ixit: IxitFile;
  bench: BenchSettings;
}

/** What the IXIT of each role has to hold, and may hold, beyond what all have. */
const ixitOf: { readonly [role in Role]: { needed: (keyof IxitFile)[]; allowed: (keyof IxitFile)[] } } = {
  'home-agent': {
    needed: ['homeAgent', 'careOfAddresses', 'foreignAgents'],
    allowed: ['homeHost', 'refusedIpv6Address', 'requestsPerSecond'],
  },
  'foreign-agent': {
    needed: ['foreignAgent', 'homeAgents', 'visitedHost'],
    allowed: ['requestsPerSecond'],
  },
  'mobile-node': { needed: ['homeAgent', 'foreignAgents', 'visitedNetwork'], allowed: [] },
  scenario: {
    needed: ['homeAgent'],
    allowed: ['foreignAgent', 'plainForeignAgent', 'visitedNetwork', 'tcpEchoPort'],
  },
};
const common: readonly (keyof IxitFile)[] = [
  'ipv4HomePrefix',
  'ipv6HomePrefix',
  'correspondentNode',
  'mobileNodes',
  'extensionTypes',
  'timers',
];

function checkIcs(
  ics: { [name: string]: unknown } | undefined,
  role: Role,
  path: string,
  file: string,
): void {
  for (const [name, value] of Object.entries(ics ?? {})) {
    const standard = (icsDefaults[role] as { [name: string]: unknown })[name];
    if (standard === undefined) {
      throw fault(
        file,
        `${path}.${name}`,
        `is no entry of the ICS of a ${role} (it has: ${icsNames(role).join(', ')})`,
      );
    }
    const allowed = icsValues[role]?.[name];
    if (typeof standard !== typeof value || (allowed !== undefined && !allowed.includes(String(value))))
      throw fault(
        file,
        `${path}.${name}`,
        `has to be ${allowed === undefined ? 'true or false' : allowed.map((one) => `"${one}"`).join(' or ')}`,
      );
  }
}

function checkRole(data: ProfileFile, file: string): void {
  const { role, ixit } = data;
  const { needed, allowed } = ixitOf[role];
  for (const name of needed) {
    if (ixit[name] === undefined)
      throw fault(file, `$.ixit.${name}`, `is needed, as the role is ${role}: add it`);
  }
  for (const name of Object.keys(ixit) as (keyof IxitFile)[]) {
    if (!common.includes(name) && !needed.includes(name) && !allowed.includes(name)) {
      throw fault(file, `$.ixit.${name}`, `has no meaning where the role is ${role}: take it away`);
    }
  }
  checkIcs(data.ics, role, '$.ics', file);
  for (const [at, node] of ixit.mobileNodes.entries()) {
    const path = `$.ixit.mobileNodes[${at}].ics`;
    if (node.ics !== undefined && role !== 'mobile-node')
      throw fault(file, path, 'has a meaning only where mobile nodes are under test: take it away');
    checkIcs(node.ics, role, path, file);
  }
  if (data.seats !== undefined && role !== 'scenario')
    throw fault(file, '$.seats', 'has a meaning only where the role is scenario: take it away');
  checkBench(data, file);
}

/** Load and check a profile. Throws DataError that names the file, the field and the mend. */
export function loadProfile(file: string): Profile {
  const data = readValid<ProfileFile>('profile.schema.json', file);
  const { role, ixit } = data;
  checkRole(data, file);
  const types = ixit.extensionTypes ?? defaultExtensionTypes;
  try {
    checkExtensionTypes(types);
  } catch (error) {
    throw fault(file, '$.ixit.extensionTypes', (error as Error).message);
  }
  const ics = { ...icsDefaults[role], ...data.ics } as Ics;
  const agents = (name: 'foreignAgents' | 'homeAgents'): AgentIdentity[] =>
    (ixit[name] ?? []).map((agent, at) => readAgent(agent, file, `$.ixit.${name}[${at}]`));
  const foreignAgents = agents('foreignAgents');
  const homeAgents = agents('homeAgents');
  checkNetworks(ixit, file);
  const mobileNodes = expandMobileNodes(ixit.mobileNodes, file);
  checkClaims({ role, ixit, file }, ics, [...foreignAgents, ...homeAgents], mobileNodes);
  const bench = data.bench;
  return {
    file,
    device: data.device,
    ...(data.seats === undefined ? {} : { seats: data.seats }),
    role,
    ics,
    homeAgent: ixit.homeAgent ?? { address: homeAgents[0]?.address ?? '', ipv6Address: '::' },
    ipv4HomePrefix: ixit.ipv4HomePrefix,
    ipv6HomePrefix: ixit.ipv6HomePrefix,
    correspondentNode: ixit.correspondentNode,
    mobileNodes,
    extensionTypes: types,
    timers: { ...timerDefaults, ...ixit.timers },
    ...requestRateOf(data),
    bench: withPaths(bench, dirname(file)),
    tcpEchoPort: ixit.tcpEchoPort ?? standardEchoPort,
    foreignAgents,
    homeAgents,
    ...pick(ixit, [
      'careOfAddresses',
      'homeHost',
      'refusedIpv6Address',
      'foreignAgent',
      'plainForeignAgent',
      'visitedHost',
      'visitedNetwork',
    ]),
  };
}

/** On links that are there the device is asked no more often than it may expect; the embedded lab's bears what comes. */
function requestRateOf({ role, ixit, bench }: ProfileFile): Pick<Profile, 'requestsPerSecond'> {
  const isAsked = role === 'home-agent' || role === 'foreign-agent';
  if (!isAsked || ('lab' in bench && ixit.requestsPerSecond === undefined)) return {};
  return { requestsPerSecond: { ...requestRateDefaults, ...ixit.requestsPerSecond } };
}

/** The fields of these names that are there. */
function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
  return Object.fromEntries(
    names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]])),
  ) as unknown as Pick<T, K>;
}

function readAgent(agent: AgentEntry, file: string, path: string): AgentIdentity {
  if (agent.key === undefined) return { address: agent.address };
  if (agent.spi === undefined) throw fault(file, `${path}.spi`, 'a key needs its SPI');
  const key = readKey(agent.key, file, `${path}.key`);
  return {
    address: agent.address,
    association: { spi: agent.spi, key, algorithm: agent.algorithm ?? 'hmac-md5' },
  };
}

/** Addresses lie in the networks they are said to be of. */
function checkNetworks(ixit: IxitFile, file: string): void {
  const inside = (address: string, prefix: string, place: string, of: string): void => {
    if (!inPrefix(address, prefix))
      throw fault(file, `$.ixit.${place}`, `${address} is outside of ${of}, ${prefix}: mend one of them`);
  };
  for (const [at, { count = 1, ...entry }] of ixit.mobileNodes.entries())
    for (const version of ['ipv4', 'ipv6'] as const) {
      const first = entry[`${version}HomeAddress`];
      const name = `${version}HomePrefix` as const;
      const place = `mobileNodes[${at}].${version}HomeAddress`;
      inside(first, ixit[name], place, `ixit.${name}`);
      // They count up, so that those between lie within as well.
      if (count > 1)
        inside(addressPlus(first, count - 1), ixit[name], `${place} (the last of ${count})`, `ixit.${name}`);
    }
  const { careOfAddresses, homeAgent, homeHost, correspondentNode } = ixit;
  if (homeHost !== undefined && homeHost.address === homeAgent?.address)
    throw fault(
      file,
      '$.ixit.homeHost.address',
      'is the address of the home agent: name another of the home network',
    );
  if (careOfAddresses !== undefined) {
    const inRange = Array.from({ length: careOfAddresses.count }, (_, n) =>
      addressPlus(careOfAddresses.first, n),
    );
    const taken: [string, string | undefined][] = [
      ['ixit.homeAgent', homeAgent?.address],
      ['ixit.correspondentNode', correspondentNode.address],
      ...(ixit.foreignAgents ?? []).map(({ address }, at): [string, string] => [
        `ixit.foreignAgents[${at}]`,
        address,
      ]),
    ];
    for (const [whose, address] of taken)
      if (address !== undefined && inRange.includes(address))
        throw fault(
          file,
          '$.ixit.careOfAddresses',
          `${careOfAddresses.count} from ${careOfAddresses.first} on hold ${address}, the address of ${whose}: take others`,
        );
  }
  const { visitedNetwork } = ixit;
  if (visitedNetwork !== undefined)
    inside(
      visitedNetwork.careOfAddress,
      `${visitedNetwork.router}/${visitedNetwork.prefixLength}`,
      'visitedNetwork.careOfAddress',
      'the network of visitedNetwork.router',
    );
}

/** What is claimed needs what is needed to test it. */
function checkClaims(
  { role, ixit, file }: { role: Role; ixit: IxitFile; file: string },
  ics: Ics,
  agents: readonly AgentIdentity[],
  mobileNodes: readonly MobileNode[],
): void {
  const claim = (holds: unknown, entry: string, problem: string): void => {
    if (holds) throw fault(file, `$.${entry}`, problem);
  };
  const list = role === 'home-agent' ? 'foreignAgents' : 'homeAgents';
  claim(
    ics.foreignHomeSecurity === true && agents.every((agent) => agent.association === undefined),
    'ics.foreignHomeSecurity',
    `is claimed, so one of ixit.${list} needs "spi" and "key"`,
  );
  claim(
    ics.refusesIpv6Address === true && ixit.refusedIpv6Address === undefined,
    'ics.refusesIpv6Address',
    'is claimed, so ixit.refusedIpv6Address has to name such an address',
  );
  claim(
    role === 'home-agent' && ics.homeNetwork === 'link' && ixit.homeHost === undefined,
    'ixit.homeHost',
    'is needed as the home network is a link (or say "homeNetwork": "routed")',
  );
  claim(
    role === 'mobile-node' &&
      mobileNodes.some(
        (node) =>
          (node.ics?.mobileForeignSecurity ?? ics.mobileForeignSecurity) !==
          (node.foreignAssociation !== undefined),
      ),
    'ics.mobileForeignSecurity',
    'has to agree with "foreignAgent" of every one of ixit.mobileNodes',
  );
  const ofClaims = {
    foreignAgent: 'foreignAgent',
    plainForeignAgent: 'plainForeignAgent',
    colocated: 'visitedNetwork',
  } as const;
  for (const [name, needed] of Object.entries(ofClaims))
    claim(
      role === 'scenario' && ics[name] === true && ixit[needed] === undefined,
      `ics.${name}`,
      `is claimed, so there has to be ixit.${needed}`,
    );
  claim(
    mobileNodes.some((node) => (node.replay === 'nonces') !== (node.ics?.nonces ?? ics.nonces)),
    'ics.nonces',
    'has to agree with "replay" of every one of ixit.mobileNodes',
  );
}
