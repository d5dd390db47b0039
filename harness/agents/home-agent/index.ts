import { writeSync } from 'node:fs';
import { resolveDeviations } from '../deviations.ts';
import { startHomeAgent } from './agent.ts';
import { readConfiguration } from './config.ts';
import { createDeviates, type HomeAgentDeviation } from './deviations.ts';
import { createStatusFile } from './status.ts';

export interface RunHomeAgentOptions {
  /** Path of the configuration file. */
  config: string;
  /** Names of deviations, with or without `home-agent/`. */
  deviations: string[];
  /** Path of a file that is rewritten whenever the bindings change. */
  status?: string;
  /** Path of the network namespace to work in; the process's own without it. */
  namespace?: string;
  /** End when standard input ends. */
  exitWithStdin?: boolean;
}

/**
 * Run the reference home agent until SIGTERM or SIGINT. Prints `home agent ready` once it serves; log lines are JSON on
 * standard error. Rejects with a ConfigurationError, an UnknownDeviationError or what the kernel refused.
 */
export async function runHomeAgent(options: RunHomeAgentOptions): Promise<void> {
  const names = resolveDeviations('home-agent', options.deviations) as HomeAgentDeviation[];
  const settings = readConfiguration(options.config);
  const status =
    options.status === undefined ? undefined : createStatusFile(options.status, () => agent.status());
  const agent = startHomeAgent({
    settings,
    deviates: createDeviates(names),
    namespace: options.namespace,
    log,
    changed: () => status?.changed(),
  });
  const ended = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
    if (options.exitWithStdin) {
      process.stdin.once('end', resolve).once('error', resolve).resume();
    }
  });
  process.on('SIGUSR1', () => log('status', agent.status()));
  status?.changed();
  process.stdout.write('home agent ready\n');
  await ended;
  agent.close();
  if (options.exitWithStdin) {
    process.stdin.destroy();
  }
  process.exitCode = 0;
}

/** One JSON line on standard error; a reader that has gone away is no reason to end. */
function log(event: string, details: object): void {
  try {
    writeSync(2, `${JSON.stringify({ time: new Date().toISOString(), event, ...details })}\n`);
  } catch {
    // Nobody is listening.
  }
}
