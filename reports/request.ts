/** What is asked of one run, and what its processes say to each other: each message is one line of JSON. */
import type { Outcome } from '../harness/engine/outcome.ts';
import type { ClauseFacts, Results, ResultsHeader } from './results.ts';

/** A run as it was asked for. Travels from `dsmip run` to Playwright in the environment variable below. */
export interface RunRequest {
  /** Absolute path of the profile, and as it was given. */
  profile: string;
  profileName: string;
  /** The profile's bench is the embedded lab, which needs private namespaces. */
  lab: boolean;
  strict: boolean;
  readings: { [reading: string]: string };
  selection: { [name: string]: string };
  /** Folder of the report, absolute; left out: the server makes one. */
  out?: string;
  /** Reporters of Playwright's to run besides ours. */
  reporters: string[];
}

export const requestVariable = 'DSMIP_RUN';
/** Path of the socket at which our reporter answers the tests. Set when it has begun. */
export const socketVariable = 'DSMIP_OUTCOMES';

/** First line to the bench server. */
export interface Begin {
  request: RunRequest;
  tests: string[];
}

/** Any later line to the bench server. The end of its input means the same, with the program gone. */
export interface Finish {
  finish: string;
}

/** Lines from the bench server. */
export type ServerMessage =
  | { type: 'begin'; header: ResultsHeader; clauses: ClauseFacts[]; folder: string }
  | { type: 'alive'; running: string[] }
  | { type: 'outcome'; outcome: Outcome; capture?: string }
  | { type: 'problem'; message: string }
  | ({ type: 'end' } & RunEnd);

/** What is known after the last test. */
export type RunEnd = Pick<Results, 'end' | 'findings' | 'incomplete' | 'notRun'>;

/** What a test gets when it asks for its outcome. */
export type Answer = { outcome: Outcome; capture?: string } | { problem: string };
