/** Writing the deviations each vector was seen to catch into its file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../vectors/load.ts';
import type { TestCase } from '../vectors/types.ts';
import type { Result } from './kill-judge.ts';

/** A condition of the vector language. */
const onlyWhere = (condition: string, name: string): object =>
  Object.fromEntries([
    ['if', condition],
    ['then', [name]],
  ]);

/**
 * For review: what is written here is a claim that has to be understood, not a result.
 */
export function updateKills(results: readonly Result[], tests: readonly TestCase[]): void {
  const seen = new Map<string, Set<string>>();
  // A test that was not applicable where the deviation ran keeps what it says of it.
  const ran = new Map<string, Set<string>>();
  const into = (map: Map<string, Set<string>>, key: string, value: string): void => {
    map.set(key, (map.get(key) ?? new Set()).add(value));
  };
  for (const { job, caught, ran: tried } of results) {
    if (job.deviation === undefined) continue;
    for (const id of caught) into(seen, id, job.deviation);
    for (const id of tried) into(ran, job.deviation, id);
  }
  const kept = (test: TestCase): string[] => test.kills.filter((name) => !ran.get(name)?.has(test.id));
  for (const file of new Set(tests.map((test) => test.file))) {
    const path = join(projectRoot, file);
    const before = readFileSync(path, 'utf8');
    const vector = JSON.parse(before) as {
      [key: string]: unknown;
      cases?: { [key: string]: unknown }[];
    };
    const of = tests.filter((test) => test.file === file);
    const rows = vector.cases ?? [vector];
    for (const row of rows) {
      const group =
        vector.cases === undefined
          ? of
          : of.filter((test) => test.id.slice(0, test.id.indexOf('@')).endsWith(`/${String(row.id)}`));
      const kills: unknown[] = [];
      const names = new Set(group.flatMap((test) => [...(seen.get(test.id) ?? []), ...kept(test)]));
      for (const name of [...names].sort()) {
        const by = group.filter((test) => seen.get(test.id)?.has(name) || kept(test).includes(name));
        if (by.length === group.length) kills.push(name);
        else kills.push(onlyWhere(by.map((test) => `position == '${test.position}'`).join(' or '), name));
      }
      if (kills.length > 0) row.kills = kills;
      else delete row.kills;
    }
    if (vector.cases !== undefined) delete vector.kills;
    // What says the same stays laid out as it is; the rest wants `npm run format`.
    if (JSON.stringify(vector) !== JSON.stringify(JSON.parse(before)))
      writeFileSync(path, `${JSON.stringify(vector, null, 2)}\n`);
  }
}
