/** `dsmip report`: reports of a run made from its folder, at any time after it. */
import { relative } from 'node:path';
import { formats, writeReports } from '../../reports/formats.ts';
import { readRun } from '../../reports/model/run.ts';
import { closest } from '../vectors/closest.ts';
import { UsageError } from './errors.ts';

/** The formats that `--report html,junit` names. Throws UsageError. */
export function formatsOf(given: string): string[] {
  const known = Object.keys(formats);
  const names = given.split(',').filter((name) => name !== '');
  for (const name of names) {
    if (known.includes(name)) continue;
    const meant = closest(name, known);
    throw new UsageError(
      `--report ${name}: there is no such format${meant === undefined ? '' : `; did you mean "${meant}"?`} (there are ${known.join(', ')})`,
    );
  }
  return [...new Set(names)];
}

/** Run the command. Throws ResultsError, CaptureError, FormatUnavailable or UsageError with a sentence for people. */
export async function reportCommand(folder: string, options: { report: string }): Promise<void> {
  const names = formatsOf(options.report);
  for (const file of await writeReports(readRun(folder), names))
    process.stdout.write(`${relative(process.cwd(), file)}\n`);
}
