/** The matrix as one page that needs nothing else. */

import { document } from '../html/document.ts';
import { html, type Markup } from '../html/markup.ts';
import { badge } from '../html/parts.ts';
import { subjectName } from '../model/results.ts';
import { statusMeanings } from '../text/summary.ts';
import type { Cell, Matrix, Pair, Table } from './collate.ts';

export function matrixPage(matrix: Matrix): string {
  const { tables, pairs, missing } = matrix;
  const devices = tables.reduce((count, { columns }) => count + columns.length, 0);
  const levels = [...new Set(tables.flatMap(({ clauses }) => clauses.map(({ level }) => level)))];
  return document({
    title: `Conformance matrix of ${devices} devices`,
    styles: ['html/page.css', 'matrix/matrix.css'],
    scripts: ['matrix/matrix.js'],
    body: html`<header><h1>Conformance matrix</h1><p>${devices} devices against the clauses of the draft</p></header>
<main>
<form id="filters" aria-label="Filter clauses" hidden><label>Level <select name="level"><option value="">all</option>${levels.map((level) => html`<option>${level}</option>`)}</select></label>
<label>Search <input type="search" name="search"></label> <label><input type="checkbox" name="differ"> only where devices differ</label> <button type="reset">Show all</button> <output id="count" aria-live="polite"></output></form>
${tables.map(deviceTable)}
${pairTable(pairs, tables)}
<section><h2>What is missing for a whole matrix</h2>${missing.length === 0 ? html`<p>Nothing.</p>` : html`<ul>${missing.map((text) => html`<li>${text}</li>`)}</ul>`}</section>
</main>`,
  });
}

const cellMarkup = (cell: Cell | undefined): Markup => {
  if (cell === undefined) return html`<td>not in its results</td>`;
  const { verdict, tests, why, was } = cell;
  return html`<td${why === undefined ? '' : html` title="${why}"`}>${badge(verdict)}${tests === 0 ? '' : html` <small>${tests}</small>`}${was === undefined ? '' : html`<span class="was">was ${was}</span>`}</td>`;
};

function deviceTable({ role, document, vectors, ledger, mode, clauses, columns }: Table, at: number): Markup {
  return html`<section><h2 id="table-${at}">Devices as ${subjectName({ role, document })}</h2><p>Vectors ${vectors}, ledger ${ledger}${mode === '' ? '' : `; ${mode}`}. A number is that of the tests that judged the clause.</p>
<div class="matrix" tabindex="0" role="region" aria-labelledby="table-${at}"><table><thead><tr><th scope="col">Clause</th><th scope="col">Level</th><th scope="col">Requires</th>${columns.map(({ name, start, exitStatus }) => html`<th scope="col"><bdi>${name}</bdi> <small>${start.slice(0, 10)}: ${statusMeanings[exitStatus]}</small></th>`)}</tr></thead>
<tbody>${clauses.map(({ id, level, requires }) => {
    const cells = columns.map((column) => column.cells.get(id));
    const differ = new Set(cells.map((cell) => cell?.verdict)).size > 1;
    return html`<tr data-level="${level}" data-differ="${differ ? 1 : 0}"><th scope="row">${id}</th><td>${level}</td><td class="requires">${requires}</td>${cells.map(cellMarkup)}</tr>
`;
  })}</tbody></table></div></section>`;
}

function pairTable(pairs: readonly Pair[], tables: readonly Table[]): Markup {
  if (pairs.length === 0) return html``;
  const alone = (role: string): string[] =>
    tables.filter((table) => table.role === role).flatMap(({ columns }) => columns.map(({ name }) => name));
  const homeAgents = [
    ...new Set([...pairs.map(({ homeAgent }) => homeAgent), ...alone('home-agent')]),
  ].sort();
  const foreignAgents = [
    ...new Set([...pairs.map(({ foreignAgent }) => foreignAgent), ...alone('foreign-agent')]),
  ].sort();
  const cell = (homeAgent: string, foreignAgent: string): Markup => {
    const own = pairs.filter((pair) => pair.homeAgent === homeAgent && pair.foreignAgent === foreignAgent);
    if (own.length === 0) return html`<td>have not met</td>`;
    return html`<td>${own.map(({ mobileNode, passed, total, exitStatus, vectors }) => html`<p>${badge(exitStatus === 0 ? 'PASS' : exitStatus === 1 ? 'FAIL' : 'INCONCLUSIVE')} ${passed} of ${total} <small>with <bdi>${mobileNode}</bdi>; vectors ${vectors}</small></p>`)}</td>`;
  };
  return html`<section><h2 id="pairs">Home agents against foreign agents, in the scenarios</h2><div class="matrix" tabindex="0" role="region" aria-labelledby="pairs"><table><thead><tr><th scope="col">Home agent</th>${foreignAgents.map((name) => html`<th scope="col"><bdi>${name}</bdi></th>`)}</tr></thead><tbody>${homeAgents.map((homeAgent) => html`<tr data-differ="1"><th scope="row"><bdi>${homeAgent}</bdi></th>${foreignAgents.map((foreignAgent) => cell(homeAgent, foreignAgent))}</tr>`)}</tbody></table></div></section>`;
}
