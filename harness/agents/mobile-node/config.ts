import { checkExtensionTypes, type ExtensionTypes, type SecurityAssociation } from '../../wire/index.ts';
import {
  type Ipv4Prefix,
  type Ipv6Key,
  type Ipv6Prefix,
  ipv4Number,
  ipv4Prefix,
  ipv6Key,
  ipv6Plus,
  ipv6Prefix,
} from '../common/addresses.ts';
import {
  type AssociationEntry,
  ConfigurationError,
  createConfigurationCheck,
  field,
  keyPlus,
  optional,
  readConfigurationFile,
  readKey,
} from '../common/configuration.ts';
import { configurationSchema } from './config-schema.ts';

/** What a mobile node knows of its IPv6 home address: the address, or how to ask for one (section 4.6). */
export type Ipv6Home = { address: Ipv6Key } | 'zero' | 'eui64';

/** A care-of address as it is given by hand, or by DHCP. */
export interface CareOfAddress {
  address: number;
  router: number;
}

interface Behaviour {
  extensionTypes: ExtensionTypes;
  ipv6Extensions: boolean;
  /** Whether the home agent has the IPv6 extensions: known beforehand, or learnt from its advertisements (section 2.3). */
  homeAgentSupport: 'yes' | 'no' | 'learn';
  /** With `learn`: attempt the extensions while nothing was heard of the home agent. */
  attemptWhenUnknown: boolean;
  compatibility: 'always' | 'never';
  reverseTunneling: boolean;
  lifetimeSeconds: number;
  solicitation: { count: number; intervalSeconds: number };
  ipv6WaitSeconds: number;
  /** How often the router of a co-located care-of address is asked whether it is still there; 0: never. */
  routerProbeSeconds: number;
  movement: 'eager' | 'lifetime';
}

/** One mobile node, with defaults filled in, addresses parsed and keys read. */
export interface Settings extends Behaviour {
  number: number;
  /** Path of its network namespace; the process's own without it. */
  namespace?: string;
  device: string;
  virtualDevice: string;
  tunnelMtu: number;
  nai?: string;
  homeAddress?: number;
  ipv6Home?: Ipv6Home;
  homePrefix: Ipv4Prefix;
  ipv6HomePrefix?: Ipv6Prefix;
  homeAgent: number;
  homeAgentIpv6?: Ipv6Key;
  association: SecurityAssociation;
  replay: 'timestamps' | 'nonces';
  foreignAgents: Map<number, SecurityAssociation>;
  careOf: 'none' | 'dhcp' | CareOfAddress;
}

type BehaviourEntry = Partial<Behaviour> & {
  careOf?: 'none' | 'dhcp' | { address: string; router: string };
};

interface MobileNodeEntry extends AssociationEntry, BehaviourEntry {
  count?: number;
  firstNumber?: number;
  namespace?: string;
  device: string;
  virtualDevice?: string;
  tunnelMtu?: number;
  nai?: string;
  ipv4HomeAddress?: string;
  ipv6HomeAddress?: string;
  ipv4HomePrefix: string;
  ipv6HomePrefix?: string;
  homeAgent: string;
  homeAgentIpv6?: string;
  replay?: 'timestamps' | 'nonces';
  foreignAgents?: (AssociationEntry & { address: string })[];
}

interface ConfigurationFile extends BehaviourEntry {
  mobileNodes: MobileNodeEntry[];
}

const defaults: Behaviour = {
  extensionTypes: { ipv6HomeAddress: 200, ipv6Compatibility: 201, ipv6Code: 202 },
  ipv6Extensions: true,
  homeAgentSupport: 'learn',
  attemptWhenUnknown: true,
  compatibility: 'always',
  reverseTunneling: false,
  lifetimeSeconds: 300,
  solicitation: { count: 3, intervalSeconds: 1 },
  ipv6WaitSeconds: 1,
  routerProbeSeconds: 2,
  movement: 'eager',
};

/** Read and check a configuration file; `lab` is what `{lab}` stands for. Throws ConfigurationError. */
export function readConfiguration(path: string, lab = '1'): Settings[] {
  return parseConfiguration(readConfigurationFile(path), path, lab);
}

const check = createConfigurationCheck(configurationSchema);

/** Check a configuration value; `path` is used in messages only. Throws ConfigurationError. */
export function parseConfiguration(value: unknown, path: string, lab = '1'): Settings[] {
  check(value, path);
  const { mobileNodes, ...common } = value as ConfigurationFile;
  const nodes: Settings[] = [];
  for (const [index, entry] of mobileNodes.entries()) {
    const first = entry.firstNumber ?? (nodes.at(-1)?.number ?? 0) + 1;
    nodes.push(...expand({ ...common, ...entry }, first, `mobileNodes/${index}`, path, lab));
  }
  checkTogether(nodes, path);
  return nodes;
}

