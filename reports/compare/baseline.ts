/** Known failures: a file in the vendor's version control, by which a run fails only for what is not known, and says what was mended. */
import { readFileSync } from 'node:fs';
import { harmless } from '../../harness/engine/describe.ts';
import { problemsOf } from '../../harness/vectors/schema.ts';
import type { Results, TestResult } from '../model/results.ts';
import { exitStatus } from '../model/results.ts';
import { plural } from '../text/layout.ts';

/** One failure that is known: a clause that a test finds broken, or a test that is INCONCLUSIVE. */
export interface KnownFailure {
  role: string;
  test: string;
  verdict: 'FAIL' | 'INCONCLUSIVE';
  /** Of a FAIL. */
  clause?: string;
  /** Why it is accepted. */
  note?: string;
}

export interface Baseline {
  format: 'dsmip-conformance baseline 1';
  known: KnownFailure[];
}

/** The file is no baseline; the message says why. */
export class BaselineError extends Error {
  readonly code = 'BAD_BASELINE';
}

/** Read a baseline. Throws BaselineError. */
export function readBaseline(file: string): Baseline {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new BaselineError(
      code === 'ENOENT'
        ? `${file}: there is no such file; dsmip baseline <folder of a run> writes one`
        : `${file}: ${code === undefined ? `is not JSON (${message})` : `cannot be read (${code})`}`,
    );
  }
  const [problem, ...more] = problemsOf('baseline.schema.json', data);
  if (problem !== undefined)
    throw new BaselineError(
      `${file}: ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}${more.length === 0 ? '' : ` (and ${more.length} more)`}; dsmip baseline <folder of a run> writes one`,
    );
  return data as Baseline;
}

const failingClauses = ({ judgements }: TestResult): string[] => [
  ...new Set(judgements.filter(({ verdict }) => verdict === 'FAIL').map(({ clause }) => clause)),
];

/** All that failed in a run or stayed open, sorted, so that a difference shows only what changed. */
export function baselineOf(all: readonly Results[]): Baseline {
  const known = all.flatMap(({ role, outcomes }) =>
    outcomes.flatMap((test): KnownFailure[] => {
      if (test.verdict === 'INCONCLUSIVE') return [{ role, test: test.id, verdict: 'INCONCLUSIVE' }];
      return failingClauses(test).map((clause) => ({ role, test: test.id, verdict: 'FAIL', clause }));
    }),
  );
  const key = ({ role, test, clause = '' }: KnownFailure): string => `${role} ${test} ${clause}`;
  return {
    format: 'dsmip-conformance baseline 1',
    known: known.sort((a, b) => (key(a) < key(b) ? -1 : 1)),
  };
}

/** One failure a line. */
export function baselineText({ format, known }: Baseline): string {
  const lines = known.map((one) => `    ${JSON.stringify(one)}`).join(',\n');
  return `{\n  "format": ${JSON.stringify(format)},\n  "known": [${lines === '' ? '' : `\n${lines}\n  `}]\n}\n`;
}

export interface AgainstBaseline {
  /** Known ones that failed again. */
  known: KnownFailure[];
  /** Known ones that did not: to be taken out of the baseline. */
  fixed: KnownFailure[];
  /** Known ones of tests that were not run, or not judged. */
  unseen: KnownFailure[];
  /** Exit status of the run, with what is known left out. */
  status: 0 | 1 | 2 | 3;
}

/** A run held against what is known of it. A pure function; the verdicts stay what they are. */
export function againstBaseline({ known: all }: Baseline, runs: readonly Results[]): AgainstBaseline {
  const known: KnownFailure[] = [];
  const fixed: KnownFailure[] = [];
  const unseen: KnownFailure[] = [];
  const excused = new Set<TestResult>();
  const tests = new Map(
    runs.flatMap(({ role, outcomes }) => outcomes.map((test) => [`${role} ${test.id}`, test] as const)),
  );
  for (const entry of all) {
    const test = tests.get(`${entry.role} ${entry.test}`);
    const isOpen = test === undefined || ['INCONCLUSIVE', 'ERROR', 'NOT APPLICABLE'].includes(test.verdict);
    const isAgain =
      entry.verdict === 'INCONCLUSIVE'
        ? test?.verdict === 'INCONCLUSIVE'
        : test !== undefined && entry.clause !== undefined && failingClauses(test).includes(entry.clause);
    if (isAgain) known.push(entry);
    else if (isOpen || (entry.verdict === 'INCONCLUSIVE' && test?.verdict === 'FAIL')) unseen.push(entry);
    else fixed.push(entry);
  }
  for (const entry of known) {
    const test = tests.get(`${entry.role} ${entry.test}`);
    if (test === undefined) continue;
    const own = known
      .filter((one) => one.role === entry.role && one.test === entry.test)
      .map(({ clause }) => clause);
    // A test that fails in another clause as well is not excused, nor is what the harness did wrong.
    if (test.verdict !== 'ERROR' && failingClauses(test).every((clause) => own.includes(clause)))
      excused.add(test);
  }
  const statuses = runs.map((results) => {
    const outcomes = results.outcomes.filter((test) => !excused.has(test));
    return exitStatus({
      outcomes,
      ...(results.incomplete === undefined ? {} : { incomplete: results.incomplete }),
    });
  });
  const worst = ([1, 2, 0] as const).find((status) => statuses.includes(status)) ?? 3;
  // Something has to have been judged: a device that answers nothing is not one that is as it was.
  const isJudged = [...excused].some(({ verdict }) => verdict !== 'INCONCLUSIVE');
  const nothing = isJudged ? 0 : excused.size > 0 ? 2 : 3;
  return { known, fixed, unseen, status: worst === 3 ? nothing : worst };
}

/** What a run says of it. */
export function baselineLines(file: string, { known, fixed, unseen, status }: AgainstBaseline): string[] {
  const words = ({ test, clause, verdict, note }: KnownFailure): string =>
    harmless(`${test} ${clause ?? verdict}${note === undefined ? '' : ` (${note})`}`);
  return [
    `Baseline ${plural(known.length, 'known failure')} (${harmless(file)}), ${fixed.length} fixed; exit status ${status}`,
    ...fixed.map((entry) => `         fixed, take it out of the baseline: ${words(entry)}`),
    ...(unseen.length === 0
      ? []
      : [`         ${unseen.length} known of tests that were not judged in this run`]),
  ];
}
