import { formatIpv4, formatIpv6 } from './address.ts';
import { internetChecksum, type NetworkAddresses } from './checksum.ts';
import { type Cursor, checksumProblem, type Next } from './cursor.ts';
import { ipProtocol, ipProtocolOf } from './protocols.ts';
import type { Ipv4, Ipv6, LayerName } from './types.ts';
import { checkRange, type Writer } from './writer.ts';

const ipv4HeaderOctets = 20;
const ipv6HeaderOctets = 40;

/** What stands behind an IP header with this protocol / next header number. */
export function nextOfProtocol(protocol: number): Next {
  switch (protocol) {
    case ipProtocol.udp:
      return 'udp';
    case ipProtocol.icmp:
      return 'icmp';
    case ipProtocol.ipv4:
      return 'ipv4';
    case ipProtocol.ipv6:
      return 'ipv6';
    case ipProtocol.icmpv6:
      return 'icmpv6';
    case ipProtocol.gre:
      return 'gre';
    case ipProtocol.minimalEncapsulation:
      return 'minimalEncapsulation';
    default:
      return 'payload';
  }
}

/** Hop limit of messages that must not be forwarded: 1 for RFC 1256 / RFC 3344 2.1, 255 for RFC 2461. */
function defaultTtl(following: LayerName | undefined): number {
  switch (following) {
    case 'routerSolicitation':
    case 'routerAdvertisement':
      return 1;
    case 'neighborSolicitation':
    case 'neighborAdvertisement':
    case 'ipv6RouterSolicitation':
    case 'ipv6RouterAdvertisement':
      return 255;
    default:
      return 64;
  }
}

/** Write an IPv4 header; total length and checksum, if left out, are set by `finishIpv4`. */
export function encodeIpv4(w: Writer, ip: Ipv4, following: LayerName | undefined): NetworkAddresses {
  const options = ip.options ?? '';
  const optionOctets = ((options.length + 7) >> 3) << 2;
  const version = ip.version ?? 4;
  const headerLength = ip.headerLength ?? (ipv4HeaderOctets + optionOctets) >> 2;
  const offset = ip.fragmentOffset ?? 0;
  checkRange(version, 15, 'ipv4.version');
  checkRange(headerLength, 15, 'ipv4.headerLength');
  checkRange(offset, 0x1fff, 'ipv4.fragmentOffset');
  const flags =
    (ip.reservedFlag ? 0x8000 : 0) | (ip.dontFragment ? 0x4000 : 0) | (ip.moreFragments ? 0x2000 : 0);
  const start = w.at;
  w.u8((version << 4) | headerLength, 'ipv4.version');
  w.u8(ip.typeOfService ?? 0, 'ipv4.typeOfService');
  w.u16(ip.totalLength ?? 0, 'ipv4.totalLength');
  w.u16(ip.identification ?? 0, 'ipv4.identification');
  w.u16(flags | offset, 'ipv4.fragmentOffset');
  w.u8(ip.ttl ?? defaultTtl(following), 'ipv4.ttl');
  w.u8(ip.protocol ?? ipProtocolOf(following), 'ipv4.protocol');
  w.u16(ip.checksum ?? 0, 'ipv4.checksum');
  w.ipv4(ip.source ?? '0.0.0.0', 'ipv4.source');
  w.ipv4(ip.destination ?? '0.0.0.0', 'ipv4.destination');
  w.hex(options, 'ipv4.options');
  w.zeros(optionOctets - (options.length >> 1));
  return { sourceAt: start + 12, destinationAt: start + 16, addressLength: 4 };
}

/** Set what depends on the octets behind the header. */
export function finishIpv4(w: Writer, ip: Ipv4, start: number): void {
  if (ip.totalLength === undefined) w.setU16(start + 2, w.at - start, 'ipv4.totalLength');
  if (ip.checksum === undefined) {
    const end = start + ipv4HeaderOctets + ((((ip.options?.length ?? 0) + 7) >> 3) << 2);
    w.setU16(start + 10, internetChecksum(w.octets, start, end), 'ipv4.checksum');
  }
}

