/** The evidence of one test: what was judged, side by side with what came; the steps, the ladder, the packets. */
import { type Judgement, type Verdict, verdictOrder } from '../../harness/engine/outcome.ts';
import { evidenceFrames } from '../evidence/frames.ts';
import { ladderOf } from '../evidence/ladder.ts';
import type { ClauseResult, ReadingFacts, Results, TestResult } from '../model/results.ts';
import type { DeviceRun } from '../model/run.ts';
import { evidenceGroups, placeOf, sentBefore } from '../text/finding.ts';
import { reproduceCommand } from '../text/reproduce.ts';
import { visible } from '../text/visible.ts';
import { ladderFigure } from './ladder.ts';
import { html, type Markup } from './markup.ts';
import { type Layouts, packetList } from './packets.ts';

export const badge = (verdict: string): Markup =>
  html`<span class="v v-${verdict.replace(/\W/g, '-')}">${verdict}</span>`;

/** `name` makes the ids of the page unique; `aside`: a capture that could not be read is told instead of its packets. */
export function testEvidence(device: DeviceRun, test: TestResult, name: string, layouts: Layouts): Markup {
  const { results } = device;
  const clauses = new Map(results.clauses.map((clause) => [clause.id, clause]));
  const groups = verdictOrder.flatMap((verdict) =>
    evidenceGroups(test, verdict).map((judgements) => ({ verdict, judgements })),
  );
  return html`${test.reason === undefined ? '' : html`<p class="reason"><b>Reason</b> ${test.reason}</p>`}
${groups.map(({ verdict, judgements }) => judged(results, test, verdict, judgements, clauses, name))}
${stepList(test, name)}
${pictures(device, test, name, layouts)}
<p class="links">${test.capture === undefined ? '' : html`<a href="${encodeURI(device.path + test.capture.file)}">Capture (pcapng)</a> `}<span>Vector ${test.file}</span></p>
<p class="command"><label>Reproduce just this <input readonly value="${reproduceCommand(results, test)}"></label> <button type="button" class="copy">Copy</button></p>`;
}

function pictures(device: DeviceRun, test: TestResult, name: string, layouts: Layouts): Markup {
  try {
    const frames = evidenceFrames(device, test);
    if (frames.length === 0) return html``;
    const figure = ladderFigure(ladderOf(device.results, test, frames), name);
    return html`${figure === undefined ? '' : html`<h4>Ladder</h4>${figure}`}<h4>Packets</h4>${packetList(frames, name, layouts)}`;
  } catch (error) {
    if ((error as { code?: string }).code !== 'BAD_CAPTURE') throw error;
    return html`<p class="reason"><b>No packets</b> ${(error as Error).message}</p>`;
  }
}

function judged(
  results: Results,
  test: TestResult,
  verdict: Verdict,
  judgements: Judgement[],
  clauses: ReadonlyMap<string, ClauseResult>,
  name: string,
): Markup {
  const [first] = judgements;
  if (first === undefined) return html``;
  const sent = sentBefore(test.steps, first.step);
  const { difference, silence, recorded } = first;
  const expected = marked(first.expected, difference?.path, difference?.expected);
  const actual = marked(first.actual, difference?.path, difference?.actual);
  return html`<section class="judged"><h4>${badge(verdict)} ${judgements.map(({ clause }) => html`<a href="#${clauseAnchor(results, clause)}">${clause}</a> `)}<small>${first.step}</small></h4>
<ul class="requires">${judgements.map((judgement) => html`<li>${requirement(judgement, clauses)}</li>`)}</ul>
${sent.length === 0 ? '' : html`<p class="sent"><b>Sent</b> ${sent.map((text) => html`<code>${text}</code> `)}</p>`}
<div class="sides"><div><h5>Expected</h5><ol>${expected}</ol></div><div><h5>Actual</h5><ol>${actual}</ol></div></div>
${difference === undefined ? '' : html`<p class="differs"><b>First difference</b> <code>${difference.path}</code>: expected <code>${difference.expected}</code>, actual <code>${difference.actual}</code></p>`}
${recorded === undefined ? '' : html`<p><b>Recorded</b> ${recorded}</p>`}
${silence === undefined ? '' : html`<p><b>Silence</b> ${silence === 'barrier' ? 'proved by a barrier: a message behind the one under test was answered on the same path' : 'by time alone: no barrier was possible'}</p>`}
${first.frames.length === 0 ? '' : html`<p><b>Frames</b> ${first.frames.map((frame) => html`<a href="#${name}-f${frame}">#${frame}</a> `)}</p>`}
${readingsOf(results, judgements).map(readingNote)}</section>`;
}

/** Lines, the differing field marked in the first that has it. */
function marked(lines: readonly string[], path: string | undefined, value: string | undefined): Markup[] {
  const field =
    path
      ?.split('.')
      .at(-1)
      ?.replace(/\[\d+\]$/, '') ?? '';
  let isDone = path === undefined || value === undefined || value === '';
  return lines.map((line) => {
    const wanted = [`${field} ${value}`, String(value)].find((text) => !isDone && line.includes(text));
    if (wanted === undefined) return html`<li>${line}</li>`;
    isDone = true;
    const at = line.indexOf(wanted);
    return html`<li>${line.slice(0, at)}<mark>${wanted}</mark>${line.slice(at + wanted.length)}</li>`;
  });
}

function requirement(
  { clause: reference, level }: Judgement,
  clauses: ReadonlyMap<string, ClauseResult>,
): string {
  const [id = '', aspect] = reference.split('#');
  const clause = clauses.get(id);
  const requires =
    (aspect === undefined ? undefined : clause?.aspects[aspect]?.requires) ?? clause?.requires ?? '';
  return visible(`${reference} (${level}${clause === undefined ? '' : `; ${placeOf(clause)}`}): ${requires}`);
}

/** The readings that the judgements name, or that their clauses rest on. */
function readingsOf(results: Results, judgements: readonly Judgement[]): ReadingFacts[] {
  const named = judgements.flatMap(({ reading }) => reading ?? []);
  return results.readingFacts.filter(({ id }) => named.includes(id));
}

export function readingNote({ id, problem, reading, inForce, alternatives, where }: ReadingFacts): Markup {
  return html`<details class="reading"><summary>Reading ${id} (${where.join(', ')}): ${inForce === 'settled' ? 'the settled words' : `"${inForce}"`} in force</summary>
<p>${problem}</p><p><b>Settled</b> ${reading}</p>${alternatives.map((one) => html`<p><b>Alternative "${one.name}"${one.name === inForce ? ', in force' : ''}</b> ${one.reading}</p>`)}</details>`;
}

function stepList({ steps }: TestResult, name: string): Markup {
  if (steps.length === 0) return html``;
  return html`<details class="steps"><summary>Steps (${steps.length})</summary><ol>${steps.map(
    ({ step, part, text, ok, frames }) =>
      html`<li class="${ok ? 'ok' : 'broken'}"><b>${step}</b>${part === 'liveness' ? ' (is it there?)' : ''} ${ok ? '' : 'not as expected: '}${text}${frames.map((frame) => html` <a href="#${name}-f${frame}">#${frame}</a>`)}</li>`,
  )}</ol></details>`;
}

/** Where a clause of a device is on the page. */
export const clauseAnchor = ({ role }: Pick<Results, 'role'>, reference: string): string =>
  `c-${role}-${(reference.split('#')[0] ?? '').replace(/\W/g, '-')}`;
