/** How far the clock of another machine is ahead of ours, from exchanges in which it tells its time. */

/** One exchange, all in nanoseconds since 1970: when we asked, what the other clock said, when its answer was here. */
export interface Exchange {
  askedNs: bigint;
  thereNs: bigint;
  answeredNs: bigint;
}

/** Exchanges older than this say nothing of clocks that drift. */
const memoryNs = 10_000_000_000n;
/** Clocks that drift apart by more than this within the memory were set. */
const stepNs = 2_000_000n;

/**
 * The exchange with the least round trip tells most: the other clock was read somewhere within it, so that the middle is wrong by half of it
 * at most.
 */
export class ClockOffset {
  private exchanges: Exchange[] = [];
  private first: bigint | undefined;
  /** How often the other clock, or ours, was set while it was watched. */
  steps = 0;

  add(exchange: Exchange): void {
    const { answeredNs } = exchange;
    const before = this.best();
    if (before !== undefined) {
      const apart = offsetOf(exchange) - offsetOf(before);
      const explained = halfOf(exchange) + halfOf(before) + stepNs;
      if (apart > explained || -apart > explained) {
        this.steps += 1;
        this.exchanges = [];
      }
    }
    this.exchanges = this.exchanges.filter((one) => {
      const age = answeredNs - one.answeredNs;
      return age >= 0n && age < memoryNs;
    });
    this.exchanges.push(exchange);
    this.first ??= this.offsetNs;
  }

  private best(): Exchange | undefined {
    return this.exchanges.reduce<Exchange | undefined>(
      (least, one) => (least === undefined || halfOf(one) < halfOf(least) ? one : least),
      undefined,
    );
  }

  /** How far the other clock is ahead of ours; 0 before the first exchange. */
  get offsetNs(): bigint {
    const best = this.best();
    return best === undefined ? 0n : offsetOf(best);
  }

  /** What it was after the first exchange. */
  get firstOffsetNs(): bigint {
    return this.first ?? 0n;
  }

  /** The offset is right to within this. */
  get uncertaintyNs(): bigint {
    const best = this.best();
    return best === undefined ? 0n : halfOf(best);
  }

  /** An instant of the other clock, by ours. */
  toOurs(thereNs: bigint): bigint {
    return thereNs - this.offsetNs;
  }
}

const halfOf = ({ askedNs, answeredNs }: Exchange): bigint => (answeredNs - askedNs) / 2n;
const offsetOf = ({ askedNs, thereNs, answeredNs }: Exchange): bigint =>
  thereNs - (askedNs + answeredNs) / 2n;
