import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../wire/index.ts';

/**
 * Addresses as the agent's tables hold them: an IPv4 address is an unsigned 32-bit number, an IPv6 address a
 * `key`, a string of sixteen characters that are the octets. Both make cheap map keys on the packet path.
 */
export type Ipv6Key = string;

/** An IPv4 address in text as a number. Throws on bad text. */
export function ipv4Number(text: string): number {
  return ipv4At(parseIpv4(text), 0);
}

/** The IPv4 address that stands at `offset`. */
export function ipv4At(octets: Uint8Array, offset: number): number {
  return (
    ((octets[offset] ?? 0) * 0x1000000 +
      (((octets[offset + 1] ?? 0) << 16) | ((octets[offset + 2] ?? 0) << 8) | (octets[offset + 3] ?? 0))) >>>
    0
  );
}

export function ipv4Octets(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255);
}

export function ipv4Text(address: number): string {
  return formatIpv4(ipv4Octets(address), 0);
}

/** Another address of the same network, for deviations. */
export function otherAddress(address: number): number {
  return (address ^ 0x80) >>> 0;
}

/** An IPv6 address in text as a key. Throws on bad text. */
export function ipv6Key(text: string): Ipv6Key {
  return ipv6KeyAt(Buffer.from(parseIpv6(text)), 0);
}

/** The IPv6 address that stands at `offset`. */
export function ipv6KeyAt(octets: Buffer, offset: number): Ipv6Key {
  return octets.toString('latin1', offset, offset + 16);
}

export function ipv6Octets(key: Ipv6Key): Buffer {
  return Buffer.from(key, 'latin1');
}

export function ipv6Text(key: Ipv6Key): string {
  return formatIpv6(ipv6Octets(key), 0);
}

/** The address `count` after this one (RFC 4291 addresses as 128-bit integers, wrapping at the end). */
export function ipv6Plus(key: Ipv6Key, count: number | bigint): Ipv6Key {
  const value = BigInt.asUintN(128, BigInt(`0x${ipv6Octets(key).toString('hex')}`) + BigInt(count));
  return Buffer.from(value.toString(16).padStart(32, '0'), 'hex').toString('latin1');
}

export interface Ipv4Prefix {
  network: number;
  length: number;
}

export interface Ipv6Prefix {
  network: Ipv6Key;
  length: number;
}

function splitPrefix(text: string, maximum: number): { address: string; length: number } {
  const [address = '', lengthText = '', ...rest] = text.split('/');
  const length = Number(lengthText);
  if (rest.length > 0 || !/^\d{1,3}$/.test(lengthText) || length > maximum) {
    throw new Error(`"${text}" is not a prefix: expected an address, "/" and a length of 0 to ${maximum}`);
  }
  return { address, length };
}

/** `10.1.0.0/16` as a prefix; host bits are cleared. Throws on bad text. */
export function ipv4Prefix(text: string): Ipv4Prefix {
  const { address, length } = splitPrefix(text, 32);
  return ipv4PrefixOf(ipv4Number(address), length);
}

/** The prefix of this length that the address lies in. */
export function ipv4PrefixOf(address: number, length: number): Ipv4Prefix {
  return { network: maskIpv4(address, length), length };
}

/** `2001:db8:1::/64` as a prefix; host bits are cleared. Throws on bad text. */
export function ipv6Prefix(text: string): Ipv6Prefix {
  const { address, length } = splitPrefix(text, 128);
  return { network: maskIpv6(ipv6Key(address), length), length };
}

function maskIpv4(address: number, length: number): number {
  return length === 0 ? 0 : (address & (0xffffffff << (32 - length))) >>> 0;
}

function maskIpv6(key: Ipv6Key, length: number): Ipv6Key {
  const octets = ipv6Octets(key);
  for (let bit = length; bit < 128; bit = (bit & ~7) + 8) {
    octets[bit >> 3] = (octets[bit >> 3] ?? 0) & (0xff00 >> (bit & 7));
  }
  return octets.toString('latin1');
}

export function inIpv4Prefix(address: number, prefix: Ipv4Prefix): boolean {
  return maskIpv4(address, prefix.length) === prefix.network;
}

export function inIpv6Prefix(key: Ipv6Key, prefix: Ipv6Prefix): boolean {
  return maskIpv6(key, prefix.length) === prefix.network;
}

/** The address all of whose host bits are one. */
export function directedBroadcast(prefix: Ipv4Prefix): number {
  return prefix.length === 32 ? prefix.network : (prefix.network | (0xffffffff >>> prefix.length)) >>> 0;
}

export const zeroIpv6: Ipv6Key = '\0'.repeat(16);
const zeroHalf = '\0'.repeat(8);

/** High 64 bits zero and low 64 not: the `::EUI64` form of section 4.6 (reading A33). */
export function isInterfaceIdentifierOnly(key: Ipv6Key): boolean {
  return key.startsWith(zeroHalf) && !key.endsWith(zeroHalf);
}

/** Link-local (fe80::/10), multicast, the unspecified address and loopback cannot be home addresses. */
export function isUnusableHomeAddress(key: Ipv6Key): boolean {
  const first = key.charCodeAt(0);
  return (
    first === 0xff ||
    (first === 0xfe && (key.charCodeAt(1) & 0xc0) === 0x80) ||
    key === zeroIpv6 ||
    key === `${'\0'.repeat(15)}\x01`
  );
}

/** The interface identifier of a MAC address behind this prefix (RFC 4291 appendix A). */
export function addressIn(prefix: Ipv6Key, mac: Buffer): Ipv6Key {
  const identifier = Buffer.from([
    (mac[0] ?? 0) ^ 2,
    mac[1] ?? 0,
    mac[2] ?? 0,
    0xff,
    0xfe,
    mac[3] ?? 0,
    mac[4] ?? 0,
    mac[5] ?? 0,
  ]);
  return prefix.slice(0, 8) + identifier.toString('latin1');
}
