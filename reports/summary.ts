/** The summary of a run: failures first, then warnings, what stayed open and why, every clause of the role, the totals. */
import { harmless } from '../harness/engine/describe.ts';
import { type Verdict, verdictOrder } from '../harness/engine/outcome.ts';
import { type ClauseRow, clauseRows, isObserved, ranks } from './clauses.ts';
import { clauseTable, findingLines } from './finding.ts';
import { countVerdicts, exitStatusOf, type Results } from './results.ts';
import { cut, labelled, paint, plain, plural, type TextOptions } from './text.ts';

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

/** Columns of a reason. */
const longestReason = 160;

/** What the device did otherwise, without the headers and the fields that are others in each test; the rest is in the results. */
function shortened(reason: string): string {
  const [, packet] = /^the device does otherwise: (.*)$/s.exec(reason) ?? [];
  if (packet === undefined) return reason;
  const message = packet.split(' / ').find((layer) => !/^(Ethernet|IPv4|IPv6|UDP) /.test(layer)) ?? packet;
  return cut(`the device does otherwise: ${message.split(', ').slice(0, 2).join(', ')}`, longestReason);
}

/** Outcomes without a judgement, those with the same reason together. */
function byReason(results: Results, verdict: Verdict, options: TextOptions): string[] {
  const reasons = new Map<string, string[]>();
  for (const outcome of results.outcomes) {
    if (outcome.verdict !== verdict) continue;
    const reason = shortened(outcome.reason ?? '');
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

/** `MUST 24 of 25 observed (1 failed), 1 not applicable` */
function rankWords(name: string, rows: readonly ClauseRow[]): string {
  const count = (...wanted: ClauseRow['verdict'][]): number =>
    rows.filter(({ verdict }) => wanted.includes(verdict)).length;
  const broken = listed([count('FAIL'), 'failed'], [count('WARN'), 'warned']);
  const rest = listed(
    [count('INCONCLUSIVE', 'ERROR'), 'inconclusive'],
    [count('NOT APPLICABLE'), 'not applicable'],
    [count('not observed'), 'not observable or not tested'],
  );
  const observed = rows.filter(isObserved).length;
  return `${name} ${observed} of ${rows.length} observed${broken === '' ? '' : ` (${broken})`}${rest === '' ? '' : `, ${rest}`}`;
}

function totals(results: Results, rows: ClauseRow[], options: TextOptions): string[] {
  const counts = countVerdicts(results.outcomes);
  const verdicts = verdictOrder
    .filter((verdict) => counts.has(verdict))
    .map((verdict) => paint(`${counts.get(verdict)} ${verdict}`, verdict, options));
  const lines = [`Tests    ${plural(results.outcomes.length, 'test')}: ${verdicts.join(', ') || 'none'}`];
  for (const { name, levels } of ranks) {
    const own = rows.filter(({ clause }) => levels.includes(clause.level));
    if (own.length > 0) lines.push(...labelled('Clauses  ', rankWords(name, own), options.width));
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

/** What went wrong or stayed open; `whose` names the device where there are several. */
function details(results: Results, whose: string, options: TextOptions): string[] {
  return [
    ...section(`Failures${whose}`, findings(results, 'FAIL', options)),
    ...section(`Errors of the harness${whose}`, byReason(results, 'ERROR', options)),
    ...section(`Warnings${whose}`, findings(results, 'WARN', options)),
    ...section(`Inconclusive${whose}`, byReason(results, 'INCONCLUSIVE', options)),
    ...section(`Not applicable${whose}`, byReason(results, 'NOT APPLICABLE', options)),
    ...results.findings.map((finding) => `Beware${whose}: ${harmless(finding)}`),
    ...(results.incomplete === undefined
      ? []
      : labelled(
          '',
          `Incomplete${whose}: ${harmless(results.incomplete)}; ${plural(results.notRun?.length ?? 0, 'test')} without outcome`,
          options.width,
        )),
  ];
}

/** Every clause that binds the role. */
function clausesOf(results: Results, rows: ClauseRow[], options: TextOptions): string[] {
  const title =
    results.role === 'scenario'
      ? 'Clauses that the scenarios judge'
      : `Clauses that bind the ${results.role}`;
  return section(`${title} (level, class, verdict, tests, what it requires)`, [
    ...clauseLines(rows, results, options),
    '',
    ...legend(options),
  ]);
}

type Table = { results: Results; rows: ClauseRow[] };

const columnWidth = 16;
const dash = '-';

/** What the words of the clause tables mean. */
const legend = (options: TextOptions): string[] => [
  ...labelled(
    'Level   ',
    'MUST, SHOULD, MAY as the draft says, (base) as RFC 3344 and its kin do; REQ "required", FMT a format or code value, ' +
      'BEHAV behaviour without a keyword, INFO a description, NONE not stated',
    options.width,
  ),
  ...labelled(
    'Class   ',
    'T judged by test, TP by test if the profile says something, O recorded only, X not visible from outside; ' +
      'verdict INFO: what was seen is recorded, none is right or wrong',
    options.width,
  ),
];

/** Clauses of the draft against the devices of a run: every clause that binds one of them, in the order of the draft. */
function clauseMatrix(tables: readonly Table[], options: TextOptions): string[] {
  const cells = new Map<string, { row: ClauseRow; cells: Map<Table, ClauseRow> }>();
  for (const table of tables)
    for (const row of table.rows) {
      const entry = cells.get(row.clause.id) ?? { row, cells: new Map<Table, ClauseRow>() };
      entry.cells.set(table, row);
      cells.set(row.clause.id, entry);
    }
  const order = [...cells.values()].sort((a, b) => compareIds(a.row.clause.id, b.row.clause.id));
  const cell = (row: ClauseRow | undefined): string => {
    if (row === undefined) return dash.padEnd(columnWidth);
    const text = `${row.verdict}${row.tests === 0 ? '' : ` ${row.tests}`}`.padEnd(columnWidth);
    return row.verdict === 'not observed' ? text : paint(text, row.verdict, options);
  };
  const lines = order.map(({ row, cells: own }) =>
    `${row.clause.id.padEnd(9)}${row.clause.level.padEnd(14)}${row.clause.class.padEnd(3)}${tables.map((table) => cell(own.get(table))).join('')}`.trimEnd(),
  );
  const heads = tables.map(({ results }) => results.role.padEnd(columnWidth)).join('');
  return section(`Clauses, with the verdict and the number of tests of each role that they bind`, [
    `${' '.repeat(26)}${heads}`.trimEnd(),
    ...lines,
    '',
    ...legend(options),
  ]);
}

/** `4.3-f` before `4.10-a`, sections before the base checks. */
function compareIds(a: string, b: string): number {
  return a.startsWith('B') === b.startsWith('B')
    ? a.localeCompare(b, 'en', { numeric: true })
    : Number(a.startsWith('B')) - Number(b.startsWith('B'));
}

/** What was not observed, with the reason, those with the same reason together. */
function notObserved({ results, rows }: Table, options: TextOptions): string[] {
  const reasons = new Map<string, string[]>();
  for (const row of rows.filter((one) => !isObserved(one))) {
    // What stands in the way of a test is told in full further up.
    const whole = row.why ?? String(row.verdict);
    const why = harmless(row.verdict === 'not observed' ? whole : cut(shortened(whole), longestReason));
    reasons.set(why, [...(reasons.get(why) ?? []), `${row.clause.id} (${row.clause.level})`]);
  }
  return section(
    `Not observed of the ${results.role}`,
    [...reasons].flatMap(([why, ids]) => labelled('  ', `${ids.join(', ')}: ${why}`, options.width)),
  );
}

const deviceWords = ({ vendor, product, version }: Results['device']): string =>
  harmless(`${vendor} ${product} ${version}`);

function deviceLine(results: Results, options: TextOptions): string[] {
  const seated = Object.entries(results.seats ?? {}).map(
    ([seat, device]) => `${seat}: ${deviceWords(device)}`,
  );
  const device = seated.length === 0 ? deviceWords(results.device) : seated.join(', ');
  return labelled(
    'Device   ',
    `${device}, as ${results.role}, profile ${harmless(results.profile.file)}${modeWords(results)}`,
    options.width,
  );
}

/**
 * The summary of a run with one device or several: what went wrong with each, the clauses, the totals of each, the result.
 */
export function summaryOf(all: readonly Results[], options: TextOptions = plain): string[] {
  const tables = all.map((results) => ({ results, rows: clauseRows(results) }));
  const status = exitStatusOf(all);
  const seconds =
    (Math.max(...all.map(({ end }) => Date.parse(end))) -
      Math.min(...all.map(({ start }) => Date.parse(start)))) /
    1000;
  const [only, ...more] = tables;
  return [
    ...tables.flatMap(({ results }) =>
      details(results, more.length === 0 ? '' : ` (${results.role})`, options),
    ),
    ...(only !== undefined && more.length === 0
      ? clausesOf(only.results, only.rows, options)
      : [...clauseMatrix(tables, options), ...tables.flatMap((table) => notObserved(table, options))]),
    ...tables.flatMap(({ results, rows }) => [
      ...deviceLine(results, options),
      ...totals(results, rows, options),
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
