import { ipv4At } from './addresses.ts';
import { headerLength, ipv4Packet, isFragment, protocol, sum16 } from './packets.ts';

/** A UDP datagram in an IPv4 packet. */
export interface Datagram {
  problem?: undefined;
  source: number;
  sourcePort: number;
  destination: number;
  destinationPort: number;
  payload: Buffer;
}

/** What was wrong with one, as the name of a counter. */
export interface BadDatagram {
  problem: 'malformedIpv4' | 'malformedUdp' | 'badUdpChecksum';
}

/**
 * The UDP datagram in an IPv4 packet of protocol 17. RFC 3344 3.7.2.1, 3.8.2.1: a wrong checksum that is not zero is to be discarded
 * silently; not to check it is for deviations.
 */
export function readUdp(octets: Buffer, isChecksumChecked = true): Datagram | BadDatagram {
  const packet = ipv4Packet(octets);
  if (packet === undefined || isFragment(packet)) {
    return { problem: 'malformedIpv4' };
  }
  const start = headerLength(packet);
  const length = packet.length >= start + 8 ? packet.readUInt16BE(start + 4) : 0;
  if (length < 8 || start + length > packet.length) {
    return { problem: 'malformedUdp' };
  }
  const end = start + length;
  const pseudo = sum16(packet, 12, 20) + protocol.udp + length;
  if (
    isChecksumChecked &&
    packet.readUInt16BE(start + 6) !== 0 &&
    sum16(packet, start, end, pseudo) !== 0xffff
  ) {
    return { problem: 'badUdpChecksum' };
  }
  return {
    source: ipv4At(packet, 12),
    sourcePort: packet.readUInt16BE(start),
    destination: ipv4At(packet, 16),
    destinationPort: packet.readUInt16BE(start + 2),
    payload: packet.subarray(start + 8, end),
  };
}
