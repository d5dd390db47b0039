import { agentFlag } from '../../wire/index.ts';
import { type Ipv4Prefix, ipv4At, ipv4PrefixOf } from '../common/addresses.ts';
import { headerLength, ipv4Packet, isFragment, sum16 } from '../common/packets.ts';
import { ethernetLength } from '../common/port.ts';

/** An agent advertisement (RFC 3344 2.1) as it was heard. */
export interface Advertisement {
  /** Source address of the IP header and of the frame: where requests go (RFC 3344 3.6.1.1). */
  address: number;
  mac: Buffer;
  /** ICMP lifetime of the advertisement, and the longest registration lifetime that the agent takes. */
  lifetimeSeconds: number;
  registrationLifetimeSeconds: number;
  sequenceNumber: number;
  flags: number;
  careOfAddresses: number[];
  routers: number[];
  /** With a Prefix-Lengths Extension: the prefixes of the routers' addresses. */
  prefixes: Ipv4Prefix[];
  /** RFC 4721: the challenge to repeat in the request. */
  challenge?: Buffer;
}

const extension = { padding: 0, mobilityAgent: 16, prefixLengths: 19, challenge: 24 } as const;
const fixedOctets = 6;

/**
 * Read an ICMP router advertisement from its Ethernet header on. Undefined when it is malformed, or no agent's. Reserved bits
 * are left to the reader of `flags` (RFC 3344 2.4: they are to be ignored).
 */
export function parseAdvertisement(frame: Buffer): Advertisement | undefined {
  const packet = ipv4Packet(frame.subarray(ethernetLength));
  if (packet === undefined || isFragment(packet)) {
    return undefined;
  }
  const icmp = packet.subarray(headerLength(packet));
  const isRead =
    icmp.length >= 8 &&
    icmp[0] === 9 &&
    (icmp[1] === 0 || icmp[1] === 16) &&
    sum16(icmp, 0, icmp.length) === 0xffff;
  const count = icmp[4] ?? 0;
  const entryOctets = (icmp[5] ?? 0) * 4;
  const end = 8 + count * entryOctets;
  if (!isRead || (count > 0 && entryOctets < 8) || end > icmp.length) {
    return undefined;
  }
  const routers = Array.from({ length: count }, (_, index) => ipv4At(icmp, 8 + index * entryOctets));
  const heard: Partial<Advertisement> = {};
  if (!readExtensions(icmp, end, routers, heard) || heard.flags === undefined) {
    return undefined;
  }
  return {
    registrationLifetimeSeconds: 0,
    sequenceNumber: 0,
    careOfAddresses: [],
    prefixes: [],
    ...heard,
    flags: heard.flags,
    address: ipv4At(packet, 12),
    mac: Buffer.from(frame.subarray(6, 12)),
    lifetimeSeconds: icmp.readUInt16BE(6),
    routers,
  };
}

/** False when octets are left over that make no extension, or an agent extension is not laid out as one. */
function readExtensions(
  icmp: Buffer,
  from: number,
  routers: number[],
  heard: Partial<Advertisement>,
): boolean {
  let at = from;
  while (at < icmp.length) {
    const type = icmp[at] ?? 0;
    if (type === extension.padding) {
      at += 1;
      continue;
    }
    const data = at + 2;
    const length = icmp[at + 1] ?? icmp.length;
    if (data + length > icmp.length) {
      return false;
    }
    if (type === extension.mobilityAgent) {
      if (length < fixedOctets || (length - fixedOctets) % 4 !== 0) {
        return false;
      }
      heard.sequenceNumber = icmp.readUInt16BE(data);
      heard.registrationLifetimeSeconds = icmp.readUInt16BE(data + 2);
      heard.flags = icmp.readUInt16BE(data + 4);
      heard.careOfAddresses = Array.from({ length: (length - fixedOctets) / 4 }, (_, index) =>
        ipv4At(icmp, data + fixedOctets + index * 4),
      );
    } else if (type === extension.prefixLengths) {
      heard.prefixes = routers.flatMap((router, index) => {
        const bits = index < length ? (icmp[data + index] ?? 33) : 33;
        return bits <= 32 ? [ipv4PrefixOf(router, bits)] : [];
      });
    } else if (type === extension.challenge) {
      heard.challenge = Buffer.from(icmp.subarray(data, data + length));
    }
    at = data + length;
  }
  return true;
}

/** A foreign agent that can be registered with (RFC 3344 2.1.1: F comes with a care-of address). */
export function isForeignAgent({
  flags,
  careOfAddresses,
  registrationLifetimeSeconds,
}: Advertisement): boolean {
  return (
    (flags & agentFlag.foreignAgent) !== 0 && careOfAddresses.length > 0 && registrationLifetimeSeconds > 0
  );
}
