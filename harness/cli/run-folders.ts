/** The folders of a run: one, or one for each device that it tested. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ResultsError } from '../../reports/read-results.ts';

/** Those of the folder that hold results.json, itself or below. Throws ResultsError when there are none. */
export function runFoldersOf(folder: string): string[] {
  const holds = (path: string): boolean => existsSync(join(path, 'results.json'));
  if (holds(folder)) return [folder];
  const below = existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [join(folder, entry.name)] : [],
      )
    : [];
  const found = below.filter(holds).sort();
  if (found.length === 0) throw new ResultsError(`${folder} is no folder of a run: it has no results.json`);
  return found;
}
