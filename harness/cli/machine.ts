/** What this machine needs to run the harness. */
import { preflight } from '../net/index.ts';
import type { Role } from '../vectors/types.ts';
import { UsageError } from './errors.ts';

/** `dsmip doctor` without a profile: one line for each thing that is needed. Exit status 64 when something is missing. */
export function machineOnly(json: boolean): void {
  const checks = preflight();
  const missing = checks.filter(({ ok }) => !ok).length;
  if (json) process.stdout.write(`${JSON.stringify({ machine: checks }, null, 2)}\n`);
  else {
    for (const { name, ok, problem, mend } of checks) {
      process.stdout.write(
        ok ? `ok       ${name}\n` : `missing  ${name}: ${problem ?? ''}\n         ${mend ?? ''}\n`,
      );
    }
    process.stdout.write(
      missing === 0 ? 'This machine can run the harness.\n' : `${missing} of ${checks.length} are missing.\n`,
    );
  }
  process.exitCode = missing === 0 ? 0 : 64;
}

/** The same before a run of some suites: throws UsageError with the first thing that is missing and how to mend it. */
export function requireMachine(roles: readonly Role[]): void {
  const hasDhcp = roles.includes('mobile-node') || roles.includes('scenario');
  const missing = preflight().find(({ ok, onlyForDhcp }) => !ok && (onlyForDhcp !== true || hasDhcp));
  if (missing !== undefined)
    throw new UsageError(`${missing.problem ?? missing.name} ${missing.mend ?? ''}`.trim());
}
