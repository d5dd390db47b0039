/** How far a run has come: what was sent, seen and judged, and the questions that every kind of step asks of it. */
import type { Ledger } from '../vectors/ledger.ts';
import type { ExpectStep, Json, Pattern, Step, TestCase } from '../vectors/types.ts';
import type { Decoded } from '../wire/index.ts';
import type { BenchSession, PortName, SeenFrame } from './bench.ts';
import type { Context } from './context.ts';
import { packetWords } from './describe.ts';
import { Inconclusive, NotApplicable } from './endings.ts';
import {
  asksForIcmp,
  asksForReply,
  asksForRequest,
  isIcmpError,
  isSamePacket,
  payloadOf,
  SeenPayloads,
  sameDatagram,
  tokenOf,
  valueAt,
} from './frames.ts';
import { type Difference, type MatchTools, matchPattern } from './match.ts';
import { type Judgement, type StepRecord, type Stimulus, type Verdict, worst } from './outcome.ts';
import { type SentMessage, SentMessages, throughMobileHome } from './sent.ts';
import { matchTools } from './tools.ts';

export const secondNs = 1_000_000_000;

export type Part = StepRecord['part'];

/** How an expectation ended: the frame that answered, or none. */
export type Answer = { frame: SeenFrame; number: number } | undefined;

/** What a step that has a name leaves behind. */
export interface Label {
  timeNs: number;
  /** Of a transfer: when it ended. */
  transferredNs?: number;
  /** The registration message that was sent, or that came. */
  message?: SentMessage;
  seen?: SeenFrame;
}

export class Progress {
  readonly judgements: Judgement[] = [];
  readonly steps: StepRecord[] = [];
  readonly stimuli: Stimulus[] = [];
  readonly test: TestCase;
  readonly session: BenchSession;
  readonly context: Context;
  readonly ledger: Ledger;
  readonly strict: boolean;
  readonly labels = new Map<string, Label>();
  readonly payloads = new SeenPayloads();
  readonly messages: SentMessages;
  /** Indices of frames that an expectation has judged: each counts once. */
  readonly taken = new Set<number>();
  /** Something was broken by an answer that did not come. */
  missing = false;
  lastSendNs = 0;
  lastAnswerNs = 0;
  part: Part = 'preamble';
  /** When what is waited for was asked for: the first time, and the last. */
  groupStartNs = 0;
  groupAgainNs = 0;

  constructor(
    test: TestCase,
    session: BenchSession,
    context: Context,
    ledger: Ledger,
    strict: boolean,
    startNs: number,
  ) {
    this.test = test;
    this.session = session;
    this.context = context;
    this.ledger = ledger;
    this.strict = strict;
    this.lastSendNs = startNs;
    this.messages = new SentMessages(context.around.extensionTypes);
  }

  /** In a scenario every packet follows from the one before, so that the first wrong one is to blame for all that come of it. */
  get isBeside(): boolean {
    return this.context.around.role === 'scenario';
  }

  /** Wait for the first frame that answers, until the deadline. */
  async find(
    port: PortName,
    pattern: Pattern,
    request: SentMessage | undefined,
    fromNs: number,
    deadline: number,
  ): Promise<Answer> {
    const token = tokenOf(pattern);
    const errors = asksForIcmp(pattern);
    const reply = asksForReply(pattern);
    const relay = asksForRequest(pattern) && request !== undefined;
    const answers = (frame: SeenFrame): boolean => {
      if (reply && !this.isBeside) return request !== undefined && this.messages.isReplyTo(frame, request);
      if (relay) return this.messages.isRelayOf(frame, request);
      // An error message that quotes the packet is no answer to it.
      if (token !== undefined)
        return payloadOf(frame.decoded)?.includes(token) === true && (errors || !isIcmpError(frame.decoded));
      return frame.timeNs >= fromNs && matchPattern(pattern, frame.decoded, this.tools(frame, request)).ok;
    };
    const earliest = reply || relay ? (this.messages.attemptsOf(request)[0]?.timeNs ?? 0) : 0;
    let looked = 0;
    for (;;) {
      const count = this.session.frames.length;
      for (; looked < count; looked += 1) {
        const frame = this.session.frames[looked] as SeenFrame;
        if (frame.port !== port || frame.outgoing || this.taken.has(looked)) continue;
        // What comes after the same was sent once more may well look the same.
        if (frame.timeNs < this.groupAgainNs && this.isDuplicate(looked)) continue;
        if (frame.timeNs < earliest || frame.timeNs > deadline) continue;
        if (!answers(frame) || (token !== undefined && this.isRetransmission(frame))) continue;
        return { frame, number: looked + 1 };
      }
      if (!(await this.session.more(count, deadline))) return undefined;
    }
  }

  /**
   * Networks duplicate packets: a frame whose IP payload and addresses are those of one already judged says nothing
   * new. (Outer TTL and Identification may differ.)
   */
  isDuplicate(index: number): boolean {
    if (this.taken.has(index)) return true;
    const frame = this.session.frames[index] as SeenFrame;
    // On the home link nothing is routed; the same ARP or neighbor advertisement again is a new answer.
    if (!frame.decoded.layers.some((layer) => 'udp' in layer || 'payload' in layer)) return false;
    for (const one of this.taken) {
      const other = this.session.frames[one] as SeenFrame;
      if (other.port === frame.port && sameDatagram(frame.octets, other.octets)) return true;
    }
    return false;
  }

