import { authenticatorOctets, computeAuthenticator } from './authentication.ts';
import { type Cursor, readU16 } from './cursor.ts';
import { EncodeError } from './errors.ts';
import {
  type ExtensionCodec,
  type ExtensionHeader,
  type ExtensionName,
  extensionCodecs,
  extensionType,
} from './extension-codecs.ts';
import { defaultExtensionTypes } from './extension-types.ts';
import { toHex } from './hex.ts';
import { checkFields, listOf, onlyKey } from './layers.ts';
import type { EncodeOptions, Extension, ExtensionTypes, SecurityAssociation } from './types.ts';
import { checkRange, type Writer } from './writer.ts';

/** Where an extension stands in a message; `name` is undefined when its type number is not known. */
export interface ExtensionExtent {
  name: ExtensionName | undefined;
  type: number;
  /** From the start of the message. */
  offset: number;
  /** Header included. */
  length: number;
}

/** A codec whose fields are whatever they are: the table is indexed by names known only at run time. */
interface AnyCodec extends ExtensionCodec<AnyFields> {}
interface AnyFields {
  type?: number;
  length?: number;
  spi?: number;
  authenticator?: string;
}

/** By names from outside, so without a prototype. */
const codecs: { readonly [name: string]: AnyCodec | undefined } = Object.assign(
  Object.create(null),
  extensionCodecs,
);

/** The name of every assigned type number; the draft's three come from the configuration. */
const assignedNames: (ExtensionName | undefined)[] = new Array(256).fill(undefined);
for (const [name, codec] of Object.entries(codecs)) {
  for (const type of [codec?.type, ...(codec?.otherTypes ?? [])]) {
    if (type !== undefined) assignedNames[type] = name as ExtensionName;
  }
}

/** The types in the long format of RFC 3344 1.10, which a parser must know to find the next extension. */
const longFormat: readonly boolean[] = Array.from({ length: 256 }, (_, type) =>
  [36, 37, 38, 40, 41, 42, 43, 47, 48, 50, 127].includes(type),
);

function nameOfType(type: number, types: ExtensionTypes): ExtensionName | undefined {
  if (type === types.ipv6HomeAddress) return 'ipv6HomeAddress';
  if (type === types.ipv6Compatibility) return 'ipv6Compatibility';
  if (type === types.ipv6Code) return 'ipv6Code';
  return type === 0 ? 'padding' : assignedNames[type];
}

/** Write the extensions of the message that starts at `start`, computing the authenticators that are left out. */
export function encodeExtensions(
  w: Writer,
  extensions: readonly Extension[],
  start: number,
  options: EncodeOptions,
): void {
  const types = options.types ?? defaultExtensionTypes;
  for (const extension of listOf(extensions, 'extensions')) {
    const name = onlyKey(extension, 'extension') as ExtensionName;
    checkFields((extension as unknown as Record<string, unknown>)[name], name);
    if (name === 'padding') w.u8(0, 'padding');
    else if (name === 'unknown') encodeUnknown(w, (extension as UnknownExtension).unknown);
    else {
      const codec = codecs[name];
      if (codec === undefined) throw new EncodeError('WIRE_NAME', `there is no extension '${name}'`);
      const fields = (extension as unknown as Record<string, AnyFields>)[name] as AnyFields;
      encodeKnown(w, name, codec, fields, start, types, options);
    }
  }
}

type UnknownExtension = Extract<Extension, { unknown: unknown }>;

function encodeKnown(
  w: Writer,
  name: ExtensionName,
  codec: AnyCodec,
  fields: AnyFields,
  messageStart: number,
  types: ExtensionTypes,
  options: EncodeOptions,
): void {
  const header = w.at;
  w.u8(fields.type ?? extensionType(name, types), name);
  const long = codec.second !== undefined;
  if (codec.second !== undefined) w.u8(codec.second(fields), name);
  w.zeros(long ? 2 : 1);
  const data = w.at;
  const association = fields.authenticator === undefined ? associationFor(name, options) : undefined;
  if (association === undefined) {
    codec.write(w, fields);
    setLength(w, header, long, fields.length ?? w.at - data, name);
  } else {
    // The length is covered, so it is written before the authenticator is computed.
    const octets = authenticatorOctets(association.algorithm);
    w.u32(fields.spi ?? association.spi, 'authentication.spi');
    setLength(w, header, long, fields.length ?? 4 + octets, name);
    w.bytes(computeAuthenticator(w.octets.subarray(messageStart, w.at), header - messageStart, association));
  }
}

