/** The summary of a run: failures first, then warnings, what stayed open and why, every clause of the role, the totals. */
import { harmless } from '../../harness/engine/describe.ts';
import { type Verdict, verdictOrder } from '../../harness/engine/outcome.ts';
import { claimsOf, claimValue, seenWords } from '../model/claims.ts';
import { isObserved, type RankCount, selected } from '../model/clauses.ts';
import { type ClauseResult, exitStatusOf, type Results, subjectName } from '../model/results.ts';
import { clauseTable, findingLines } from './finding.ts';
import { cut, labelled, paint, plain, plural, type TextOptions } from './layout.ts';

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

function clauseLine(clause: ClauseResult, idWidth: number, options: TextOptions): string {
  const { verdict, tests: judging, why } = clause.state;
  const shown = verdict === 'not observed' ? verdict : paint(verdict.padEnd(14), verdict, options);
  const tests = judging.length === 0 ? '' : String(judging.length);
  const head = `${clause.id.padEnd(idWidth)}${clause.level.padEnd(14)}${clause.class.padEnd(3)}${shown.padEnd(14)}${tests.padStart(4)}  `;
  const text = why === undefined ? clause.requires : `(${why})`;
  return `${head}${cut(harmless(text), Math.max(20, options.width - 37 - idWidth))}`;
}

/** Columns of the names of clauses. */
const idWidth = (clauses: readonly Pick<ClauseResult, 'id'>[]): number =>
  Math.max(9, ...clauses.map(({ id }) => id.length + 1));

