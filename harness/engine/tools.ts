/** What comparing a frame with a pattern may have to ask of the run: clocks, keys, what was sent. */
import { type Decoded, toHex, verifyAuthenticator } from '../wire/index.ts';
import type { SeenFrame } from './bench.ts';
import type { Context } from './context.ts';
import type { MatchTools } from './match.ts';
import { throughMobileHome } from './sent.ts';

const secondNs = 1_000_000_000;
const ntpOffsetSeconds = 2_208_988_800;

/** What else there is to ask of the run. */
export interface Memory {
  /** The octets that a relayed message may repeat. */
  originals(label: string): Uint8Array[];
  wasSeenAt(port: string, payload: string): boolean;
}

/** Tools for one frame. `by` is the mobile node whose keys count. */
export function matchTools(context: Context, frame: SeenFrame, by: string, memory: Memory): MatchTools {
  const verifies = (
    decoded: Decoded,
    layer: number,
    extension: number,
    name: string,
    without?: string,
  ): boolean => {
    const place = placeOf(decoded, layer, extension);
    const association = context.associationOf(name, by);
    if (place === undefined || association === undefined) return false;
    const octets = frame.octets.subarray(place.message, place.end);
    const left = without === undefined ? undefined : partOf(decoded, layer, without);
    if (without !== undefined && (left === undefined || left.offset > place.extension)) return false;
    if (left === undefined) return verifyAuthenticator(octets, place.extension - place.message, association);
    const from = left.offset - place.message;
    const kept = Buffer.concat([octets.subarray(0, from), octets.subarray(from + left.length)]);
    return verifyAuthenticator(kept, place.extension - place.message - left.length, association);
  };
  return {
    ntpSeconds: () =>
      Number(context.around.originNs / BigInt(secondNs)) + frame.timeNs / secondNs + ntpOffsetSeconds,
    verifies: (decoded, layer, extension, name) => verifies(decoded, layer, extension, name),
    verifiesWithout: (decoded, layer, extension, name, without) =>
      verifies(decoded, layer, extension, name, without),
    relayDifference: (label, decoded) =>
      relayDifference(memory.originals(label), throughMobileHome(frame.octets, decoded)),
    wasSeenAt: (port, payload) => memory.wasSeenAt(port, payload),
  };
}

function messageName(decoded: Decoded, layer: number): string {
  const found = decoded.layers[layer];
  return found === undefined ? '' : (Object.keys(found)[0] as string);
}

/** Offsets of a message, its end, and an extension of it. */
function placeOf(
  decoded: Decoded,
  layer: number,
  extension: number,
): { message: number; end: number; extension: number } | undefined {
  const name = messageName(decoded, layer);
  const whole = decoded.extents.find(({ path }) => path === name);
  const part = decoded.extents.find(({ path }) => path === `${name}.extensions[${extension}]`);
  if (whole === undefined || part === undefined) return undefined;
  return { message: whole.offset, end: whole.offset + whole.length, extension: part.offset };
}

/** Where the first extension of a name stands. */
function partOf(
  decoded: Decoded,
  layer: number,
  extension: string,
): { offset: number; length: number } | undefined {
  const name = messageName(decoded, layer);
  const found = decoded.layers[layer] as unknown as { [name: string]: { extensions?: object[] } } | undefined;
  const at = (found?.[name]?.extensions ?? []).findIndex((one) => extension in one);
  return decoded.extents.find(({ path }) => path === `${name}.extensions[${at}]`);
}

/** The first octet in which a relayed message differs from all that it may repeat. */
function relayDifference(
  originals: readonly Uint8Array[],
  relayed: Uint8Array | undefined,
): { at: number; expected: string; actual: string } | undefined {
  if (relayed === undefined) return { at: 0, expected: 'the message as it was sent', actual: 'no message' };
  let nearest = { at: -1, expected: 'the message as it was sent', actual: 'another' };
  for (const original of originals) {
    const length = Math.max(original.length, relayed.length);
    let at = 0;
    while (at < length && original[at] === relayed[at]) at += 1;
    if (at === length) return undefined;
    if (at > nearest.at)
      nearest = {
        at,
        expected: octetWords(original, at),
        actual: octetWords(relayed, at),
      };
  }
  return nearest;
}

const octetWords = (octets: Uint8Array, at: number): string =>
  at < octets.length ? `0x${toHex(octets, at, at + 1)}` : `the end after ${octets.length} octets`;
