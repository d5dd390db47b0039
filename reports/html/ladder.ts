/** The ladder diagram as inline SVG: a tunnel is a pipe, one within another as in the draft's figures. */
import type { Ladder, Rung } from '../evidence/ladder.ts';
import type { Lane } from '../model/results.ts';
import { visibleWithin } from '../text/visible.ts';
import { html, type Markup } from './markup.ts';

const laneNames: { readonly [lane in Lane]: string } = {
  MN: 'mobile node',
  FA: 'foreign agent',
  HA: 'home agent',
  CN: 'correspondent node',
  host: 'other host',
};

const gutter = 92;
const laneWidth = 230;
const top = 46;
const pipe = 4;
const longestLabel = 52;

interface Place {
  rung: Rung;
  y: number;
  height: number;
}

/** One picture; its words are in its text alternative too. Nothing when there is nothing to draw. */
export function ladderFigure(ladder: Ladder, name: string): Markup | undefined {
  const { lanes, rungs, left } = ladder;
  if (rungs.length === 0) return undefined;
  const x = new Map(lanes.map((lane, at) => [lane, gutter + laneWidth * (at + 0.5)]));
  const width = gutter + laneWidth * lanes.length + 40;
  let y = top;
  const places = rungs.map((rung): Place => {
    const height = 36 + rung.tunnels.length * (2 * pipe + 13);
    const place = { rung, y, height };
    y += height;
    return place;
  });
  const bottom = y + 8;
  return html`<figure class="ladder"><svg role="group" aria-label="${`Ladder diagram of ${rungs.length} messages between ${lanes.join(', ')}; the packets below say the same`}" viewBox="0 0 ${width} ${bottom}" width="${width}" height="${bottom}">
${lanes.map(
  (lane) =>
    html`<g class="lane"><line x1="${x.get(lane)}" y1="34" x2="${x.get(lane)}" y2="${bottom}"/><text x="${x.get(lane)}" y="14">${lane}</text><text class="sub" x="${x.get(lane)}" y="28">${laneNames[lane]}</text></g>`,
)}
${places.map((place) => arrow(place, x, name))}
</svg>${left === 0 ? '' : html`<figcaption>${left} more frames are in the capture and not drawn.</figcaption>`}</figure>`;
}

function arrow({ rung, y, height }: Place, lanes: ReadonlyMap<Lane, number>, name: string): Markup {
  const { tunnels, number, verdict } = rung;
  const start = lanes.get(rung.from) ?? gutter;
  const end = lanes.get(rung.to) ?? gutter;
  const isLoop = start === end;
  const from = isLoop ? start - 60 : start;
  const to = isLoop ? start + 60 : end;
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const line = y + height - 8 - tunnels.length * pipe;
  const direction = to > from ? 1 : -1;
  const head = `${to},${line} ${to - 7 * direction},${line - 4} ${to - 7 * direction},${line + 4}`;
  const kind = `${rung.aside ? ' aside' : ''}${number === undefined ? ' missed' : ''}${verdict === undefined ? '' : ` v-${verdict.replace(/\W/g, '-')}`}`;
  const middle = (low + high) / 2;
  const labels = [...tunnels.map((tunnel, depth) => `${'['.repeat(depth + 1)} ${tunnel}`), rung.label];
  return html`<g class="rung${kind}"><text class="when" x="4" y="${line + 4}">${number === undefined ? 'missed' : html`<a href="#${name}-f${number}">#${number}</a> ${rung.timeMs.toFixed(1)}`}</text>
${tunnels.map((_, depth) => {
  const inset = (tunnels.length - depth) * pipe;
  return html`<rect class="pipe" x="${low + depth * 6}" y="${line - inset}" width="${Math.max(2, high - low - depth * 12)}" height="${2 * inset}" rx="${inset}"/>`;
})}
<line class="wire" x1="${from}" y1="${line}" x2="${to - 5 * direction}" y2="${line}"/><polygon points="${head}"/>
${labels.map((label, at) => html`<text class="${at < tunnels.length ? 'tunnel' : 'label'}" x="${middle}" y="${line - tunnels.length * pipe - 5 - 13 * (labels.length - 1 - at)}">${visibleWithin(label, longestLabel)}</text>`)}
${verdict === undefined ? '' : html`<text class="verdict" x="${high + 6}" y="${line + 4}">${verdict}</text>`}</g>
`;
}
