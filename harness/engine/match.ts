/** Comparing a decoded packet with a pattern: which field differs first, and how, in protocol words. */
import type { Json, JsonObject } from '../vectors/types.ts';
import { canonicalAddress, type Decoded, inPrefix, isIpv6, type Layer } from '../wire/index.ts';

/** What a matcher may have to ask of the run. */
export interface MatchTools {
  /** Whether the named authentication extension, at its place among the extensions of the message layer, verifies. */
  verifies: (decoded: Decoded, layerIndex: number, extensionIndex: number, name: string) => boolean;
  /** Whether it verifies over the octets without the first extension of this name, which stands before it. */
  verifiesWithout: (
    decoded: Decoded,
    layerIndex: number,
    extensionIndex: number,
    name: string,
    without: string,
  ) => boolean;
  /** Where a message differs, up to its mobile-home authentication extension, from the one that was sent under the label. */
  relayDifference: (
    label: string,
    decoded: Decoded,
  ) => { at: number; expected: string; actual: string } | undefined;
  /** Frame time as NTP seconds (high half of an Identification). */
  ntpSeconds: () => number;
  /** Whether a packet with this payload, but for a checksum of TCP, was seen at a port. */
  wasSeenAt: (port: string, payload: string) => boolean;
}

export type MatchResult = { ok: true; score: number } | { ok: false; score: number; difference: Difference };

/** The first field that differs. */
export interface Difference {
  /** `ipv4.destination`, `registrationReply.extensions.ipv6Code.code`. */
  path: string;
  expected: string;
  actual: string;
}

type Fail = (path: string, expected: string, actual: string) => Difference;
const differ: Fail = (path, expected, actual) => ({ path, expected, actual });

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const layerName = (layer: Layer): string => Object.keys(layer)[0] as string;

const show = (value: unknown): string =>
  value === undefined ? 'absent' : typeof value === 'string' ? value : JSON.stringify(value);

/** The closed set of matchers; each says in words what it accepts. */
export const matchers: {
  readonly [name: string]: {
    holds: (argument: Json, actual: unknown, tools: MatchTools) => boolean;
    words: (argument: Json) => string;
  };
} = {
  oneOf: {
    holds: (argument, actual, tools) => (argument as Json[]).some((one) => fieldHolds(one, actual, tools)),
    words: (argument) => `one of ${(argument as Json[]).map(expectedWords).join(', ')}`,
  },
  not: {
    holds: (argument, actual, tools) => !fieldHolds(argument, actual, tools),
    words: (argument) => `not ${expectedWords(argument)}`,
  },
  range: {
    holds: (argument, actual) => {
      const [low, high] = argument as number[];
      return typeof actual === 'number' && actual >= (low as number) && actual <= (high as number);
    },
    words: (argument) => `${(argument as number[])[0]} to ${(argument as number[])[1]}`,
  },
  inPrefix: {
    holds: (argument, actual) => typeof actual === 'string' && inPrefix(actual, String(argument)),
    words: (argument) => `an address in ${String(argument)}`,
  },
  sameLowHalf: {
    holds: (argument, actual) => typeof actual === 'string' && actual.slice(8) === String(argument).slice(8),
    words: (argument) => `low 32 bits ${String(argument).slice(8)}`,
  },
  contains: {
    holds: (argument, actual) => typeof actual === 'string' && actual.includes(String(argument)),
    words: (argument) => `something with ${String(argument)} in it`,
  },
  seenAt: {
    holds: (argument, actual, tools) =>
      typeof actual === 'string' && tools.wasSeenAt(String(argument), actual),
    words: (argument) => `what was seen at ${String(argument)}`,
  },
  laterThan: {
    // Identification values are compared as the 64-bit numbers they are (RFC 3344 5.7.1).
    holds: (argument, actual) =>
      typeof actual === 'string' && actual.length === String(argument).length && actual > String(argument),
    words: (argument) => `a number above ${String(argument)}`,
  },
  sameInterfaceId: {
    holds: (argument, actual) => {
      const [a, b] = [String(argument), String(actual)].map((text) => lowHalf(text));
      return a !== undefined && a === b;
    },
    words: (argument) => `low 64 bits of ${String(argument)}`,
  },
  nearClock: {
    holds: (argument, actual, tools) =>
      typeof actual === 'string' &&
      Math.abs(Number.parseInt(actual.slice(0, 8), 16) - tools.ntpSeconds()) <= Number(argument),
    words: (argument) => `high 32 bits within ${String(argument)} s of the clock`,
  },
  bitsSet: {
    holds: (argument, actual) =>
      typeof actual === 'number' && (actual & Number(argument)) === Number(argument),
    words: (argument) => `with bits 0x${Number(argument).toString(16)} set`,
  },
  bitsClear: {
    holds: (argument, actual) => typeof actual === 'number' && (actual & Number(argument)) === 0,
    words: (argument) => `with bits 0x${Number(argument).toString(16)} clear`,
  },
  follows: {
    // RFC 3344 2.3.2: 0xffff is followed by 256. Gaps are no fault: other interfaces and receivers are counted, too.
    holds: (argument, actual) => {
      const distance = typeof actual === 'number' ? (actual - Number(argument)) & 0xffff : 0;
      return distance > 0 && distance < 0x8000;
    },
    words: (argument) => `a number after ${String(argument)}`,
  },
  present: {
    holds: (argument, actual) => (actual !== undefined) === argument,
    words: (argument) => (argument === true ? 'present' : 'absent'),
  },
};

