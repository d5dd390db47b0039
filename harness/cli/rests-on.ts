/** Clauses of the draft that cannot hold where Mobile IPv4 itself does not: what failed first is named first. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readResults } from '../../reports/model/read-results.ts';
import type { ClauseResult } from '../../reports/model/results.ts';
import type { Ledger } from '../vectors/ledger.ts';
import { version } from './version.ts';

const amiss = ['FAIL', 'WARN', 'INCONCLUSIVE'];

/** What earlier suites of the run found broken, by clause. Folders without results are passed over: their suite was not finished. */
export function brokenBefore(folders: readonly string[]): Map<string, string> {
  const files = folders.map((folder) => join(folder, 'results.json')).filter((file) => existsSync(file));
  return new Map(
    files
      .flatMap((file) => readResults(file, version()).results.clauses)
      .filter(({ state }) => state.verdict === 'FAIL' || state.verdict === 'WARN')
      .map(({ id, state }) => [id, state.verdict]),
  );
}

/** A sentence for each clause that did not hold, and rests on one that had not held before. */
export function restsOnFindings(
  ledger: Ledger,
  clauses: readonly Pick<ClauseResult, 'id' | 'state'>[],
  before: ReadonlyMap<string, string>,
): string[] {
  return clauses.flatMap(({ id, state }) => {
    const broken = (ledger.clauses.get(id)?.restsOn ?? []).filter((base) => before.has(base));
    if (broken.length === 0 || !amiss.includes(state.verdict)) return [];
    const first = broken.map((base) => `${base} (${before.get(base)})`).join(', ');
    return [`${id} (${state.verdict}) rests on ${first}, which did not hold before: mend that first`];
  });
}
