/** The summary of a run: failures first, then warnings, what stayed open and why, every clause of the role, the totals. */
import { harmless } from '../harness/engine/describe.ts';
import { type Outcome, type Verdict, verdictOrder, worst } from '../harness/engine/outcome.ts';
import type { Level } from '../harness/vectors/ledger.ts';
import { clauseTable, findingLines } from './finding.ts';
import { type ClauseFacts, countVerdicts, exitStatusOf, type Results } from './results.ts';
import { cut, labelled, paint, plain, plural, type TextOptions } from './text.ts';

/** What became of a clause in a run. */
export interface ClauseRow {
  clause: ClauseFacts;
  /** Worst over the judgements of it; else what stands in their way. */
  verdict: Verdict | 'not observed';
  /** Tests that judged it. */
  tests: number;
  /** Why it has no judgement. */
  why?: string;
}

export function clauseRows(
  results: Pick<Results, 'clauses' | 'outcomes' | 'selection' | 'incomplete'>,
): ClauseRow[] {
  const judged = new Map<string, { verdicts: Verdict[]; tests: Set<string> }>();
  const touched = new Map<string, Outcome[]>();
  for (const outcome of results.outcomes) {
    for (const id of outcome.clauses) touched.set(id, [...(touched.get(id) ?? []), outcome]);
    for (const judgement of outcome.judgements) {
      const id = judgement.clause.split('#')[0] as string;
      const entry = judged.get(id) ?? { verdicts: [], tests: new Set<string>() };
      entry.verdicts.push(judgement.verdict);
      entry.tests.add(outcome.id);
      judged.set(id, entry);
    }
  }
  return results.clauses.map((clause): ClauseRow => {
    const entry = judged.get(clause.id);
    if (entry !== undefined)
      return { clause, verdict: worst(entry.verdicts) ?? 'PASS', tests: entry.tests.size };
    return { clause, tests: 0, ...notJudged(clause, touched.get(clause.id) ?? [], results) };
  });
}

function notJudged(
  clause: ClauseFacts,
  outcomes: Outcome[],
  { selection, incomplete }: Pick<Results, 'selection' | 'incomplete'>,
): Pick<ClauseRow, 'verdict' | 'why'> {
  const open = outcomes.find(({ verdict }) => verdict !== 'NOT APPLICABLE');
  if (open !== undefined)
    return {
      verdict: open.verdict === 'ERROR' ? 'ERROR' : 'INCONCLUSIVE',
      why: open.reason ?? `see ${open.id}`,
    };
  const [excluded] = outcomes;
  if (excluded !== undefined) return { verdict: 'NOT APPLICABLE', why: excluded.reason ?? '' };
  if (clause.class === 'X')
    return { verdict: 'not observed', why: clause.unseen ?? clause.note ?? 'cannot be seen from outside' };
  if (clause.governedBy.length > 0)
    return { verdict: 'not observed', why: `carried by ${clause.governedBy.join(', ')}` };
  if (incomplete !== undefined) return { verdict: 'not observed', why: 'the run was broken off before' };
  if (Object.keys(selection).length > 0)
    return { verdict: 'not observed', why: 'no test of this selection judges it' };
  return { verdict: 'not observed', why: clause.unseen ?? 'no vector judges it' };
}

const ranks: readonly { name: string; levels: readonly Level[] }[] = [
  { name: 'MUST, formats, behaviour', levels: ['MUST', 'MUST (base)', 'REQ', 'FMT', 'BEHAV'] },
  { name: 'SHOULD', levels: ['SHOULD', 'SHOULD (base)', 'SHOULD NOT', 'should'] },
  { name: 'MAY and open points', levels: ['MAY', 'could', 'INFO', 'NONE'] },
];

function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [title, '', ...lines, ''];
}

function findings(results: Results, verdict: Verdict, options: TextOptions): string[] {
  const clauses = clauseTable(results.clauses);
  return results.outcomes
    .filter(
      (outcome) =>
        outcome.verdict === verdict || outcome.judgements.some((judgement) => judgement.verdict === verdict),
    )
    .flatMap((outcome) => [
      paint(`${verdict}  ${outcome.id}`, verdict, options),
      ...findingLines(outcome, verdict, clauses, options),
      '',
    ]);
}

/** Outcomes without a judgement, those with the same reason together. */
function byReason(results: Results, verdict: Verdict, options: TextOptions): string[] {
  const reasons = new Map<string, string[]>();
  for (const outcome of results.outcomes) {
    if (outcome.verdict !== verdict) continue;
    const reason = outcome.reason ?? '';
    reasons.set(reason, [...(reasons.get(reason) ?? []), outcome.id]);
  }
  return [...reasons].flatMap(([reason, ids]) => [
    ...labelled('  ', harmless(reason), options.width),
    ...labelled(
      '    ',
      ids.length <= 4 ? ids.join(' ') : `${ids.slice(0, 3).join(' ')} and ${ids.length - 3} more`,
      options.width,
    ),
  ]);
}

