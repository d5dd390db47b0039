/** A summary in GitHub's Markdown, for an issue or a pull request: short enough for one, and nothing of a device's words works in it. */
import { type Verdict, verdictOrder } from '../../harness/engine/outcome.ts';
import { type Results, subjectName, type TestResult } from '../model/results.ts';
import type { DeviceRun, Run } from '../model/run.ts';
import { type ClauseTable, clauseTable, evidenceGroups, sentBefore, withoutEmpty } from '../text/finding.ts';
import { plural } from '../text/layout.ts';
import { statusMeanings } from '../text/summary.ts';
import { codeSpan, fenced, prose } from './escape-markdown.ts';
import { deviceName, requirementOf, silenceWords } from './words.ts';

/** GitHub takes 65,536 characters. */
export const mostCharacters = 60_000;
/** Room for the heading of a part and the note on what was left out. */
const reserve = 400;
/** Lines of one packet or list; longer ones are cut. */
const mostLines = 30;

/** A part of what is told of a device: so many of its entries as there is room for. */
interface Part {
  title: string;
  entries: string[];
}

/** The file. */
export function markdownReport({ devices }: Run): string {
  const share = Math.floor(mostCharacters / Math.max(1, devices.length)) - reserve;
  const texts = devices.map((device) => deviceText(device, share));
  const shown: string[] = [];
  let left = mostCharacters - reserve;
  for (const text of texts) {
    left -= text.length + 2;
    if (left > 0) shown.push(text);
  }
  const rest = texts.length - shown.length;
  if (rest > 0) shown.push(`_${plural(rest, 'device')} more, left out here for length._`);
  return `${shown.join('\n\n')}\n`;
}

function deviceText(device: DeviceRun, share: number): string {
  const { results } = device;
  const clauses = clauseTable(results.clauses);
  const parts: Part[] = [
    { title: 'Failures', entries: findings(device, 'FAIL', clauses) },
    { title: 'Errors of the harness', entries: byReason(results, 'ERROR') },
    { title: 'Warnings', entries: findings(device, 'WARN', clauses) },
    { title: 'Inconclusive', entries: byReason(results, 'INCONCLUSIVE') },
    { title: 'Not applicable', entries: byReason(results, 'NOT APPLICABLE') },
  ].filter(({ entries }) => entries.length > 0);
  const pieces = [head(results)];
  let left = share - (pieces[0]?.length ?? 0) - parts.length * reserve;
  for (const { title, entries } of parts) {
    const shown: string[] = [];
    for (const entry of entries) {
      if (entry.length + 2 > left) break;
      left -= entry.length + 2;
      shown.push(entry);
    }
    const rest = entries.length - shown.length;
    const note =
      rest === 0
        ? []
        : [`_${rest} more, left out here for length: summary.txt and results.json have them all._`];
    pieces.push([`### ${title}`, ...shown, ...note].join('\n\n'));
  }
  return pieces.join('\n\n');
}

/** The device, its verdict, the totals, and what the reader has to know of the run. */
function head(results: Results): string {
  const { totals, incomplete, notRun, findings: found } = results;
  const lines = [
    `## ${codeSpan(deviceName(results))} as ${subjectName(results)}`,
    '',
    `**Result: ${statusMeanings[totals.exitStatus]}** (exit status ${totals.exitStatus})`,
    '',
    `- ${codeSpan(results.document)}, judged by dsmip-conformance ${codeSpan(results.tool)}, ${results.start.slice(0, 16).replace('T', ' ')} UTC`,
    `- Profile ${codeSpan(results.profile.file)} (${results.profile.hash}), vectors ${results.vectors}, ledger ${results.ledger}`,
    ...modes(results),
    ...Object.entries(results.seats ?? {})
      .slice(0, 10)
      .map(([seat, device]) => `- ${codeSpan(seat)}: ${codeSpan(deviceName({ device }))}`),
    ...(incomplete === undefined
      ? []
      : [
          `- **Not whole**: ${prose(incomplete, 300)}; ${plural(notRun?.length ?? 0, 'test')} without outcome`,
        ]),
    ...found.slice(0, 5).map((finding) => `- **Beware**: ${prose(finding, 300)}`),
    '',
    '| verdict | tests |',
    '| --- | ---: |',
    ...verdictOrder.map((verdict) => `| ${verdict} | ${totals.tests[verdict]} |`),
    '',
    '| clauses | all | observed | failed | warned | inconclusive | not applicable | not observed |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...totals.clauses.map(
      (rank) =>
        `| ${rank.name} | ${[rank.total, rank.observed, rank.failed, rank.warned, rank.inconclusive, rank.notApplicable, rank.notObserved].join(' | ')} |`,
    ),
  ];
  return lines.join('\n');
}

