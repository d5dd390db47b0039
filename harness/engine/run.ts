/**
 * Runs one test against a bench and judges it. Everything a verdict rests on is what was sent and what was seen with their times, so
 * that a recorded run can be judged again to the same verdict (architecture: "How a verdict comes to be").
 */
import { alone } from '../vectors/alone.ts';
import type { Ledger } from '../vectors/ledger.ts';
import type { ExpectStep, Json, Pattern, SendStep, Step, TestCase, WaitStep } from '../vectors/types.ts';
import { encodePacket, type Packet, type Tamper } from '../wire/index.ts';
import { every, hook, move, tell, transfer } from './actions.ts';
import {
  BenchInterrupted,
  type BenchSession,
  type Outgoing,
  type PortName,
  type SeenFrame,
} from './bench.ts';
import { Context } from './context.ts';
import { packetWords, seenWords } from './describe.ts';
import { BodyEnds, Inconclusive, Late, NotApplicable, Refused } from './endings.ts';
import { asksForReply, asksForRequest, isAccepted, isRequest, newestRequest, replyCode } from './frames.ts';
import type { Surroundings } from './identities.ts';
import { matchPattern } from './match.ts';
import { type Outcome, type Verdict, worst } from './outcome.ts';
import { type Answer, type Part, Progress, secondNs } from './progress.ts';
import { survive } from './robustness/survive.ts';
import { type SentMessage, withKeysAtHand } from './sent.ts';
import { Tally } from './tally.ts';
import { record, silence } from './windows.ts';

export interface RunOptions {
  /** A broken SHOULD fails. */
  strict?: boolean;
}

/** How long after a prescribed moment a message may still leave. */
const lateNs = 0.5 * secondNs;

/** How the reason of an ERROR begins. */
export const harnessFailed = 'the harness failed';

/** How often what went unanswered is sent again, and how long after the time before (RFC 3344 3.6.3: at most once a second). */
const repetitions = 2;
const standardRepeatSeconds = 1.05;

/**
 * Denials that answer what is in the request (RFC 3344 3.4): unspecified, prohibited, poorly formed. The mobile node's plain requests
 * were relayed before.
 */
const denialsOfContent = [64, 65, 70, 71];

const answering = new WeakMap<Json[], boolean>();

/** Whether a message is a reply to a request of the device. */
function answersDevice({ packet }: Pick<SendStep, 'packet'>): boolean {
  const known = answering.get(packet);
  if (known !== undefined) return known;
  const answers = /"\$(identification\.(reply|otherReply)|asked\.port)"/.test(JSON.stringify(packet));
  answering.set(packet, answers);
  return answers;
}

const isLayer = (layer: Json | undefined, name: string): boolean =>
  typeof layer === 'object' && layer !== null && name in layer;

const requesting = new WeakMap<SendStep, boolean>();

/** Whether a message goes where registration requests go, well formed or not: a bench may limit how many do. */
function asksToRegister(step: SendStep): boolean {
  const known = requesting.get(step);
  if (known !== undefined) return known;
  const at = step.packet.findIndex((layer) => isLayer(layer, 'icmp') || isLayer(layer, 'icmpv6'));
  // What an error message quotes was sent long ago.
  const layers = at < 0 ? step.packet : step.packet.slice(0, at);
  const asks = layers.some(
    (layer, index) =>
      isLayer(layer, 'registrationRequest') ||
      (isLayer(layer, 'payload') &&
        /"udp":.*"destinationPort":434\b/.test(JSON.stringify(layers[index - 1]))),
  );
  requesting.set(step, asks);
  return asks;
}

class Run extends Progress {
  /** When a wait ended: what is sent next belongs to that moment. */
  private dueNs: number | undefined;

  /** The sends just before the expectations that follow them: what is repeated when nothing answers. */
  private group: SendStep[] = [];

  private groupClosed = false;

