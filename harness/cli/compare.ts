/** `dsmip diff` and `dsmip baseline`: a run beside an earlier one, and the failures that are known of a device. */
import { existsSync, writeFileSync } from 'node:fs';
import { baselineOf, baselineText } from '../../reports/compare/baseline.ts';
import { compare, comparisonLines, comparisonStatus } from '../../reports/compare/compare.ts';
import { readRun } from '../../reports/model/run.ts';
import { UsageError } from './errors.ts';

/** Run the command. Sets the exit status: 0 no regression, 1 a regression, 2 none, but something is no longer judged. Throws ResultsError. */
export function diffCommand(before: string, after: string, options: { json?: boolean }): void {
  const comparison = compare(readRun(before), readRun(after));
  const text =
    options.json === true
      ? JSON.stringify(comparison, null, 2)
      : comparisonLines(comparison, process.stdout.columns ?? 100).join('\n');
  process.stdout.write(`${text}\n`);
  process.exitCode = comparisonStatus(comparison);
}

/** Run the command. Throws ResultsError or UsageError. */
export function baselineCommand(folder: string, options: { out?: string; force?: boolean }): void {
  const all = readRun(folder).devices.map(({ results }) => results);
  if (new Set(all.map(({ role }) => role)).size < all.length)
    throw new UsageError(`${folder} holds several devices of one role: name the folder of one`);
  const baseline = baselineOf(all);
  const text = baselineText(baseline);
  if (options.out === undefined) {
    process.stdout.write(text);
    return;
  }
  // Notes in it are somebody's work.
  if (existsSync(options.out) && options.force !== true)
    throw new UsageError(`${options.out} is there already: --force writes over it, its notes included`);
  writeFileSync(options.out, text);
  process.stdout.write(`${options.out}: ${baseline.known.length} known failures\n`);
}
