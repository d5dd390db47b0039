/** Deviations by which an agent stops for good: from some input on it hears nothing more, until it begins anew. */
import type { Deviates, Deviation } from './deviates.ts';
import { ethernetLength, etherType } from './port.ts';

/** The same of either agent. */
export const stoppingDeviations = {
  'stops-at-malformed-message': {
    clause: 'robust-a',
    also: ['robust-f'],
    breaks:
      'Hears nothing more after a registration message of which an extension does not fit, or that is too short.',
  },
  'stops-at-odd-extensions': {
    clause: 'robust-b',
    also: ['robust-f'],
    breaks:
      'Hears nothing more after a registration message with more than thirty extensions, with one of type 255, or with none.',
  },
  'stops-at-unexpected-message': {
    clause: 'robust-c',
    breaks:
      'Hears nothing more after a message at the registration port that is no request, or one with care-of address 127.0.0.1.',
  },
  'stops-at-odd-packet': {
    clause: 'robust-d',
    breaks:
      'Hears nothing more after a fragment, a UDP datagram with a wrong length or without a checksum, or three tunnels in one another.',
  },
  'stops-at-burst': {
    clause: 'robust-e',
    breaks: 'Hears nothing more after the same registration message two hundred times in a row.',
  },
} satisfies Record<string, Deviation>;

export type StoppingDeviation = keyof typeof stoppingDeviations;

const registrationPort = 434;
const request = 1;
const fixedOctets: { readonly [type: number]: number } = { 1: 24, 3: 20 };
const mostExtensions = 30;
const oddType = 255;
const loopback = 0x7f000001;
const mostAlike = 200;
const udp = 17;
const ipInIp = 4;

/** Types of the extensions of a message; undefined when one of them does not fit, or it is too short for any. */
function extensionsIn(message: Buffer): number[] | undefined {
  const extensions: number[] = [];
  const first = fixedOctets[message[0] ?? 0] ?? message.length;
  if (message.length < first) return undefined;
  for (let at = first; at < message.length; ) {
    const type = message[at] ?? 0;
    const end = type === 0 ? at + 1 : at + 2 + (message[at + 1] ?? message.length);
    if (end > message.length) return undefined;
    extensions.push(type);
    at = end;
  }
  return extensions;
}

function tunnelsIn(packet: Buffer): number {
  let tunnels = 0;
  for (let at = 0; packet[at + 9] === ipInIp && at + 20 < packet.length; at += 20) tunnels += 1;
  return tunnels;
}

/**
 * Looks at each frame for an agent, and says whether it is not heard any more. Undefined when the agent does not deviate so.
 */
export function createDeafness(
  deviates: Deviates<StoppingDeviation>,
): ((frame: Buffer) => boolean) | undefined {
  if (!Object.keys(stoppingDeviations).some((name) => deviates(name as StoppingDeviation))) return undefined;
  let isDeaf = false;
  // By number, not by time: a busy machine is to find the same.
  let alike = 0;
  let latest = Buffer.alloc(0);

  function isTooMuch(message: Buffer): boolean {
    if (deviates('stops-at-unexpected-message'))
      return message[0] !== request || (message.length >= 16 && message.readUInt32BE(12) === loopback);
    const extensions = extensionsIn(message);
    if (deviates('stops-at-malformed-message')) return extensions === undefined;
    if (deviates('stops-at-odd-extensions'))
      return (
        extensions !== undefined &&
        (extensions.length > mostExtensions || extensions.length === 0 || extensions.includes(oddType))
      );
    if (!deviates('stops-at-burst')) return false;
    alike = latest.equals(message) ? alike + 1 : 1;
    latest = Buffer.from(message);
    return alike >= mostAlike;
  }

  function stops(frame: Buffer): boolean {
    if (frame.length < ethernetLength + 28 || frame.readUInt16BE(12) !== etherType.ipv4) return false;
    const packet = frame.subarray(ethernetLength);
    const isFragment = (packet.readUInt16BE(6) & 0x3fff) !== 0;
    const end = packet.readUInt16BE(2);
    const ports = [
      packet.readUInt16BE(22),
      ...(deviates('stops-at-unexpected-message') ? [] : [packet.readUInt16BE(20)]),
    ];
    const isUdp = packet[9] === udp && ports.includes(registrationPort);
    if (deviates('stops-at-odd-packet')) {
      const isWrong = isUdp && (packet.readUInt16BE(24) !== end - 20 || packet.readUInt16BE(26) === 0);
      return isFragment || isWrong || tunnelsIn(packet) >= 3;
    }
    return isUdp && !isFragment && isTooMuch(packet.subarray(28, end));
  }

  return (frame) => {
    isDeaf ||= stops(frame);
    return isDeaf;
  };
}
