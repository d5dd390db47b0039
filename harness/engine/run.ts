/**
 * Runs one test against a bench and judges it. Everything a verdict rests on is what was sent and what was seen with their times, so
 * that a recorded run can be judged again to the same verdict (architecture: "How a verdict comes to be").
 */
import type { Ledger } from '../vectors/ledger.ts';
import type {
  EveryStep,
  ExpectStep,
  HookStep,
  Json,
  MoveStep,
  Pattern,
  RecordStep,
  SendStep,
  SilenceStep,
  Step,
  TestCase,
  TransferStep,
  WaitStep,
} from '../vectors/types.ts';
import { type Decoded, encodePacket, type Packet, type Tamper } from '../wire/index.ts';
import {
  type Action,
  BenchInterrupted,
  type BenchSession,
  HookMissing,
  type Outgoing,
  type Performed,
  type PortName,
  type SeenFrame,
} from './bench.ts';
import { Context } from './context.ts';
import { packetWords, seenWords } from './describe.ts';
import {
  asksForReply,
  asksForRequest,
  newestRequest,
  payloadOf,
  SeenPayloads,
  sameDatagram,
  tokenOf,
  valueAt,
} from './frames.ts';
import type { Surroundings } from './identities.ts';
import { type Difference, type MatchTools, matchPattern } from './match.ts';
import {
  type Judgement,
  type Outcome,
  type StepRecord,
  type Stimulus,
  type Verdict,
  worst,
} from './outcome.ts';
import { type SentMessage, SentMessages, throughMobileHome, withKeysAtHand } from './sent.ts';
import { Tally } from './tally.ts';
import { matchTools } from './tools.ts';

const secondNs = 1_000_000_000;

export interface RunOptions {
  /** A broken SHOULD fails. */
  strict?: boolean;
}

/** How an expectation ended: the frame that answered, or none. */
type Answer = { frame: SeenFrame; number: number } | undefined;

/** The vector cannot go on, for a reason that is not the fault of the IUT in the clause under test. */
class Inconclusive extends Error {}

/** The harness itself missed a moment that the vector prescribes: the machine was too busy. */
class Late extends Inconclusive {}

/** How long after a prescribed moment a message may still leave. */
const lateNs = 0.5 * secondNs;

/** The device does not do what the test is about. */
class NotApplicable extends Error {}

/** How often what went unanswered is sent again, and how long after the time before (RFC 3344 3.6.3: at most once a second). */
const repetitions = 2;
const repeatSeconds = 1.05;

const answering = new WeakMap<SendStep, boolean>();

/** Whether a message is a reply to a request of the device. */
function answersDevice(step: SendStep): boolean {
  const known = answering.get(step);
  if (known !== undefined) return known;
  const answers = /"\$(identification\.(reply|otherReply)|asked\.port)"/.test(JSON.stringify(step.packet));
  answering.set(step, answers);
  return answers;
}

const otherNodes = new WeakMap<readonly Step[], boolean>();

