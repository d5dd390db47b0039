/**
 * How far a run has come, for whoever looks at its folder: a line of JSON for its beginning and one for each outcome. The file is taken
 * away when results.json is written; one that is left, and has not been touched for a while, is of a run that was broken off.
 */
import { appendFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Outcome, type Verdict, verdictOrder } from '../../harness/engine/outcome.ts';
import { readRegularFile } from '../model/regular-file.ts';
import type { Device } from '../model/results.ts';

const progressFile = 'progress.jsonl';
/** The run touches it more often than this, ms. */
const longestSilenceMs = 15_000;

interface Beginning {
  device: Device;
  role: string;
  start: string;
  total: number;
}
interface Step {
  id: string;
  verdict: Verdict;
  clauses: string[];
}

/** Written by a run. Nothing that goes wrong with it may disturb the run. */
export class ProgressFile {
  private readonly path: string;

  constructor(folder: string, beginning: Beginning) {
    this.path = join(folder, progressFile);
    this.quietly(() => writeFileSync(this.path, `${JSON.stringify(beginning)}\n`));
  }

  outcome({ id, verdict, judgements }: Pick<Outcome, 'id' | 'verdict' | 'judgements'>): void {
    const clauses = [
      ...new Set(judgements.filter((one) => one.verdict === 'FAIL').map(({ clause }) => clause)),
    ];
    const step: Step = { id, verdict, clauses };
    this.quietly(() => appendFileSync(this.path, `${JSON.stringify(step)}\n`));
  }

  /** The run is still there. */
  touch(): void {
    this.quietly(() => utimesSync(this.path, new Date(), new Date()));
  }

  remove(): void {
    this.quietly(() => rmSync(this.path, { force: true }));
  }

  private quietly(work: () => void): void {
    try {
      work();
    } catch {
      // Whoever looks sees less.
    }
  }
}

/** Results have been written in the place of the progress. */
export const removeProgress = (folder: string): void => rmSync(join(folder, progressFile), { force: true });

/** How far a device's tests have come. */
export interface Progressed {
  device: Device;
  role: string;
  start: string;
  total: number;
  done: number;
  counts: { [verdict in Verdict]?: number };
  failures: { id: string; clauses: string[] }[];
  /** Nobody writes it any more. */
  broken: boolean;
}

const isDevice = (value: unknown): value is Device =>
  typeof value === 'object' &&
  value !== null &&
  ['vendor', 'product', 'version'].every(
    (key) => typeof (value as { [key: string]: unknown })[key] === 'string',
  );

const isBeginning = (value: unknown): value is Beginning =>
  typeof value === 'object' &&
  value !== null &&
  'total' in value &&
  typeof value.total === 'number' &&
  'role' in value &&
  typeof value.role === 'string' &&
  'start' in value &&
  typeof value.start === 'string' &&
  'device' in value &&
  isDevice(value.device);

/** The progress in a folder; undefined when there is none that can be read. */
export function readProgress(folder: string, nowMs = Date.now()): Progressed | undefined {
  const path = join(folder, progressFile);
  try {
    const broken = nowMs - statSync(path).mtimeMs > longestSilenceMs;
    const lines = readRegularFile(path).toString('utf8').split('\n');
    // The last one may be half written.
    const [beginning, ...steps] = lines.slice(0, -1).map((line) => JSON.parse(line) as unknown);
    if (!isBeginning(beginning)) return undefined;
    const { device, role, start, total } = beginning;
    const counts: Progressed['counts'] = {};
    const failures: Progressed['failures'] = [];
    for (const step of steps as Partial<Step>[]) {
      const verdict = verdictOrder.find((one) => one === step.verdict);
      if (verdict === undefined) continue;
      counts[verdict] = (counts[verdict] ?? 0) + 1;
      if (verdict === 'FAIL')
        failures.push({
          id: String(step.id),
          clauses: Array.isArray(step.clauses) ? step.clauses.map(String) : [],
        });
    }
    const done = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return { device, role, start, total, done, counts, failures, broken };
  } catch {
    return undefined;
  }
}
