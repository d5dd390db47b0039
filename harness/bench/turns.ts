/**
 * How many registration requests the harness sends. A mobile node must not ask more often than once a second (RFC 3344 3.6.3), and a
 * device may ignore one that does; a device that others use as well is not to be flooded by many mobile nodes at once either.
 */
import type { RequestRate } from '../vectors/profile.ts';

/** Timers and networks are not exact: so much longer than a rate says, ms. */
const spareMs = 20;

const monotonicMs = (): number => performance.now();
const sleep = (ms: number): Promise<void> =>
  ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));

/** Clock and timer, for tests. */
export interface TurnsClock {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

export class Turns {
  private readonly betweenMs: number;
  private readonly overallMs: number;
  private readonly clock: TurnsClock;
  /** When the next request of each mobile node may leave, and the next of all. */
  private readonly next = new Map<number, number>();
  private nextOfAll = 0;

  constructor({ perMobileNode, overall }: RequestRate, clock: TurnsClock = { nowMs: monotonicMs, sleep }) {
    this.betweenMs = 1000 / perMobileNode + spareMs;
    this.overallMs = 1000 / overall;
    this.clock = clock;
  }

  /** Resolves when a request of this mobile node may leave: first its own turn, then that among all, in the order in which they come. */
  async of(mobileNode: number): Promise<void> {
    const { clock } = this;
    await clock.sleep((this.next.get(mobileNode) ?? 0) - clock.nowMs());
    const at = Math.max(clock.nowMs(), this.nextOfAll);
    this.nextOfAll = at + this.overallMs;
    this.next.set(mobileNode, at + this.betweenMs);
    await clock.sleep(at - clock.nowMs());
  }
}
