/** The results model: what a run found out, and nothing that it did not see. Reports are made from this alone. */
import type { Level, Role } from '../vectors/ledger.ts';
import type { Position } from '../vectors/types.ts';

export type Verdict = 'PASS' | 'FAIL' | 'WARN' | 'INFO' | 'INCONCLUSIVE' | 'NOT APPLICABLE' | 'ERROR';

/** Worst first: the verdict of a whole is the first of these found in its parts. */
export const verdictOrder: readonly Verdict[] = [
  'ERROR',
  'FAIL',
  'INCONCLUSIVE',
  'WARN',
  'PASS',
  'INFO',
  'NOT APPLICABLE',
];

/** One clause judged by one expectation. */
export interface Judgement {
  /** Clause id, or `clause#aspect`. */
  clause: string;
  level: Level;
  verdict: Verdict;
  /** Place of the step in the vector. */
  step: string;
  /** The whole set of acceptable answers, a line a layer or alternative. */
  expected: string[];
  /** What came, in protocol words. */
  actual: string[];
  /** The first field that differs. */
  difference?: { path: string; expected: string; actual: string };
  reading?: string;
  /** Which of the options of a record was seen, or "nothing". */
  recorded?: string;
  /**
   * The input after which the device answered no more, the shortest that was found: its packets in hex, from the IP header (or the link
   * header) on, and where they were sent. Of several inputs the last.
   */
  input?: { port: string; packets: string[] };
  /** What closed the window of a silence. */
  silence?: 'barrier' | 'time';
  /** Numbers (from 1) of the frames it rests on, in the vector's capture. */
  frames: number[];
}

/** One step as it went. */
export interface StepRecord {
  part: 'preamble' | 'body' | 'postamble' | 'liveness';
  step: string;
  /** What was done, in words. */
  text: string;
  ok: boolean;
  timeNs: number;
  frames: number[];
}

/** A stimulus: when and where; its octets are in the capture, among the frames that left the port. */
export interface Stimulus {
  port: string;
  timeNs: number;
  kind: 'ip' | 'ethernet';
  /** Number (from 1) of its frame in the test's capture. */
  frame?: number;
  /**
   * What the device had said by then that the message rests on: towards a home agent with nonces its newest nonce, eight hex digits;
   * towards a mobile node Identification and UDP port of its newest request, `c3a1b2c3d4e5f601:49153`.
   */
  known?: string;
}

/**
 * Where the bench itself failed: after so many sends, and waits that ended without a frame; when the device or a port was gone,
 * with so many frames seen.
 */
export interface Breakdown {
  reason: string;
  /** The device or a port was gone; otherwise the harness is at fault. */
  interrupted: boolean;
  sends: number;
  waits: number;
  frames: number;
}

/** An action and how it went; `missing`: why it could not be carried out. */
export interface ActionRecord {
  name: string;
  beganNs: number;
  endedNs: number;
  problem?: string;
  missing?: string;
}

export interface Outcome {
  id: string;
  title: string;
  file: string;
  role: Role;
  position: Position;
  /** Clauses its body judges, whether it came to that or not. */
  clauses: string[];
  verdict: Verdict;
  /** Why it is INCONCLUSIVE, NOT APPLICABLE or ERROR. */
  reason?: string;
  /** The harness missed a moment, so nothing was learned of the device; worth another try. */
  late?: boolean;
  /** Something was broken by an answer that did not come: it has to stay away once more before that counts. */
  missing?: boolean;
  judgements: Judgement[];
  steps: StepRecord[];
  /** Numbers of the mobile nodes of the profile it ran with. */
  mobileNodes: number[];
  stimuli: Stimulus[];
  /** Messages that could not be encoded: behind how many sends, and when. */
  unsent?: { sends: number; timeNs: number }[];
  actions?: ActionRecord[];
  breakdown?: Breakdown;
  /** ns since the origin; both 0 when it was not run. */
  startNs: number;
  /** Time of the last step: what was still waited for afterwards says nothing. */
  endNs: number;
}

/** The worst of several verdicts; undefined of none. */
export function worst(verdicts: Iterable<Verdict>): Verdict | undefined {
  const present = new Set(verdicts);
  return verdictOrder.find((verdict) => present.has(verdict));
}