/** How the run differs from an ordinary one. */
function modes({ strict, selection, readings }: Results): string[] {
  const words = [
    ...(strict ? ['strict'] : []),
    ...Object.entries(readings).map(([id, name]) => `reading ${codeSpan(`${id} ${name}`, 80)}`),
    ...Object.entries(selection).map(([name, value]) => `only ${codeSpan(`${name} ${value}`, 80)}`),
  ];
  return words.length === 0 ? [] : [`- ${words.slice(0, 20).join(', ')}`];
}

/** Tests with judgements of a verdict, an entry each. */
function findings(device: DeviceRun, verdict: Verdict, clauses: ClauseTable): string[] {
  return device.results.outcomes
    .filter(
      (outcome) =>
        outcome.verdict === verdict || outcome.judgements.some((judgement) => judgement.verdict === verdict),
    )
    .map((outcome) => finding(outcome, verdict, clauses, device.path));
}

function finding(outcome: TestResult, verdict: Verdict, clauses: ClauseTable, path: string): string {
  const groups = evidenceGroups(outcome, verdict);
  return [
    `#### ${verdict} ${codeSpan(outcome.id)}`,
    '',
    `Test: ${prose(outcome.title)}`,
    ...groups.flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const { difference, silence, frames, step } = first;
      const { capture } = outcome;
      return [
        '',
        ...group.map((judgement) => {
          const { name, level, place, requires } = requirementOf(judgement, clauses);
          const reading = judgement.reading === undefined ? '' : `; reading ${codeSpan(judgement.reading)}`;
          return `- ${codeSpan(name)} (${prose(level)}; ${prose(place)}${reading}): ${prose(requires)}`;
        }),
        '',
        ...fenced([
          ...behind('Sent:     ', sentBefore(outcome.steps, step).map(withoutEmpty)),
          ...behind('Expected: ', first.expected),
          ...behind('Actual:   ', first.actual),
          ...(difference === undefined
            ? []
            : [`Differs:  ${difference.path}: expected ${difference.expected}, actual ${difference.actual}`]),
          ...(silence === undefined ? [] : [`Silence:  ${silenceWords[silence]}`]),
          ...(capture === undefined
            ? []
            : [
                `Capture:  ${path}${capture.file}${frames.length === 0 ? '' : `, frame ${frames.join(', ')}`}`,
              ]),
        ]),
      ];
    }),
  ].join('\n');
}

/** Lines behind a label, no more than a screen. */
function behind(label: string, lines: readonly string[]): string[] {
  const indent = ' '.repeat(label.length);
  const shown = lines.slice(0, mostLines);
  const rest = lines.length - shown.length;
  return [...shown, ...(rest === 0 ? [] : [`(${rest} more lines)`])].map(
    (line, at) => `${at === 0 ? label : indent}${line}`,
  );
}

/** Tests without a judgement, those with the same reason together. */
function byReason(results: Results, verdict: Verdict): string[] {
  const reasons = new Map<string, string[]>();
  for (const outcome of results.outcomes) {
    if (outcome.verdict !== verdict) continue;
    const reason = outcome.reason ?? '';
    reasons.set(reason, [...(reasons.get(reason) ?? []), outcome.id]);
  }
  return [...reasons].map(([reason, ids]) => {
    const shown = ids.slice(0, 5).map((id) => codeSpan(id));
    const rest = ids.length - shown.length;
    return `- ${prose(reason) || 'no reason'} (${plural(ids.length, 'test')}): ${shown.join(', ')}${rest === 0 ? '' : ` and ${rest} more`}`;
  });
}
