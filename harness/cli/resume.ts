/** `dsmip run --resume`: a run that was broken off goes on where it was, as it was asked for. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { PartFacts } from '../../reports/model/results.ts';
import { type Kept, readKept } from '../../reports/runner/journal.ts';
import { type BenchRequest, folderOf, type RunRequest } from '../../reports/runner/request.ts';
import type { RunFacts } from '../bench/surroundings.ts';
import { loadProfile } from '../vectors/profile.ts';
import { suiteOf } from './catalogue.ts';
import { UsageError } from './errors.ts';
import { ledgerHash, measuredIn, profileHash, vectorsHash } from './header.ts';
import { select } from './select.ts';
import { version } from './version.ts';

const requestFile = 'request.json';

/** Leave in the run's folder what it was asked for, until it is whole. No key is in it. */
export function keepRequest(request: RunRequest): void {
  if (request.out !== undefined)
    writeFileSync(join(request.out, requestFile), `${JSON.stringify(request, null, 1)}\n`);
}

/** The run is whole. */
export const dropRequest = (folder: string): void => rmSync(join(folder, requestFile), { force: true });

/** What can be given together with --resume: all else is as the run was asked for. */
const beside = ['resume', 'retry', 'report', 'reporter', 'interactive', 'baseline'];

/**
 * The request of a run that was broken off, and for each of its benches how many tests are left. Throws UsageError when there is nothing
 * to resume, or profile, vectors, ledger or version are not those of then.
 */
export function requestToResume(
  given: string,
  options: object,
): { request: RunRequest; left: ReadonlyMap<BenchRequest, number> } {
  const folder = resolve(given);
  const set = Object.entries(options).find(
    ([name, value]) =>
      !beside.includes(name) && value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  if (set !== undefined)
    throw new UsageError(
      `--resume runs the tests that are left as they were asked for: leave --${set[0]} away`,
    );
  const file = join(folder, requestFile);
  if (!existsSync(file)) throw new UsageError(`--resume ${given}: ${whyNot(folder)}`);
  let stored: RunRequest;
  try {
    stored = JSON.parse(readFileSync(file, 'utf8')) as RunRequest;
  } catch {
    throw new UsageError(`--resume ${given}: ${file} is damaged; begin anew`);
  }
  // It may have been moved.
  const request = { ...stored, out: folder, resumes: true };
  const left = new Map(request.benches.map((bench) => [bench, leftOf(bench, request)]));
  // Where all is judged and nothing written, the results are still to be made.
  const isWritten = request.benches.every((bench) =>
    existsSync(join(folderOf(request, bench) ?? '', 'results.json')),
  );
  if (isWritten && [...left.values()].every((count) => count === 0)) {
    dropRequest(folder);
    throw new UsageError(`--resume ${given}: the run is whole, there is nothing left to run`);
  }
  return { request, left };
}

const whyNot = (folder: string): string => {
  if (!existsSync(folder)) return 'there is no such folder';
  const isWhole = existsSync(join(folder, 'results.json'));
  return isWhole
    ? 'the run is whole, there is nothing left to run'
    : `it has no ${requestFile}, so it is no folder of a run that was broken off`;
};

/** A run that goes on: what is measured anew, and why it had been broken off. */
export const goesOn = (kept: Kept, total: number, facts: RunFacts, now: Date): PartFacts => ({
  ...measuredIn(facts),
  start: now.toISOString(),
  why: kept.why ?? `${total - kept.outcomes.size} of ${total} tests were left`,
  kept: kept.outcomes.size,
});

/** The seam, for whoever reads the report. */
export function seamOf({ start, why, kept, roundTripsNs }: PartFacts, number: number, total: number): string {
  const slowest = Math.max(0, ...roundTripsNs) / 1e6;
  return `the run was broken off after ${kept} of ${total} tests (${why}) and went on at ${start} as part ${number + 1}: the device may not have been as it was before; it then took up to ${slowest.toFixed(1)} ms to answer`;
}

/** How many tests of a bench have no outcome. */
function leftOf(bench: BenchRequest, request: RunRequest): number {
  const { ledger, tests } = suiteOf(bench.suite, request.readings);
  const selected = select(
    tests.filter(({ role }) => role === bench.role),
    ledger,
    request.selection,
  );
  const kept = readKept(folderOf(request, bench) ?? '', version());
  if (kept === undefined) return selected.length;
  checkKept(kept, bench, {
    profile: profileHash(loadProfile(bench.profile)),
    vectors: vectorsHash(selected),
    ledger: ledgerHash(ledger),
  });
  return selected.filter(({ id }) => !kept.outcomes.has(id)).length;
}

/** Outcomes of one profile, of one state of vectors and ledger are one run; others are not. */
function checkKept(
  { header }: Kept,
  { profileName }: BenchRequest,
  now: { profile: string; vectors: string; ledger: string },
): void {
  const other = (what: string): UsageError =>
    new UsageError(
      `${what} since the run was begun, so that its outcomes and new ones are not one run: begin anew`,
    );
  if (header.profile.hash !== now.profile) throw other(`the profile ${profileName} was changed`);
  if (header.vectors !== now.vectors) throw other('the vectors were changed');
  if (header.ledger !== now.ledger) throw other('the ledger was changed');
}