function lowHalf(address: string): string | undefined {
  const parts = expandIpv6(address);
  return parts?.slice(4).join(':');
}

function expandIpv6(address: string): string[] | undefined {
  if (!address.includes(':')) return undefined;
  const [head, tail] = address.split('::') as [string, string | undefined];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle =
    tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...middle, ...right];
}

const matcherOf = (expected: Json): [string, Json] | undefined => {
  if (!isObject(expected)) return undefined;
  const keys = Object.keys(expected);
  const name = keys[0];
  return keys.length === 1 && name !== undefined && name in matchers
    ? [name, expected[name] as Json]
    : undefined;
};

/** What a literal or matcher accepts, in words. */
export function expectedWords(expected: Json): string {
  const matcher = matcherOf(expected);
  if (matcher !== undefined) return matchers[matcher[0]]?.words(matcher[1]) ?? show(expected);
  return show(expected);
}

function fieldHolds(expected: Json, actual: unknown, tools: MatchTools): boolean {
  const matcher = matcherOf(expected);
  if (matcher !== undefined) return matchers[matcher[0]]?.holds(matcher[1], actual, tools) ?? false;
  if (expected === actual) return true;
  if (typeof expected === 'string' && typeof actual === 'string' && isIpv6(expected)) {
    return canonicalAddress(expected) === actual;
  }
  return typeof expected === 'object' && JSON.stringify(expected) === JSON.stringify(actual);
}

type Entries = { [name: string]: JsonObject }[];

interface Compared {
  matched: number;
  difference?: Difference;
}

function compareEntry(
  name: string,
  fields: JsonObject,
  entry: Entries[number],
  at: number,
  path: string,
  place: { decoded: Decoded; layerIndex: number },
  tools: MatchTools,
): Compared {
  const found = entry[name] as JsonObject;
  let matched = 0;
  const verifiesWithout = (without: string): boolean =>
    tools.verifiesWithout(place.decoded, place.layerIndex, at, name, without);
  for (const [field, wanted] of Object.entries(fields)) {
    if (field === 'verified') {
      if (tools.verifies(place.decoded, place.layerIndex, at, name) !== wanted) {
        const words =
          wanted === true ? 'an authenticator that verifies' : 'an authenticator that does not verify';
        const left = extensionNames(place).find(verifiesWithout);
        const hint = left === undefined ? '' : ` (which verifies when ${left} is left out)`;
        return {
          matched,
          difference: differ(`${path}.${name}.authenticator`, words, `${show(found.authenticator)}${hint}`),
        };
      }
    } else if (field === 'covers') {
      if (verifiesWithout(String(wanted))) {
        return {
          matched,
          difference: differ(
            `${path}.${name}.authenticator`,
            `an authenticator over ${String(wanted)} as well`,
            `${show(found.authenticator)} (which verifies when ${String(wanted)} is left out)`,
          ),
        };
      }
    } else if (!fieldHolds(wanted, found[field], tools)) {
      return {
        matched,
        difference: differ(`${path}.${name}.${field}`, expectedWords(wanted), show(found[field])),
      };
    }
    matched += 1;
  }
  return { matched };
}

