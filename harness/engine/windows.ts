/** Steps that look at all that comes in a window: silences and records, and what closes the window. */
import type { Pattern, RecordStep, SilenceStep, Step } from '../vectors/types.ts';
import type { SeenFrame } from './bench.ts';
import { packetWords, seenWords } from './describe.ts';
import { BodyEnds, Inconclusive, NotApplicable } from './endings.ts';
import { asksForReply } from './frames.ts';
import { matchPattern } from './match.ts';
import { type Answer, type Progress, secondNs } from './progress.ts';

/** Goes through a step within this one. */
type One = (step: Step) => Promise<void>;

const otherNodes = new WeakMap<readonly Step[], boolean>();

/** Whether steps are those of the second mobile node. */
function needsOther(steps: readonly Step[]): boolean {
  const known = otherNodes.get(steps);
  if (known !== undefined) return known;
  const needs = /"by":"other"|\$\{?other\./.test(JSON.stringify(steps));
  otherNodes.set(steps, needs);
  return needs;
}

export async function silence(progress: Progress, one: One, step: SilenceStep): Promise<void> {
  const ports = progress.context.ports(step.at);
  const port = ports.join(', ');
  const before = progress.stimuli.length;
  const firstAsked = progress.messages.count;
  for (let round = 0; round < (step.stimulus.length > 0 ? 2 : 1); round += 1) {
    for (const inner of step.stimulus) await one(inner);
    // Its answer carries the nonce that the second round needs.
    if (progress.context.replayProtection('mn') === 'nonces')
      await progress.until(progress.lastSendNs + progress.context.around.graceNs);
  }
  const from =
    step.since !== undefined
      ? progress.timeOf(step.since)
      : (progress.stimuli[before]?.timeNs ?? progress.lastSendNs);
  const asked = progress.messages.requestsSince(firstAsked);
  const { end, proof } = await closeWindow(progress, one, step, port);
  if (step.until !== undefined && from > end)
    throw new NotApplicable(
      'what was not to be answered in that time could leave only after it: the bench limits how many requests do',
    );
  await progress.until(end);
  const patterns = step.of.map((pattern) => progress.resolve(pattern));
  const intruder = progress.firstThat(ports, from, end, (frame) =>
    patterns.some(
      (pattern) =>
        (!asksForReply(pattern) ||
          // Where no request is part of the stimulus, no reply at all may come.
          asked.length === 0 ||
          asked.some((one) => progress.messages.isReplyTo(frame, one))) &&
        matchPattern(pattern, frame.decoded, progress.tools(frame, asked.at(-1))).ok,
    ),
  );
  const words = patterns.map((pattern) => `nothing like: ${packetWords(pattern).join(' / ')}`);
  if (intruder !== undefined) progress.taken.add(intruder.number - 1);
  const actual = intruder === undefined ? ['nothing'] : seenWords(intruder.frame.decoded);
  const frames = intruder === undefined ? [] : [intruder.number];
  progress.note(
    step,
    `at ${port} ${intruder === undefined ? `nothing came (proved by ${proof})` : `came ${actual.join(' / ')}`}`,
    intruder === undefined,
    end,
    frames,
  );
  if (step.control) {
    if (intruder !== undefined)
      throw new Inconclusive(
        `${progress.part} ${step.path}: ${words.join('; ')}, but came ${actual.join(' / ')}`,
      );
    return;
  }
  const verdict = progress.judge(step, step.clauses, intruder === undefined, {
    expected: words,
    actual,
    ...(step.reading === undefined ? {} : { reading: step.reading }),
    silence: proof,
    frames,
  });
  if (intruder !== undefined && verdict === 'FAIL') throw new BodyEnds();
}

export async function record(progress: Progress, one: One, step: RecordStep): Promise<void> {
  const port = progress.context.port(step.at);
  let seen = 'nothing';
  let words: string[] = ['nothing'];
  let frames: number[] = [];
  let found: Answer;
  let proof: 'barrier' | 'time' = 'time';
  let end = 0;
  let options: { name: string; pattern: Pattern }[] = [];
  // A packet may have been lost, so "nothing" is recorded only when it came of two rounds.
  for (let round = 0; round < 2 && found === undefined; round += 1) {
    const before = progress.stimuli.length;
    for (const inner of step.stimulus) await one(inner);
    const request = progress.requestOf(step.answers);
    const from =
      step.since !== undefined
        ? progress.timeOf(step.since)
        : (progress.stimuli[before]?.timeNs ?? progress.lastSendNs);
    ({ end, proof } = await closeWindow(progress, one, step, port));
    if (step.until === undefined) await progress.until(end);
    options = Object.entries(step.options).map(([name, pattern]) => ({
      name,
      pattern: progress.resolve(pattern, request?.by),
    }));
    const fits = (frame: SeenFrame): boolean => {
      const option = options.find(
        ({ pattern }) =>
          (!asksForReply(pattern) || request === undefined || progress.messages.isReplyTo(frame, request)) &&
          matchPattern(pattern, frame.decoded, progress.tools(frame, request)).ok,
      );
      if (option !== undefined) seen = option.name;
      return option !== undefined;
    };
    for (;;) {
      const count = progress.session.frames.length;
      found = progress.firstThat([port], from, end, fits);
      // What the device does of its own accord is waited for only until it has been done.
      if (found !== undefined || step.until === undefined || !(await progress.session.more(count, end)))
        break;
    }
    if (found !== undefined && step.until !== undefined) end = found.frame.timeNs;
  }
  if (found !== undefined) {
    progress.taken.add(found.number - 1);
    words = seenWords(found.frame.decoded);
    frames = [found.number];
  }
  progress.note(step, `at ${port} recorded: ${seen}`, true, end, frames);
  progress.judge(step, step.clauses, step.wanted?.includes(seen) ?? true, {
    recorded: seen,
    expected: options.map(({ name, pattern }) => `${name}: ${packetWords(pattern).join(' / ')}`),
    actual: [seen, ...(found === undefined ? [] : words)],
    ...(step.reading === undefined ? {} : { reading: step.reading }),
    ...(found === undefined ? { silence: proof } : {}),
    frames,
  });
}

/** Run a barrier and say when the window behind it closes; without one, or without a second mobile node, time alone does. */
async function closeWindow(
  progress: Progress,
  one: One,
  step: SilenceStep | RecordStep,
  port: string,
): Promise<{ end: number; proof: 'barrier' | 'time' }> {
  const { barrier } = step;
  const { until } = step;
  const linger = step.kind === 'silence' ? step.linger : undefined;
  if (until !== undefined)
    return { end: progress.timeOf(until.since) + progress.seconds(until.seconds) * secondNs, proof: 'time' };
  const soonest = progress.lastSendNs + progress.seconds(linger ?? 0) * secondNs;
  if (barrier.length === 0 || (progress.context.around.other === undefined && needsOther(barrier))) {
    return {
      end: progress.lastSendNs + progress.context.around.timers.silenceSeconds * secondNs,
      proof: 'time',
    };
  }
  const part = progress.part;
  const opened = progress.lastSendNs;
  try {
    for (const inner of barrier) await one(inner);
  } catch (error) {
    if (error instanceof Inconclusive)
      throw new Inconclusive(`the barrier behind a silence at ${port} was not answered: ${error.message}`);
    throw error;
  } finally {
    progress.part = part;
  }
  return {
    end: Math.max(progress.lastAnswerNs + progress.context.around.graceNs, opened, soonest),
    proof: 'barrier',
  };
}
