/** What a run of a deviation shows, against what the vectors say of it. */
import { deviations } from '../agents/deviations.ts';
import { notApplicable } from '../bench/applicability.ts';
import type { Outcome, Verdict } from '../engine/outcome.ts';
import type { Aspect, Clause, Ledger } from '../vectors/ledger.ts';
import type { Profile } from '../vectors/profile.ts';
import type { DeviceRole, TestCase } from '../vectors/types.ts';

/** A row of the matrix: a deviation (none: the agent as it should be) on one set-up, with the tests to run. */
export interface Job {
  deviation: string | undefined;
  profile: string;
  tests: string[];
}

/** What came of a row. */
export interface Result {
  job: Job;
  /** Ids of the tests that showed it, and of those that ran at all. */
  caught: string[];
  ran: string[];
  /** Clauses that were blamed as their level says. */
  blamed: string[];
  /** What is wrong, in sentences; none: the job passed. */
  problems: string[];
  milliseconds: number;
}

/** What the clean agent was recorded doing, by test and judgement: where a clause is INFO, another record is what catches. */
export type Baseline = ReadonlyMap<string, (string | undefined)[]>;

const red: readonly Verdict[] = ['FAIL', 'WARN', 'ERROR'];

export const recordsOf = (outcome: Outcome): (string | undefined)[] =>
  outcome.judgements.map((judgement) => judgement.recorded);

/** The judgements that show a deviation: broken expectations, and records that differ from the clean agent's. */
function telling(outcome: Outcome, baseline: Baseline | undefined): Outcome['judgements'] {
  const clean = baseline?.get(outcome.id);
  return outcome.judgements.filter(
    (judgement, at) =>
      red.includes(judgement.verdict) ||
      // Of several things that are right a device may do now this, now that.
      (judgement.verdict === 'INFO' &&
        clean !== undefined &&
        judgement.recorded !== undefined &&
        judgement.recorded !== clean[at]),
  );
}

const isCaught = (outcome: Outcome, baseline: Baseline | undefined): boolean =>
  outcome.verdict === 'ERROR' || telling(outcome, baseline).length > 0;

/** Judge the outcomes of a row. */
export function resultOf(
  job: Job,
  outcomes: readonly Outcome[],
  around: { tests: readonly TestCase[]; profile: Profile; ledger: Ledger; baseline: Baseline | undefined },
  milliseconds: number,
): Result {
  const { baseline, ledger } = around;
  return {
    job,
    caught: outcomes.filter((outcome) => isCaught(outcome, baseline)).map(({ id }) => id),
    ran: outcomes.filter(({ verdict }) => verdict !== 'NOT APPLICABLE').map(({ id }) => id),
    blamed: blamed(outcomes, ledger, baseline),
    problems: [...compare(job, outcomes, around), ...blamedOthers(job, outcomes, around)],
    milliseconds,
  };
}

function compare(
  job: Job,
  outcomes: readonly Outcome[],
  {
    tests,
    profile,
    baseline,
  }: { tests: readonly TestCase[]; profile: Profile; baseline: Baseline | undefined },
): string[] {
  const problems: string[] = [];
  const names = (test: TestCase): boolean =>
    job.deviation !== undefined && test.kills.includes(job.deviation);
  const wanted = new Set(
    tests.filter((test) => names(test) && notApplicable(test, profile) === undefined).map((test) => test.id),
  );
  for (const outcome of outcomes) {
    const caught = isCaught(outcome, baseline);
    const why = because(outcome, baseline);
    if (caught && !wanted.has(outcome.id))
      problems.push(`${outcome.id} turned ${outcome.verdict} and does not name it${why}`);
    if (!caught && wanted.has(outcome.id))
      problems.push(`${outcome.id} names it and gave ${outcome.verdict}${why}`);
    if (job.deviation === undefined && outcome.verdict === 'INCONCLUSIVE')
      problems.push(`${outcome.id}: INCONCLUSIVE${why}`);
  }
  if (job.deviation !== undefined && wanted.size === 0) problems.push('no vector names it');
  return problems;
}

