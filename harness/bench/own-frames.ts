/** Telling which outgoing frame carries a packet that was sent. */
import type { Outgoing } from '../engine/bench.ts';

const ethernetLength = 14;

/** Where what the kernel leaves alone begins: with a header of ours it still writes IPv4 length, identification and checksum. */
function untouchedFrom(packet: Uint8Array): number {
  return (packet[0] ?? 0) >> 4 === 4 ? ((packet[0] ?? 0) & 15) * 4 : 0;
}

/** True when the frame is the packet as it left: Ethernet whole, IPv6 behind the link header, IPv4 behind its own header. */
export function isFrameOf(frame: Uint8Array, sent: Outgoing): boolean {
  if (sent.kind === 'ethernet') return endsAlike(frame, 0, sent.octets, 0);
  const from = untouchedFrom(sent.octets);
  return endsAlike(frame, ethernetLength + from, sent.octets, from);
}

function endsAlike(frame: Uint8Array, frameFrom: number, sent: Uint8Array, sentFrom: number): boolean {
  const length = sent.length - sentFrom;
  if (frame.length - frameFrom !== length) return false;
  return Buffer.compare(frame.subarray(frameFrom), sent.subarray(sentFrom)) === 0;
}
