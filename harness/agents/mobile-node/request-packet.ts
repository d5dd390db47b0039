import { encodePacket, toHex } from '../../wire/index.ts';
import { ipv4Text } from '../common/addresses.ts';
import { mobileIpPort } from '../common/messages.ts';

export interface RequestHeader {
  source: number;
  destination: number;
  sourcePort: number;
  /** A foreign agent takes requests for a reverse tunnel with TTL 255 alone (RFC 3024 4.1.1). */
  isToForeignAgent: boolean;
}

/** The IPv4 packet of a Registration Request (RFC 3344 3.3, 3.6.1.1). */
export function requestPacket(message: Buffer, header: RequestHeader): Buffer {
  return Buffer.from(
    encodePacket([
      {
        ipv4: {
          source: ipv4Text(header.source),
          destination: ipv4Text(header.destination),
          ttl: header.isToForeignAgent ? 255 : 64,
        },
      },
      { udp: { sourcePort: header.sourcePort, destinationPort: mobileIpPort } },
      { payload: toHex(message) },
    ]),
  );
}
