/** Reads results.json back, as a file that anybody may have had in hands. */
import { readFileSync } from 'node:fs';
import { type Results, resultsText } from './results.ts';

/** The file is not what this version of the program writes; the message says in which way. */
export class ResultsError extends Error {
  readonly code = 'BAD_RESULTS';
}

const texts = ['tool', 'document', 'role', 'vectors', 'ledger', 'originNs', 'seed', 'start', 'end'] as const;
const lists = ['roundTripsNs', 'findings', 'outcomes', 'clauses'] as const;
const objects = ['device', 'ics', 'profile', 'selection', 'readings'] as const;

const isObject = (value: unknown): value is { [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const everywhere = (list: unknown, fits: (entry: unknown) => boolean): boolean =>
  Array.isArray(list) && list.every(fits);

function isOutcome(value: unknown): boolean {
  if (!isObject(value) || typeof value.id !== 'string' || typeof value.verdict !== 'string') return false;
  if (typeof value.startNs !== 'number' || typeof value.endNs !== 'number') return false;
  const stimulus = (one: unknown): boolean =>
    isObject(one) && typeof one.port === 'string' && typeof one.timeNs === 'number';
  return (
    everywhere(value.mobileNodes, (one) => Number.isInteger(one)) &&
    everywhere(value.stimuli, stimulus) &&
    everywhere(value.judgements, isObject) &&
    everywhere(value.steps, isObject) &&
    (value.breakdown === undefined || isObject(value.breakdown))
  );
}

function problemOf(value: unknown, version: string): string | undefined {
  if (
    !isObject(value) ||
    typeof value.format !== 'string' ||
    !value.format.startsWith('dsmip-conformance results ')
  ) {
    return 'holds no results of dsmip-conformance';
  }
  if (value.format !== 'dsmip-conformance results 1')
    return `has the format "${value.format}", which this version does not know`;
  if (value.tool !== version)
    return `was written by version ${String(value.tool)}, and this is ${version}: use that version`;
  const wrong =
    texts.find((name) => typeof value[name] !== 'string') ??
    lists.find((name) => !Array.isArray(value[name])) ??
    objects.find((name) => !isObject(value[name])) ??
    (typeof value.strict === 'boolean' ? undefined : 'strict') ??
    (typeof value.graceNs === 'number' ? undefined : 'graceNs');
  if (wrong !== undefined) return `was changed by hand: "${wrong}" is not what it was`;
  if (!/^\d+$/.test(String(value.originNs))) return 'was changed by hand: "originNs" is no number';
  const at = (value.outcomes as unknown[]).findIndex((one) => !isOutcome(one));
  return at < 0 ? undefined : `was changed by hand: outcome ${at + 1} is not one`;
}

/** Read and check results.json. Throws ResultsError with what is wrong. */
export function readResults(file: string, version: string): { results: Results; text: string } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ResultsError(
      code === 'ENOENT'
        ? `${file}: there is no such file, so this is no folder of a run`
        : `${file}: cannot be read (${code})`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ResultsError(`${file} is cut short or was changed by hand: it is not JSON`);
  }
  const problem = problemOf(value, version);
  if (problem !== undefined) throw new ResultsError(`${file} ${problem}`);
  const results = value as Results;
  if (resultsText(results) !== text)
    throw new ResultsError(`${file} was changed by hand: it is not laid out as it was written`);
  return { results, text };
}
