const longestDelay = 0x7fffffff;

/** One timer for each key; none of them keeps the process alive. */
export interface Timers<Key> {
  /** Call back for `key` at an instant of the clock, instead of when it was set to before; never at infinity. */
  set(key: Key, at: number): void;
  clear(key: Key): void;
}

/** `now` is a monotonic clock in milliseconds. What is due is called a little late, or early if it is weeks away. */
export function createTimers<Key>(now: () => number, onDue: (key: Key) => void): Timers<Key> {
  const timers = new Map<Key, NodeJS.Timeout>();

  function clear(key: Key): void {
    clearTimeout(timers.get(key));
    timers.delete(key);
  }

  return {
    set(key, at) {
      clear(key);
      if (at < Number.POSITIVE_INFINITY) {
        const delay = Math.min(Math.max(1, Math.ceil(at - now())), longestDelay);
        const timer = setTimeout(() => {
          timers.delete(key);
          onDue(key);
        }, delay);
        timer.unref();
        timers.set(key, timer);
      }
    },
    clear,
  };
}
