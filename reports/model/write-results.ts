import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Results, resultsText } from './results.ts';

/** Write results.json into a folder, whole or not at all. */
export function writeResults(folder: string, results: Results): void {
  const file = join(folder, 'results.json');
  writeFileSync(`${file}.part`, resultsText(results));
  renameSync(`${file}.part`, file);
}
