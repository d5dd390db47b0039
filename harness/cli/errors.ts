/** The command was used in a way it cannot work; the message says how to mend it. Exit status 64. */
export class UsageError extends Error {
  readonly code = 'USAGE';
}

/** Errors whose message says all a person needs; the stack would only hide it. */
const codes = new Set([
  'USAGE',
  'BAD_DATA',
  'BENCH',
  'UNKNOWN_CLAUSE',
  'UNKNOWN_SUITE',
  'BAD_CAPTURE',
  'BAD_RESULTS',
  'BAD_RECORDING',
  'FORMAT_UNAVAILABLE',
  'BAD_BASELINE',
  'SERVE',
  'ERR_UNKNOWN_DEVIATION',
  'ERR_AGENT_CONFIGURATION',
]);

/** True of an error whose message is shown alone; NetErrors are, too, by their name. */
export function isForPeople(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  return (
    error.name === 'NetError' ||
    error.name === 'KernelError' ||
    // A file that cannot be read or written: Node's message names what was tried and the path.
    ('syscall' in error && 'path' in error) ||
    ('code' in error && codes.has(String(error.code)))
  );
}
