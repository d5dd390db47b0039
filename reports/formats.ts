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
  /** The file's content. Throws FormatUnavailable where this machine cannot make it. */
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

const junit: Format = {
  file: 'junit.xml',
  what: 'JUnit XML for continuous integration',
  render: async (run) => (await import('./machine/junit.ts')).junitReport(run),
};

const tap: Format = {
  file: 'report.tap',
  what: 'TAP 14, which grows while a run goes on',
  render: async (run) => (await import('./machine/tap.ts')).tapReport(run),
};

const markdown: Format = {
  file: 'report.md',
  what: 'Markdown for an issue or a pull request',
  render: async (run) => (await import('./machine/markdown.ts')).markdownReport(run),
};

const sarif: Format = {
  file: 'report.sarif',
  what: 'SARIF 2.1.0 for code scanning',
  render: async (run) => (await import('./machine/sarif.ts')).sarifReport(run),
};

const pdf: Format = {
  file: 'report.pdf',
  what: 'the HTML report on paper (needs Chromium)',
  render: async (run) => {
    const { pdfReport } = await import('./machine/pdf.ts');
    return pdfReport(run, String(await html.render(run)));
  },
};

export const formats: { readonly [name: string]: Format } = { text, html, pdf, junit, tap, markdown, sarif };

/** What a run writes when it is not told otherwise. */
export const standardFormats: readonly string[] = ['text', 'html'];

/** What became of the reports of a run. */
export interface Written {
  /** Paths of those that were written. */
  files: string[];
  /** Those that could not be made, and why: FormatUnavailable, CaptureError, or a fault of ours. */
  failures: { format: string; error: unknown }[];
}

/** Write reports of a run into its folder, each whole or not at all; one that cannot be made takes none of the others with it. */
export async function writeReports(run: Run, names: readonly string[]): Promise<Written> {
  const written: Written = { files: [], failures: [] };
  for (const name of names) {
    try {
      written.files.push(await writeReport(run, name));
    } catch (error) {
      written.failures.push({ format: name, error });
    }
  }
  return written;
}

async function writeReport(run: Run, name: string): Promise<string> {
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
  return file;
}
