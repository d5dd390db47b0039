/** The step that sends a device hostile input, sees whether it goes on answering, and finds the shortest input that stops it. */
import type { SendStep, SurviveStep } from '../../vectors/types.ts';
import { decodePacket, type EncodeOptions, type Packet, toHex } from '../../wire/index.ts';
import { BenchInterrupted, type Outgoing, type PortName, type Sent } from '../bench.ts';
import { seenWords } from '../describe.ts';
import { BodyEnds, Inconclusive } from '../endings.ts';
import { type Progress, secondNs } from '../progress.ts';
import { withKeysAtHand } from '../sent.ts';
import { type Datagram, datagramOf, linkLength, withBody } from './datagram.ts';
import { generatedInputs, generatorDefaults } from './generate.ts';
import { NoMoreTrials, type Part, shortestOctets, shortestRun } from './narrow.ts';
import { type Input, variantsOf } from './variants.ts';

/** What the step needs of the run around it. */
export interface Survival {
  /** Whether a valid registration is answered, in whatever way; in a hurry it is sent once, and waited for so many seconds. */
  isAlive(hurrySeconds?: number): Promise<boolean>;
  /** See Stimulus.known. */
  known(by: string, packet: SurviveStep['packets'][number]): string | undefined;
}

/** Inputs, and packets, between two proofs that the device is there. */
const batchInputs = 32;
const batchPackets = 128;
/** Each may cost a device a restart. */
const usualTrials = 60;
/** How often a device that was reset, or left alone, is asked whether it is there again. */
const mostAsked = 8;
/** Shortest wait for the answer of a device that is thought to be gone. */
const leastHurrySeconds = 0.25;
/** Packets of a sequence that are shown octet by octet. */
const mostShown = 4;

/** An input with the valid packet it is made of. */
interface Planned {
  input: Input;
  packet: SurviveStep['packets'][number];
  /** How many packets it is. */
  count: number;
}

/** What stops the device, as far as that was found. */
interface Culprit {
  /** The inputs, in order. */
  planned: Planned[];
  /** Of a single packet: its body, where that could be shortened. */
  body?: Uint8Array;
  /** Of a single input of several packets: which of them. */
  packets?: Part;
}

/** The packets of an input as they were sent, and when the first of them was. */
interface SentInput {
  octets: Uint8Array[];
  timeNs: number;
}

/** Go through the step. Throws BodyEnds when the device stopped, Inconclusive when nothing can be said. */
export async function survive(progress: Progress, step: SurviveStep, survival: Survival): Promise<void> {
  await new Survive(progress, step, survival).run();
}

class Survive {
  private readonly progress: Progress;
  private readonly step: SurviveStep;
  private readonly survival: Survival;
  private readonly port: PortName;
  private readonly hurrySeconds: number;
  private trials = 0;
  private inputs = 0;
  private readonly mostTrials: number;
  /** The device was not brought back by a reset, as there is none. */
  private resetMissing: string | undefined;
  /** What was seen to stop the device, the shortest so far, with its last input as it was sent then. */
  private culprit: (Culprit & { sent: SentInput }) | undefined;
  private last: SentInput = { octets: [], timeNs: 0 };
  /** The valid packet that was made last. */
  private built: Packet = [];

  constructor(progress: Progress, step: SurviveStep, survival: Survival) {
    this.progress = progress;
    this.step = step;
    this.survival = survival;
    this.port = progress.context.port(step.at);
    const { graceNs, timers, generator } = progress.context.around;
    this.mostTrials = generator?.trials ?? usualTrials;
    this.hurrySeconds = Math.min(timers.replySeconds, Math.max(leastHurrySeconds, (10 * graceNs) / secondNs));
  }

  async run(): Promise<void> {
    const { progress, step } = this;
    const planned = this.plan();
    this.inputs = planned.length;
    let sent = 0;
    while (sent < planned.length) {
      const batch = this.nextBatch(planned, sent);
      await this.sendAll({ planned: batch });
      sent += batch.length;
      if (!(await this.survival.isAlive())) return this.stopped(planned.slice(0, sent), sent - batch.length);
    }
    progress.judge(step, step.clauses, true, {
      expected: [this.expected(planned.length)],
      actual: [`answered every time, after ${planned.length} inputs`],
      frames: [],
    });
  }

