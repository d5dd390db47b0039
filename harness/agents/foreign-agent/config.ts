import { checkExtensionTypes, type ExtensionTypes, type SecurityAssociation } from '../../wire/index.ts';
import { type Ipv4Prefix, type Ipv6Key, ipv4Number, ipv4Prefix, ipv6Key } from '../common/addresses.ts';
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
import { type Ipv6Choice, naiPattern, type Policy, type PolicyRule } from './policies.ts';

/** The configuration file with defaults filled in, addresses parsed, keys read and entries expanded. */
export interface Settings {
  visitedLink: { device: string; address: number; prefix: Ipv4Prefix };
  /** Upstream devices. */
  devices: string[];
  careOfAddresses: number[];
  /** Source of relayed requests. */
  upstreamAddress: number;
  /** Source of ICMPv6 errors; without it none are sent. */
  ipv6Address?: Ipv6Key;
  extensionTypes: ExtensionTypes;
  ipv6Extensions: boolean;
  defaultPolicy: Policy;
  policies: PolicyRule[];
  maximumLifetimeSeconds: number;
  reverseTunneling: 'accepted' | 'refused' | 'required';
  encapsulatingDeliveryStyle: boolean;
  registrationRequired: boolean;
  challenges: boolean;
  advertisements: AdvertisementSettings | null;
  pendingTimeoutSeconds: number;
  /** At most one denial in this time goes to the same mobile node (RFC 3344 3.7.2). */
  denialIntervalSeconds: number;
  maximumVisitors: number;
  maximumPending: number;
  homeAgents: Map<number, SecurityAssociation>;
  /** Mobile-foreign associations, by the NAI and by the home address of the mobile node. */
  mobileNodes: { byNai: Map<string, SecurityAssociation>; byHomeAddress: Map<number, SecurityAssociation> };
}

interface PolicyEntry {
  nai?: string;
  count?: number;
  firstNumber?: number;
  homeAddress?: string;
  ipv6?: Ipv6Choice;
  ipv6Code?: 64 | 65;
  refused?: boolean;
}

interface MobileNodeEntry extends AssociationEntry {
  count?: number;
  firstNumber?: number;
  nai?: string;
  ipv4HomeAddress?: string;
}

interface ConfigurationFile {
  visitedLink: { device: string; address: string; prefixLength: number };
  devices: string[];
  careOfAddresses: string[];
  upstreamAddress?: string;
  ipv6Address?: string;
  extensionTypes?: ExtensionTypes;
  ipv6Extensions?: boolean;
  ipv6?: Ipv6Choice;
  policies?: PolicyEntry[];
  maximumLifetimeSeconds?: number;
  reverseTunneling?: 'accepted' | 'refused' | 'required';
  encapsulatingDeliveryStyle?: boolean;
  registrationRequired?: boolean;
  challenges?: boolean;
  advertisements?: AdvertisementSettings | null;
  pendingTimeoutSeconds?: number;
  denialIntervalSeconds?: number;
  maximumVisitors?: number;
  maximumPending?: number;
  homeAgents?: (AssociationEntry & { address: string })[];
  mobileNodes?: MobileNodeEntry[];
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
  const { device, address, prefixLength } = file.visitedLink;
  const careOfAddresses = file.careOfAddresses.map((text, index) =>
    field(path, `careOfAddresses/${index}`, () => ipv4Number(text)),
  );
  const upstream = field(path, 'upstreamAddress', () => optional(file.upstreamAddress, ipv4Number));
  const settings: Settings = {
    visitedLink: {
      device,
      address: field(path, 'visitedLink/address', () => ipv4Number(address)),
      prefix: field(path, 'visitedLink/prefixLength', () => ipv4Prefix(`${address}/${prefixLength}`)),
    },
    devices: file.devices,
    careOfAddresses,
    upstreamAddress: upstream ?? careOfAddresses[0] ?? 0,
    ipv6Address: field(path, 'ipv6Address', () => optional(file.ipv6Address, ipv6Key)),
    extensionTypes: types,
    ipv6Extensions: file.ipv6Extensions ?? true,
    defaultPolicy: { ipv6: file.ipv6 ?? 'deliver', refused: false },
    policies: (file.policies ?? []).map((entry, index) => ruleOf(entry, `policies/${index}`, file, path)),
    maximumLifetimeSeconds: file.maximumLifetimeSeconds ?? 600,
    reverseTunneling: file.reverseTunneling ?? 'accepted',
    encapsulatingDeliveryStyle: file.encapsulatingDeliveryStyle ?? true,
    registrationRequired: file.registrationRequired ?? false,
    challenges: file.challenges ?? false,
    advertisements: file.advertisements ?? null,
    pendingTimeoutSeconds: file.pendingTimeoutSeconds ?? 7,
    denialIntervalSeconds: file.denialIntervalSeconds ?? 1,
    maximumVisitors: file.maximumVisitors ?? 1024,
    maximumPending: file.maximumPending ?? 256,
    homeAgents: new Map(
      (file.homeAgents ?? []).map((entry, index) => [
        field(path, `homeAgents/${index}/address`, () => ipv4Number(entry.address)),
        associationOf(entry, `homeAgents/${index}`, path, 0),
      ]),
    ),
    mobileNodes: { byNai: new Map(), byHomeAddress: new Map() },
  };
  for (const [index, entry] of (file.mobileNodes ?? []).entries()) {
    addMobileNodes(settings, entry, `mobileNodes/${index}`, path);
  }
  checkTogether(settings, file, path);
  return settings;
}

