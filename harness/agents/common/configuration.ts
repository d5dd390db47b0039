/** What the configuration files of all agents have in common: reading, checking, keys, and errors that name the mend. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { type AuthenticationAlgorithm, fromHex } from '../../wire/index.ts';

/** A configuration that cannot be used: the message names the file, the field and the mend. */
export class ConfigurationError extends Error {
  readonly code = 'ERR_AGENT_CONFIGURATION';
}

/** A key as written in the file: given, in a file, or in the environment; always hex digits. */
export type KeySource = { hex: string } | { file: string } | { env: string };

/** A security association as written in the file. */
export interface AssociationEntry {
  spi: number;
  key: KeySource;
  algorithm?: AuthenticationAlgorithm;
}

/** How an agent advertises itself (RFC 3344 2.1). */
export interface AdvertisementSettings {
  intervalSeconds: number;
  lifetimeSeconds: number;
  registrationLifetimeSeconds: number;
  /** The agent is the IPv6 router of the link as well, and says so with every advertisement. */
  ipv6Router?: boolean;
}

/** Read a configuration file as JSON. Throws ConfigurationError. */
export function readConfigurationFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigurationError(
      `${path}: cannot be read (${message(error)}); give --config a readable file`,
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    // Without the text around the place that JSON.parse quotes: it may be that of a key.
    const problem = message(error).replace(/, (\.\.\.)?".*$/s, '');
    throw new ConfigurationError(`${path}: is not JSON (${problem}); mend the syntax`);
  }
}

/** A check of configuration values against a closed JSON Schema; `path` is used in messages only. */
export function createConfigurationCheck(schema: object): (value: unknown, path: string) => void {
  let validate: ValidateFunction | undefined;
  return (value, path) => {
    validate ??= new Ajv2020({ allErrors: true, strict: true, verbose: true }).compile(schema);
    if (!validate(value)) {
      const problems = new Set((validate.errors ?? []).map((error) => explain(path, error)));
      throw new ConfigurationError([...problems].join('\n'));
    }
  };
}

function explain(path: string, error: ErrorObject): string {
  // Nothing of what a key holds is shown, and the errors of its three forms are one.
  const key = /^.*?\/key(?=\/|$)/.exec(error.instancePath)?.[0];
  if (key !== undefined) return `${path}: ${key} must be ${keyForms}; change it`;
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

const keyForms =
  '{"hex": "..."} with an even number of hex digits, {"file": "..."} or {"env": "..."}, and nothing besides';

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Runs `work`, naming the field in what it throws. */
export function field<T>(path: string, name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new ConfigurationError(`${path}: /${name}: ${message(error)}; change it`);
  }
}

/** `work` of a value that may be left out. */
export function optional<T, R>(value: T | undefined, work: (value: T) => R): R | undefined {
  return value === undefined ? undefined : work(value);
}

/** The key as a big-endian integer, `count` upwards, of the same length. */
export function keyPlus(key: Uint8Array, count: number): Uint8Array {
  const octets = Uint8Array.from(key);
  let carry = count;
  for (let index = octets.length - 1; index >= 0 && carry > 0; index--) {
    const sum = (octets[index] ?? 0) + carry;
    octets[index] = sum & 255;
    carry = Math.floor(sum / 256);
  }
  return octets;
}

/** The octets of a key; the file it is in is named from the folder of the configuration on. Throws an Error that does not show it. */
export function readKey(source: KeySource, configuration: string): Uint8Array {
  const { text, place } =
    'hex' in source
      ? { text: source.hex, place: 'the key' }
      : 'file' in source
        ? { text: readKeyFile(resolve(dirname(configuration), source.file)), place: 'the key file' }
        : { text: process.env[source.env] ?? '', place: 'the environment variable' };
  if (!/^([0-9a-fA-F]{2})+$/.test(text)) {
    throw new Error(`${place} must hold an even number of hex digits`);
  }
  return fromHex(text.toLowerCase());
}

/** What stands in a key file. The error does not name it, for a key may have been written in its place. */
function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(`the key file cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Parts that the schemas of several agents need. */
export const schemaOf = {
  key: {
    oneOf: [
      closed({ hex: { type: 'string', pattern: '^([0-9a-fA-F]{2})+$' } }, ['hex']),
      closed({ file: { type: 'string', minLength: 1 } }, ['file']),
      closed({ env: { type: 'string', minLength: 1 } }, ['env']),
    ],
  },
  /** Values 0 to 255 are reserved (RFC 3344 section 1.6). */
  spi: { type: 'integer', minimum: 256, maximum: 0xffffffff },
  algorithm: { enum: ['hmac-md5', 'hmac-sha1', 'keyed-md5', 'keyed-md5-spi-covered'] },
  seconds: { type: 'integer', minimum: 1, maximum: 65535 },
  text: { type: 'string', minLength: 1 },
  flag: { type: 'boolean' },
  extensionTypes: closed(
    {
      ipv6HomeAddress: { type: 'integer', minimum: 128, maximum: 255 },
      ipv6Compatibility: { type: 'integer', minimum: 128, maximum: 255 },
      ipv6Code: { type: 'integer', minimum: 128, maximum: 255 },
    },
    ['ipv6HomeAddress', 'ipv6Compatibility', 'ipv6Code'],
  ),
  advertisements: {
    anyOf: [
      { type: 'null' },
      closed(
        {
          intervalSeconds: { type: 'number', exclusiveMinimum: 0, maximum: 1800 },
          lifetimeSeconds: { type: 'integer', minimum: 1, maximum: 65535 },
          registrationLifetimeSeconds: { type: 'integer', minimum: 1, maximum: 65535 },
          ipv6Router: { type: 'boolean' },
        },
        ['intervalSeconds', 'lifetimeSeconds', 'registrationLifetimeSeconds'],
      ),
    ],
  },
};

/** An object with these properties and no others. */
export function closed(properties: Record<string, unknown>, required: string[]): object {
  return { type: 'object', additionalProperties: false, properties, required };
}
