/** The input after which a device answered no more, octet by octet. */
import type { Judgement } from '../../harness/engine/outcome.ts';
import { plural } from '../text/layout.ts';
import { html, type Markup } from './markup.ts';

/** Packets beyond that are in results.json alone. */
const mostPackets = 16;
const octetsOfLine = 16;

/** Lines of sixteen octets, with the offset of each. */
export function hexLines(hex: string): string[] {
  const octets = hex.match(/../g) ?? [];
  return Array.from({ length: Math.ceil(octets.length / octetsOfLine) }, (_, line) => {
    const at = line * octetsOfLine;
    return `${at.toString(16).padStart(4, '0')}  ${octets.slice(at, at + octetsOfLine).join(' ')}`;
  });
}

/** Nothing for any other judgement. */
export function inputOf({ input }: Judgement): Markup {
  if (input === undefined) return html``;
  const shown = input.packets.slice(0, mostPackets);
  const left = input.packets.length - shown.length;
  return html`<details class="input" open><summary>Input after which it answered no more, sent at port ${input.port}: ${plural(input.packets.length, 'packet')}</summary>
${shown.map((hex) => html`<ul class="lines">${hexLines(hex).map((line) => html`<li>${line}</li>`)}</ul>`)}${left === 0 ? '' : html`<p>and ${plural(left, 'more packet')}, which results.json has</p>`}</details>`;
}
