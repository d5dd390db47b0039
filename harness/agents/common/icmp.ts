import { type Ipv6Key, ipv6Octets } from './addresses.ts';
import { headerLength, protocol, sum16, writeChecksum } from './packets.ts';

const errorTtl = 64;
const minimumIpv6Mtu = 1280;

/** ICMP "fragmentation needed" (RFC 792, RFC 1191) to the sender of a packet with DF that the tunnel cannot take. */
export function fragmentationNeeded(packet: Buffer, source: number, mtu: number): Buffer {
  return destinationUnreachable(packet, source, 4, mtu);
}

/** ICMP "destination unreachable" (RFC 792) to the sender of a packet; `mtu` is for code 4 alone. */
export function destinationUnreachable(packet: Buffer, source: number, code: number, mtu = 0): Buffer {
  return errorAbout(packet, source, { type: 3, code, rest: mtu });
}

/** RFC 1122 3.2.2: no ICMP error is sent of an ICMP error, nor of another fragment than the first. */
export function isToldOf(packet: Buffer): boolean {
  const type = packet[headerLength(packet)] ?? 0;
  const isError = packet[9] === protocol.icmp && type !== 0 && type !== 8;
  return !isError && (packet.readUInt16BE(6) & 0x1fff) === 0;
}

/** ICMP "time exceeded" in transit (RFC 792) to the sender of a packet. */
export function timeExceeded(packet: Buffer, source: number): Buffer {
  return errorAbout(packet, source, { type: 11, code: 0, rest: 0 });
}

function errorAbout(
  packet: Buffer,
  source: number,
  { type, code, rest }: { type: number; code: number; rest: number },
): Buffer {
  const quoted = packet.subarray(0, headerLength(packet) + 8);
  const answer = Buffer.alloc(28 + quoted.length);
  answer[0] = 0x45;
  answer.writeUInt16BE(answer.length, 2);
  answer[8] = errorTtl;
  answer[9] = protocol.icmp;
  answer.writeUInt32BE(source, 12);
  packet.copy(answer, 16, 12, 16);
  answer[20] = type;
  answer[21] = code;
  answer.writeUInt16BE(rest, 26);
  quoted.copy(answer, 28);
  writeChecksum(answer, 10, 0, 20);
  writeChecksum(answer, 22, 20, answer.length);
  return answer;
}

/** ICMPv6 Packet Too Big (RFC 2463 3.2); undefined when the packet is an ICMPv6 error itself. */
export function packetTooBig(packet: Buffer, source: Ipv6Key, mtu: number): Buffer | undefined {
  if (packet[6] === protocol.icmpv6 && (packet[40] ?? 0) < 128) {
    return undefined;
  }
  const quoted = packet.subarray(0, minimumIpv6Mtu - 48);
  const answer = Buffer.alloc(48 + quoted.length);
  answer[0] = 0x60;
  answer.writeUInt16BE(8 + quoted.length, 4);
  answer[6] = protocol.icmpv6;
  answer[7] = errorTtl;
  ipv6Octets(source).copy(answer, 8);
  packet.copy(answer, 24, 8, 24);
  answer[40] = 2;
  answer.writeUInt32BE(mtu, 44);
  quoted.copy(answer, 48);
  writeChecksum(answer, 42, 8, answer.length, protocol.icmpv6 + answer.length - 40);
  return answer;
}

/** The reply to an ICMP echo request, as a packet of its own; undefined when it is none. */
export function echoReply(request: Buffer): Buffer | undefined {
  const start = headerLength(request);
  const isEcho = request[9] === protocol.icmp && request[start] === 8 && request.length >= start + 8;
  if (!isEcho || sum16(request, start, request.length) !== 0xffff) {
    return undefined;
  }
  const reply = Buffer.from(request);
  reply[8] = errorTtl;
  request.copy(reply, 12, 16, 20);
  request.copy(reply, 16, 12, 16);
  reply[start] = 0;
  writeChecksum(reply, 10, 0, start);
  writeChecksum(reply, start + 2, start, reply.length);
  return reply;
}