function extensionNames({ decoded, layerIndex }: { decoded: Decoded; layerIndex: number }): string[] {
  const layer = decoded.layers[layerIndex];
  const fields =
    layer === undefined ? {} : ((layer as unknown as JsonObject)[layerName(layer)] as JsonObject);
  return ((fields.extensions ?? []) as unknown as Entries).map((entry) => Object.keys(entry)[0] as string);
}

/** Extensions are compared as a set: `has`, `none`, `lacks`, `once`, `order`. */
function compareEntries(
  expected: JsonObject,
  entries: Entries,
  path: string,
  place: { decoded: Decoded; layerIndex: number },
  tools: MatchTools,
): Compared {
  const names = entries.map((entry) => Object.keys(entry)[0] as string);
  const listed = (): string =>
    names.length === 0
      ? 'none'
      : names.map((name, i) => nameWithType(name, entries[i] as JsonObject)).join(', ');
  let matched = 0;
  for (const [name, fields] of Object.entries((expected.has ?? {}) as { [name: string]: JsonObject })) {
    const places = names.flatMap((one, at) => (one === name ? [at] : []));
    if (places.length === 0) {
      return {
        matched,
        difference: differ(`${path}.${name}`, 'present', `absent (extensions: ${listed()})`),
      };
    }
    // Of several of one name (unknown ones, say) the best counts.
    const results = places.map((at) =>
      compareEntry(name, fields, entries[at] as Entries[number], at, path, place, tools),
    );
    const best = results.find((result) => result.difference === undefined) ?? (results[0] as Compared);
    matched += 1 + best.matched;
    if (best.difference !== undefined) return { matched, difference: best.difference };
  }
  for (const [name, fields] of Object.entries((expected.none ?? {}) as { [name: string]: JsonObject })) {
    const at = names.findIndex(
      (one, index) =>
        one === name &&
        compareEntry(name, fields, entries[index] as Entries[number], index, path, place, tools)
          .difference === undefined,
    );
    if (at >= 0) {
      const words = Object.entries(fields)
        .map(([field, value]) => `${field} ${expectedWords(value)}`)
        .join(', ');
      return { matched, difference: differ(`${path}.${name}`, `none with ${words}`, listed()) };
    }
    matched += 1;
  }
  for (const name of (expected.lacks ?? []) as string[]) {
    if (names.includes(name)) return { matched, difference: differ(`${path}.${name}`, 'absent', 'present') };
    matched += 1;
  }
  for (const name of (expected.once ?? []) as string[]) {
    const count = names.filter((one) => one === name).length;
    if (count !== 1)
      return { matched, difference: differ(`${path}.${name}`, 'exactly once', `${count} times`) };
    matched += 1;
  }
  const order = (expected.order ?? []) as string[];
  const present = order.filter((name) => names.includes(name));
  for (let i = 1; i < present.length; i += 1) {
    const [before, after] = [present[i - 1] as string, present[i] as string];
    if (names.indexOf(before) > names.indexOf(after)) {
      return { matched, difference: differ(`${path}`, `${before} before ${after}`, listed()) };
    }
    matched += 1;
  }
  return { matched };
}

const nameWithType = (name: string, entry: JsonObject): string => {
  const type = (entry[name] as JsonObject | undefined)?.type;
  return name === 'unknown' && type !== undefined ? `unknown type ${show(type)}` : name;
};

