/** What is written beside the packets of a capture: which were sent by which step, which were judged and how, and what never came. */
import type { Judgement, Outcome } from '../../harness/engine/outcome.ts';
import { visibleWithin } from '../text/visible.ts';
import { isAside, isMissed } from './asides.ts';

/** Wireshark shows comments of any length; nobody reads them. */
const longestComment = 400;

const differs = ({ difference }: Judgement): string =>
  difference === undefined
    ? ''
    : ` (${difference.path}: expected ${difference.expected}, actual ${difference.actual})`;

/**
 * The comments of a test's capture, by the number of the frame. What was missed is told at the packet that was sent last before it, as
 * pcapng has no place for what is not there.
 */
export function commentsOf(outcome: Outcome): Map<number, string[]> {
  const comments = new Map<number, string[]>();
  const add = (frame: number, text: string): void => {
    const own = comments.get(frame) ?? [];
    const comment = visibleWithin(`${outcome.id}: ${text}`, longestComment);
    if (!own.includes(comment)) comments.set(frame, [...own, comment]);
  };
  const frameAt = new Map(outcome.stimuli.map(({ timeNs, frame }) => [timeNs, frame]));
  const isSend = (text: string): boolean => / sent /.test(text);
  for (const { step, text, timeNs, frames } of outcome.steps) {
    const sent = isSend(text) ? frameAt.get(timeNs) : undefined;
    if (sent !== undefined) add(sent, `sent by ${step}`);
    else for (const frame of frames) add(frame, `${step} expected it`);
  }
  for (const judgement of outcome.judgements) {
    const { clause, step, verdict, frames, silence, input } = judgement;
    if (isMissed(judgement))
      for (const frame of frames) add(frame, `the nearest to what ${step} missed, clause ${clause}`);
    if (input !== undefined)
      for (const frame of frames)
        add(frame, `the input after which ${step} found the device to answer no more`);
    const how = silence === undefined ? 'judged' : 'a silence judged';
    if (frames.length > 0 && !isMissed(judgement)) {
      for (const frame of frames)
        add(frame, `${how} by ${step}, clause ${clause}: ${verdict}${differs(judgement)}`);
      continue;
    }
    const at = outcome.steps.findIndex((record) => record.step === step && !isSend(record.text));
    // What proves that the device is there, or a silence, comes behind the message under test.
    const before = outcome.steps
      .slice(0, at < 0 ? undefined : at)
      .findLast((record) => isSend(record.text) && !isAside(record));
    const frame = before === undefined ? undefined : frameAt.get(before.timeNs);
    if (frame === undefined) continue;
    const what = silence === undefined ? `missed by ${step}` : `silence after it, ${step}`;
    add(frame, `${what}, clause ${clause}: ${verdict}; expected ${judgement.expected.join(' / ')}`);
  }
  return comments;
}
