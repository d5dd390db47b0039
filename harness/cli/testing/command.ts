/** Starts the command line as a user does, and waits for conditions with a bound, never for time to pass. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../vectors/load.ts';

const program = join(projectRoot, 'harness/cli/dsmip.mjs');
const boundMs = 90_000;

/** A command under way. */
export interface Started {
  child: ChildProcess;
  output(): string;
  /** How it ended; the signal's name instead of a status. */
  ended: Promise<number | string>;
}

/** Start a program in a process group of its own, so that a signal to the group is a Ctrl-C. */
export function start(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(command, args, {
    cwd: projectRoot,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
  }
  const ended = new Promise<number | string>((resolve) => {
    const timer = setTimeout(() => {
      text += '\n(the test waited no longer)\n';
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, boundMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? signal ?? 'unknown');
    });
  });
  return { child, output: () => text, ended };
}

export const startDsmip = (...args: string[]): Started => start(process.execPath, [program, ...args]);

/** Run a command to its end; a run writes no page unless that is asked for, as it takes its time and is tested elsewhere. */
export async function dsmip(...args: string[]): Promise<{ status: number | string; output: string }> {
  const brief = args[0] === 'run' && !args.includes('--report') ? ['--report', 'text'] : [];
  const started = startDsmip(...args, ...brief);
  const status = await started.ended;
  return { status, output: started.output() };
}

/** Wait until something is so; throws when it does not come to be. */
export async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const deadline = Date.now() + boundMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A process of a run. */
export interface Member {
  pid: number;
  command: string;
}

/** Every process that has `mark`, the folder of a run's report, in its environment: the run's own, inside its private world too. */
export function members(mark: string): Member[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): Member[] => {
      try {
        const environment = readFileSync(`/proc/${name}/environ`, 'utf8');
        if (!environment.includes(mark)) return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return command === '' ? [] : [{ pid: Number(name), command }];
      } catch {
        // It ended while we looked, or is somebody else's.
        return [];
      }
    });
}