/** Whether steps are those of the second mobile node. */
function needsOther(steps: readonly Step[]): boolean {
  const known = otherNodes.get(steps);
  if (known !== undefined) return known;
  const needs = /"by":"other"|\$\{?other\./.test(JSON.stringify(steps));
  otherNodes.set(steps, needs);
  return needs;
}

/** The body is over: a clause was broken and what follows would rest on it. */
class BodyEnds extends Error {}

type Part = StepRecord['part'];

/** What a step that has a name leaves behind. */
interface Label {
  timeNs: number;
  /** Of a transfer: when it ended. */
  transferredNs?: number;
  /** The registration message that was sent, or that came. */
  message?: SentMessage;
  seen?: SeenFrame;
}

class Run {
  readonly judgements: Judgement[] = [];
  readonly steps: StepRecord[] = [];
  readonly stimuli: Stimulus[] = [];
  private readonly test: TestCase;
  private readonly session: BenchSession;
  private readonly context: Context;
  private readonly ledger: Ledger;
  private readonly strict: boolean;
  private readonly labels = new Map<string, Label>();
  private readonly payloads = new SeenPayloads();
  private readonly messages: SentMessages;
  /** Indices of frames that an expectation has judged: each counts once. */
  private readonly taken = new Set<number>();
  /** Something was broken by an answer that did not come. */
  missing = false;
  private lastSendNs = 0;
  private lastAnswerNs = 0;
  /** When a wait ended: what is sent next belongs to that moment. */
  private dueNs: number | undefined;
  private part: Part = 'preamble';
  /** The sends just before the expectations that follow them: what is repeated when nothing answers. */
  private group: SendStep[] = [];
  private groupClosed = false;
  private groupStartNs = 0;

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

  async all(part: Part, steps: Step[]): Promise<void> {
    this.part = part;
    for (const step of steps) await this.one(step);
  }

  private async one(step: Step): Promise<void> {
    if (step.kind !== 'send' && step.kind !== 'expect') this.group = [];
    switch (step.kind) {
      case 'send':
        if (this.groupClosed) this.group = [];
        this.groupClosed = false;
        this.group.push(step);
        return this.send(step);
      case 'expect':
        this.groupClosed = true;
        return this.expect(step);
      case 'silence':
        return this.silence(step);
      case 'record':
        return this.record(step);
      case 'wait':
        return this.wait(step);
      case 'hook':
        return this.hook(step);
      case 'move':
        return this.move(step);
      case 'transfer':
        return this.transfer(step);
      case 'every':
        return this.every(step);
    }
  }

  private async hook(step: HookStep): Promise<void> {
    await this.perform(step, { kind: 'hook', name: step.name }, `the device was told: ${step.name}`);
  }

  private async move(step: MoveStep): Promise<void> {
    await this.perform(step, { kind: 'move', network: step.to }, `the mobile node was moved: ${step.to}`);
  }

  /** A transfer's is over shortly after it; other traffic is waited for until there is some, or the time is over. */
  private async endOfTraffic(
    step: EveryStep,
    port: PortName,
    traffic: Pattern,
    fromNs: number,
  ): Promise<number> {
    const { transferredNs } = this.labels.get(step.since) ?? {};
    if (transferredNs !== undefined) return transferredNs + this.context.around.graceNs;
    const deadline = fromNs + this.seconds(step.within ?? this.context.around.timers.replySeconds) * secondNs;
    for (;;) {
      const count = this.session.frames.length;
      const first = this.firstThat(
        [port],
        fromNs,
        deadline,
        (frame) => matchPattern(traffic, frame.decoded, this.tools(frame, undefined)).ok,
      );
      if (first !== undefined) return Math.max(first.frame.timeNs, this.lastAnswerNs);
      if (!(await this.session.more(count, deadline))) return deadline;
    }
  }

  /** What comes from its beginning on, may have come of it. */
  private async perform(
    step: HookStep | MoveStep | TransferStep,
    action: Action,
    words: string,
  ): Promise<Performed> {
    let performed: Performed;
    try {
      performed = await this.session.perform(action);
    } catch (error) {
      if (error instanceof HookMissing) throw new Inconclusive(error.message);
      throw error;
    }
    const { beganNs, endedNs, problem } = performed;
    this.lastSendNs = beganNs;
    if (step.as !== undefined)
      this.labels.set(step.as, {
        timeNs: beganNs,
        ...(step.kind === 'transfer' ? { transferredNs: endedNs } : {}),
      });
    this.note(
      step,
      `${words}${problem === undefined ? '' : `: ${problem}`}`,
      problem === undefined,
      beganNs,
      [],
    );
    return performed;
  }

  /** It is recorded how it went; whose fault it was, its packets tell. */
  private async transfer(step: TransferStep): Promise<void> {
    const { connection, octets } = step;
    const to = String(this.context.resolve(step.to, 0));
    const seconds = this.context.around.timers.transferSeconds;
    const words = `${octets} octets there and back by TCP to ${to}`;
    const { problem } = await this.perform(
      step,
      { kind: 'transfer', connection, to, octets, seconds },
      words,
    );
    if (step.clauses.length === 0) {
      if (problem !== undefined) throw new Inconclusive(`${this.part} ${step.path}: ${words}: ${problem}`);
      return;
    }
    this.judge(step, step.clauses, problem === undefined, {
      recorded: problem ?? 'completed',
      expected: [`${words} within ${seconds} s`],
      actual: [problem ?? 'they came back'],
      frames: [],
    });
  }

  /** Every packet of some traffic at a place: the first one that is wrong is shown. */
  private async every(step: EveryStep): Promise<void> {
    const port = this.context.port(step.at);
    const from = this.timeOf(step.since);
    const traffic = this.resolve(step.of);
    const end = await this.endOfTraffic(step, port, traffic, from);
    await this.until(end);
    const [check] = step.checks;
    if (check === undefined) return;
    const pattern = this.resolve(check.pattern);
    const numbers: number[] = [];
    let wrong: { frame: SeenFrame; number: number; difference: Difference } | undefined;
    for (const [index, frame] of this.session.frames.entries()) {
      if (frame.port !== port || frame.outgoing || frame.timeNs < from || frame.timeNs > end) continue;
      const tools = this.tools(frame, undefined);
      if (!matchPattern(traffic, frame.decoded, tools).ok) continue;
      numbers.push(index + 1);
      const result = matchPattern(pattern, frame.decoded, tools);
      if (!result.ok) wrong ??= { frame, number: index + 1, difference: result.difference };
    }
    const none = numbers.length === 0;
    if (none && !step.needed) {
      this.note(step, `at ${port} came no ${packetWords(traffic).join(' / ')}`, true, end, []);
      return;
    }
    if (none && !step.control) this.missing = true;
    const actual =
      wrong !== undefined
        ? seenWords(wrong.frame.decoded)
        : [none ? 'no packet of this traffic' : `${numbers.length} packets, all of them so`];
    const frames = wrong === undefined ? numbers : [wrong.number];
    const ok = !none && wrong === undefined;
    this.note(
      step,
      `at ${port} of the traffic ${packetWords(traffic).join(' / ')} came ${actual.join(' / ')}`,
      ok,
      end,
      frames,
    );
    if (step.control) {
      if (ok) return;
      throw new Inconclusive(
        `${this.part} ${step.path}: expected ${packetWords(pattern).join(' / ')}; came ${actual.join(' / ')}`,
      );
    }
    this.judge(step, check.clauses, ok, {
      expected: packetWords(pattern),
      actual,
      ...(wrong === undefined ? {} : { difference: wrong.difference }),
      ...(check.reading === undefined ? {} : { reading: check.reading }),
      frames,
    });
    if (!ok) throw new BodyEnds();
  }

  private async send(step: SendStep): Promise<void> {
    const port = this.context.port(step.at);
    let packet: Packet = [];
    let outgoing: Outgoing | undefined;
    let known: string | undefined;
    const sent = await this.session.send(port, (nowNs, recorded) => {
      known = recorded === undefined ? this.newestKnown(step) : (recorded ?? undefined);
      if (known !== undefined) this.context.noteKnown(step.by, known);
      const associations = this.context.associations(step.by);
      packet = withKeysAtHand(
        this.context.resolve(step.packet, nowNs, step.by) as unknown as Packet,
        associations,
      );
      const first = packet[0] ?? { payload: '' };
      const octets = encodePacket(packet, {
        types: this.context.around.extensionTypes,
        associations,
        ...(step.tamper.length === 0
          ? {}
          : { tamper: this.context.resolve(step.tamper, nowNs, step.by) as unknown as Tamper[] }),
      });
      outgoing = { kind: 'ethernet' in first ? 'ethernet' : 'ip', octets };
      return outgoing;
    });
    const { timeNs } = sent;
    this.lastSendNs = timeNs;
    if (this.group[0] === step) this.groupStartNs = timeNs;
    this.stimuli.push({ port, timeNs, kind: sent.kind, ...(known === undefined ? {} : { known }) });
    const { by } = step;
    const message = this.messages.note(packet, { by, port, timeNs, step, sent: outgoing ?? sent });
    if (message?.kind === 'request') this.context.noteSentIdentification(by, message.identification);
    if (step.as !== undefined)
      this.labels.set(step.as, { timeNs, ...(message === undefined ? {} : { message }) });
    this.note(
      step,
      `at ${port} sent ${packetWords(packet as unknown as Json[]).join(' / ')}`,
      true,
      sent.timeNs,
      [],
    );
    const late = this.dueNs === undefined ? 0 : sent.timeNs - this.dueNs;
    this.dueNs = undefined;
    if (late > lateNs) {
      throw new Late(
        `the harness was ${(late / secondNs).toFixed(2)} s late with ${this.part} ${step.path}: this machine was too busy`,
      );
    }
  }

  /** See Stimulus.known. */
  private newestKnown(step: SendStep): string | undefined {
    if (this.context.around.role !== 'mobile-node') return this.newestNonce(step.by);
    return answersDevice(step) ? newestRequest(this.session.frames) : undefined;
  }

  /** RFC 3344 5.7.2: the next nonce stands in the newest reply, whatever its code, if that reply is authentic. */
  private newestNonce(by: string): string | undefined {
    if (this.context.replayProtection(by) !== 'nonces') return undefined;
    for (let at = this.session.frames.length - 1; at >= 0; at -= 1) {
      const frame = this.session.frames[at] as SeenFrame;
      if (frame.outgoing) continue;
      for (const [index, layer] of frame.decoded.layers.entries()) {
        if (!('registrationReply' in layer)) continue;
        const { identification = '', extensions = [] } = layer.registrationReply;
        const place = extensions.findIndex((extension) => 'mobileHomeAuthentication' in extension);
        const request = this.messages.requestBy(by, identification);
        if (request === undefined || place < 0) continue;
        const tools = this.tools(frame, request);
        if (tools.verifies(frame.decoded, index, place, 'mobileHomeAuthentication'))
          return identification.slice(0, 8);
      }
    }
    return undefined;
  }

  private async expect(step: ExpectStep): Promise<void> {
    const port = this.context.port(step.at);
    const request = this.requestOf(step.answers);
    const from = step.since === undefined ? this.lastSendNs : this.timeOf(step.since);
    const within = this.seconds(step.within ?? this.context.around.timers.replySeconds);
    const primary = step.checks[0];
    if (primary === undefined) return;
    const pattern = this.resolve(primary.pattern, request?.by);
    let answer = await this.findOrRepeat(step, port, pattern, request, from, within);
    const deadline = this.lastSendNs + within * secondNs;
    answer ??= await this.lateAnswer(step, port, pattern, request, from);
    if (answer === undefined) {
      this.nothingCame(step, port, pattern, within, from, deadline);
      return;
    }
    this.taken.add(answer.number - 1);
    this.lastAnswerNs = answer.frame.timeNs;
    this.noteAnswered(answer.frame, request);
    let broken: Verdict | undefined;
    let held = true;
    for (const [at, check] of step.checks.entries()) {
      const resolved = at === 0 ? pattern : this.resolve(check.pattern, request?.by);
      const result = matchPattern(resolved, answer.frame.decoded, this.tools(answer.frame, request));
      held &&= result.ok;
      if (step.control && at === 0) {
        if (!result.ok) {
          this.control(
            step,
            resolved,
            seenWords(answer.frame.decoded),
            answer.frame.timeNs,
            answer,
            result.difference,
          );
        }
        continue;
      }
      const verdict = this.judge(step, check.clauses, result.ok, {
        expected: packetWords(resolved),
        actual: seenWords(answer.frame.decoded),
        ...(result.ok ? {} : { difference: result.difference }),
        ...(check.reading === undefined ? {} : { reading: check.reading }),
        frames: [answer.number],
      });
      if (!result.ok) broken = worst(broken === undefined ? [verdict] : [broken, verdict]);
      if (!result.ok && at === 0 && step.checks.length > 1) break;
    }
    this.note(
      step,
      `at ${port} came ${seenWords(answer.frame.decoded).join(' / ')}`,
      held,
      answer.frame.timeNs,
      [answer.number],
    );
    if (step.as !== undefined) this.labels.set(step.as, { timeNs: answer.frame.timeNs, seen: answer.frame });
    const captured = this.capture(step, answer.frame.decoded);
    if (!captured && broken === undefined)
      throw new Inconclusive(
        `${this.part} ${step.path}: what came has not all of ${Object.values(step.capture).join(', ')}`,
      );
    if (broken === 'FAIL' || (broken !== undefined && (!captured || this.isBeside))) throw new BodyEnds();
  }

  /** In a scenario every packet follows from the one before, so that the first wrong one is to blame for all that come of it. */
  private get isBeside(): boolean {
    return this.context.around.role === 'scenario';
  }

  /**
   * Networks lose packets, the first to an unresolved neighbour above all, and a device may ignore a mobile node that asks twice
   * within a second (RFC 3344 3.6.3): what went unanswered is sent again before anything is made of it.
   */
  private async findOrRepeat(
    step: ExpectStep,
    port: PortName,
    pattern: Pattern,
    request: SentMessage | undefined,
    fromNs: number,
    withinSeconds: number,
  ): Promise<Answer> {
    const repeatable =
      step.within === undefined && (request === undefined || this.isCurrent(request, pattern));
    const group = repeatable ? [...this.group] : [];
    for (let left = group.length > 0 ? repetitions : 0; ; left -= 1) {
      const wait = left > 0 ? Math.min(repeatSeconds, withinSeconds) : withinSeconds;
      const answer = await this.find(port, pattern, request, fromNs, this.lastSendNs + wait * secondNs);
      if (answer !== undefined || left === 0) return answer;
      for (const again of group) await this.send(again);
    }
  }

  /** A reply is waited for with the request it answers; other packets with whatever was sent last. */
  private isCurrent(request: SentMessage, pattern: Pattern): boolean {
    return !asksForReply(pattern) || this.group.includes(request.step);
  }

  /** Of a request sent several times, the one that was answered is the last one from here on. */
  private noteAnswered(frame: SeenFrame, request: SentMessage | undefined): void {
    const answered = this.messages.attemptOf(frame, request);
    if (answered !== undefined) this.context.noteAnswered(answered.by, answered.identification);
  }

  /**
   * Nothing answered in time. Is the device there at all? Only then is its silence its answer; and what comes before its answer to a
   * later request was late, not absent: how long a device may take is not the draft's business.
   */
  private async lateAnswer(
    step: ExpectStep,
    port: PortName,
    pattern: Pattern,
    request: SentMessage | undefined,
    fromNs: number,
  ): Promise<Answer> {
    if (step.control) return undefined;
    await this.liveness();
    return this.find(port, pattern, request, fromNs, this.lastAnswerNs + this.context.around.graceNs);
  }

  private nothingCame(
    step: ExpectStep,
    port: PortName,
    pattern: Pattern,
    within: number,
    fromNs: number,
    deadline: number,
  ): void {
    const near = this.nearest(port, pattern, fromNs, deadline);
    const actual = [
      `nothing that answers within ${Number(within.toFixed(3))} s${step.control ? '' : ', nor before the answer to a later request'}`,
      ...(near === undefined ? [] : ['nearest:', ...seenWords(near.frame.decoded)]),
    ];
    const frames = near === undefined ? [] : [near.number];
    if (step.control) this.control(step, pattern, actual, deadline, undefined, near?.difference);
    this.note(step, `at ${port} nothing came that answers`, false, deadline, frames);
    this.missing = true;
    const verdict = this.judge(step, step.checks[0]?.clauses ?? [], false, {
      expected: packetWords(pattern),
      actual,
      ...(near === undefined ? {} : { difference: near.difference }),
      ...(step.checks[0]?.reading === undefined ? {} : { reading: step.checks[0].reading }),
      frames,
    });
    // A mobile node under test has been restarted to see whether it is there: nothing is as it was.
    const isAnew = this.context.around.role === 'mobile-node' || this.isBeside;
    if (verdict === 'FAIL' || isAnew || Object.keys(step.capture).length > 0 || step.as !== undefined)
      throw new BodyEnds();
  }

  private async silence(step: SilenceStep): Promise<void> {
    const ports = this.context.ports(step.at);
    const port = ports.join(', ');
    const before = this.stimuli.length;
    const firstAsked = this.messages.count;
    for (let round = 0; round < (step.stimulus.length > 0 ? 2 : 1); round += 1) {
      for (const inner of step.stimulus) await this.one(inner);
      // Its answer carries the nonce that the second round needs.
      if (this.context.replayProtection('mn') === 'nonces')
        await this.until(this.lastSendNs + this.context.around.graceNs);
    }
    const from =
      step.since !== undefined ? this.timeOf(step.since) : (this.stimuli[before]?.timeNs ?? this.lastSendNs);
    const asked = this.messages.requestsSince(firstAsked);
    const { end, proof } = await this.closeWindow(step, port);
    await this.until(end);
    const patterns = step.of.map((pattern) => this.resolve(pattern));
    const intruder = this.firstThat(ports, from, end, (frame) =>
      patterns.some(
        (pattern) =>
          (!asksForReply(pattern) ||
            // Where no request is part of the stimulus, no reply at all may come.
            asked.length === 0 ||
            asked.some((one) => this.messages.isReplyTo(frame, one))) &&
          matchPattern(pattern, frame.decoded, this.tools(frame, asked.at(-1))).ok,
      ),
    );
    const words = patterns.map((pattern) => `nothing like: ${packetWords(pattern).join(' / ')}`);
    if (intruder !== undefined) this.taken.add(intruder.number - 1);
    const actual = intruder === undefined ? ['nothing'] : seenWords(intruder.frame.decoded);
    const frames = intruder === undefined ? [] : [intruder.number];
    this.note(
      step,
      `at ${port} ${intruder === undefined ? `nothing came (proved by ${proof})` : `came ${actual.join(' / ')}`}`,
      intruder === undefined,
      end,
      frames,
    );
    if (step.control) {
      if (intruder !== undefined)
        throw new Inconclusive(
          `${this.part} ${step.path}: ${words.join('; ')}, but came ${actual.join(' / ')}`,
        );
      return;
    }
    const verdict = this.judge(step, step.clauses, intruder === undefined, {
      expected: words,
      actual,
      ...(step.reading === undefined ? {} : { reading: step.reading }),
      silence: proof,
      frames,
    });
    if (intruder !== undefined && verdict === 'FAIL') throw new BodyEnds();
  }

  private async record(step: RecordStep): Promise<void> {
    const port = this.context.port(step.at);
    let seen = 'nothing';
    let words: string[] = ['nothing'];
    let frames: number[] = [];
    let found: Answer;
    let proof: 'barrier' | 'time' = 'time';
    let end = 0;
    let options: { name: string; pattern: Pattern }[] = [];
    // A packet may have been lost, so "nothing" is recorded only when it came of two rounds.
    for (let round = 0; round < 2 && found === undefined; round += 1) {
      const before = this.stimuli.length;
      for (const inner of step.stimulus) await this.one(inner);
      const request = this.requestOf(step.answers);
      const from =
        step.since !== undefined
          ? this.timeOf(step.since)
          : (this.stimuli[before]?.timeNs ?? this.lastSendNs);
      ({ end, proof } = await this.closeWindow(step, port));
      if (step.until === undefined) await this.until(end);
      options = Object.entries(step.options).map(([name, pattern]) => ({
        name,
        pattern: this.resolve(pattern, request?.by),
      }));
      const fits = (frame: SeenFrame): boolean => {
        const option = options.find(
          ({ pattern }) =>
            (!asksForReply(pattern) || request === undefined || this.messages.isReplyTo(frame, request)) &&
            matchPattern(pattern, frame.decoded, this.tools(frame, request)).ok,
        );
        if (option !== undefined) seen = option.name;
        return option !== undefined;
      };
      for (;;) {
        const count = this.session.frames.length;
        found = this.firstThat([port], from, end, fits);
        // What the device does of its own accord is waited for only until it has been done.
        if (found !== undefined || step.until === undefined || !(await this.session.more(count, end))) break;
      }
      if (found !== undefined && step.until !== undefined) end = found.frame.timeNs;
    }
    if (found !== undefined) {
      this.taken.add(found.number - 1);
      words = seenWords(found.frame.decoded);
      frames = [found.number];
    }
    this.note(step, `at ${port} recorded: ${seen}`, true, end, frames);
    this.judge(step, step.clauses, step.wanted?.includes(seen) ?? true, {
      recorded: seen,
      expected: options.map(({ name, pattern }) => `${name}: ${packetWords(pattern).join(' / ')}`),
      actual: [seen, ...(found === undefined ? [] : words)],
      ...(step.reading === undefined ? {} : { reading: step.reading }),
      ...(found === undefined ? { silence: proof } : {}),
      frames,
    });
  }

  private async wait(step: WaitStep): Promise<void> {
    const end = this.timeOf(step.since) + (this.seconds(step.seconds) + this.seconds(step.plus)) * secondNs;
    await this.until(end);
    // Before something ends, being late is being wrong; afterwards it is not.
    if (this.seconds(step.plus) < 0) this.dueNs = end;
    this.note(
      step,
      `waited until ${((end - this.timeOf(step.since)) / secondNs).toFixed(3)} s after "${step.since}"`,
      true,
      end,
      [],
    );
  }

  /** Run a barrier and say when the window behind it closes; without one, or without a second mobile node, time alone does. */
  private async closeWindow(
    step: SilenceStep | RecordStep,
    port: string,
  ): Promise<{ end: number; proof: 'barrier' | 'time' }> {
    const { barrier } = step;
    const { until } = step;
    const linger = step.kind === 'silence' ? step.linger : undefined;
    if (until !== undefined)
      return { end: this.timeOf(until.since) + this.seconds(until.seconds) * secondNs, proof: 'time' };
    const soonest = this.lastSendNs + this.seconds(linger ?? 0) * secondNs;
    if (barrier.length === 0 || (this.context.around.other === undefined && needsOther(barrier))) {
      return { end: this.lastSendNs + this.context.around.timers.silenceSeconds * secondNs, proof: 'time' };
    }
    const part = this.part;
    const opened = this.lastSendNs;
    try {
      for (const inner of barrier) await this.one(inner);
    } catch (error) {
      if (error instanceof Inconclusive)
        throw new Inconclusive(`the barrier behind a silence at ${port} was not answered: ${error.message}`);
      throw error;
    } finally {
      this.part = part;
    }
    return {
      end: Math.max(this.lastAnswerNs + this.context.around.graceNs, opened, soonest),
      proof: 'barrier',
    };
  }

  /**
   * A device that no longer answers a valid registration has not broken the clause: it is not there. One that answers none with the
   * IPv6 extensions, and others, is.
   */
  private async liveness(): Promise<void> {
    const part = this.part;
    const [withIpv6, plain] = this.test.liveness;
    const isSame = JSON.stringify(withIpv6) === JSON.stringify(plain);
    const kinds = this.context.around.ipv6Extensions && !isSame ? [withIpv6, plain] : [plain];
    let problem: Inconclusive | undefined;
    try {
      for (const { mn, other } of kinds) {
        try {
          return await this.all('liveness', this.context.around.other === undefined ? mn : other);
        } catch (error) {
          if (!(error instanceof Inconclusive) || error instanceof Late) throw error;
          problem = error;
        }
      }
    } finally {
      this.part = part;
    }
    throw new Inconclusive(
      `the device answers no valid registration any more, so its silence says nothing (${problem?.message})`,
    );
  }

  /** Wait for the first frame that answers, until the deadline. */
  private async find(
    port: PortName,
    pattern: Pattern,
    request: SentMessage | undefined,
    fromNs: number,
    deadline: number,
  ): Promise<Answer> {
    const token = tokenOf(pattern);
    const reply = asksForReply(pattern);
    const relay = asksForRequest(pattern) && request !== undefined;
    const answers = (frame: SeenFrame): boolean => {
      if (reply && !this.isBeside) return request !== undefined && this.messages.isReplyTo(frame, request);
      if (relay) return this.messages.isRelayOf(frame, request);
      if (token !== undefined) return payloadOf(frame.decoded)?.includes(token) === true;
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
        if (frame.timeNs < this.groupStartNs && this.isDuplicate(looked)) continue;
        if (frame.timeNs < earliest || frame.timeNs > deadline) continue;
        if (answers(frame)) return { frame, number: looked + 1 };
      }
      if (!(await this.session.more(count, deadline))) return undefined;
    }
  }

  /**
   * Networks duplicate packets: a frame whose IP payload and addresses are those of one already judged says nothing
   * new. (Outer TTL and Identification may differ.)
   */
  private isDuplicate(index: number): boolean {
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

  private firstThat(
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

  private nearest(
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

  private async until(timeNs: number): Promise<void> {
    while (await this.session.more(this.session.frames.length, timeNs));
  }

  private control(
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

  private judge(
    step: Step,
    clauses: string[],
    ok: boolean,
    evidence: Pick<
      Judgement,
      'recorded' | 'expected' | 'actual' | 'difference' | 'reading' | 'silence' | 'frames'
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
  private capture(step: ExpectStep, decoded: Decoded): boolean {
    let all = true;
    for (const [name, path] of Object.entries(step.capture)) {
      const value = valueAt(decoded, path);
      if (value === undefined) all = false;
      else this.context.captured[name] = value;
    }
    return all;
  }

  private tools(frame: SeenFrame, request: SentMessage | undefined): MatchTools {
    return matchTools(this.context, frame, request?.by ?? 'mn', {
      originals: (label) => {
        const { seen, message } = this.labels.get(label) ?? {};
        if (seen === undefined) return this.messages.originals(message);
        return [throughMobileHome(seen.octets, seen.decoded) ?? new Uint8Array()];
      },
      wasSeenAt: (port, payload) => this.payloads.has(this.session.frames, port, payload),
    });
  }

  private requestOf(label: string | undefined): SentMessage | undefined {
    if (label === undefined) return this.messages.lastRequest();
    const found = this.labels.get(label)?.message;
    if (found === undefined) throw new Error(`no registration request was sent as "${label}"`);
    return found;
  }

  private timeOf(label: string): number {
    const found = this.labels.get(label);
    if (found === undefined) throw new Error(`no step before this one is named "${label}"`);
    return found.timeNs;
  }

  private resolve(pattern: Pattern, by = 'mn'): Json[] {
    return this.context.resolve(pattern, this.session.now(), by) as Json[];
  }

  private seconds(value: Json): number {
    const seconds = this.context.resolve(value, 0);
    if (typeof seconds !== 'number') throw new Error(`${JSON.stringify(value)} is no number of seconds`);
    return seconds;
  }

  private note(step: Step, text: string, ok: boolean, timeNs: number, frames: number[]): void {
    this.steps.push({ part: this.part, step: step.path, text, ok, timeNs: Math.round(timeNs), frames });
  }
}

/**
 * Run one test in an open session. Never throws: what goes wrong is in the outcome (ERROR for the harness, INCONCLUSIVE
 * for a preamble, a control or a device that is gone).
 */
export async function run(
  test: TestCase,
  session: BenchSession,
  around: Surroundings,
  ledger: Ledger,
  options: RunOptions = {},
): Promise<Outcome> {
  const context = new Context(around, test.id);
  const startNs = session.now();
  const tally = new Tally(session);
  const running = new Run(test, tally, context, ledger, options.strict === true, startNs);
  let verdict: Verdict | undefined;
  let reason: string | undefined;
  let late = false;
  try {
    for (const [node, steps] of [
      [around.mn, test.prelude.mn],
      [around.other, test.prelude.other],
    ] as const) {
      if (node === undefined) continue;
      await running.all('preamble', steps);
      // With nonces the first request may only have learnt the nonce.
      if (node.replay === 'nonces') await running.all('preamble', steps);
    }
    await running.all('preamble', test.preamble);
    await running.all('body', test.body);
  } catch (error) {
    if (error instanceof Inconclusive || error instanceof BenchInterrupted) {
      verdict = 'INCONCLUSIVE';
      reason = error.message;
      if (error instanceof Late) late = true;
    } else if (error instanceof NotApplicable) {
      verdict = 'NOT APPLICABLE';
      reason = error.message;
    } else if (!(error instanceof BodyEnds)) {
      verdict = 'ERROR';
      reason = `the harness failed: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  const judged = running.judgements.map((judgement) => judgement.verdict);
  const own = worst(judged);
  if (verdict === undefined && own === undefined) {
    verdict = 'ERROR';
    reason = 'the body judged nothing';
  }
  await tidyUp(running, test);
  return {
    id: test.id,
    title: test.title,
    file: test.file,
    role: test.role,
    position: test.position,
    clauses: test.clauses,
    verdict: worst([...(verdict === undefined ? [] : [verdict]), ...judged]) ?? 'ERROR',
    ...(reason === undefined ? {} : { reason }),
    ...(late ? { late } : {}),
    ...(running.missing ? { missing: true } : {}),
    judgements: running.judgements,
    steps: running.steps,
    mobileNodes: around.other === undefined ? [around.mn.index] : [around.mn.index, around.other.index],
    stimuli: running.stimuli,
    ...(tally.unsent.length === 0 ? {} : { unsent: tally.unsent }),
    ...(tally.actions.length === 0 ? {} : { actions: tally.actions }),
    ...(tally.breakdown === undefined ? {} : { breakdown: tally.breakdown }),
    startNs,
    endNs: Math.max(startNs, ...running.steps.map((step) => step.timeNs)),
  };
}

/** The postamble leaves the device as it was; whatever happens in it changes no verdict. */
async function tidyUp(running: Run, test: TestCase): Promise<void> {
  try {
    await running.all('postamble', test.postamble);
  } catch {
    // Its steps are in the record; the next vector's preamble finds out what matters.
  }
}
