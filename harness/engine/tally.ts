/**
 * Counts what a run asks of its session, so that the place where a bench broke down can be written into the outcome and a
 * recorded bench breaks down at the same place.
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
  type SeenFrame,
  type Sent,
} from './bench.ts';
import type { ActionRecord, Breakdown } from './outcome.ts';

/** What `build` threw: the vector's fault, which comes again by itself when the run is judged again. */
class BuildFailed extends Error {
  readonly inner: unknown;
  constructor(inner: unknown) {
    super('build');
    this.inner = inner;
  }
}

export class Tally implements BenchSession {
  /** The first failure of the bench itself, when there was one. */
  breakdown: Breakdown | undefined;
  /** Messages that could not be built. */
  readonly unsent: { sends: number; timeNs: number }[] = [];
  readonly actions: ActionRecord[] = [];
  private readonly session: BenchSession;
  private sends = 0;
  private waits = 0;

  constructor(session: BenchSession) {
    this.session = session;
  }

  /** Once the device is gone, what still trickles in is nothing to judge. */
  get frames(): readonly SeenFrame[] {
    const { breakdown, session } = this;
    return breakdown?.interrupted === true ? session.frames.slice(0, breakdown.frames) : session.frames;
  }

  now(): number {
    return this.session.now();
  }

  async send(port: PortName, build: (nowNs: number, known?: string | null) => Outgoing): Promise<Sent> {
    try {
      const sent = await this.session.send(port, (nowNs, known) => {
        try {
          return build(nowNs, known);
        } catch (error) {
          this.unsent.push({ sends: this.sends, timeNs: nowNs });
          throw new BuildFailed(error);
        }
      });
      this.sends += 1;
      return sent;
    } catch (error) {
      if (error instanceof BuildFailed) throw error.inner;
      throw this.broken(error);
    }
  }

  async turn(mobileNode: number): Promise<void> {
    try {
      await this.session.turn?.(mobileNode);
    } catch (error) {
      throw this.broken(error);
    }
  }

  async more(count: number, untilNs: number): Promise<boolean> {
    try {
      const more = await this.session.more(count, untilNs);
      if (!more) this.waits += 1;
      return more;
    } catch (error) {
      throw this.broken(error);
    }
  }

  async perform(action: Action): Promise<Performed> {
    const name = actionName(action);
    try {
      const performed = await this.session.perform(action);
      this.actions.push({ name, ...performed });
      return performed;
    } catch (error) {
      if (!(error instanceof HookMissing)) throw this.broken(error);
      const at = this.now();
      this.actions.push({ name, beganNs: at, endedNs: at, missing: error.message });
      throw error;
    }
  }

  close(): void {
    this.session.close();
  }

  private broken(error: unknown): unknown {
    const interrupted = error instanceof BenchInterrupted;
    this.breakdown ??= {
      reason: error instanceof Error ? error.message : String(error),
      interrupted,
      sends: this.sends,
      waits: this.waits,
      frames: interrupted ? this.session.frames.length : 0,
    };
    return error;
  }
}
