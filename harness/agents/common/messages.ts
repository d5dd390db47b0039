/** The layout of registration messages as all agents read it. */
import { type Ipv6Key, ipv4At, ipv6KeyAt } from './addresses.ts';

/** UDP port of Mobile IP (RFC 3344 3.1). */
export const mobileIpPort = 434;

/** The fixed part of a Registration Request (RFC 3344 3.3). */
export interface RequestFixedPart {
  flags: number;
  lifetimeSeconds: number;
  homeAddress: number;
  homeAgent: number;
  careOfAddress: number;
  identification: bigint;
}

/** The fixed part of a Registration Reply (RFC 3344 3.4). */
export interface ReplyFixedPart {
  code: number;
  lifetimeSeconds: number;
  homeAddress: number;
  homeAgent: number;
  identification: bigint;
}

export const requestFixedPartLength = 24;
export const replyFixedPartLength = 20;

/** Undefined when the octets are no Registration Request or too short for the fixed part. */
export function readRequestFixedPart(octets: Buffer): RequestFixedPart | undefined {
  return octets.length < requestFixedPartLength || octets[0] !== 1
    ? undefined
    : {
        flags: octets[1] ?? 0,
        lifetimeSeconds: octets.readUInt16BE(2),
        homeAddress: ipv4At(octets, 4),
        homeAgent: ipv4At(octets, 8),
        careOfAddress: ipv4At(octets, 12),
        identification: octets.readBigUInt64BE(16),
      };
}

/** Undefined when the octets are no Registration Reply or too short for the fixed part. */
export function readReplyFixedPart(octets: Buffer): ReplyFixedPart | undefined {
  return octets.length < replyFixedPartLength || octets[0] !== 3
    ? undefined
    : {
        code: octets[1] ?? 0,
        lifetimeSeconds: octets.readUInt16BE(2),
        homeAddress: ipv4At(octets, 4),
        homeAgent: ipv4At(octets, 8),
        identification: octets.readBigUInt64BE(12),
      };
}

/** Flag bits of the Registration Request (RFC 3344 3.3, RFC 3024 3.2). */
export const requestFlag = {
  simultaneousBindings: 0x80,
  broadcastDatagrams: 0x40,
  decapsulationByMobileNode: 0x20,
  minimalEncapsulation: 0x10,
  greEncapsulation: 0x08,
  reverseTunneling: 0x02,
} as const;

export const extensionType = {
  padding: 0,
  mobileHomeAuthentication: 32,
  mobileForeignAuthentication: 33,
  foreignHomeAuthentication: 34,
  encapsulatingDeliveryStyle: 130,
  mobileNodeNai: 131,
  mobileForeignChallenge: 132,
  udpTunnelRequest: 144,
} as const;

/** An extension at its place in a message. */
export interface Found {
  type: number;
  offset: number;
  /** Octets, type and length included. */
  length: number;
}

/** The NAI in an extension of type 131 (RFC 2794 2); undefined when it is empty. */
export function naiIn(octets: Buffer, { offset, length }: Found): string | undefined {
  return length > 2 ? octets.toString('latin1', offset + 2, offset + length) : undefined;
}

/**
 * The address in an IPv6 home address extension (section 3.1 of the draft); undefined when length or sub-type are
 * others, which is not understood and skipped (readings A27, A28).
 */
export function ipv6HomeAddressIn(octets: Buffer, { offset, length }: Found): Ipv6Key | undefined {
  return length === 19 && octets[offset + 2] === 1 ? ipv6KeyAt(octets, offset + 3) : undefined;
}

/**
 * The extensions behind the fixed part (RFC 3344 1.8: type, length, data; type 0 is one octet of padding). `trailing`: octets are
 * left over that make no extension. Types in `long` have the long format (RFC 3344 1.10): type, sub-type, two octets of length.
 */
export function walkExtensions(
  octets: Buffer,
  fixedPartLength: number,
  long: readonly number[] = [],
): { found: Found[]; trailing: boolean } {
  const found: Found[] = [];
  let offset = fixedPartLength;
  while (offset < octets.length) {
    const type = octets[offset] ?? 0;
    if (type === extensionType.padding) {
      found.push({ type, offset, length: 1 });
      offset += 1;
      continue;
    }
    const length = long.includes(type)
      ? 4 + (offset + 4 > octets.length ? octets.length : octets.readUInt16BE(offset + 2))
      : 2 + (octets[offset + 1] ?? octets.length);
    if (offset + length > octets.length) {
      return { found, trailing: true };
    }
    found.push({ type, offset, length });
    offset += length;
  }
  return { found, trailing: false };
}

/** RFC 3519 3.1: a UDP tunnel request extension, IP-in-IP, not forced; for deviations. */
export const udpTunnelRequest = Buffer.of(144, 6, 0, 0, 0, 0, 0, 0);
