import { type Ipv6Key, ipv6KeyAt } from '../common/addresses.ts';
import { protocol, sum16 } from '../common/packets.ts';

/** An IPv6 router advertisement (RFC 2461 4.2), as far as the mobile node needs it. */
export interface RouterAdvertisement {
  router: Ipv6Key;
  mac: Buffer;
  /** 0: not to be used as a default router. */
  lifetimeSeconds: number;
  /** Network of the first prefix of 64 bits that addresses may be formed in (RFC 2462 5.5.3). */
  prefix?: Ipv6Key;
}

const icmpv6At = 54;
const prefixInformation = 3;
const autonomousFlag = 0x40;

/**
 * The end of an ICMPv6 neighbor discovery message in a frame; undefined unless it is one of this type with hop limit 255, code 0,
 * a right checksum and the octets that it needs (RFC 2461 6.1, 7.1).
 */
export function neighborDiscoveryEnd(frame: Buffer, type: number, octets: number): number | undefined {
  const end = icmpv6At + frame.readUInt16BE(18);
  const isRight =
    frame[20] === protocol.icmpv6 &&
    frame[21] === 255 &&
    end <= frame.length &&
    end >= icmpv6At + octets &&
    frame[icmpv6At] === type &&
    frame[icmpv6At + 1] === 0 &&
    sum16(frame, 22, end, protocol.icmpv6 + end - icmpv6At) === 0xffff;
  return isRight ? end : undefined;
}

/** Read a router advertisement from its Ethernet header on; undefined when it is none, or malformed. */
export function parseRouterAdvertisement(frame: Buffer): RouterAdvertisement | undefined {
  const end = neighborDiscoveryEnd(frame, 134, 16);
  // RFC 2461 6.1.2: it comes from a link-local address.
  if (end === undefined || frame[22] !== 0xfe || ((frame[23] ?? 0) & 0xc0) !== 0x80) {
    return undefined;
  }
  let prefix: Ipv6Key | undefined;
  for (let at = icmpv6At + 16; at < end; ) {
    const length = (frame[at + 1] ?? 0) * 8;
    if (length === 0 || at + length > end) {
      return undefined;
    }
    const isFormed =
      frame[at] === prefixInformation &&
      length === 32 &&
      frame[at + 2] === 64 &&
      ((frame[at + 3] ?? 0) & autonomousFlag) !== 0 &&
      frame.readUInt32BE(at + 4) > 0 &&
      frame[at + 16] !== 0xfe;
    if (isFormed) {
      prefix ??= ipv6KeyAt(frame, at + 16);
    }
    at += length;
  }
  return {
    router: ipv6KeyAt(frame, 22),
    mac: Buffer.from(frame.subarray(6, 12)),
    lifetimeSeconds: frame.readUInt16BE(icmpv6At + 6),
    prefix,
  };
}
