/** The golden octets of vectors/wire, for the tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type AuthenticationAlgorithm,
  type Decoded,
  decodeMessage,
  decodePacket,
  type EncodeOptions,
  type ExtensionTypes,
  fromHex,
  type Packet,
  type SecurityAssociation,
} from '../index.ts';

const directory = fileURLToPath(new URL('../../../vectors/wire/', import.meta.url));

/** Where the schema of these files lies. */
export const goldenSchema = fileURLToPath(
  new URL('../../../vectors/schema/wire.schema.json', import.meta.url),
);

export type AssociationName = 'mobileHome' | 'mobileForeign' | 'foreignHome';

/** One entry of a golden file; the schema says what each member means. */
export interface GoldenMessage {
  id: string;
  title: string;
  source: string;
  first: 'ethernet' | 'ipv4' | 'ipv6' | 'message';
  octets: string;
  layers: Packet;
  keys?: Partial<Record<AssociationName, { spi: number; algorithm: AuthenticationAlgorithm; key: string }>>;
  types?: ExtensionTypes;
  findings?: { layer: number; field: string }[];
  stop?: string;
  outside?: number;
  note?: string;
}

export interface GoldenFile {
  name: string;
  title: string;
  messages: GoldenMessage[];
}

/** Every golden file, in the order of their names. */
export function readGolden(): GoldenFile[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => ({ ...JSON.parse(readFileSync(join(directory, name), 'utf8')), name }));
}

/** Decode octets as a golden entry says they begin. */
export function decodeAs(
  octets: Uint8Array,
  { first, types }: Pick<GoldenMessage, 'first' | 'types'>,
): Decoded {
  const options = types === undefined ? {} : { types };
  return first === 'message' ? decodeMessage(octets, options) : decodePacket(octets, first, options);
}

/** The associations of a golden entry. */
export function associationsOf(
  message: GoldenMessage,
): Partial<Record<AssociationName, SecurityAssociation>> {
  const associations: Partial<Record<AssociationName, SecurityAssociation>> = {};
  for (const [name, { spi, algorithm, key }] of Object.entries(message.keys ?? {})) {
    associations[name as AssociationName] = { spi, algorithm, key: fromHex(key) };
  }
  return associations;
}

/** What encoding a golden entry needs besides its layers. */
export function encodeOptionsOf(message: GoldenMessage): EncodeOptions {
  const options: EncodeOptions = { associations: associationsOf(message) };
  if (message.types !== undefined) options.types = message.types;
  return options;
}
