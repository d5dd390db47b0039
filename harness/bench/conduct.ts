/** One whole run: bench up, warm-up, every test, bench down. */
import type { Ledger } from '../vectors/ledger.ts';
import type { Profile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { ClaimRecord } from './claims/record.ts';
import { examine, spoilersOf } from './doctor/examine.ts';
import { causeOf } from './doctor/finding.ts';
import { type OpenBench, type OpenOptions, openBench } from './open.ts';
import { paceFindings } from './pace.ts';
import { type Finished, type RunFacts, Schedule, type Watch } from './schedule.ts';

/** What a run on an open bench needs. */
export interface RunOptions {
  profile: Profile;
  ledger: Ledger;
  strict?: boolean;
  concurrency?: number;
  once?: boolean;
}

export interface ConductOptions extends RunOptions, OpenOptions {
  /** Resolves with the reason when nobody waits for the run any more: the set-up is then cut short. */
  over?: Promise<string>;
  /** What the bench is seen through: for tests that mislead the harness. */
  through?: (bench: OpenBench['bench']) => OpenBench['bench'];
}

/** A bench with its schedule, ready for tests. */
export interface Conductor {
  facts: RunFacts;
  open: OpenBench;
  /** `mobileNodes`: the numbers of those it is to run with, as an outcome of it names them. */
  run(test: TestCase, watch?: Watch, mobileNodes?: readonly number[]): Promise<Finished>;
  /** The device is left as the profile says it is, as far as it was told otherwise. */
  settle(): Promise<void>;
  /** What the device showed of its claims so far. */
  claims: ClaimRecord;
  /** Frames the kernel dropped, and other things that spoil verdicts. */
  findings(): string[];
  close(): Promise<void>;
}

/**
 * Set the bench up and measure its round trips; when it is `over` before that, the bench is interrupted. Throws BenchError, NetError or
 * KernelError when it cannot be.
 */
export async function startConductor(
  options: ConductOptions & { tests: readonly TestCase[] },
): Promise<Conductor> {
  const open = await openBench(options.profile, options);
  let ready = false;
  options.over?.then((why) => {
    if (!ready) open.bench.interrupt(why);
  });
  try {
    const seen = options.through === undefined ? open : { ...open, bench: options.through(open.bench) };
    const conductor = await conductorOn(seen, options, options.tests);
    ready = true;
    return conductor;
  } catch (error) {
    await open.close();
    throw error;
  }
}

/** A schedule of its own on a bench that is open, its round trips measured anew. */
async function conductorOn(
  open: OpenBench,
  options: RunOptions,
  tests: readonly TestCase[],
): Promise<Conductor> {
  const { profile, ledger, strict, concurrency, once } = options;
  const schedule = new Schedule({
    profile,
    ledger,
    bench: open.bench,
    ...(strict === undefined ? {} : { strict }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(once === undefined ? {} : { once }),
  });
  await schedule.warmUp(tests);
  const claims = new ClaimRecord(profile, schedule.facts.originNs);
  claims.look(schedule.warmUpFrames);
  const trouble: string[] = [];
  try {
    const examined = await examine({
      profile,
      bench: open.bench,
      facts: schedule.facts,
      frames: schedule.warmUpFrames,
      tests,
      heard: (frames) => claims.look(frames),
    });
    schedule.spoil(spoilersOf(examined));
  } catch (error) {
    trouble.push(`what is around the device could not be looked at: ${(error as Error).message}`);
  }
  return {
    facts: schedule.facts,
    open,
    run: async (test, watch, mobileNodes) => {
      const finished = await schedule.run(test, watch, mobileNodes);
      claims.look(finished.frames, test.id);
      return finished;
    },
    claims,
    findings: () => {
      const dropped = open.bench.dropped();
      return [
        ...trouble,
        ...(schedule.facts.spoilers ?? []).map(causeOf),
        ...paceFindings(profile, schedule.facts.roundTripsNs),
        ...schedule.unrestored.map(
          (nai) => `the device could not be told to treat ${nai} as the profile says: see to it yourself`,
        ),
        ...open.findings,
        ...open.bench.findings(),
        ...(dropped === 0
          ? []
          : [
              `the kernel dropped ${dropped} frames because this machine was too slow: do not trust absences`,
            ]),
        ...schedule.unsteady.map(
          (id) => `${id} was run twice: an answer did not come the first time, but did the second time`,
        ),
      ];
    },
    settle: () => schedule.restore(),
    close: () => open.close(),
  };
}

/** Conduct a run on an open bench; outcomes in the order of the tests, which begin in the order given. */
export async function conduct(
  open: OpenBench,
  options: RunOptions,
  tests: readonly TestCase[],
): Promise<{ finished: Finished[]; facts: RunFacts }> {
  const conductor = await conductorOn(open, options, tests);
  const finished = new Map<TestCase, Finished>();
  const each = async (test: TestCase): Promise<void> => {
    finished.set(test, await conductor.run(test));
  };
  await Promise.all(inOrder(tests, options.profile).map(each));
  return { finished: tests.map((test) => finished.get(test) as Finished), facts: conductor.facts };
}

/**
 * The order in which tests begin: those with long waits first. Where the device is told how to treat mobile nodes, those that need the
 * same come together, so that it is told as seldom as can be.
 */
export function inOrder(tests: readonly TestCase[], { bench }: Pick<Profile, 'bench'>): TestCase[] {
  const isTold = 'hooks' in bench && bench.hooks?.reconfigure !== undefined;
  const kind = ({ needs }: TestCase): string => (isTold ? (needs.ipv6Handling ?? '') : '');
  return [...tests].sort((a, b) => kind(a).localeCompare(kind(b)) || waitsOf(b) - waitsOf(a));
}

/** What a test will wait for at least, roughly, in seconds: those with long waits begin first. */
export function waitsOf(test: TestCase): number {
  const number = (value: unknown): number => (typeof value === 'number' ? value : 1);
  const of = (step: TestCase['body'][number]): number => {
    if (step.kind === 'wait') return number(step.seconds) + number(step.plus);
    if (step.kind === 'silence' || step.kind === 'record') {
      return (
        (step.barrier.length === 0 ? 1 : 0) +
        [...step.stimulus, ...step.barrier].reduce((sum, inner) => sum + of(inner), 0)
      );
    }
    return 0;
  };
  return [...test.preamble, ...test.body, ...test.postamble].reduce((sum, step) => sum + of(step), 0);
}
