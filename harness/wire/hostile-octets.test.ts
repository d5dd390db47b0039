import fc from 'fast-check';
import t from 'tap';
import {
  decodeMessage,
  decodePacket,
  EncodeError,
  type EncodeOptions,
  encodePacket,
  extensionExtents,
  fromHex,
  type Packet,
  type SecurityAssociation,
  toHex,
  verifyAuthenticator,
} from './index.ts';
import { decodeAs, readGolden } from './testing/golden.ts';

/** Fixed, so that a run can be repeated. */
const seed = 20030831;
const mobileHome: SecurityAssociation = {
  spi: 0x100,
  key: fromHex('000102030405060708090a0b0c0d0e0f'),
  algorithm: 'hmac-md5',
};
const associations: EncodeOptions['associations'] & object = { mobileHome };

/** A small generator of random numbers (mulberry32): fast, and the same everywhere. */
function random(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

/** Golden octets, damaged: bits turned over, cut, an octet set to an edge value, a piece of another message put in. */
function mutate(octets: Uint8Array, other: Uint8Array, pick: (below: number) => number): Uint8Array {
  let result = octets.slice();
  for (let rounds = 1 + pick(4); rounds > 0 && result.length > 0; rounds--) {
    const at = pick(result.length);
    switch (pick(5)) {
      case 0:
        result[at] = (result[at] as number) ^ (1 << pick(8));
        break;
      case 1:
        result[at] = [0, 1, 2, 3, 127, 128, 254, 255][pick(8)] as number;
        break;
      case 2:
        result = result.slice(0, at);
        break;
      case 3: {
        const from = pick(other.length);
        const piece = other.subarray(from, from + 1 + pick(other.length - from));
        result = Uint8Array.from([...result.subarray(0, at), ...piece, ...result.subarray(at)]);
        break;
      }
      default:
        result.copyWithin(at, pick(result.length));
    }
  }
  return result;
}

t.test(
  '100,000 damaged messages are decoded without an exception and, what was read, encoded again',
  async (t) => {
    const golden = readGolden().flatMap(({ messages }) => messages);
    const octets = golden.map((message) => fromHex(message.octets));
    const pick = random(seed);
    const started = performance.now();
    let stopped = 0;
    for (let round = 0; round < 100_000; round++) {
      const index = pick(golden.length);
      const damaged = mutate(octets[index] as Uint8Array, octets[pick(octets.length)] as Uint8Array, pick);
      const message = golden[index] as (typeof golden)[number];
      const decoded = decodeAs(damaged, message);
      if (decoded.stop !== undefined) stopped++;
      if (decoded.layers.length > 17) t.fail(`${decoded.layers.length} layers`);
      if (message.first === 'message') extensionExtents(damaged);
      const again = encodePacket(decoded.layers, message.types === undefined ? {} : { types: message.types });
      // Only octets outside a length field may be lost, and those are at the end.
      if (toHex(damaged, 0, again.length) !== toHex(again)) {
        t.fail(`${message.id}: ${toHex(damaged)} was encoded again as ${toHex(again)}`);
        break;
      }
    }
    const seconds = (performance.now() - started) / 1000;
    t.comment(`${seconds.toFixed(1)} s, ${stopped} stopped short`);
    t.ok(stopped > 10_000 && stopped < 90_000, 'damage is neither always nor never noticed');
  },
);

t.test('random octets are decoded without an exception, from any layer', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (octets) => {
      for (const first of ['ethernet', 'ipv4', 'ipv6'] as const) decodePacket(octets, first);
      decodeMessage(octets);
      for (let type = 0; type < 5; type++) {
        octets[0] = type;
        decodeMessage(octets);
        extensionExtents(octets);
      }
      verifyAuthenticator(octets, octets.length >> 1, mobileHome);
    }),
    { seed, numRuns: 2000 },
  );
});

/** A copy of a JSON value with one of its members, chosen at random, replaced by `value`. */
function replaceOne(whole: unknown, value: unknown, pick: (below: number) => number): unknown {
  if (typeof whole !== 'object' || whole === null) return value;
  const keys = Object.keys(whole);
  const chosen = keys[pick(keys.length)];
  if (chosen === undefined) return value;
  const copy: Record<string, unknown> = Array.isArray(whole) ? ([...whole] as never) : { ...whole };
  copy[chosen] = pick(4) === 0 ? value : replaceOne(copy[chosen], value, pick);
  return copy;
}

t.test(
  'layers with any JSON value in any place are written or refused, never an exception of another kind',
  async () => {
    const golden = readGolden().flatMap(({ messages }) => messages);
    const pick = random(seed);
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => {
        for (let round = 0; round < 10; round++) {
          const { layers } = golden[pick(golden.length)] as (typeof golden)[number];
          try {
            encodePacket(replaceOne(layers, value, pick) as Packet, { associations });
          } catch (error) {
            if (!(error instanceof EncodeError)) throw error;
          }
        }
      }),
      { seed, numRuns: 2000, endOnFailure: true },
    );
  },
);
