/** Laying out text for a terminal. */
import type { Verdict } from '../../harness/engine/outcome.ts';

export interface TextOptions {
  /** Columns to fill. */
  width: number;
  colour: boolean;
}

export const plain: TextOptions = { width: 100, colour: false };

const colours: { readonly [verdict in Verdict]: string } = {
  PASS: '32',
  FAIL: '31;1',
  WARN: '33',
  INFO: '36',
  INCONCLUSIVE: '35',
  'NOT APPLICABLE': '2',
  ERROR: '31;7',
};

export function paint(text: string, verdict: Verdict | undefined, { colour }: TextOptions): string {
  return colour && verdict !== undefined ? `\u001b[${colours[verdict]}m${text}\u001b[0m` : text;
}

/** Break at spaces into lines of at most `width`, the first behind `label`, the others indented as far. */
export function labelled(label: string, text: string, width: number): string[] {
  const indent = ' '.repeat(label.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && label.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.map((one, at) => `${at === 0 ? label : indent}${one}`);
}

/** Several lines behind one label. */
export function labelledLines(label: string, texts: readonly string[], width: number): string[] {
  const indent = ' '.repeat(label.length);
  return texts.flatMap((text, at) => labelled(at === 0 ? label : indent, text, width));
}

export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 3))}...`;
}

export const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
