/**
 * pcapng files of what was seen: one interface per port under its role's name, nanosecond kernel timestamps, the
 * direction of each frame. Written by runs, read by `dsmip rejudge` and by Wireshark.
 */
export interface CapturedFrame {
  /** Name of the interface. */
  port: string;
  /** Nanoseconds since 1970. */
  timeNs: bigint;
  outgoing: boolean;
  octets: Uint8Array;
  /** What is said of it. */
  comments?: string[];
}

const sectionHeader = 0x0a0d0d0a;
const interfaceDescription = 1;
const enhancedPacket = 6;
const byteOrderMagic = 0x1a2b3c4d;
const ethernet = 1;
const snapLength = 0x40000;

const pad4 = (length: number): number => (length + 3) & ~3;

function option(code: number, value: Uint8Array): Uint8Array {
  const octets = Buffer.alloc(4 + pad4(value.length));
  octets.writeUInt16LE(code, 0);
  octets.writeUInt16LE(value.length, 2);
  octets.set(value, 4);
  return octets;
}

function block(type: number, body: Uint8Array[]): Buffer {
  const length = body.reduce((sum, part) => sum + part.length, 12);
  const octets = Buffer.alloc(length);
  octets.writeUInt32LE(type, 0);
  octets.writeUInt32LE(length, 4);
  let at = 8;
  for (const part of body) {
    octets.set(part, at);
    at += part.length;
  }
  octets.writeUInt32LE(length, length - 4);
  return octets;
}

const endOfOptions = Buffer.alloc(4);

/** What the interfaces of a capture are, for Wireshark's list of them. */
const portWords: { readonly [port: string]: string } = {
  mn: 'mobile node',
  fa: 'foreign agent',
  cn: 'correspondent node',
  home: 'home link',
  ha: 'home agent',
  link: 'link of a mobile node',
  visited: 'visited link',
  plainFa: 'foreign agent without the extensions of the draft',
  plainVisited: 'visited link of the foreign agent without the extensions of the draft',
  network: 'network without a foreign agent',
};

/** What a file begins with; `ports` become its interfaces. */
export function pcapngStart(ports: readonly string[], comment: string): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(byteOrderMagic, 0);
  header.writeUInt16LE(1, 4);
  header.writeBigInt64LE(-1n, 8);
  const blocks = [
    block(sectionHeader, [
      header,
      option(1, Buffer.from(comment)),
      option(4, Buffer.from('dsmip-conformance')),
      endOfOptions,
    ]),
  ];
  for (const port of ports) {
    const fixed = Buffer.alloc(8);
    fixed.writeUInt16LE(ethernet, 0);
    fixed.writeUInt32LE(snapLength, 4);
    const words = portWords[port];
    blocks.push(
      block(interfaceDescription, [
        fixed,
        option(2, Buffer.from(port)),
        ...(words === undefined ? [] : [option(3, Buffer.from(words))]),
        option(9, Uint8Array.of(9)),
        endOfOptions,
      ]),
    );
  }
  return Buffer.concat(blocks);
}

/** One packet; its port is one of `ports`. */
export function pcapngPacket(ports: readonly string[], frame: CapturedFrame): Buffer {
  const fixed = Buffer.alloc(20);
  fixed.writeUInt32LE(ports.indexOf(frame.port), 0);
  fixed.writeUInt32LE(Number(frame.timeNs >> 32n), 4);
  fixed.writeUInt32LE(Number(frame.timeNs & 0xffffffffn), 8);
  fixed.writeUInt32LE(frame.octets.length, 12);
  fixed.writeUInt32LE(frame.octets.length, 16);
  const data = Buffer.alloc(pad4(frame.octets.length));
  data.set(frame.octets);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(frame.outgoing ? 2 : 1, 0);
  const comments = (frame.comments ?? []).map((comment) => option(1, Buffer.from(comment)));
  return block(enhancedPacket, [fixed, data, ...comments, option(2, flags), endOfOptions]);
}

/** The octets of a pcapng file with the frames in the order given; `ports` become its interfaces. */
export function writePcapng(
  ports: readonly string[],
  frames: readonly CapturedFrame[],
  comment: string,
): Buffer {
  return Buffer.concat([pcapngStart(ports, comment), ...frames.map((frame) => pcapngPacket(ports, frame))]);
}

/** The file is cut short, or was not written by this program. */
export class CaptureError extends Error {
  readonly code = 'BAD_CAPTURE';
}

/** Read a file that writePcapng made. Throws CaptureError saying what is wrong and where. */
export function readPcapng(octets: Buffer, name: string): CapturedFrame[] {
  const frames: CapturedFrame[] = [];
  const ports: string[] = [];
  let at = 0;
  const fail = (problem: string): never => {
    throw new CaptureError(`${name}: ${problem} (at octet ${at}, behind ${frames.length} whole packets)`);
  };
  if (
    octets.length < 28 ||
    octets.readUInt32LE(0) !== sectionHeader ||
    octets.readUInt32LE(8) !== byteOrderMagic
  ) {
    fail('is no little-endian pcapng file');
  }
  while (at < octets.length) {
    if (octets.length - at < 12) fail('is cut short');
    const type = octets.readUInt32LE(at);
    const length = octets.readUInt32LE(at + 4);
    if (length < 12 || length % 4 !== 0 || at + length > octets.length)
      fail('is cut short or has a wrong block length');
    if (octets.readUInt32LE(at + length - 4) !== length) fail('has a block whose two lengths differ');
    const body = octets.subarray(at + 8, at + length - 4);
    if (type === interfaceDescription) {
      if (body.length < 8) fail('has an interface block that is too short');
      const [found] = readOptions(body.subarray(8), 2);
      if (found === undefined) return fail('has an interface without a name');
      ports.push(found.toString('utf8'));
    } else if (type === enhancedPacket) {
      if (body.length < 20) fail('has a packet block that is too short');
      const captured = body.readUInt32LE(12);
      const port = ports[body.readUInt32LE(0)];
      if (port === undefined || 20 + captured > body.length)
        return fail('has a packet of an unknown interface or length');
      const options = body.subarray(20 + pad4(captured));
      const [flags] = readOptions(options, 2);
      const comments = readOptions(options, 1).map((text) => text.toString('utf8'));
      frames.push({
        port,
        timeNs: (BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8)),
        outgoing: flags !== undefined && flags.length >= 4 && (flags.readUInt32LE(0) & 3) === 2,
        octets: Uint8Array.from(body.subarray(20, 20 + captured)),
        ...(comments.length === 0 ? {} : { comments }),
      });
    }
    at += length;
  }
  return frames;
}

/** The values of every option of this code. */
function readOptions(options: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  while (at + 4 <= options.length) {
    const code = options.readUInt16LE(at);
    const length = options.readUInt16LE(at + 2);
    if (code === 0) break;
    if (code === wanted) found.push(options.subarray(at + 4, at + 4 + length));
    at += 4 + pad4(length);
  }
  return found;
}
