/**
 * Serves one bench to a run: sets it up, runs every test side by side, says each outcome as it comes, writes the report's
 * files. Its input is its lifeline: when that ends, it writes what it has and goes.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { claimFinding } from '../../reports/model/claims.ts';
import { asResult, assemble, type TestResult } from '../../reports/model/results.ts';
import { writeResults } from '../../reports/model/write-results.ts';
import { Journal, type Kept, readKept, removeJournal } from '../../reports/runner/journal.ts';
import { asLine, onLines } from '../../reports/runner/lines.ts';
import { ProgressFile } from '../../reports/runner/progress-file.ts';
import type { Begin, Done, Finish, RunEnd, ServerMessage } from '../../reports/runner/request.ts';
import { plural } from '../../reports/text/layout.ts';
import { unborne } from '../bench/claims/record.ts';
import { type Conductor, inOrder, startConductor } from '../bench/conduct.ts';
import type { Outcome } from '../engine/outcome.ts';
import { loadProfile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { RunCaptures, removeHalfWritten } from './captures.ts';
import { suiteOf } from './catalogue.ts';
import { clausesOfRole, header } from './header.ts';
import { makeFolder } from './request.ts';
import { brokenBefore, restsOnFindings } from './rests-on.ts';
import { goesOn, seamOf } from './resume.ts';
import { isWorthRetrying, mostRounds, mostSearched, onBench, ranBefore, retried } from './retry.ts';
import { select } from './select.ts';
import { version } from './version.ts';

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
  const operator = new Operator(speaker);
  let finish: (why: string) => void = () => {};
  const finished = new Promise<string>((resolve) => {
    finish = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      finish(`it was ended by ${signal}`);
      operator.leave();
    });
  let abandon = (): void => {};
  const abandoned = new Promise<string[]>((resolve) => {
    abandon = () => resolve(['the run was ended before all mobile nodes were deregistered']);
  });
  const begin = await new Promise<Begin | undefined>((resolve) => {
    onLines(process.stdin, (line) => {
      const message = JSON.parse(line) as Begin | Done | Finish;
      if ('finish' in message) finish(message.finish);
      else if ('done' in message) operator.done();
      else resolve(message);
    });
    process.stdin.on('end', () => {
      finish('the program that ran the tests is gone');
      operator.leave();
      abandon();
      resolve(undefined);
    });
  });
  if (begin !== undefined) {
    const alive = setInterval(() => speaker.say({ type: 'alive', running: [] }), aliveMs);
    try {
      await new Serving(begin, speaker, operator, () => clearInterval(alive)).serve(finished, abandoned);
    } catch (error) {
      speaker.say({ type: 'problem', message: error instanceof Error ? error.message : String(error) });
    }
    clearInterval(alive);
  }
  await speaker.done();
  process.exit(0);
}

const endedEarly =
  'every test was judged, but the run ended before it had written so: what was found beside the tests is not in these results';

/** Those of the parts before; what contradicts claims is found anew. */
const keptFindings = (kept?: Kept): string[] => {
  const old = new Set(kept?.observedClaims.map(claimFinding));
  return kept?.findings.filter((one) => !old.has(one)) ?? [];
};

const nobody = 'the operator is gone';

/** Somebody who does by hand what no command can do; asked one thing at a time. */
class Operator {
  private readonly speaker: Speaker;
  private readonly waiting: { question: string; resolve: () => void; reject: (error: Error) => void }[] = [];
  private isGone = false;

  constructor(speaker: Speaker) {
    this.speaker = speaker;
  }

  ask(question: string): Promise<void> {
    if (this.isGone) return Promise.reject(new Error(nobody));
    return new Promise((resolve, reject) => {
      this.waiting.push({ question, resolve, reject });
      if (this.waiting.length === 1) this.speaker.say({ type: 'ask', question });
    });
  }

