/** Two runs compared: what fails now that did not, what no longer does, what is new or gone, and what the runs do not have in common. */
import { harmless } from '../../harness/engine/describe.ts';
import type { Verdict } from '../../harness/engine/outcome.ts';
import { selected } from '../model/clauses.ts';
import { type Results, subjectName, type TestResult } from '../model/results.ts';
import type { Run } from '../model/run.ts';
import { labelled, plural } from '../text/layout.ts';

/** `regression`: FAIL now and not before; `unjudged`: was judged and is not any more (INCONCLUSIVE, ERROR, NOT APPLICABLE). */
export const changeKinds = ['regression', 'fixed', 'unjudged', 'new', 'gone', 'reading', 'other'] as const;
export type ChangeKind = (typeof changeKinds)[number];

export interface Change {
  kind: ChangeKind;
  role: string;
  /** The test; of a reading its id. */
  what: string;
  /** The clauses that fail now, or failed before. */
  clauses: string[];
  /** `PASS -> FAIL`. */
  transition: string;
  /** What differs from what is expected, or the reason. */
  why: string;
}

export interface Comparison {
  changes: Change[];
  /** In what the runs are not alike: vectors, ledger, selection. */
  unlike: string[];
  /** Tests that are in both. */
  common: number;
  /** The new run lacks a device, or was broken off: what is missing may be anything. */
  lost: boolean;
}

const judged: readonly Verdict[] = ['PASS', 'FAIL', 'WARN', 'INFO'];

const failing = (test: TestResult | undefined): string[] => [
  ...new Set(test?.judgements.filter(({ verdict }) => verdict === 'FAIL').map(({ clause }) => clause) ?? []),
];

function whyOf(test: TestResult, clauses: readonly string[]): string {
  const found = test.judgements.find(({ clause, verdict }) => verdict === 'FAIL' && clauses.includes(clause));
  const { difference } = found ?? {};
  if (difference !== undefined)
    return `${difference.path}: expected ${difference.expected}, actual ${difference.actual}`;
  return found === undefined ? (test.reason ?? '') : `came ${found.actual.join(' / ')}`;
}

/** Compare a run with an earlier one, device by device of the same role. */
export function compare(before: Run, after: Run): Comparison {
  const changes: Change[] = [];
  const unlike: string[] = [];
  let common = 0;
  let lost = false;
  // A folder may hold several devices of one role: then their own folders tell them apart.
  const isSeveral = [before, after].some(
    ({ devices }) => new Set(devices.map(({ results }) => subjectName(results))).size < devices.length,
  );
  const byRole = ({ devices }: Run): Map<string, Results> =>
    new Map(
      devices.map(({ results, path }) => [
        isSeveral ? `${subjectName(results)} ${path.replace(/\/$/, '')}` : subjectName(results),
        results,
      ]),
    );
  const [old, now] = [byRole(before), byRole(after)];
  for (const role of new Set([...old.keys(), ...now.keys()])) {
    const [left, right] = [old.get(role), now.get(role)];
    if (left === undefined || right === undefined) {
      unlike.push(`${role}: only the ${left === undefined ? 'new' : 'old'} run has it`);
      if (right === undefined) lost = true;
      continue;
    }
    if (right.incomplete !== undefined) lost = true;
    unlike.push(...differencesOf(left, right).map((text) => `${role}: ${text}`));
    changes.push(...readingChanges(left, right));
    const known = new Map(left.outcomes.map((test) => [test.id, test]));
    for (const test of right.outcomes) {
      const was = known.get(test.id);
      known.delete(test.id);
      if (was !== undefined) common += 1;
      changes.push(
        ...testChanges(role, was, test, { isNew: isWhole(left), isAlike: isJudgedAlike(left, right) }),
      );
    }
    // What a selection or a broken-off run left out is not gone.
    if (!isWhole(right)) continue;
    for (const test of known.values())
      changes.push({
        kind: 'gone',
        role,
        what: test.id,
        clauses: failing(test),
        transition: `${test.verdict} -> gone`,
        why: '',
      });
  }
  return { changes, unlike, common, lost };
}

const isWhole = ({ selection, incomplete }: Results): boolean =>
  selected(selection).length === 0 && incomplete === undefined;

/** Equally strict: only then something that fails no longer was mended. Readings that changed are told by themselves. */
const isJudgedAlike = (before: Results, after: Results): boolean => before.strict === after.strict;

