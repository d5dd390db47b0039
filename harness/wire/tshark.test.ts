import t from 'tap';
import {
  type Decoded,
  decodePacket,
  defaultExtensionTypes,
  type ExtensionTypes,
  encodePacket,
  fromHex,
} from './index.ts';
import { type GoldenMessage, readGolden } from './testing/golden.ts';
import { type DissectedField, dissect, hasTshark } from './testing/pdml.ts';
import { expectedFields } from './testing/second-opinion.ts';
import type { Expected } from './testing/second-opinion-extensions.ts';

/** Golden octets as Ethernet frames, which is what a capture file of one link type can hold. */
function frameOf({ first, octets }: GoldenMessage): Uint8Array {
  const whole = fromHex(octets);
  if (first === 'ethernet') return whole;
  if (first === 'message') {
    return encodePacket([
      { ethernet: { etherType: 0x0800 } },
      { ipv4: { source: '192.0.2.50', destination: '10.1.0.1' } },
      { udp: { sourcePort: 434, destinationPort: 434 } },
      { payload: octets },
    ]);
  }
  return Buffer.concat([fromHex(`020000000001020000000002${first === 'ipv4' ? '0800' : '86dd'}`), whole]);
}

function agrees(field: DissectedField | undefined, [, value, position]: Expected): boolean {
  if (field === undefined || (position !== undefined && field.position !== position)) return false;
  if (value === undefined) return true;
  if (typeof value === 'string') return field.show === value;
  if (typeof value === 'object') return field.value === value.hex;
  return Number(field.show) === Number(value);
}

/** What differs: every field that we read must be among tshark's, in the same order, with the same value. */
function differences(
  decoded: Decoded,
  types: ExtensionTypes,
  dissected: readonly DissectedField[],
): string[] {
  const { fields, cut } = expectedFields(decoded, types);
  const problems: string[] = [];
  const counts = new Map<string, number>();
  for (const expected of fields) {
    const [name, value, position] = expected;
    const nth = counts.get(name) ?? 0;
    counts.set(name, nth + 1);
    const field = dissected.filter((one) => one.name === name)[nth];
    if (!agrees(field, expected)) {
      const ours = `${JSON.stringify(value)}${position === undefined ? '' : ` at ${position}`}`;
      problems.push(`${name} #${nth}: ours ${ours}, tshark ${JSON.stringify(field)}`);
    }
  }
  // Nor may tshark have read more of them; packets quoted in ICMP errors, which stay payload here, aside.
  const quotes = decoded.layers.some((layer) => 'icmp' in layer || 'icmpv6' in layer);
  if (cut !== undefined || quotes || decoded.stop !== undefined) return problems;
  for (const [name, count] of counts) {
    const seen = dissected.filter((one) => one.name === name).length;
    if (seen !== count) problems.push(`${name}: ours ${count}, tshark ${seen}`);
  }
  return problems;
}

/** Entries whose IP or UDP header tshark gives up on, and how many layers are compared: it is not asked to agree. */
const givenUp: Readonly<Record<string, number>> = {
  'bad-ipv4-version': 1,
  'bad-ipv4-total-length-short': 1,
  'bad-ipv4-header-length-short': 1,
  'bad-ipv4-header-length-long': 1,
  'bad-ipv6-version': 1,
  'bad-udp-length-long': 2,
  'bad-udp-length-short': 2,
};

t.test('tshark reads the golden octets as our decoder does', { timeout: 60_000 }, async (t) => {
  if (!hasTshark()) {
    const advice = 'tshark is not installed; apt install tshark';
    if (process.env.CI) t.fail(advice);
    else t.pass(advice, { skip: advice });
    return;
  }
  const messages = readGolden().flatMap((file) => file.messages);
  const frames = messages.map(frameOf);
  const dissections = dissect(frames);
  t.equal(dissections.length, messages.length);
  let compared = 0;
  for (const [index, message] of messages.entries()) {
    const types = message.types ?? defaultExtensionTypes;
    const decoded = decodePacket(frames[index] as Uint8Array, 'ethernet', { types });
    const limit = givenUp[message.id];
    if (limit !== undefined) {
      decoded.layers.splice(limit);
      decoded.stop ??= { offset: 0, layer: '', reason: 'tshark gives up' };
    }
    t.strictSame(differences(decoded, types, dissections[index] as DissectedField[]), [], message.id);
    compared += expectedFields(decoded, types).fields.length;
  }
  t.comment(`${compared} fields of ${messages.length} packets compared`);
  t.ok(compared > 5000);
});