  /** Messages are sent once, and waited for no longer than this. */
  private hurrySeconds: number | undefined;

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
        return silence(this, (inner) => this.one(inner), step);
      case 'record':
        return record(this, (inner) => this.one(inner), step);
      case 'wait':
        return this.wait(step);
      case 'hook':
        return hook(this, step);
      case 'move':
        return move(this, step);
      case 'transfer':
        return transfer(this, step);
      case 'every':
        return every(this, step);
      case 'survive':
        return survive(this, step, {
          isAlive: (hurrySeconds) => this.isAlive(hurrySeconds),
          known: (by, packet) => this.newestKnown({ by, packet }),
        });
    }
  }

  private async send(step: SendStep): Promise<void> {
    const port = this.context.port(step.at);
    let packet: Packet = [];
    let outgoing: Outgoing | undefined;
    let known: string | undefined;
    if (asksToRegister(step)) await this.session.turn?.(this.context.numberOf(step.by));
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
    if (this.group[0] === step) {
      this.groupAgainNs = timeNs;
      if (!this.groupClosed) this.groupStartNs = timeNs;
    }
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
    const due = this.dueNs ?? timeNs;
    const late = timeNs - due;
    this.dueNs = undefined;
    if (late > lateNs) {
      throw new Late(
        `the harness was ${(late / secondNs).toFixed(2)} s late with ${this.part} ${step.path}: ${this.lastAnswerNs > due ? 'the answers before it took too long; raise ixit.timers.shortLifetimeSeconds' : 'this machine was too busy'}`,
      );
    }
  }

  /** See Stimulus.known. */
  private newestKnown(step: Pick<SendStep, 'by' | 'packet'>): string | undefined {
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
    const within = this.hurrySeconds ?? this.seconds(step.within ?? this.context.around.timers.replySeconds);
    const primary = step.checks[0];
    if (primary === undefined) return;
    const pattern = this.resolve(primary.pattern, request?.by);
    let deadline = this.lastSendNs + within * secondNs;
    let answer = step.accepted ? await this.findAccepted(port, pattern, from, deadline) : undefined;
    answer ??= await this.findOrRepeat(step, port, pattern, request, from, within);
    if (step.again === undefined) deadline = this.lastSendNs + within * secondNs;
    const refusal = answer === undefined ? this.refusal(pattern, request) : undefined;
    answer ??= await this.lateAnswer(step, port, pattern, request, from);
    if (answer === undefined) {
      this.nothingCame(step, port, pattern, within, from, deadline, refusal);
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
    if (step.again !== undefined && this.group.length > 0) {
      const againNs = this.seconds(step.again) * secondNs;
      const deadline = this.lastSendNs + withinSeconds * secondNs;
      const group = [...this.group];
      for (;;) {
        const end = Math.min(this.lastSendNs + againNs, deadline);
        const answer = await this.find(port, pattern, request, fromNs, end);
        if (answer !== undefined || end === deadline) return answer;
        for (const again of group) await this.send(again);
      }
    }
    const repeatable =
      this.hurrySeconds === undefined &&
      step.within === undefined &&
      (request === undefined || this.isCurrent(request, pattern));
    const group = repeatable ? [...this.group] : [];
    const { repeatSeconds = standardRepeatSeconds } = this.context.around;
    for (let left = group.length > 0 ? repetitions : 0; ; left -= 1) {
      const wait = left > 0 ? Math.min(repeatSeconds, withinSeconds) : withinSeconds;
      const answer = await this.find(port, pattern, request, fromNs, this.lastSendNs + wait * secondNs);
      if (answer !== undefined || left === 0) return answer;
      for (const again of group) await this.send(again);
    }
  }

  /** Before it is accepted, a mobile node may have to learn what to ask for: the time, a lifetime, a challenge (RFC 3344 3.6.2.3, 5.7). */
  private async findAccepted(
    port: PortName,
    pattern: Pattern,
    fromNs: number,
    deadline: number,
  ): Promise<Answer> {
    for (;;) {
      const { frames } = this.session;
      const count = frames.length;
      const found = this.firstThat(
        [port],
        fromNs,
        deadline,
        (frame) =>
          matchPattern(pattern, frame.decoded, this.tools(frame, undefined)).ok && isAccepted(frames, frame),
      );
      if (found !== undefined || !(await this.session.more(count, deadline))) return found;
    }
  }

  /** The code with which a foreign agent has denied a request. It may have reasons of its own not to relay it (RFC 3344 3.7.2). */
  private refusal(pattern: Pattern, request: SentMessage | undefined): number | undefined {
    if (request === undefined || !asksForRequest(pattern)) return undefined;
    for (const frame of this.session.frames) {
      const code = replyCode(frame.decoded);
      if (code === undefined || code < 64 || code > 127 || frame.outgoing) continue;
      if (!this.messages.isReplyTo(frame, request)) continue;
      if (denialsOfContent.includes(code)) return code;
      throw new Refused(`the foreign agent refused the request with code ${code}`);
    }
    return undefined;
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
    refusal: number | undefined,
  ): void {
    const near = this.nearest(port, pattern, fromNs, deadline);
    const actual = [
      `nothing that answers within ${Number(within.toFixed(3))} s${step.control ? '' : ', nor before the answer to a later request'}`,
      ...(refusal === undefined ? [] : [`the foreign agent refused the request with code ${refusal}`]),
      ...(near === undefined ? [] : ['nearest:', ...seenWords(near.frame.decoded)]),
    ];
    const frames = near === undefined ? [] : [near.number];
    if (step.applies && near !== undefined && asksForRequest(pattern) && isRequest(near.frame.decoded))
      this.control(step, pattern, actual, deadline, near, near.difference);
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

  private async wait(step: WaitStep): Promise<void> {
    const plus = this.seconds(step.plus);
    // Before something ends, being late is being wrong; afterwards it is not. What is sent then has its way to go as well.
    const way = plus < 0 ? (this.context.around.slowestNs ?? 0) : 0;
    const end = this.timeOf(step.since) + (this.seconds(step.seconds) + plus) * secondNs - way;
    await this.until(end);
    if (plus < 0) this.dueNs = end;
    this.note(
      step,
      `waited until ${((end - this.timeOf(step.since)) / secondNs).toFixed(3)} s after "${step.since}"`,
      true,
      end,
      [],
    );
  }

  /** Whether a valid registration is answered, in whatever way; in a hurry it is sent once, and waited for so long. */
  private async isAlive(hurrySeconds?: number): Promise<boolean> {
    const { part } = this;
    const [, plain] = this.test.liveness;
    const own = this.context.around.other === undefined ? plain.mn : plain.other;
    // Steps of their own: what answers an earlier question is no answer to this one.
    const steps = own.map((step) => ({ ...step }));
    const noted = this.steps.length;
    this.hurrySeconds = hurrySeconds;
    try {
      await this.all('liveness', steps);
      return true;
    } catch (error) {
      if (!(error instanceof Inconclusive) || error instanceof Late) throw error;
      // A denial is an answer, too.
      const unmet = this.steps.slice(noted).findLast(({ ok }) => !ok);
      return error instanceof Refused || (unmet?.frames.length ?? 0) > 0;
    } finally {
      this.part = part;
      this.group = [];
      this.hurrySeconds = undefined;
    }
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
    if (around.reset === true) await tell(running, { kind: 'reset' });
    for (const one of around.reconfigurations ?? []) await tell(running, { kind: 'reconfigure', ...one });
    for (const [node, steps] of [
      [around.mn, test.prelude.mn],
      [around.other, test.prelude.other],
    ] as const) {
      if (node === undefined || test.withoutPrelude === true) continue;
      await running.all('preamble', steps);
      // With nonces the first request may only have learnt the nonce.
      if (node.replay === 'nonces') await running.all('preamble', steps);
    }
    await running.all('preamble', around.other === undefined ? alone(test).preamble : test.preamble);
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
      reason = `${harnessFailed}: ${error instanceof Error ? error.message : String(error)}`;
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
