/** The ladder and the packets of a test as plain text. */
import { harmless } from '../../harness/engine/describe.ts';
import { toHex } from '../../harness/wire/index.ts';
import type { EvidenceFrame } from '../evidence/frames.ts';
import { fieldsOf } from '../evidence/frames.ts';
import type { Ladder, Rung } from '../evidence/ladder.ts';

const gutter = 16;
const column = 26;

/** Lanes as columns, time downwards; `====>` is an arrow within a tunnel, whose ends stand above it. */
export function ladderLines({ lanes, rungs, left }: Ladder): string[] {
  const at = (lane: string): number =>
    gutter + Math.max(0, (lanes as readonly string[]).indexOf(lane)) * column;
  const width = gutter + lanes.length * column;
  const bars = (): string[] => {
    const row = Array.from({ length: width }, () => ' ');
    for (const lane of lanes) row[at(lane)] = '|';
    return row;
  };
  const put = (row: string[], from: number, text: string): string => {
    for (const [n, char] of [...text].entries()) row[from + n] = char;
    return row.join('').trimEnd();
  };
  const head = Array.from({ length: width }, () => ' ');
  for (const lane of lanes) put(head, at(lane), lane);
  const arrow = ({ from, to, tunnels, number, verdict, timeMs }: Rung): string => {
    const [start, end] = [at(from), at(to)];
    const [low, high] = start === end ? [start, start + 8] : [Math.min(start, end), Math.max(start, end)];
    const fill = number === undefined ? '- ' : tunnels.length > 0 ? '==' : '--';
    const shaft = fill.repeat(column * lanes.length).slice(0, high - low - 2);
    const row = bars();
    put(row, 0, number === undefined ? 'missed' : `#${number} ${timeMs.toFixed(1)}`);
    put(row, low + 1, start > end ? `<${shaft}` : `${shaft}>`);
    if (verdict !== undefined) put(row, high + 2, verdict);
    return row.join('').trimEnd();
  };
  const lines = rungs.flatMap((rung) => {
    const low = Math.min(at(rung.from), at(rung.to));
    const label = (text: string): string => put(bars(), low + 2, harmless(text));
    return [
      ...rung.tunnels.map((tunnel, depth) => label(`${'['.repeat(depth + 1)} ${tunnel}`)),
      label(rung.label),
      arrow(rung),
    ];
  });
  return [
    head.join('').trimEnd(),
    ...lines,
    ...(left === 0 ? [] : [`and ${left} frames more, in the capture`]),
  ];
}

/** Every packet: its layers in words, its fields, its octets. */
export function packetLines(frames: readonly EvidenceFrame[]): string[] {
  return frames.flatMap((frame) => {
    const { number, port, outgoing, timeMs, lines, octets, verdict } = frame;
    const fields = fieldsOf(frame);
    return [
      `#${number} ${outgoing ? 'sent at' : 'seen at'} ${port}, ${timeMs.toFixed(3)} ms${verdict === undefined ? '' : `, ${verdict}`}`,
      ...lines.map((line) => `   ${harmless(line)}`),
      ...frame.decoded.layers.flatMap((layer, at) => [
        `   ${Object.keys(layer)[0]}`,
        ...fields
          .filter((field) => field.layer === at)
          .map(({ path, value, offset, length }) => {
            const hex = toHex(octets, offset, offset + Math.min(length, 24));
            return `     ${String(offset).padStart(4)}  ${harmless(`${path} ${String(value)}`).padEnd(56)} ${hex}${length > 24 ? '...' : ''}`;
          }),
      ]),
      '',
    ];
  });
}
