/** Puts what comes from several machines into the order of its times, as far as waiting a little can. */

interface Waiting {
  timeNs: bigint;
  deliver(): void;
}

/** Holds what comes for `holdNs`, so that what was earlier and comes later passes before it. */
export class TimeOrder {
  private readonly waiting: Waiting[] = [];
  private readonly nowNs: () => bigint;
  private timer: NodeJS.Timeout | undefined;
  private lastNs = 0n;
  holdNs = 0n;
  /** What came when something later had passed already. */
  late = 0;

  constructor(nowNs: () => bigint) {
    this.nowNs = nowNs;
  }

  add(timeNs: bigint, deliver: () => void): void {
    if (timeNs < this.lastNs) this.late += 1;
    let at = this.waiting.length;
    while (at > 0 && (this.waiting[at - 1] as Waiting).timeNs > timeNs) at -= 1;
    this.waiting.splice(at, 0, { timeNs, deliver });
    this.schedule();
  }

  /** Lets everything pass until this instant, of which everything has come. */
  settle(untilNs: bigint): void {
    while (this.waiting.length > 0 && (this.waiting[0] as Waiting).timeNs <= untilNs) {
      const { timeNs, deliver } = this.waiting.shift() as Waiting;
      if (timeNs > this.lastNs) this.lastNs = timeNs;
      deliver();
    }
  }

  /** Lets everything pass for somebody who will not be there any more; others may see a little of it out of order. */
  flush(): void {
    for (const { deliver } of this.waiting.splice(0)) deliver();
  }

  private schedule(): void {
    if (this.timer !== undefined || this.waiting.length === 0) return;
    const dueNs = (this.waiting[0] as Waiting).timeNs + this.holdNs - this.nowNs();
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.settle(this.nowNs() - this.holdNs);
        this.schedule();
      },
      Math.max(1, Math.ceil(Number(dueNs) / 1_000_000)),
    );
  }
}
