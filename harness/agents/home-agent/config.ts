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
  type AdvertisementSettings,
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

export interface MobileNodeSettings {
  nai?: string;
  homeAddress?: number;
  ipv6HomeAddress?: Ipv6Key;
  association: SecurityAssociation;
  replay: 'timestamps' | 'nonces';
}

/** The configuration file with defaults filled in, addresses parsed, keys read and entries expanded. */
export interface Settings {
  homeAgent: number;
  ipv6Address?: Ipv6Key;
  homeLink: { device: string; ipv4Prefix: Ipv4Prefix; ipv6Prefix?: Ipv6Prefix };
  devices: string[];
  extensionTypes: ExtensionTypes;
  ipv6Extensions: boolean;
  maximumLifetimeSeconds: number;
  maximumBindings: number;
  reverseTunneling: 'accepted' | 'refused' | 'required';
  minimalEncapsulation: boolean;
  greEncapsulation: boolean;
  dynamicIpv6: 'none' | 'address' | 'subnet';
  dynamicIpv6Pool?: Ipv6Prefix;
  dynamicIpv4Pool?: { first: number; count: number };
  refusedIpv6Addresses: Set<Ipv6Key>;
  natTraversal: boolean;
  advertisements: AdvertisementSettings | null;
  timestampToleranceSeconds: number;
  mobileNodes: MobileNodeSettings[];
  foreignAgents: Map<number, SecurityAssociation>;
}

interface MobileNodeEntry extends AssociationEntry {
  count?: number;
  nai?: string;
  ipv4HomeAddress?: string;
  ipv6HomeAddress?: string;
  replay?: 'timestamps' | 'nonces';
}

interface ForeignAgentEntry extends AssociationEntry {
  address: string;
}

interface ConfigurationFile {
  homeAgent: string;
  ipv6Address?: string;
  homeLink: { device: string; ipv4Prefix: string; ipv6Prefix?: string };
  devices?: string[];
  extensionTypes?: ExtensionTypes;
  ipv6Extensions?: boolean;
  maximumLifetimeSeconds?: number;
  maximumBindingsPerMobileNode?: number;
  reverseTunneling?: 'accepted' | 'refused' | 'required';
  minimalEncapsulation?: boolean;
  greEncapsulation?: boolean;
  dynamicIpv6?: 'none' | 'address' | 'subnet';
  dynamicIpv6Pool?: string;
  dynamicIpv4Pool?: { first: string; count: number };
  refusedIpv6Addresses?: string[];
  natTraversal?: boolean;
  advertisements?: AdvertisementSettings | null;
  timestampToleranceSeconds?: number;
  mobileNodes: MobileNodeEntry[];
  foreignAgents?: ForeignAgentEntry[];
}

/** Read and check a configuration file. Throws ConfigurationError. */
export function readConfiguration(path: string): Settings {
  return parseConfiguration(readConfigurationFile(path), path);
}

const check = createConfigurationCheck(configurationSchema);

/** Check a configuration value; `path` is used in messages only. Throws ConfigurationError. */
export function parseConfiguration(value: unknown, path: string): Settings {
  check(value, path);
  return resolve(value as ConfigurationFile, path);
}