function ruleOf(entry: PolicyEntry, name: string, file: ConfigurationFile, path: string): PolicyRule {
  if (entry.nai === undefined && entry.homeAddress === undefined) {
    throw new ConfigurationError(`${path}: /${name} has neither nai nor homeAddress; add one of them`);
  }
  const first = entry.firstNumber ?? 1;
  const last = first + (entry.count ?? Number.POSITIVE_INFINITY) - 1;
  const ipv6 = entry.ipv6 ?? file.ipv6 ?? 'deliver';
  if (entry.ipv6Code !== undefined && ipv6 !== 'ignore') {
    throw new ConfigurationError(
      `${path}: /${name} has an ipv6Code but its ipv6 is "${ipv6}"; remove the code or set ipv6 to "ignore"`,
    );
  }
  return {
    nai: field(path, `${name}/nai`, () => optional(entry.nai, (text) => naiPattern(text, first, last))),
    homeAddress: field(path, `${name}/homeAddress`, () => optional(entry.homeAddress, ipv4Prefix)),
    ipv6,
    ipv6Code: entry.ipv6Code,
    refused: entry.refused ?? false,
  };
}

/** The association of the `index`th mobile node of an entry: SPI and key are counted up. */
function associationOf(
  entry: AssociationEntry,
  name: string,
  path: string,
  index: number,
  key = field(path, `${name}/key`, () => readKey(entry.key, path)),
): SecurityAssociation {
  return {
    spi: (entry.spi + index) >>> 0,
    key: keyPlus(key, index),
    algorithm: entry.algorithm ?? 'hmac-md5',
  };
}

function addMobileNodes(settings: Settings, entry: MobileNodeEntry, name: string, path: string): void {
  const { byNai, byHomeAddress } = settings.mobileNodes;
  const key = field(path, `${name}/key`, () => readKey(entry.key, path));
  const address = field(path, `${name}/ipv4HomeAddress`, () => optional(entry.ipv4HomeAddress, ipv4Number));
  if (entry.nai === undefined && address === undefined) {
    throw new ConfigurationError(`${path}: /${name} has neither nai nor ipv4HomeAddress; add one of them`);
  }
  for (let index = 0; index < (entry.count ?? 1); index++) {
    const association = associationOf(entry, name, path, index, key);
    const nai = entry.nai?.replaceAll('{n}', String((entry.firstNumber ?? 1) + index));
    const homeAddress = optional(address, (first) => (first + index) >>> 0);
    if (
      (nai !== undefined && byNai.has(nai)) ||
      (homeAddress !== undefined && byHomeAddress.has(homeAddress))
    ) {
      throw new ConfigurationError(
        `${path}: /${name} names a NAI or a home address that was named before; make them differ`,
      );
    }
    if (nai !== undefined) {
      byNai.set(nai, association);
    }
    if (homeAddress !== undefined) {
      byHomeAddress.set(homeAddress, association);
    }
  }
}

function checkTogether(settings: Settings, file: ConfigurationFile, path: string): void {
  const need = (holds: boolean, problem: string) => {
    if (!holds) {
      throw new ConfigurationError(`${path}: ${problem}`);
    }
  };
  need(
    !settings.devices.includes(settings.visitedLink.device),
    '/devices names the device of /visitedLink; name the upstream devices alone',
  );
  need(
    settings.homeAgents.size === (file.homeAgents ?? []).length,
    '/homeAgents name the same address twice; make them differ',
  );
  // RFC 3344 2.1.1: what is advertised is the longest lifetime that is accepted.
  const advertised = settings.advertisements?.registrationLifetimeSeconds ?? settings.maximumLifetimeSeconds;
  need(
    advertised === settings.maximumLifetimeSeconds,
    '/advertisements/registrationLifetimeSeconds is not /maximumLifetimeSeconds; make them equal',
  );
}
