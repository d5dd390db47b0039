/**
 * How the harness itself is tested: every deviation of a reference agent is run against the suite of its role, and has to be caught
 * by exactly the vectors that name it (architecture: "Reference agents").
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { deviations } from '../agents/deviations.ts';
import { notApplicable } from '../bench/applicability.ts';
import { mountPrivateRun } from '../net/index.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile, type Profile } from '../vectors/profile.ts';
import { deviceRoles, type Role, type TestCase } from '../vectors/types.ts';
import { type LoadedSuite, loadCatalogue } from './catalogue.ts';
import { UsageError } from './errors.ts';
import { inPrivateWorld } from './isolation.ts';
import { type Job, type Result, unbroken, wronglyBlamed } from './kill-judge.ts';
import { updateKills } from './kill-update.ts';
import type { FromWorker, ToWorker } from './kill-worker.ts';
import { labProfiles, profileFile } from './lab-profiles.ts';

interface Options {
  deviation: string[];
  role?: string;
  labs: string;
  sample: string;
  update?: boolean;
}

/** More than this many wrong rows are no accident of a busy machine. */
const mostAgain = 5;

/** With fewer rows than that to do, another lab is not built. */
const fewestRows = 3;

type Profiles = ReadonlyMap<string, Profile>;

/** One of `of` tests, others for every deviation, and the same ones each time. */
const isSampled = (deviation: string, { id }: TestCase, of: number): boolean =>
  createHash('sha256').update(`${deviation} ${id}`).digest().readUInt32BE() % of === 0;

/**
 * Which set-ups a deviation has to be run on: the first with every test that applies there, the others with what did not apply
 * before. Of the tests that do not name it one in `sample` is run.
 */
function jobsOf(deviation: string, all: readonly TestCase[], profiles: Profiles, sample: number): Job[] {
  const tests = all.filter((test) => test.kills.includes(deviation) || isSampled(deviation, test, sample));
  let left = tests.filter((test) => test.kills.includes(deviation));
  const ids = (some: readonly TestCase[]): string[] => some.map(({ id }) => id);
  // One that no vector names yet: wherever it may show.
  if (left.length === 0)
    return [...profiles.keys()].map((profile) => ({ deviation, profile, tests: ids(all) }));
  let untried = tests;
  const jobs: Job[] = [];
  for (const [name, profile] of profiles) {
    const applies = (test: TestCase): boolean => notApplicable(test, profile) === undefined;
    if (!left.some(applies)) continue;
    jobs.push({ deviation, profile: name, tests: ids(untried.filter(applies)) });
    left = left.filter((test) => !applies(test));
    untried = untried.filter((test) => !applies(test));
  }
  return jobs;
}

/**
 * Rows that wait. A lab goes on with its set-up, so that it seldom has to be built anew; set-ups that leave the processors idle run
 * beside those that do not.
 */
class JobQueue {
  private readonly waiting = new Map<string, Job[]>();
  private readonly setUps = new Map<number, string>();

  constructor(jobs: readonly Job[]) {
    for (const job of jobs) this.waiting.set(job.profile, [...(this.waiting.get(job.profile) ?? []), job]);
  }

  /** The next row for a lab; none when the labs that there are will do. */
  next(lab: number): Job | undefined {
    const own = this.setUps.get(lab);
    if (own === undefined || this.left(own) === 0) {
      this.setUps.delete(lab);
      const other = this.longest();
      if (other === undefined) return undefined;
      this.setUps.set(lab, other);
    }
    return this.waiting.get(this.setUps.get(lab) ?? '')?.shift();
  }

  private left(setUp: string): number {
    return this.waiting.get(setUp)?.length ?? 0;
  }

  /** The set-up with most rows left for each lab that it has, where one more lab is worth its building. */
  private longest(): string | undefined {
    const labs = (setUp: string): number => [...this.setUps.values()].filter((one) => one === setUp).length;
    const share = (setUp: string): number => this.left(setUp) / (1 + labs(setUp));
    const worthwhile = [...this.waiting.keys()].filter(
      (one) => this.left(one) > 0 && (labs(one) === 0 || share(one) >= fewestRows),
    );
    return worthwhile.reduce<string | undefined>(
      (best, one) => (best === undefined || share(one) > share(best) ? one : best),
      undefined,
    );
  }
}

/** A worker process and its labs. */
class Worker {
  readonly ready: Promise<void>;
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, (message: Extract<FromWorker, { result: Result }>) => void>();
  private failed: (error: Error) => void = () => {};

