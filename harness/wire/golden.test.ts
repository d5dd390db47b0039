import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { encodePacket, extensionExtents, fromHex, type Packet, toHex, verifyAuthenticator } from './index.ts';
import { ipProtocolOf } from './protocols.ts';
import {
  type AssociationName,
  associationsOf,
  decodeAs,
  encodeOptionsOf,
  type GoldenMessage,
  goldenSchema,
  readGolden,
} from './testing/golden.ts';
import type { LayerName } from './types.ts';

const files = readGolden();
const messages = files.flatMap((file) => file.messages);

t.test('the golden files fit their schema, and no id is used twice', async (t) => {
  const validate = new Ajv2020({ strict: true }).compile(JSON.parse(readFileSync(goldenSchema, 'utf8')));
  for (const { name, ...file } of files) {
    t.ok(validate(file), `${name}: ${JSON.stringify(validate.errors)}`);
  }
  t.equal(new Set(messages.map(({ id }) => id)).size, messages.length);
});

t.test('golden octets decode to their layers', async (t) => {
  for (const message of messages) {
    const decoded = decodeAs(fromHex(message.octets), message);
    t.strictSame(decoded.layers, message.layers, `${message.id}: layers`);
    const findings = decoded.findings.map(({ layer, field }) => ({ layer, field }));
    t.strictSame(findings, message.findings ?? [], `${message.id}: findings`);
    t.equal(decoded.stop?.layer, message.stop, `${message.id}: where it stops`);
  }
});

t.test('golden layers encode to their octets', async (t) => {
  for (const message of messages) {
    const octets = toHex(encodePacket(message.layers, encodeOptionsOf(message)));
    t.equal(octets, withoutOutside(message), message.id);
  }
});

t.test('what golden layers leave to be computed comes out right', async (t) => {
  let computed = 0;
  for (const message of messages) {
    if (message.findings !== undefined || message.stop !== undefined) continue;
    if (message.layers.some((layer) => 'ipv4' in layer && layer.ipv4.moreFragments)) continue;
    const octets = toHex(encodePacket(withoutComputed(message), encodeOptionsOf(message)));
    t.equal(octets, withoutOutside(message), message.id);
    computed++;
  }
  t.ok(computed > 120);
});

t.test('golden authenticators verify, and with one bit changed anywhere before they do not', async (t) => {
  const names = {
    mobileHome: 'mobileHomeAuthentication',
    mobileForeign: 'mobileForeignAuthentication',
    foreignHome: 'foreignHomeAuthentication',
  } as const;
  for (const message of messages) {
    if (message.keys === undefined) continue;
    const whole = fromHex(message.octets);
    const decoded = decodeAs(whole, message);
    const registration = decoded.extents.find(({ path }) => path.startsWith('registration'));
    if (registration === undefined) throw new Error(`${message.id} holds no registration message`);
    const octets = whole.slice(registration.offset, registration.offset + registration.length);
    for (const [name, association] of Object.entries(associationsOf(message))) {
      const wanted = names[name as AssociationName];
      const offset = extensionExtents(octets).find((extent) => extent.name === wanted)?.offset as number;
      t.equal(verifyAuthenticator(octets, offset, association), true, `${message.id}: ${wanted}`);
      const end = offset + 2 + (octets[offset + 1] as number);
      for (let octet = 0; octet < end; octet++) {
        const before = octets[octet] as number;
        octets[octet] = before ^ (1 << (octet & 7));
        const verified = verifyAuthenticator(octets, offset, association);
        octets[octet] = before;
        // RFC 2002's keyed MD5 covers no SPI, but a wrong SPI selects no association.
        if (verified) t.fail(`${message.id}: ${wanted} still verifies with octet ${octet} changed`);
      }
    }
  }
});

t.test('the extents of a decoded message tell where its extensions are', async (t) => {
  for (const message of messages) {
    const octets = fromHex(message.octets);
    const { extents, layers } = decodeAs(octets, message);
    const outer = extents.filter(({ path }) => !path.includes('['));
    t.equal(outer.length, layers.length, `${message.id}: one extent for every layer`);
    let at = 0;
    for (const extent of outer) {
      t.equal(extent.offset, at, `${message.id}: ${extent.path} follows the layer before`);
      at += extent.length;
    }
    t.equal(at, octets.length - (message.outside ?? 0), `${message.id}: every octet is in a layer`);
    if (message.first !== 'message') continue;
    const walked = extensionExtents(octets, message.types === undefined ? {} : { types: message.types });
    const decoded = extents.filter(({ path }) => path.includes('.extensions['));
    t.strictSame(
      decoded.map(({ offset, length }) => ({ offset, length })),
      walked.map(({ offset, length }) => ({ offset, length })),
      `${message.id}: both walks agree`,
    );
  }
});

function withoutOutside(message: GoldenMessage): string {
  return message.octets.slice(0, message.octets.length - 2 * (message.outside ?? 0));
}

const computedFields = new Set([
  'length',
  'totalLength',
  'headerLength',
  'payloadLength',
  'version',
  'addressCount',
  'addressEntrySize',
]);

/** The layers without everything that the encoder computes: lengths, checksums, next protocols, authenticators. */
function withoutComputed(message: GoldenMessage): Packet {
  const names = message.layers.map((layer) => Object.keys(layer)[0] as LayerName);
  return message.layers.map((layer, index) => {
    const name = names[index] as LayerName;
    const following = names[index + 1];
    const fields = strip(Object.values(layer)[0], message.keys !== undefined) as Record<string, unknown>;
    if (following !== undefined && following !== 'payload' && name !== 'payload') {
      if (fields.protocol === ipProtocolOf(following)) delete fields.protocol;
      delete fields.nextHeader;
      delete fields.etherType;
      delete fields.protocolType;
    }
    return { [name]: fields } as unknown as Packet[number];
  });
}

function strip(value: unknown, authenticated: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => strip(item, authenticated));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key, field]) => {
    if (key === 'checksum') return field === 0 && 'sourcePort' in value;
    if (authenticated && 'authenticator' in value) return false;
    return !computedFields.has(key);
  });
  return Object.fromEntries(entries.map(([key, field]) => [key, strip(field, authenticated)]));
}
