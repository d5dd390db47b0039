import { formatIpv4 } from './address.ts';
import { internetChecksum, type NetworkAddresses } from './checksum.ts';
import { type Cursor, checksumProblem, type Next } from './cursor.ts';
import { nextOfProtocol } from './ip.ts';
import { etherType, etherTypeOf, ipProtocolOf } from './protocols.ts';
import { messageType } from './registration.ts';
import type { Gre, LayerName, MinimalEncapsulation, UdpTunnelData } from './types.ts';
import { checkRange, type Writer } from './writer.ts';

const greChecksumFlag = 0x8000;
const greRoutingFlag = 0x4000;
const greKeyFlag = 0x2000;
const greSequenceFlag = 0x1000;
/** The 13 bits before the version, without those that announce a field. */
const greReservedBits = 0x4ff8;

/** RFC 2784 and 2890. A `reserved1` without a checksum asks for the checksum to be computed by `finishGre`. */
export function encodeGre(w: Writer, gre: Gre, following: LayerName | undefined): void {
  const reserved = gre.reserved ?? 0;
  const version = gre.version ?? 0;
  checkRange(reserved, 0x1fff, 'gre.reserved');
  checkRange(version, 7, 'gre.version');
  const withChecksum = gre.checksum !== undefined || gre.reserved1 !== undefined;
  const flags =
    (withChecksum ? greChecksumFlag : 0) |
    (gre.key === undefined ? 0 : greKeyFlag) |
    (gre.sequenceNumber === undefined ? 0 : greSequenceFlag);
  w.u16(flags | (reserved << 3) | version, 'gre.reserved');
  w.u16(gre.protocolType ?? etherTypeOf(following), 'gre.protocolType');
  if (withChecksum) {
    w.u16(gre.checksum ?? 0, 'gre.checksum');
    w.u16(gre.reserved1 ?? 0, 'gre.reserved1');
  }
  if (gre.key !== undefined) w.u32(gre.key, 'gre.key');
  if (gre.sequenceNumber !== undefined) w.u32(gre.sequenceNumber, 'gre.sequenceNumber');
}

/** Set the checksum over header and payload, when it is wanted and left out. */
export function finishGre(w: Writer, gre: Gre, start: number): void {
  if (gre.checksum !== undefined || gre.reserved1 === undefined) return;
  w.setU16(start + 4, internetChecksum(w.octets, start, w.at), 'gre.checksum');
}

/** RFC 2784 and 2890; the source routes of RFC 1701 and other versions are not read. */
export function decodeGre(c: Cursor): void {
  const start = c.at;
  const available = c.end - start;
  if (available < 4) {
    c.halt('gre', `${available} octets are too few for a header`);
    return;
  }
  const word = c.u16(0);
  const headerOctets =
    4 + (word & greChecksumFlag ? 4 : 0) + (word & greKeyFlag ? 4 : 0) + (word & greSequenceFlag ? 4 : 0);
  if (word & greRoutingFlag || (word & 7) !== 0) {
    c.halt('gre', word & 7 ? `version ${word & 7} is not 0` : 'source routes are not read');
    return;
  }
  if (available < headerOctets) {
    c.halt('gre', `${available} octets are too few for a header of ${headerOctets}`);
    return;
  }
  const gre: Gre = { reserved: (word & greReservedBits) >> 3, version: word & 7, protocolType: c.u16(2) };
  let offset = 4;
  if (word & greChecksumFlag) {
    gre.checksum = c.u16(offset);
    gre.reserved1 = c.u16(offset + 2);
    offset += 4;
  }
  if (word & greKeyFlag) {
    gre.key = c.u32(offset);
    offset += 4;
  }
  if (word & greSequenceFlag) gre.sequenceNumber = c.u32(offset);
  c.push('gre', { gre }, headerOctets);
  if (gre.reserved !== 0) c.find('reserved', 'is not zero');
  if (gre.reserved1) c.find('reserved1', 'is not zero');
  if (gre.checksum !== undefined && !c.fragment && internetChecksum(c.octets, start, c.end) !== 0) {
    const right = internetChecksum(c.octets, start, c.end, ~gre.checksum & 0xffff);
    c.find('checksum', checksumProblem(gre.checksum, right));
  }
  c.next = nextOfGre(gre.protocolType as number);
}

