/** Asking the operator at the terminal to do what no command can do. Standard input belongs to the run, so the terminal is opened. */
import { closeSync, openSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { ReadStream, WriteStream } from 'node:tty';
import { harmless } from '../../harness/engine/describe.ts';

/** Somewhere questions are shown and answered. */
export interface Terminal {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

function openDevice(): number | undefined {
  try {
    return openSync('/dev/tty', 'r+');
  } catch {
    return undefined;
  }
}

/** The controlling terminal; undefined where there is none. */
export function openTerminal(): Terminal | undefined {
  const fd = openDevice();
  if (fd === undefined) return undefined;
  // Streams of files would read in a thread that the process waits for in the end, until somebody presses Enter.
  const output = openDevice() as number;
  return { input: new ReadStream(fd), output: new WriteStream(output) };
}

/** Whether there is a terminal to ask at. */
export function hasTerminal(): boolean {
  const fd = openDevice();
  if (fd !== undefined) closeSync(fd);
  return fd !== undefined;
}

/** One question at a time; done when a line comes. Rejects without a terminal, and when it goes away. */
export class Operator {
  private readonly terminal: Terminal | undefined;
  private reader: Interface | undefined;
  private last: Promise<void> = Promise.resolve();

  constructor(terminal: Terminal | undefined) {
    this.terminal = terminal;
  }

  ask(question: string): Promise<void> {
    const { terminal } = this;
    if (terminal === undefined)
      return Promise.reject(new Error('there is no terminal to ask the operator at'));
    this.last = this.last.then(() => this.put(question, terminal));
    return this.last;
  }

  private put(question: string, { input, output }: Terminal): Promise<void> {
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error('the terminal at which the operator was asked is gone'));
      if (this.reader === undefined) {
        this.reader = createInterface({ input });
        // What is wrong with them shows in that no answer comes.
        for (const stream of [input, output]) stream.on('error', () => this.close());
      }
      this.reader.once('close', gone);
      this.reader.once('line', () => {
        this.reader?.off('close', gone);
        resolve();
      });
      output.write(`\n${harmless(question)} - then press Enter: `);
    });
  }

  close(): void {
    this.reader?.close();
  }
}
