/** A run's results as one value: what every report is made from, and nothing else. No keys, ever. */
import { createHash } from 'node:crypto';
import { type Outcome, type Verdict, verdictOrder } from '../../harness/engine/outcome.ts';
import type { Alternative, Aspect, Clause, Reading } from '../../harness/vectors/ledger.ts';
import type { ExtensionTypes } from '../../harness/wire/index.ts';
import { type ClauseState, clauseStates, type RankCount, rankCounts } from './clauses.ts';

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

/** A clause and what became of it. */
export type ClauseResult = ClauseFacts & { state: ClauseState };

/** A reading that clauses of the role rest on, and which of its alternatives is in force ("settled": its own words). */
export interface ReadingFacts extends Pick<Reading, 'id' | 'where' | 'problem' | 'reading' | 'successor'> {
  inForce: string;
  alternatives: Pick<Alternative, 'name' | 'reading'>[];
}

/** Who the parties of the draft's figures are: mobile node, foreign agent, home agent, correspondent node; a host beside them. */
export const lanes = ['MN', 'FA', 'HA', 'CN', 'host'] as const;
export type Lane = (typeof lanes)[number];

/** Whose an address is. */
export interface AddressFacts {
  address: string;
  lane: Lane;
  /** In words: "home address of mobile node 3". */
  name: string;
}

/** Something found before the first test that makes some tests worthless. */
export interface SpoilerFacts {
  /** Which check found it. */
  check: string;
  found: string;
  mend: string;
  /** Which tests: those that need the extensions, that use these ports, ... */
  spoils: string;
  ports?: string[];
  mobileNodes?: number[];
}

/** An entry of the ICS against what was observed of the device; never a verdict. */
export interface ClaimFacts {
  entry: string;
  claimed: string | boolean;
  observed: string | boolean;
  /** What showed it. */
  because: string;
  /** In which test; left out for what was observed before the first. */
  test?: string;
  /** Both cannot be so: claimed and absent, or not claimed and present. */
  contradicts: boolean;
}

/** A file of packets beside results.json. */
export interface CaptureFacts {
  /** From the run's folder on. */
  file: string;
  sha256: string;
  frames: number;
}

/** A test that had failed, run again by itself (`dsmip run --retry`). Its first verdict stays. */
export interface RetryFacts {
  /** Verdicts of the runs alone, in their order. */
  alone: Verdict[];
  /** Why the device could not be made to begin anew before them; left out: it was. */
  notReset?: string;
  /** The tests after which it fails, where it does not by itself: one where one suffices. */
  after?: string[];
  /** How often tests were run in search of them. */
  runs: number;
  /** What was found, as a sentence. */
  words: string;
}

export type TestResult = Outcome & {
  capture?: CaptureFacts;
  /** Number (from 1) in `parts` of the part of the run that it was judged in; left out: before the run was broken off. */
  part?: number;
  retry?: RetryFacts;
};

/** What is measured, and made up, when a run begins: times of the outcomes count from its origin. */
export type MeasuredFacts = Pick<
  Results,
  | 'originNs'
  | 'seed'
  | 'graceNs'
  | 'roundTripsNs'
  | 'homeHostMac'
  | 'visitedHostMac'
  | 'linkMacs'
  | 'unreachable'
  | 'spoilers'
  | 'generator'
>;

/** Where a run that had been broken off went on. */
export interface PartFacts extends MeasuredFacts {
  /** When it went on. */
  start: string;
  /** Why it had been broken off, and how many tests there were outcomes of. */
  why: string;
  kept: number;
  /** Every packet of this part in one file. */
  capture?: CaptureFacts;
}

/** Verdicts that --retry looks into. */
export const isRetried = (verdict: Verdict): boolean =>
  verdict === 'FAIL' || verdict === 'WARN' || verdict === 'INCONCLUSIVE';

