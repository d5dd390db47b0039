/** A run's results as one value: what every report is made from, and nothing else. No keys, ever. */
import type { Outcome, Verdict } from '../harness/engine/outcome.ts';
import type { Aspect, Clause } from '../harness/vectors/ledger.ts';

/** What a report has to say of a clause that binds the role. */
export type ClauseFacts = Pick<
  Clause,
  | 'id'
  | 'section'
  | 'level'
  | 'class'
  | 'verdict'
  | 'requires'
  | 'lines'
  | 'sources'
  | 'positions'
  | 'governedBy'
  | 'readings'
> & {
  aspects: { [name: string]: Pick<Aspect, 'level' | 'verdict' | 'requires' | 'readings'> };
  note?: string;
  unseen?: string;
};

export interface Device {
  vendor: string;
  product: string;
  version: string;
}

export interface Results {
  format: 'dsmip-conformance results 1';
  /** Version of this program. */
  tool: string;
  document: string;
  device: Device;
  /** Of a scenario: who sat where. */
  seats?: { [seat: string]: Device };
  role: string;
  /** The device's claims. */
  ics: { [name: string]: string | boolean };
  profile: {
    /** Path of the profile, as given. */
    file: string;
    /** SHA-256 (first 16 digits) of what is not secret in it. */
    hash: string;
  };
  /** SHA-256 (first 16 digits) of the selected vectors and of the ledger. */
  vectors: string;
  ledger: string;
  strict: boolean;
  /** What was asked for on the command line: clause, vector, level; Playwright's grep; else how many of the tests. */
  selection: { [name: string]: string };
  /** Readings in force other than the settled ones. */
  readings: { [reading: string]: string };
  /** ns since 1970; times in outcomes count from here. */
  originNs: string;
  seed: string;
  graceNs: number;
  roundTripsNs: number[];
  homeHostMac?: string;
  visitedHostMac?: string;
  linkMacs?: string[];
  /** Why nothing could be judged: the device answered nothing at the start. */
  unreachable?: string;
  start: string;
  end: string;
  /** Why the run is not whole: broken off, the bench gone. */
  incomplete?: string;
  /** Tests that were selected and have no outcome, when the run is not whole. */
  notRun?: string[];
  /** What of the surroundings may have spoiled verdicts. */
  findings: string[];
  outcomes: Outcome[];
  /** Every clause that binds the role, in the order of the draft. */
  clauses: ClauseFacts[];
}

/** What is known before the first test. */
export type ResultsHeader = Omit<
  Results,
  'end' | 'incomplete' | 'notRun' | 'findings' | 'outcomes' | 'clauses'
>;

/** Put together what a run found out; the order of the keys is fixed, so that equal results are equal files. */
export function assemble(
  header: ResultsHeader,
  rest: Pick<Results, 'end' | 'findings' | 'outcomes' | 'clauses'> & {
    incomplete?: string | undefined;
    notRun?: string[];
  },
): Results {
  return {
    ...header,
    end: rest.end,
    ...(rest.incomplete === undefined ? {} : { incomplete: rest.incomplete }),
    ...(rest.notRun === undefined || rest.notRun.length === 0 ? {} : { notRun: rest.notRun }),
    findings: rest.findings,
    outcomes: rest.outcomes,
    clauses: rest.clauses,
  };
}

/** The text of results.json. */
export const resultsText = (results: Results): string => `${JSON.stringify(results, null, 2)}\n`;

/** Name of a test's capture, from the run's folder on. */
export function captureFile(id: string): string {
  return `captures/${id.replaceAll('/', '__').replaceAll('@', '--')}.pcapng`;
}

/** How many tests had each verdict. */
export function countVerdicts(outcomes: readonly Pick<Outcome, 'verdict'>[]): Map<Verdict, number> {
  const counts = new Map<Verdict, number>();
  for (const { verdict } of outcomes) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return counts;
}

/** Exit status of a run with several devices: a FAIL of any, else what could not be judged of any, else whether anything passed. */
export function exitStatusOf(all: readonly Pick<Results, 'outcomes' | 'incomplete'>[]): 0 | 1 | 2 | 3 {
  const statuses = all.map(exitStatus);
  for (const status of [1, 2, 0] as const) if (statuses.includes(status)) return status;
  return 3;
}

/**
 * Exit status of a run: 0 nothing failed and something passed, 1 a FAIL, 2 no FAIL but an INCONCLUSIVE or ERROR (or
 * a run that is not whole), 3 nothing was judged.
 */
export function exitStatus(results: Pick<Results, 'outcomes' | 'incomplete'>): 0 | 1 | 2 | 3 {
  const counts = countVerdicts(results.outcomes);
  if (counts.has('FAIL')) return 1;
  if (counts.has('INCONCLUSIVE') || counts.has('ERROR') || results.incomplete !== undefined) return 2;
  return counts.has('PASS') || counts.has('WARN') ? 0 : 3;
}