  private expected(inputs: number): string {
    return `a valid registration is answered after each of ${inputs} inputs: ${this.step.variants.join(', ')}`;
  }

  /** The inputs of the step. What they are made of is resolved anew for each. */
  private plan(): Planned[] {
    const { step, progress } = this;
    const { generator = generatorDefaults } = progress.context.around;
    return step.packets.flatMap((packet, at) =>
      step.variants.flatMap((kind) => {
        if (kind !== 'generated') return this.variants(kind, packet);
        const inputs = generatedInputs(`${progress.test.id} ${step.path} ${at}`, generator);
        return inputs.map((input) => ({ input, packet, count: 1 }));
      }),
    );
  }

  private variants(
    kind: Exclude<SurviveStep['variants'][number], 'generated'>,
    packet: Planned['packet'],
  ): Planned[] {
    const { progress, step } = this;
    const known = this.survival.known(step.by, packet);
    if (known !== undefined) progress.context.noteKnown(step.by, known);
    const { built, options } = this.resolve(packet, progress.lastSendNs);
    const example = datagramOf(built, options);
    return variantsOf(kind, built, options).map((input) => ({
      input,
      packet,
      count: input.make(example, built).length,
    }));
  }

  private resolve(packet: Planned['packet'], nowNs: number): { built: Packet; options: EncodeOptions } {
    const { context } = this.progress;
    const associations = context.associations(this.step.by);
    const built = withKeysAtHand(
      context.resolve(packet, nowNs, this.step.by) as unknown as Packet,
      associations,
    );
    return { built, options: { types: context.around.extensionTypes, associations } };
  }

  private nextBatch(planned: readonly Planned[], from: number): Planned[] {
    const batch: Planned[] = [];
    let packets = 0;
    for (const one of planned.slice(from, from + batchInputs)) {
      if (batch.length > 0 && packets + one.count > batchPackets) break;
      batch.push(one);
      packets += one.count;
    }
    return batch;
  }

  private async sendAll(what: Culprit): Promise<void> {
    const { progress, step } = this;
    const { planned: batch, body, packets } = what;
    const first = progress.stimuli.length;
    for (const one of batch) await this.sendInput(one, what);
    const begun = progress.stimuli[first]?.timeNs ?? progress.lastSendNs;
    const names = [batch[0], batch.at(-1)].map((one) => one?.input.name ?? '');
    const words =
      batch.length === 1 ? `1 input: ${names[0]}` : `${batch.length} inputs: ${names[0]}, to: ${names[1]}`;
    const left = body === undefined ? '' : `, shortened to ${body.length} octets`;
    const some = packets === undefined ? '' : `, ${packets.to - packets.from} of its packets`;
    progress.note(step, `at ${this.port} sent ${words}${left}${some}`, true, begun, []);
    await progress.until(progress.lastSendNs + progress.context.around.graceNs);
  }

  /** All packets of an input are made of one valid packet, at the moment when the first of them leaves. */
  private async sendInput({ input, packet }: Planned, { body, packets }: Culprit): Promise<void> {
    const octets: Uint8Array[] = [];
    let at = 0;
    do {
      const sent = await this.send(packet, (datagram, built) => {
        if (at === 0)
          octets.push(
            ...(body === undefined
              ? input.make(datagram, built).slice(packets?.from, packets?.to)
              : [withBody(datagram, body)]),
          );
        return octets[at] ?? new Uint8Array();
      });
      if (at === 0) {
        this.last = { octets, timeNs: sent.timeNs };
        this.note(packet, sent);
      }
      at += 1;
    } while (at < octets.length);
  }

  /** What comes of an input is not to be taken for an answer to a valid registration. */
  private note(packet: Planned['packet'], sent: Sent): void {
    const { at, by, path } = this.step;
    const step: SendStep = { kind: 'send', path, at, packet, tamper: [], by };
    this.progress.messages.note(this.built, { by, port: this.port, timeNs: sent.timeNs, step, sent });
  }

