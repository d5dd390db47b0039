/**
 * How the harness itself is tested: every deviation of a reference agent is run against the whole suite, and has to be caught by
 * exactly the vectors that name it (architecture: "Reference agents").
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deviations } from '../agents/deviations.ts';
import { conduct } from '../bench/conduct.ts';
import type { Outcome, Verdict } from '../engine/outcome.ts';
import { icsHolds } from '../vectors/ics.ts';
import { type Ledger, loadLedger } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { loadProfile, type Profile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { UsageError } from './errors.ts';
import { inPrivateWorld } from './isolation.ts';

/** The set-ups of the reference home agent; each deviation runs on the fewest that show all its vectors. */
export const labProfiles = ['home-agent', 'home-agent-legacy', 'home-agent-alternative'] as const;
type LabProfile = (typeof labProfiles)[number];

interface Options {
  deviation: string[];
  labs: string;
  update?: boolean;
}

interface Job {
  deviation: string | undefined;
  profile: LabProfile;
  tests: readonly TestCase[];
}

interface Result {
  job: Job;
  /** Ids of the tests that showed it, and of those that ran at all. */
  caught: string[];
  ran: string[];
  /** Clauses that were blamed as their level says. */
  blamed: string[];
  /** What is wrong, in sentences; none: the job passed. */
  problems: string[];
  milliseconds: number;
}

/** More than this many wrong rows are no accident of a busy machine. */
const mostAgain = 5;

const red: readonly Verdict[] = ['FAIL', 'WARN', 'ERROR'];

/** What the clean agent was recorded doing, by test and judgement: where a clause is INFO, another record is what catches. */
type Baseline = ReadonlyMap<string, (string | undefined)[]>;

const recordsOf = (outcome: Outcome): (string | undefined)[] =>
  outcome.judgements.map((judgement) => judgement.recorded);

/** The judgements that show a deviation: broken expectations, and records that differ from the clean agent's. */
function telling(outcome: Outcome, baseline: Baseline | undefined): Outcome['judgements'] {
  const clean = baseline?.get(outcome.id);
  return outcome.judgements.filter(
    (judgement, at) =>
      red.includes(judgement.verdict) ||
      (clean !== undefined && judgement.recorded !== undefined && judgement.recorded !== clean[at]),
  );
}

const isCaught = (outcome: Outcome, baseline: Baseline | undefined): boolean =>
  outcome.verdict === 'ERROR' || telling(outcome, baseline).length > 0;

/**
 * Which set-ups a deviation has to be run on: the first with every test that applies there, the others with what did not apply
 * before.
 */
function jobsOf(
  deviation: string,
  tests: readonly TestCase[],
  profiles: ReadonlyMap<LabProfile, Profile>,
): Job[] {
  let left = tests.filter((test) => test.kills.includes(deviation));
  // One that no vector names yet: wherever it may show.
  if (left.length === 0) return [...profiles.keys()].map((profile) => ({ deviation, profile, tests }));
  let untried = tests;
  const jobs: Job[] = [];
  for (const [name, profile] of profiles) {
    const applies = (test: TestCase): boolean => icsHolds(test.requires, profile.ics);
    if (!left.some(applies)) continue;
    jobs.push({ deviation, profile: name, tests: untried.filter(applies) });
    left = left.filter((test) => !applies(test));
    untried = untried.filter((test) => !applies(test));
  }
  return jobs;
}

/** What a run of a deviation shows against what the vectors say of it. */
function compare(
  job: Job,
  outcomes: readonly Outcome[],
  profile: Profile,
  baseline: Baseline | undefined,
): string[] {
  const { tests } = job;
  const problems: string[] = [];
  const wanted = new Set(
    tests
      .filter(
        (test) =>
          job.deviation !== undefined &&
          test.kills.includes(job.deviation) &&
          icsHolds(test.requires, profile.ics),
      )
      .map((test) => test.id),
  );
  for (const outcome of outcomes) {
    const caught = isCaught(outcome, baseline);
    const why = because(outcome, baseline);
    if (caught && !wanted.has(outcome.id)) {
      problems.push(`${outcome.id} turned ${outcome.verdict} and does not name it${why}`);
    }
    if (!caught && wanted.has(outcome.id)) {
      problems.push(`${outcome.id} names it and gave ${outcome.verdict}${why}`);
    }
    if (job.deviation === undefined && outcome.verdict === 'INCONCLUSIVE') {
      problems.push(`${outcome.id}: INCONCLUSIVE${why}`);
    }
  }
  if (job.deviation !== undefined && wanted.size === 0) problems.push('no vector names it');
  return problems;
}

