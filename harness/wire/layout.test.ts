/** Where the fields are, held to the decoder: what stands there is what was decoded, no bit is left out or claimed twice. */
import fc from 'fast-check';
import t from 'tap';
import {
  type Decoded,
  decodePacket,
  encodePacket,
  type FieldExtent,
  fieldExtents,
  formatIpv4,
  formatIpv6,
  formatMac,
  fromHex,
  toHex,
} from './index.ts';
import { frame } from './testing/arbitraries.ts';
import { decodeAs, readGolden } from './testing/golden.ts';

/** The bits of a field as one number. */
function bitsOf(octets: Uint8Array, { offset, length, bits }: FieldExtent): bigint {
  const whole = BigInt(`0x${toHex(octets, offset, offset + length) || '0'}`);
  if (bits === undefined) return whole;
  return (whole >> BigInt(length * 8 - bits.first - bits.count)) & ((1n << BigInt(bits.count)) - 1n);
}

/** What the octets of a field may be read as. */
function readings(octets: Uint8Array, field: FieldExtent): unknown[] {
  const { offset, length, bits } = field;
  const number = bitsOf(octets, field);
  if (bits !== undefined) return [Number(number), number === 1n];
  const own = octets.subarray(offset, offset + length);
  return [
    Number(number),
    number === 1n,
    toHex(own),
    new TextDecoder().decode(own),
    Buffer.from(own).toString('latin1'),
    ...(length === 4 ? [formatIpv4(own, 0)] : []),
    ...(length === 6 ? [formatMac(own, 0)] : []),
    ...(length === 16 ? [formatIpv6(own, 0)] : []),
    // A router of an advertisement: its address and its preference.
    ...(length === 8 ? [`${formatIpv4(own, 0)} ${Buffer.from(own).readUInt32BE(4)}`] : []),
    ...(length === 1 ? [[Number(number)]] : []),
  ];
}

/** Paths of everything that the decoder says of a layer. */
function leaves(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((entry, at) => leaves(entry, `${path}[${at}]`));
  if (typeof value !== 'object' || value === null) return [path];
  if ('preference' in value) return [path];
  return Object.entries(value).flatMap(([name, inner]) =>
    leaves(inner, path === '' ? name : `${path}.${name}`),
  );
}

/** Each is a sentence about what is wrong. */
function problems(octets: Uint8Array, decoded: Decoded): string[] {
  const fields = fieldExtents(octets, decoded);
  const wrong = fields
    .filter((field) => !readings(octets, field).some((one) => Object.is(one, field.value)))
    .map(({ path, offset, value }) => `${path} at ${offset} is not ${String(value)}`);
  const claimed = new Uint8Array(octets.length * 8);
  for (const { offset, length, bits } of fields) {
    const first = offset * 8 + (bits?.first ?? 0);
    for (let bit = first; bit < first + (bits?.count ?? length * 8); bit += 1) {
      if (bit >= claimed.length) return [`bit ${bit} is outside`];
      claimed[bit] = (claimed[bit] ?? 0) + 1;
    }
  }
  const twice = claimed.findIndex((count) => count > 1);
  if (twice >= 0) wrong.push(`bit ${twice & 7} of octet ${twice >> 3} is claimed twice`);
  for (const { offset, length } of decoded.extents) {
    const hole = claimed.subarray(offset * 8, (offset + length) * 8).indexOf(0);
    if (hole >= 0) wrong.push(`octet ${offset + (hole >> 3)} is in no field`);
  }
  for (const [at, layer] of decoded.layers.entries()) {
    const [name, value] = Object.entries(layer)[0] ?? [];
    if (name === 'payload') continue;
    const known = new Set(fields.filter((field) => field.layer === at).map(({ path }) => path));
    for (const path of leaves(value, '')) {
      // How an unknown extension was read is no field; an empty one has no octets.
      if (path.endsWith('.format') || known.has(path)) continue;
      const leaf = path
        .split(/[.[\]]+/)
        .filter((part) => part !== '')
        .reduce((inner: unknown, key) => (inner as { [key: string]: unknown })?.[key], value);
      if (leaf !== '') wrong.push(`${name}.${path} (${String(leaf)}) has no place`);
    }
  }
  return wrong;
}

t.test('golden messages', async (t) => {
  let fields = 0;
  for (const { name, messages } of readGolden())
    for (const message of messages) {
      const octets = fromHex(message.octets);
      const decoded = decodeAs(octets, message);
      const wrong = problems(octets, decoded);
      fields += fieldExtents(octets, decoded).length;
      if (wrong.length > 0) t.fail(`${name} ${message.id}: ${wrong.join('; ')}`);
    }
  t.ok(fields > 2000, `${fields} fields`);
});

t.test('any packet, and any octets', async (t) => {
  fc.assert(
    fc.property(frame, (layers) => {
      const octets = encodePacket(layers);
      const wrong = problems(octets, decodePacket(octets, 'ethernet'));
      if (wrong.length > 0) throw new Error(wrong.join('; '));
    }),
    { numRuns: 2000, seed: 20030831 },
  );
  fc.assert(
    fc.property(
      frame,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.nat(),
      (layers, flips, cut) => {
        const whole = encodePacket(layers);
        for (const [at, mask] of flips) whole[at % whole.length] = (whole[at % whole.length] ?? 0) ^ mask;
        const octets = whole.subarray(0, 1 + (cut % whole.length));
        const wrong = problems(octets, decodePacket(octets, 'ethernet'));
        if (wrong.length > 0) throw new Error(wrong.join('; '));
      },
    ),
    { numRuns: 3000, seed: 20030831 },
  );
  t.pass('all in their places');
});
