/** Commands that build labs run themselves again inside a private world, where they may and where nothing can leak. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { exitOnSignals, isolated } from '../net/index.ts';

/** Marks the inner process: a private world by itself may be somebody else's, whose standard input is nobody's lifeline. */
const innerVariable = 'DSMIP_INNER';

/**
 * True when this process was not in a private world: the same command line was then run in one, and its exit status taken over.
 * False inside it. The inner process ends when this one does, however that comes.
 */
export async function inPrivateWorld(): Promise<boolean> {
  if (process.env[innerVariable] !== undefined) {
    // What it starts is not the inner process.
    delete process.env[innerVariable];
    exitOnSignals();
    process.stdin.once('end', () => process.exit(1)).resume();
    // It has to be heard of, but is nothing to wait for.
    process.stdin.unref?.();
    return false;
  }
  const { command, args } = isolated([process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
  const inner = spawn(command, args, {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, [innerVariable]: '1' },
  });
  const [code] = (await once(inner, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
  return true;
}
