/** The command that runs one test of a run again. */
import type { Results, TestResult } from '../model/results.ts';

/** For a POSIX shell: what is no plain word stands in single quotes. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** With the profile, the strictness and the readings of the run. */
export function reproduceCommand(results: Results, test: Pick<TestResult, 'id'>): string {
  const words = ['npx', 'dsmip', 'run', '--iut', results.profile.file, '--vector', test.id];
  if (results.strict) words.push('--strict');
  for (const [reading, name] of Object.entries(results.readings))
    words.push('--reading', `${reading}=${name}`);
  return words.map(quoted).join(' ');
}
