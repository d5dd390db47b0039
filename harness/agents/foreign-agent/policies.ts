import { type Ipv4Prefix, inIpv4Prefix } from '../common/addresses.ts';

/** The draft's choices for a request with an IPv6 home address (section 4.4): 1, 2 and "4". */
export type Ipv6Choice = 'ignore' | 'deliver' | 'deliver-and-reverse-tunnel';

/** What is done for a mobile node. */
export interface Policy {
  ipv6: Ipv6Choice;
  /** For `ignore`: told to the mobile node in a code extension behind the MHAE of the reply (reading A09). */
  ipv6Code?: 64 | 65;
  /** Requests are denied with code 65. */
  refused: boolean;
}

/** A policy and which mobile nodes it is for; of NAI and home address, all that is given must fit. */
export interface PolicyRule extends Policy {
  nai?: NaiPattern;
  homeAddress?: Ipv4Prefix;
}

/** A NAI that is matched as a whole, or with a number, or anything, between two parts. */
export interface NaiPattern {
  before: string;
  /** Undefined: the NAI is `before`. */
  middle?: 'anything' | { first: number; last: number };
  after: string;
}

/** `mn{n}@example.net` (numbers `first` to `last`, without leading zeros), `*@example.net`, or a NAI. */
export function naiPattern(text: string, first: number, last: number): NaiPattern {
  const numbered = text.split('{n}');
  if (numbered.length === 2) {
    const [before = '', after = ''] = numbered;
    return { before, middle: { first, last }, after };
  }
  const wild = text.split('*');
  if (numbered.length > 2 || wild.length > 2) {
    throw new Error(`"${text}" has more than one place to fill in: expected at most one "{n}" or "*"`);
  }
  const [before = '', after] = wild;
  return after === undefined ? { before, after: '' } : { before, middle: 'anything', after };
}

function fits(pattern: NaiPattern, nai: string): boolean {
  const { before, middle, after } = pattern;
  if (middle === undefined) {
    return nai === before;
  }
  if (nai.length < before.length + after.length || !nai.startsWith(before) || !nai.endsWith(after)) {
    return false;
  }
  if (middle === 'anything') {
    return true;
  }
  const digits = nai.slice(before.length, nai.length - after.length);
  const number = Number(digits);
  return /^(0|[1-9]\d{0,9})$/.test(digits) && number >= middle.first && number <= middle.last;
}

/** The policy for a mobile node: the first rule that fits it, else the default. */
export function findPolicy(
  rules: readonly PolicyRule[],
  otherwise: Policy,
  nai: string | undefined,
  homeAddress: number,
): Policy {
  return (
    rules.find(
      (rule) =>
        (rule.nai === undefined || (nai !== undefined && fits(rule.nai, nai))) &&
        (rule.homeAddress === undefined || inIpv4Prefix(homeAddress, rule.homeAddress)),
    ) ?? otherwise
  );
}
