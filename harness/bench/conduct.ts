/** One whole run: bench up, warm-up, every test, bench down. */
import type { Ledger } from '../vectors/ledger.ts';
import type { Profile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { type OpenBench, type OpenOptions, openBench } from './open.ts';
import { type Finished, type RunFacts, Schedule } from './schedule.ts';

export interface ConductOptions extends OpenOptions {
  profile: Profile;
  ledger: Ledger;
  tests: readonly TestCase[];
  strict?: boolean;
  concurrency?: number;
}

/** A bench with its schedule, ready for tests. */
export interface Conductor {
  facts: RunFacts;
  open: OpenBench;
  /** `begins` is called when the test has its place on the bench. */
  run(test: TestCase, begins?: () => void): Promise<Finished>;
  /** Frames the kernel dropped, and other things that spoil verdicts. */
  findings(): string[];
  close(): Promise<void>;
}

/** Set the bench up and measure its round trips. Throws BenchError, NetError or KernelError when it cannot be. */
export async function startConductor(
  options: Omit<ConductOptions, 'tests'> & { sample: TestCase },
): Promise<Conductor> {
  const { profile, ledger } = options;
  const open = await openBench(profile, options);
  try {
    const schedule = new Schedule({
      profile,
      ledger,
      benches: open.benches,
      ...(options.strict === undefined ? {} : { strict: options.strict }),
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    });
    await schedule.warmUp(options.sample);
    return {
      facts: schedule.facts,
      open,
      run: (test, begins) => schedule.run(test, begins),
      findings: () => {
        const dropped = open.benches.reduce((sum, bench) => sum + bench.dropped(), 0);
        return dropped === 0
          ? []
          : [`the kernel dropped ${dropped} frames because this machine was too slow: do not trust absences`];
      },
      close: () => open.close(),
    };
  } catch (error) {
    await open.close();
    throw error;
  }
}

/** Conduct a run from beginning to end; outcomes in the order of the tests. */
export async function conduct(
  options: ConductOptions,
): Promise<{ finished: Finished[]; facts: RunFacts; findings: string[] }> {
  const [sample] = options.tests;
  if (sample === undefined) throw new Error('there is no test to run');
  const conductor = await startConductor({ ...options, sample });
  try {
    const finished = await Promise.all(options.tests.map((test) => conductor.run(test)));
    return { finished, facts: conductor.facts, findings: conductor.findings() };
  } finally {
    await conductor.close();
  }
}
