/** Runs tshark over frames and reads what it makes of them: the second opinion on the decoder. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One field or protocol as tshark dissected it. */
export interface DissectedField {
  name: string;
  /** Offset in the frame. */
  position: number;
  /** The value as tshark shows it. */
  show: string;
  /** The octets in hex, of whole-octet fields. */
  value: string;
}

/** Whether there is a tshark to run. */
export function hasTshark(): boolean {
  return spawnSync('tshark', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Dissect Ethernet frames in one run of tshark; one list of fields for each frame, in the order of the octets. */
export function dissect(frames: readonly Uint8Array[]): DissectedField[][] {
  const directory = mkdtempSync(join(tmpdir(), 'dsmip-wire-'));
  try {
    const file = join(directory, 'golden.pcap');
    writeFileSync(file, pcap(frames));
    const { status, stdout, stderr } = spawnSync(
      'tshark',
      [
        ['-r', file, '-n', '-T', 'pdml'],
        // Every checksum is judged, and fragments of different entries are not put together.
        ['-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE', '-o', 'ip.defragment:FALSE'],
      ].flat(),
      { encoding: 'utf8', maxBuffer: 1 << 28 },
    );
    if (status !== 0) throw new Error(`tshark ended with ${status}: ${stderr}`);
    return stdout.split('<packet>').slice(1).map(fieldsOf);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A capture file in the classic format: magic number, version 2.4, Ethernet; then each frame with its length twice. */
function pcap(frames: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const parts: Uint8Array[] = [header];
  for (const frame of frames) {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    parts.push(record, frame);
  }
  return Buffer.concat(parts);
}

function fieldsOf(packet: string): DissectedField[] {
  const fields: DissectedField[] = [];
  for (const [, attributes] of packet.matchAll(/<(?:field|proto) ([^>]*)>/g)) {
    const values: Record<string, string> = {};
    for (const [, key, value] of (attributes as string).matchAll(/([a-z]+)="([^"]*)"/g)) {
      values[key as string] = withoutEntities(value as string);
    }
    const { name = '', show = '', value = '', pos = '-1', hide } = values;
    // Hidden fields only repeat others, for the sake of filters.
    if (name !== '' && hide === undefined) fields.push({ name, position: Number(pos), show, value });
  }
  return fields;
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' };

function withoutEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|([a-z]+));/g, (whole, code: string | undefined, name: string) =>
    code === undefined ? (entities[name] ?? whole) : String.fromCodePoint(Number.parseInt(code, 16)),
  );
}