/** An outcome with what the run says of it, in the order in which results have it. */
export function asResult(
  outcome: Outcome,
  { capture, part, retry }: Pick<TestResult, 'capture' | 'part' | 'retry'>,
): TestResult {
  return {
    ...outcome,
    ...(capture === undefined ? {} : { capture }),
    ...(part === undefined ? {} : { part }),
    ...(retry === undefined ? {} : { retry }),
  };
}

/** What was measured in the part of a run that a test belongs to. */
export const measuredFor = (results: MeasuredFacts & Pick<Results, 'parts'>, part = 0): MeasuredFacts =>
  results.parts?.[part - 1] ?? results;

/** The totals, the same in every report. */
export interface Totals {
  tests: { [verdict in Verdict]: number };
  /** By ranks of levels. */
  clauses: RankCount[];
  exitStatus: 0 | 1 | 2 | 3;
}

export interface Results {
  format: 'dsmip-conformance results 2';
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
  /** SHA-256 (first 16 digits) of the selected vectors, of all of the role, and of the ledger. */
  vectors: string;
  suite: string;
  ledger: string;
  strict: boolean;
  /** What was asked for on the command line: clause, vector, level. */
  selection: { [name: string]: string };
  /** Readings in force other than the settled ones. */
  readings: { [reading: string]: string };
  /** Every reading that the clauses rest on. */
  readingFacts: ReadingFacts[];
  /** Type numbers of the draft's extensions, by which captures are decoded. */
  extensionTypes: ExtensionTypes;
  /** First and last UDP port that requests were sent from: what comes to them is a registration message. */
  requestPorts: readonly [number, number];
  addresses: AddressFacts[];
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
  /** What was found around the device that spoils some tests, which are INCONCLUSIVE because of it. */
  spoilers?: SpoilerFacts[];
  /** What hostile input was generated by: its seed, and how many inputs for each test. */
  generator?: { seed: number; inputs: number };
  start: string;
  end: string;
  /** Why the run is not whole: broken off, the bench gone. */
  incomplete?: string;
  /** Tests that were selected and have no outcome, when the run is not whole. */
  notRun?: string[];
  /** What of the surroundings may have spoiled verdicts. */
  findings: string[];
  /** Entries of the ICS of which something was observed, in their order. */
  observedClaims?: ClaimFacts[];
  /** Every packet of the run in one file; where it was broken off and resumed, of its first part. */
  capture?: CaptureFacts;
  /** Where the run was broken off and resumed: what was measured anew each time. */
  parts?: PartFacts[];
  totals: Totals;
  /** Every clause that binds the role, in the order of the draft. */
  clauses: ClauseResult[];
  outcomes: TestResult[];
}

/** What was tested, where a device is tested by several suites: the role, with the document where that is not the draft. */
export const subjectName = ({ role, document }: Pick<Results, 'role' | 'document'>): string =>
  document.startsWith('draft-') ? role : `${role}, ${document}`;

/** What is known before the first test. */
export type ResultsHeader = Omit<
  Results,
  | 'end'
  | 'incomplete'
  | 'notRun'
  | 'findings'
  | 'observedClaims'
  | 'capture'
  | 'parts'
  | 'totals'
  | 'clauses'
  | 'outcomes'
>;

/**
 * Put together what a run found out; what became of the clauses and the totals follow from it. The order of the keys is fixed, so that
 * equal results are equal files.
 */
