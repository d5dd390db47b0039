/** Reads results.json back, as a file that anybody may have had in hands. */
import { worst } from '../../harness/engine/outcome.ts';
import { problemsOf } from '../../harness/vectors/schema.ts';
import { clauseStates } from './clauses.ts';
import { readRegularFile } from './regular-file.ts';
import { captureFile, hasItsDigest, isRetried, type Results, type TestResult, totalsOf } from './results.ts';

/** The file is not what this version of the program writes; the message says in which way. */
export class ResultsError extends Error {
  readonly code = 'BAD_RESULTS';
}

const format = 'dsmip-conformance results 2';

const isObject = (value: unknown): value is { [key: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function problemOf(value: unknown, text: string, version: string | undefined): string | undefined {
  if (
    !isObject(value) ||
    typeof value.format !== 'string' ||
    !value.format.startsWith('dsmip-conformance results ')
  ) {
    return 'holds no results of dsmip-conformance';
  }
  if (value.format !== format)
    return `has the format ${JSON.stringify(value.format)}, and this version knows "${format}": use the version of the project that wrote it`;
  if (version !== undefined && value.tool !== version)
    return `was written by version ${String(value.tool)}, and this is ${version}: use that version`;
  if (!hasItsDigest(text))
    return 'was changed after it was written, or is cut short: its digest is not that of its content';
  const [problem, ...more] = problemsOf('results.schema.json', value);
  if (problem !== undefined)
    return `does not follow its schema: ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}${more.length === 0 ? '' : ` (and ${more.length} more)`}`;
  return undefined;
}

/** What a test says of itself and cannot be. */
function impossible(
  { id, verdict, judgements, steps, stimuli, capture, part = 0, retry }: TestResult,
  { parts = [] }: Results,
): string | undefined {
  if (worst([verdict, ...judgements.map((judgement) => judgement.verdict)]) !== verdict)
    return 'is said to be better than its judgements';
  if (part > parts.length) return 'is of a part of the run that there is not';
  if (retry !== undefined && !isRetried(verdict))
    return 'is said to have been run again, which such a verdict never is';
  if (capture === undefined) return undefined;
  if (capture.file !== captureFile(id)) return 'names the capture of another test';
  const most = capture.frames;
  const named = [
    ...judgements.flatMap(({ frames }) => frames),
    ...steps.flatMap(({ frames }) => frames),
    ...stimuli.flatMap(({ frame }) => frame ?? []),
  ];
  return named.some((frame) => frame > most) ? 'names frames that its capture has not' : undefined;
}

/** What follows from the outcomes and is another in the file: its clauses or its totals. */
function disagreement(results: Results): string | undefined {
  const ids = new Set(results.outcomes.map(({ id }) => id));
  if (ids.size < results.outcomes.length) return 'has a test twice';
  for (const test of results.outcomes) {
    const problem = impossible(test, results);
    if (problem !== undefined) return `was changed: ${test.id} ${problem}`;
  }
  const states = clauseStates(results);
  const at = states.findIndex(
    (state, n) => JSON.stringify(state) !== JSON.stringify(results.clauses[n]?.state),
  );
  if (at >= 0) return `says of clause ${results.clauses[at]?.id} what does not follow from its tests`;
  if (JSON.stringify(totalsOf(results)) !== JSON.stringify(results.totals))
    return 'has totals that do not follow from its tests';
  return undefined;
}

/**
 * Read and check a results.json; of any version of this program that writes the same format, or of `version` alone. Throws ResultsError
 * with what is wrong.
 */
export function readResults(file: string, version?: string): { results: Results; text: string } {
  let text: string;
  try {
    text = readRegularFile(file).toString('utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ResultsError(
      code === 'ENOENT'
        ? `${file}: there is no such file, so this is no folder of a run`
        : `${file}: cannot be read (${code === 'EINVAL' ? 'it is no regular file' : code})`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ResultsError(`${file} is cut short or was changed by hand: it is not JSON`);
  }
  const problem = problemOf(value, text, version);
  if (problem !== undefined) throw new ResultsError(`${file} ${problem}`);
  const { digest: _digest, ...results } = value as Results & { digest: string };
  const wrong = disagreement(results);
  if (wrong !== undefined) throw new ResultsError(`${file} ${wrong}`);
  return { results, text };
}