function clauseLine(row: ClauseRow, options: TextOptions): string {
  const { clause, verdict } = row;
  const shown = verdict === 'not observed' ? verdict : paint(verdict.padEnd(14), verdict, options);
  const tests = row.tests === 0 ? '' : String(row.tests);
  const head = `${clause.id.padEnd(9)}${clause.level.padEnd(14)}${clause.class.padEnd(3)}${shown.padEnd(14)}${tests.padStart(4)}  `;
  const text = row.why === undefined ? clause.requires : `(${row.why})`;
  return `${head}${cut(harmless(text), Math.max(20, options.width - 46))}`;
}

/** Every clause; of a selection those that it touches, the others as a number. */
function clauseLines(rows: ClauseRow[], results: Results, options: TextOptions): string[] {
  const touched = new Set(results.outcomes.flatMap(({ clauses }) => clauses));
  const whole = Object.keys(results.selection).length === 0;
  const shown = whole ? rows : rows.filter(({ clause }) => touched.has(clause.id));
  const lines = shown.map((row) => clauseLine(row, options));
  const others = rows.length - shown.length;
  return others === 0
    ? lines
    : [...lines, `and ${plural(others, 'clause')} that no test of this selection judges`];
}

/** The counts that are not zero. */
const listed = (...counts: [number, string][]): string =>
  counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ');

function totals(results: Results, rows: ClauseRow[], options: TextOptions): string[] {
  const counts = countVerdicts(results.outcomes);
  const verdicts = verdictOrder
    .filter((verdict) => counts.has(verdict))
    .map((verdict) => paint(`${counts.get(verdict)} ${verdict}`, verdict, options));
  const lines = [`Tests    ${plural(results.outcomes.length, 'test')}: ${verdicts.join(', ') || 'none'}`];
  for (const { name, levels } of ranks) {
    const own = rows.filter(({ clause }) => levels.includes(clause.level));
    const count = (...wanted: ClauseRow['verdict'][]): number =>
      own.filter(({ verdict }) => wanted.includes(verdict)).length;
    const broken = listed([count('FAIL'), 'failed'], [count('WARN'), 'warned']);
    const seen = `${count('PASS', 'INFO', 'FAIL', 'WARN')} observed${broken === '' ? '' : ` (${broken})`}`;
    const rest = listed(
      [count('INCONCLUSIVE', 'ERROR'), 'inconclusive'],
      [count('NOT APPLICABLE'), 'not applicable'],
      [count('not observed'), 'not observed'],
    );
    lines.push(...labelled('Clauses  ', `${name}: ${seen}${rest === '' ? '' : `, ${rest}`}`, options.width));
  }
  return lines;
}

const meanings: { readonly [status: number]: string } = {
  0: 'nothing failed',
  1: 'a FAIL',
  2: 'no FAIL, but not everything could be judged',
  3: 'nothing was judged',
};

/** The summary of a device, a line an entry. A pure function of the results. */
export function summary(results: Results, options: TextOptions = plain): string[] {
  return summaryOf([results], options);
}

/** What went wrong or stayed open, and every clause that binds the role. */
function details(results: Results, rows: ClauseRow[], options: TextOptions): string[] {
  return [
    ...section('Failures', findings(results, 'FAIL', options)),
    ...section('Errors of the harness', byReason(results, 'ERROR', options)),
    ...section('Warnings', findings(results, 'WARN', options)),
    ...section('Inconclusive', byReason(results, 'INCONCLUSIVE', options)),
    ...section('Not applicable', byReason(results, 'NOT APPLICABLE', options)),
    ...section(
      `Clauses that bind the ${results.role} (level, class, verdict, tests, what it requires)`,
      clauseLines(rows, results, options),
    ),
    ...results.findings.map((finding) => `Beware: ${harmless(finding)}`),
    ...(results.incomplete === undefined
      ? []
      : labelled(
          '',
          `Incomplete: ${harmless(results.incomplete)}; ${plural(results.notRun?.length ?? 0, 'test')} without outcome`,
          options.width,
        )),
  ];
}

function deviceLine(results: Results, options: TextOptions): string[] {
  const device = harmless(`${results.device.vendor} ${results.device.product} ${results.device.version}`);
  return labelled(
    'Device   ',
    `${device}, as ${results.role}, profile ${harmless(results.profile.file)}${modeWords(results)}`,
    options.width,
  );
}

/** The summary of a run with one device or several: the details of each, then the totals of each, then the result. */
export function summaryOf(all: readonly Results[], options: TextOptions = plain): string[] {
  const tables = all.map((results) => ({ results, rows: clauseRows(results) }));
  const status = exitStatusOf(all);
  const seconds =
    (Math.max(...all.map(({ end }) => Date.parse(end))) -
      Math.min(...all.map(({ start }) => Date.parse(start)))) /
    1000;
  return [
    ...tables.flatMap(({ results, rows }) => details(results, rows, options)),
    ...tables.flatMap(({ results, rows }) => [
      ...totals(results, rows, options),
      ...deviceLine(results, options),
    ]),
    `Result   ${meanings[status]} (exit status ${status}), ${seconds.toFixed(1)} s`,
  ];
}

function modeWords(results: Results): string {
  const words = Object.entries(results.readings).map(([id, name]) => `reading ${id} ${name}`);
  if (results.strict) words.unshift('strict');
  for (const [name, value] of Object.entries(results.selection)) words.push(`only ${name} ${value}`);
  return words.length === 0 ? '' : `; ${words.join(', ')}`;
}
