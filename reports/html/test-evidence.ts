/** The evidence of one test: what each clause was judged by, the steps as they went, the packets, and how to see it again. */
import type { Judgement, StepRecord } from '../../harness/engine/outcome.ts';
import { evidenceFrames } from '../evidence/frames.ts';
import { ladderOf } from '../evidence/ladder.ts';
import { CaptureError } from '../evidence/pcapng.ts';
import type { ClauseResult, ReadingFacts, TestResult } from '../model/results.ts';
import { byEvidence, placeOf, sentBefore, silenceWords, withoutEmpty } from '../text/finding.ts';
import { plural } from '../text/layout.ts';
import { quoted, reproduceCommand } from '../text/reproduce.ts';
import { command, judgeAgain } from './commands.ts';
import { comparison } from './comparison.ts';
import { inputOf } from './input.ts';
import { ladderFigure } from './ladder.ts';
import { html, type Markup } from './markup.ts';
import { type Layouts, packetList } from './packets.ts';
import { anchorOf, badge, clauseLink, inForceWords, linkTo, readingLink, type Subject } from './parts.ts';

/** What all evidence of a page is written into. */
export interface Shared {
  layouts: Layouts;
  /** What is wrong with captures. */
  problems: { subject: Subject; message: string }[];
}

/** What evidence refers to. */
export interface Tables {
  clauses: ReadonlyMap<string, ClauseResult>;
  readings: ReadonlyMap<string, ReadingFacts>;
}

export const tablesOf = ({ results }: Subject): Tables => ({
  clauses: new Map(results.clauses.map((clause) => [clause.id, clause])),
  readings: new Map(results.readingFacts.map((facts) => [facts.id, facts])),
});

const mostFrames = 16;

/** Links to packets, which are among the evidence of the test. */
function frameLinks(frames: readonly number[], name: string): Markup {
  const shown = frames.slice(0, mostFrames);
  const left = frames.length - shown.length;
  if (frames.length === 0) return html`no frame`;
  return html`${frames.length === 1 ? 'frame' : 'frames'} ${shown.map((frame, n) => html`${n === 0 ? '' : ', '}<a href="#${name}-f${frame}">${frame}</a>`)}${left === 0 ? '' : ` and ${left} more`}`;
}

function clauseEntry(judgement: Judgement, { clauses }: Tables): Markup {
  const [id = '', aspect] = judgement.clause.split('#');
  const clause = clauses.get(id);
  const part = aspect === undefined ? undefined : clause?.aspects[aspect];
  const requires = part?.requires ?? clause?.requires ?? '';
  return html`<li>${badge(judgement.verdict)} ${clauseLink(id)}${aspect === undefined ? '' : html` <span class="aspect">${aspect}</span>`} <span class="level">${judgement.level}</span> <span class="requires">${requires}</span>${clause === undefined ? '' : html` <span class="place">${placeOf(clause)}</span>`}</li>`;
}

/** A reading in full: what is unclear, what is in force, what else it could be. */
function readingEntry(facts: ReadingFacts, path: string): Markup {
  const own = facts.alternatives.find(({ name }) => name === facts.inForce);
  const others = facts.alternatives.filter((alternative) => alternative !== own);
  const again = (name: string): Markup => judgeAgain(path, ` --reading ${quoted(`${facts.id}=${name}`)}`);
  return html`<div class="reading"><h6>Reading used: ${readingLink(facts.id)}, ${inForceWords(facts)}</h6>
<p>${own?.reading ?? facts.reading}</p>
<dl><dt>What is unclear</dt><dd>${facts.problem}</dd>
${own === undefined ? '' : html`<dt>The settled reading</dt><dd>${facts.reading}${again('settled')}</dd>`}
${others.map(({ name, reading }) => html`<dt>Alternative "${name}"</dt><dd>${reading}${again(name)}</dd>`)}
${facts.alternatives.length === 0 ? html`<dt>Alternatives</dt><dd>None is offered.</dd>` : ''}</dl></div>`;
}

/** Readings that the clauses of a group rest on besides the one named by the judgements. */
function otherReadings(group: readonly Judgement[], { clauses, readings }: Tables): ReadingFacts[] {
  const named = new Set(group.flatMap(({ reading }) => (reading === undefined ? [] : [reading])));
  const ids = group.flatMap(({ clause }) => {
    const [id = '', aspect] = clause.split('#');
    const facts = clauses.get(id);
    return (aspect === undefined ? facts?.readings : facts?.aspects[aspect]?.readings) ?? [];
  });
  return [...new Set(ids)].flatMap((id) => {
    const facts = readings.get(id);
    return facts === undefined || named.has(id) ? [] : [facts];
  });
}

function judgementEntry(group: Judgement[], test: TestResult, subject: Subject, tables: Tables): Markup {
  const [judgement] = group;
  if (judgement === undefined) return html``;
  const sent = sentBefore(test.steps, judgement.step).map(withoutEmpty);
  const name = anchorOf(subject, test.id);
  const readings = [...new Set(group.flatMap(({ reading }) => reading ?? []))];
  const others = otherReadings(group, tables);
  return html`<section class="judgement">
<ul class="judged">${group.map((one) => clauseEntry(one, tables))}</ul>
${sent.length === 0 ? '' : html`<h5>Sent</h5><ul class="lines sent">${sent.map((text) => html`<li>${text}</li>`)}</ul>`}
${comparison(judgement)}${inputOf(judgement)}
${judgement.recorded === undefined ? '' : html`<p><strong>Recorded:</strong> ${judgement.recorded}</p>`}
${judgement.silence === undefined ? '' : html`<p><strong>Silence:</strong> ${silenceWords[judgement.silence]}</p>`}
<p class="where">Step <code>${judgement.step}</code>, ${frameLinks(judgement.frames, name)}</p>
${readings.map((id) => {
  const facts = tables.readings.get(id);
  return facts === undefined
    ? html`<p class="where">Reading used: ${id}</p>`
    : readingEntry(facts, subject.device.path);
})}
${others.length === 0 ? '' : html`<p class="where">Also rests on ${others.map((facts, n) => html`${n === 0 ? '' : ', '}${readingLink(facts.id)} (${inForceWords(facts)})`)}</p>`}
</section>`;
}

