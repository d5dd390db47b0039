/** Messages that are one line of JSON each, over any stream. */
import type { Readable } from 'node:stream';

/** Call `each` for every whole line; a last line without its end is dropped: its writer died in the middle of it. */
export function onLines(stream: Readable, each: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') each(line);
  });
}

export const asLine = (message: unknown): string => `${JSON.stringify(message)}\n`;