function testChanges(
  role: string,
  was: TestResult | undefined,
  test: TestResult,
  { isNew, isAlike }: { isNew: boolean; isAlike: boolean },
): Change[] {
  const now = failing(test);
  const change = (kind: ChangeKind, clauses: string[], why: string): Change => ({
    kind,
    role,
    what: test.id,
    clauses,
    transition: `${was?.verdict ?? 'new'} -> ${test.verdict}`,
    why,
  });
  const isFail = test.verdict === 'FAIL';
  if (was === undefined) {
    // Of a selection nobody knows what the others did then; a failure is told all the same.
    if (!isNew) return now.length > 0 ? [change('new', now, whyOf(test, now))] : [];
    return [change(isFail ? 'regression' : 'new', now, whyOf(test, now))];
  }
  const before = failing(was);
  const broken = now.filter((clause) => !before.includes(clause));
  const mended = before.filter((clause) => !now.includes(clause));
  const isJudged = judged.includes(test.verdict);
  if (isFail && broken.length > 0) return [change('regression', broken, whyOf(test, broken))];
  if (judged.includes(was.verdict) && !isJudged) return [change('unjudged', before, test.reason ?? '')];
  if (mended.length > 0 && isJudged) return [change(isAlike ? 'fixed' : 'other', mended, '')];
  return was.verdict === test.verdict ? [] : [change('other', [], test.reason ?? '')];
}

function readingChanges(before: Results, after: Results): Change[] {
  const known = new Map(before.readingFacts.map(({ id, inForce }) => [id, inForce]));
  return after.readingFacts.flatMap(({ id, inForce, reading }) => {
    const was = known.get(id);
    if (was === undefined || was === inForce) return [];
    return [
      {
        kind: 'reading',
        role: after.role,
        what: id,
        clauses: [],
        transition: `${was} -> ${inForce}`,
        why: reading,
      },
    ];
  });
}

function differencesOf(before: Results, after: Results): string[] {
  const device = ({ device: { vendor, product, version } }: Results): string =>
    `${vendor} ${product} ${version}`;
  const selection = (results: Results): string =>
    selected(results.selection)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ') || 'everything';
  const claims = ({ ics }: Results): string =>
    Object.entries(ics)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ');
  const pairs: [string, string, string][] = [
    ['the device', device(before), device(after)],
    ['the program', before.tool, after.tool],
    ['the vectors', before.suite, after.suite],
    ['the ledger', before.ledger, after.ledger],
    ['strict', String(before.strict), String(after.strict)],
    ['what is claimed (ICS)', claims(before), claims(after)],
    ['what was run', selection(before), selection(after)],
    ['whole', before.incomplete ?? 'yes', after.incomplete ?? 'yes'],
  ];
  return pairs
    .filter(([, left, right]) => left !== right)
    .map(([what, left, right]) => `${what}: ${left} then, ${right} now`);
}

/** 1 a regression; 2 none, but something that was judged is not any more, or is missing; 0 neither. */
export function comparisonStatus({
  changes,
  lost = false,
}: Pick<Comparison, 'changes'> & { lost?: boolean }): 0 | 1 | 2 {
  if (changes.some(({ kind }) => kind === 'regression')) return 1;
  return lost || changes.some(({ kind }) => kind === 'unjudged') ? 2 : 0;
}

const titles: { readonly [kind in ChangeKind]: string } = {
  regression: 'Regressions: FAIL now, and not before',
  fixed: 'Fixed: failed before, and not now',
  unjudged: 'No longer judged',
  new: 'New tests',
  gone: 'Tests that are gone',
  reading: 'Readings that changed',
  other: 'Other verdicts',
};

/** In lines, worst first. A pure function. */
export function comparisonLines(comparison: Comparison, width = 100): string[] {
  const { changes, unlike, common } = comparison;
  const sections = changeKinds.flatMap((kind) => {
    const own = changes.filter((change) => change.kind === kind);
    if (own.length === 0) return [];
    return [
      titles[kind],
      ...own.flatMap(({ role, what, clauses, transition, why }) => [
        `  ${harmless(`${transition.padEnd(16)} ${what} (${role})${clauses.length === 0 ? '' : ` [${clauses.join(' ')}]`}`)}`,
        ...(why === '' ? [] : labelled('      ', harmless(why), width)),
      ]),
      '',
    ];
  });
  const counts = changeKinds
    .map((kind) => [kind, changes.filter((change) => change.kind === kind).length] as const)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`);
  return [
    ...unlike.flatMap((text) => labelled('Not alike: ', harmless(text), width)),
    ...(unlike.length === 0 ? [] : ['']),
    ...sections,
    `${plural(common, 'test')} in both: ${counts.join(', ') || 'nothing changed'}`,
  ];
}