/** Every clause; of a selection those that it touches, the others as a number. */
function clauseLines(results: Results, options: TextOptions): string[] {
  const touched = new Set(results.outcomes.flatMap(({ clauses }) => clauses));
  const whole = selected(results.selection).length === 0;
  const shown = whole ? results.clauses : results.clauses.filter(({ id }) => touched.has(id));
  const lines = shown.map((clause) => clauseLine(clause, idWidth(shown), options));
  const others = results.clauses.length - shown.length;
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
export function rankWords(rank: RankCount): string {
  const broken = listed([rank.failed, 'failed'], [rank.warned, 'warned']);
  const rest = listed(
    [rank.inconclusive, 'inconclusive'],
    [rank.notApplicable, 'not applicable'],
    [rank.notObserved, 'not observable or not tested'],
  );
  return `${rank.name} ${rank.observed} of ${rank.total} observed${broken === '' ? '' : ` (${broken})`}${rest === '' ? '' : `, ${rest}`}`;
}

function totals(results: Results, options: TextOptions): string[] {
  const { tests, clauses } = results.totals;
  const verdicts = verdictOrder
    .filter((verdict) => tests[verdict] > 0)
    .map((verdict) => paint(`${tests[verdict]} ${verdict}`, verdict, options));
  const lines = [`Tests    ${plural(results.outcomes.length, 'test')}: ${verdicts.join(', ') || 'none'}`];
  for (const rank of clauses) lines.push(...labelled('Clauses  ', rankWords(rank), options.width));
  return lines;
}

export const statusMeanings: { readonly [status: number]: string } = {
  0: 'nothing failed',
  1: 'a FAIL',
  2: 'no FAIL, but not everything could be judged',
  3: 'nothing was judged',
};

/** The summary of a device, a line an entry. A pure function of the results. */
export function summary(results: Results, options: TextOptions = plain): string[] {
  return summaryOf([results], options);
}

/** The device's claims beside what was seen of them. */
function claimLines(results: Results, whose: string, options: TextOptions): string[] {
  if (results.observedClaims === undefined) return [];
  return section(
    `Claims (ICS), and what was seen of them${whose}`,
    claimsOf(results).flatMap(({ entry, value, observed }) =>
      labelled(
        '  ',
        `${harmless(entry)} = ${harmless(claimValue(value))}${observed === undefined ? '' : `: ${harmless(seenWords(observed))}`}`,
        options.width,
      ),
    ),
  );
}

/** What went wrong or stayed open; `whose` names the device where there are several. */
function details(results: Results, whose: string, options: TextOptions): string[] {
  return [
    ...section(`Failures${whose}`, findings(results, 'FAIL', options)),
    ...section(`Errors of the harness${whose}`, byReason(results, 'ERROR', options)),
    ...section(`Warnings${whose}`, findings(results, 'WARN', options)),
    ...section(`Inconclusive${whose}`, byReason(results, 'INCONCLUSIVE', options)),
    ...section(`Not applicable${whose}`, byReason(results, 'NOT APPLICABLE', options)),
    ...claimLines(results, whose, options),
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
function clausesOf(results: Results, options: TextOptions): string[] {
  const title =
    results.role === 'scenario'
      ? 'Clauses that the scenarios judge'
      : `Clauses that bind the ${subjectName(results)}`;
  return section(`${title} (level, class, verdict, tests, what it requires)`, [
    ...clauseLines(results, options),
    '',
    ...legend(options),
  ]);
}

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

/** The clauses of each document in a table of their own. */
function clauseMatrices(all: readonly Results[], options: TextOptions): string[] {
  return [...new Set(all.map(({ document }) => document))].flatMap((document) => {
    const own = all.filter((results) => results.document === document);
    const [only] = own;
    return only !== undefined && own.length === 1 ? clausesOf(only, options) : clauseMatrix(own, options);
  });
}

/** Clauses of a document against the devices of a run: every clause that binds one of them, in the order of the document. */
function clauseMatrix(all: readonly Results[], options: TextOptions): string[] {
  const rows = new Map<string, { clause: ClauseResult; cells: Map<Results, ClauseResult> }>();
  for (const results of all)
    for (const clause of results.clauses) {
      const row = rows.get(clause.id) ?? { clause, cells: new Map<Results, ClauseResult>() };
      row.cells.set(results, clause);
      rows.set(clause.id, row);
    }
  const order = [...rows.values()].sort((a, b) => compareIds(a.clause.id, b.clause.id));
  const width = idWidth(order.map(({ clause }) => clause));
  const cell = (clause: ClauseResult | undefined): string => {
    if (clause === undefined) return dash.padEnd(columnWidth);
    const { verdict, tests } = clause.state;
    const text = `${verdict}${tests.length === 0 ? '' : ` ${tests.length}`}`.padEnd(columnWidth);
    return verdict === 'not observed' ? text : paint(text, verdict, options);
  };
  const lines = order.map(({ clause, cells }) =>
    `${clause.id.padEnd(width)}${clause.level.padEnd(14)}${clause.class.padEnd(3)}${all.map((results) => cell(cells.get(results))).join('')}`.trimEnd(),
  );
  const heads = all.map(({ role }) => role.padEnd(columnWidth)).join('');
  const document = subjectName({ role: '', document: all[0]?.document ?? '' });
  return section(`Clauses${document}, with the verdict and the number of tests of each role that they bind`, [
    `${' '.repeat(17 + width)}${heads}`.trimEnd(),
    ...lines,
    '',
    ...legend(options),
  ]);
}

/** `4.3-f` before `4.10-a`, sections before the base checks. */
export function compareIds(a: string, b: string): number {
  return a.startsWith('B') === b.startsWith('B')
    ? a.localeCompare(b, 'en', { numeric: true })
    : Number(a.startsWith('B')) - Number(b.startsWith('B'));
}

/** What was not observed, with the reason, those with the same reason together. */
function notObserved(results: Results, options: TextOptions): string[] {
  const reasons = new Map<string, string[]>();
  for (const { id, level, state } of results.clauses) {
    if (isObserved(state)) continue;
    // What stands in the way of a test is told in full further up.
    const whole = state.why ?? state.verdict;
    const why = harmless(state.verdict === 'not observed' ? whole : cut(shortened(whole), longestReason));
    reasons.set(why, [...(reasons.get(why) ?? []), `${id} (${level})`]);
  }
  return section(
    `Not observed of the ${subjectName(results)}`,
    [...reasons].flatMap(([why, ids]) => labelled('  ', `${ids.join(', ')}: ${why}`, options.width)),
  );
}

export const deviceWords = ({ vendor, product, version }: Results['device']): string =>
  harmless(`${vendor} ${product} ${version}`);

function deviceLine(results: Results, options: TextOptions): string[] {
  const seated = Object.entries(results.seats ?? {}).map(
    ([seat, device]) => `${seat}: ${deviceWords(device)}`,
  );
  const device = seated.length === 0 ? deviceWords(results.device) : seated.join(', ');
  return labelled(
    'Device   ',
    `${device}, as ${subjectName(results)}, profile ${harmless(results.profile.file)}${modeWords(results)}`,
    options.width,
  );
}

/**
 * The summary of a run with one device or several: what went wrong with each, the clauses, the totals of each, the result.
 */
export function summaryOf(all: readonly Results[], options: TextOptions = plain): string[] {
  const status = exitStatusOf(all);
  const seconds =
    (Math.max(...all.map(({ end }) => Date.parse(end))) -
      Math.min(...all.map(({ start }) => Date.parse(start)))) /
    1000;
  // What lies between the parts is no time of the run.
  const parts = Math.max(...all.map((results) => (results.parts?.length ?? 0) + 1));
  const [only, ...more] = all;
  return [
    ...all.flatMap((results) =>
      details(results, more.length === 0 ? '' : ` (${subjectName(results)})`, options),
    ),
    ...(only !== undefined && more.length === 0
      ? clausesOf(only, options)
      : [...clauseMatrices(all, options), ...all.flatMap((results) => notObserved(results, options))]),
    ...all.flatMap((results) => [...deviceLine(results, options), ...totals(results, options)]),
    `Result   ${statusMeanings[status]} (exit status ${status}), ${parts > 1 ? `in ${parts} parts` : `${seconds.toFixed(1)} s`}`,
  ];
}

function modeWords(results: Results): string {
  const words = Object.entries(results.readings).map(([id, name]) => `reading ${id} ${name}`);
  if (results.strict) words.unshift('strict');
  for (const [name, value] of Object.entries(results.selection)) words.push(`only ${name} ${value}`);
  return words.length === 0 ? '' : `; ${words.join(', ')}`;
}
