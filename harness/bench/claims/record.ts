/** Claims against what was observed: evidence collected over a run or a probe, and what contradicts the ICS. */
import type { SeenFrame } from '../../engine/bench.ts';
import type { Outcome } from '../../engine/outcome.ts';
import { type Ics, icsHolds, icsNames } from '../../vectors/ics.ts';
import type { Profile } from '../../vectors/profile.ts';
import type { TestCase } from '../../vectors/types.ts';
import { evidenceIn } from './rules.ts';

/** One entry of the ICS against what was observed. */
export interface ObservedClaim {
  entry: string;
  claimed: string | boolean;
  observed: string | boolean;
  because: string;
  /** The test in which it was observed; left out for what was observed before the tests. */
  test?: string;
  /** The claim and what was observed cannot both be so. */
  contradicts: boolean;
}

interface Seen {
  value: string | boolean;
  because: string;
  test?: string;
}

/** What is true of a device that may do either: that one request had it. */
const existential = new Set([
  'reverseTunneling',
  'mobileForeignSecurity',
  'ipv6Extensions',
  'dynamicIpv4HomeAddress',
]);
/** A mobile node is told what to ask for, so its entries say what it does of itself. */
const least = 3;

/** Collects what a device shows of its claims. */
export class ClaimRecord {
  private readonly profile: Profile;
  private readonly originSeconds: number;
  /** By entry, and by value the first evidence and how often it came. */
  private readonly seen = new Map<string, Map<string | boolean, Seen & { count: number }>>();

  constructor(profile: Profile, originNs: bigint) {
    this.profile = profile;
    this.originSeconds = Number(originNs / 1_000_000_000n);
  }

  /** Take in frames; `test` is where they were seen. */
  look(frames: readonly SeenFrame[], test?: string): void {
    for (const { entry, value, because } of evidenceIn(this.profile, frames, this.originSeconds))
      this.note(entry, value, because, test);
  }

  /** Take in what was found out otherwise. */
  note(entry: string, value: string | boolean, because: string, test?: string): void {
    const values = this.seen.get(entry) ?? new Map<string | boolean, Seen & { count: number }>();
    const known = values.get(value);
    if (known !== undefined) known.count += 1;
    else values.set(value, { value, because, count: 1, ...(test === undefined ? {} : { test }) });
    this.seen.set(entry, values);
  }

  /** What was observed of an entry; undefined of what was not, or in two ways that do not go together. */
  observed(entry: string): Seen | undefined {
    const values = this.seen.get(entry);
    if (values === undefined) return undefined;
    const positive = values.get(true);
    if (positive !== undefined && existential.has(entry)) return positive;
    const [only, ...more] = values.values();
    return more.length === 0 ? only : undefined;
  }

  /** Every entry of which something was observed, in the order of the ICS. */
  claims(): ObservedClaim[] {
    const { ics, role } = this.profile;
    return icsNames(role).flatMap((entry) => {
      const seen = this.observed(entry);
      const claimed = ics[entry];
      if (seen === undefined || claimed === undefined || !this.isOfAll(entry)) return [];
      return [
        {
          entry,
          claimed,
          observed: seen.value,
          because: seen.because,
          ...(seen.test === undefined ? {} : { test: seen.test }),
          contradicts: claimed !== seen.value,
        },
      ];
    });
  }

  /** Where mobile nodes claim differently, what one does is no word on the other's claims. */
  private isOfAll(entry: string): boolean {
    return this.profile.mobileNodes.every(({ ics }) => ics?.[entry] === undefined);
  }
}

/**
 * Claims that no test bears out: tests need the claim, and not one of them passed while some failed. Says nothing of tests that were
 * spoiled, and is no verdict.
 */
export function unborne(
  ics: Ics,
  tests: readonly Pick<TestCase, 'id' | 'requires'>[],
  outcomes: ReadonlyMap<string, Pick<Outcome, 'verdict'>>,
): ObservedClaim[] {
  return Object.entries(ics).flatMap(([entry, claimed]): ObservedClaim[] => {
    if (claimed !== true) return [];
    const without: Ics = { ...ics, [entry]: false };
    const needing = tests.filter(({ requires }) => icsHolds(requires, ics) && !icsHolds(requires, without));
    const verdicts = needing.flatMap(({ id }) => outcomes.get(id)?.verdict ?? []);
    const failed = needing.filter(({ id }) => outcomes.get(id)?.verdict === 'FAIL');
    const isBorneOut = verdicts.some((one) => one === 'PASS' || one === 'WARN' || one === 'INFO');
    const [first] = failed;
    if (isBorneOut || first === undefined || failed.length < least) return [];
    return [
      {
        entry,
        claimed,
        observed: false,
        because: `of the ${verdicts.length} tests that need it none passed, and ${failed.length} failed`,
        test: first.id,
        contradicts: true,
      },
    ];
  });
}
