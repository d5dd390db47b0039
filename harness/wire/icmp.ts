import { decodeRouterAdvertisement, decodeRouterSolicitation } from './agent-discovery.ts';
import { internetChecksum, type NetworkAddresses, pseudoHeaderSum } from './checksum.ts';
import { type Cursor, checksumProblem } from './cursor.ts';
import { decodeNeighborMessage, isNeighborMessage } from './neighbor.ts';
import { ipProtocol } from './protocols.ts';
import type { Icmp, IcmpEcho } from './types.ts';
import type { Writer } from './writer.ts';

const echoReply = 0;
const echoRequest = 8;
const routerAdvertisement = 9;
const routerSolicitation = 10;
const echoRequestV6 = 128;
const echoReplyV6 = 129;

/** RFC 792 or RFC 4443 echo, by default a request. The checksum is set by a finisher. */
export function encodeEcho(w: Writer, echo: IcmpEcho, defaultType: number, name: string): void {
  encodeIcmp(w, { ...echo, type: echo.type ?? defaultType }, name);
  w.u16(echo.identifier ?? 0, `${name}.identifier`);
  w.u16(echo.sequenceNumber ?? 0, `${name}.sequenceNumber`);
}

/** The four octets that every ICMP and ICMPv6 message begins with. */
export function encodeIcmp(w: Writer, icmp: Icmp, name: string): void {
  w.u8(icmp.type ?? 0, `${name}.type`);
  w.u8(icmp.code ?? 0, `${name}.code`);
  w.u16(icmp.checksum ?? 0, `${name}.checksum`);
}

/** Set the checksum of an ICMP message (RFC 792) when it is left out. */
export function finishIcmp(w: Writer, icmp: { checksum?: number }, start: number): void {
  if (icmp.checksum === undefined) {
    w.setU16(start + 2, internetChecksum(w.octets, start, w.at), 'icmp.checksum');
  }
}

/** Set the checksum of an ICMPv6 message (RFC 4443 2.3: with a pseudo header) when it is left out. */
export function finishIcmpv6(
  w: Writer,
  icmp: { checksum?: number },
  start: number,
  network: NetworkAddresses | undefined,
): void {
  if (icmp.checksum !== undefined) return;
  const sum = network === undefined ? 0 : pseudoHeaderSum(w.octets, network, ipProtocol.icmpv6, w.at - start);
  w.setU16(start + 2, internetChecksum(w.octets, start, w.at, sum), 'icmpv6.checksum');
}

/** RFC 792 and RFC 1256. */
export function decodeIcmp(c: Cursor): void {
  const start = c.at;
  const length = c.end - start;
  if (length < 4) {
    c.halt('icmp', `${length} octets are too few`);
    return;
  }
  const type = c.u8(0);
  const checksum = c.u16(2);
  const short = length < 8;
  if (type === echoRequest || type === echoReply) {
    if (short) decodeGeneric(c, 'icmp', 'icmpEcho');
    else decodeEcho(c, 'icmpEcho');
  } else if (type === routerAdvertisement) {
    if (short) decodeGeneric(c, 'icmp', 'routerAdvertisement');
    else decodeRouterAdvertisement(c);
  } else if (type === routerSolicitation) {
    if (short) decodeGeneric(c, 'icmp', 'routerSolicitation');
    else decodeRouterSolicitation(c);
  } else decodeGeneric(c, 'icmp');
  checkChecksum(c, start, checksum, 0);
}

/** RFC 4443 and RFC 2461. */
export function decodeIcmpv6(c: Cursor): void {
  const start = c.at;
  const length = c.end - start;
  if (length < 4) {
    c.halt('icmpv6', `${length} octets are too few`);
    return;
  }
  const type = c.u8(0);
  const checksum = c.u16(2);
  if (type === echoRequestV6 || type === echoReplyV6) {
    if (length < 8) decodeGeneric(c, 'icmpv6', 'icmpv6Echo');
    else decodeEcho(c, 'icmpv6Echo');
  } else if (isNeighborMessage(type)) {
    const problem = decodeNeighborMessage(c, type);
    if (problem !== undefined) decodeGeneric(c, 'icmpv6', problem);
  } else decodeGeneric(c, 'icmpv6');
  if (c.network !== undefined) {
    checkChecksum(c, start, checksum, pseudoHeaderSum(c.octets, c.network, ipProtocol.icmpv6, length));
  }
}

function decodeEcho(c: Cursor, name: 'icmpEcho' | 'icmpv6Echo'): void {
  const echo = {
    type: c.u8(0),
    code: c.u8(1),
    checksum: c.u16(2),
    identifier: c.u16(4),
    sequenceNumber: c.u16(6),
  };
  c.push(name, name === 'icmpEcho' ? { icmpEcho: echo } : { icmpv6Echo: echo }, 8);
  c.next = 'payload';
}

/** A message without a layer of its own, or, when `wanted` is given, one too short for it. */
function decodeGeneric(c: Cursor, name: 'icmp' | 'icmpv6', wanted?: string): void {
  const icmp = { type: c.u8(0), code: c.u8(1), checksum: c.u16(2) };
  c.push(name, name === 'icmp' ? { icmp } : { icmpv6: icmp }, 4);
  if (wanted === undefined) c.next = 'payload';
  else c.halt(wanted, `${c.end - c.at} octets after the checksum are too few`);
}

function checkChecksum(c: Cursor, start: number, checksum: number, initial: number): void {
  if (c.fragment || internetChecksum(c.octets, start, c.end, initial) === 0) return;
  const right = internetChecksum(c.octets, start, c.end, initial + (~checksum & 0xffff));
  c.find('checksum', checksumProblem(checksum, right));
}
