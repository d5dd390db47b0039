/** `dsmip run`: checks everything that can be checked beforehand, then has Playwright run the selected tests. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  againstBaseline,
  type Baseline,
  baselineLines,
  readBaseline,
} from '../../reports/compare/baseline.ts';
import { exitStatusOf, type Results } from '../../reports/model/results.ts';
import { readRun } from '../../reports/model/run.ts';
import { hasTerminal } from '../../reports/runner/operator.ts';
import {
  type BenchRequest,
  folderOf,
  type RunRequest,
  requestVariable,
} from '../../reports/runner/request.ts';
import { plural } from '../../reports/text/layout.ts';
import { deviations } from '../agents/deviations.ts';
import { closest } from '../vectors/closest.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { draftSuite } from '../vectors/suites.ts';
import type { TestCase } from '../vectors/types.ts';
import { loadCatalogue } from './catalogue.ts';
import { UsageError } from './errors.ts';
import { requireMachine } from './machine.ts';
import { formatsOf, reportsOfRun } from './report.ts';
import { benchesOf, makeFolder, playwrightFolder, processStart } from './request.ts';
import { dropRequest, keepRequest, requestToResume } from './resume.ts';
import { judgedIn, readingsOf, type Selection, select, selectionOf } from './select.ts';

export interface RunCommandOptions extends Selection {
  iut?: string;
  /** None: all that are not run on demand only. */
  suite: string[];
  strict?: boolean;
  interactive?: boolean;
  reading: string[];
  out?: string;
  list?: boolean;
  reporter?: string;
  report: string;
  deviate: string[];
  baseline?: string;
  /** How often a test that failed is run again alone. */
  retry?: number;
  /** Folder of a run that was broken off. */
  resume?: string;
}

/** How Playwright ended. */
interface Ended {
  status: number;
  killed: boolean;
}

/** Status of a program that Ctrl-C ended before it had set itself up. */
const interrupted = 130;
/** The server closes the bench and writes within this time. */
const longestWriteMs = 15_000;

/** Run the command. Sets the exit status (see --help). Throws errors with a sentence for people before anything is started. */
export async function runCommand(options: RunCommandOptions): Promise<void> {
  const reports = formatsOf(options.report);
  if (options.interactive === true && !hasTerminal())
    throw new UsageError('--interactive asks the operator at the terminal, and this run has none');
  if (options.resume !== undefined) return resume(options.resume, options, reports);
  const readings = readingsOf(options.reading);
  const suites = options.suite.length === 0 ? undefined : options.suite;
  const benches = benchesOf(options.iut, suites);
  if (benches.length === 0)
    throw new UsageError(`--suite ${options.suite.join(', ')} has no vectors of the role of this profile`);
  const {
    ledger,
    tests: known,
    suites: loaded,
  } = loadCatalogue(readings, [...new Set(benches.map(({ suite }) => suite))]);
  const suiteOfTest = new Map(
    loaded.flatMap(({ suite, tests: own }) => own.map(({ id }) => [id, suite.name])),
  );
  const all = benches.map((bench) => ({ bench, profile: loadProfile(bench.profile) }));
  const [only] = all;
  if (options.iut !== undefined && options.role !== undefined && options.role !== only?.bench.role) {
    throw new UsageError(
      `--role ${options.role} selects no test: the profile is that of a ${only?.bench.role}`,
    );
  }
  const roles = all.map(({ bench }) => bench.role);
  const tests = select(
    known.filter(({ role }) => roles.includes(role)),
    ledger,
    options,
  );
  if (options.list === true) {
    process.stdout.write(listText(tests));
    return;
  }
  const isOf = (test: TestCase, { role, suite }: BenchRequest): boolean =>
    test.role === role && suiteOfTest.get(test.id) === suite;
  const chosen = all.filter(({ bench }) => tests.some((test) => isOf(test, bench)));
  checkDeviations(
    chosen.map(({ bench }) => bench),
    options.deviate,
  );
  requireMachine(chosen.map(({ profile }) => profile.role));
  const baseline = options.baseline === undefined ? undefined : readBaseline(options.baseline);
  const products = new Set(chosen.map(({ profile }) => profile.device.product));
  const name = products.size === 1 ? [...products].join() : 'reference-agents';
  const out = makeFolder(name, options.out);
  const request: RunRequest = {
    benches: chosen.map(({ bench }) => ({ ...bench, deviations: deviationsFor(bench, options.deviate) })),
    strict: options.strict === true,
    start: processStart(),
    readings,
    selection: selectionOf(options),
    out,
    ...howOf(options, reports),
  };
  keepRequest(request);
  for (const { bench, profile } of chosen) {
    const { vendor, product, version } = profile.device;
    const count = tests.filter((test) => isOf(test, bench)).length;
    const of = bench.suite === draftSuite ? '' : ` (${bench.suite})`;
    process.stdout.write(
      `dsmip: ${plural(count, 'test')} of a ${bench.role}${of} against ${vendor} ${product} ${version}\n`,
    );
  }
  await carryOut(request, out, options, baseline);
}

