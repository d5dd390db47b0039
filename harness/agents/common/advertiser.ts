import { type AdvertisementExtension, encodePacket, formatMac } from '../../wire/index.ts';
import { addressIn, ipv4At, ipv4Text, ipv6Key, ipv6Text } from './addresses.ts';
import type { AdvertisementSettings } from './configuration.ts';
import { ipv4Packet, sum16 } from './packets.ts';
import { type Link, macOctets } from './port.ts';

export interface Advertiser {
  /** An ICMP router solicitation (type 10) that came over the link, from its Ethernet header on. */
  onSolicitation(frame: Buffer): void;
  close(): void;
}

export interface AdvertiserOptions {
  settings: AdvertisementSettings | null;
  /** The agent's address on the link. */
  source: string;
  link: Link;
  /** RFC 3344 2.1: 0, or 16 when the agent routes no common traffic. */
  code: 0 | 16;
  ttl: number;
  /** RFC 3344 2.3.2; another step than 1 is for deviations. */
  sequenceStep: number;
  /** How a deviation has it otherwise. */
  otherwise?: AdvertiserTwists;
  /** The extensions of one advertisement; `solicitedBy`: it goes to this link-layer address alone. */
  extensions(sequenceNumber: number, solicitedBy: string | undefined): AdvertisementExtension[];
}

/** What deviations change; each is right when left out. */
export interface AdvertiserTwists {
  /** Where advertisements to all go. */
  allHosts?: string;
  lifetimeSeconds?: number;
  /** Where the answer goes to a solicitation from this link-layer address. */
  answersTo?(mac: string): string;
  /** Whether it takes notice of a solicitation between these addresses. */
  hears?(source: number, destination: number): boolean;
  takesInvalid?: boolean;
  code?: number;
  checksum?: number;
  /** The IP source address of advertisements. */
  source?: string;
}

const allHosts = '224.0.0.1';
const allHostsMac = '01:00:5e:00:00:01';
const allNodes = 'ff02::1';
const allNodesMac = '33:33:00:00:00:01';

/** Advertises an agent on a link, periodically and when solicited (RFC 3344 2.1 to 2.3). */
export function createAdvertiser(options: AdvertiserOptions): Advertiser {
  const { settings, source, link, otherwise = {} } = options;
  if (settings === null) {
    return { onSolicitation: () => undefined, close: () => undefined };
  }
  const { intervalSeconds, lifetimeSeconds } = settings;
  let sequenceNumber = 0;

  function advertise(destination: string, mac: string): void {
    if (settings?.ipv6Router === true) {
      advertiseRouter();
    }
    const solicitedBy = mac === allHostsMac ? undefined : mac;
    link.send(
      encodePacket([
        { ethernet: { destination: mac, source: link.mac } },
        { ipv4: { source: otherwise.source ?? source, destination, ttl: options.ttl } },
        {
          routerAdvertisement: {
            code: otherwise.code ?? options.code,
            ...(otherwise.checksum !== undefined && { checksum: otherwise.checksum }),
            lifetimeSeconds: otherwise.lifetimeSeconds ?? lifetimeSeconds,
            routers: [{ address: source, preference: 0 }],
            extensions: options.extensions(sequenceNumber, solicitedBy),
          },
        },
      ]),
    );
    // RFC 3344 2.3.2: 0 to 255 are used once, after the start.
    const next = sequenceNumber + options.sequenceStep;
    sequenceNumber = next > 0xffff ? 256 : next;
  }

  /** RFC 2461 6.2.3, without a prefix: visitors keep their home addresses, and no care-of address is made of it. */
  function advertiseRouter(): void {
    const address = ipv6Text(addressIn(ipv6Key('fe80::'), macOctets(link.mac)));
    link.send(
      encodePacket([
        { ethernet: { destination: allNodesMac, source: link.mac } },
        { ipv6: { source: address, destination: allNodes, hopLimit: 255 } },
        {
          ipv6RouterAdvertisement: {
            currentHopLimit: 64,
            lifetimeSeconds,
            options: [{ sourceLinkLayerAddress: { address: link.mac } }],
          },
        },
      ]),
    );
  }

  const everybody = otherwise.allHosts ?? allHosts;
  const timer = setInterval(() => advertise(everybody, allHostsMac), intervalSeconds * 1000);
  advertise(everybody, allHostsMac);
  return {
    onSolicitation(frame) {
      const packet = ipv4Packet(frame.subarray(14));
      const header = ((frame[14] ?? 0) & 15) * 4;
      if (packet === undefined || packet.length < header + 8) {
        return;
      }
      // RFC 1256 4.2.
      const isValid = packet[header + 1] === 0 && sum16(packet, header, packet.length) === 0xffff;
      const from = ipv4At(packet, 12);
      const isHeard = otherwise.hears?.(from, ipv4At(packet, 16)) ?? true;
      if ((!isValid && otherwise.takesInvalid !== true) || !isHeard) {
        return;
      }
      const mac = formatMac(frame, 6);
      advertise(
        from === 0 ? '255.255.255.255' : ipv4Text(from),
        otherwise.answersTo === undefined ? mac : otherwise.answersTo(mac),
      );
    },
    close: () => clearInterval(timer),
  };
}
