/**
 * Our reporter, the first in the list: starts the bench server when the tests are known, answers them, and makes a FAIL a failed
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
import type { Outcome } from '../harness/engine/outcome.ts';
import { BenchLink } from './bench-link.ts';
import { clauseTable, findingLines } from './finding.ts';
import { Progress, progressText } from './progress.ts';
import { type RunRequest, socketVariable } from './request.ts';
import { assemble, exitStatus, type Results } from './results.ts';
import { summary } from './summary.ts';
import { plain, type TextOptions } from './text.ts';
import { writeResults } from './write-results.ts';

export interface ReporterOptions {
  request: RunRequest;
  /** The bench server's command, with what it is wrapped in. */
  command: string[];
  /** Given by Playwright: "list" when tests are only listed. */
  _mode?: string;
}

/** Annotations by which a test tells its reporter its id, and why it got no outcome. */
export const idAnnotation = 'vector';
export const problemAnnotation = 'problem';

const idOf = (test: TestCase): string =>
  test.annotations.find(({ type }) => type === idAnnotation)?.description ?? '';

/** Unix sockets have short paths, and /run is covered in the server's world. */
function socketFolder(): string {
  const base = tmpdir();
  return mkdtempSync(join(base.startsWith('/run') || base.length > 60 ? '/tmp' : base, 'dsmip-'));
}

export default class DsmipReporter implements Reporter {
  private readonly options: ReporterOptions;
  private link: BenchLink | undefined;
  private progress: Progress | undefined;
  private folder: string | undefined;
  private results: Results | undefined;
  private tests: string[] = [];
  private readonly startedMs = Date.now();

  constructor(options: ReporterOptions) {
    this.options = options;
  }

  printsToStdio(): boolean {
    return this.options._mode !== 'list';
  }

  onBegin(_config: FullConfig, suite: Suite): void {
    this.tests = [...new Set(suite.allTests().map(idOf))];
    if (this.options._mode === 'list' || this.tests.length === 0) return;
    this.folder = socketFolder();
    const socket = join(this.folder, 'outcomes');
    const link = new BenchLink(
      this.options.command,
      { request: this.options.request, tests: this.tests },
      socket,
    );
    this.link = link;
    // Workers are started after this and inherit it.
    process.env[socketVariable] = socket;
    this.progress = new Progress(process.stdout, () =>
      progressText(
        [...link.outcomes.values()].map(({ outcome }) => outcome),
        this.tests.length,
        link.running,
        (Date.now() - this.startedMs) / 1000,
      ),
    );
    link.ended.then(() => this.progress?.stop());
    this.followParent();
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
    const outcome = this.link?.outcomes.get(idOf(test))?.outcome;
    const broken = outcome !== undefined && (outcome.verdict === 'FAIL' || outcome.verdict === 'ERROR');
    if (problem === undefined && !broken) return;
    const message = broken ? this.failureText(outcome) : `ERROR of the harness: ${problem}`;
    result.status = 'failed';
    result.errors = [{ message }];
    result.error = { message };
  }

  /** The words of expect() tell Playwright's JUnit reporter a failure of the device from an error of the harness. */
  private failureText(outcome: Outcome): string {
    const clauses = clauseTable(this.link?.begun?.clauses ?? []);
    const broken = outcome.judgements
      .filter(({ verdict }) => verdict === 'FAIL')
      .map(({ clause }) => `'${clause}'`);
    const head =
      outcome.verdict === 'FAIL'
        ? `FAIL: expect(device).toFollow(${[...new Set(broken)].join(', ')})`
        : 'ERROR of the harness';
    return [head, ...findingLines(outcome, 'FAIL', clauses, plain)].join('\n');
  }

  async onEnd(result: FullResult): Promise<{ status?: FullResult['status'] } | undefined> {
    const { link } = this;
    if (link === undefined) return undefined;
    link.finish(
      result.status === 'interrupted' ? 'it was broken off from the keyboard' : 'all tests were reported',
    );
    await link.ended;
    this.progress?.stop();
    link.close();
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
    this.results = this.collect(link);
    const status = this.results === undefined ? 2 : exitStatus(this.results);
    return status === 0 ? undefined : { status: result.status === 'interrupted' ? 'interrupted' : 'failed' };
  }

  /** The results as the server wrote them; written here when it could not. */
  private collect(link: BenchLink): Results | undefined {
    const { begun } = link;
    if (begun === undefined) return undefined;
    const outcomes = this.tests.flatMap((id) => link.outcomes.get(id)?.outcome ?? []);
    const notRun = this.tests.filter((id) => !link.outcomes.has(id));
    const { header, clauses, folder } = begun;
    if (link.end !== undefined) return assemble(header, { ...link.end, outcomes, clauses });
    const incomplete = link.problem ?? 'the bench server ended';
    const results = assemble(header, {
      end: new Date().toISOString(),
      findings: [],
      outcomes,
      clauses,
      incomplete,
      notRun,
    });
    writeResults(folder, results);
    return results;
  }

  async onExit(): Promise<void> {
    const { link, results } = this;
    if (link === undefined) return;
    if (results === undefined) {
      process.stderr.write(`dsmip: ${link.problem ?? 'the bench could not be set up'}\n`);
      return;
    }
    const { isTTY, columns } = process.stdout;
    const style: TextOptions = {
      width: isTTY === true ? Math.min(Math.max(columns || 100, 60), 140) : 120,
      colour: isTTY === true && process.env.NO_COLOR === undefined,
    };
    const folder = relative(process.cwd(), link.begun?.folder ?? '');
    process.stdout.write(
      `\n${summary(results, style).join('\n')}\nReport   ${folder.startsWith('..') ? link.begun?.folder : folder}\n`,
    );
  }
}
