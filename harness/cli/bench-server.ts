/**
 * Serves one bench to a run: sets it up, runs every test side by side, says each outcome as it comes, writes the report's
 * files. Its input is its lifeline: when that ends, it writes what it has and goes.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { assemble, type TestResult } from '../../reports/model/results.ts';
import { writeResults } from '../../reports/model/write-results.ts';
import { asLine, onLines } from '../../reports/runner/lines.ts';
import { ProgressFile } from '../../reports/runner/progress-file.ts';
import type { Begin, Done, Finish, RunEnd, ServerMessage } from '../../reports/runner/request.ts';
import { plural } from '../../reports/text/layout.ts';
import { type Conductor, startConductor, waitsOf } from '../bench/conduct.ts';
import { loadProfile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { RunCaptures } from './captures.ts';
import { suiteOf } from './catalogue.ts';
import { clausesOfRole, header } from './header.ts';
import { makeFolder } from './request.ts';
import { brokenBefore, restsOnFindings } from './rests-on.ts';
import { select } from './select.ts';

const aliveMs = 500;
/** See ProgressFile. */
const touchMs = 3000;
/** Tests under way that are told of, those that began last. */
const mostTold = 4;

/** Writes lines without ever waiting for the reader: a slow one must not disturb the clocks of the tests. */
class Speaker {
  private readonly socket = new Socket({ fd: 1, readable: false, writable: true });

  constructor() {
    // Who listened is gone; the end of our input says so too.
    this.socket.on('error', () => {});
  }

  say(message: ServerMessage): void {
    if (!this.socket.destroyed) this.socket.write(asLine(message));
  }

  /** Everything said has been handed over, or nobody listens any more. */
  async done(): Promise<void> {
    if (this.socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.socket.once('close', () => resolve());
      this.socket.end(() => resolve());
      setTimeout(resolve, 5000).unref();
    });
  }
}

/** Run the command: everything else is said on the two pipes. */
export async function benchServerCommand(): Promise<void> {
  const speaker = new Speaker();
  let finish: (why: string) => void = () => {};
  const finished = new Promise<string>((resolve) => {
    finish = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => finish(`it was ended by ${signal}`));
  const operator = new Operator(speaker);
  const begin = await new Promise<Begin | undefined>((resolve) => {
    onLines(process.stdin, (line) => {
      const message = JSON.parse(line) as Begin | Done | Finish;
      if ('finish' in message) finish(message.finish);
      else if ('done' in message) operator.done();
      else resolve(message);
    });
    process.stdin.on('end', () => {
      finish('the program that ran the tests is gone');
      resolve(undefined);
    });
  });
  if (begin !== undefined) {
    const alive = setInterval(() => speaker.say({ type: 'alive', running: [] }), aliveMs);
    try {
      await new Serving(begin, speaker, operator, () => clearInterval(alive)).serve(finished);
    } catch (error) {
      speaker.say({ type: 'problem', message: error instanceof Error ? error.message : String(error) });
    }
    clearInterval(alive);
  }
  await speaker.done();
  process.exit(0);
}

/** Somebody who does by hand what no command can do; asked one thing at a time. */
class Operator {
  private readonly speaker: Speaker;
  private readonly waiting: { question: string; resolve: () => void }[] = [];

  constructor(speaker: Speaker) {
    this.speaker = speaker;
  }

  ask(question: string): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push({ question, resolve });
      if (this.waiting.length === 1) this.speaker.say({ type: 'ask', question });
    });
  }

  done(): void {
    this.waiting.shift()?.resolve();
    const [next] = this.waiting;
    if (next !== undefined) this.speaker.say({ type: 'ask', question: next.question });
  }
}

class Serving {
  private readonly begin: Begin;
  private readonly speaker: Speaker;
  private readonly operator: Operator;
  private readonly ready: () => void;
  private readonly outcomes = new Map<string, TestResult>();
  private readonly running = new Set<string>();
  private progress: ProgressFile | undefined;
  private folder = '';

  constructor(begin: Begin, speaker: Speaker, operator: Operator, ready: () => void) {
    this.begin = begin;
    this.speaker = speaker;
    this.operator = operator;
    this.ready = ready;
  }

