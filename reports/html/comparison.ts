/** What was expected and what came, side by side: lines of the same layer in one row, the field that differs first marked in both. */
import { layerNames } from '../../harness/engine/describe.ts';
import type { Judgement } from '../../harness/engine/outcome.ts';
import { html, type Markup } from './markup.ts';

interface Row {
  layer: string;
  expected?: string;
  actual?: string;
}

/** What patterns say of layers that may be anything (or nothing). */
const anyLayers = 'any layers';

const known = Object.values(layerNames).sort((a, b) => b.length - a.length);

/** The layer that a line is about; undefined for what is no layer ("nothing like: ..."). */
export function layerOf(line: string): string | undefined {
  return known.find((name) => line === name || line.startsWith(`${name} `));
}

/** Rows by the longest common sequence of layers, the first of equal layers taken first. */
export function alignedRows(expected: readonly string[], actual: readonly string[]): Row[] {
  const same = (e: number, a: number): boolean => {
    const layer = layerOf(expected[e] ?? '');
    return layer !== undefined && layer === layerOf(actual[a] ?? '');
  };
  const length = Array.from({ length: expected.length + 1 }, () =>
    new Array<number>(actual.length + 1).fill(0),
  );
  const at = (e: number, a: number): number => length[e]?.[a] ?? 0;
  for (let e = expected.length - 1; e >= 0; e -= 1)
    for (let a = actual.length - 1; a >= 0; a -= 1)
      (length[e] as number[])[a] = same(e, a) ? at(e + 1, a + 1) + 1 : Math.max(at(e + 1, a), at(e, a + 1));
  const rows: Row[] = [];
  for (let e = 0, a = 0; e < expected.length || a < actual.length; ) {
    const [wanted, came] = [expected[e], actual[a]];
    if (wanted !== undefined && came !== undefined && same(e, a) && at(e, a) === at(e + 1, a + 1) + 1) {
      rows.push({ layer: layerOf(wanted) ?? '', expected: wanted, actual: came });
      e += 1;
      a += 1;
    } else if (wanted !== undefined && (came === undefined || at(e + 1, a) >= at(e, a + 1))) {
      rows.push({ layer: layerOf(wanted) ?? '', expected: wanted });
      e += 1;
    } else {
      rows.push({ layer: layerOf(came ?? '') ?? '', actual: came ?? '' });
      a += 1;
    }
  }
  return rows.flatMap((row, n) => {
    if (row.expected === anyLayers && rows[n + 1]?.expected === undefined && rows[n + 1] !== undefined)
      return [];
    const before = rows.slice(0, n).findLast((one) => one.expected !== undefined);
    return row.expected === undefined && before?.expected === anyLayers
      ? [{ ...row, expected: anyLayers }]
      : [row];
  });
}

const isPart = (char: string | undefined): boolean => char !== undefined && /[\w:.]/.test(char);

/** Where `text` stands in the line from `from` on, as a whole word. */
function find(line: string, text: string, from: number): number {
  for (let at = line.indexOf(text, from); at >= 0 && text !== ''; at = line.indexOf(text, at + 1))
    if (!isPart(line[at + text.length]) && !isPart(line[at - 1])) return at;
  return -1;
}

/** First and last place of the differing field in its line; undefined where the line does not name it. */
export function fieldIn(line: string, path: string, value: string): [number, number] | undefined {
  const names = path.split('.').slice(1);
  const field = names.at(-1);
  if (field === undefined) return undefined;
  const holder = names
    .slice(0, -1)
    .map((name) => find(line, name.replace(/\[\d+\]$/, ''), 0))
    .reduce((last, at) => Math.max(last, at), 0);
  const ends = line.indexOf(' > ');
  const value0 =
    field === 'source' && ends >= 0
      ? find(line.slice(0, ends), value, 0)
      : field === 'destination' && ends >= 0
        ? find(line, value, ends + 3)
        : -1;
  if (value0 >= 0) return [value0, value0 + value.length];
  const whole = find(line, `${field} ${value}`, holder);
  if (whole >= 0) return [whole, whole + field.length + 1 + value.length];
  const named = find(line, field, holder);
  if (named < 0) return undefined;
  const end = line.slice(named).search(/[,;)\]}]|$/);
  return [named, named + Math.max(end, field.length)];
}

function marked(line: string, place: [number, number] | undefined): Markup {
  const [start, end] = place ?? [0, line.length];
  return html`${line.slice(0, start)}<mark><span class="unseen">first difference: </span>${line.slice(start, end)}</mark>${line.slice(end)}`;
}

/** Which row holds the first difference. */
function differingRow(rows: readonly Row[], difference: Judgement['difference']): Row | undefined {
  if (difference === undefined) return undefined;
  const key = difference.path.split(/[.,]/)[0] ?? '';
  const layer = layerNames[key] ?? key;
  const own = rows.filter((row) => row.layer === layer && row.expected !== undefined);
  const holds = (row: Row): boolean =>
    row.expected !== undefined &&
    row.actual !== undefined &&
    fieldIn(row.expected, difference.path, difference.expected) !== undefined &&
    find(row.actual, difference.actual, 0) >= 0;
  return own.find(holds) ?? own[0];
}

const side = (
  line: string | undefined,
  marking: Judgement['difference'],
  value: string,
  absent: string,
): Markup =>
  line === undefined
    ? html`<span class="none">${absent}</span>`
    : marking === undefined
      ? html`${line}`
      : marked(line, fieldIn(line, marking.path, value));

const list = (lines: readonly string[]): Markup =>
  html`<ul class="lines">${lines.map((line) => html`<li>${line}</li>`)}</ul>`;

/** The table of one judgement, and its first difference in a sentence. */
export function comparison({ expected, actual, difference }: Judgement): Markup {
  const isLayered = expected.some((line) => layerOf(line) !== undefined) && actual.length > 0;
  const rows = isLayered ? alignedRows(expected, actual) : [];
  const differing = differingRow(rows, difference);
  const body = isLayered
    ? rows.map((row) => {
        const marking = row === differing ? difference : undefined;
        return html`<tr${marking === undefined ? '' : html` class="differs"`}><th scope="row">${row.layer === '' ? html`<span class="unseen">other</span>` : row.layer}${marking === undefined ? '' : html`<span class="tag">first difference</span>`}</th><td>${side(row.expected, marking, difference?.expected ?? '', 'no such layer expected')}</td><td>${side(row.actual, marking, difference?.actual ?? '', 'none')}</td></tr>`;
      })
    : html`<tr><td>${list(expected)}</td><td>${list(actual)}</td></tr>`;
  return html`<table class="comparison"><thead><tr>${isLayered ? html`<th scope="col">Layer</th>` : ''}<th scope="col">Expected</th><th scope="col">Actual</th></tr></thead><tbody>${body}</tbody></table>${
    difference === undefined
      ? ''
      : html`<p class="difference"><strong>First difference:</strong> <code>${difference.path}</code>: expected <code>${difference.expected}</code>, actual <code>${difference.actual}</code></p>`
  }`;
}
