/**
 * What a run and `dsmip port-server` on another machine say to each other over a pipe: after a line that tells the protocol, messages of a
 * length (32 bits, of what follows), a kind (8 bits) and a body, all numbers big-endian. Octets from either side may be anything.
 */
import type { LinkPlan } from '../net/index.ts';
import type { VisitedNetwork } from '../vectors/profile.ts';

/** The server's first line. What comes before it is what a shell there says of its own accord, and is passed over. */
export const greeting = '\0dsmip-port 1\n';

export const kinds = {
  /** JSON: Hello. Answered by ready or failed. */
  hello: 1,
  /** A number (64 bits), answered by pong with the same. */
  ping: 2,
  /** A number (32 bits) and an IP packet to send; answered by done when its frame has been told. */
  ip: 3,
  /** The same of a whole frame. */
  ethernet: 4,
  /** A number (32 bits) and JSON: UDP ports for which the kernel is to be kept silent, until `end` of that number. */
  sink: 5,
  /** Ends what has this number (32 bits). */
  end: 6,
  /** A number (32 bits); answered by done when every frame that was seen until now has been told. */
  drain: 7,
  /** A number (32 bits) and JSON: Dhcp; answered by done when it serves, until `end` of that number. */
  dhcp: 8,
  /** JSON: Ready. */
  ready: 16,
  /** The number of the ping and the time there (64 bits each). */
  pong: 17,
  /** Whether it is outgoing (8 bits), its time there (64 bits), its length on the wire (32 bits), and its octets. */
  frame: 18,
  /** The number of what is done, how many frames were lost until now (32 bits each), and what went wrong with it, if anything did. */
  done: 19,
  /** JSON: a text. The server ends. */
  failed: 20,
} as const;

/** What the port is to be. */
export interface Hello {
  plan: LinkPlan;
  /** Left out: kernels may answer for what comes. */
  sink?: { udpPorts: number[]; protocols: number[] };
}

/** A DHCP server on the link. */
export interface Dhcp {
  network: VisitedNetwork;
  leaseSeconds: number;
  addresses: number;
}

export interface Ready {
  mac: string;
  /** What was put back that an earlier run had left there. */
  told: string[];
}

/** Longer than any frame. */
const longest = 1 << 20;

export class ProtocolError extends Error {
  readonly code = 'PORT_PROTOCOL';
}

export function encodeMessage(kind: number, ...parts: (Uint8Array | string)[]): Buffer {
  const bodies = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const length = bodies.reduce((sum, part) => sum + part.length, 1);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 0);
  head.writeUInt8(kind, 4);
  return Buffer.concat([head, ...bodies]);
}

export function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value, 0);
  return octets;
}

export function int64(value: bigint): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeBigInt64BE(value, 0);
  return octets;
}

/** The JSON of a body. Throws ProtocolError. */
export function jsonOf<T>(body: Buffer): T {
  try {
    return JSON.parse(body.toString('utf8')) as T;
  } catch {
    throw new ProtocolError('a message that is no JSON');
  }
}

/** Cuts what comes into messages. `read` throws ProtocolError for a length that cannot be. */
export class MessageReader {
  private rest: Buffer = Buffer.alloc(0);
  private readonly onMessage: (kind: number, body: Buffer) => void;

  constructor(onMessage: (kind: number, body: Buffer) => void) {
    this.onMessage = onMessage;
  }

  read(chunk: Buffer): void {
    let all = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    while (all.length >= 4) {
      const length = all.readUInt32BE(0);
      if (length < 1 || length > longest) throw new ProtocolError(`a message of ${length} octets`);
      if (all.length < 4 + length) break;
      const body = all.subarray(5, 4 + length);
      const kind = all.readUInt8(4);
      all = all.subarray(4 + length);
      this.onMessage(kind, body);
    }
    this.rest = all;
  }
}
