/** What is asked of one run, and what its processes say to each other: each message is one line of JSON. */
import type { ClauseFacts, PartFacts, Results, ResultsHeader, TestResult } from '../model/results.ts';

/** One device to be tested: its profile, and the bench it needs. */
export interface BenchRequest {
  /** Folder of its results where a run has several: the role, with the suite before it where that is not the draft's. */
  name: string;
  role: string;
  /** The suite whose vectors it is tested by. */
  suite: string;
  /** Absolute path of the profile, and as it was given. */
  profile: string;
  profileName: string;
  /** The profile's bench is the embedded lab, which needs private namespaces. */
  lab: boolean;
  /** Deviations of the reference agents that are in it. */
  deviations?: string[];
}

/** A run as it was asked for. Travels from `dsmip run` to Playwright in the environment variable below. */
export interface RunRequest {
  benches: BenchRequest[];
  strict: boolean;
  /** When the command was given. */
  start: string;
  /** Hooks of a profile may ask the operator. */
  interactive: boolean;
  readings: { [reading: string]: string };
  selection: { [name: string]: string };
  /** Folder of the report, absolute; left out: the servers make some. */
  out?: string;
  /** Reports to be written; those that grow while the run goes on are begun with it. */
  formats: string[];
  /** Reporters of Playwright's to run besides ours. */
  reporters: string[];
  /** How often a test that failed is run again alone; not at all when left out. */
  retry?: number;
  /** The run had been broken off, and goes on in its folder. */
  resumes?: boolean;
}

export const requestVariable = 'DSMIP_RUN';
/** Folder of the sockets, one a bench under its name, at which our reporter answers the tests. Set when it has begun. */
export const socketVariable = 'DSMIP_OUTCOMES';

/** First line to the bench server. */
export interface Begin {
  request: RunRequest;
  bench: BenchRequest;
  /** Where its results go; left out: it makes a folder. */
  folder?: string;
  tests: string[];
  /** Folders of what this run has found out by other suites before, as far as they are there. */
  before?: string[];
}

/** The operator has done what was asked. */
export interface Done {
  done: true;
}

/** The run is over. The end of the server's input means the same, with the program gone. */
export interface Finish {
  finish: string;
}

/** Where the results of a bench go. */
export function folderOf(
  request: Pick<RunRequest, 'out' | 'benches'>,
  bench: BenchRequest,
): string | undefined {
  if (request.out === undefined) return undefined;
  return request.benches.length > 1 ? `${request.out}/${bench.name}` : request.out;
}

/** Lines from the bench server. */
export type ServerMessage =
  | {
      type: 'begin';
      header: ResultsHeader;
      clauses: ClauseFacts[];
      folder: string;
      /** Of a run that was resumed. */
      parts: PartFacts[];
      findings: string[];
    }
  | { type: 'alive'; running: string[] }
  | { type: 'outcome'; outcome: TestResult }
  | { type: 'problem'; message: string }
  /** The operator has to do this; `Done` is to follow. */
  | { type: 'ask'; question: string }
  | ({ type: 'end' } & RunEnd);

/** What is known after the last test. */
export type RunEnd = Pick<
  Results,
  'end' | 'findings' | 'incomplete' | 'notRun' | 'observedClaims' | 'capture' | 'parts'
>;

/** What a test gets when it asks for its outcome, with the path of its capture. */
export type Answer = { outcome: TestResult; capture?: string } | { problem: string };
