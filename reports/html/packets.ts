/** The packets of a test, layer by layer, with their octets: pointing at a field shows its octets, and the other way round. */
import { type EvidenceFrame, fieldsOf } from '../evidence/frames.ts';
import { visible, visibleWithin } from '../text/visible.ts';
import { html, type Markup, verbatim } from './markup.ts';

/** Packets beyond that are in the capture alone. */
const mostPackets = 120;
/** Octets of a packet that are shown. */
const mostOctets = 2048;
const longestValue = 120;

/** `name` makes the ids of the page unique. */
export function packetList(frames: readonly EvidenceFrame[], name: string): Markup {
  const isPart = ({ sentBy, steps, verdict }: EvidenceFrame): boolean =>
    sentBy !== undefined || steps.length > 0 || verdict !== undefined;
  const shown =
    frames.length <= mostPackets
      ? frames
      : [...frames.filter(isPart), ...frames.filter((one) => !isPart(one))]
          .slice(0, mostPackets)
          .sort((a, b) => a.number - b.number);
  const left = frames.length - shown.length;
  return html`${shown.map((frame) => onePacket(frame, name))}${left === 0 ? '' : html`<p>${left} more packets are in the capture.</p>`}`;
}

function onePacket(frame: EvidenceFrame, name: string): Markup {
  const { number, port, outgoing, timeMs, lines, octets, decoded, verdict, sentBy, steps } = frame;
  const notes = [
    ...(sentBy === undefined ? [] : [`sent by ${sentBy.step}`]),
    ...steps.map(({ step }) => `expected by ${step}`),
    ...frame.judgements.map(
      ({ clause, verdict: own, step }) => `judged by ${step}, clause ${clause}: ${own}`,
    ),
  ];
  const stop = decoded.stop;
  return html`<details class="packet" id="${name}-f${number}"><summary><b>#${number}</b> <span class="port">${outgoing ? 'sent at' : 'seen at'} ${port}</span> <span class="when">${timeMs.toFixed(3)} ms</span> ${verdict === undefined ? '' : html`<span class="v v-${verdict.replace(/\W/g, '-')}">${verdict}</span> `}<span class="what">${visibleWithin(lines.join(' / '), 300)}</span></summary>
${notes.length === 0 ? '' : html`<p class="notes">${notes.map((note) => visible(note)).join('; ')}</p>`}
<div class="decode"><div class="fields" role="group" aria-label="fields of packet ${number}; arrow keys go through them">${layerFields(frame)}</div>
<pre class="octets" aria-label="octets of packet ${number}" tabindex="0">${verbatim(hexLines(octets))}</pre></div>
${stop === undefined ? '' : html`<p class="notes">Decoding stopped in ${stop.layer} at octet ${stop.offset}: ${stop.reason}</p>`}
${decoded.findings.length === 0 ? '' : html`<p class="notes">${decoded.findings.map(({ field, problem }) => visible(`${field} ${problem}`)).join('; ')}</p>`}
</details>
`;
}

function layerFields(frame: EvidenceFrame): Markup[] {
  const fields = fieldsOf(frame);
  return frame.decoded.layers.map((layer, at) => {
    const own = fields.filter((field) => field.layer === at);
    return html`<section><h5>${Object.keys(layer)[0] ?? ''}</h5><ul>${own.map(
      ({ path, value, offset, length, bits }) =>
        html`<li tabindex="-1" data-o="${offset},${length}"><span>${path}${bits === undefined ? '' : html` <small>${bits.count} bit${bits.count === 1 ? '' : 's'}</small>`}</span> <code>${visibleWithin(String(value), longestValue)}</code></li>`,
    )}</ul></section>`;
  });
}

/** Sixteen octets a line, behind where they begin. */
function hexLines(octets: Uint8Array): string {
  const lines: string[] = [];
  const end = Math.min(octets.length, mostOctets);
  for (let at = 0; at < end; at += 16) {
    const row = [...octets.subarray(at, Math.min(at + 16, end))].map((octet) =>
      octet.toString(16).padStart(2, '0'),
    );
    lines.push(`${at.toString(16).padStart(4, '0')}  ${row.join(' ')}`);
  }
  if (end < octets.length) lines.push(`and ${octets.length - end} octets more, in the capture`);
  return lines.join('\n');
}
