import type { NetworkAddresses } from './checksum.ts';
import { toHex } from './hex.ts';
import type { Decoded, ExtensionTypes, Extent, Finding, Layer, LayerName, Packet } from './types.ts';

/** What the octets at the cursor are, as far as the layers before them tell. */
export type Next =
  | 'ethernet'
  | 'arp'
  | 'ipv4'
  | 'ipv6'
  | 'udp'
  | 'icmp'
  | 'icmpv6'
  | 'gre'
  | 'minimalEncapsulation'
  | 'message'
  | 'payload';

const noPorts = [1, 0] as const;

/**
 * The state of a decoding: what is left to read (`at`..`end`), what it is (`next`), and what was found so far. Layer
 * decoders take a cursor, push what they read and leave the cursor at the layer within.
 */
export class Cursor {
  readonly octets: Uint8Array;
  readonly types: ExtensionTypes;
  /** See DecodeOptions. */
  readonly requestPorts: readonly [first: number, last: number];
  at = 0;
  end: number;
  next: Next;
  /** The addresses that a transport checksum covers. */
  network: NetworkAddresses | undefined = undefined;
  /** Inside a first fragment: lengths and checksums of what is within cannot hold. */
  fragment = false;
  readonly layers: Packet = [];
  readonly findings: Finding[] = [];
  readonly extents: Extent[] = [];
  stop: Decoded['stop'] = undefined;

  constructor(
    octets: Uint8Array,
    next: Next,
    types: ExtensionTypes,
    requestPorts: readonly [number, number] = noPorts,
  ) {
    this.octets = octets;
    this.end = octets.length;
    this.next = next;
    this.types = types;
    this.requestPorts = requestPorts;
  }

  u8(offset: number): number {
    return this.octets[this.at + offset] as number;
  }

  u16(offset: number): number {
    return readU16(this.octets, this.at + offset);
  }

  u32(offset: number): number {
    return readU32(this.octets, this.at + offset);
  }

  /** Record a layer of `length` octets at the cursor and move past it. */
  push(name: LayerName, layer: Layer, length: number): void {
    this.layers.push(layer);
    this.extents.push({ path: name, offset: this.at, length });
    this.at += length;
  }

  /** Record something wrong with the layer that was pushed last. */
  find(field: string, problem: string): void {
    this.findings.push({ layer: this.layers.length - 1, field, problem });
  }

  /** Say that `layer` cannot be read from the cursor on; the rest becomes payload. */
  halt(layer: string, reason: string): void {
    this.stop = { offset: this.at, layer, reason };
    this.next = 'payload';
  }

  hex(from: number, to: number): string {
    return toHex(this.octets, from, to);
  }

  result(): Decoded {
    const { layers, findings, stop, extents } = this;
    return stop === undefined ? { layers, findings, extents } : { layers, findings, stop, extents };
  }
}

export function readU16(octets: Uint8Array, at: number): number {
  return ((octets[at] as number) << 8) | (octets[at + 1] as number);
}

export function readU32(octets: Uint8Array, at: number): number {
  return readU16(octets, at) * 0x10000 + readU16(octets, at + 2);
}

/** How a wrong checksum is described. */
export function checksumProblem(found: number, right: number): string {
  return `is 0x${hex16(found)}, 0x${hex16(right)} is right`;
}

function hex16(value: number): string {
  return value.toString(16).padStart(4, '0');
}
