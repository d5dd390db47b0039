/** report.tap while a run goes on: it grows with every outcome. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ClauseFacts, Results, TestResult } from '../model/results.ts';
import { type ClauseTable, clauseTable } from '../text/finding.ts';
import { TapWriter, tapFile } from './tap.ts';

export class TapStream {
  private readonly folder: string;
  private readonly writer: TapWriter;
  private readonly tables = new Map<string, ClauseTable>();
  private broken = false;

  /** Begin the file in a run's folder, for so many tests. A file that cannot be written is given up: no verdict hangs on it. */
  constructor(folder: string, planned: number) {
    this.folder = folder;
    const file = join(folder, tapFile);
    this.writer = new TapWriter((text) => this.attempt(() => appendFileSync(file, text)));
    this.attempt(() => writeFileSync(file, ''));
    this.writer.begin(planned);
  }

  /** One outcome, with the clauses and the folder of its device. */
  outcome(outcome: TestResult, clauses: readonly ClauseFacts[], folder: string): void {
    const table = this.tables.get(folder) ?? clauseTable(clauses);
    this.tables.set(folder, table);
    const path = relative(this.folder, folder);
    this.writer.outcome(outcome, table, path === '' ? '' : `${path}/`);
  }

  /** The run is over. */
  end(all: readonly Results[], problems: readonly string[]): void {
    this.writer.end(all, problems);
  }

  private attempt(write: () => void): void {
    if (this.broken) return;
    try {
      write();
    } catch {
      // It is made anew from the results when the run is over, or that says why not.
      this.broken = true;
    }
  }
}
