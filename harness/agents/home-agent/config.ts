import { readFileSync } from 'node:fs';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import {
  type AuthenticationAlgorithm,
  checkExtensionTypes,
  type ExtensionTypes,
  fromHex,
  type SecurityAssociation,
} from '../../wire/index.ts';
import {
  type Ipv4Prefix,
  type Ipv6Key,
  type Ipv6Prefix,
  ipv4Number,
  ipv4Prefix,
  ipv6Key,
  ipv6Plus,
  ipv6Prefix,
} from './addresses.ts';
import { configurationSchema } from './config-schema.ts';

/** A configuration that cannot be used: the message names the file, the field and the mend. */
export class ConfigurationError extends Error {
  readonly code = 'ERR_AGENT_CONFIGURATION';
}

/** A key as written in the file: given, in a file, or in the environment; always hex digits. */
export type KeySource = { hex: string } | { file: string } | { env: string };

export interface MobileNodeSettings {
  nai?: string;
  homeAddress?: number;
  ipv6HomeAddress?: Ipv6Key;
  association: SecurityAssociation;
  replay: 'timestamps' | 'nonces';
}

export interface AdvertisementSettings {
  intervalSeconds: number;
  lifetimeSeconds: number;
  registrationLifetimeSeconds: number;
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

interface MobileNodeEntry {
  count?: number;
  nai?: string;
  ipv4HomeAddress?: string;
  ipv6HomeAddress?: string;
  spi: number;
  key: KeySource;
  algorithm?: AuthenticationAlgorithm;
  replay?: 'timestamps' | 'nonces';
}

interface ForeignAgentEntry {
  address: string;
  spi: number;
  key: KeySource;
  algorithm?: AuthenticationAlgorithm;
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
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigurationError(
      `${path}: cannot be read (${message(error)}); give --config a readable file`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError(`${path}: is not JSON (${message(error)}); mend the syntax`);
  }
  return parseConfiguration(value, path);
}

let validate: ValidateFunction | undefined;

/** Check a configuration value; `path` is used in messages only. Throws ConfigurationError. */
export function parseConfiguration(value: unknown, path: string): Settings {
  validate ??= new Ajv2020({ allErrors: true, strict: true, verbose: true }).compile(configurationSchema);
  if (!validate(value)) {
    throw new ConfigurationError((validate.errors ?? []).map((error) => explain(path, error)).join('\n'));
  }
  return resolve(value as unknown as ConfigurationFile, path);
}

function explain(path: string, error: ErrorObject): string {
  const field = error.instancePath === '' ? 'the configuration' : error.instancePath;
  if (error.keyword === 'additionalProperties') {
    const name = String(error.params.additionalProperty);
    const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {});
    return `${path}: ${field} has an unknown field "${name}"; remove it or use one of ${known.join(', ')}`;
  }
  if (error.keyword === 'required') {
    return `${path}: ${field} lacks the field "${String(error.params.missingProperty)}"; add it`;
  }
  const allowed = error.keyword === 'enum' ? `: ${(error.params.allowedValues as unknown[]).join(', ')}` : '';
  return `${path}: ${field} ${error.message ?? 'is wrong'}${allowed}; change it`;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs `work`, naming the field in what it throws. */
function field<T>(path: string, name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new ConfigurationError(`${path}: /${name}: ${message(error)}; change it`);
  }
}

function optional<T, R>(value: T | undefined, work: (value: T) => R): R | undefined {
  return value === undefined ? undefined : work(value);
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
          key: field(path, `foreignAgents/${index}/key`, () => readKey(entry.key)),
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
  const key = field(path, `${name}/key`, () => readKey(entry.key));
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

/** The key as a big-endian integer, `count` upwards, of the same length. */
function keyPlus(key: Uint8Array, count: number): Uint8Array {
  const octets = Uint8Array.from(key);
  let carry = count;
  for (let index = octets.length - 1; index >= 0 && carry > 0; index--) {
    const sum = (octets[index] ?? 0) + carry;
    octets[index] = sum & 255;
    carry = Math.floor(sum / 256);
  }
  return octets;
}

function readKey(source: KeySource): Uint8Array {
  const { text, place } =
    'hex' in source
      ? { text: source.hex, place: 'the key' }
      : 'file' in source
        ? { text: readFileSync(source.file, 'utf8').trim(), place: `the key file ${source.file}` }
        : { text: process.env[source.env] ?? '', place: `the environment variable ${source.env}` };
  if (!/^([0-9a-fA-F]{2})+$/.test(text)) {
    throw new Error(`${place} must hold an even number of hex digits`);
  }
  return fromHex(text.toLowerCase());
}