function nextOfGre(protocolType: number): Next {
  if (protocolType === etherType.ipv4) return 'ipv4';
  return protocolType === etherType.ipv6 ? 'ipv6' : 'payload';
}

/**
 * RFC 2004. Returns the addresses of the datagram that is carried: without `source`, the source is that of the IP
 * header before.
 */
export function encodeMinimalEncapsulation(
  w: Writer,
  header: MinimalEncapsulation,
  following: LayerName | undefined,
  outer: NetworkAddresses | undefined,
): NetworkAddresses | undefined {
  const start = w.at;
  const reserved = header.reserved ?? 0;
  checkRange(reserved, 0x7f, 'minimalEncapsulation.reserved');
  w.u8(header.protocol ?? ipProtocolOf(following), 'minimalEncapsulation.protocol');
  w.u8((header.source === undefined ? 0 : 0x80) | reserved, 'minimalEncapsulation.reserved');
  w.u16(header.checksum ?? 0, 'minimalEncapsulation.checksum');
  w.ipv4(header.destination ?? '0.0.0.0', 'minimalEncapsulation.destination');
  if (header.source !== undefined) w.ipv4(header.source, 'minimalEncapsulation.source');
  return innerAddresses(start, header.source !== undefined, outer);
}

function innerAddresses(
  start: number,
  withSource: boolean,
  outer: NetworkAddresses | undefined,
): NetworkAddresses | undefined {
  const sourceAt = withSource ? start + 8 : outer?.addressLength === 4 ? outer.sourceAt : undefined;
  return sourceAt === undefined ? undefined : { sourceAt, destinationAt: start + 4, addressLength: 4 };
}

/** Set the checksum, which covers the minimal forwarding header alone. */
export function finishMinimalEncapsulation(w: Writer, header: MinimalEncapsulation, start: number): void {
  if (header.checksum !== undefined) return;
  const end = start + (header.source === undefined ? 8 : 12);
  w.setU16(start + 2, internetChecksum(w.octets, start, end), 'minimalEncapsulation.checksum');
}

/** RFC 2004: what follows the header is the transport of the datagram that is carried. */
export function decodeMinimalEncapsulation(c: Cursor): void {
  const start = c.at;
  const available = c.end - start;
  const headerOctets = available >= 2 && c.u8(1) & 0x80 ? 12 : 8;
  if (available < headerOctets) {
    c.halt('minimalEncapsulation', `${available} octets are too few for a header`);
    return;
  }
  const header: MinimalEncapsulation = {
    protocol: c.u8(0),
    reserved: c.u8(1) & 0x7f,
    checksum: c.u16(2),
    destination: formatIpv4(c.octets, start + 4),
  };
  if (headerOctets === 12) header.source = formatIpv4(c.octets, start + 8);
  c.network = innerAddresses(start, headerOctets === 12, c.network);
  c.push('minimalEncapsulation', { minimalEncapsulation: header }, headerOctets);
  if (header.reserved !== 0) c.find('reserved', 'is not zero');
  if (internetChecksum(c.octets, start, c.at) !== 0) {
    const found = header.checksum as number;
    const right = internetChecksum(c.octets, start, c.at, ~found & 0xffff);
    c.find('checksum', checksumProblem(found, right));
  }
  c.next = nextOfProtocol(header.protocol as number);
}

/** RFC 3519 3.3. */
export function encodeUdpTunnelData(w: Writer, data: UdpTunnelData, following: LayerName | undefined): void {
  w.u8(messageType.udpTunnelData, 'udpTunnelData');
  w.u8(data.nextHeader ?? ipProtocolOf(following), 'udpTunnelData.nextHeader');
  w.u16(data.reserved ?? 0, 'udpTunnelData.reserved');
}

/** RFC 3519 3.3. */
export function decodeUdpTunnelData(c: Cursor): void {
  if (c.end - c.at < 4) {
    c.halt('udpTunnelData', `${c.end - c.at} octets are too few for a header`);
    return;
  }
  const data = { nextHeader: c.u8(1), reserved: c.u16(2) };
  c.push('udpTunnelData', { udpTunnelData: data }, 4);
  if (data.reserved !== 0) c.find('reserved', 'is not zero');
  c.next = nextOfProtocol(data.nextHeader);
}
