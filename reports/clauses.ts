/** What became of each clause: over the tests of a run, and counted by level. */
import { type Outcome, type Verdict, worst } from '../harness/engine/outcome.ts';
import type { Level } from '../harness/vectors/ledger.ts';
import type { ClauseFacts, Results } from './results.ts';

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

/** Levels that are counted together. */
export const ranks: readonly { name: string; levels: readonly Level[] }[] = [
  { name: 'MUST', levels: ['MUST', 'MUST (base)'] },
  { name: 'SHOULD', levels: ['SHOULD', 'SHOULD (base)', 'SHOULD NOT', 'should'] },
  { name: 'formats and behaviour', levels: ['REQ', 'FMT', 'BEHAV'] },
  { name: 'MAY and open points', levels: ['MAY', 'could', 'INFO', 'NONE'] },
];

/** Verdicts that say that a clause was seen in action. */
const seen: readonly ClauseRow['verdict'][] = ['PASS', 'INFO', 'FAIL', 'WARN'];
export const isObserved = ({ verdict }: Pick<ClauseRow, 'verdict'>): boolean => seen.includes(verdict);
