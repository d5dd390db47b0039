/**
 * TAP version 14. While a run goes on it is written outcome by outcome, in the order in which they come; from a folder in the order of
 * the vectors: the same lines, numbered otherwise. The plan stands first, as the tests are known; a run that was broken off ends with
 * `Bail out!`. FAIL, ERROR and INCONCLUSIVE are `not ok`, NOT APPLICABLE is skipped; whatever is not a plain PASS has a diagnostic, whose
 * values are JSON.
 */
import type { Judgement } from '../../harness/engine/outcome.ts';
import { verdictOrder } from '../../harness/engine/outcome.ts';
import { type Results, subjectName, type TestResult } from '../model/results.ts';
import type { Run } from '../model/run.ts';
import { type ClauseTable, clauseTable } from '../text/finding.ts';
import { plural } from '../text/layout.ts';
import { statusMeanings } from '../text/summary.ts';
import { visible } from '../text/visible.ts';
import { deviceName, requirementOf, silenceWords } from './words.ts';

/** Name of the file in a run's folder. */
export const tapFile = 'report.tap';

/** Writes TAP as outcomes come; `write` gets whole lines. */
export class TapWriter {
  private readonly write: (text: string) => void;
  private last = 0;

  constructor(write: (text: string) => void) {
    this.write = write;
  }

  /** Before the first outcome: how many there will be. */
  begin(planned: number): void {
    this.write(`TAP version 14\n1..${planned}${planned === 0 ? ' # SKIP there was no test to run' : ''}\n`);
  }

  /** One outcome; `path` from the run's folder to that of its device. */
  outcome(outcome: TestResult, clauses: ClauseTable, path = ''): void {
    this.last += 1;
    const { verdict, reason = '' } = outcome;
    const ok = verdict !== 'FAIL' && verdict !== 'ERROR' && verdict !== 'INCONCLUSIVE';
    const skip = verdict === 'NOT APPLICABLE' ? ` # SKIP ${escaped(reason)}` : '';
    const line = unopened(`${ok ? 'ok' : 'not ok'} ${this.last} - ${escaped(outcome.id)}${skip}`);
    this.write([line, ...diagnostic(outcome, clauses, path), ''].join('\n'));
  }

  /** After the last outcome: the totals of each device, and why the run is not whole, if it is not. */
  end(results: readonly Results[], problems: readonly string[] = []): void {
    const all = [...results].sort((a, b) => (subjectName(a) < subjectName(b) ? -1 : 1));
    const broken = all.flatMap(({ role, incomplete, notRun }) =>
      incomplete === undefined
        ? []
        : [`${role}: ${incomplete} (${plural(notRun?.length ?? 0, 'test')} without outcome)`],
    );
    const reasons = [...problems, ...broken];
    const lines = all.flatMap(closing);
    if (reasons.length > 0) lines.push(unopened(`Bail out! ${escaped(reasons.join('; '))}`));
    this.write(lines.map((line) => `${line}\n`).join(''));
  }
}

/** The file from a run's folder. */
export function tapReport({ devices }: Run): string {
  const parts: string[] = [];
  const writer = new TapWriter((text) => parts.push(text));
  const all = devices.map(({ results }) => results);
  writer.begin(all.reduce((sum, results) => sum + planned(results), 0));
  for (const { results, path } of devices) {
    const clauses = clauseTable(results.clauses);
    for (const outcome of results.outcomes) writer.outcome(outcome, clauses, path);
  }
  writer.end(all);
  return parts.join('');
}

/** Whether a file that was written while the run went on has its end, or another would be needed. */
export function isWholeTap(text: string, all: readonly Results[]): boolean {
  const parts: string[] = [];
  new TapWriter((part) => parts.push(part)).end(all);
  return text.endsWith(`\n${parts.join('')}`);
}

const planned = ({ outcomes, notRun }: Results): number => outcomes.length + (notRun?.length ?? 0);

/** Totals as comments. */
function closing(results: Results): string[] {
  const { tests, exitStatus } = results.totals;
  const counts = verdictOrder.filter((verdict) => tests[verdict] > 0);
  const words = counts.map((verdict) => `${tests[verdict]} ${verdict}`).join(', ') || 'no test';
  return [
    `# ${subjectName(results)}: ${deviceName(results)}`,
    `# ${subjectName(results)}: ${words}; ${statusMeanings[exitStatus]} (exit status ${exitStatus})`,
    ...results.findings.map((finding) => `# ${subjectName(results)}: beware: ${visible(finding)}`),
  ];
}

/** Text within a line: it cannot leave it, nor begin a directive. */
const escaped = (text: string): string => visible(text).replace(/[\\#]/g, '\\$&');

/** Some readers take a brace at the end for the beginning of a subtest. */
const unopened = (line: string): string => line.replace(/\{\s*$/, '{.');

type Value = string | number | readonly Value[] | { readonly [key: string]: Value | undefined };

function diagnostic(outcome: TestResult, clauses: ClauseTable, path: string): string[] {
  const { verdict, reason, capture } = outcome;
  const telling = outcome.judgements.filter((judgement) => judgement.verdict !== 'PASS');
  if (verdict === 'PASS' || verdict === 'NOT APPLICABLE') return [];
  const value: Value = {
    verdict,
    title: outcome.title,
    reason,
    vector: outcome.file,
    clauses: outcome.clauses,
    capture: capture === undefined ? undefined : `${path}${capture.file}`,
    judgements: telling.length === 0 ? undefined : telling.map((one) => judged(one, clauses)),
  };
  return ['  ---', ...yaml(value, '  '), '  ...'];
}

function judged(judgement: Judgement, clauses: ClauseTable): Value {
  const { difference, recorded, silence, frames, reading } = judgement;
  const { level, place, requires } = requirementOf(judgement, clauses);
  return {
    clause: judgement.clause,
    level,
    verdict: judgement.verdict,
    place,
    requires,
    expected: judgement.expected,
    actual: judgement.actual,
    difference: difference === undefined ? undefined : { ...difference },
    reading,
    recorded,
    silence: silence === undefined ? undefined : silenceWords[silence],
    step: judgement.step,
    frames: frames.length === 0 ? undefined : frames,
  };
}

/** Keys are ours; every value is JSON in one line, which YAML reads as well. */
function yaml(value: { readonly [key: string]: Value | undefined }, indent: string): string[] {
  return Object.entries(value).flatMap(([key, entry]) => {
    if (entry === undefined) return [];
    if (typeof entry !== 'object') return [`${indent}${key}: ${scalar(entry)}`];
    if (!isList(entry)) return [`${indent}${key}:`, ...yaml(entry, `${indent}  `)];
    const scalars = entry.filter((one) => typeof one !== 'object');
    if (scalars.length === entry.length) return [`${indent}${key}: [${scalars.map(scalar).join(', ')}]`];
    const parts = entry.map((one) => yaml(one as { [key: string]: Value }, `${indent}    `));
    return [
      `${indent}${key}:`,
      ...parts.flatMap(([first = '', ...rest]) => [`${indent}  - ${first.trimStart()}`, ...rest]),
    ];
  });
}

const scalar = (value: string | number): string =>
  JSON.stringify(typeof value === 'string' ? visible(value) : value);

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