export function assemble(
  header: ResultsHeader,
  rest: Pick<Results, 'end' | 'findings' | 'outcomes'> & {
    clauses: readonly ClauseFacts[];
    incomplete?: string | undefined;
    notRun?: string[];
    observedClaims?: ClaimFacts[] | undefined;
    capture?: CaptureFacts | undefined;
    parts?: PartFacts[] | undefined;
  },
): Results {
  const { outcomes, incomplete, capture, parts = [] } = rest;
  const states = clauseStates({
    clauses: rest.clauses,
    outcomes,
    selection: header.selection,
    ...(incomplete === undefined ? {} : { incomplete }),
  });
  const clauses = rest.clauses.map(
    (clause, at): ClauseResult => ({ ...clause, state: states[at] as ClauseState }),
  );
  return {
    ...header,
    end: rest.end,
    ...(incomplete === undefined ? {} : { incomplete }),
    ...(rest.notRun === undefined || rest.notRun.length === 0 ? {} : { notRun: rest.notRun }),
    findings: rest.findings,
    ...(rest.observedClaims === undefined || rest.observedClaims.length === 0
      ? {}
      : { observedClaims: rest.observedClaims }),
    ...(capture === undefined ? {} : { capture }),
    ...(parts.length === 0 ? {} : { parts }),
    totals: totalsOf({ clauses, outcomes, ...(incomplete === undefined ? {} : { incomplete }) }),
    clauses,
    outcomes,
  };
}

/** The results with outcomes judged anew: everything that follows from them follows again. */
export function withOutcomes(results: Results, outcomes: TestResult[]): Results {
  const {
    end,
    incomplete,
    notRun,
    findings,
    observedClaims,
    capture,
    parts,
    totals: _totals,
    clauses,
    ...header
  } = results;
  const { outcomes: _outcomes, ...known } = header;
  return assemble(known, {
    end,
    incomplete,
    ...(notRun === undefined ? {} : { notRun }),
    findings,
    observedClaims,
    capture,
    parts,
    clauses: clauses.map(({ state: _state, ...clause }) => clause),
    outcomes,
  });
}

const digestLine = /^ "digest": "sha256:([0-9a-f]{64})"\n\}\n$/;

/** The text of results.json: an entry a line, last the SHA-256 of all before it, by which a changed file is known. */
export function resultsText(results: Results): string {
  const lines = Object.entries(results).flatMap(([key, value]) => {
    if (key === 'digest') return [];
    const whole = Array.isArray(value) && value.length > 0 && typeof value[0] === 'object';
    const text = whole
      ? `[\n${value.map((entry) => `  ${JSON.stringify(entry)}`).join(',\n')}\n ]`
      : JSON.stringify(value);
    return ` ${JSON.stringify(key)}: ${text},\n`;
  });
  const text = `{\n${lines.join('')}`;
  return `${text} "digest": "sha256:${createHash('sha256').update(text).digest('hex')}"\n}\n`;
}

/** Whether the text of a results.json ends with the digest of what stands before it. */
export function hasItsDigest(text: string): boolean {
  const at = text.lastIndexOf('\n "digest": ') + 1;
  const found = digestLine.exec(text.slice(at))?.[1];
  return found !== undefined && found === createHash('sha256').update(text.slice(0, at)).digest('hex');
}

/** Name of a test's capture, from the run's folder on. */
export function captureFile(id: string): string {
  return `captures/${id.replaceAll('/', '__').replaceAll('@', '--')}.pcapng`;
}

/** What results.json says of a capture. */
export const captureFacts = (file: string, octets: Uint8Array, frames: number): CaptureFacts => ({
  file,
  sha256: createHash('sha256').update(octets).digest('hex'),
  frames,
});

/** How many tests had each verdict. */
export function countVerdicts(outcomes: readonly Pick<Outcome, 'verdict'>[]): Map<Verdict, number> {
  const counts = new Map<Verdict, number>();
  for (const { verdict } of outcomes) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return counts;
}

/** The totals that follow from the tests of a run. */
export function totalsOf(run: Pick<Results, 'clauses' | 'outcomes' | 'incomplete'>): Totals {
  const counts = countVerdicts(run.outcomes);
  const tests = Object.fromEntries(
    verdictOrder.map((verdict) => [verdict, counts.get(verdict) ?? 0]),
  ) as Totals['tests'];
  return { tests, clauses: rankCounts(run.clauses), exitStatus: exitStatus(run) };
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
