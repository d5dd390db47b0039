import { writeSync } from 'node:fs';
import { createStatusFile } from './status.ts';

/** What every agent is, once it serves. */
export interface Agent {
  /** What the agent says of itself, never a key. */
  status(): object;
  /** A line on standard input, for agents that take orders; they say themselves when it is done. */
  order?(line: string): void;
  close(): void;
}

/** What an agent is given to tell of itself. */
export interface Telling {
  /** A line of log; never holds keys. */
  log(event: string, details: object): void;
  /** Its status has changed. */
  changed(): void;
}

export interface ProgramOptions {
  /** Names of deviations, with or without the role. */
  deviations: string[];
  /** Path of a file that is rewritten whenever the status changes. */
  status?: string;
  /** End when standard input ends. */
  exitWithStdin?: boolean;
}

/**
 * Run an agent until SIGTERM or SIGINT. Prints `<name> ready` once it serves; log lines are JSON on standard error; SIGUSR1
 * logs the status. The order `deviate NAME ...` on standard input has it begin anew with other deviations, or with none.
 * Rejects with what `start` throws.
 */
export async function runProgram(
  name: string,
  options: ProgramOptions,
  start: (telling: Telling, deviations: readonly string[]) => Agent,
): Promise<void> {
  const status =
    options.status === undefined ? undefined : createStatusFile(options.status, () => agent.status());
  const telling: Telling = { log, changed: () => status?.changed() };
  let agent = start(telling, options.deviations);
  function obey(line: string): void {
    const [word, ...names] = line.split(' ');
    if (word !== 'deviate') {
      agent.order?.(line);
      return;
    }
    agent.close();
    try {
      agent = start(telling, names);
    } catch (error) {
      log('refused', { message: error instanceof Error ? error.message : String(error) });
      agent = start(telling, []);
      process.stdout.write(`refused ${line}\n`);
      return;
    }
    process.stdout.write(`done ${line}\n`);
  }
  const ended = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
    if (options.exitWithStdin) {
      process.stdin.once('end', resolve).once('error', resolve);
    }
  });
  if (options.exitWithStdin) {
    readOrders(obey);
  }
  process.on('SIGUSR1', () => log('status', agent.status()));
  status?.changed();
  process.stdout.write(`${name} ready\n`);
  await ended;
  agent.close();
  if (options.exitWithStdin) {
    process.stdin.destroy();
  }
  process.exitCode = 0;
}

/** Whole lines of standard input. */
function readOrders(take: (line: string) => void): void {
  let rest = '';
  process.stdin.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      take(line);
    }
  });
}

/** One JSON line on standard error; a reader that has gone away is no reason to end. */
function log(event: string, details: object): void {
  try {
    writeSync(2, `${JSON.stringify({ time: new Date().toISOString(), event, ...details })}\n`);
  } catch {
    // Nobody is listening.
  }
}
