/** Steps by which a device is told something, is moved, or used for traffic; and what that traffic has to look like. */
import type { EveryStep, HookStep, MoveStep, Pattern, TransferStep } from '../vectors/types.ts';
import { type Action, HookMissing, type Performed, type PortName, type SeenFrame } from './bench.ts';
import { packetWords, seenWords } from './describe.ts';
import { BodyEnds, Inconclusive } from './endings.ts';
import { type Difference, matchPattern } from './match.ts';
import { type Progress, secondNs } from './progress.ts';

export async function hook(progress: Progress, step: HookStep): Promise<void> {
  await perform(progress, step, { kind: 'hook', name: step.name }, `the device was told: ${step.name}`);
}

export async function move(progress: Progress, step: MoveStep): Promise<void> {
  await perform(progress, step, { kind: 'move', network: step.to }, `the mobile node was moved: ${step.to}`);
}

/** Before a test: the device is made to be as the test needs it. */
export async function tell(progress: Progress, action: Action): Promise<void> {
  try {
    await progress.session.perform(action);
  } catch (error) {
    if (error instanceof HookMissing) throw new Inconclusive(error.message);
    throw error;
  }
}

/** What comes from its beginning on, may have come of it. */
async function perform(
  progress: Progress,
  step: HookStep | MoveStep | TransferStep,
  action: Action,
  words: string,
): Promise<Performed> {
  let performed: Performed;
  try {
    performed = await progress.session.perform(action);
  } catch (error) {
    if (error instanceof HookMissing) throw new Inconclusive(error.message);
    throw error;
  }
  const { beganNs, endedNs, problem } = performed;
  progress.lastSendNs = beganNs;
  if (step.as !== undefined)
    progress.labels.set(step.as, {
      timeNs: beganNs,
      ...(step.kind === 'transfer' ? { transferredNs: endedNs } : {}),
    });
  progress.note(
    step,
    `${words}${problem === undefined ? '' : `: ${problem}`}`,
    problem === undefined,
    beganNs,
    [],
  );
  return performed;
}

/** It is recorded how it went; whose fault it was, its packets tell. */
export async function transfer(progress: Progress, step: TransferStep): Promise<void> {
  const { connection, octets } = step;
  const to = String(progress.context.resolve(step.to, 0));
  const seconds = progress.context.around.timers.transferSeconds;
  const words = `${octets} octets there and back by TCP to ${to}`;
  const { problem } = await perform(
    progress,
    step,
    { kind: 'transfer', connection, to, octets, seconds },
    words,
  );
  if (step.clauses.length === 0) {
    if (problem !== undefined) throw new Inconclusive(`${progress.part} ${step.path}: ${words}: ${problem}`);
    return;
  }
  progress.judge(step, step.clauses, problem === undefined, {
    expected: [`${words} within ${seconds} s`],
    actual: [problem ?? 'they came back'],
    frames: [],
  });
}

/** A transfer's is over shortly after it; other traffic is waited for until there is some, or the time is over. */
async function endOfTraffic(
  progress: Progress,
  step: EveryStep,
  port: PortName,
  traffic: Pattern,
  fromNs: number,
): Promise<number> {
  const { transferredNs } = progress.labels.get(step.since) ?? {};
  if (transferredNs !== undefined) return transferredNs + progress.context.around.graceNs;
  const deadline =
    fromNs + progress.seconds(step.within ?? progress.context.around.timers.replySeconds) * secondNs;
  for (;;) {
    const count = progress.session.frames.length;
    const first = progress.firstThat(
      [port],
      fromNs,
      deadline,
      (frame) => matchPattern(traffic, frame.decoded, progress.tools(frame, undefined)).ok,
    );
    if (first !== undefined) return Math.max(first.frame.timeNs, progress.lastAnswerNs);
    if (!(await progress.session.more(count, deadline))) return deadline;
  }
}

/** Every packet of some traffic at a place: the first one that is wrong is shown. */
export async function every(progress: Progress, step: EveryStep): Promise<void> {
  const port = progress.context.port(step.at);
  const from = progress.timeOf(step.since);
  const traffic = progress.resolve(step.of);
  const end = await endOfTraffic(progress, step, port, traffic, from);
  await progress.until(end);
  const [check] = step.checks;
  if (check === undefined) return;
  const pattern = progress.resolve(check.pattern);
  const numbers: number[] = [];
  let wrong: { frame: SeenFrame; number: number; difference: Difference } | undefined;
  for (const [index, frame] of progress.session.frames.entries()) {
    if (frame.port !== port || frame.outgoing || frame.timeNs < from || frame.timeNs > end) continue;
    const tools = progress.tools(frame, undefined);
    if (!matchPattern(traffic, frame.decoded, tools).ok) continue;
    numbers.push(index + 1);
    const result = matchPattern(pattern, frame.decoded, tools);
    if (!result.ok) wrong ??= { frame, number: index + 1, difference: result.difference };
  }
  const none = numbers.length === 0;
  if (none && !step.needed) {
    progress.note(step, `at ${port} came no ${packetWords(traffic).join(' / ')}`, true, end, []);
    return;
  }
  if (none && !step.control) progress.missing = true;
  const actual =
    wrong !== undefined
      ? seenWords(wrong.frame.decoded)
      : [none ? 'no packet of this traffic' : `${numbers.length} packets, all of them so`];
  const frames = wrong === undefined ? numbers : [wrong.number];
  const ok = !none && wrong === undefined;
  progress.note(
    step,
    `at ${port} of the traffic ${packetWords(traffic).join(' / ')} came ${actual.join(' / ')}`,
    ok,
    end,
    frames,
  );
  if (step.control) {
    if (ok) return;
    throw new Inconclusive(
      `${progress.part} ${step.path}: expected ${packetWords(pattern).join(' / ')}; came ${actual.join(' / ')}`,
    );
  }
  progress.judge(step, check.clauses, ok, {
    expected: packetWords(pattern),
    actual,
    ...(wrong === undefined ? {} : { difference: wrong.difference }),
    ...(check.reading === undefined ? {} : { reading: check.reading }),
    frames,
  });
  if (!ok) throw new BodyEnds();
}
