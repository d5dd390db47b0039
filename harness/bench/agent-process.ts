/** A reference agent as a child process: started in a namespace, given orders on its standard input. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { projectRoot } from '../vectors/load.ts';
import type { DeviceRole } from '../vectors/types.ts';
import { spawnHere, spawnIn } from './lab.ts';

const startSeconds = 20;
const orderSeconds = 15;
const stopSeconds = 3;
const longestLog = 10_000;

/** Thrown when the device or the bench cannot be set up; the message says what to do. */
export class BenchError extends Error {
  readonly code = 'BENCH';
}

export interface AgentProcess {
  pid: number | undefined;
  /** Lines it wrote, the last ones. */
  log: string[];
  /** Give an order and wait until it says `done <order>`. Rejects with BenchError when it does not. */
  order(line: string): Promise<void>;
  /** Called when it ends without having been stopped. */
  onEnd: (how: string) => void;
  stop(): Promise<void>;
}

export interface AgentOptions {
  role: DeviceRole;
  configuration: string;
  deviations?: readonly string[];
  /** Further arguments of its command line. */
  more?: readonly string[];
}

/** Start an agent, in a namespace or where this program is, and wait until it serves. Rejects with BenchError. */
export async function startAgent(
  namespace: string | undefined,
  { role, configuration, deviations = [], more = [] }: AgentOptions,
): Promise<AgentProcess> {
  const program = join(projectRoot, 'harness/cli/dsmip.mjs');
  const argv = [
    process.execPath,
    program,
    'agent',
    role,
    '--config',
    configuration,
    '--exit-with-stdin',
    ...more,
  ];
  for (const name of deviations) argv.push('--deviate', name);
  const options: SpawnOptions = { stdio: ['pipe', 'pipe', 'pipe'] };
  const child = namespace === undefined ? spawnHere(argv, options) : spawnIn(namespace, argv, options);
  const agent = new Agent(child, role);
  await agent.until(' ready', startSeconds, 'was not ready');
  return agent;
}

class Agent implements AgentProcess {
  readonly log: string[] = [];
  onEnd: (how: string) => void = () => {};
  private readonly child: ChildProcess;
  private readonly role: DeviceRole;
  private closing = false;
  private rest = '';
  private readonly listeners = new Set<(line: string | undefined) => void>();

  constructor(child: ChildProcess, role: DeviceRole) {
    this.child = child;
    this.role = role;
    child.stdout?.on('data', (chunk: Buffer) => this.hear(chunk.toString('utf8')));
    child.stderr?.on('data', (chunk: Buffer) => this.keep(chunk.toString('utf8').split('\n')));
    child.stdin?.on('error', () => {});
    child.once('exit', (code, signal) => {
      for (const listener of this.listeners) listener(undefined);
      if (!this.closing) this.onEnd(signal ?? `exit status ${code}`);
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  async order(line: string): Promise<void> {
    const done = this.until(`done ${line}`, orderSeconds, `did not carry out "${line}"`);
    this.child.stdin?.write(`${line}\n`);
    await done;
  }

  /** Resolves at the first line with this end. */
  until(ending: string, seconds: number, problem: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        finish();
        this.stop().catch(() => {});
        reject(
          new BenchError(`the reference ${this.role} ${problem}${why}:\n${this.log.slice(-12).join('\n')}`),
        );
      };
      const timer = setTimeout(() => fail(` within ${seconds} s`), seconds * 1000);
      const listener = (line: string | undefined): void => {
        if (line === undefined) fail(', it ended');
        else if (line.endsWith(ending)) {
          finish();
          resolve();
        }
      };
      const finish = (): void => {
        clearTimeout(timer);
        this.listeners.delete(listener);
      };
      this.listeners.add(listener);
    });
  }

  async stop(): Promise<void> {
    this.closing = true;
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopSeconds * 1000);
    await ended;
    clearTimeout(timer);
  }

  private hear(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    this.keep(lines);
    for (const line of lines) for (const listener of [...this.listeners]) listener(line);
  }

  private keep(lines: string[]): void {
    for (const line of lines) if (line !== '' && this.log.length < longestLog) this.log.push(line);
  }
}
