/**
 * `dsmip run --retry`: a test that failed is run alone on a device that begins anew, and where it passes then, it is searched for what has
 * to run before it so that it fails.
 */
import { isRetried, type RetryFacts } from '../../reports/model/results.ts';
import type { Conductor } from '../bench/conduct.ts';
import { type Outcome, type Verdict, worst } from '../engine/outcome.ts';
import type { TestCase } from '../vectors/types.ts';

/** What a search needs of the bench. */
export interface Retrying {
  /** The device begins anew. Resolves to the reason when it cannot be made to. */
  reset(): Promise<string | undefined>;
  /** Run tests that were run before with the same mobile nodes; those that can be, side by side. */
  run(tests: readonly Outcome[]): Promise<Verdict[]>;
  /** What is going on, for whoever waits. */
  tell(words: string): void;
}

export interface RetryOptions {
  /** How often a test is run alone. */
  attempts: number;
  /** Sets of tests that are tried before it, at most. */
  mostRounds: number;
}

/** Sets of tests that are tried before a failed one, and failed tests for which that is done. */
export const mostRounds = 24;
export const mostSearched = 20;

/** Only what was run can be run again; what a hook or the device itself stood in the way of would be the same. */
export function isWorthRetrying({ verdict, stimuli, actions = [], breakdown }: Outcome): boolean {
  const isMissing = actions.some(({ missing }) => missing !== undefined);
  return isRetried(verdict) && stimuli.length > 0 && breakdown === undefined && !isMissing;
}

/** Reruns on the bench of a run. */
export function onBench(
  conductor: Conductor,
  known: ReadonlyMap<string, TestCase>,
  tell: (words: string) => void,
): Retrying {
  return {
    tell,
    reset: async () => {
      try {
        await conductor.open.reset();
        return undefined;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
    run: (outcomes) =>
      Promise.all(
        outcomes.map(async ({ id, mobileNodes }): Promise<Verdict> => {
          const test = known.get(id);
          if (test === undefined) throw new Error(`there is no test "${id}"`);
          return (await conductor.run(test, {}, mobileNodes)).outcome.verdict;
        }),
      ),
  };
}

/** How many tests a sentence names. */
const mostNamed = 6;

/** Tests that had begun before another one ended, in the order in which they began. */
export function ranBefore(failed: Outcome, all: readonly Outcome[]): Outcome[] {
  return all
    .filter((one) => one.id !== failed.id && one.stimuli.length > 0 && one.startNs < failed.endNs)
    .sort((a, b) => a.startNs - b.startNs);
}

/** Run a failed test again; `before` are the tests that ran before it. Rejects as the bench does. */
export async function retried(
  failed: Outcome,
  before: readonly Outcome[],
  bench: Retrying,
  { attempts, mostRounds }: RetryOptions,
): Promise<RetryFacts> {
  const search = new Search(failed, bench, mostRounds);
  const alone: Verdict[] = [];
  for (let n = 0; n < attempts; n += 1) {
    bench.tell(`${failed.id} alone${attempts === 1 ? '' : ` (${n + 1} of ${attempts})`}`);
    alone.push(await search.after([]));
  }
  const facts = (words: string, after?: readonly string[]): RetryFacts => ({
    alone,
    ...(search.notReset === undefined ? {} : { notReset: search.notReset }),
    ...(after === undefined || after.length === 0 ? {} : { after: [...after] }),
    runs: search.runs,
    words: `${words}${search.notReset === undefined ? '' : ` (the device did not begin anew before: ${search.notReset})`}`,
  });
  const seen = [...new Set(alone)];
  const said = seen.join(' and ');
  if (seen.includes(failed.verdict))
    return facts(
      seen.length === 1
        ? `alone it is ${said} as well`
        : `alone it is ${said}: not what ran before decides, but chance`,
    );
  const { verdict } = failed;
  const head = `alone it is ${said}`;
  if (before.length === 0) return facts(`${head}; nothing had run before it`);
  // What a mobile node left behind is the likeliest.
  const kin = before.filter((one) => one.mobileNodes.some((node) => failed.mobileNodes.includes(node)));
  let cause: Outcome[] | undefined;
  if (kin.length > 0 && kin.length < before.length && (await search.failsAfter(kin))) cause = kin;
  else if (await search.failsAfter(before)) cause = [...before];
  if (cause === undefined)
    return facts(
      search.isSpent
        ? `${head}; after what depends on it, is not known: the search was ended after ${search.runs} runs`
        : `${head}, and after the ${before.length} tests that ran before it as well: what ran beside it decides, or chance`,
    );
  const few = await search.narrow(cause);
  const names = few.map(({ id }) => id);
  const listed = `${names.slice(0, mostNamed).join(', ')}${names.length > mostNamed ? ` and ${names.length - mostNamed} more` : ''}`;
  const together = few.length > 1 ? (search.isSpent ? ' (the search was ended)' : ' together') : '';
  return facts(`${head}; it is ${verdict} after ${listed}${together}`, names);
}

class Search {
  runs = 0;
  notReset: string | undefined;
  private rounds = 0;
  private readonly failed: Outcome;
  private readonly bench: Retrying;
  private readonly mostRounds: number;

  constructor(failed: Outcome, bench: Retrying, mostRounds: number) {
    this.failed = failed;
    this.bench = bench;
    this.mostRounds = mostRounds;
  }

  get isSpent(): boolean {
    return this.rounds >= this.mostRounds;
  }

  /** The verdict of the test after others, on a device that begins anew. */
  async after(tests: readonly Outcome[]): Promise<Verdict> {
    this.notReset = (await this.bench.reset()) ?? this.notReset;
    if (tests.length > 0) await this.bench.run(tests);
    const verdict = worst(await this.bench.run([this.failed])) ?? 'ERROR';
    this.runs += tests.length + 1;
    return verdict;
  }

  /** Whether it fails after these as it did; false as well when there have been enough rounds. */
  async failsAfter(tests: readonly Outcome[]): Promise<boolean> {
    if (this.isSpent) return false;
    this.rounds += 1;
    this.bench.tell(`${this.failed.id} after ${tests.length === 1 ? tests[0]?.id : `${tests.length} tests`}`);
    return (await this.after(tests)) === this.failed.verdict;
  }

  /** Of tests after which it fails, the half that suffices, and of that half again; all of them where no half does. */
  async narrow(tests: Outcome[]): Promise<Outcome[]> {
    if (tests.length <= 1) return tests;
    const middle = Math.ceil(tests.length / 2);
    // What ran just before is the likelier cause.
    for (const half of [tests.slice(middle), tests.slice(0, middle)])
      if (await this.failsAfter(half)) return this.narrow(half);
    return tests;
  }
}