  async serve(finished: Promise<string>): Promise<void> {
    const { request, bench, folder, tests: ids } = this.begin;
    const { ledger, tests: all } = suiteOf(bench.suite, request.readings);
    const profile = loadProfile(bench.profile);
    const known = new Map(all.map((test) => [test.id, test]));
    const tests = ids.map((id) => {
      const test = known.get(id);
      if (test === undefined) throw new Error(`there is no test "${id}"`);
      return test;
    });
    this.folder = folder ?? makeFolder(profile.device.product);
    mkdirSync(join(this.folder, 'captures'), { recursive: true });
    this.log(
      `${plural(tests.length, 'test')} against ${profile.device.vendor} ${profile.device.product} ${profile.device.version}`,
    );
    const progress = new ProgressFile(this.folder, {
      device: profile.device,
      role: profile.role,
      start: request.start,
      total: tests.length,
    });
    this.progress = progress;
    const touch = setInterval(() => progress.touch(), touchMs);
    touch.unref();
    const conductor = await startConductor({
      profile,
      ledger,
      strict: request.strict,
      deviations: bench.deviations ?? [],
      tests,
      over: finished,
      ...(request.interactive ? { ask: (question) => this.operator.ask(question) } : {}),
    });
    // Playwright has filters of its own, by file and line for one.
    const asked = select(
      all.filter(({ role }) => role === profile.role),
      ledger,
      request.selection,
    );
    const isNamed = request.selection.grep !== undefined || request.selection['grep-invert'] !== undefined;
    const selection =
      isNamed || tests.length === asked.length
        ? request.selection
        : { ...request.selection, tests: `${tests.length} of ${asked.length}` };
    const head = header(
      { ...request, ...bench, selection },
      profile,
      ledger,
      all,
      tests,
      conductor.facts,
      new Date(request.start),
    );
    const clauses = clausesOfRole(ledger, profile.role, all);
    this.speaker.say({ type: 'begin', header: head, clauses, folder: this.folder });
    this.log(
      `bench ready; round trips ${conductor.facts.roundTripsNs.map((ns) => `${(ns / 1e6).toFixed(2)} ms`).join(' ')}`,
    );
    const captures = new RunCaptures(this.folder, conductor.facts.originNs);
    conductor.open.bench.onFrame = (frame) => captures.add(frame);
    this.ready();
    const alive = setInterval(
      () => this.speaker.say({ type: 'alive', running: [...this.running].slice(-mostTold) }),
      aliveMs,
    );
    const runAll = async (): Promise<undefined> => {
      await Promise.all(
        [...tests]
          .sort((a, b) => waitsOf(b) - waitsOf(a))
          .map((test) => this.runOne(conductor, captures, test)),
      );
    };
    // What was over during the set-up has no outcomes.
    const over = await Promise.race([finished, undefined]);
    const why = over ?? (await Promise.race([runAll(), finished]));
    clearInterval(alive);
    clearInterval(touch);
    const incomplete = this.outcomes.size === tests.length ? undefined : why;
    const notRun = ids.filter((id) => !this.outcomes.has(id));
    conductor.open.bench.onFrame = () => {};
    const whole = await captures.finish();
    const findings = [
      ...(bench.deviations ?? []).map((name) => `a reference agent was made to deviate: ${name}`),
      ...conductor.findings(),
      ...captures.findings,
    ];
    const end: RunEnd = {
      end: new Date().toISOString(),
      findings,
      ...(incomplete === undefined ? {} : { incomplete }),
      ...(notRun.length === 0 ? {} : { notRun }),
      ...(whole === undefined ? {} : { capture: whole }),
    };
    const outcomes = ids.flatMap((id) => this.outcomes.get(id) ?? []);
    const results = assemble(head, { ...end, outcomes, clauses });
    // What Mobile IPv4 itself asks for, and was found broken by the suite before.
    end.findings.push(...restsOnFindings(ledger, results.clauses, brokenBefore(this.begin.before ?? [])));
    writeResults(this.folder, { ...results, findings: end.findings });
    progress.remove();
    this.log(incomplete === undefined ? 'the run is whole' : `the run is incomplete: ${incomplete}`);
    const told = conductor.open.findings.length;
    await conductor.close();
    for (const line of conductor.open.agentLog)
      appendFileSync(join(this.folder, 'run.log'), `agent: ${line}\n`);
    // Links that are not as they were say nothing of the device: they are told here, and by dsmip links.
    const left = conductor.open.findings.slice(told);
    for (const line of left) this.log(line);
    this.speaker.say({ type: 'end', ...end, findings: [...findings, ...left] });
  }

  private async runOne(conductor: Conductor, captures: RunCaptures, test: TestCase): Promise<void> {
    const capture = captures.of(test);
    const { outcome, frames } = await conductor.run(test, {
      begins: () => this.running.add(test.id),
      tries: () => capture.tries(),
    });
    this.running.delete(test.id);
    const facts = await capture.finish(outcome, frames);
    const result: TestResult = facts === undefined ? outcome : { ...outcome, capture: facts };
    this.outcomes.set(test.id, result);
    this.progress?.outcome(result);
    this.log(`${outcome.verdict} ${test.id}${outcome.reason === undefined ? '' : `: ${outcome.reason}`}`);
    this.speaker.say({ type: 'outcome', outcome: result });
  }

  private log(line: string): void {
    appendFileSync(join(this.folder, 'run.log'), `${new Date().toISOString()} ${line}\n`);
  }
}
