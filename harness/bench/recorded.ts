/**
 * A bench that plays a recorded test: the frames of its capture, the times of its stimuli. What the engine sends is compared with what
 * was sent then; what it waits for is there at once. No device, no packets.
 */
import {
  type Action,
  actionName,
  BenchInterrupted,
  type BenchSession,
  HookMissing,
  type Outgoing,
  type Performed,
  type PortName,
  portNames,
  reconfigurationsIn,
  type SeenFrame,
  type Sent,
} from '../engine/bench.ts';
import { requestPorts } from '../engine/identities.ts';
import type { ActionRecord, Breakdown, Outcome } from '../engine/outcome.ts';
import { run } from '../engine/run.ts';
import type { Ledger } from '../vectors/ledger.ts';
import type { Profile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { type Decoded, decodePacket, type ExtensionTypes } from '../wire/index.ts';
import { notRun } from './applicability.ts';
import { isFrameOf } from './own-frames.ts';
import { withSentFrames } from './schedule.ts';
import { type RunFacts, surroundings } from './surroundings.ts';

/** A frame as a capture file has it. */
export interface CapturedFrame {
  port: string;
  /** Nanoseconds since 1970. */
  timeNs: bigint;
  outgoing: boolean;
  octets: Uint8Array;
}

/** The captures are not those of the results, or the results not those of the vectors: nothing can be judged. */
export class RecordingError extends Error {
  readonly code = 'BAD_RECORDING';
}

class RecordedFrame implements SeenFrame {
  readonly port: PortName;
  readonly timeNs: number;
  readonly outgoing: boolean;
  readonly octets: Uint8Array;
  private readonly types: ExtensionTypes;
  private known: Decoded | undefined;

  constructor(port: PortName, timeNs: number, frame: CapturedFrame, types: ExtensionTypes) {
    this.port = port;
    this.timeNs = timeNs;
    this.outgoing = frame.outgoing;
    this.octets = frame.octets;
    this.types = types;
  }

  get decoded(): Decoded {
    this.known ??= decodePacket(this.octets, 'ethernet', { types: this.types, requestPorts });
    return this.known;
  }
}

export interface Recording {
  outcome: Outcome;
  frames: readonly CapturedFrame[];
  originNs: bigint;
  extensionTypes: ExtensionTypes;
}

/** One recorded test as a session. Its methods throw RecordingError where capture, results and vector disagree. */
export class RecordedSession implements BenchSession {
  readonly frames: readonly SeenFrame[];
  private readonly id: string;
  private readonly stimuli: Outcome['stimuli'];
  private readonly breakdown: Breakdown | undefined;
  private readonly unsent: { sends: number; timeNs: number }[];
  private readonly actions: ActionRecord[];
  /** Outgoing frames that no stimulus has claimed. */
  private readonly unclaimed: Set<SeenFrame>;
  private readonly numbers: ReadonlyMap<SeenFrame, number>;
  /** See LiveSession. */
  readonly sentFrames = new Map<number, number>();
  private nowNs: number;
  private sends = 0;
  private waits = 0;
  private broke = false;
  /** What was found not to belong together; the engine makes an outcome of every error, so that it is kept here as well. */
  mismatch: RecordingError | undefined;

  constructor({ outcome, frames, originNs, extensionTypes }: Recording) {
    this.id = outcome.id;
    this.stimuli = outcome.stimuli;
    this.breakdown = outcome.breakdown;
    this.unsent = [...(outcome.unsent ?? [])];
    this.actions = [...(outcome.actions ?? [])];
    this.nowNs = outcome.startNs;
    const all = frames.map((frame) => {
      const port = portNames.find((name) => name === frame.port);
      if (port === undefined)
        throw new RecordingError(
          `${this.id}: the capture has an interface "${frame.port}", which is no port`,
        );
      return new RecordedFrame(port, Number(frame.timeNs - originNs), frame, extensionTypes);
    });
    // What came after the bench broke down was never looked at.
    this.frames = this.breakdown?.interrupted === true ? all.slice(0, this.breakdown.frames) : all;
    this.unclaimed = new Set(all.filter(({ outgoing }) => outgoing));
    this.numbers = new Map(all.map((frame, at) => [frame, at + 1]));
  }

  now(): number {
    return this.nowNs;
  }

  async send(port: PortName, build: (nowNs: number, known?: string | null) => Outgoing): Promise<Sent> {
    const stimulus = this.stimuli[this.sends];
    const timeNs = stimulus?.timeNs ?? this.nowNs;
    const breaks = this.breaksHere();
    if (breaks !== undefined) throw failureOf(breaks);
    const [failed] = this.unsent;
    if (failed?.sends === this.sends) {
      this.unsent.shift();
      build(failed.timeNs, null);
      throw this.differs('a message can be encoded that could not be then');
    }
    const outgoing = build(timeNs, stimulus?.known ?? null);
    if (stimulus === undefined)
      throw this.differs('the results have fewer messages sent than the vector sends');
    if (stimulus.port !== port || stimulus.kind !== outgoing.kind) {
      throw this.differs(
        `message ${this.sends + 1} went out at ${stimulus.port} then and goes out at ${port} now`,
      );
    }
    this.claim(port, outgoing, timeNs);
    this.sends += 1;
    this.nowNs = timeNs;
    return { ...outgoing, port, timeNs };
  }

  async more(count: number, untilNs: number): Promise<boolean> {
    if (this.frames.length > count) return true;
    const breaks = this.breaksHere();
    if (breaks !== undefined) throw failureOf(breaks);
    this.waits += 1;
    this.nowNs = Math.max(this.nowNs, untilNs);
    return false;
  }

  /** What was done then is done; only when it was and what came of it counts. */
  async perform(action: Action): Promise<Performed> {
    const breaks = this.breaksHere();
    if (breaks !== undefined) throw failureOf(breaks);
    const record = this.actions.shift();
    const name = actionName(action);
    if (record === undefined || record.name !== name)
      throw this.differs(`the results have no "${name}" here`);
    const { beganNs, endedNs, problem, missing } = record;
    this.nowNs = Math.max(this.nowNs, endedNs);
    if (missing !== undefined) throw new HookMissing(missing);
    return { beganNs, endedNs, ...(problem === undefined ? {} : { problem }) };
  }

  close(): void {}

  /**
   * The frame of a message has to be in the capture, octet by octet; of several that are alike (others may solicit advertisements, too) the
   * first that left when the message had been sent.
   */
  private claim(port: PortName, outgoing: Outgoing, timeNs: number): void {
    const alike = [...this.unclaimed].filter(
      (frame) => frame.port === port && isFrameOf(frame.octets, outgoing),
    );
    const frame = alike.find((one) => one.timeNs >= timeNs) ?? alike[0];
    if (frame !== undefined) {
      this.unclaimed.delete(frame);
      this.sentFrames.set(this.sends, this.numbers.get(frame) ?? 0);
      return;
    }
    throw this.differs(`message ${this.sends + 1}, sent at ${port}, is not in its capture`);
  }

  /** The bench that is gone stays gone; what the harness could not do once, it may have done the next time. */
  private breaksHere(): Breakdown | undefined {
    const { breakdown } = this;
    if (breakdown === undefined || this.sends !== breakdown.sends || this.waits !== breakdown.waits)
      return undefined;
    if (this.broke && !breakdown.interrupted) return undefined;
    this.broke = true;
    return breakdown;
  }

  private differs(how: string): RecordingError {
    this.mismatch ??= new RecordingError(`the captures do not belong to these results: ${this.id}: ${how}`);
    return this.mismatch;
  }
}

const failureOf = ({ reason, interrupted }: Breakdown): Error =>
  interrupted ? new BenchInterrupted(reason) : new Error(reason);

/** What judging again needs besides captures. */
export interface Rejudging {
  profile: Profile;
  facts: RunFacts;
  ledger: Ledger;
  strict: boolean;
}

/**
 * Judge a recorded test again. Throws RecordingError when capture, results, vector and profile do not belong together.
 */
export async function rejudge(
  test: TestCase,
  outcome: Outcome,
  frames: readonly CapturedFrame[],
  { profile, facts, ledger, strict }: Rejudging,
): Promise<Outcome> {
  const excluded = notRun(test, profile, facts);
  if (excluded !== undefined) return excluded;
  const [mn, other] = outcome.mobileNodes.map((index) => {
    const node = profile.mobileNodes[index];
    if (node === undefined)
      throw new RecordingError(`${outcome.id}: the profile has no mobile node number ${index}`);
    return node;
  });
  if (mn === undefined)
    throw new RecordingError(`${outcome.id}: the results name no mobile node it ran with`);
  const session = new RecordedSession({
    outcome,
    frames,
    originNs: facts.originNs,
    extensionTypes: profile.extensionTypes,
  });
  const around = surroundings(profile, facts, test, mn, other);
  // It is done first of all. Hostile input resets a device that it has stopped.
  around.reset = test.needs.unused === true && outcome.actions?.[0]?.name === 'reset';
  around.reconfigurations = reconfigurationsIn((outcome.actions ?? []).map(({ name }) => name));
  const again = await run(test, session, around, ledger, { strict });
  if (session.mismatch !== undefined) throw session.mismatch;
  return withSentFrames(again, session.sentFrames);
}
