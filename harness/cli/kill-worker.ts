/** A process of the kill matrix: some labs, whose agents are made to deviate in one way after the other. */
import { BenchError } from '../bench/agent-process.ts';
import { conduct } from '../bench/conduct.ts';
import { type OpenBench, openBench } from '../bench/open.ts';
import type { Outcome } from '../engine/outcome.ts';
import { type GeneratorSettings, generatorDefaults } from '../engine/robustness/generate.ts';
import { loadProfile, type Profile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { loadCatalogue } from './catalogue.ts';
import { type Baseline, type Job, type Result, recordsOf, resultOf } from './kill-judge.ts';
import { profileFile } from './lab-profiles.ts';

/** To a worker. */
export type ToWorker =
  /** Run this row in the lab of this number. */
  | { job: Job; lab: number }
  /** What the agent as it should be did on a set-up. */
  | { profile: string; baseline: [string, (string | undefined)[]][] }
  | { finish: true };
/** From a worker: a row's result, and of a row without a deviation what was recorded. */
export type FromWorker =
  | { ready: true }
  | { result: Result; lab: number; records: [string, (string | undefined)[]][] };

/** That a deviation shows takes no more. */
const fewInputs: GeneratorSettings = { ...generatorDefaults, inputs: 40, trials: 0 };

interface Lab {
  profile: string;
  open: OpenBench;
}

/** `dsmip kill-worker`, started by the kill matrix with a channel to it. */
export async function killWorkerCommand(): Promise<void> {
  const { ledger, tests: all, suites } = loadCatalogue();
  const alone = new Set(
    suites.filter(({ suite }) => suite.oneAtATime === true).flatMap(({ tests }) => tests.map(({ id }) => id)),
  );
  const byId = new Map(all.map((test) => [test.id, test]));
  const profiles = new Map<string, Profile>();
  const baselines = new Map<string, Baseline>();
  const labs = new Map<number, Lab>();

  const profileOf = (name: string): Profile => {
    const profile = profiles.get(name) ?? loadProfile(profileFile(name));
    profiles.set(name, profile);
    return profile;
  };

  /** A lab with its agent as the row wants it: the one there is, or a new one. */
  async function openFor({ profile: name, deviation }: Job, number: number): Promise<OpenBench> {
    const deviations = deviation === undefined ? [] : [deviation];
    const lab = labs.get(number);
    if (lab?.profile === name) {
      try {
        await lab.open.deviate(deviations);
        return lab.open;
      } catch {
        // The agent did not survive the row before: it gets a new one.
      }
    }
    labs.delete(number);
    await lab?.open.close();
    const open = await openBench(profileOf(name), { number, deviations });
    labs.set(number, { profile: name, open });
    return open;
  }

  async function run(job: Job, lab: number): Promise<void> {
    const profile = profileOf(job.profile);
    const tests = job.tests.map((id) => byId.get(id) as TestCase);
    const started = performance.now();
    const open = await openFor(job, lab);
    // That answers stay away is what many deviations are about; a row that is wrong is run again as a whole.
    const once = job.deviation !== undefined;
    const { finished } = await conduct(
      open,
      {
        profile,
        ledger,
        once,
        ...(tests.some(({ id }) => alone.has(id)) ? { concurrency: 1, generator: fewInputs } : {}),
      },
      tests,
    );
    const outcomes: Outcome[] = finished.map(({ outcome }) => outcome);
    const records = outcomes.map((outcome): [string, (string | undefined)[]] => [
      outcome.id,
      recordsOf(outcome),
    ]);
    const baseline = job.deviation === undefined ? new Map(records) : baselines.get(job.profile);
    const around = { tests, profile, ledger, baseline };
    const result = resultOf(job, outcomes, around, performance.now() - started);
    say({ result, lab, records: job.deviation === undefined ? records : [] });
  }

  async function again(job: Job, number: number): Promise<void> {
    try {
      await run(job, number);
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      process.stderr.write(`lab ${number} is built anew: ${error.message}\n`);
      await labs.get(number)?.open.close();
      labs.delete(number);
      await run(job, number);
    }
  }

  process.on('message', (message: ToWorker) => {
    if ('finish' in message) process.exit(0);
    else if ('baseline' in message) {
      const before = baselines.get(message.profile) ?? [];
      baselines.set(message.profile, new Map([...before, ...message.baseline]));
    }
    // An agent of a lab may be too slow on a busy machine: the lab is built anew, once.
    else
      again(message.job, message.lab).catch((error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        process.exit(1);
      });
  });
  process.on('disconnect', () => process.exit(1));
  say({ ready: true });
}

function say(message: FromWorker): void {
  process.send?.(message);
}
