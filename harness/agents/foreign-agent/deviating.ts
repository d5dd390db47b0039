/** What only deviations do to frames and packets, apart from the places where they are switched on. */
import { randomBytes } from 'node:crypto';
import { encodePacket, toHex } from '../../wire/index.ts';
import { directedBroadcast, inIpv4Prefix, ipv4Text } from '../common/addresses.ts';
import { mobileIpPort } from '../common/messages.ts';
import { headerLength, writeChecksum } from '../common/packets.ts';
import { ethernetLength, type Link } from '../common/port.ts';
import { readUdp } from '../common/udp.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { replyCode } from './message.ts';
import type { Visitor } from './visitors.ts';

/** Advertisements are changed, or kept back, on their way to the link. */
export function deviatingLink(settings: Settings, link: Link, deviates: Deviates): Link {
  function send(given: Uint8Array): void {
    const isForAll = ((given[0] ?? 0) & 1) === 1;
    const isUnsent = isForAll
      ? deviates('no-periodic-advertisements')
      : deviates('solicitations-ignored') ||
        (deviates('solicitations-from-neighbours-only') && !isNeighbour(settings, given));
    if (isUnsent || deviates('no-advertisements')) {
      return;
    }
    const frame = Buffer.from(given);
    if (!isForAll && deviates('advertisement-to-another-station')) {
      frame[5] = (frame[5] ?? 0) ^ 0xff;
    }
    if (isForAll && deviates('advertisement-by-directed-broadcast')) {
      frame.writeUInt32BE(directedBroadcast(settings.visitedLink.prefix), ethernetLength + 16);
      writeChecksum(frame, ethernetLength + 10, ethernetLength, ethernetLength + 20);
    }
    if (deviates('advertisement-code-1')) {
      frame[ethernetLength + 21] = 1;
      writeChecksum(frame, ethernetLength + 22, ethernetLength + 20, frame.length);
    }
    if (deviates('advertisement-checksum-wrong')) {
      frame[ethernetLength + 22] = (frame[ethernetLength + 22] ?? 0) ^ 0xff;
    }
    link.send(frame);
  }

  return { ...link, send };
}

function isNeighbour({ visitedLink: { prefix } }: Settings, frame: Uint8Array): boolean {
  return inIpv4Prefix(Buffer.from(frame).readUInt32BE(ethernetLength + 16), prefix);
}

/** The datagram in a frame; `isMended`: whatever its checksum. */
export function readDatagram(frame: Buffer, isMended: boolean): ReturnType<typeof readUdp> {
  const packet = Buffer.from(frame.subarray(ethernetLength));
  const start = headerLength(packet);
  if (isMended && packet.length >= start + 8) {
    packet.writeUInt16BE(0, start + 6);
  }
  return readUdp(packet);
}

/** The solicitation that an invalid one may have been meant to be. */
export function mended(frame: Buffer): Buffer {
  const header = ethernetLength + headerLength(frame.subarray(ethernetLength));
  const octets = Buffer.alloc(header + 8);
  frame.copy(octets, 0, 0, header);
  octets.writeUInt16BE(octets.length - ethernetLength, ethernetLength + 2);
  octets[header] = 10;
  writeChecksum(octets, ethernetLength + 10, ethernetLength, header);
  writeChecksum(octets, header + 2, header, octets.length);
  return octets;
}

/** What is sent when the lifetime of a visit is over (RFC 3344 3.7: nothing), upstream and to the mobile node. */
export function visitEndPackets(
  { homeAddress, homeAgent, careOfAddress }: Visitor,
  settings: Settings,
  deviates: Deviates,
): { upstream?: Uint8Array; toMobile?: Uint8Array } {
  const addresses = {
    homeAddress: ipv4Text(homeAddress),
    homeAgent: ipv4Text(homeAgent),
    lifetimeSeconds: 0,
    identification: toHex(randomBytes(8)),
  };
  const udp = { sourcePort: mobileIpPort, destinationPort: mobileIpPort };
  const header = (source: number, destination: number) => ({
    ipv4: { source: ipv4Text(source), destination: ipv4Text(destination), ttl: 64 },
  });
  return {
    ...(deviates('deregisters-at-expiry')
      ? {
          upstream: encodePacket([
            header(settings.upstreamAddress, homeAgent),
            { udp },
            { registrationRequest: { ...addresses, careOfAddress: ipv4Text(careOfAddress) } },
          ]),
        }
      : {}),
    ...(deviates('reply-at-expiry')
      ? {
          toMobile: encodePacket([
            header(settings.visitedLink.address, homeAddress),
            { udp },
            { registrationReply: { ...addresses, code: replyCode.timeout } },
          ]),
        }
      : {}),
  };
}