  private async send(
    packet: Planned['packet'],
    make: (datagram: Datagram, built: Packet) => Uint8Array,
  ): Promise<Sent> {
    const { progress, step } = this;
    let known: string | undefined;
    const sent = await progress.session.send(this.port, (nowNs, recorded): Outgoing => {
      known = recorded === undefined ? this.survival.known(step.by, packet) : (recorded ?? undefined);
      if (known !== undefined) progress.context.noteKnown(step.by, known);
      const { built, options } = this.resolve(packet, nowNs);
      this.built = built;
      const datagram = datagramOf(built, options);
      return { kind: linkLength(datagram) > 0 ? 'ethernet' : 'ip', octets: make(datagram, built) };
    });
    progress.lastSendNs = sent.timeNs;
    progress.stimuli.push({
      port: this.port,
      timeNs: sent.timeNs,
      kind: sent.kind,
      ...(known === undefined ? {} : { known }),
    });
    return sent;
  }

  /** The device answered nothing behind these inputs, and did before the last of them, from `fine` on. */
  private async stopped(planned: Planned[], fine: number): Promise<never> {
    const { progress, last } = this;
    // Somebody who was busy for a while, or protected himself, is not gone.
    const cameBack = await this.survival.isAlive();
    const isBack = cameBack || (await this.revive());
    this.culprit = undefined;
    let isReproduced = false;
    if (isBack && this.mostTrials > 0) {
      isReproduced = await this.narrow(planned, fine);
      if (!isReproduced)
        throw new Inconclusive(
          `${progress.part} ${this.step.path}: the device answered no valid registration after ${this.namesOf(planned.slice(fine))}, ` +
            `${cameBack ? 'answered again by itself' : 'answered again after a reset'}, and the same input did not stop it once more`,
        );
    }
    const fate = cameBack ? 'it answered again by itself, some seconds later' : this.fate(isBack);
    this.accuse(this.culprit ?? { planned: planned.slice(fine), sent: last }, isReproduced, cameBack, fate);
    throw new BodyEnds();
  }

  /** Find the shortest input that stops the device. False when nothing stops it once more. */
  private async narrow(planned: Planned[], fine: number): Promise<boolean> {
    const culprit = (part: { from: number; to: number }): Culprit => ({
      planned: planned.slice(part.from, part.to),
    });
    try {
      const search = (hurrySeconds?: number): ReturnType<typeof shortestRun> =>
        shortestRun(planned.length, fine, (part) => this.stops(culprit(part), hurrySeconds));
      const run = await search(this.hurrySeconds);
      if (run === undefined) return false;
      // On a busy machine, or a slow device, haste takes a late answer for none: what was found has to do it with patience as well.
      if (await this.stops(culprit(run))) await this.shorten();
      else {
        this.culprit = undefined;
        this.trials = 0;
        if ((await search()) === undefined) return false;
      }
    } catch (error) {
      if (!(error instanceof NoMoreTrials)) throw error;
    }
    return this.culprit !== undefined;
  }

  private async shorten(): Promise<void> {
    const whole = this.culprit;
    const [only] = whole?.planned ?? [];
    if (whole === undefined || only === undefined || whole.planned.length > 1) return;
    // What is in it belongs to the moment when it was sent, which a recorded bench knows as well.
    const [octets = new Uint8Array()] = whole.sent.octets;
    const { built, options } = this.resolve(only.packet, whole.sent.timeNs);
    const body = octets.subarray(datagramOf(built, options).headLength);
    try {
      if (only.count > 1)
        await shortestRun(only.count, 0, (packets) =>
          this.stops({ planned: [only], packets }, this.hurrySeconds),
        );
      // Its header may be what is wrong with it: then a right one with the same body does nothing.
      else if (body.length > 0 && (await this.stops({ planned: [only], body }, this.hurrySeconds)))
        await shortestOctets(body, (shorter) =>
          this.stops({ planned: [only], body: shorter }, this.hurrySeconds),
        );
    } catch (error) {
      if (!(error instanceof NoMoreTrials)) throw error;
    }
    // With patience: what only slows the device down for a moment is not it.
    this.trials = Math.min(this.trials, this.mostTrials - 1);
    if (this.culprit !== whole && this.culprit !== undefined && !(await this.stops(this.culprit)))
      this.culprit = whole;
  }

  /** Try it. Throws NoMoreTrials when that was one too many, or the device does not come back. */
  private async stops(what: Culprit, hurrySeconds?: number): Promise<boolean> {
    if (this.trials >= this.mostTrials) throw new NoMoreTrials();
    this.trials += 1;
    await this.sendAll(what);
    const sent = this.last;
    if (await this.survival.isAlive(hurrySeconds)) return false;
    this.culprit = { ...what, sent };
    if (!(await this.revive())) throw new NoMoreTrials();
    return true;
  }

