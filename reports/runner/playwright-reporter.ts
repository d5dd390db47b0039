/**
 * Our reporter, the first in the list: starts the bench servers when the tests are known, answers them, and makes a FAIL a failed
 * test. A test that threw would cost its worker; instead the reporters behind this one see the results that are changed here.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type {
  FullConfig,
  FullResult,
  Reporter,
  Suite,
  TestCase,
  TestResult,
} from '@playwright/test/reporter';
import type { Outcome } from '../../harness/engine/outcome.ts';
import { TapStream } from '../machine/tap-stream.ts';
import { assemble, exitStatusOf, type Results } from '../model/results.ts';
import { writeResults } from '../model/write-results.ts';
import { clauseTable, findingLines } from '../text/finding.ts';
import { plain, type TextOptions } from '../text/layout.ts';
import { summaryOf } from '../text/summary.ts';
import { BenchLink } from './bench-link.ts';
import { removeJournal } from './journal.ts';
import { Operator, openTerminal } from './operator.ts';
import { Progress, progressText, runningOf } from './progress.ts';
import { removeProgress } from './progress-file.ts';
import { folderOf, type RunRequest, socketVariable } from './request.ts';

export interface ReporterOptions {
  request: RunRequest;
  /** The bench servers' commands, in the order of the request's benches, with what they are wrapped in. */
  commands: string[][];
  /** Given by Playwright: "list" when tests are only listed. */
  _mode?: string;
}

/** Annotations by which a test tells its reporter its id and its bench, and why it got no outcome. */
export const idAnnotation = 'vector';
export const benchAnnotation = 'bench';
export const problemAnnotation = 'problem';

const annotated = (test: TestCase, wanted: string): string =>
  test.annotations.find(({ type }) => type === wanted)?.description ?? '';
const idOf = (test: TestCase): string => annotated(test, idAnnotation);

/** A bench of the run: its server, the tests it gets, and what came of them. */
interface Bench {
  link: BenchLink;
  tests: string[];
  results?: Results | undefined;
}

/** Unix sockets have short paths, and /run is covered in the server's world. */
function socketFolder(): string {
  const base = tmpdir();
  return mkdtempSync(join(base.startsWith('/run') || base.length > 60 ? '/tmp' : base, 'dsmip-'));
}

export default class DsmipReporter implements Reporter {
  private readonly options: ReporterOptions;
  private readonly benches = new Map<string, Bench>();
  private progress: Progress | undefined;
  private operator: Operator | undefined;
  private tap: TapStream | undefined;
  private folder: string | undefined;

  constructor(options: ReporterOptions) {
    this.options = options;
  }

  printsToStdio(): boolean {
    return this.options._mode !== 'list';
  }

  onBegin(_config: FullConfig, suite: Suite): void {
    const tests = suite.allTests();
    if (this.options._mode === 'list' || tests.length === 0) return;
    this.folder = socketFolder();
    const { request, commands } = this.options;
    const operator = new Operator(request.interactive ? openTerminal() : undefined);
    this.operator = operator;
    for (const [at, bench] of request.benches.entries()) {
      const own = tests.filter((test) => annotated(test, benchAnnotation) === bench.name);
      const ids = [...new Set(own.map(idOf))];
      if (ids.length === 0) continue;
      const folder = folderOf(request, bench);
      const earlier = request.benches.slice(0, at).filter(({ profile }) => profile === bench.profile);
      const before = earlier.flatMap((one) => folderOf(request, one) ?? []);
      const begin = {
        request,
        bench,
        tests: ids,
        ...(folder === undefined ? {} : { folder }),
        ...(before.length === 0 ? {} : { before }),
      };
      const link = new BenchLink(commands[at] ?? [], begin, join(this.folder, bench.name), (question) =>
        operator.ask(question),
      );
      const previous = earlier.flatMap(({ name }) => this.benches.get(name)?.link ?? []).at(-1);
      this.benches.set(bench.name, { link, tests: ids });
      startAfter(link, previous);
    }
    this.beginTap();
    // Workers are started after this and inherit it.
    process.env[socketVariable] = this.folder;
    const links = [...this.benches.values()].map(({ link }) => link);
    this.progress = new Progress(process.stdout, () =>
      progressText(
        links.flatMap((link) => [...link.outcomes.values()]),
        [...this.benches.values()].reduce((sum, bench) => sum + bench.tests.length, 0),
        runningOf(links),
        (Date.now() - Date.parse(request.start)) / 1000,
      ),
    );
    Promise.all(links.map((link) => link.ended)).then(() => this.progress?.stop());
    this.followParent();
  }

  /** Outcomes as they come, for whoever follows the run. */
  private beginTap(): void {
    const { out, formats } = this.options.request;
    if (out === undefined || !formats.includes('tap')) return;
    const benches = [...this.benches.values()];
    const tap = new TapStream(
      out,
      benches.reduce((sum, { tests }) => sum + tests.length, 0),
    );
    this.tap = tap;
    for (const { link } of benches)
      link.onOutcome = (outcome) => tap.outcome(outcome, link.begun?.clauses ?? [], link.begun?.folder ?? '');
  }

