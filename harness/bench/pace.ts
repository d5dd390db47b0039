/** How long to wait for a device: the profile's timers, stretched to the round trips that were measured before the first test. */

import type { SeenFrame } from '../engine/bench.ts';
import { replyIdentification, requestIdentification } from '../engine/frames.ts';
import type { Outcome } from '../engine/outcome.ts';
import type { Profile, Timers } from '../vectors/profile.ts';

/** What the waits of a run follow from. */
export interface Pace {
  timers: Timers;
  /** The longest round trip that was measured, ns. */
  slowestNs: number;
  /** How long after it a message that went unanswered is sent again (RFC 3344 3.6.3: at most once a second). */
  repeatSeconds: number;
}

const secondNs = 1_000_000_000;
/** At most once a second, as the device sees it. */
const standardRepeatSeconds = 1.05;
/** What a device may be slower than at the start, seconds beside the double of what was measured. */
const spareSeconds = 0.5;
/** Shortest lifetime with which a device that answers at once can be seen before and after its end. */
const quickSeconds = 3;
/** Until something has been measured, an answer is waited for so long at least. */
const unknownSeconds = 5;

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

/** The pace of a run; a pure function of what its results say, so that a recorded run is judged again at the same pace. */
export function paceOf(
  { timers, requestsPerSecond }: Pick<Profile, 'timers' | 'requestsPerSecond'>,
  roundTripsNs: readonly number[],
): Pace {
  const slowestNs = Math.max(0, ...roundTripsNs);
  const slowest = slowestNs / secondNs;
  const wait = slowestNs === 0 ? 0 : rounded(2 * slowest + spareSeconds);
  const turn = requestsPerSecond === undefined ? 0 : 1 / requestsPerSecond.perMobileNode + 0.05;
  return {
    timers: {
      ...timers,
      replySeconds: Math.max(timers.replySeconds, wait),
      silenceSeconds: Math.max(timers.silenceSeconds, wait),
      registrationSeconds: Math.max(timers.registrationSeconds, wait),
      // Until it runs out, a registration and two packets are answered, and one more before the end; lifetimes are whole seconds.
      shortLifetimeSeconds: Math.max(timers.shortLifetimeSeconds, quickSeconds + Math.round(4 * slowest)),
    },
    slowestNs,
    // Before its answer has come, a second request of a slow device would only be one more to be answered.
    repeatSeconds: rounded(Math.max(standardRepeatSeconds, turn, 1.5 * slowest + spareSeconds / 2)),
  };
}

/** The timers with which the round trips are measured: how slow the device is, is not known yet. */
export const patientTimers = (timers: Timers): Timers => ({
  ...timers,
  replySeconds: Math.max(timers.replySeconds, unknownSeconds),
});

/** What the profile should say instead, where it was stretched. */
export function paceFindings(profile: Profile, roundTripsNs: readonly number[]): string[] {
  const { timers, slowestNs } = paceOf(profile, roundTripsNs);
  const took = `the device took up to ${(slowestNs / secondNs).toFixed(2)} s to answer at the start`;
  const stretched = (['replySeconds', 'silenceSeconds', 'shortLifetimeSeconds'] as const).filter(
    (name) => timers[name] > profile.timers[name],
  );
  if (!stretched.includes('replySeconds')) return [];
  const each = stretched.map((name) => `${name} ${timers[name]} instead of ${profile.timers[name]}`);
  return [
    `${took}, and ixit.timers of the profile are too short for that: this run took ${each.join(', ')}; write these into the profile`,
  ];
}

/**
 * The round trip of the last registration that was answered in an outcome, ns: from each of its messages to the frame that answered or
 * relayed it, the longest. Of several requests alike, the one that was answered counts, not the last. Undefined when nothing was answered.
 */
export function roundTripOf(outcome: Outcome, frames: readonly SeenFrame[]): number | undefined {
  const answered = outcome.steps.filter((step) => step.ok && step.frames.length > 0);
  const last = answered.at(-1);
  if (last === undefined) return undefined;
  const lowHalfAt = (number: number | undefined): string | undefined => {
    const frame = frames[(number ?? 0) - 1];
    if (frame === undefined) return undefined;
    const identification = replyIdentification(frame.decoded) ?? requestIdentification(frame.decoded);
    return identification?.slice(8);
  };
  const wanted = lowHalfAt(last.frames[0]);
  const legs = answered.flatMap((step) => {
    if (wanted === undefined || lowHalfAt(step.frames[0]) !== wanted) return [];
    const sent = outcome.stimuli.findLast(
      ({ frame, timeNs }) => timeNs <= step.timeNs && lowHalfAt(frame) === wanted,
    );
    return sent === undefined ? [] : [step.timeNs - sent.timeNs];
  });
  if (legs.length > 0) return Math.max(...legs);
  const sent = outcome.stimuli.findLast(({ timeNs }) => timeNs <= last.timeNs);
  return sent === undefined ? undefined : last.timeNs - sent.timeNs;
}
