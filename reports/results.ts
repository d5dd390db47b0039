/** A run's results as one value: what every report is made from, and nothing else. No keys, ever. */
import type { Outcome, Verdict } from '../harness/engine/outcome.ts';

export interface Results {
  format: 'dsmip-conformance results 1';
  /** Version of this program. */
  tool: string;
  document: string;
  device: { vendor: string; product: string; version: string };
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
  /** What was asked for on the command line: clause, vector, level. */
  selection: { [name: string]: string };
  /** Readings in force other than the settled ones. */
  readings: { [reading: string]: string };
  /** ns since 1970; times in outcomes count from here. */
  originNs: string;
  seed: string;
  graceNs: number;
  roundTripsNs: number[];
  homeHostMac?: string;
  start: string;
  end: string;
  /** Why the run is not whole: interrupted, device gone. */
  incomplete?: string;
  /** What of the surroundings may have spoiled verdicts. */
  findings: string[];
  outcomes: Outcome[];
}

/** How many tests had each verdict. */
export function countVerdicts(outcomes: readonly Outcome[]): Map<Verdict, number> {
  const counts = new Map<Verdict, number>();
  for (const { verdict } of outcomes) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return counts;
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