  constructor() {
    this.child = fork(join(projectRoot, 'harness/cli/dsmip.mjs'), ['kill-worker'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.ready = new Promise((resolve, reject) => {
      this.failed = reject;
      this.child.on('message', (message: FromWorker) => {
        if ('ready' in message) resolve();
        else this.waiting.get(message.lab)?.(message);
      });
      this.child.on('exit', (code) =>
        this.failed(new Error(`a worker of the matrix ended with status ${code}`)),
      );
    });
  }

  say(message: ToWorker): void {
    this.child.send(message);
  }

  run(job: Job, lab: number): Promise<Extract<FromWorker, { result: Result }>> {
    return new Promise((resolve, reject) => {
      this.failed = reject;
      this.waiting.set(lab, resolve);
      this.say({ job, lab });
    });
  }
}

/** `dsmip kill-matrix`. Exit status 0 when every deviation is caught by exactly the vectors that name it. */
export async function killMatrixCommand(options: Options): Promise<void> {
  const labs = Number(options.labs);
  if (!Number.isInteger(labs) || labs < 1 || labs > 64)
    throw new UsageError(`--labs takes a number from 1 to 64, not "${options.labs}"`);
  for (const name of options.deviation) {
    if (!deviations.has(name))
      throw new UsageError(`there is no deviation "${name}": dsmip agent deviations lists them`);
  }
  if (options.role !== undefined && !(options.role in labProfiles))
    throw new UsageError(`--role takes ${Object.keys(labProfiles).join(', ')}, not "${options.role}"`);
  const sample = Number(options.sample);
  if (!Number.isInteger(sample) || sample < 1 || sample > 100)
    throw new UsageError(`--sample takes a number from 1 to 100, not "${options.sample}"`);
  if (await inPrivateWorld()) return;
  // Once, before the workers would each do it.
  mountPrivateRun();
  const { suites, ledger, tests: all } = loadCatalogue();
  const names = options.deviation.length > 0 ? options.deviation : [...deviations.keys()];
  const choice = namedOnDemandOnly(suites);
  const jobs = (Object.keys(labProfiles) as Role[])
    .filter((role) => options.role === undefined || role === options.role)
    .flatMap((role) =>
      groups(suites).flatMap(({ tests: ofGroup, isChoice }) => {
        const tests = ofGroup.filter((test) => test.role === role);
        // In scenarios every agent takes part; their vectors name a choice of what the suites prove already.
        const own = role === 'scenario' ? names : names.filter((name) => name.startsWith(`${role}/`));
        const named = new Set(tests.flatMap(({ kills }) => kills));
        const isAll = role === 'scenario' ? options.update === true && options.role === role : !isChoice;
        return jobsOfRole(
          role,
          isAll ? own.filter((name) => !choice.has(name)) : own.filter((name) => named.has(name)),
          tests,
          sample,
        );
      }),
    );
  if (jobs.length === 0) throw new UsageError('no row of the matrix is like that');
  const results = await runAll(jobs, labs, options.update === true);
  if (options.update) updateKills(results, all);
  const failed = results.filter((result) => result.problems.length > 0);
  const wrong = wronglyBlamed(results.filter(({ job }) => !labProfiles.scenario.includes(job.profile)));
  if (options.deviation.length === 0 && options.update !== true)
    for (const role of deviceRoles)
      if (options.role === undefined || options.role === role) wrong.push(...unbroken(ledger, role, results));
  for (const problem of wrong) process.stdout.write(`WRONG ${problem}\n`);
  const amiss = failed.length + wrong.length;
  process.stdout.write(`kill matrix: ${results.length - failed.length} passed, ${amiss} failed\n`);
  process.exitCode = amiss === 0 ? 0 : 1;
  process.exit();
}

/**
 * Suites that are run together, and those that are run on demand, each by itself: their vectors name the deviations that they are
 * about, which are run there alone.
 */
function groups(suites: readonly LoadedSuite[]): { tests: TestCase[]; isChoice: boolean }[] {
  const together = suites.filter(({ suite }) => suite.onDemand !== true);
  const alone = suites.filter(({ suite }) => suite.onDemand === true);
  return [
    // They take longest, so that they begin first.
    ...alone.map(({ tests }) => ({ tests, isChoice: true })),
    { tests: together.flatMap(({ tests }) => tests), isChoice: false },
  ];
}

/** Deviations that only suites run on demand are about. */
function namedOnDemandOnly(suites: readonly LoadedSuite[]): ReadonlySet<string> {
  const namedBy = (some: readonly TestCase[]): string[] => some.flatMap(({ kills }) => kills);
  const of = (isChoice: boolean): string[] =>
    namedBy(groups(suites).flatMap((group) => (group.isChoice === isChoice ? group.tests : [])));
  const ordinary = new Set(of(false));
  return new Set(of(true).filter((name) => !ordinary.has(name)));
}

/** The rows of a role, those without a deviation first. */
function jobsOfRole(role: Role, names: readonly string[], tests: readonly TestCase[], sample: number): Job[] {
  if (names.length === 0 || tests.length === 0) return [];
  const profiles: Profiles = new Map(
    labProfiles[role].map((name) => [name, loadProfile(profileFile(name))] as const),
  );
  const deviant = names.flatMap((deviation) => jobsOf(deviation, tests, profiles, sample));
  const needed = [...profiles.keys()].filter((profile) => deviant.some((job) => job.profile === profile));
  const ids = tests.map(({ id }) => id);
  return [
    ...needed.map((profile): Job => ({ deviation: undefined, profile, tests: ids })),
    // One set-up after the other: a lab then seldom has to be built anew.
    ...needed.flatMap((profile) => deviant.filter((job) => job.profile === profile)),
  ];
}

/** Run the rows, a few labs at a time on as many processes as there are processors. */
async function runAll(jobs: readonly Job[], labs: number, update: boolean): Promise<Result[]> {
  const workers = Array.from({ length: Math.min(availableParallelism(), labs) }, () => new Worker());
  await Promise.all(workers.map((worker) => worker.ready));
  const results: Result[] = [];
  const done = (result: Result): void => {
    results.push(result);
    printRow(result, results.length, jobs.length);
  };
  const runJobs = async (list: readonly Job[], most: number): Promise<void> => {
    const queue = new JobQueue(list);
    const slot = async (lab: number): Promise<void> => {
      const worker = workers[lab % workers.length] as Worker;
      for (let job = queue.next(lab); job !== undefined; job = queue.next(lab)) {
        const { result, records } = await worker.run(job, lab + 1);
        if (job.deviation === undefined)
          for (const each of workers) each.say({ profile: job.profile, baseline: records });
        done(result);
      }
    };
    await Promise.all(Array.from({ length: Math.min(most, list.length) }, (_, lab) => slot(lab)));
  };
  await runJobs(
    jobs.filter(({ deviation }) => deviation === undefined),
    labs,
  );
  await runJobs(
    jobs.filter(({ deviation }) => deviation !== undefined),
    labs,
  );
  // Side by side the labs fight for the processors, and a late probe is INCONCLUSIVE: what went wrong is run once more, alone.
  const wrong = results.filter(({ job, problems }) => job.deviation !== undefined && problems.length > 0);
  if (!update && wrong.length > 0 && wrong.length <= mostAgain) {
    process.stdout.write(`once more, one after the other: ${wrong.length}\n`);
    for (const result of wrong) results.splice(results.indexOf(result), 1);
    await runJobs(
      wrong.map(({ job }) => job),
      1,
    );
  }
  for (const worker of workers) worker.say({ finish: true });
  return results;
}

function printRow(result: Result, n: number, of: number): void {
  const { caught, job } = result;
  const name = job.deviation ?? 'no deviation';
  const clause = job.deviation === undefined ? '' : ` [${deviations.get(job.deviation)?.clause}]`;
  const state = result.problems.length === 0 ? 'ok  ' : 'WRONG';
  const by = caught.length === 0 ? 'nothing red' : `caught by ${caught.length}: ${shorten(caught)}`;
  process.stdout.write(
    `${String(n).padStart(3)}/${of} ${state} ${name}${clause} on ${job.profile}: ${by} (${(result.milliseconds / 1000).toFixed(1)} s)\n`,
  );
  for (const problem of result.problems) process.stdout.write(`          ${problem}\n`);
}

/** Test ids without their positions, each vector once. */
function shorten(ids: string[]): string {
  const vectors = [...new Set(ids.map((id) => id.slice(0, id.indexOf('@'))))];
  return vectors.length > 6
    ? `${vectors.slice(0, 6).join(', ')} and ${vectors.length - 6} more`
    : vectors.join(', ');
}
