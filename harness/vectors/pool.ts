/** Entries that stand for many mobile nodes, and keys that stand elsewhere: shared notation of profiles. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { AuthenticationAlgorithm, SecurityAssociation } from '../wire/index.ts';
import { addressPlus } from '../wire/index.ts';
import { fault } from './errors.ts';
import type { Ipv6Handling } from './types.ts';

/** Where a key is: 8 to 64 octets, as hex digits, in a file, or in an environment variable. */
export type KeySource = { hex: string } | { file: string } | { env: string };

/** A mobile node (or `count` of them) as a profile provisions it. */
export interface MobileNodeEntry {
  count?: number;
  nai: string;
  ipv4HomeAddress: string;
  ipv6HomeAddress: string;
  spi: number;
  key: KeySource;
  algorithm?: AuthenticationAlgorithm;
  replay?: ReplayProtection;
  /** The first `{n}`; 1 when left out. */
  firstNumber?: number;
  /** What the foreign agent under test does with its IPv6 (section 4.4 of the draft). */
  ipv6Handling?: Ipv6Handling;
  /** Of a mobile node under test: claims that are other than those of the profile. */
  ics?: { [name: string]: string | boolean };
  /** The security association it has with the foreign agent. */
  foreignAgent?: { spi: number; key: KeySource; algorithm?: AuthenticationAlgorithm };
}

export type ReplayProtection = 'timestamps' | 'nonces';

/** One mobile node the harness may play. */
export interface MobileNode {
  /** Place in the profile's pool: names it in results, where keys never go. */
  index: number;
  nai: string;
  ipv4HomeAddress: string;
  ipv6HomeAddress: string;
  association: SecurityAssociation;
  replay: ReplayProtection;
  ipv6Handling?: Ipv6Handling;
  /** Claims of its own, where it is under test. */
  ics?: { [name: string]: string | boolean };
  /** With the foreign agent. */
  foreignAssociation?: SecurityAssociation;
}

/** Read a key. `file` is the data file that names it; its folder is the base of relative paths. */
export function readKey(source: KeySource, file: string, path: string): Uint8Array {
  let text: string;
  if ('hex' in source) {
    text = source.hex;
  } else if ('file' in source) {
    try {
      text = readFileSync(resolve(dirname(file), source.file), 'utf8').trim();
    } catch (error) {
      throw fault(
        file,
        `${path}.file`,
        `the key file cannot be read (${(error as NodeJS.ErrnoException).code})`,
      );
    }
  } else {
    const value = process.env[source.env];
    if (value === undefined)
      throw fault(file, `${path}.env`, 'set the environment variable that is named here to the key in hex');
    text = value.trim();
  }
  if (!/^([0-9a-fA-F]{2}){8,64}$/.test(text)) {
    throw fault(file, path, 'expected 16 to 128 hex digits, an even number (the key is not shown)');
  }
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

/** The nth key after `key`, counted as one big-endian integer. */
function keyPlus(key: Uint8Array, n: number): Uint8Array {
  const out = Uint8Array.from(key);
  let carry = n;
  for (let i = out.length - 1; i >= 0 && carry > 0; i -= 1) {
    const sum = (out[i] as number) + carry;
    out[i] = sum & 0xff;
    carry = Math.floor(sum / 256);
  }
  return out;
}

/**
 * Expand provisioning entries: `{n}` in the NAI is 1..count; addresses, SPI and key count upwards from the first.
 */
export function expandMobileNodes(entries: MobileNodeEntry[], file: string): MobileNode[] {
  const nodes: MobileNode[] = [];
  for (const [at, entry] of entries.entries()) {
    const count = entry.count ?? 1;
    const key = readKey(entry.key, file, `$.ixit.mobileNodes[${at}].key`);
    if (count > 1 && !entry.nai.includes('{n}')) {
      throw fault(
        file,
        `$.ixit.mobileNodes[${at}].nai`,
        `needs "{n}" in it, as the entry stands for ${count} mobile nodes`,
      );
    }
    const { foreignAgent, ipv6Handling } = entry;
    const foreignKey =
      foreignAgent === undefined
        ? undefined
        : readKey(foreignAgent.key, file, `$.ixit.mobileNodes[${at}].foreignAgent.key`);
    for (let n = 0; n < count; n += 1) {
      nodes.push({
        index: nodes.length,
        nai: entry.nai.replace('{n}', String((entry.firstNumber ?? 1) + n)),
        ipv4HomeAddress: addressPlus(entry.ipv4HomeAddress, n),
        ipv6HomeAddress: addressPlus(entry.ipv6HomeAddress, n),
        association: { spi: entry.spi + n, key: keyPlus(key, n), algorithm: entry.algorithm ?? 'hmac-md5' },
        replay: entry.replay ?? 'timestamps',
        ...(ipv6Handling === undefined ? {} : { ipv6Handling }),
        ...(entry.ics === undefined ? {} : { ics: entry.ics }),
        ...(foreignAgent === undefined || foreignKey === undefined
          ? {}
          : {
              foreignAssociation: {
                spi: foreignAgent.spi + n,
                key: keyPlus(foreignKey, n),
                algorithm: foreignAgent.algorithm ?? 'hmac-md5',
              },
            }),
      });
    }
  }
  const seen = new Map<string, number>();
  for (const node of nodes) {
    for (const identity of [node.nai, node.ipv4HomeAddress, node.ipv6HomeAddress]) {
      const before = seen.get(identity);
      if (before !== undefined) {
        throw fault(
          file,
          '$.ixit.mobileNodes',
          `two mobile nodes share ${identity}; every one needs its own`,
        );
      }
      seen.set(identity, node.index);
    }
  }
  return nodes;
}
