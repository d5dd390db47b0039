/** The HTML report: one file that needs nothing else, over every device of a run. */
import { gzipSync } from 'node:zlib';
import { verdictOrder } from '../../harness/engine/outcome.ts';
import { selected } from '../model/clauses.ts';
import type { ClauseResult, Results, TestResult } from '../model/results.ts';
import { exitStatusOf } from '../model/results.ts';
import type { DeviceRun, Run } from '../model/run.ts';
import { placeOf } from '../text/finding.ts';
import { rankWords, statusMeanings } from '../text/summary.ts';
import { visible } from '../text/visible.ts';
import { document } from './document.ts';
import { html, type Markup, verbatim } from './markup.ts';
import { Layouts } from './packets.ts';
import { badge, clauseAnchor, readingNote, testEvidence } from './test.ts';

/** Evidence of so many failures can be read without script, and is printed. */
const mostInline = 40;

/** A test on the page. */
interface Entry {
  device: DeviceRun;
  test: TestResult;
  /** Its anchor. */
  name: string;
}

/** The document. A pure function of the run but for reading its captures. */
export function htmlReport(run: Run): string {
  const entries = run.devices.flatMap((device, at) =>
    device.results.outcomes.map((test, n): Entry => ({ device, test, name: `t${at + 1}-${n + 1}` })),
  );
  const all = run.devices.map(({ results }) => results);
  const layouts = new Layouts();
  const title = `Conformance report: ${all.map(({ device, role }) => visible(`${device.vendor} ${device.product} ${device.version} (${role})`)).join(', ')}`;
  const body = html`<a class="skip" href="#clauses">To the clauses</a>
<header><h1>Conformance report</h1><p>${all[0]?.document ?? ''}, by dsmip-conformance ${visible([...new Set(all.map(({ tool }) => tool))].join(', '))}</p></header>
<main>
${firstScreen(run, entries)}
${filters(all)}
<section id="clauses" aria-labelledby="clauses-title"><h2 id="clauses-title">Clauses, in the order of the draft</h2>
${run.devices.map((device) => clauseList(device, entries))}</section>
<section id="tests" aria-labelledby="tests-title"><h2 id="tests-title">Tests</h2>
${testList(entries, layouts)}</section>
${run.devices.map(({ results }) => claims(results))}
</main>
<footer><p>Every verdict follows from the captures beside this file: <code>npx dsmip rejudge</code> with the folder of the run judges them again.</p></footer>
${layouts.markup()}`;
  return document({
    title,
    styles: ['html/page.css', 'html/evidence.css'],
    scripts: ['html/page.js', 'html/evidence.js'],
    body,
  });
}

function firstScreen({ devices }: Run, entries: readonly Entry[]): Markup {
  const all = devices.map(({ results }) => results);
  const status = exitStatusOf(all);
  return html`<section aria-labelledby="verdict-title"><h2 id="verdict-title" class="status s${status}">${verdictLine(all)}</h2>
${all.map(deviceCard)}
${problems(entries, 'FAIL', 'Failures')}
${problems(entries, 'ERROR', 'Errors of the harness')}
${problems(entries, 'WARN', 'Warnings')}
${problems(entries, 'INCONCLUSIVE', 'Inconclusive')}</section>`;
}