  /** No answer comes any more. */
  leave(): void {
    this.isGone = true;
    for (const { reject } of this.waiting.splice(0)) reject(new Error(nobody));
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
  private journal: Journal | undefined;
  /** No outcome counts any more. */
  private over = false;
  /** Number of the part of a run that had been broken off. */
  private part: number | undefined;
  /** Every outcome of this part, and those that are to be run again before they are told. */
  private readonly ended = new Map<string, Outcome>();
  private readonly failed: TestResult[] = [];
  private folder = '';

  constructor(begin: Begin, speaker: Speaker, operator: Operator, ready: () => void) {
    this.begin = begin;
    this.speaker = speaker;
    this.operator = operator;
    this.ready = ready;
  }

  /** `finished` with the reason when the run is over; `abandoned` when nobody waits for more than its results. */
  async serve(finished: Promise<string>, abandoned: Promise<string[]>): Promise<void> {
    const { request, bench, folder, tests: ids } = this.begin;
    const { ledger, tests: all, suite } = suiteOf(bench.suite, request.readings);
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
    if (request.resumes === true) removeHalfWritten(join(this.folder, 'captures'));
    const kept = request.resumes === true ? readKept(this.folder, version()) : undefined;
    const left = tests.filter(({ id }) => kept?.outcomes.has(id) !== true);
    const progress = new ProgressFile(this.folder, {
      device: profile.device,
      role: profile.role,
      start: request.start,
      total: tests.length,
    });
    this.progress = progress;
    const touch = setInterval(() => progress.touch(), touchMs);
    touch.unref();
    if (kept !== undefined && left.length === 0) {
      this.sayAgain(kept, ids);
      clearInterval(touch);
      return;
    }
    const captures = new RunCaptures(this.folder, kept === undefined ? 1 : kept.parts.length + 2);
    const conductor = await startConductor({
      profile,
      ledger,
      strict: request.strict,
      deviations: bench.deviations ?? [],
      tests: left,
      over: finished,
      opened: (bench) => captures.follow(bench),
      ...(suite.oneAtATime === true ? { concurrency: 1 } : {}),
      ...(request.generator === undefined ? {} : { generator: request.generator }),
      ...(request.interactive ? { ask: (question) => this.operator.ask(question) } : {}),
    }).catch(async (error) => {
      await captures.discard();
      throw error;
    });
    const { unreachable } = conductor.facts;
    if (kept !== undefined && unreachable !== undefined) {
      // As whole it could not be resumed once more.
      await conductor.close();
      await captures.discard();
      progress.remove();
      clearInterval(touch);
      throw new Error(`the run cannot go on now, and is as it was: ${unreachable}`);
    }
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
    const head =
      kept?.header ??
      header(
        { ...request, ...bench, selection },
        profile,
        ledger,
        all,
        tests,
        conductor.facts,
        new Date(request.start),
      );
    const clauses = clausesOfRole(ledger, profile.role, all);
    const part = kept === undefined ? undefined : goesOn(kept, tests.length, conductor.facts, new Date());
    const parts = [...(kept?.parts ?? []), ...(part === undefined ? [] : [part])];
    this.part = parts.length === 0 ? undefined : parts.length;
    const before =
      part === undefined ? [] : [...keptFindings(kept), seamOf(part, parts.length, tests.length)];
    this.speaker.say({ type: 'begin', header: head, clauses, folder: this.folder, parts, findings: before });
    const firstCapture = kept?.capture === undefined ? {} : { capture: kept.capture };
    const keptOutcomes = [...(kept?.outcomes.values() ?? [])];
    this.journal = new Journal(
      this.folder,
      {
        header: head,
        clauses,
        parts,
        findings: before,
        observedClaims: kept?.observedClaims ?? [],
        ...firstCapture,
      },
      keptOutcomes,
    );
    for (const outcome of keptOutcomes) this.judged(outcome);
    for (const { entry, observed, because, test } of kept?.observedClaims ?? [])
      conductor.claims.note(entry, observed, because, test);
    this.log(
      `bench ready; round trips ${conductor.facts.roundTripsNs.map((ns) => `${(ns / 1e6).toFixed(2)} ms`).join(' ')}`,
    );
    this.ready();
    const alive = setInterval(
      () => this.speaker.say({ type: 'alive', running: [...this.running].slice(-mostTold) }),
      aliveMs,
    );
    const runAll = async (): Promise<undefined> => {
      await Promise.all(inOrder(left, profile).map((test) => this.runOne(conductor, captures, test)));
      if (this.failed.length > 0) await this.retry(conductor, known);
    };
    // What was over during the set-up has no outcomes.
    const over = await Promise.race([finished, undefined]);
    const why = over ?? (await Promise.race([runAll(), finished]));
    this.over = true;
    // Failures that there was no time to look into stand as they are.
    const unsearched = this.failed.filter(({ id }) => !this.outcomes.has(id));
    for (const result of unsearched) this.judged(result);
    const incomplete = this.outcomes.size === tests.length ? undefined : why;
    await conductor.settle();
    const notRun = ids.filter((id) => !this.outcomes.has(id));
    const whole = await captures.finish();
    if (part !== undefined && whole !== undefined) part.capture = whole;
    const ofRun = part === undefined ? (whole === undefined ? {} : { capture: whole }) : firstCapture;
    // A selection of tests says little of claims that it leaves out.
    const isWhole = incomplete === undefined && Object.keys(selection).length === 0;
    const observedClaims = [
      ...conductor.claims.claims(),
      ...(isWhole ? unborne(profile.ics, tests, this.outcomes) : []),
    ].filter(({ entry }, at, all) => all.findIndex((one) => one.entry === entry) === at);
    const findings = [
      ...before,
      ...(bench.deviations ?? []).map((name) => `a reference agent was made to deviate: ${name}`),
      ...conductor.findings(),
      ...captures.findings,
      ...observedClaims.filter(({ contradicts }) => contradicts).map(claimFinding),
      ...(unsearched.length === 0
        ? []
        : [`${plural(unsearched.length, 'test')} that failed could not be run again: ${why}`]),
      ...ids.flatMap((id) => {
        const outcome = this.outcomes.get(id);
        return outcome?.retry === undefined ? [] : [`${id} (${outcome.verdict}): ${outcome.retry.words}`];
      }),
    ];
    const end: RunEnd = {
      end: new Date().toISOString(),
      findings: [...new Set(findings)],
      ...(observedClaims.length === 0 ? {} : { observedClaims }),
      ...(incomplete === undefined ? {} : { incomplete }),
      ...(notRun.length === 0 ? {} : { notRun }),
      ...ofRun,
      ...(parts.length === 0 ? {} : { parts }),
    };
    const outcomes = ids.flatMap((id) => this.outcomes.get(id) ?? []);
    const results = assemble(head, { ...end, outcomes, clauses });
    // What Mobile IPv4 itself asks for, and was found broken by the suite before.
    end.findings.push(...restsOnFindings(ledger, results.clauses, brokenBefore(this.begin.before ?? [])));
    writeResults(this.folder, { ...results, findings: end.findings });
    progress.remove();
    removeJournal(this.folder);
    this.log(incomplete === undefined ? 'the run is whole' : `the run is incomplete: ${incomplete}`);
    // What is written is told at once: whatever happens to this process now, it stands.
    this.speaker.say({ type: 'end', ...end });
    this.running.add('the mobile nodes deregister');
    const registered = why === undefined ? await Promise.race([conductor.leave(), abandoned]) : [];
    const told = conductor.open.findings.length;
    await conductor.close();
    clearInterval(alive);
    clearInterval(touch);
    for (const line of conductor.open.agentLog)
      appendFileSync(join(this.folder, 'run.log'), `agent: ${line}\n`);
    // What is left behind says nothing of the device: it is told here, and of links by dsmip links.
    const unrestored = [...registered, ...conductor.open.findings.slice(told)];
    for (const line of unrestored) this.log(line);
    this.speaker.say({ type: 'end', ...end, findings: [...end.findings, ...unrestored] });
  }

  private async runOne(conductor: Conductor, captures: RunCaptures, test: TestCase): Promise<void> {
    const capture = captures.of(test);
    const { outcome, frames } = await conductor.run(test, {
      begins: () => this.running.add(test.id),
      tries: () => capture.tries(),
    });
    this.running.delete(test.id);
    if (this.over) return;
    const facts = await capture.finish(outcome, frames);
    // What comes when the results are being written comes too late for them.
    if (this.over) return;
    const result = asResult(outcome, {
      ...(facts === undefined ? {} : { capture: facts }),
      ...(this.part === undefined ? {} : { part: this.part }),
    });
    this.log(`${outcome.verdict} ${test.id}${outcome.reason === undefined ? '' : `: ${outcome.reason}`}`);
    this.journal?.outcome(result);
    if ((this.begin.request.retry ?? 0) > 0 && isWorthRetrying(outcome)) this.failed.push(result);
    else this.judged(result);
    this.ended.set(test.id, outcome);
  }

  /** The outcome stands: whoever waits for it is told. */
  private judged(result: TestResult): void {
    this.outcomes.set(result.id, result);
    this.progress?.outcome(result);
    this.speaker.say({ type: 'outcome', outcome: result });
  }

  /** Those that failed, one after the other; what is broken off stands as it is. */
  private async retry(conductor: Conductor, known: ReadonlyMap<string, TestCase>): Promise<void> {
    const all = [...this.ended.values()];
    const bench = onBench(conductor, known, (words) => {
      this.running.clear();
      this.running.add(`again: ${words}`);
      this.log(`again: ${words}`);
    });
    for (const [at, result] of this.failed.entries()) {
      const isSearched = at < mostSearched;
      const retry = await retried(result, isSearched ? ranBefore(result, all) : [], bench, {
        attempts: this.begin.request.retry ?? 1,
        mostRounds: isSearched ? mostRounds : 0,
      });
      this.log(`again: ${result.id}: ${retry.words}`);
      if (this.over) return;
      const whole = { ...result, retry };
      this.journal?.outcome(whole);
      this.judged(whole);
    }
    this.running.clear();
  }

  /** A device of a run that is resumed, of which nothing was left to run. */
  private sayAgain(kept: Kept, ids: readonly string[]): void {
    const { header: head, clauses, parts } = kept;
    const findings = kept.why === undefined ? kept.findings : [...kept.findings, endedEarly];
    this.speaker.say({ type: 'begin', header: head, clauses, folder: this.folder, parts, findings });
    this.ready();
    for (const outcome of kept.outcomes.values()) this.judged(outcome);
    const { capture } = kept;
    const end: RunEnd = {
      end: kept.end ?? new Date().toISOString(),
      findings,
      ...(kept.observedClaims.length === 0 ? {} : { observedClaims: kept.observedClaims }),
      ...(capture === undefined ? {} : { capture }),
      ...(parts.length === 0 ? {} : { parts }),
    };
    const outcomes = ids.flatMap((id) => this.outcomes.get(id) ?? []);
    writeResults(this.folder, assemble(head, { ...end, outcomes, clauses }));
    this.progress?.remove();
    removeJournal(this.folder);
    this.speaker.say({ type: 'end', ...end });
  }

  private log(line: string): void {
    appendFileSync(join(this.folder, 'run.log'), `${new Date().toISOString()} ${line}\n`);
  }
}
