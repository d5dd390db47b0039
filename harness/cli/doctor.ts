/** `dsmip doctor`: what this machine needs, one line each, and how to mend what is missing. */
import { preflight } from '../net/index.ts';
import type { Role } from '../vectors/types.ts';
import { UsageError } from './errors.ts';

/** Run the command. Exit status 64 when something is missing. */
export function doctorCommand(): void {
  const checks = preflight();
  for (const { name, ok, problem, mend } of checks) {
    process.stdout.write(
      ok ? `ok       ${name}\n` : `missing  ${name}: ${problem ?? ''}\n         ${mend ?? ''}\n`,
    );
  }
  const missing = checks.filter(({ ok }) => !ok).length;
  process.stdout.write(
    missing === 0 ? 'This machine can run the harness.\n' : `${missing} of ${checks.length} are missing.\n`,
  );
  process.exitCode = missing === 0 ? 0 : 64;
}

/** The same before a run of some suites: throws UsageError with the first thing that is missing and how to mend it. */
export function requireMachine(roles: readonly Role[]): void {
  const hasDhcp = roles.includes('mobile-node') || roles.includes('scenario');
  const missing = preflight().find(({ ok, onlyForDhcp }) => !ok && (onlyForDhcp !== true || hasDhcp));
  if (missing !== undefined)
    throw new UsageError(`${missing.problem ?? missing.name} ${missing.mend ?? ''}`.trim());
}
