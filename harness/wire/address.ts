import ipaddr from 'ipaddr.js';
import { EncodeError } from './errors.ts';
import { digitValue, hexOctet } from './hex.ts';
import type { Ipv4Address, Ipv6Address, MacAddress } from './types.ts';

/*
 * Addresses as text and as octets. Text is read by ipaddr.js; it is written here because every frame that is seen
 * passes through the formatters, which the tests hold to ipaddr.js.
 */

const decimal: readonly string[] = Array.from({ length: 256 }, (_, value) => String(value));

/** Dotted decimal of the four octets at `octets[at]`. */
export function formatIpv4(octets: Uint8Array, at = 0): Ipv4Address {
  const a = decimal[octets[at] as number];
  const b = decimal[octets[at + 1] as number];
  const c = decimal[octets[at + 2] as number];
  const d = decimal[octets[at + 3] as number];
  return `${a}.${b}.${c}.${d}`;
}

/** The RFC 5952 text (hexadecimal throughout) of the sixteen octets at `octets[at]`. */
export function formatIpv6(octets: Uint8Array, at = 0): Ipv6Address {
  let bestStart = -1;
  let bestLength = 1;
  let runStart = 0;
  for (let group = 0; group < 8; group++) {
    const where = at + group * 2;
    if (octets[where] !== 0 || octets[where + 1] !== 0) {
      runStart = group + 1;
    } else if (group + 1 - runStart > bestLength) {
      bestStart = runStart;
      bestLength = group + 1 - runStart;
    }
  }
  if (bestStart < 0) return groups(octets, at, 0, 8);
  return `${groups(octets, at, 0, bestStart)}::${groups(octets, at, bestStart + bestLength, 8)}`;
}

function groups(octets: Uint8Array, at: number, from: number, to: number): string {
  let text = '';
  for (let group = from; group < to; group++) {
    const where = at + group * 2;
    const value = ((octets[where] as number) << 8) | (octets[where + 1] as number);
    text += group === from ? value.toString(16) : `:${value.toString(16)}`;
  }
  return text;
}

/** Lower-case colon text of the six octets at `octets[at]`. */
export function formatMac(octets: Uint8Array, at = 0): MacAddress {
  let text = hexOctet[octets[at] as number] as string;
  for (let index = 1; index < 6; index++) text += `:${hexOctet[octets[at + index] as number]}`;
  return text;
}

/** Write a dotted-decimal address (four numbers without leading zeros) at `octets[at]`; false when it is none. */
export function putIpv4(text: string, octets: Uint8Array, at: number): boolean {
  if (typeof text !== 'string' || !ipaddr.IPv4.isValidFourPartDecimal(text)) return false;
  octets.set(ipaddr.IPv4.parse(text).octets, at);
  return true;
}

/** Write an IPv6 address in any form of RFC 4291 2.2 (no zone) at `octets[at]`; false when it is none. */
export function putIpv6(text: string, octets: Uint8Array, at: number): boolean {
  if (typeof text !== 'string' || text.includes('%') || !ipaddr.IPv6.isValid(text)) return false;
  octets.set(ipaddr.IPv6.parse(text).toByteArray(), at);
  return true;
}

/** Write a colon-separated MAC address at `octets[at]`; false when it is none. */
export function putMac(text: string, octets: Uint8Array, at: number): boolean {
  if (typeof text !== 'string' || text.length !== 17) return false;
  for (let index = 0; index < 6; index++) {
    const high = digitValue(text.charCodeAt(index * 3));
    const low = digitValue(text.charCodeAt(index * 3 + 1));
    if (high < 0 || low < 0) return false;
    if (index < 5 && text.charCodeAt(index * 3 + 2) !== 58) return false;
    octets[at + index] = (high << 4) | low;
  }
  return true;
}