/** The verdict in one line. */
export function verdictLine(all: readonly Results[]): string {
  const status = exitStatusOf(all);
  const sum = (pick: (results: Results) => number): number =>
    all.reduce((count, results) => count + pick(results), 0);
  const total = sum(({ outcomes }) => outcomes.length);
  const failed = sum(({ totals }) => totals.tests.FAIL);
  const open = sum(({ totals }) => totals.tests.INCONCLUSIVE + totals.tests.ERROR);
  const words = statusMeanings[status] ?? '';
  const capital = `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
  if (status === 1) return `FAIL: ${failed} of ${total} tests failed`;
  return status === 2 ? `${capital}: ${open} of ${total} tests are open` : `${capital}: ${total} tests`;
}

function deviceCard(results: Results): Markup {
  const { device, role, seats, profile, start, end, totals, findings, incomplete, notRun, selection } =
    results;
  const notes = [
    ...findings,
    ...(incomplete === undefined
      ? []
      : [`Incomplete: ${incomplete}; ${notRun?.length ?? 0} tests have no outcome`]),
    ...(selected(selection).length === 0
      ? []
      : [
          `Only a selection was run: ${selected(selection)
            .map(([name, value]) => `${name} ${value}`)
            .join(', ')}`,
        ]),
    ...(results.strict ? ['Strict: a broken SHOULD fails'] : []),
    ...Object.entries(results.readings).map(([id, name]) => `Another reading of ${id} is in force: ${name}`),
  ];
  const names = seats === undefined ? [['', device] as const] : Object.entries(seats);
  return html`<article class="device"><h3>${names.map(([seat, one]) => html`${seat === '' ? '' : html`<small>${seat}</small> `}<bdi>${`${one.vendor} ${one.product} ${one.version}`}</bdi> `)}<small>as ${role}</small></h3>
<p class="when">${start.slice(0, 19).replace('T', ' ')} to ${end.slice(11, 19)} UTC; profile <bdi>${profile.file}</bdi></p>
<ul class="tests" aria-label="tests by verdict">${verdictOrder.filter((verdict) => totals.tests[verdict] > 0).map((verdict) => html`<li>${badge(verdict)} ${totals.tests[verdict]}</li>`)}</ul>
<ul class="ranks">${totals.clauses.map((rank) => html`<li class="${rank.failed > 0 ? 'broken' : ''}">${rankWords(rank)}</li>`)}</ul>
${notes.length === 0 ? '' : html`<ul class="beware">${notes.map((note) => html`<li>${note}</li>`)}</ul>`}</article>`;
}

/** Tests that have this verdict among their judgements, each a link to its evidence. */
function problems(
  entries: readonly Entry[],
  verdict: 'FAIL' | 'ERROR' | 'WARN' | 'INCONCLUSIVE',
  title: string,
): Markup {
  const own = entries.filter(
    ({ test }) =>
      test.verdict === verdict ||
      (verdict === 'WARN' && test.judgements.some((one) => one.verdict === verdict)),
  );
  if (own.length === 0) return html``;
  const one = ({ test, name, device: { results } }: Entry): Markup => {
    const broken = [
      ...new Set(
        test.judgements.filter((judgement) => judgement.verdict === verdict).map(({ clause }) => clause),
      ),
    ];
    return html`<li><a href="#${name}">${test.id}</a> ${broken.map((clause) => html`<a class="clause" href="#${clauseAnchor(results, clause)}">${clause}</a> `)}<span>${broken.length === 0 ? (test.reason ?? test.title) : test.title}</span></li>`;
  };
  const shown = own.slice(0, 12);
  const rest = own.slice(12);
  return html`<h3>${title} (${own.length})</h3><ul class="problems">${shown.map(one)}</ul>${rest.length === 0 ? '' : html`<details><summary>and ${rest.length} more</summary><ul class="problems">${rest.map(one)}</ul></details>`}`;
}

function filters(all: readonly Results[]): Markup {
  const clauses = all.flatMap((results) => results.clauses);
  const options = (values: Iterable<string>): Markup[] =>
    [...new Set(values)].map((value) => html`<option>${value}</option>`);
  const select = (name: string, label: string, values: Iterable<string>): Markup =>
    html`<label>${label} <select name="${name}"><option value="">all</option>${options(values)}</select></label>`;
  const verdicts = [...verdictOrder, 'not observed'];
  return html`<form id="filters" role="search" aria-label="Filter clauses and tests" hidden>
${select(
  'role',
  'Role',
  all.map(({ role }) => role),
)}
${select(
  'level',
  'Level',
  clauses.map(({ level }) => level),
)}
${select('verdict', 'Verdict', verdicts)}
${select(
  'section',
  'Section',
  clauses.map(({ section }) => section),
)}
<label>Search <input type="search" name="search" placeholder="press /"></label>
<button type="reset">Show all</button>
<output id="count" aria-live="polite"></output>
</form>`;
}

function clauseList(device: DeviceRun, entries: readonly Entry[]): Markup {
  const { results } = device;
  const names = new Map(
    entries.filter((entry) => entry.device === device).map(({ test, name }) => [test.id, { name, test }]),
  );
  return html`<h3><span class="role">${results.role}</span> <bdi>${results.device.product}</bdi></h3>
${results.clauses.map((clause) => oneClause(results, clause, names))}`;
}

function oneClause(
  results: Results,
  clause: ClauseResult,
  names: ReadonlyMap<string, { name: string; test: TestResult }>,
): Markup {
  const { id, level, section, state, requires, note, unseen, governedBy, readings, aspects } = clause;
  const touching = [...names.values()].filter(
    ({ test }) => test.clauses.includes(id) || state.tests.includes(test.id),
  );
  return html`<details class="row clause" id="${clauseAnchor(results, id)}" data-role="${results.role}" data-level="${level}" data-verdict="${state.verdict}" data-section="${section}"><summary><b>${id}</b> <span class="level">${level}</span> ${badge(state.verdict)} <span class="what">${requires}</span></summary>
<p>${placeOf(clause)}; class ${clause.class}</p>
${state.why === undefined ? '' : html`<p><b>Not judged</b> ${state.why}</p>`}
${Object.entries(aspects).map(([name, aspect]) => html`<p><b>${id}#${name}</b> ${aspect.level ?? level}: ${aspect.requires}</p>`)}
${note === undefined ? '' : html`<p><b>Note</b> ${note}</p>`}
${unseen === undefined ? '' : html`<p><b>Not to be seen from outside</b> ${unseen}</p>`}
${governedBy.length === 0 ? '' : html`<p>Carried by ${governedBy.map((other) => html`<a href="#${clauseAnchor(results, other)}">${other}</a> `)}</p>`}
${results.readingFacts.filter((reading) => readings.includes(reading.id)).map(readingNote)}
${touching.length === 0 ? '' : html`<ul class="behind">${touching.map(({ name, test }) => html`<li><a href="#${name}">${test.id}</a> ${badge(test.verdict)}</li>`)}</ul>`}</details>
`;
}

function testList(entries: readonly Entry[], layouts: Layouts): Markup {
  let inline = 0;
  return html`${entries.map((entry) => {
    const { device, test, name } = entry;
    const { results } = device;
    const levels = new Map(results.clauses.map(({ id, level, section }) => [id, { level, section }]));
    const of = (key: 'level' | 'section'): string =>
      [...new Set(test.clauses.flatMap((id) => levels.get(id)?.[key] ?? []))].join('|');
    const isBroken = test.verdict === 'FAIL' && inline < mostInline;
    if (isBroken) inline += 1;
    const evidence = testEvidence(device, test, name, layouts);
    const body = isBroken
      ? evidence
      : html`<script type="application/gzip" class="stored">${verbatim(gzipSync(String(evidence), { level: 9 }).toString('base64'))}</script><p class="unread">The evidence opens with script; without it, see the capture.</p>`;
    return html`<details class="row test" id="${name}" data-role="${results.role}" data-level="${of('level')}" data-verdict="${test.verdict}" data-section="${of('section')}"><summary>${badge(test.verdict)} <b>${test.id}</b> <span class="what">${test.title}</span></summary>
${body}</details>
`;
  })}`;
}

function claims({
  role,
  ics,
  readingFacts,
  device,
  vectors,
  suite,
  ledger,
  graceNs,
  roundTripsNs,
}: Results): Markup {
  return html`<section class="claims"><h2>What was claimed and how it was judged: <bdi>${device.product}</bdi>, ${role}</h2>
<div class="wide"><table><caption>ICS: what the device claims to implement</caption><thead><tr><th scope="col">Claim</th><th scope="col">Value</th></tr></thead><tbody>${Object.entries(ics).map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${String(value)}</td></tr>`)}</tbody></table></div>
<p>Vectors ${vectors}, all of the role ${suite}, ledger ${ledger}. Round trips before the first test ${roundTripsNs.map((ns) => `${(ns / 1e6).toFixed(2)} ms`).join(', ')}; silences stay open for ${(graceNs / 1e6).toFixed(1)} ms behind a barrier.</p>
<h3>Readings of the draft's open places</h3>${readingFacts.map(readingNote)}</section>`;
}
