/** Asking the operator at the terminal to do what no command can do. Standard input belongs to the run, so the terminal is opened. */
import { closeSync, createReadStream, createWriteStream, openSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { harmless } from '../harness/engine/describe.ts';

/** Somewhere questions are shown and answered. */
export interface Terminal {
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

/** Whether there is somebody to ask. */
export function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return false;
  }
}

/** The controlling terminal; undefined where there is none. */
export function openTerminal(): Terminal | undefined {
  try {
    const fd = openSync('/dev/tty', 'r+');
    return { input: createReadStream('', { fd }), output: createWriteStream('', { fd }) };
  } catch {
    return undefined;
  }
}

/** One question at a time; done when a line comes. Without a terminal nothing is ever done. */
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
    this.last = this.last.then(
      () =>
        new Promise((resolve) => {
          this.reader ??= createInterface({ input: terminal.input });
          terminal.output.write(`\n${harmless(question)} - then press Enter: `);
          this.reader.once('line', () => resolve());
        }),
    );
    return this.last;
  }

  close(): void {
    this.reader?.close();
  }
}
