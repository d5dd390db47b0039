import { putIpv4, putIpv6, putMac } from './address.ts';
import { EncodeError } from './errors.ts';
import { putHex } from './hex.ts';

/**
 * Octets being written, front to back, into a buffer that grows. Every `put` checks that the value fits its field
 * and names the field when it does not (EncodeError).
 */
export class Writer {
  octets = new Uint8Array(4096);
  /** Where the next octet goes; the octets before it are the packet so far. */
  at = 0;

  /** Make room for `count` more octets and return where they start; the caller fills them in. */
  claim(count: number): number {
    const start = this.at;
    const needed = start + count;
    if (needed > this.octets.length) {
      const grown = new Uint8Array(Math.max(needed, this.octets.length * 2));
      grown.set(this.octets);
      this.octets = grown;
    }
    this.at = needed;
    return start;
  }

  u8(value: number, field: string): void {
    checkRange(value, 0xff, field);
    this.octets[this.claim(1)] = value;
  }

  u16(value: number, field: string): void {
    this.setU16(this.claim(2), value, field);
  }

  u32(value: number, field: string): void {
    this.setU32(this.claim(4), value, field);
  }

  setU8(at: number, value: number, field: string): void {
    checkRange(value, 0xff, field);
    this.octets[at] = value;
  }

  setU16(at: number, value: number, field: string): void {
    checkRange(value, 0xffff, field);
    this.octets[at] = value >>> 8;
    this.octets[at + 1] = value & 0xff;
  }

  setU32(at: number, value: number, field: string): void {
    checkRange(value, 0xffffffff, field);
    this.octets[at] = value >>> 24;
    this.octets[at + 1] = (value >>> 16) & 0xff;
    this.octets[at + 2] = (value >>> 8) & 0xff;
    this.octets[at + 3] = value & 0xff;
  }

  ipv4(text: string, field: string): void {
    const at = this.claim(4);
    if (!putIpv4(text, this.octets, at)) badAddress(text, 'an IPv4', field);
  }

  ipv6(text: string, field: string): void {
    const at = this.claim(16);
    if (!putIpv6(text, this.octets, at)) badAddress(text, 'an IPv6', field);
  }

  mac(text: string, field: string): void {
    const at = this.claim(6);
    if (!putMac(text, this.octets, at)) badAddress(text, 'a MAC', field);
  }

  hex(text: string, field: string): void {
    const at = this.claim(typeof text === 'string' ? text.length >> 1 : 0);
    putHex(text, this.octets, at, field);
  }

  /** Hex digits that must come to exactly `count` octets. */
  hexExactly(text: string, count: number, field: string): void {
    if (typeof text !== 'string' || text.length !== count * 2) {
      throw new EncodeError(
        'WIRE_HEX',
        `${field}: ${count * 2} hex digits are wanted, not '${String(text)}'`,
      );
    }
    this.hex(text, field);
  }

  text(text: string, field: string): void {
    if (typeof text !== 'string') throw new EncodeError('WIRE_RANGE', `${field}: text is wanted`);
    let at = this.claim(text.length);
    for (let index = 0; index < text.length; index++) {
      const character = text.charCodeAt(index);
      if (character > 0x7f) {
        this.at = at - index;
        this.bytes(Buffer.from(text, 'utf8'));
        return;
      }
      this.octets[at++] = character;
    }
  }

  bytes(octets: Uint8Array): void {
    const at = this.claim(octets.length);
    this.octets.set(octets, at);
  }

  zeros(count: number): void {
    const at = this.claim(count);
    this.octets.fill(0, at, at + count);
  }

  /** A copy of what was written. */
  result(): Uint8Array {
    return this.octets.slice(0, this.at);
  }
}

/** Throws EncodeError `WIRE_RANGE` unless `value` is an integer in 0..max. */
export function checkRange(value: number, max: number, field: string): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= max)) {
    throw new EncodeError('WIRE_RANGE', `${field}: ${String(value)} is not an integer in 0..${max}`);
  }
}

function badAddress(text: string, kind: string, field: string): never {
  throw new EncodeError('WIRE_ADDRESS', `${field}: '${String(text)}' is not ${kind} address`);
}
