import { internetChecksum, type NetworkAddresses, pseudoHeaderSum } from './checksum.ts';
import { type Cursor, checksumProblem } from './cursor.ts';
import { ipProtocol, mobileIpPort } from './protocols.ts';
import type { LayerName, Udp } from './types.ts';
import type { Writer } from './writer.ts';

const udpHeaderOctets = 8;
/** Where a port is left out and no Mobile IP message follows: the discard service. */
const discardPort = 9;

/** Write a UDP header; length and checksum, if left out, are set by `finishUdp`. */
export function encodeUdp(w: Writer, udp: Udp, following: LayerName | undefined): void {
  const port = isMobileIp(following) ? mobileIpPort : discardPort;
  w.u16(udp.sourcePort ?? port, 'udp.sourcePort');
  w.u16(udp.destinationPort ?? port, 'udp.destinationPort');
  w.u16(udp.length ?? 0, 'udp.length');
  w.u16(udp.checksum === undefined || isToBeWrong(udp) ? 0 : udp.checksum, 'udp.checksum');
}

/** `"checksum": "wrong"` of a vector. */
function isToBeWrong({ checksum }: Udp): boolean {
  return (checksum as unknown) === 'wrong';
}

function isMobileIp(layer: LayerName | undefined): boolean {
  return layer === 'registrationRequest' || layer === 'registrationReply' || layer === 'udpTunnelData';
}

/**
 * Set what depends on the octets behind the header. The checksum is the one that a receiver computes who takes the
 * length field at its word; without an IP header before, there is none (0). In place of a number `wrong` may stand: one that is surely not right.
 */
export function finishUdp(w: Writer, udp: Udp, start: number, network: NetworkAddresses | undefined): void {
  const written = w.at - start;
  const length = udp.length ?? written;
  w.setU16(start + 4, length, 'udp.length');
  if ((udp.checksum !== undefined && !isToBeWrong(udp)) || network === undefined) return;
  const covered = length >= udpHeaderOctets && length <= written ? length : written;
  const sum = pseudoHeaderSum(w.octets, network, ipProtocol.udp, covered);
  const checksum = internetChecksum(w.octets, start, start + covered, sum);
  const right = checksum === 0 ? 0xffff : checksum;
  // Neither zero, which says that there is none, nor 0xffff, which adds up as zero does.
  w.setU16(start + 6, isToBeWrong(udp) ? (right % 0xfffd) + 1 : right, 'udp.checksum');
}

/** RFC 768. A checksum of 0 means none, which IPv6 does not allow (RFC 2460 8.1). */
export function decodeUdp(c: Cursor): void {
  const start = c.at;
  const available = c.end - start;
  if (available < udpHeaderOctets) {
    c.halt('udp', `${available} octets are too few for a header`);
    return;
  }
  const udp = {
    sourcePort: c.u16(0),
    destinationPort: c.u16(2),
    length: c.u16(4),
    checksum: c.u16(6),
  };
  c.push('udp', { udp }, udpHeaderOctets);
  const { length, checksum } = udp;
  if (length < udpHeaderOctets) {
    c.find('length', `${length} is less than the header`);
  } else if (length > available) {
    if (!c.fragment) c.find('length', `is ${length}, but there are ${available} octets`);
  } else {
    if (length < available) c.find('length', `is ${length}, and ${available - length} more octets follow`);
    c.end = start + length;
  }
  if (!c.fragment && c.network !== undefined) checkChecksum(c, start, checksum, c.network);
  const [first, last] = c.requestPorts;
  const mobileIp =
    udp.sourcePort === mobileIpPort ||
    udp.destinationPort === mobileIpPort ||
    (udp.destinationPort >= first && udp.destinationPort <= last);
  c.next = mobileIp ? 'message' : 'payload';
}

function checkChecksum(c: Cursor, start: number, checksum: number, network: NetworkAddresses): void {
  if (checksum === 0) {
    if (network.addressLength === 16) c.find('checksum', 'is 0 (none), which IPv6 does not allow');
    return;
  }
  const sum = pseudoHeaderSum(c.octets, network, ipProtocol.udp, c.end - start);
  if (internetChecksum(c.octets, start, c.end, sum) === 0) return;
  // One's complement: taking the field out of the sum is adding its complement.
  const right = internetChecksum(c.octets, start, c.end, sum + (~checksum & 0xffff));
  c.find('checksum', checksumProblem(checksum, right === 0 ? 0xffff : right));
}
