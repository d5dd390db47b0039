/** The renderings of a run: each is made from its results and captures alone, and none counts anything itself. */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Run } from './model/run.ts';
import { summaryOf } from './text/summary.ts';

/** A rendering. */
export interface Format {
  /** Name of the file in the run's folder. */
  file: string;
  /** For `--help`. */
  what: string;
  /** The file's content; undefined and a reason where this machine cannot make it. */
  render(run: Run): string | Uint8Array | Promise<string | Uint8Array>;
}

/** This machine lacks what the format needs; the message says what, and how to mend it. */
export class FormatUnavailable extends Error {
  readonly code = 'FORMAT_UNAVAILABLE';
}

const text: Format = {
  file: 'summary.txt',
  what: 'the summary as the terminal shows it',
  render: ({ devices }) => `${summaryOf(devices.map(({ results }) => results)).join('\n')}\n`,
};

const html: Format = {
  file: 'report.html',
  what: 'the whole report with its evidence, one page that works offline',
  render: async (run) => (await import('./html/report.ts')).htmlReport(run),
};

export const formats: { readonly [name: string]: Format } = { text, html };

/** What a run writes when it is not told otherwise. */
export const standardFormats: readonly string[] = ['text', 'html'];

/** Write reports of a run into its folder, each whole or not at all; returns their paths. Throws FormatUnavailable. */
export async function writeReports(run: Run, names: readonly string[]): Promise<string[]> {
  const written: string[] = [];
  for (const name of names) {
    const format = formats[name];
    if (format === undefined) throw new Error(`there is no format "${name}"`);
    const file = join(run.folder, format.file);
    const content = await format.render(run);
    try {
      writeFileSync(`${file}.part`, content);
      renameSync(`${file}.part`, file);
    } finally {
      if (existsSync(`${file}.part`)) rmSync(`${file}.part`);
    }
    written.push(file);
  }
  return written;
}
