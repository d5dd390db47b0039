/** Time as the mobile node's state machines take it, so that tests can let it pass as they like. */
export interface Clock {
  /** Milliseconds since some instant, never going back. */
  now(): number;
  /** The time of day in NTP format (RFC 3344 5.7.1). */
  ntp(): bigint;
  /** Do `work` after so many milliseconds; returns how to call it off. */
  after(milliseconds: number, work: () => void): () => void;
}

/** A timer that holds at most one appointment: a new one takes the place of the old. */
export interface Alarm {
  set(milliseconds: number, work: () => void): void;
  clear(): void;
  isSet(): boolean;
}

export function createAlarm(clock: Clock): Alarm {
  let cancel: (() => void) | undefined;
  return {
    set(milliseconds, work) {
      cancel?.();
      cancel = clock.after(Math.max(0, milliseconds), () => {
        cancel = undefined;
        work();
      });
    },
    clear() {
      cancel?.();
      cancel = undefined;
    },
    isSet: () => cancel !== undefined,
  };
}
