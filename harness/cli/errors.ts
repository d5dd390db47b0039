/** The command was used in a way it cannot work; the message says how to mend it. Exit status 64. */
export class UsageError extends Error {
  readonly code = 'USAGE';
}