  /**
   * In a scenario a ping is sent again while a later hop is waited for, and comes once more past those judged already, some of them
   * where its answer will pass. That is new only where a step of its own has sent it anew.
   */
  private isRetransmission(frame: SeenFrame): boolean {
    if (!this.isBeside) return false;
    for (const index of this.taken) {
      const judged = this.session.frames[index] as SeenFrame;
      const isAnew = judged.timeNs <= this.groupStartNs && frame.timeNs >= this.groupStartNs;
      if (judged.port === frame.port && !isAnew && isSamePacket(judged.decoded, frame.decoded)) return true;
    }
    return false;
  }

  firstThat(
    ports: readonly PortName[],
    fromNs: number,
    toNs: number,
    fits: (frame: SeenFrame) => boolean,
  ): Answer {
    for (const [index, frame] of this.session.frames.entries()) {
      if (!ports.includes(frame.port) || frame.outgoing) continue;
      if (frame.timeNs < fromNs || frame.timeNs > toNs || !fits(frame) || this.isDuplicate(index)) continue;
      return { frame, number: index + 1 };
    }
    return undefined;
  }

  nearest(
    port: PortName,
    pattern: Pattern,
    fromNs: number,
    toNs: number,
  ): { frame: SeenFrame; number: number; difference: Difference } | undefined {
    let best: { frame: SeenFrame; number: number; difference: Difference; score: number } | undefined;
    for (const [index, frame] of this.session.frames.entries()) {
      if (frame.port !== port || frame.outgoing || this.taken.has(index)) continue;
      if (frame.timeNs < fromNs || frame.timeNs > toNs) continue;
      const result = matchPattern(pattern, frame.decoded, this.tools(frame, this.messages.lastRequest()));
      if (!result.ok && result.score > (best?.score ?? 0)) {
        best = { frame, number: index + 1, difference: result.difference, score: result.score };
      }
    }
    return best;
  }

  async until(timeNs: number): Promise<void> {
    while (await this.session.more(this.session.frames.length, timeNs));
  }

  control(
    step: Step,
    pattern: Pattern,
    actual: string[],
    timeNs: number,
    answer: Answer,
    difference: Difference | undefined,
  ): never {
    const frames = answer === undefined ? [] : [answer.number];
    this.note(
      step,
      `expected ${packetWords(pattern).join(' / ')}; came ${actual.join(' / ')}`,
      false,
      timeNs,
      frames,
    );
    if (step.kind === 'expect' && step.applies && answer !== undefined) {
      throw new NotApplicable(`the device does otherwise: ${actual.join(' / ')}`);
    }
    const where =
      difference === undefined
        ? ''
        : ` (${difference.path}: expected ${difference.expected}, actual ${difference.actual})`;
    throw new Inconclusive(
      `${this.part} ${step.path}: expected ${packetWords(pattern).join(' / ')}; came ${actual.join(' / ')}${where}`,
    );
  }

  judge(
    step: Step,
    clauses: string[],
    ok: boolean,
    evidence: Pick<
      Judgement,
      'recorded' | 'expected' | 'actual' | 'difference' | 'reading' | 'input' | 'silence' | 'frames'
    >,
  ): Verdict {
    const verdicts: Verdict[] = [];
    for (const reference of clauses) {
      const clause = this.ledger.clause(reference);
      const broken: Verdict = clause.verdict === 'WARN' && this.strict ? 'FAIL' : clause.verdict;
      const verdict: Verdict = ok && clause.verdict !== 'INFO' ? 'PASS' : broken;
      verdicts.push(verdict);
      this.judgements.push({ clause: reference, level: clause.level, verdict, step: step.path, ...evidence });
    }
    return worst(verdicts) ?? 'PASS';
  }

  /** True when everything the step wanted to remember was there. */
  capture(step: ExpectStep, decoded: Decoded): boolean {
    let all = true;
    for (const [name, path] of Object.entries(step.capture)) {
      const value = valueAt(decoded, path);
      if (value === undefined) all = false;
      else this.context.captured[name] = value;
    }
    return all;
  }

  tools(frame: SeenFrame, request: SentMessage | undefined): MatchTools {
    return matchTools(this.context, frame, request?.by ?? 'mn', {
      originals: (label) => {
        const { seen, message } = this.labels.get(label) ?? {};
        if (seen === undefined) return this.messages.originals(message);
        return [throughMobileHome(seen.octets, seen.decoded) ?? new Uint8Array()];
      },
      wasSeenAt: (port, payload) => this.payloads.has(this.session.frames, port, payload),
    });
  }

  requestOf(label: string | undefined): SentMessage | undefined {
    if (label === undefined) return this.messages.lastRequest();
    const found = this.labels.get(label)?.message;
    if (found === undefined) throw new Error(`no registration request was sent as "${label}"`);
    return found;
  }

  timeOf(label: string): number {
    const found = this.labels.get(label);
    if (found === undefined) throw new Error(`no step before this one is named "${label}"`);
    return found.timeNs;
  }

  resolve(pattern: Pattern, by = 'mn'): Json[] {
    return this.context.resolve(pattern, this.session.now(), by) as Json[];
  }

  seconds(value: Json): number {
    const seconds = this.context.resolve(value, 0);
    if (typeof seconds !== 'number') throw new Error(`${JSON.stringify(value)} is no number of seconds`);
    return seconds;
  }

  note(step: Step, text: string, ok: boolean, timeNs: number, frames: number[]): void {
    this.steps.push({ part: this.part, step: step.path, text, ok, timeNs: Math.round(timeNs), frames });
  }
}
