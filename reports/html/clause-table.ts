/** Every clause that binds a device of the run, in the order of the draft: what it asks for and what became of it. */
import { type Verdict, worst } from '../../harness/engine/outcome.ts';
import type { ClauseResult, TestResult } from '../model/results.ts';
import { placeOf } from '../text/finding.ts';
import { plural } from '../text/layout.ts';
import { compareIds } from '../text/summary.ts';
import { html, type Markup } from './markup.ts';
import { anchorOf, badge, clauseAnchor, clauseLink, readingLink, type Subject } from './parts.ts';
import { levelTokens, tokens } from './test-list.ts';

interface Row {
  clause: ClauseResult;
  cells: Map<Subject, ClauseResult>;
}

export function clauseRows(subjects: readonly Subject[]): Row[] {
  const rows = new Map<string, Row>();
  for (const subject of subjects)
    for (const clause of subject.results.clauses) {
      const row = rows.get(clause.id) ?? { clause, cells: new Map<Subject, ClauseResult>() };
      row.cells.set(subject, clause);
      rows.set(clause.id, row);
    }
  return [...rows.values()].sort((a, b) => compareIds(a.clause.id, b.clause.id));
}

type Judged = ReadonlyMap<string, readonly Verdict[]>;

/** Per test and clause, the verdicts of it. */
function judgedBy({ results }: Subject): Judged {
  const found = new Map<string, Verdict[]>();
  for (const { id, judgements } of results.outcomes)
    for (const { clause, verdict } of judgements) {
      const key = `${clause.split('#')[0]} ${id}`;
      found.set(key, [...(found.get(key) ?? []), verdict]);
    }
  return found;
}

function testLinks(
  subject: Subject,
  clause: ClauseResult,
  judged: Judged,
  known: ReadonlyMap<string, TestResult>,
): Markup[] {
  const entries = clause.state.tests.map((id) => ({
    id,
    verdict: worst(judged.get(`${clause.id} ${id}`) ?? []) ?? known.get(id)?.verdict ?? 'PASS',
  }));
  const isQuiet = (verdict: Verdict): boolean => verdict === clause.state.verdict;
  return entries
    .sort((a, b) => Number(b.verdict === 'FAIL') - Number(a.verdict === 'FAIL'))
    .map(
      ({ id, verdict }) =>
        html`<li>${isQuiet(verdict) && verdict !== 'FAIL' && verdict !== 'WARN' ? '' : html`${badge(verdict)} `}<a href="#${anchorOf(subject, id)}">${id}</a></li>`,
    );
}

const named = (title: string, content: Markup | string): Markup => html`<dt>${title}</dt><dd>${content}</dd>`;

function more(
  { clause, cells }: Row,
  lookup: ReadonlyMap<Subject, { judged: Judged; known: ReadonlyMap<string, TestResult> }>,
): Markup {
  const { aspects, readings, governedBy, note, unseen, sources } = clause;
  const tests = [...cells].map(([subject, own]) => {
    const tables = lookup.get(subject);
    return own.state.tests.length === 0 || tables === undefined
      ? ''
      : named(
          `Judged by ${plural(own.state.tests.length, 'test')} of the ${subject.label}`,
          html`<ul class="test-links">${testLinks(subject, own, tables.judged, tables.known)}</ul>`,
        );
  });
  const count = [...cells.values()].reduce((sum, own) => sum + own.state.tests.length, 0);
  const parts = [
    ...tests,
    ...Object.entries(aspects).map(([name, aspect]) =>
      named(
        `Part "${name}"`,
        html`${aspect.requires} ${aspect.level === undefined ? '' : html`<span class="level">${aspect.level}</span>`}`,
      ),
    ),
    readings.length === 0 ? '' : named('Readings', html`${readings.map((id) => html`${readingLink(id)} `)}`),
    governedBy.length === 0
      ? ''
      : named('Carried by', html`${governedBy.map((id) => html`${clauseLink(id)} `)}`),
    sources.length === 0 ? '' : named('Sources', sources.join(', ')),
    note === undefined ? '' : named('Note', note),
    unseen === undefined ? '' : named('Not to be seen', unseen),
  ].filter((part) => part !== '');
  return parts.length === 0
    ? html``
    : html`<details class="more"><summary>${count === 0 ? 'More' : plural(count, 'test')}<span class="unseen"> of clause ${clause.id}</span></summary><dl>${parts}</dl></details>`;
}

function cell(own: ClauseResult | undefined, { label }: Subject): Markup {
  if (own === undefined)
    return html`<td role="cell" class="state none" data-label="${label}"><span class="not-bound" aria-hidden="true">\u2013</span><span class="unseen">does not bind it</span></td>`;
  const { verdict, why } = own.state;
  return html`<td role="cell" class="state" data-label="${label}">${badge(verdict)}${why === undefined ? '' : html`<span class="why">${why}</span>`}</td>`;
}

/** The classes of the ledger in words. */
export const classWords: { readonly [name: string]: string } = {
  T: 'shown by a test',
  TP: 'shown by a test where the device can be set up so',
  O: 'recorded only',
  X: 'not to be seen from outside',
};

export function clauseTable(subjects: readonly Subject[]): Markup {
  const rows = clauseRows(subjects);
  const lookup = new Map(
    subjects.map((subject) => [
      subject,
      { judged: judgedBy(subject), known: new Map(subject.results.outcomes.map((test) => [test.id, test])) },
    ]),
  );
  const body = rows.map((row) => {
    const { clause, cells } = row;
    const states = [...cells].map(([{ key }, { state }]) => `${key}=${state.verdict}`);
    return html`<tr role="row" id="${clauseAnchor(clause.id)}" data-states="${tokens(states)}" data-levels="${tokens(levelTokens(clause.level))}" data-sections="${tokens([clause.section])}">
<th role="rowheader" scope="row"><span class="id">${clause.id}</span></th>
<td role="cell" class="level">${clause.level} <abbr title="${classWords[clause.class] ?? clause.class}">${clause.class}</abbr></td>
<td role="cell" class="what"><p>${clause.requires}</p><p class="place">${placeOf(clause)}</p>${more(row, lookup)}</td>
${subjects.map((subject) => cell(cells.get(subject), subject))}</tr>
`;
  });
  return html`<section id="clauses" aria-labelledby="clauses-title"><h2 id="clauses-title">Clauses, in the order of the draft</h2>
<table role="table" class="clauses" aria-labelledby="clauses-title"><thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Clause</th><th role="columnheader" scope="col">Level, class</th><th role="columnheader" scope="col">What it requires</th>${subjects.map(({ label }) => html`<th role="columnheader" scope="col" class="state">${label}</th>`)}</tr></thead>
<tbody role="rowgroup">${body}</tbody></table></section>`;
}