function resolve(file: ConfigurationFile, path: string): Settings {
  const types = file.extensionTypes ?? { ipv6HomeAddress: 200, ipv6Compatibility: 201, ipv6Code: 202 };
  field(path, 'extensionTypes', () => checkExtensionTypes(types));
  const settings: Settings = {
    homeAgent: field(path, 'homeAgent', () => ipv4Number(file.homeAgent)),
    ipv6Address: field(path, 'ipv6Address', () => optional(file.ipv6Address, ipv6Key)),
    homeLink: {
      device: file.homeLink.device,
      ipv4Prefix: field(path, 'homeLink/ipv4Prefix', () => ipv4Prefix(file.homeLink.ipv4Prefix)),
      ipv6Prefix: field(path, 'homeLink/ipv6Prefix', () => optional(file.homeLink.ipv6Prefix, ipv6Prefix)),
    },
    devices: file.devices ?? [],
    extensionTypes: types,
    ipv6Extensions: file.ipv6Extensions ?? true,
    maximumLifetimeSeconds: file.maximumLifetimeSeconds ?? 600,
    maximumBindings: file.maximumBindingsPerMobileNode ?? 1,
    reverseTunneling: file.reverseTunneling ?? 'accepted',
    minimalEncapsulation: file.minimalEncapsulation ?? false,
    greEncapsulation: file.greEncapsulation ?? false,
    dynamicIpv6: file.dynamicIpv6 ?? 'none',
    dynamicIpv6Pool: field(path, 'dynamicIpv6Pool', () => optional(file.dynamicIpv6Pool, ipv6Prefix)),
    dynamicIpv4Pool: field(path, 'dynamicIpv4Pool/first', () =>
      optional(file.dynamicIpv4Pool, (pool) => ({ first: ipv4Number(pool.first), count: pool.count })),
    ),
    refusedIpv6Addresses: new Set(
      (file.refusedIpv6Addresses ?? []).map((text, index) =>
        field(path, `refusedIpv6Addresses/${index}`, () => ipv6Key(text)),
      ),
    ),
    natTraversal: file.natTraversal ?? false,
    advertisements: file.advertisements ?? null,
    timestampToleranceSeconds: file.timestampToleranceSeconds ?? 7,
    mobileNodes: file.mobileNodes.flatMap((entry, index) => expand(entry, `mobileNodes/${index}`, path)),
    foreignAgents: new Map(
      (file.foreignAgents ?? []).map((entry, index) => [
        field(path, `foreignAgents/${index}/address`, () => ipv4Number(entry.address)),
        {
          spi: entry.spi,
          key: field(path, `foreignAgents/${index}/key`, () => readKey(entry.key, path)),
          algorithm: entry.algorithm ?? 'hmac-md5',
        },
      ]),
    ),
  };
  checkTogether(settings, path);
  return settings;
}

function checkTogether(settings: Settings, path: string): void {
  const need = (holds: boolean, problem: string) => {
    if (!holds) {
      throw new ConfigurationError(`${path}: ${problem}`);
    }
  };
  need(
    !settings.ipv6Extensions ||
      (settings.ipv6Address !== undefined && settings.homeLink.ipv6Prefix !== undefined),
    '/ipv6Extensions is true, so /ipv6Address and /homeLink/ipv6Prefix are needed; add them or set it to false',
  );
  need(
    settings.dynamicIpv6 === 'none' || settings.dynamicIpv6Pool !== undefined,
    `/dynamicIpv6 is "${settings.dynamicIpv6}", so /dynamicIpv6Pool is needed; add a prefix`,
  );
  need(
    settings.dynamicIpv6 !== 'subnet' || (settings.dynamicIpv6Pool?.length ?? 0) < 64,
    '/dynamicIpv6Pool must be shorter than /64 so that subnets of /64 can be taken from it; widen it',
  );
  const names = settings.mobileNodes.flatMap((mobile) => mobile.nai ?? []);
  need(new Set(names).size === names.length, '/mobileNodes name the same NAI twice; make them differ');
  const addresses = settings.mobileNodes.flatMap((mobile) => mobile.homeAddress ?? []);
  need(
    new Set(addresses).size === addresses.length,
    '/mobileNodes have the same ipv4HomeAddress twice; make them differ',
  );
}

function expand(entry: MobileNodeEntry, name: string, path: string): MobileNodeSettings[] {
  const key = field(path, `${name}/key`, () => readKey(entry.key, path));
  const address = field(path, `${name}/ipv4HomeAddress`, () => optional(entry.ipv4HomeAddress, ipv4Number));
  const ipv6Address = field(path, `${name}/ipv6HomeAddress`, () => optional(entry.ipv6HomeAddress, ipv6Key));
  if (entry.nai === undefined && address === undefined) {
    throw new ConfigurationError(`${path}: /${name} has neither nai nor ipv4HomeAddress; add one of them`);
  }
  return Array.from({ length: entry.count ?? 1 }, (_, index) => ({
    nai: entry.nai?.replaceAll('{n}', String(index + 1)),
    homeAddress: optional(address, (first) => (first + index) >>> 0),
    ipv6HomeAddress: optional(ipv6Address, (first) => ipv6Plus(first, index)),
    association: {
      spi: (entry.spi + index) >>> 0,
      key: keyPlus(key, index),
      algorithm: entry.algorithm ?? 'hmac-md5',
    },
    replay: entry.replay ?? 'timestamps',
  }));
}