  /** When `dsmip run` is killed, its end of our standard input closes: nobody waits for this run any more. */
  private followParent(): void {
    if (process.env.DSMIP_FOLLOW_STDIN !== '1') return;
    process.stdin.resume();
    process.stdin.once('end', () => process.kill(process.pid, 'SIGINT'));
    process.stdin.unref?.();
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    const problem = result.annotations.find(({ type }) => type === problemAnnotation)?.description;
    const link = this.benches.get(annotated(test, benchAnnotation))?.link;
    const outcome = link?.outcomes.get(idOf(test));
    const broken = outcome !== undefined && (outcome.verdict === 'FAIL' || outcome.verdict === 'ERROR');
    if (problem === undefined && !broken) return;
    const message = broken ? failureText(outcome, link) : `ERROR of the harness: ${problem}`;
    result.status = 'failed';
    result.errors = [{ message }];
    result.error = { message };
  }

  async onEnd(result: FullResult): Promise<{ status?: FullResult['status'] } | undefined> {
    const benches = [...this.benches.values()];
    if (benches.length === 0) return undefined;
    const interrupt = (): void => {
      for (const { link } of benches) link.abandon('it was broken off from the keyboard');
      this.operator?.close();
    };
    if (result.status === 'interrupted') interrupt();
    else for (const { link } of benches) link.finish('all tests were reported');
    process.once('SIGINT', interrupt);
    await Promise.all(benches.map(({ link }) => link.ended));
    process.off('SIGINT', interrupt);
    this.progress?.stop();
    this.operator?.close();
    for (const { link } of benches) link.close();
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
    for (const bench of benches) bench.results = collect(bench);
    const all = benches.flatMap(({ results }) => results ?? []);
    this.tap?.end(
      all,
      benches.flatMap(({ link, results }) =>
        results === undefined ? [link.problem ?? 'the bench could not be set up'] : [],
      ),
    );
    const status = all.length < benches.length ? 2 : exitStatusOf(all);
    return status === 0 ? undefined : { status: result.status === 'interrupted' ? 'interrupted' : 'failed' };
  }

  async onExit(): Promise<void> {
    const benches = [...this.benches.values()];
    for (const { link, results } of benches)
      if (results === undefined)
        process.stderr.write(`dsmip: ${link.problem ?? 'the bench could not be set up'}\n`);
    const all = benches.flatMap(({ results }) => results ?? []);
    if (all.length === 0) return;
    const { isTTY, columns } = process.stdout;
    const style: TextOptions = {
      width: isTTY === true ? Math.min(Math.max(columns || 100, 60), 140) : 120,
      colour: isTTY === true && process.env.NO_COLOR === undefined,
    };
    const folders = benches.flatMap(({ link }) => link.begun?.folder ?? []);
    const { out } = this.options.request;
    const shown = (out === undefined ? folders : [out]).map((folder) => {
      const short = relative(process.cwd(), folder);
      return `Report   ${short.startsWith('..') ? folder : short}`;
    });
    process.stdout.write(`\n${[...summaryOf(all, style), ...shown].join('\n')}\n`);
  }
}

/** A device is tested by one suite after the other; one that could not be reached is not tried again. */
async function startAfter(link: BenchLink, previous: BenchLink | undefined): Promise<void> {
  await previous?.ended;
  if (previous?.problem !== undefined && previous.begun === undefined) link.giveUp(previous.problem);
  else link.start();
}

/** The words of expect() tell Playwright's JUnit reporter a failure of the device from an error of the harness. */
function failureText(outcome: Outcome, link: BenchLink | undefined): string {
  const clauses = clauseTable(link?.begun?.clauses ?? []);
  const broken = outcome.judgements
    .filter(({ verdict }) => verdict === 'FAIL')
    .map(({ clause }) => `'${clause}'`);
  const head =
    outcome.verdict === 'FAIL'
      ? `FAIL: expect(device).toFollow(${[...new Set(broken)].join(', ')})`
      : 'ERROR of the harness';
  return [head, ...findingLines(outcome, 'FAIL', clauses, plain)].join('\n');
}

/** The results of a bench as its server wrote them; written here when it could not. */
function collect({ link, tests }: Bench): Results | undefined {
  const { begun } = link;
  if (begun === undefined) return undefined;
  const outcomes = tests.flatMap((id) => link.outcomes.get(id) ?? []);
  const notRun = tests.filter((id) => !link.outcomes.has(id));
  const { header, clauses, folder, parts, findings } = begun;
  if (link.end !== undefined) return assemble(header, { ...link.end, outcomes, clauses });
  const incomplete = link.problem ?? 'the bench server ended';
  const results = assemble(header, {
    end: new Date().toISOString(),
    findings,
    outcomes,
    clauses,
    incomplete,
    notRun,
    parts,
  });
  writeResults(folder, results);
  removeProgress(folder);
  removeJournal(folder);
  return results;
}