/** The association by which an authenticator is to be computed; undefined when the extension has none. */
function associationFor(name: ExtensionName, options: EncodeOptions): SecurityAssociation | undefined {
  let association: SecurityAssociation | undefined;
  switch (name) {
    case 'mobileHomeAuthentication':
      association = options.associations?.mobileHome;
      break;
    case 'mobileForeignAuthentication':
      association = options.associations?.mobileForeign;
      break;
    case 'foreignHomeAuthentication':
      association = options.associations?.foreignHome;
      break;
    case 'generalizedAuthentication':
      break;
    default:
      return undefined;
  }
  if (association === undefined) {
    throw new EncodeError(
      'WIRE_ASSOCIATION',
      `${name}: no authenticator and no security association to compute it with`,
    );
  }
  return association;
}

function encodeUnknown(w: Writer, fields: UnknownExtension['unknown']): void {
  const header = w.at;
  w.u8(fields.type, 'unknown.type');
  const long = fields.format === undefined ? longFormat[fields.type] === true : fields.format === 'long';
  // A sub-type in the simple layout is the first octet of the data: the short format of RFC 3344 1.11.
  if (long) w.u8(fields.subType ?? 0, 'unknown.subType');
  w.zeros(long ? 2 : 1);
  const data = w.at;
  if (!long && fields.subType !== undefined) w.u8(fields.subType, 'unknown.subType');
  w.hex(fields.data ?? '', 'unknown.data');
  setLength(w, header, long, fields.length ?? w.at - data, 'unknown');
}

function setLength(w: Writer, header: number, long: boolean, length: number, name: string): void {
  checkRange(length, long ? 0xffff : 0xff, `${name}.length`);
  if (long) w.setU16(header + 2, length, name);
  else w.setU8(header + 1, length, name);
}

/** What stands before the data of the extension at `at`; a text that says why, when it does not fit before `end`. */
function readHeader(octets: Uint8Array, at: number, end: number): ExtensionHeader | string {
  const type = octets[at] as number;
  const long = longFormat[type] === true;
  const left = end - at - (long ? 4 : 2);
  if (left < 0) return `the header of extension type ${type} is cut off`;
  const second = octets[at + 1] as number;
  const length = long ? readU16(octets, at + 2) : second;
  if (length > left) return `extension type ${type} has length ${length}, but ${left} octets are left`;
  return { type, second, length };
}

/**
 * Read extensions at the cursor up to its end (RFC 3344 1.8 to 1.11). An extension that is not laid out as its type says
 * is given as `unknown`, with a finding; at one that runs past the end reading stops.
 */
export function decodeExtensions(c: Cursor, layer: string, layerIndex: number): Extension[] {
  const { octets, end, types } = c;
  const extensions: Extension[] = [];
  while (c.at < end) {
    const at = c.at;
    const path = `${layer}.extensions[${extensions.length}]`;
    if (octets[at] === 0) {
      extensions.push({ padding: {} });
      c.extents.push({ path, offset: at, length: 1 });
      c.at++;
      continue;
    }
    const header = readHeader(octets, at, end);
    if (typeof header === 'string') {
      c.stop = { offset: at, layer, reason: header };
      break;
    }
    const long = longFormat[header.type] === true;
    const data = at + (long ? 4 : 2);
    const name = nameOfType(header.type, types);
    const fields = name === undefined ? undefined : codecs[name]?.read(octets, data, header);
    if (name !== undefined && fields !== undefined) {
      extensions.push({ [name]: fields } as unknown as Extension);
    } else {
      const { type, second, length } = header;
      const hex = toHex(octets, data, data + length);
      extensions.push({
        unknown: long
          ? { type, format: 'long', subType: second, length, data: hex }
          : { type, format: 'simple', length, data: hex },
      });
      if (name !== undefined) {
        c.findings.push({
          layer: layerIndex,
          field: `extensions[${extensions.length - 1}]`,
          problem: `type ${type} is not laid out as ${name}`,
        });
      }
    }
    c.at = data + header.length;
    c.extents.push({ path, offset: at, length: c.at - at });
  }
  return extensions;
}

/** Walk the extensions of `message` from `from`, as far as they can be told apart. */
export function walkExtensions(
  message: Uint8Array,
  from: number,
  types: ExtensionTypes = defaultExtensionTypes,
): ExtensionExtent[] {
  const extents: ExtensionExtent[] = [];
  let at = from;
  while (at < message.length) {
    const type = message[at] as number;
    let length = 1;
    if (type !== 0) {
      const header = readHeader(message, at, message.length);
      if (typeof header === 'string') break;
      length = (longFormat[type] === true ? 4 : 2) + header.length;
    }
    extents.push({ name: nameOfType(type, types), type, offset: at, length });
    at += length;
  }
  return extents;
}
