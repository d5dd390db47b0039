/** What was put back of earlier runs, in sentences. */
import type { Restored } from '../net/index.ts';

/** One line for what was done, one for each thing that could not be. */
export function restoredText({ writer, done, problems }: Restored): string[] {
  const whose = `process ${writer.pid} (${writer.what}, begun ${writer.began}) was killed`;
  return [
    ...(done.length === 0 ? [] : [`${whose}; its changes to links were taken back: ${done.join('; ')}`]),
    ...problems.map(
      (problem) => `${whose}, and of its changes to links one could not be taken back: ${problem}`,
    ),
  ];
}