/** The clauses whose judgement showed the deviation, with the verdict that the ledger gives them. */
function blamed(outcomes: readonly Outcome[], ledger: Ledger, baseline: Baseline | undefined): string[] {
  const shown = outcomes.flatMap((outcome) => telling(outcome, baseline));
  const right = shown.filter((one) => one.verdict === ledger.clause(one.clause).verdict);
  return [...new Set(right.map((one) => one.clause.split('#')[0] as string))];
}

/** A deviation breaks a clause: wherever it ran, that clause has to be among those blamed. */
function wronglyBlamed(results: readonly Result[]): string[] {
  const names = [...new Set(results.flatMap(({ job }) => job.deviation ?? []))];
  return names.flatMap((name) => {
    const of = results.filter(({ job }) => job.deviation === name);
    const deviation = deviations.get(name);
    const own = [deviation?.clause, ...(deviation?.also ?? [])];
    const clauses = [...new Set(of.flatMap((result) => result.blamed))];
    if (clauses.some((clause) => own.includes(clause))) return [];
    return [`${name} breaks ${own.join(', ')}, but the clauses blamed were: ${clauses.join(', ') || 'none'}`];
  });
}

function because(outcome: Outcome, baseline: Baseline | undefined): string {
  const [broken] = telling(outcome, baseline);
  if (broken?.difference !== undefined) {
    return ` (${broken.clause} ${broken.difference.path}: expected ${broken.difference.expected}, actual ${broken.difference.actual})`;
  }
  if (broken !== undefined) return ` (${broken.clause}: ${broken.actual.join(' / ')})`;
  return outcome.reason === undefined ? '' : ` (${outcome.reason})`;
}

/** A condition of the vector language. */
const onlyWhere = (condition: string, name: string): object =>
  Object.fromEntries([
    ['if', condition],
    ['then', [name]],
  ]);

/** Run jobs, a few labs at a time, and hand each result on as it comes. */
async function runJobs(
  jobs: readonly Job[],
  labs: number,
  run: (job: Job, lab: number) => Promise<Result>,
  done: (result: Result) => void,
): Promise<void> {
  const queue = [...jobs];
  const worker = async (lab: number): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) done(await run(job, lab));
  };
  await Promise.all(Array.from({ length: Math.min(labs, jobs.length) }, (_, n) => worker(n + 1)));
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
  if (await inPrivateWorld()) return;
  const ledger = loadLedger();
  const { tests } = loadVectors({ ledger, deviations: new Set(deviations.keys()) });
  const profiles = new Map(
    labProfiles.map(
      (name) => [name, loadProfile(join(projectRoot, `harness/bench/lab/${name}.profile.json`))] as const,
    ),
  );
  const names = options.deviation.length > 0 ? options.deviation : [...deviations.keys()];
  const deviant = names.flatMap((deviation): Job[] => jobsOf(deviation, tests, profiles));
  const needed = labProfiles.filter(
    (profile) => options.deviation.length === 0 || deviant.some((job) => job.profile === profile),
  );
  const clean: Job[] = needed.map((profile) => ({ deviation: undefined, profile, tests }));
  const results: Result[] = [];
  const baselines = new Map<LabProfile, Baseline>();
  const total = clean.length + deviant.length;
  const run = async (job: Job, lab: number): Promise<Result> => {
    const profile = profiles.get(job.profile) as Profile;
    const started = performance.now();
    const own = job.deviation === undefined ? [] : [job.deviation];
    const { finished } = await conduct({ profile, ledger, tests: job.tests, number: lab, deviations: own });
    const outcomes = finished.map(({ outcome }) => outcome);
    if (job.deviation === undefined) {
      baselines.set(job.profile, new Map(outcomes.map((outcome) => [outcome.id, recordsOf(outcome)])));
    }
    const baseline = baselines.get(job.profile);
    const problems = compare(job, outcomes, profile, baseline);
    // Whole outcomes of every run would not fit into memory.
    const caught = outcomes.filter((outcome) => isCaught(outcome, baseline)).map(({ id }) => id);
    const ran = outcomes.filter(({ verdict }) => verdict !== 'NOT APPLICABLE').map(({ id }) => id);
    const clauses = blamed(outcomes, ledger, baseline);
    return { job, caught, ran, blamed: clauses, problems, milliseconds: performance.now() - started };
  };
  const done = (result: Result): void => {
    results.push(result);
    printRow(result, results.length, total);
  };
  // Side by side the labs fight for the processors, and a late probe is INCONCLUSIVE: what went wrong is run once more, alone.
  const runAgain = async (): Promise<void> => {
    const wrong = results.filter(
      (result) => result.job.deviation !== undefined && result.problems.length > 0,
    );
    if (wrong.length === 0 || wrong.length > mostAgain) return;
    process.stdout.write(`once more, one after the other: ${wrong.length}\n`);
    for (const result of wrong) results.splice(results.indexOf(result), 1);
    await runJobs(
      wrong.map(({ job }) => job),
      1,
      run,
      done,
    );
  };
  await runJobs(clean, labs, run, done);
  await runJobs(deviant, labs, run, done);
  if (!options.update) await runAgain();
  if (options.update) updateKills(results, tests);
  const failed = results.filter((result) => result.problems.length > 0);
  const wrong = wronglyBlamed(results);
  for (const problem of wrong) process.stdout.write(`WRONG ${problem}\n`);
  const amiss = failed.length + wrong.length;
  process.stdout.write(`kill matrix: ${results.length - failed.length} passed, ${amiss} failed\n`);
  process.exitCode = amiss === 0 ? 0 : 1;
  process.exit();
}

