/** The served pages: the list of runs, and one run with its progress or its reports. */
import { verdictOrder } from '../../harness/engine/outcome.ts';
import { document } from '../html/document.ts';
import { html, type Markup } from '../html/markup.ts';
import { badge } from '../html/parts.ts';
import { statusMeanings } from '../text/summary.ts';
import { isUnderWay, type ListedDevice, type ListedRun } from './runs.ts';

const nameOf = ({ device, role }: ListedDevice): Markup =>
  device === undefined
    ? html`unknown device`
    : html`<bdi>${`${device.vendor} ${device.product} ${device.version}`}</bdi> as ${role}`;

function state(listed: ListedDevice): Markup {
  const { totals, incomplete, progress, problem } = listed;
  if (problem !== undefined) return html`<b>cannot be read</b>: ${problem}`;
  if (progress !== undefined)
    return html`${progress.broken ? html`<b>broken off</b>` : html`<b>under way</b>`}: ${progress.done} of ${progress.total} tests`;
  const counts = verdictOrder.filter((verdict) => (totals?.tests[verdict] ?? 0) > 0);
  return html`${statusMeanings[totals?.exitStatus ?? 3]}${incomplete === undefined ? '' : html` (<b>incomplete</b>: ${incomplete})`} ${counts.map((verdict) => html`${badge(verdict)} ${totals?.tests[verdict] ?? 0} `)}`;
}

export const address = (name: string): string => `/runs/${encodeURIComponent(name)}/`;

export function listPage(runs: readonly ListedRun[]): string {
  return document({
    title: 'Runs of dsmip-conformance',
    styles: ['html/page.css', 'serve/serve.css'],
    scripts: [],
    served: true,
    body: html`<header><h1>Runs</h1></header><main>${runs.length === 0 ? html`<p>There are none yet: <code>npx dsmip run</code> makes one.</p>` : ''}
<ul class="runs">${runs.map(
      (run) =>
        html`<li><h2><a href="${address(run.name)}">${run.name}</a>${isUnderWay(run) ? html` <span class="v v-INFO">under way</span>` : ''}</h2><ul>${run.devices.map((device) => html`<li>${nameOf(device)}${device.start === undefined ? '' : html` <small>${device.start.slice(0, 19).replace('T', ' ')} UTC</small>`}<br>${state(device)}</li>`)}</ul></li>`,
    )}</ul></main>`,
  });
}

export function runPage(run: ListedRun, files: readonly string[]): string {
  const isReadable = run.devices.every(({ totals }) => totals !== undefined);
  return document({
    title: `Run ${run.name}`,
    styles: ['html/page.css', 'serve/serve.css'],
    scripts: ['serve/live.js'],
    served: true,
    body: html`<header><p><a href="/">All runs</a></p><h1>${run.name}</h1></header><main data-live="${isReadable ? '' : `${address(run.name)}live`}">
<p id="said" role="status" aria-live="polite"></p>
${run.devices.map(
  (
    device,
    at,
  ) => html`<section class="device" id="device-${at}"><h2>${nameOf(device)}</h2><p class="state">${state(device)}</p>
<progress max="${device.progress?.total ?? 1}" value="${device.progress?.done ?? 1}" aria-label="tests done"${device.progress === undefined ? html` hidden` : ''}></progress>
<ul class="counts"></ul><ul class="failures">${(device.progress?.failures ?? []).map(({ id, clauses }) => html`<li>${badge('FAIL')} ${id} ${clauses.join(' ')}</li>`)}</ul></section>`,
)}
<p id="ready"${isReadable ? '' : html` hidden`}><a href="${address(run.name)}report.html">Open the report</a></p>
${files.length === 0 ? '' : html`<h2>Files</h2><ul class="files">${files.map((file) => html`<li><a href="${address(run.name)}${file.split('/').map(encodeURIComponent).join('/')}">${file}</a></li>`)}</ul>`}</main>`,
  });
}