  /** Have the device begin anew, or wait until it answers by itself. */
  private async revive(): Promise<boolean> {
    if (this.resetMissing === undefined) {
      try {
        const { endedNs } = await this.progress.session.perform({ kind: 'reset' });
        this.progress.note(this.step, 'the device was reset', true, endedNs, []);
      } catch (error) {
        if (error instanceof BenchInterrupted) throw error;
        this.resetMissing = error instanceof Error ? error.message : String(error);
      }
    }
    for (let asked = 0; asked < mostAsked; asked += 1) if (await this.survival.isAlive()) return true;
    return false;
  }

  private namesOf(planned: readonly Planned[]): string {
    const [first, last] = [planned[0], planned.at(-1)].map((one) => `"${one?.input.name ?? ''}"`);
    return planned.length === 1 ? String(first) : `${planned.length} inputs, ${first} to ${last}`;
  }

  /** The verdict, with what the device was stopped by. */
  private accuse(
    { planned: culprit, sent: { octets, timeNs } }: Culprit & { sent: SentInput },
    isReproduced: boolean,
    cameBack: boolean,
    fate: string,
  ): void {
    const { progress, step } = this;
    const frames = this.framesOf(octets, timeNs);
    const shown = octets.slice(0, mostShown);
    const actual = [
      `no answer to a valid registration after ${this.namesOf(culprit)}`,
      fate,
      ...(isReproduced
        ? [
            `the shortest input found to stop it, in ${this.trials} trials: ${culprit.length === 1 ? sizeOf(octets) : `${culprit.length} inputs, the last one ${sizeOf(octets)}`}`,
          ]
        : []),
      ...shown.flatMap((each) => [...this.words(each), `octets ${toHex(each)}`]),
      ...(octets.length > shown.length ? [`and ${octets.length - shown.length} more packets`] : []),
    ];
    progress.note(step, `at ${this.port} ${actual.slice(0, 3).join('; ')}`, false, timeNs, frames);
    progress.judge(
      step,
      cameBack ? step.clauses.map((clause) => `${clause}#comes-back`) : step.clauses,
      false,
      {
        expected: [this.expected(this.inputs)],
        actual,
        input: { port: this.port, packets: octets.map((each) => toHex(each)) },
        frames,
      },
    );
  }

  private fate(isBack: boolean): string {
    if (this.resetMissing === undefined)
      return isBack ? 'it stayed so until it was reset' : 'not even a reset brought it back';
    const why = `it cannot be reset: ${this.resetMissing}`;
    return isBack
      ? `it came back by itself in the end; ${why}`
      : `it did not come back by itself, and ${why}`;
  }

  private words(octets: Uint8Array): string[] {
    const isFrame = linkOf(octets) > 0;
    const kind = isFrame ? 'ethernet' : (octets[0] ?? 0) >> 4 === 6 ? 'ipv6' : 'ipv4';
    return seenWords(decodePacket(octets, kind, { types: this.progress.context.around.extensionTypes }));
  }

  /** Where the input that was sent last is in the capture: behind its IP header everything leaves as it is. */
  private framesOf(octets: readonly Uint8Array[], timeNs: number): number[] {
    const tails = octets.slice(0, mostShown).map((each) => each.subarray(linkOf(each) + 20));
    return tails.flatMap((tail) => {
      const at = this.progress.session.frames.findIndex(
        (frame) =>
          frame.outgoing &&
          frame.port === this.port &&
          frame.timeNs >= timeNs &&
          frame.octets.length === 34 + tail.length &&
          Buffer.compare(frame.octets.subarray(34), tail) === 0,
      );
      return at < 0 ? [] : [at + 1];
    });
  }
}

/** Octets of the Ethernet header before an IP packet; none where the packet begins with IP itself. */
const linkOf = (octets: Uint8Array): number =>
  octets.length >= 34 && octets[12] === 0x08 && octets[13] === 0x00 && (octets[0] ?? 0) >> 4 !== 4 ? 14 : 0;

const sizeOf = (octets: readonly Uint8Array[]): string =>
  octets.length === 1 ? `${octets[0]?.length ?? 0} octets` : `${octets.length} packets`;
