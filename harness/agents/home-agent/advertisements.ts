import { agentFlag, encodePacket, formatMac } from '../../wire/index.ts';
import { ipv4At, ipv4Text } from '../common/addresses.ts';
import { ipv4Packet, sum16 } from '../common/packets.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Link } from './neighbours.ts';

export interface Advertiser {
  /** An ICMP router solicitation (type 10) that came over the home link, from its Ethernet header on. */
  onSolicitation(frame: Buffer): void;
  close(): void;
}

const allHosts = '224.0.0.1';
const allHostsMac = '01:00:5e:00:00:01';

/** Advertises the home agent on its home link (RFC 3344 2.3, and section 2 of the draft). */
export function createAdvertiser(settings: Settings, link: Link, deviates: Deviates): Advertiser {
  const { advertisements } = settings;
  if (advertisements === null) {
    return { onSolicitation: () => undefined, close: () => undefined };
  }
  const { intervalSeconds, lifetimeSeconds, registrationLifetimeSeconds } = advertisements;
  const source = ipv4Text(settings.homeAgent);
  let sequenceNumber = 0;

  function flags(): number {
    const isCapable = settings.ipv6Extensions
      ? !deviates('advertises-without-a-flag')
      : deviates('legacy-advertises-a-flag');
    const isMisplaced = deviates('a-flag-at-wrong-bit');
    return (
      (deviates('advertises-neither-agent') ? 0 : agentFlag.homeAgent) |
      (deviates('advertises-foreign-agent-without-care-of-address') ? agentFlag.foreignAgent : 0) |
      (settings.minimalEncapsulation ? agentFlag.minimalEncapsulation : 0) |
      (settings.greEncapsulation ? agentFlag.greEncapsulation : 0) |
      (settings.reverseTunneling === 'refused' ? 0 : agentFlag.reverseTunneling) |
      (isCapable ? (isMisplaced ? 0x0010 : agentFlag.ipv6Extensions) : 0) |
      (deviates('reserved-advertisement-bits-set') ? 0x001f : 0)
    );
  }

  function advertise(destination: string, mac: string): void {
    link.send(
      encodePacket([
        { ethernet: { destination: mac, source: link.mac } },
        { ipv4: { source, destination, ttl: deviates('advertisement-with-ttl-2') ? 2 : 1 } },
        {
          routerAdvertisement: {
            code: 0,
            lifetimeSeconds,
            routers: [{ address: source, preference: 0 }],
            extensions: [
              {
                mobilityAgentAdvertisement: {
                  length: deviates('advertisement-with-wrong-length') ? 4 : undefined,
                  sequenceNumber,
                  registrationLifetimeSeconds,
                  flags: flags(),
                  careOfAddresses: [],
                },
              },
            ],
          },
        },
      ]),
    );
    // RFC 3344 2.3.2: 0 to 255 are used once, after the start.
    if (!deviates('advertisement-sequence-does-not-advance')) {
      sequenceNumber = sequenceNumber === 0xffff ? 256 : sequenceNumber + 1;
    }
  }

  const timer = setInterval(() => advertise(allHosts, allHostsMac), intervalSeconds * 1000);
  advertise(allHosts, allHostsMac);
  return {
    onSolicitation(frame) {
      const packet = ipv4Packet(frame.subarray(14));
      const header = ((frame[14] ?? 0) & 15) * 4;
      if (
        packet === undefined ||
        packet.length < header + 8 ||
        sum16(packet, header, packet.length) !== 0xffff
      ) {
        return;
      }
      const from = ipv4At(packet, 12);
      advertise(from === 0 ? '255.255.255.255' : ipv4Text(from), formatMac(frame, 6));
    },
    close: () => clearInterval(timer),
  };
}