function printRow(result: Result, n: number, of: number): void {
  const { caught } = result;
  const name = result.job.deviation ?? 'no deviation';
  const clause =
    result.job.deviation === undefined ? '' : ` [${deviations.get(result.job.deviation)?.clause}]`;
  const state = result.problems.length === 0 ? 'ok  ' : 'WRONG';
  const by = caught.length === 0 ? 'nothing red' : `caught by ${caught.length}: ${shorten(caught)}`;
  process.stdout.write(
    `${String(n).padStart(3)}/${of} ${state} ${name}${clause} on ${result.job.profile}: ${by} (${(result.milliseconds / 1000).toFixed(1)} s)\n`,
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

/**
 * Write the deviations each vector was seen to catch into its file. For review: what is written here is a claim that has to be
 * understood, not a result.
 */
function updateKills(results: readonly Result[], tests: readonly TestCase[]): void {
  const seen = new Map<string, Set<string>>();
  // A test that was not applicable where the deviation ran keeps what it says of it.
  const ran = new Map<string, Set<string>>();
  const into = (map: Map<string, Set<string>>, key: string, value: string): void => {
    map.set(key, (map.get(key) ?? new Set()).add(value));
  };
  for (const { job, caught, ran: tried } of results) {
    if (job.deviation === undefined) continue;
    for (const id of caught) into(seen, id, job.deviation);
    for (const id of tried) into(ran, job.deviation, id);
  }
  const kept = (test: TestCase): string[] => test.kills.filter((name) => !ran.get(name)?.has(test.id));
  const conditions: { [position: string]: string } = {
    'co-located': "position == 'co-located'",
    'foreign-agent': "position == 'foreign-agent'",
    'foreign-agent-secured': "position == 'foreign-agent-secured'",
    'home-link': "position == 'home-link'",
  };
  for (const file of new Set(tests.map((test) => test.file))) {
    const path = join(projectRoot, file);
    const vector = JSON.parse(readFileSync(path, 'utf8')) as {
      [key: string]: unknown;
      cases?: { [key: string]: unknown }[];
    };
    const of = tests.filter((test) => test.file === file);
    const rows = vector.cases ?? [vector];
    for (const row of rows) {
      const group =
        vector.cases === undefined
          ? of
          : of.filter((test) => test.id.slice(0, test.id.indexOf('@')).endsWith(`/${String(row.id)}`));
      const kills: unknown[] = [];
      const names = new Set(group.flatMap((test) => [...(seen.get(test.id) ?? []), ...kept(test)]));
      for (const name of [...names].sort()) {
        const by = group.filter((test) => seen.get(test.id)?.has(name) || kept(test).includes(name));
        if (by.length === group.length) kills.push(name);
        else kills.push(onlyWhere(by.map((test) => conditions[test.position]).join(' or '), name));
      }
      if (kills.length > 0) row.kills = kills;
      else delete row.kills;
    }
    if (vector.cases !== undefined) delete vector.kills;
    writeFileSync(path, `${JSON.stringify(vector, null, 2)}\n`);
  }
}