/** In a scenario what is blamed has to bind the agent that deviates, and none of the others. */
function blamedOthers(
  { deviation }: Job,
  outcomes: readonly Outcome[],
  { profile, ledger, baseline }: { profile: Profile; ledger: Ledger; baseline: Baseline | undefined },
): string[] {
  if (deviation === undefined || profile.role !== 'scenario') return [];
  const [role] = deviation.split('/');
  return outcomes.flatMap((outcome) =>
    telling(outcome, baseline)
      .filter(({ clause, recorded }) => {
        const { roles } = ledger.clause(clause);
        return recorded === undefined && !roles.some((one) => one === role);
      })
      .map(({ clause, step }) => `${outcome.id} ${step} blames ${clause}, which does not bind the ${role}`),
  );
}

/** The clauses whose judgement showed the deviation, with the verdict that the ledger gives them. */
function blamed(outcomes: readonly Outcome[], ledger: Ledger, baseline: Baseline | undefined): string[] {
  const shown = outcomes.flatMap((outcome) => telling(outcome, baseline));
  const right = shown.filter((one) => one.verdict === ledger.clause(one.clause).verdict);
  // A deviation may name a clause as a whole, or an aspect of it.
  return [...new Set(right.flatMap((one) => [one.clause.split('#')[0] as string, one.clause]))];
}

/** A deviation breaks a clause: wherever it ran, that clause has to be among those blamed. */
export function wronglyBlamed(results: readonly Result[]): string[] {
  const names = [...new Set(results.flatMap(({ job }) => job.deviation ?? []))];
  return names.flatMap((name) => {
    const of = results.filter(({ job }) => job.deviation === name);
    const deviation = deviations.get(name);
    const own = [deviation?.clause, ...(deviation?.also ?? [])];
    const clauses = [...new Set(of.flatMap((result) => result.blamed))];
    if (clauses.some((clause) => own.includes(clause))) return [];
    return [`${name} breaks ${own.join(', ')}, but the clauses blamed were: ${clauses.join(', ') || 'none'}`];
  });
}

/** Whether a clause, as a whole or in an aspect, gives a device of this role a verdict of its own. */
export function isJudged(clause: Clause, role: DeviceRole): boolean {
  const gives = ({ verdict }: Pick<Aspect, 'verdict'>): boolean => verdict !== 'INFO';
  const aspects = Object.values(clause.aspects).filter(({ roles }) => roles?.includes(role) === true);
  return (clause.roles.includes(role) && gives(clause)) || aspects.some(gives);
}

/** Clauses of class T that bind a role, and that no deviation of its agent was blamed for: a check that nothing breaks proves nothing. */
export function unbroken(ledger: Ledger, role: DeviceRole, results: readonly Result[]): string[] {
  const own = results.filter(({ job }) => job.deviation?.startsWith(`${role}/`) === true);
  const broken = new Set(own.flatMap(({ blamed: clauses }) => clauses));
  return [...ledger.clauses.values()]
    .filter((clause) => clause.class === 'T' && clause.governedBy.length === 0 && isJudged(clause, role))
    .filter(({ id }) => !broken.has(id))
    .map(({ id }) => `no deviation of the ${role} was blamed for ${id}`);
}

function because(outcome: Outcome, baseline: Baseline | undefined): string {
  const [broken] = telling(outcome, baseline);
  if (broken?.difference !== undefined) {
    return ` (${broken.clause} ${broken.difference.path}: expected ${broken.difference.expected}, actual ${broken.difference.actual})`;
  }
  if (broken !== undefined) return ` (${broken.clause}: ${broken.actual.join(' / ')})`;
  return outcome.reason === undefined ? '' : ` (${outcome.reason})`;
}
