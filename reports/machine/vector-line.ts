/** Where in a vector's file a test judges a clause. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const projectRoot = fileURLToPath(new URL('../../', import.meta.url));
const inside = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)*\.json$/;

/** The path of a vector's file as results name it, if it is one that stays within a folder. */
export const vectorFile = (file: string): string | undefined => (inside.test(file) ? file : undefined);

/** Reads each file once. */
export class VectorLines {
  private readonly files = new Map<string, string[]>();

  /**
   * Line, from 1, at which the test's case or else its body names the clause; else that of its case; else 1. A vector that is not there
   * any more, or is another by now, gives 1.
   */
  lineOf(file: string, test: string, clause?: string): number {
    const lines = this.linesOf(file);
    const [name = ''] = test.split('@');
    const [vector = '', id] = name.split('/');
    const isNamed = (key: string, value: string) => (line: string) =>
      line.trim().startsWith(`"${key}": ${JSON.stringify(value)}`);
    if (!lines.some(isNamed('id', vector))) return 1;
    const from = id === undefined ? -1 : lines.findIndex(isNamed('id', id));
    const names = (line: string): boolean => clause !== undefined && line.includes(JSON.stringify(clause));
    if (from >= 0) {
      const next = lines.findIndex((line, at) => at > from && /^\s*(?:"id"|"preamble"|"body"): /.test(line));
      const own = lines.findIndex((line, at) => at >= from && at < next && names(line));
      if (own >= 0) return own + 1;
    }
    const body = lines.findIndex((line) => /^ {2}"body": /.test(line));
    const inBody = body < 0 ? -1 : lines.findIndex((line, at) => at >= body && names(line));
    return Math.max(0, inBody >= 0 ? inBody : from) + 1;
  }

  private linesOf(file: string): string[] {
    const known = this.files.get(file);
    if (known !== undefined) return known;
    let lines: string[] = [];
    try {
      if (file.startsWith('vectors/') && vectorFile(file) !== undefined)
        lines = readFileSync(`${projectRoot}${file}`, 'utf8').split('\n');
    } catch {
      // It is not there any more.
    }
    this.files.set(file, lines);
    return lines;
  }
}
