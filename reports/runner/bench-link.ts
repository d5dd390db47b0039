/** The reporter's end of a run: the bench server as a child process, and the socket at which tests ask for their outcomes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestResult } from '../model/results.ts';
import { asLine, onLines } from './lines.ts';
import type { Answer, Begin, RunEnd, ServerMessage } from './request.ts';

/** A server that is silent for so long hangs: it says that it is alive every half second. */
const longestSilenceMs = 30_000;
/** Setting up the bench may take longer. */
const longestStartMs = 60_000;

export class BenchLink {
  /** Outcomes so far, by test. */
  readonly outcomes = new Map<string, TestResult>();
  begun: Omit<Extract<ServerMessage, { type: 'begin' }>, 'type'> | undefined;
  /** Tests under way, those that began last. */
  running: string[] = [];
  /** Why the server could not do its work, or ended before the work was done. */
  problem: string | undefined;
  /** What the server said when it had written the results. */
  end: RunEnd | undefined;
  readonly ended: Promise<void>;
  onOutcome: (outcome: TestResult) => void = () => {};
  private process: ChildProcess | undefined;
  private readonly sockets: Server;
  private readonly path: string;
  private readonly ask: (question: string) => Promise<void>;
  private readonly asking = new Map<string, Socket[]>();
  private readonly command: readonly string[];
  private readonly begin: Begin;
  private watch: NodeJS.Timeout | undefined;
  private said = '';
  private resolveEnded: () => void = () => {};

  /** Listen at `path`; the server is started by start(). `ask` has the operator do something. */
  constructor(
    command: readonly string[],
    begin: Begin,
    path: string,
    ask: (question: string) => Promise<void>,
  ) {
    this.path = path;
    this.ask = ask;
    this.command = command;
    this.begin = begin;
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
    this.sockets = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      onLines(socket, (id) => this.asked(id, socket));
    });
    this.sockets.listen(path);
    this.sockets.unref();
  }

  /** Start the server with its task, unless the run is over. */
  start(): void {
    if (this.problem !== undefined) return;
    const [program = '', ...args] = this.command;
    // A process group of its own: Ctrl-C in the terminal is for us, and we tell the server what to do about it.
    const server = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.process = server;
    this.watch = setTimeout(() => this.hangs(), longestStartMs);
    server.on('error', (error) => this.done(`the bench cannot be started: ${error.message}`));
    server.on('close', (code, signal) => {
      const how = signal === null ? `with status ${code}` : `by ${signal}`;
      this.done(
        `the bench server ended ${how} before the run was over${this.said === '' ? '' : `: ${lastLines(this.said)}`}`,
      );
    });
    onLines(server.stdout, (line) => this.heard(JSON.parse(line) as ServerMessage));
    server.stderr.on('data', (chunk: Buffer) => {
      this.said = (this.said + chunk.toString('utf8')).slice(-4000);
    });
    // It may die at any time; that it did is told by `close`.
    server.stdin.on('error', () => {});
    server.stdin.write(asLine(this.begin));
  }

  /** There is nothing to start a server for. */
  giveUp(why: string): void {
    if (this.process === undefined) this.done(why);
  }

  /** Process id of the server as seen from here. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** The run ends now; the server writes what it has. The operator may still be asked for something. */
  finish(why: string): void {
    this.giveUp(why);
    this.process?.stdin?.write(asLine({ finish: why }));
  }

  /** The same at once: nobody answers questions any more, or waits for more than the results. */
  abandon(why: string): void {
    this.giveUp(why);
    this.process?.stdin?.end(asLine({ finish: why }));
  }

  /** Take everything away; the server, if it still is there, writes what it has and ends. */
  close(): void {
    clearTimeout(this.watch);
    this.sockets.close();
    rmSync(this.path, { force: true });
    this.process?.stdin?.destroy();
  }

  private done(why: string): void {
    clearTimeout(this.watch);
    if (this.end === undefined) this.problem ??= why;
    this.answerRest();
    this.resolveEnded();
  }

  private hangs(): void {
    this.problem ??= 'the bench server gave no sign of life any more and was ended';
    this.process?.kill('SIGKILL');
  }

  private heard(message: ServerMessage): void {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.hangs(), longestSilenceMs);
    switch (message.type) {
      case 'begin':
        this.begun = message;
        return;
      case 'alive':
        this.running = message.running;
        return;
      case 'problem':
        this.problem = message.message;
        return;
      case 'ask':
        this.ask(message.question).then(
          () => this.process?.stdin?.write(asLine({ done: true })),
          (error: Error) => this.abandon(error.message),
        );
        return;
      case 'end':
        this.end = message;
        return;
      case 'outcome': {
        const { outcome } = message;
        this.outcomes.set(outcome.id, outcome);
        this.onOutcome(outcome);
        for (const socket of this.asking.get(outcome.id) ?? []) this.answer(outcome.id, socket);
        this.asking.delete(outcome.id);
      }
    }
  }

  private asked(id: string, socket: Socket): void {
    if (this.answer(id, socket)) return;
    this.asking.set(id, [...(this.asking.get(id) ?? []), socket]);
  }

  private answer(id: string, socket: Socket): boolean {
    const found = this.answerTo(id);
    if (found === undefined) return false;
    socket.end(asLine(found));
    return true;
  }

  private answerTo(id: string): Answer | undefined {
    const outcome = this.outcomes.get(id);
    if (outcome === undefined) return this.problem === undefined ? undefined : { problem: this.problem };
    const { capture } = outcome;
    return {
      outcome,
      ...(capture === undefined ? {} : { capture: join(this.begun?.folder ?? '', capture.file) }),
    };
  }

  private answerRest(): void {
    this.problem ??= 'the run ended before this test was judged';
    for (const [id, sockets] of this.asking) for (const socket of sockets) this.answer(id, socket);
    this.asking.clear();
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join(' / ');
