/** `dsmip report`: reports of a run made from its folder, at any time after it. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { formats, type Written, writeReports } from '../../reports/formats.ts';
import { isWholeTap, tapFile } from '../../reports/machine/tap.ts';
import { type Run, readRun } from '../../reports/model/run.ts';
import { closest } from '../vectors/closest.ts';
import { isForPeople, UsageError } from './errors.ts';

/** The formats that `--report html,junit` names. Throws UsageError. */
export function formatsOf(given: string): string[] {
  const known = Object.keys(formats);
  const list = `there are ${known.join(', ')}`;
  const names = given
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new UsageError(`--report names no format (${list})`);
  for (const [at, name] of names.entries()) {
    if (names.indexOf(name) < at) throw new UsageError(`--report names ${name} twice`);
    if (known.includes(name)) continue;
    const meant = closest(name, known);
    throw new UsageError(
      `--report ${name}: there is no such format${meant === undefined ? '' : `; did you mean "${meant}"?`} (${list})`,
    );
  }
  return names;
}

/**
 * Run the command. What can be made is written; the exit status is 64 when something could not. Throws ResultsError or UsageError with a
 * sentence for people.
 */
export async function reportCommand(folder: string, options: { report: string }): Promise<void> {
  const names = formatsOf(options.report);
  const { files, failures } = await writeReports(readRun(folder), names);
  for (const file of files) process.stdout.write(`${relative(process.cwd(), file)}\n`);
  if (failures.length > 0) process.exitCode = 64;
  tell(failures);
}

/** The reports of a run that has just ended, told below its summary. What cannot be made changes no verdict. */
export async function reportsOfRun(out: string, names: readonly string[]): Promise<void> {
  let run: Run;
  try {
    run = readRun(out);
  } catch (error) {
    tell([{ format: names.join(','), error }]);
    return;
  }
  for (const name of names) {
    const { files, failures } = hasGrown(run, name)
      ? { files: [join(out, tapFile)], failures: [] }
      : await writeReports(run, [name]);
    for (const file of files) {
      const short = relative(process.cwd(), file);
      process.stdout.write(`         ${short.startsWith('..') ? file : short}\n`);
    }
    tell(failures);
  }
}

/** Whether the report was written while the run went on, up to its end: whoever follows it shall not read it twice. */
function hasGrown({ folder, devices }: Run, name: string): boolean {
  const file = join(folder, tapFile);
  return (
    name === 'tap' &&
    existsSync(file) &&
    isWholeTap(
      readFileSync(file, 'utf8'),
      devices.map(({ results }) => results),
    )
  );
}

/** Why reports are not there. */
function tell(failures: Written['failures']): void {
  for (const { format, error } of failures) {
    const words = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      isForPeople(error)
        ? `dsmip: ${words}\n`
        : `dsmip: the report ${format} could not be made, which is a fault of this program: ${words}\n`,
    );
  }
}
