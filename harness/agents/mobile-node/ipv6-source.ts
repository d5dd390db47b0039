import { type Ipv6Key, ipv6Octets } from '../common/addresses.ts';
import { protocol, writeChecksum } from '../common/packets.ts';

/** Where the checksum stands that covers the addresses, from the start of the packet. */
const checksumAt: Record<number, number> = { [protocol.tcp]: 56, [protocol.udp]: 46, [protocol.icmpv6]: 42 };

/** A copy of an IPv6 packet with another source address and a right checksum; for a deviation. */
export function withIpv6Source(packet: Buffer, source: Ipv6Key): Buffer {
  const copy = Buffer.from(packet);
  ipv6Octets(source).copy(copy, 8);
  const nextHeader = copy[6] ?? 0;
  const at = checksumAt[nextHeader];
  if (at !== undefined && copy.length >= at + 2) {
    writeChecksum(copy, at, 8, copy.length, nextHeader + copy.length - 40);
  }
  return copy;
}
