/** Transport checksums that a kernel left to a network card that there is not: the device runs on this machine, or in a virtual one. */
import type { SeenFrame } from '../../engine/bench.ts';
import { internetChecksum } from '../../wire/index.ts';
import { type Finding, spoiled } from './finding.ts';

/**
 * Whether the UDP checksum of a frame is the sum of the pseudo header alone (RFC 768), which is what Linux writes there for a card that
 * is to add the rest.
 */
export function isUnfinished({ octets, decoded }: Pick<SeenFrame, 'octets' | 'decoded'>): boolean {
  const ip = decoded.extents.find(({ path }) => path === 'ipv4');
  const udp = decoded.extents.find(({ path }) => path === 'udp');
  const header = decoded.layers.find((layer) => 'udp' in layer);
  if (ip === undefined || udp === undefined || header === undefined || !('udp' in header)) return false;
  const { checksum = 0, length = 0 } = header.udp;
  if (checksum === 0 || !decoded.findings.some(({ field }) => field === 'checksum')) return false;
  // Not complemented, unlike a checksum.
  const sum = ~internetChecksum(octets, ip.offset + 12, ip.offset + 20, 17 + length) & 0xffff;
  return checksum === sum;
}

/** The finding, if any frame that came shows it. */
export function checksumFindings(frames: readonly SeenFrame[]): Finding[] {
  const found = frames.find((frame) => !frame.outgoing && isUnfinished(frame));
  return found === undefined
    ? []
    : [
        spoiled(
          'checksums',
          `UDP checksums that come to port ${found.port} are unfinished: the kernel of the device leaves them to a network card, and its link is a virtual one`,
          'switch transmit checksum offload off at the device: ethtool -K <device> tx off',
          'checksums',
        ),
      ];
}