/** RFC 791. What follows the total length is link padding below Ethernet, a finding elsewhere. */
export function decodeIpv4(c: Cursor): void {
  const start = c.at;
  const available = c.end - start;
  if (available < ipv4HeaderOctets) {
    c.halt('ipv4', `${available} octets are too few for a header`);
    return;
  }
  const headerLength = c.u8(0) & 15;
  const fits = headerLength >= 5 && headerLength * 4 <= available;
  const headerOctets = fits ? headerLength * 4 : ipv4HeaderOctets;
  const fragment = c.u16(6);
  const totalLength = c.u16(2);
  const protocol = c.u8(9);
  const ip: Ipv4 = {
    version: c.u8(0) >> 4,
    headerLength,
    typeOfService: c.u8(1),
    totalLength,
    identification: c.u16(4),
    reservedFlag: (fragment & 0x8000) !== 0,
    dontFragment: (fragment & 0x4000) !== 0,
    moreFragments: (fragment & 0x2000) !== 0,
    fragmentOffset: fragment & 0x1fff,
    ttl: c.u8(8),
    protocol,
    checksum: c.u16(10),
    source: formatIpv4(c.octets, start + 12),
    destination: formatIpv4(c.octets, start + 16),
  };
  if (headerOctets > ipv4HeaderOctets) ip.options = c.hex(start + ipv4HeaderOctets, start + headerOctets);
  const inEthernet = c.layers.length === 1 && c.extents[0]?.path === 'ethernet';
  c.network = { sourceAt: start + 12, destinationAt: start + 16, addressLength: 4 };
  c.push('ipv4', { ipv4: ip }, headerOctets);
  if (ip.version !== 4) c.find('version', `is ${ip.version}, not 4`);
  if (ip.reservedFlag) c.find('reservedFlag', 'is set');
  if (!fits) {
    c.find('headerLength', `${headerLength} words do not fit`);
    c.halt('ipv4', 'the header length is impossible');
    return;
  }
  if (internetChecksum(c.octets, start, c.at) !== 0) {
    c.find('checksum', checksumProblem(ip.checksum as number, headerChecksum(c.octets, start, c.at)));
  }
  if (totalLength < headerOctets) c.find('totalLength', `${totalLength} is less than the header`);
  else if (totalLength > available) {
    if (!c.fragment) c.find('totalLength', `is ${totalLength}, but there are ${available} octets`);
  } else {
    c.end = start + totalLength;
    if (totalLength < available && !inEthernet) {
      c.find('totalLength', `is ${totalLength}, and ${available - totalLength} more octets follow`);
    }
  }
  if ((ip.fragmentOffset as number) > 0) c.next = 'payload';
  else {
    if (ip.moreFragments) c.fragment = true;
    c.next = nextOfProtocol(protocol);
  }
}

/** The checksum that the header ought to have. */
function headerChecksum(octets: Uint8Array, start: number, end: number): number {
  const header = octets.slice(start, end);
  header[10] = 0;
  header[11] = 0;
  return internetChecksum(header);
}

/** Write an IPv6 header; the payload length, if left out, is set by `finishIpv6`. */
export function encodeIpv6(w: Writer, ip: Ipv6, following: LayerName | undefined): NetworkAddresses {
  const version = ip.version ?? 6;
  const trafficClass = ip.trafficClass ?? 0;
  const flowLabel = ip.flowLabel ?? 0;
  checkRange(version, 15, 'ipv6.version');
  checkRange(trafficClass, 0xff, 'ipv6.trafficClass');
  checkRange(flowLabel, 0xfffff, 'ipv6.flowLabel');
  const start = w.at;
  w.u16((version << 12) | (trafficClass << 4) | (flowLabel >>> 16), 'ipv6.version');
  w.u16(flowLabel & 0xffff, 'ipv6.flowLabel');
  w.u16(ip.payloadLength ?? 0, 'ipv6.payloadLength');
  w.u8(ip.nextHeader ?? ipProtocolOf(following), 'ipv6.nextHeader');
  w.u8(ip.hopLimit ?? defaultTtl(following), 'ipv6.hopLimit');
  w.ipv6(ip.source ?? '::', 'ipv6.source');
  w.ipv6(ip.destination ?? '::', 'ipv6.destination');
  return { sourceAt: start + 8, destinationAt: start + 24, addressLength: 16 };
}

/** Set what depends on the octets behind the header. */
export function finishIpv6(w: Writer, ip: Ipv6, start: number): void {
  if (ip.payloadLength !== undefined) return;
  w.setU16(start + 4, w.at - start - ipv6HeaderOctets, 'ipv6.payloadLength');
}

/** RFC 2460. Extension headers, fragment headers among them, stay payload. */
export function decodeIpv6(c: Cursor): void {
  const start = c.at;
  const available = c.end - start - ipv6HeaderOctets;
  if (available < 0) {
    c.halt('ipv6', `${c.end - start} octets are too few for a header`);
    return;
  }
  const word = c.u32(0);
  const payloadLength = c.u16(4);
  const nextHeader = c.u8(6);
  const ip: Ipv6 = {
    version: word >>> 28,
    trafficClass: (word >>> 20) & 0xff,
    flowLabel: word & 0xfffff,
    payloadLength,
    nextHeader,
    hopLimit: c.u8(7),
    source: formatIpv6(c.octets, start + 8),
    destination: formatIpv6(c.octets, start + 24),
  };
  const inEthernet = c.layers.length === 1 && c.extents[0]?.path === 'ethernet';
  c.network = { sourceAt: start + 8, destinationAt: start + 24, addressLength: 16 };
  c.push('ipv6', { ipv6: ip }, ipv6HeaderOctets);
  if (ip.version !== 6) c.find('version', `is ${ip.version}, not 6`);
  if (payloadLength > available) {
    if (!c.fragment) c.find('payloadLength', `is ${payloadLength}, but there are ${available} octets`);
  } else {
    c.end = c.at + payloadLength;
    if (payloadLength < available && !inEthernet) {
      c.find('payloadLength', `is ${payloadLength}, and ${available - payloadLength} more octets follow`);
    }
  }
  c.next = nextOfProtocol(nextHeader);
}
