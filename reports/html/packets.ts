/**
 * The packets of a test, layer by layer, with their octets: pointing at a field shows its octets, and the other way round. A page holds
 * thousands of packets of few kinds, so it has each packet's octets once and each kind's layout once; evidence.js puts them together
 * when a packet is opened.
 */

import { type FieldExtent, formatIpv4, formatIpv6, formatMac, toHex } from '../../harness/wire/index.ts';
import { type EvidenceFrame, fieldsOf } from '../evidence/frames.ts';
import { html, type Markup, verbatim } from './markup.ts';

/** Packets beyond that are in the capture alone. */
const mostPackets = 120;
/** Octets of a packet that are shown. */
const mostOctets = 2048;

/** How the octets of a field are to be read: number, flag, addresses, hex digits, text. */
type Kind = 'n' | 'b' | '4' | '6' | 'm' | 'h' | 't' | 'r';

function kindOf({ value, offset, length }: FieldExtent, octets: Uint8Array): Kind {
  if (typeof value === 'number') return 'n';
  if (typeof value === 'boolean') return 'b';
  const own = octets.subarray(offset, offset + length);
  if (value === toHex(own)) return 'h';
  if (length === 4 && value === formatIpv4(own, 0)) return '4';
  if (length === 6 && value === formatMac(own, 0)) return 'm';
  if (length === 16 && value === formatIpv6(own, 0)) return '6';
  if (length === 8 && / \d+$/.test(String(value))) return 'r';
  return 't';
}

/** The layouts on a page, each once: a list of layers, their fields as [path, offset, length, kind, first bit, bits]. */
export class Layouts {
  private readonly known = new Map<string, number>();

  /** Number of a packet's layout. */
  of(frame: EvidenceFrame): number {
    const fields = fieldsOf(frame).filter(({ offset }) => offset < mostOctets);
    const layers = frame.decoded.layers.map((layer, at) => [
      Object.keys(layer)[0] ?? '',
      fields
        .filter((field) => field.layer === at)
        .map((field) => [
          field.path,
          field.offset,
          field.length,
          kindOf(field, frame.octets),
          ...(field.bits === undefined ? [] : [field.bits.first, field.bits.count]),
        ]),
    ]);
    const text = JSON.stringify(layers);
    const number = this.known.get(text) ?? this.known.size;
    this.known.set(text, number);
    return number;
  }

  /** For the page; names of layers and fields are ours. */
  markup(): Markup {
    const all = `[${[...this.known.keys()].join(',')}]`.replaceAll('<', '\\u003c');
    return html`<script type="application/json" id="layouts">${verbatim(all)}</script>`;
  }
}

/** `name` makes the ids of the page unique. */
export function packetList(frames: readonly EvidenceFrame[], name: string, layouts: Layouts): Markup {
  const isPart = ({ sentBy, steps, verdict }: EvidenceFrame): boolean =>
    sentBy !== undefined || steps.length > 0 || verdict !== undefined;
  const shown =
    frames.length <= mostPackets
      ? frames
      : [...frames.filter(isPart), ...frames.filter((one) => !isPart(one))]
          .slice(0, mostPackets)
          .sort((a, b) => a.number - b.number);
  const left = frames.length - shown.length;
  return html`${shown.map((frame) => onePacket(frame, name, layouts))}${left === 0 ? '' : html`<p>${left} more packets are in the capture.</p>`}`;
}

function onePacket(frame: EvidenceFrame, name: string, layouts: Layouts): Markup {
  const { number, port, outgoing, timeMs, lines, octets, decoded, verdict, sentBy, steps } = frame;
  const notes = [
    ...(sentBy === undefined ? [] : [`sent by ${sentBy.step}`]),
    ...steps.map(({ step }) => `expected by ${step}`),
    ...frame.judgements.map(
      ({ clause, verdict: own, step }) => `judged by ${step}, clause ${clause}: ${own}`,
    ),
    ...(decoded.stop === undefined
      ? []
      : [
          `decoding stopped in ${decoded.stop.layer} at octet ${decoded.stop.offset}: ${decoded.stop.reason}`,
        ]),
    ...decoded.findings.map(({ field, problem }) => `${field} ${problem}`),
  ];
  const left = octets.length - mostOctets;
  return html`<details class="packet" id="${name}-f${number}"><summary><b>#${number}</b> ${outgoing ? 'sent at' : 'seen at'} ${port} <span class="when">${timeMs.toFixed(3)} ms</span> ${verdict === undefined ? '' : html`<span class="v v-${verdict.replace(/\W/g, '-')}">${verdict}</span> `}<span class="what">${lines.join(' / ').slice(0, 300)}</span></summary>
${notes.length === 0 ? '' : html`<p class="notes">${notes.join('; ')}</p>`}${left <= 0 ? '' : html`<p class="notes">${left} octets more are in the capture.</p>`}<pre class="octets" data-l="${layouts.of(frame)}">${verbatim(toHex(octets.subarray(0, mostOctets)))}</pre></details>
`;
}
