import { type Clock, createAlarm } from './clock.ts';
import type { Settings } from './config.ts';

/** Agent solicitations while no agent is heard (RFC 3344 2.4). */
export interface Solicitor {
  start(): void;
  stop(): void;
}

/** RFC 3344 2.4: at least a minute between solicitations in the end. */
const longestIntervalMs = 60_000;

/** `unanswered` is called once after `count` solicitations: another care-of address may be looked for. */
export function createSolicitor(
  settings: Settings,
  clock: Clock,
  solicit: () => void,
  unanswered: () => void,
): Solicitor {
  const alarm = createAlarm(clock);
  const { count, intervalSeconds } = settings.solicitation;
  let sent = 0;

  /** RFC 1256 asks for times that are not the same for all. */
  function wait(milliseconds: number): void {
    alarm.set(milliseconds * (0.95 + Math.random() * 0.1), next);
  }

  function next(): void {
    if (sent === count) {
      unanswered();
      // What `unanswered` found may have ended the search.
      if (!isSearching) {
        return;
      }
    }
    solicit();
    sent += 1;
    const doublings = Math.max(0, sent - count);
    wait(Math.min(intervalSeconds * 1000 * 2 ** Math.min(doublings, 16), longestIntervalMs));
  }

  let isSearching = false;
  return {
    start() {
      isSearching = true;
      sent = 0;
      next();
    },
    stop() {
      isSearching = false;
      alarm.clear();
    },
  };
}