/** The four octets of a dotted-decimal address. Throws EncodeError `WIRE_ADDRESS`. */
export function parseIpv4(text: string): Uint8Array {
  const octets = new Uint8Array(4);
  if (!putIpv4(text, octets, 0)) throw new EncodeError('WIRE_ADDRESS', `'${text}' is not an IPv4 address`);
  return octets;
}

/** The sixteen octets of an IPv6 address. Throws EncodeError `WIRE_ADDRESS`. */
export function parseIpv6(text: string): Uint8Array {
  const octets = new Uint8Array(16);
  if (!putIpv6(text, octets, 0)) throw new EncodeError('WIRE_ADDRESS', `'${text}' is not an IPv6 address`);
  return octets;
}

/** The octets of an address of either family. Throws EncodeError `WIRE_ADDRESS`. */
export function parseAddress(text: string): Uint8Array {
  const octets = new Uint8Array(16);
  if (putIpv4(text, octets, 0)) return octets.slice(0, 4);
  if (putIpv6(text, octets, 0)) return octets;
  throw new EncodeError('WIRE_ADDRESS', `'${text}' is not an IPv4 or IPv6 address`);
}

/** The text of an address of four or sixteen octets. */
export function formatAddress(octets: Uint8Array): string {
  return octets.length === 4 ? formatIpv4(octets, 0) : formatIpv6(octets, 0);
}

const scratch = new Uint8Array(16);

/** Whether the text is an IPv4 address. */
export function isIpv4(text: string): boolean {
  return putIpv4(text, scratch, 0);
}

/** Whether the text is an IPv6 address (in any accepted form, not only the canonical one). */
export function isIpv6(text: string): boolean {
  return putIpv6(text, scratch, 0);
}

/** The one text by which this project writes the address. Throws EncodeError `WIRE_ADDRESS`. */
export function canonicalAddress(text: string): string {
  return formatAddress(parseAddress(text));
}

/**
 * Whether the address lies in the prefix (`10.1.0.0/16`, `2001:db8:1::/64`); false across families.
 * Throws EncodeError `WIRE_ADDRESS` when either is malformed.
 */
export function inPrefix(address: string, prefix: string): boolean {
  const own = parseAddress(address);
  const { octets, length } = parsePrefix(prefix);
  if (own.length !== octets.length) return false;
  const whole = length >> 3;
  for (let index = 0; index < whole; index++) if (own[index] !== octets[index]) return false;
  const rest = length & 7;
  if (rest === 0) return true;
  return (((own[whole] as number) ^ (octets[whole] as number)) & (0xff00 >> rest) & 0xff) === 0;
}

/** The address octets (host bits as written) and the length in bits of `address/length`. Throws EncodeError. */
export function parsePrefix(prefix: string): { octets: Uint8Array; length: number } {
  const slash = prefix.indexOf('/');
  const octets = parseAddress(slash < 0 ? prefix : prefix.slice(0, slash));
  const length = slash < 0 ? octets.length * 8 : Number(prefix.slice(slash + 1));
  if (!Number.isInteger(length) || length < 0 || length > octets.length * 8 || prefix.endsWith('/')) {
    throw new EncodeError('WIRE_ADDRESS', `'${prefix}' is not an address prefix`);
  }
  return { octets, length };
}

/** The nth address after `address` (before it when negative). Throws EncodeError `WIRE_ADDRESS` outside the family. */
export function addressPlus(address: string, n: number | bigint): string {
  const octets = parseAddress(address);
  let value = 0n;
  for (const octet of octets) value = (value << 8n) | BigInt(octet);
  value += BigInt(n);
  if (value < 0n || value >> BigInt(octets.length * 8) !== 0n) {
    throw new EncodeError('WIRE_ADDRESS', `there is no address ${n} after ${address}`);
  }
  for (let index = octets.length - 1; index >= 0; index--) {
    octets[index] = Number(value & 0xffn);
    value >>= 8n;
  }
  return formatAddress(octets);
}