/** What of a request may be another when a run is resumed. */
const howOf = (
  { reporter, retry, interactive }: RunCommandOptions,
  formats: string[],
): Pick<RunRequest, 'formats' | 'reporters' | 'retry' | 'interactive'> => ({
  interactive: interactive === true,
  formats,
  reporters: reporter === undefined ? [] : reporter.split(',').filter((one) => one !== ''),
  ...(retry === undefined ? {} : { retry }),
});

/** A run that was broken off goes on; its folder is never taken away. */
async function resume(folder: string, options: RunCommandOptions, reports: string[]): Promise<void> {
  const { request: stored, left } = requestToResume(folder, options);
  const { retry: _retry, ...rest } = stored;
  const request: RunRequest = { ...rest, ...howOf(options, reports) };
  const profiles = request.benches.map(({ profile }) => loadProfile(profile));
  requireMachine(profiles.map(({ role }) => role));
  for (const [{ name }, count] of left)
    process.stdout.write(`dsmip: ${name}: ${plural(count, 'test')} left of the run that was broken off\n`);
  const baseline = options.baseline === undefined ? undefined : readBaseline(options.baseline);
  await carryOut(request, request.out ?? folder, options, baseline);
}

/** Run what was asked for, write the reports, and set the exit status. */
async function carryOut(
  request: RunRequest,
  out: string,
  options: RunCommandOptions,
  baseline: Baseline | undefined,
): Promise<void> {
  const written = writtenSince(request);
  const ended = await playwright(request);
  rmSync(playwrightFolder(out), { recursive: true, force: true });
  process.exitCode = await statusOf(request, ended, written);
  if (process.exitCode === 64) return;
  const all = readRun(out).devices.map(({ results }) => results);
  const isWhole =
    all.length === request.benches.length && all.every(({ incomplete }) => incomplete === undefined);
  if (isWhole) dropRequest(out);
  if (baseline !== undefined)
    holdAgainst(baseline, options.baseline ?? '', out, !ended.killed && request.benches.length);
  await reportsOfRun(out, request.formats);
}

/** Whether the results of a folder were written by this run: those of a run that is resumed may be there from before. */
function writtenSince(request: RunRequest): (folder: string) => boolean {
  const file = (folder: string): string => join(folder, 'results.json');
  const stamp = (folder: string): number => (existsSync(file(folder)) ? statSync(file(folder)).mtimeMs : 0);
  const before = new Map(
    request.benches.flatMap((bench) => {
      const folder = folderOf(request, bench);
      return folder === undefined ? [] : [[folder, stamp(folder)] as const];
    }),
  );
  return (folder) => stamp(folder) > (before.get(folder) ?? 0);
}

/** The exit status with what is known left out; a run that was broken off stays one. */
function holdAgainst(baseline: Baseline, file: string, out: string, devices: number | false): void {
  const all = readRun(out).devices.map(({ results }) => results);
  const found = againstBaseline(baseline, all);
  process.stdout.write(`${baselineLines(file, found).join('\n')}\n`);
  // A status that follows from no verdict is the runner's own, and stays: it was ended, or a bench is missing.
  if (all.length === devices && process.exitCode === exitStatusOf(all)) process.exitCode = found.status;
}

