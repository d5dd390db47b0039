/** What became of each clause: over the tests of a run, and counted by level. */
import { type Outcome, type Verdict, worst } from '../../harness/engine/outcome.ts';
import type { Level } from '../../harness/vectors/ledger.ts';
import type { ClauseFacts, Results } from './results.ts';

/** What became of a clause in a run. */
export interface ClauseState {
  /** Worst over the judgements of it; else what stands in their way. */
  verdict: Verdict | 'not observed';
  /** Tests that judged it. */
  tests: string[];
  /** Why it has no judgement. */
  why?: string;
}

interface Judged {
  clauses: readonly ClauseFacts[];
  outcomes: readonly Outcome[];
  selection: Results['selection'];
  incomplete?: string;
}

/** What of a selection leaves tests out; the role alone leaves out none of the device's. */
export const selected = (selection: Results['selection']): [string, string][] =>
  Object.entries(selection).filter(([name]) => name !== 'role');

/** What became of each clause, in their order. */
export function clauseStates(run: Judged): ClauseState[] {
  const judged = new Map<string, { verdicts: Verdict[]; tests: Set<string> }>();
  const touched = new Map<string, Outcome[]>();
  for (const outcome of run.outcomes) {
    for (const id of outcome.clauses) touched.set(id, [...(touched.get(id) ?? []), outcome]);
    for (const judgement of outcome.judgements) {
      const id = judgement.clause.split('#')[0] as string;
      const entry = judged.get(id) ?? { verdicts: [], tests: new Set<string>() };
      entry.verdicts.push(judgement.verdict);
      entry.tests.add(outcome.id);
      judged.set(id, entry);
    }
  }
  return run.clauses.map((clause): ClauseState => {
    const entry = judged.get(clause.id);
    if (entry !== undefined) return { verdict: worst(entry.verdicts) ?? 'PASS', tests: [...entry.tests] };
    return { tests: [], ...notJudged(clause, touched.get(clause.id) ?? [], run) };
  });
}

function notJudged(
  clause: ClauseFacts,
  outcomes: Outcome[],
  { selection, incomplete }: Pick<Judged, 'selection' | 'incomplete'>,
): Pick<ClauseState, 'verdict' | 'why'> {
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
  if (selected(selection).length > 0)
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
const seen: readonly ClauseState['verdict'][] = ['PASS', 'INFO', 'FAIL', 'WARN'];
export const isObserved = ({ verdict }: Pick<ClauseState, 'verdict'>): boolean => seen.includes(verdict);

/** The clauses of some levels, counted by what became of them. */
export interface RankCount {
  name: string;
  total: number;
  observed: number;
  /** Of those observed. */
  failed: number;
  warned: number;
  /** INCONCLUSIVE or ERROR. */
  inconclusive: number;
  notApplicable: number;
  notObserved: number;
}

/** Counts of each rank that has any clauses. */
export function rankCounts(clauses: readonly { level: Level; state: ClauseState }[]): RankCount[] {
  return ranks.flatMap(({ name, levels }) => {
    const states = clauses.filter(({ level }) => levels.includes(level)).map(({ state }) => state);
    if (states.length === 0) return [];
    const count = (...wanted: ClauseState['verdict'][]): number =>
      states.filter(({ verdict }) => wanted.includes(verdict)).length;
    return [
      {
        name,
        total: states.length,
        observed: states.filter(isObserved).length,
        failed: count('FAIL'),
        warned: count('WARN'),
        inconclusive: count('INCONCLUSIVE', 'ERROR'),
        notApplicable: count('NOT APPLICABLE'),
        notObserved: count('not observed'),
      },
    ];
  });
}
