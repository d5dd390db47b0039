/** From a profile to a bench with the device on it: the embedded lab with an agent started in it, or links that are there. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../vectors/load.ts';
import type { Profile } from '../vectors/profile.ts';
import { buildLab, spawnIn } from './lab.ts';
import { LiveBench } from './live.ts';

export interface OpenBench {
  bench: LiveBench;
  /** Lines the embedded agent wrote; empty for a device of somebody else's. */
  agentLog: string[];
  /** Process of the embedded agent. */
  agentPid?: number;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Tells labs of one process apart. */
  number?: number;
  /** Deviations of the embedded agent. */
  deviations?: string[];
}

const startSeconds = 20;
const stopSeconds = 3;

/** Thrown when the device or the bench cannot be set up; the message says what to do. */
export class BenchError extends Error {
  readonly code = 'BENCH';
}

/** Set up the bench of a profile. */
export async function openBench(profile: Profile, options: OpenOptions = {}): Promise<OpenBench> {
  const settings = profile.bench;
  if ('ports' in settings) {
    const bench = new LiveBench({ links: settings.ports, extensionTypes: profile.extensionTypes });
    return { bench, agentLog: [], close: async () => bench.close() };
  }
  const lab = buildLab(options.number ?? 1);
  const agentLog: string[] = [];
  let agent: ChildProcess | undefined;
  try {
    agent = startAgent(lab.namespaces.iut, settings.lab, options.deviations ?? [], agentLog);
    await ready(agent, agentLog);
    const bench = new LiveBench({
      links: {
        mn: { namespace: lab.namespaces.mn, device: 'mn0' },
        fa: { namespace: lab.namespaces.fa, device: 'fa0' },
        cn: { namespace: lab.namespaces.cn, device: 'cn0' },
        home: { namespace: lab.namespaces.home, device: 'home0' },
      },
      extensionTypes: profile.extensionTypes,
    });
    const running = agent;
    let closing = false;
    running.once('exit', (code, signal) => {
      if (!closing) bench.interrupt(`the device under test ended (${signal ?? `exit status ${code}`})`);
    });
    return {
      bench,
      agentLog,
      ...(running.pid === undefined ? {} : { agentPid: running.pid }),
      close: async () => {
        closing = true;
        await stop(running);
        bench.close();
        lab.close();
      },
    };
  } catch (error) {
    if (agent !== undefined) await stop(agent);
    lab.close();
    throw error;
  }
}

function startAgent(
  namespace: string,
  lab: { agent: string; configuration: string },
  deviations: string[],
  log: string[],
): ChildProcess {
  const program = join(projectRoot, 'harness/cli/dsmip.mjs');
  const argv = [
    process.execPath,
    program,
    'agent',
    lab.agent,
    '--config',
    lab.configuration,
    '--exit-with-stdin',
  ];
  for (const name of deviations) argv.push('--deviate', name);
  const agent = spawnIn(namespace, argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  const keep = (chunk: Buffer): void => {
    for (const line of chunk.toString('utf8').split('\n'))
      if (line !== '' && log.length < 10_000) log.push(line);
  };
  agent.stdout?.on('data', keep);
  agent.stderr?.on('data', keep);
  return agent;
}

async function ready(agent: ChildProcess, log: string[]): Promise<void> {
  const isReady = (): boolean => log.some((line) => line.endsWith(' ready'));
  const deadline = Date.now() + startSeconds * 1000;
  while (!isReady()) {
    if (agent.exitCode !== null || agent.signalCode !== null) {
      throw new BenchError(`the embedded agent ended before it was ready:\n${log.slice(-12).join('\n')}`);
    }
    if (Date.now() > deadline) {
      throw new BenchError(
        `the embedded agent was not ready within ${startSeconds} s:\n${log.slice(-12).join('\n')}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function stop(agent: ChildProcess): Promise<void> {
  if (agent.exitCode !== null || agent.signalCode !== null) return;
  const ended = once(agent, 'exit');
  agent.kill('SIGTERM');
  const timer = setTimeout(() => agent.kill('SIGKILL'), stopSeconds * 1000);
  await ended;
  clearTimeout(timer);
}
