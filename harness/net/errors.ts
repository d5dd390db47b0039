/**
 * A system call that failed. The message says what was being done, the errno name and the system's own words.
 */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  /** errno name, for instance `EPERM`. */
  readonly code: string;

  constructor(doing: string, code: string, words: string, advice?: string) {
    super(`cannot ${doing}: ${code} (${words})${advice === undefined ? '' : `; ${advice}`}`);
    this.code = code;
  }
}

/** A request that this package refuses, or a platform that it cannot run on. */
export class NetError extends Error {
  override readonly name = 'NetError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