/** The mobile nodes of one entry: numbers, addresses, SPIs and keys count up. */
function expand(entry: MobileNodeEntry, first: number, name: string, path: string, lab: string): Settings[] {
  const at = <T>(member: string, work: () => T): T => field(path, `${name}/${member}`, work);
  const key = at('key', () => readKey(entry.key, path));
  const address = at('ipv4HomeAddress', () => optional(entry.ipv4HomeAddress, ipv4Number));
  const ipv6Home = at('ipv6HomeAddress', () => optional(entry.ipv6HomeAddress, ipv6HomeOf));
  const careOf = at('careOf', () => careOfOf(entry.careOf ?? 'dhcp'));
  const common = {
    ...defaults,
    ...behaviourOf(entry),
    device: entry.device,
    virtualDevice: entry.virtualDevice ?? 'mip0',
    tunnelMtu: entry.tunnelMtu ?? 1400,
    homePrefix: at('ipv4HomePrefix', () => ipv4Prefix(entry.ipv4HomePrefix)),
    ipv6HomePrefix: at('ipv6HomePrefix', () => optional(entry.ipv6HomePrefix, ipv6Prefix)),
    homeAgent: at('homeAgent', () => ipv4Number(entry.homeAgent)),
    homeAgentIpv6: at('homeAgentIpv6', () => optional(entry.homeAgentIpv6, ipv6Key)),
    replay: entry.replay ?? 'timestamps',
    foreignAgents: new Map(
      (entry.foreignAgents ?? []).map((agent, index) => [
        at(`foreignAgents/${index}/address`, () => ipv4Number(agent.address)),
        {
          spi: agent.spi,
          key: at(`foreignAgents/${index}/key`, () => readKey(agent.key, path)),
          algorithm: agent.algorithm ?? 'hmac-md5',
        },
      ]),
    ),
  };
  at('extensionTypes', () => checkExtensionTypes(common.extensionTypes));
  return Array.from({ length: entry.count ?? 1 }, (_, index): Settings => {
    const number = first + index;
    const fill = (text: string) => text.replaceAll('{n}', String(number)).replaceAll('{lab}', lab);
    return {
      ...common,
      number,
      namespace: optional(entry.namespace, fill),
      nai: optional(entry.nai, fill),
      homeAddress: optional(address, (own) => (own + index) >>> 0),
      ipv6Home: typeof ipv6Home === 'object' ? { address: ipv6Plus(ipv6Home.address, index) } : ipv6Home,
      careOf: typeof careOf === 'object' ? { ...careOf, address: (careOf.address + index) >>> 0 } : careOf,
      association: {
        spi: (entry.spi + index) >>> 0,
        key: keyPlus(key, index),
        algorithm: entry.algorithm ?? 'hmac-md5',
      },
    };
  });
}

function behaviourOf(entry: BehaviourEntry): Partial<Behaviour> {
  const names = Object.keys(defaults) as (keyof Behaviour)[];
  return Object.fromEntries(
    names.filter((name) => entry[name] !== undefined).map((name) => [name, entry[name]]),
  );
}

function ipv6HomeOf(text: string): Ipv6Home {
  return text === 'zero' || text === 'eui64' ? text : { address: ipv6Key(text) };
}

function careOfOf(entry: NonNullable<BehaviourEntry['careOf']>): Settings['careOf'] {
  return typeof entry === 'string'
    ? entry
    : {
        address: ipv4Number(entry.address),
        router: ipv4Number(entry.router),
      };
}

function checkTogether(nodes: Settings[], path: string): void {
  const need = (holds: boolean, problem: string) => {
    if (!holds) {
      throw new ConfigurationError(`${path}: ${problem}`);
    }
  };
  for (const node of nodes) {
    const which = `mobile node ${node.number}`;
    need(
      node.nai !== undefined || node.homeAddress !== undefined,
      `${which} has neither nai nor ipv4HomeAddress; add one of them`,
    );
    // Section 6: a NAI goes with every IPv6 home address extension.
    need(
      node.nai !== undefined || node.ipv6Home === undefined,
      `${which} has an ipv6HomeAddress, so it needs a nai; add one`,
    );
  }
  const numbers = nodes.map(({ number }) => number);
  need(new Set(numbers).size === numbers.length, 'two mobile nodes have the same number; change firstNumber');
  const places = nodes.map(({ namespace }) => namespace);
  need(
    new Set(places).size === places.length,
    'two mobile nodes share a network namespace; give each its own, with {n} in its path',
  );
}
