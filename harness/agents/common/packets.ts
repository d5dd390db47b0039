/** Raw work on IP headers: checksums, forwarding, encapsulation, fragments. Offsets in octets. */

export const protocol = {
  icmp: 1,
  ipInIp: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  gre: 47,
  minimal: 55,
  icmpv6: 58,
} as const;

const tunnelTtl = 64;
let identification = Math.floor(Math.random() * 0xffff);

function nextIdentification(): number {
  identification = (identification % 0xffff) + 1;
  return identification;
}

/** One's complement sum of 16-bit words, folded; a right header with its checksum gives 0xffff. */
export function sum16(octets: Buffer, start: number, end: number, initial = 0): number {
  let sum = initial;
  for (let index = start; index + 1 < end; index += 2) {
    sum += ((octets[index] ?? 0) << 8) | (octets[index + 1] ?? 0);
  }
  if ((end - start) & 1) {
    sum += (octets[end - 1] ?? 0) << 8;
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum;
}

export function writeChecksum(octets: Buffer, at: number, start: number, end: number, initial = 0): void {
  octets.writeUInt16BE(0, at);
  octets.writeUInt16BE(~sum16(octets, start, end, initial) & 0xffff, at);
}

/**
 * The IPv4 packet at the start of the octets, cut to its total length; undefined when version, lengths or header
 * checksum are wrong.
 */
export function ipv4Packet(octets: Buffer): Buffer | undefined {
  const headerLength = ((octets[0] ?? 0) & 15) * 4;
  if (octets.length < 20 || (octets[0] ?? 0) >> 4 !== 4 || headerLength < 20) {
    return undefined;
  }
  const total = octets.readUInt16BE(2);
  if (total < headerLength || total > octets.length || sum16(octets, 0, headerLength) !== 0xffff) {
    return undefined;
  }
  return total === octets.length ? octets : octets.subarray(0, total);
}

/** The IPv6 packet at the start of the octets, cut to its length; undefined when it is none. */
export function ipv6Packet(octets: Buffer): Buffer | undefined {
  if (octets.length < 40 || (octets[0] ?? 0) >> 4 !== 6) {
    return undefined;
  }
  const total = 40 + octets.readUInt16BE(4);
  return total > octets.length ? undefined : total === octets.length ? octets : octets.subarray(0, total);
}

export function isFragment(packet: Buffer): boolean {
  return (packet.readUInt16BE(6) & 0x3fff) !== 0;
}

export function headerLength(packet: Buffer): number {
  return ((packet[0] ?? 0) & 15) * 4;
}

/** Lower the IPv4 TTL of this copy by `count`, mending the checksum. */
export function lowerTtl(packet: Buffer, count: number): void {
  packet[8] = Math.max(0, (packet[8] ?? 0) - count);
  writeChecksum(packet, 10, 0, headerLength(packet));
}

/** Lower the IPv6 hop limit of this copy by `count`. */
export function lowerHopLimit(packet: Buffer, count: number): void {
  packet[7] = Math.max(0, (packet[7] ?? 0) - count);
}

export interface OuterHeader {
  source: number;
  destination: number;
  protocol: number;
  typeOfService: number;
  dontFragment: boolean;
}

/** `middle` (may be empty) and `inner` behind a new IPv4 header. */
export function encapsulate(outer: OuterHeader, inner: Buffer, middle?: Buffer): Buffer {
  const start = 20 + (middle?.length ?? 0);
  const packet = Buffer.allocUnsafe(start + inner.length);
  writeHeader(packet, outer);
  middle?.copy(packet, 20);
  inner.copy(packet, start);
  return packet;
}

function writeHeader(packet: Buffer, outer: OuterHeader): void {
  packet[0] = 0x45;
  packet[1] = outer.typeOfService;
  packet.writeUInt16BE(packet.length, 2);
  packet.writeUInt16BE(nextIdentification(), 4);
  packet.writeUInt16BE(outer.dontFragment ? 0x4000 : 0, 6);
  packet[8] = tunnelTtl;
  packet[9] = outer.protocol;
  packet.writeUInt32BE(outer.source, 12);
  packet.writeUInt32BE(outer.destination, 16);
  writeChecksum(packet, 10, 0, 20);
}

/** RFC 2004: the inner IPv4 header is folded into a forwarding header of twelve octets. */
export function encapsulateMinimally(outer: OuterHeader, inner: Buffer): Buffer {
  const length = headerLength(inner);
  const middle = Buffer.alloc(12);
  middle[0] = inner[9] ?? 0;
  middle[1] = 0x80;
  inner.copy(middle, 4, 16, 20);
  inner.copy(middle, 8, 12, 16);
  writeChecksum(middle, 2, 0, 12);
  return encapsulate({ ...outer, protocol: protocol.minimal }, inner.subarray(length), middle);
}

/** The inner IPv4 packet of a minimal encapsulation; undefined when it is malformed. */
export function decapsulateMinimally(packet: Buffer): Buffer | undefined {
  const start = headerLength(packet);
  const hasSource = ((packet[start + 1] ?? 0) & 0x80) !== 0;
  const end = start + (hasSource ? 12 : 8);
  if (end > packet.length || sum16(packet, start, end) !== 0xffff) {
    return undefined;
  }
  const inner = Buffer.concat([packet.subarray(0, 20), packet.subarray(end)]);
  inner[0] = 0x45;
  inner[9] = packet[start] ?? 0;
  inner.writeUInt16BE(inner.length, 2);
  packet.copy(inner, 16, start + 4, start + 8);
  if (hasSource) {
    packet.copy(inner, 12, start + 8, start + 12);
  }
  writeChecksum(inner, 10, 0, 20);
  return inner;
}

/** RFC 3519: outer header, UDP and the Tunnel Data message in front of the inner packet. */
export function encapsulateInUdp(
  outer: OuterHeader,
  inner: Buffer,
  ports: { source: number; destination: number },
  nextHeader: number,
): Buffer {
  const middle = Buffer.alloc(12);
  middle.writeUInt16BE(ports.source, 0);
  middle.writeUInt16BE(ports.destination, 2);
  middle.writeUInt16BE(12 + inner.length, 4);
  middle[8] = 4;
  middle[9] = nextHeader;
  const packet = encapsulate({ ...outer, protocol: protocol.udp }, inner, middle);
  const pseudo = sum16(packet, 12, 20) + protocol.udp + 12 + inner.length;
  writeChecksum(packet, 26, 20, packet.length, pseudo);
  if (packet.readUInt16BE(26) === 0) {
    packet.writeUInt16BE(0xffff, 26);
  }
  return packet;
}

/** A packet of at most `mtu` octets per piece (RFC 791); the caller has seen to DF. */
export function fragments(packet: Buffer, mtu: number): Buffer[] {
  if (packet.length <= mtu) {
    return [packet];
  }
  const start = headerLength(packet);
  const room = (mtu - start) & ~7;
  const pieces: Buffer[] = [];
  for (let at = start; at < packet.length; at += room) {
    const end = Math.min(packet.length, at + room);
    const piece = Buffer.concat([packet.subarray(0, start), packet.subarray(at, end)]);
    piece.writeUInt16BE(piece.length, 2);
    piece.writeUInt16BE(((at - start) >> 3) | (end < packet.length ? 0x2000 : 0), 6);
    writeChecksum(piece, 10, 0, start);
    pieces.push(piece);
  }
  return pieces;
}