const rankOf = (group: readonly Judgement[]): number =>
  group.some(({ verdict }) => verdict === 'FAIL')
    ? 0
    : group.some(({ verdict }) => verdict === 'WARN')
      ? 1
      : 2;

/** What came of running it again; the tests it depends on are a step away. */
function retryOf({ retry }: TestResult, subject: Subject): Markup {
  if (retry === undefined) return html``;
  const { after = [], words } = retry;
  const links = after.map(
    (id, n) => html`${n === 0 ? '' : ', '}<a href="#${anchorOf(subject, id)}"><code>${id}</code></a>`,
  );
  return html`<p><strong>Run again:</strong> ${words}${after.length === 0 ? '' : html` (see ${links})`}</p>`;
}

/** That a test was run when the run had been broken off and was resumed. */
function partOf({ part = 0 }: TestResult, { results }: Subject): Markup {
  const facts = results.parts?.[part - 1];
  if (facts === undefined) return html``;
  return html`<p class="where">Part ${part + 1} of the run, which was resumed at ${facts.start}</p>`;
}

/** What was judged: what was broken first, then in the order of the steps. */
export function judgementsOf(test: TestResult, subject: Subject, tables: Tables): Markup {
  const groups = byEvidence(test.judgements).sort((a, b) => rankOf(a) - rankOf(b));
  return html`<h4>What was judged</h4>
${test.reason === undefined ? '' : html`<p><strong>Reason:</strong> ${test.reason}</p>`}
${retryOf(test, subject)}${partOf(test, subject)}
${groups.length === 0 ? html`<p>No clause was judged.</p>` : groups.map((group) => judgementEntry(group, test, subject, tables))}`;
}

const partWords = {
  preamble: 'Preamble',
  body: 'Body',
  postamble: 'Postamble',
  liveness: 'Whether the device still lives',
} as const;

function stepEntry(step: StepRecord, startNs: number, name: string): Markup {
  const ms = ((step.timeNs - startNs) / 1e6).toFixed(1);
  return html`<li${step.ok ? '' : html` class="broken"`}><span class="step"><code>${step.step}</code> <span class="time">+${ms} ms</span>${step.ok ? '' : html` <strong>not as expected</strong>`}${step.frames.length === 0 ? '' : html` <span class="time">${frameLinks(step.frames, name)}</span>`}</span> <span class="did">${withoutEmpty(step.text)}</span></li>`;
}

/** The steps as they went, each part of the test a list; the body is unfolded. */
function stepsOf({ steps, startNs }: TestResult, name: string): Markup {
  const parts: { part: StepRecord['part']; steps: StepRecord[] }[] = [];
  for (const step of steps) {
    const last = parts.at(-1);
    if (last?.part === step.part) last.steps.push(step);
    else parts.push({ part: step.part, steps: [step] });
  }
  return html`<h4>Steps as they went</h4>${parts.map(({ part, steps: own }) => html`<details${part === 'body' || own.some(({ ok }) => !ok) ? html` open` : ''}><summary>${partWords[part]}: ${plural(own.length, 'step')}</summary><ol class="steps">${own.map((step) => stepEntry(step, startNs, name))}</ol></details>`)}`;
}

/** The packets, drawn and decoded; a sentence in their place where the capture is not the one that was written. */
function packetsOf(test: TestResult, subject: Subject, shared: Shared): [Markup, Markup] {
  if (test.capture === undefined) return [html``, html``];
  const name = anchorOf(subject, test.id);
  try {
    const frames = evidenceFrames(subject.device, test);
    const figure = ladderFigure(ladderOf(subject.results, test, frames), name);
    return [
      figure === undefined ? html`` : html`<h4>Ladder</h4>${figure}`,
      html`<h4>Packets</h4>${packetList(frames, name, shared.layouts)}`,
    ];
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    shared.problems.push({ subject, message: error.message });
    return [html``, html`<h4>Packets</h4><p class="problem">They cannot be shown: ${error.message}</p>`];
  }
}

/** The capture, and the commands that do it again. */
export function againOf(test: TestResult, subject: Subject): Markup {
  const { capture, file } = test;
  return html`<h4>See it again</h4>
${capture === undefined ? '' : html`<p>Capture: <a href="${linkTo(subject, capture.file)}">${capture.file}</a> (${plural(capture.frames, 'frame')}, SHA-256 <code class="hash">${capture.sha256}</code>)</p>`}
<p>Vector: <code>${file}</code></p>
<p>Run just this test:</p>${command(reproduceCommand(subject.results, test))}
<p>Judge the captures of the run again, without the device:</p>${judgeAgain(subject.device.path)}`;
}

/** What is long: ladder, steps, packets. */
export function longEvidence(test: TestResult, subject: Subject, shared: Shared): Markup[] {
  const [figure, list] = packetsOf(test, subject, shared);
  return [figure, test.steps.length === 0 ? html`` : stepsOf(test, anchorOf(subject, test.id)), list];
}
