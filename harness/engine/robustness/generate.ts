/**
 * Hostile input by chance, and always the same for the same seed: valid messages with bits turned over, lengths changed, octets cut out,
 * put in and moved about. Half of them are signed again afterwards, so that they get past the authentication.
 */
import { computeAuthenticator, type SecurityAssociation } from '../../wire/index.ts';
import { type Datagram, withBody } from './datagram.ts';
import type { Input } from './variants.ts';

/** What the generator goes by. */
export interface GeneratorSettings {
  /** 0 to 2^32 - 1. */
  seed: number;
  /** Inputs for each test. */
  inputs: number;
  /** How often the shortest input may be looked for; each time may cost the device a restart. 60 when left out; with 0 it is not looked for. */
  trials?: number;
}

export const generatorDefaults: GeneratorSettings = { seed: 1, inputs: 200 };

/** Frames of a test are kept, so there is a bound. */
export const mostInputs = 4000;

/** No message is made longer than this, octets. */
const mostOctets = 1200;

/** A number from 0 up to, not including, `below`. */
type Dice = (below: number) => number;

/** Mulberry32: small, and the same everywhere. */
function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** FNV-1a: the tests of a run are given different inputs. */
function hashed(text: string): number {
  let hash = 0x811c9dc5;
  for (const octet of Buffer.from(text)) hash = Math.imul(hash ^ octet, 0x01000193);
  return hash >>> 0;
}

const interesting = [0, 1, 2, 4, 7, 8, 16, 20, 32, 36, 64, 127, 128, 129, 131, 134, 200, 201, 202, 254, 255];

type Part = { offset: number; length: number };
type Mutation = { words: string; apply(octets: Uint8Array, parts: readonly Part[], dice: Dice): Uint8Array };

const spliced = (octets: Uint8Array, from: number, to: number, put: Uint8Array): Uint8Array =>
  Uint8Array.from(Buffer.concat([octets.subarray(0, from), put, octets.subarray(to)]));

const pick = <T>(list: readonly T[], dice: Dice): T | undefined => list[dice(list.length)];

const chance = (dice: Dice, most: number): Uint8Array =>
  Uint8Array.from({ length: 1 + dice(most) }, () => dice(256));

/** An extension's octet: a type, or a length; of a message without any, whatever octet. */
const partOf = (octets: Uint8Array, parts: readonly Part[], dice: Dice): Part =>
  pick(
    parts.filter(({ offset, length }) => offset + length <= octets.length),
    dice,
  ) ?? { offset: dice(Math.max(1, octets.length)), length: 1 };

function set(octets: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(octets);
  if (at < copy.length) copy[at] = value;
  return copy;
}

const mutations: readonly Mutation[] = [
  {
    words: 'a bit turned over',
    apply: (octets, _parts, dice) => {
      const at = dice(Math.max(1, octets.length));
      return set(octets, at, (octets[at] ?? 0) ^ (1 << dice(8)));
    },
  },
  {
    words: 'an octet changed',
    apply: (octets, _parts, dice) =>
      set(octets, dice(Math.max(1, octets.length)), pick(interesting, dice) ?? 0),
  },
  {
    words: 'a length changed',
    apply: (octets, parts, dice) =>
      set(octets, partOf(octets, parts, dice).offset + 1, pick(interesting, dice) ?? 0),
  },
  {
    words: 'a type changed',
    apply: (octets, parts, dice) => set(octets, partOf(octets, parts, dice).offset, dice(256)),
  },
  { words: 'an end cut off', apply: (octets, _parts, dice) => octets.subarray(0, dice(octets.length + 1)) },
  {
    words: 'octets put in',
    apply: (octets, _parts, dice) => {
      const at = dice(octets.length + 1);
      return spliced(octets, at, at, chance(dice, 40));
    },
  },
  {
    words: 'an extension taken out',
    apply: (octets, parts, dice) => {
      const { offset, length } = partOf(octets, parts, dice);
      return spliced(octets, offset, offset + length, new Uint8Array());
    },
  },
  {
    words: 'an extension repeated',
    apply: (octets, parts, dice) => {
      const { offset, length } = partOf(octets, parts, dice);
      const copies = Buffer.concat(
        Array<Uint8Array>(1 + dice(8)).fill(octets.subarray(offset, offset + length)),
      );
      return spliced(octets, offset, offset, copies);
    },
  },
  {
    words: 'an extension moved',
    apply: (octets, parts, dice) => {
      const { offset, length } = partOf(octets, parts, dice);
      const moved = octets.subarray(offset, offset + length);
      const rest = spliced(octets, offset, offset + length, new Uint8Array());
      const at = pick([...parts.map((part) => part.offset), rest.length], dice) ?? 0;
      return spliced(rest, Math.min(at, rest.length), Math.min(at, rest.length), moved);
    },
  },
  {
    words: 'an extension of chance put in',
    apply: (octets, parts, dice) => {
      const data = chance(dice, 30);
      const at = Math.min(partOf(octets, parts, dice).offset, octets.length);
      return spliced(octets, at, at, Uint8Array.from([dice(256), data.length, ...data]));
    },
  },
];

const mobileHomeType = 32;

/** The octets with a mobile-home authentication extension behind them that verifies. */
function signed(octets: Uint8Array, association: SecurityAssociation): Uint8Array {
  const spi = new DataView(new ArrayBuffer(4));
  spi.setUint32(0, association.spi);
  const header = (length: number): Uint8Array =>
    Uint8Array.from([...octets, mobileHomeType, length, ...new Uint8Array(spi.buffer)]);
  const { length } = computeAuthenticator(header(20), octets.length, association);
  const covered = header(4 + length);
  return Uint8Array.from([...covered, ...computeAuthenticator(covered, octets.length, association)]);
}

/** The inputs of a test. Each follows from seed, test and its own number alone. */
export function generatedInputs(test: string, { seed, inputs }: GeneratorSettings): Input[] {
  return Array.from({ length: inputs }, (_, number): Input => {
    const start = (seed ^ hashed(`${test}#${number}`)) >>> 0;
    const plan = diceOf(start);
    const isSigned = plan(2) === 1;
    const chosen = Array.from({ length: 1 + plan(3) }, () => pick(mutations, plan) as Mutation);
    const words = chosen.map((mutation) => mutation.words).join(', ');
    return {
      name: `number ${number + 1} of seed ${seed}: ${words}${isSigned ? ', then signed' : ''}`,
      make: (datagram) => [mutated(datagram, chosen, isSigned, diceOf(start ^ 0x5bd1e995))],
    };
  });
}

function mutated(datagram: Datagram, chosen: readonly Mutation[], isSigned: boolean, dice: Dice): Uint8Array {
  const { body, extensions, options } = datagram;
  const association = options.associations?.mobileHome;
  const mobileHome = extensions.find(({ type }) => type === mobileHomeType);
  const resign = isSigned && association !== undefined && mobileHome !== undefined;
  const parts = resign ? extensions.filter(({ offset }) => offset < mobileHome.offset) : extensions;
  let octets: Uint8Array = resign ? body.subarray(0, mobileHome.offset) : body;
  for (const mutation of chosen) octets = mutation.apply(octets, parts, dice).subarray(0, mostOctets);
  return withBody(datagram, resign ? signed(octets, association) : octets);
}
