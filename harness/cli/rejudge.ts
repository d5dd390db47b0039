/** `dsmip rejudge`: a recorded run judged again from its captures. */
import { existsSync, writeFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { ResultsError, readResults } from '../../reports/model/read-results.ts';
import {
  asResult,
  type MeasuredFacts,
  measuredFor,
  type Results,
  resultsText,
  type TestResult,
  withOutcomes,
} from '../../reports/model/results.ts';
import { framesOf, runFoldersOf } from '../../reports/model/run.ts';
import type { Spoiler } from '../bench/doctor/finding.ts';
import { type CapturedFrame, RecordingError, rejudge } from '../bench/recorded.ts';
import type { RunFacts } from '../bench/surroundings.ts';
import type { Outcome } from '../engine/outcome.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile, type Profile } from '../vectors/profile.ts';
import { ledgerUnder, suiteOfDocument } from './catalogue.ts';
import { UsageError } from './errors.ts';
import { clausesOfRole, header, ledgerHash, profileHash, vectorsHash } from './header.ts';
import { readingsOf } from './select.ts';
import { version } from './version.ts';

export interface RejudgeOptions {
  iut?: string;
  out?: string;
  reading: string[];
}

/** Run the command. Sets the exit status: 0 the same to the octet, 1 other verdicts; throws with a sentence for people. */
export async function rejudgeCommand(given: string, options: RejudgeOptions): Promise<void> {
  const folders = runFoldersOf(given);
  if (folders.length > 1 && (options.iut !== undefined || options.out !== undefined))
    throw new UsageError(`${given} holds the runs of several devices: name one of its folders`);
  process.exitCode = 0;
  for (const folder of folders) {
    const { text, status } = await rejudgeFolder(folder, options);
    process.stdout.write(folders.length === 1 ? text : `${folder}\n${text}`);
    if (status !== 0) process.exitCode = status;
  }
}

/** Judge the run of a folder again and say what is other. Throws when it cannot be judged. */
export async function rejudgeFolder(
  folder: string,
  options: RejudgeOptions,
): Promise<{ text: string; status: 0 | 1 }> {
  const file = join(folder, 'results.json');
  const { results, text } = readResults(file, version());
  const switched = readingsOf(options.reading);
  const profile = profileOf(results, options.iut);
  const outcomes = await rejudgeResults(results, folder, profile, { ...results.readings, ...switched });
  checkFacts(results, profile, file);
  const readings = { ...results.readings, ...switched };
  const readingFacts = results.readingFacts.map((facts) => ({
    ...facts,
    inForce: readings[facts.id] ?? 'settled',
  }));
  const again = withOutcomes({ ...results, readings, readingFacts }, outcomes);
  if (options.out !== undefined) writeFileSync(options.out, resultsText(again));
  const moved = outcomes.flatMap((outcome, at) => movement(results.outcomes[at] as Outcome, outcome));
  const identical =
    moved.length === 0 &&
    resultsText({ ...again, readings: results.readings, readingFacts: results.readingFacts }) === text;
  const same = `${outcomes.length - moved.length} of ${outcomes.length} verdicts are the same`;
  return {
    text: `${[...moved, `${same}${identical ? ', and the results to the octet' : ''}`].join('\n')}\n`,
    status: identical ? 0 : 1,
  };
}

/**
 * Who was tested, what it claims and what the clauses say follow from profile, vectors and ledger: a file that says otherwise was changed
 * by somebody who knows how it is made. Throws ResultsError.
 */
function checkFacts(results: Results, profile: Profile, file: string): void {
  const { ledger, tests } = suiteOfDocument(results.document, results.readings);
  const ids = new Set([...results.outcomes.map(({ id }) => id), ...(results.notRun ?? [])]);
  const { strict, selection, readings, start } = results;
  const right: { [key: string]: unknown } = {
    ...header(
      { strict, selection, readings, profileName: results.profile.file },
      profile,
      ledger,
      tests,
      tests.filter(({ id }) => ids.has(id)),
      factsOf(results),
      new Date(start),
    ),
    clauses: clausesOfRole(ledger, profile.role, tests),
  };
  const found: { [key: string]: unknown } = {
    ...results,
    clauses: results.clauses.map(({ state: _state, ...clause }) => clause),
  };
  const wrong = Object.keys(right).filter((key) => JSON.stringify(right[key]) !== JSON.stringify(found[key]));
  if (wrong.length > 0)
    throw new ResultsError(
      `${file} was changed: its ${wrong.map((key) => `"${key}"`).join(', ')} ${wrong.length === 1 ? 'is' : 'are'} not what profile, vectors and ledger say`,
    );
}

/** What became other in one test: nothing, a line with both verdicts, or the first place where its account differs. */
function movement(before: Outcome, after: Outcome): string[] {
  const changed = before.judgements.flatMap((old, at) => {
    const verdict = after.judgements[at]?.verdict;
    return verdict === undefined || verdict === old.verdict
      ? []
      : [`${old.clause} ${old.verdict} -> ${verdict}`];
  });
  if (before.verdict !== after.verdict || changed.length > 0) {
    return [
      `${after.id}: ${before.verdict} -> ${after.verdict}${changed.length === 0 ? '' : ` (${changed.join(', ')})`}`,
    ];
  }
  const [left, right] = [before, after].map((outcome) => JSON.stringify(outcome, null, 1).split('\n'));
  const at = left?.findIndex((line, index) => line !== right?.[index]) ?? -1;
  if (at < 0) return [];
  return [
    `${after.id}: ${after.verdict} as before, but the results say ${left?.[at]?.trim()} and the captures ${right?.[at]?.trim() ?? 'nothing'}`,
  ];
}

/** What the bench measured, as the results have it: of the run, or of the part of it in which a test was run. */
const factsOf = (results: MeasuredFacts): RunFacts => ({
  originNs: BigInt(results.originNs),
  seed: results.seed,
  graceNs: results.graceNs,
  roundTripsNs: results.roundTripsNs,
  ...(results.homeHostMac === undefined ? {} : { homeHostMac: results.homeHostMac }),
  ...(results.visitedHostMac === undefined ? {} : { visitedHostMac: results.visitedHostMac }),
  ...(results.linkMacs === undefined ? {} : { linkMacs: results.linkMacs }),
  ...(results.unreachable === undefined ? {} : { unreachable: results.unreachable }),
  ...(results.spoilers === undefined ? {} : { spoilers: results.spoilers as Spoiler[] }),
  ...(results.generator === undefined ? {} : { generator: results.generator }),
});

/** The profile that a run was made with. Throws ResultsError when it is another. */
export function profileOf(results: Results, given: string | undefined): Profile {
  const { file, hash } = results.profile;
  const path = given ?? (isAbsolute(file) || existsSync(file) ? file : join(projectRoot, file));
  const profile = loadProfile(resolve(path));
  if (profileHash(profile) !== hash) {
    throw new ResultsError(
      `${path} is not the profile of this run, or was changed since: name the right one with --iut`,
    );
  }
  return profile;
}

/** Judge every outcome of a run again, in order. Throws when vectors, profile, results and captures do not belong together. */
export async function rejudgeResults(
  results: Results,
  folder: string,
  profile: Profile,
  readings: Results['readings'],
): Promise<TestResult[]> {
  const recorded = suiteOfDocument(results.document, results.readings);
  const wanted = new Set([...results.outcomes.map(({ id }) => id), ...(results.notRun ?? [])]);
  const tests = new Map(recorded.tests.filter(({ id }) => wanted.has(id)).map((test) => [test.id, test]));
  if (vectorsHash([...tests.values()]) !== results.vectors) {
    throw new ResultsError(
      'the vectors are not those of this run: take the version of the project that it was made with',
    );
  }
  if (ledgerHash(recorded.ledger) !== results.ledger) {
    throw new ResultsError(
      'the ledger is not that of this run: take the version of the project that it was made with',
    );
  }
  const ledger = ledgerUnder(recorded.suite, readings);
  const outcomes: TestResult[] = [];
  for (const outcome of results.outcomes) {
    const test = tests.get(outcome.id);
    if (test === undefined) throw new ResultsError(`there is no test "${outcome.id}"`);
    const frames = captured(outcome, folder);
    const facts = factsOf(measuredFor(results, outcome.part));
    const again = await rejudge(test, outcome, frames, { profile, facts, ledger, strict: results.strict });
    outcomes.push(asResult(again, outcome));
  }
  return outcomes;
}

function captured({ id, capture, stimuli }: TestResult, folder: string): CapturedFrame[] {
  if (capture !== undefined) return framesOf(folder, capture);
  if (stimuli.length === 0) return [];
  throw new RecordingError(`${id}: the results name no capture`);
}
