/**
 * What a run has found out so far, a line of JSON for its head and one for each outcome, so that it can be resumed however it ended. The
 * file is taken away when results.json is written.
 */
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ResultsError, readResults } from '../model/read-results.ts';
import type {
  CaptureFacts,
  ClaimFacts,
  ClauseFacts,
  PartFacts,
  ResultsHeader,
  TestResult,
} from '../model/results.ts';

const journalFile = 'journal.jsonl';

interface Head {
  header: ResultsHeader;
  clauses: ClauseFacts[];
  parts: PartFacts[];
  findings: string[];
  /** What the device showed of its claims in the parts before, as far as they ended in good order. */
  observedClaims: ClaimFacts[];
  capture?: CaptureFacts;
}

/** What of a device's run is there already. */
export interface Kept extends Head {
  outcomes: Map<string, TestResult>;
  /** When it ended, if it did in good order. */
  end?: string;
  /** Why it is not whole; undefined when it is. */
  why: string | undefined;
}

/** Written by a run. That it cannot be written disturbs no run: then it cannot be resumed. */
export class Journal {
  private readonly path: string;

  /** Begin it with what was kept of the run before; from then on it stands in the place of results.json. */
  constructor(folder: string, head: Head, kept: Iterable<TestResult>) {
    this.path = join(folder, journalFile);
    const lines = [head, ...kept].map((line) => `${JSON.stringify(line)}\n`);
    this.quietly(() => {
      writeFileSync(`${this.path}.part`, lines.join(''));
      renameSync(`${this.path}.part`, this.path);
      rmSync(join(folder, 'results.json'), { force: true });
    });
  }

  /** The last line of a test counts. */
  outcome(result: TestResult): void {
    this.quietly(() => appendFileSync(this.path, `${JSON.stringify(result)}\n`));
  }

  private quietly(work: () => void): void {
    try {
      work();
    } catch {
      // See above.
    }
  }
}

/** Whether there is one, by which a run can be resumed. */
export const hasJournal = (folder: string): boolean => existsSync(join(folder, journalFile));

/** Results have been written in the place of the journal. */
export const removeJournal = (folder: string): void => rmSync(join(folder, journalFile), { force: true });

/** What is there of a run in a device's folder; undefined when it has not come to its first test. Throws ResultsError. */
export function readKept(folder: string, version: string): Kept | undefined {
  // A journal is the newer one of both: results are written whole, and it is taken away then.
  const path = join(folder, journalFile);
  if (existsSync(path)) return readJournal(path, version);
  const file = join(folder, 'results.json');
  if (!existsSync(file)) return undefined;
  const { results } = readResults(file, version);
  const {
    end,
    incomplete,
    notRun: _notRun,
    totals: _totals,
    outcomes,
    observedClaims = [],
    ...rest
  } = results;
  const { clauses, parts = [], findings, capture, ...header } = rest;
  return {
    header,
    clauses: clauses.map(({ state: _state, ...clause }) => clause),
    parts,
    findings,
    ...(capture === undefined ? {} : { capture }),
    outcomes: new Map(outcomes.map((outcome) => [outcome.id, outcome])),
    observedClaims,
    end,
    why: incomplete,
  };
}

function readJournal(path: string, version: string): Kept {
  // The last line may be half written.
  const [first = '', ...lines] = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  try {
    const head = JSON.parse(first) as Head;
    const { tool } = head.header;
    if (tool !== version)
      throw new ResultsError(
        `${path} was written by version ${tool}, and this is ${version}: use that version`,
      );
    const outcomes = lines.map((line) => JSON.parse(line) as TestResult);
    return {
      ...head,
      outcomes: new Map(outcomes.map((outcome) => [outcome.id, outcome])),
      why: 'it ended without a word',
    };
  } catch (error) {
    if (error instanceof ResultsError) throw error;
    throw new ResultsError(`${path} is damaged: the run cannot be resumed`);
  }
}