function compareLayer(
  expected: Json,
  layer: Layer,
  place: { decoded: Decoded; layerIndex: number },
  tools: MatchTools,
): Compared {
  const wanted = expected as JsonObject;
  const name = Object.keys(wanted)[0] as string;
  const actualName = layerName(layer);
  if (name !== actualName)
    return { matched: 0, difference: differ(name, `a layer ${name}`, `a layer ${actualName}`) };
  const fields = wanted[name] as Json;
  const actual = (layer as unknown as JsonObject)[name] as Json;
  if (!isObject(fields) || !isObject(actual) || matcherOf(fields) !== undefined) {
    if (fieldHolds(fields, actual, tools)) return { matched: 2 };
    return { matched: 1, difference: differ(name, expectedWords(fields), show(actual)) };
  }
  let matched = 1;
  for (const [field, value] of Object.entries(fields)) {
    const path = `${name}.${field}`;
    if (field === 'either') {
      const results = (value as Json[]).map((one) => compareLayer({ [name]: one }, layer, place, tools));
      if (results.every((result) => result.difference !== undefined)) {
        const nearest = results.reduce((best, result) => (result.matched > best.matched ? result : best));
        return { matched, ...(nearest.difference === undefined ? {} : { difference: nearest.difference }) };
      }
      matched += 1;
    } else if ((field === 'extensions' || field === 'options') && isObject(value)) {
      const entries = (actual[field] ?? []) as unknown as Entries;
      const result = compareEntries(value, entries, path, place, tools);
      matched += result.matched;
      if (result.difference !== undefined) return { matched, difference: result.difference };
    } else if (field === 'relayOf') {
      const changed = tools.relayDifference(String(value), place.decoded);
      if (changed !== undefined)
        return {
          matched,
          difference: differ(`${name}, octet ${changed.at}`, changed.expected, changed.actual),
        };
      matched += 1;
    } else if (field === 'checksum' && value === 'valid') {
      const finding = place.decoded.findings.find(
        (one) => one.layer === place.layerIndex && one.field === 'checksum',
      );
      if (finding !== undefined) return { matched, difference: differ(path, 'right', finding.problem) };
      matched += 1;
    } else if (fieldHolds(value, actual[field], tools)) {
      matched += 1;
    } else {
      return { matched, difference: differ(path, expectedWords(value), show(actual[field])) };
    }
  }
  return { matched };
}

/**
 * Compare a decoded frame with a resolved pattern. Ethernet is skipped unless the pattern begins with it; layers after the
 * pattern's last are not looked at; "..." stands for any number of layers. `score` counts what agreed, so that
 * the nearest of several frames can be shown.
 */
export function matchPattern(pattern: Json[], decoded: Decoded, tools: MatchTools): MatchResult {
  const layers = decoded.layers;
  const first = layers[0];
  const wantsEthernet = isObject(pattern[0]) && 'ethernet' in pattern[0];
  const start = first !== undefined && 'ethernet' in first && !wantsEthernet ? 1 : 0;
  return matchFrom(pattern, 0, start, decoded, tools, 0);
}

function matchFrom(
  pattern: Json[],
  patternAt: number,
  layerAt: number,
  decoded: Decoded,
  tools: MatchTools,
  score: number,
): MatchResult {
  let total = score;
  let at = layerAt;
  for (let i = patternAt; i < pattern.length; i += 1) {
    const wanted = pattern[i] as Json;
    if (wanted === '...') {
      let best: MatchResult | undefined;
      for (let skip = at; skip <= decoded.layers.length; skip += 1) {
        const result = matchFrom(pattern, i + 1, skip, decoded, tools, total);
        if (result.ok) return result;
        if (best === undefined || result.score > best.score) best = result;
      }
      return best as MatchResult;
    }
    const layer = decoded.layers[at];
    if (layer === undefined) {
      const name = Object.keys(wanted as JsonObject)[0] as string;
      const stopped = decoded.stop === undefined ? '' : ` (${decoded.stop.reason})`;
      return {
        ok: false,
        score: total,
        difference: differ(name, `a layer ${name}`, `the packet ends there${stopped}`),
      };
    }
    const result = compareLayer(wanted, layer, { decoded, layerIndex: at }, tools);
    total += result.matched;
    if (result.difference !== undefined) return { ok: false, score: total, difference: result.difference };
    at += 1;
  }
  return { ok: true, score: total };
}
