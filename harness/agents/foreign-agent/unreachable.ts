import { ipv4At } from '../common/addresses.ts';
import { mobileIpPort } from '../common/messages.ts';
import { headerLength, protocol, sum16 } from '../common/packets.ts';
import { type ForeignAgentCode, replyCode } from './message.ts';
import type { Quoted } from './pending.ts';

/** An ICMP error about a relayed request. */
export interface Unreachable extends Quoted {
  /** The code that tells a mobile node of it (RFC 3344 3.4, 3.7.3). */
  code: ForeignAgentCode;
}

const destinationUnreachable = 3;
const timeExceeded = 11;
const parameterProblem = 12;

/**
 * Read an ICMP error (RFC 792: it quotes the IP header and eight octets more) that is about a UDP datagram from
 * `source` to the port of Mobile IP; undefined for anything else. `packet` is a whole IPv4 packet.
 */
export function readUnreachable(packet: Buffer, source: number): Unreachable | undefined {
  const start = headerLength(packet);
  const type = packet[start];
  const quoted = packet.subarray(start + 8);
  const isError = type === destinationUnreachable || type === timeExceeded || type === parameterProblem;
  if (!isError || quoted.length < 28 || sum16(packet, start, packet.length) !== 0xffff) {
    return undefined;
  }
  const transport = headerLength(quoted);
  const isOurs =
    quoted.length >= transport + 4 &&
    quoted[9] === protocol.udp &&
    ipv4At(quoted, 12) === source &&
    quoted.readUInt16BE(transport + 2) === mobileIpPort;
  return isOurs ? { ...readQuoted(quoted), code: codeOf(type, packet[start + 1] ?? 0) } : undefined;
}

/** What identifies a UDP datagram of ours, of which at least the IP header and two ports are there. */
export function readQuoted(packet: Buffer): Quoted {
  return {
    destination: ipv4At(packet, 16),
    port: packet.readUInt16BE(headerLength(packet)),
    ipIdentification: packet.readUInt16BE(4),
  };
}

function codeOf(type: number, code: number): ForeignAgentCode {
  if (type === destinationUnreachable) {
    switch (code) {
      case 0:
        return replyCode.networkUnreachable;
      case 1:
        return replyCode.hostUnreachable;
      case 3:
        return replyCode.portUnreachable;
    }
  }
  return replyCode.otherIcmpError;
}