/** Deviations that a reference agent on this bench knows. */
function deviationsFor({ lab, role }: BenchRequest, names: readonly string[]): string[] {
  if (!lab) return [];
  return names.filter((name) => role === 'scenario' || name.startsWith(`${role}/`));
}

/** Throws UsageError for a deviation that no agent of the run can be made to. */
function checkDeviations(benches: readonly BenchRequest[], names: readonly string[]): void {
  for (const name of names) {
    if (!deviations.has(name)) {
      const meant = closest(name, deviations.keys());
      throw new UsageError(
        `--deviate ${name}: there is no such deviation${meant === undefined ? '' : `; did you mean "${meant}"?`} (dsmip agent deviations lists them)`,
      );
    }
    if (benches.every((bench) => deviationsFor(bench, [name]).length === 0))
      throw new UsageError(
        `--deviate ${name}: no reference agent of the embedded lab in this run can deviate so`,
      );
  }
}

/** One test a line: what `--vector` takes, and the clauses it judges. */
function listText(tests: readonly TestCase[]): string {
  const lines = tests.map((test) => `${test.id}  [${judgedIn(test).join(' ')}]  ${test.title}`);
  return `${lines.join('\n')}\n${plural(tests.length, 'test')}\n`;
}

/** Playwright's command line, with our process as its parent. */
async function playwright(request: RunRequest): Promise<Ended> {
  const cli = join(
    dirname(createRequire(import.meta.url).resolve('@playwright/test/package.json')),
    'cli.js',
  );
  const child = spawn(
    process.execPath,
    [cli, 'test', '--config', join(projectRoot, 'playwright.config.ts')],
    {
      cwd: projectRoot,
      // Its input is ours to close: when we are killed, it ends.
      stdio: ['pipe', 'inherit', 'inherit'],
      env: { ...process.env, [requestVariable]: JSON.stringify(request), DSMIP_FOLLOW_STDIN: '1' },
    },
  );
  child.stdin?.on('error', () => {});
  // Ctrl-C reaches Playwright by itself, as it shares our terminal; we stay until it has written the report.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGINT'));
  return new Promise((resolve) => {
    child.on('error', () => resolve({ status: 2, killed: true }));
    child.on('close', (code) =>
      resolve({ status: code ?? 2, killed: code === null || code === interrupted }),
    );
  });
}

/**
 * The run's exit status from its results. Without them the reason has been told already, and it is wrong usage or a bad machine. When the
 * runner was killed, the bench servers find out by themselves and write what they have: that takes a moment.
 */
async function statusOf(
  request: RunRequest,
  { status: ended, killed }: Ended,
  isWritten: (folder: string) => boolean,
): Promise<number> {
  const folders = request.benches.flatMap((bench) => folderOf(request, bench) ?? []);
  const patience = Date.now() + (killed ? longestWriteMs : 0);
  const file = (folder: string): string => join(folder, 'results.json');
  const isComing = (folder: string): boolean => !isWritten(folder) && existsSync(join(folder, 'run.log'));
  while (folders.some(isComing) && Date.now() < patience)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const written = folders.filter(isWritten);
  if (written.length === 0) {
    if (request.out !== undefined && request.resumes !== true)
      rmSync(request.out, { recursive: true, force: true });
    return killed ? 2 : 64;
  }
  const results = written.map((folder) => JSON.parse(readFileSync(file(folder), 'utf8')) as Results);
  const status = written.length < folders.length ? 2 : exitStatusOf(results);
  if (killed)
    process.stderr.write(
      `\ndsmip: the test runner was ended; what was found until then is in ${request.out}\n`,
    );
  else if (status === 0 && ended !== 0) {
    process.stderr.write('dsmip: the test runner failed although no verdict did; the report is whole\n');
  }
  return status === 0 && (killed || ended !== 0) ? 2 : status;
}
