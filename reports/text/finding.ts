/** One broken expectation on one screen: the clauses, what was sent, the whole expected set, what came, where to look. */
import { harmless } from '../../harness/engine/describe.ts';
import type { Judgement, Outcome, StepRecord, Verdict } from '../../harness/engine/outcome.ts';
import { type ClauseFacts, captureFile, type TestResult } from '../model/results.ts';
import { labelled, labelledLines, type TextOptions } from './layout.ts';

export type ClauseTable = ReadonlyMap<string, ClauseFacts>;

export const clauseTable = (clauses: readonly ClauseFacts[]): ClauseTable =>
  new Map(clauses.map((clause) => [clause.id, clause]));

/** Section and lines of the draft, or the RFCs behind a base check. */
export function placeOf(clause: ClauseFacts): string {
  if (clause.lines.length === 0) return clause.sources.join(', ');
  const lines = clause.lines
    .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
    .join(', ');
  return `section ${clause.section}, lines ${lines}`;
}

/** Judgements of an outcome with this verdict, those with the same evidence together. */
export const evidenceGroups = (outcome: Outcome, verdict: Verdict): Judgement[][] =>
  byEvidence(outcome.judgements.filter((judgement) => judgement.verdict === verdict));

/** Judgements, those with the same evidence together. */
export function byEvidence(judgements: readonly Judgement[]): Judgement[][] {
  const found = new Map<string, Judgement[]>();
  for (const judgement of judgements) {
    const evidence = JSON.stringify([
      judgement.step,
      judgement.expected,
      judgement.actual,
      judgement.difference,
    ]);
    found.set(evidence, [...(found.get(evidence) ?? []), judgement]);
  }
  return [...found.values()];
}

/** How it was proved that nothing came. */
export const silenceWords = {
  barrier: 'a barrier that was answered closed the window',
  time: 'time alone closed the window',
} as const;

/** What was sent before a step: its own stimulus, or the last message before it that was no barrier's. */
export function sentBefore(steps: readonly StepRecord[], step: string): string[] {
  const isSend = (record: StepRecord): boolean => record.text.includes(' sent ');
  const own = steps.filter(
    (record) => isSend(record) && record.step.startsWith(`${step}.`) && record.step.includes('.stimulus['),
  );
  if (own.length > 0) return [...new Set(own.map((record) => record.text))];
  const at = steps.findIndex((record) => record.step === step && !isSend(record));
  const before = steps.slice(0, at < 0 ? steps.length : at);
  const last = before
    .filter((record) => isSend(record) && record.part !== 'liveness' && !record.step.includes('.barrier['))
    .at(-1);
  return last === undefined ? [] : [last.text];
}

/** Vectors name octets behind a message, `trailing`, also where there are none. */
export const withoutEmpty = (text: string): string => text.replace(/,? trailing (?=, | \/ |$)/g, '');

function clauseLines(judgement: Judgement, clauses: ClauseTable, width: number): string[] {
  const [id = '', aspect] = judgement.clause.split('#');
  const clause = clauses.get(id);
  const requires =
    (aspect === undefined ? undefined : clause?.aspects[aspect]?.requires) ?? clause?.requires ?? '';
  const place = clause === undefined ? '' : `; ${placeOf(clause)}`;
  const reading = judgement.reading === undefined ? '' : ` [reading ${judgement.reading}]`;
  return labelled('  -> ', `${judgement.clause} (${judgement.level}${place}): ${requires}${reading}`, width);
}

/** The report of every judgement of `verdict` in an outcome. */
export function findingLines(
  outcome: Outcome & Pick<TestResult, 'retry'>,
  verdict: Verdict,
  clauses: ClauseTable,
  options: TextOptions,
): string[] {
  const { width } = options;
  const lines: string[] = labelled('  ', harmless(outcome.title), width);
  for (const group of evidenceGroups(outcome, verdict)) {
    const [judgement] = group;
    if (judgement === undefined) continue;
    for (const one of group) lines.push(...clauseLines(one, clauses, width));
    const sent = sentBefore(outcome.steps, judgement.step).map(withoutEmpty).map(harmless);
    if (sent.length > 0) lines.push(...labelledLines('     Sent:     ', sent, width));
    lines.push(...labelledLines('     Expected: ', judgement.expected.map(harmless), width));
    lines.push(...labelledLines('     Actual:   ', judgement.actual.map(harmless), width));
    if (judgement.difference !== undefined) {
      const { path, expected, actual } = judgement.difference;
      lines.push(
        ...labelled('     Differs:  ', harmless(`${path}: expected ${expected}, actual ${actual}`), width),
      );
    }
    if (judgement.silence !== undefined) {
      lines.push(`     Silence:  ${silenceWords[judgement.silence]}`);
    }
    const frames = judgement.frames.length === 0 ? '' : `, frame ${judgement.frames.join(', ')}`;
    lines.push(`     Capture:  ${captureFile(outcome.id)}${frames}; step ${judgement.step}`);
  }
  if (outcome.reason !== undefined)
    lines.push(...labelled('     Reason:   ', harmless(outcome.reason), width));
  if (outcome.retry !== undefined)
    lines.push(...labelled('     Again:    ', harmless(outcome.retry.words), width));
  return lines;
}
