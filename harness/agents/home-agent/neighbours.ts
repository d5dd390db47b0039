import { encodePacket, formatMac, fromHex, type Packet } from '../../wire/index.ts';
import { type Ipv6Key, ipv4At, ipv4Text, ipv6KeyAt, ipv6Text, zeroIpv6 } from '../common/addresses.ts';
import { protocol, sum16 } from '../common/packets.ts';
import type { Link } from '../common/port.ts';
import type { BindingTable, MobileNode } from './bindings.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';

export interface Neighbours {
  /** RFC 3344 4.6: start answering ARP for the address, and say so. */
  startIpv4(address: number): void;
  /** Stop; a mobile node whose link-layer address is known is announced with it. */
  stopIpv4(address: number, mobile: MobileNode): void;
  /** RFC 3775 10.4.1: start answering Neighbor Solicitations for the address, and say so. */
  startIpv6(address: Ipv6Key): void;
  stopIpv6(address: Ipv6Key): void;
  /** A frame of type ARP / an ICMPv6 Neighbor Solicitation that came over the home link. */
  onArp(frame: Buffer): void;
  onNeighborSolicitation(frame: Buffer): void;
  /** Repeat nothing any more. */
  close(): void;
}

const broadcastMac = 'ff:ff:ff:ff:ff:ff';
const allNodes = 'ff02::1';
const allNodesMac = '33:33:00:00:00:01';
/** Broadcasts may be lost: the announcement is repeated once (RFC 3344 4.6, RFC 3775 10.4.1). */
const repeatAfterMs = 1000;

export function createNeighbours(
  settings: Settings,
  table: Pick<BindingTable, 'byHomeAddress'>,
  link: Link,
  deviates: Deviates,
): Neighbours {
  const proxiedIpv4 = new Set<number>();
  const proxiedIpv6 = new Set<Ipv6Key>();
  const repeats = new Set<NodeJS.Timeout>();
  const agentIpv6 = settings.ipv6Address === undefined ? undefined : ipv6Text(settings.ipv6Address);

  function send(packet: Packet): void {
    link.send(encodePacket(packet));
  }

  /** Both protocol addresses are the one announced (RFC 3344 4.6). */
  function gratuitousArp(address: number, mac: string): void {
    const text = ipv4Text(address);
    send([
      {
        ethernet: {
          destination: deviates('gratuitous-arp-to-one') ? otherMac(link.mac) : broadcastMac,
          source: link.mac,
        },
      },
      { arp: { operation: 1, senderMac: mac, senderAddress: text, targetMac: mac, targetAddress: text } },
    ]);
  }

  function advertise(
    target: Ipv6Key,
    flags: { router: boolean; solicited: boolean; override: boolean },
    to: { mac: string; address: string },
    mac = link.mac,
  ): void {
    send([
      { ethernet: { destination: to.mac, source: link.mac } },
      { ipv6: { source: agentIpv6, destination: to.address, hopLimit: 255 } },
      {
        neighborAdvertisement: {
          ...flags,
          target: ipv6Text(target),
          options: [{ targetLinkLayerAddress: { address: mac } }],
        },
      },
    ]);
  }

  function unsolicited(target: Ipv6Key): void {
    advertise(
      target,
      {
        router: deviates('neighbor-advertisement-with-router-flag'),
        solicited: deviates('neighbor-advertisement-with-solicited-flag'),
        override: !deviates('neighbor-advertisement-without-override'),
      },
      { mac: allNodesMac, address: allNodes },
      deviates('neighbor-advertisement-with-wrong-mac') ? otherMac(link.mac) : link.mac,
    );
  }

  function isProxiedAnyway(address: number): boolean {
    return deviates('proxy-arp-without-binding') && table.byHomeAddress.has(address);
  }

  function twice(isStillTrue: () => boolean, announce: () => void): void {
    announce();
    const timer = setTimeout(() => {
      repeats.delete(timer);
      if (isStillTrue()) {
        announce();
      }
    }, repeatAfterMs);
    repeats.add(timer.unref());
  }

  return {
    startIpv4(address) {
      proxiedIpv4.add(address);
      if (!deviates('no-gratuitous-arp')) {
        twice(
          () => proxiedIpv4.has(address),
          () => gratuitousArp(address, link.mac),
        );
      }
    },
    stopIpv4(address, mobile) {
      if (!deviates('deregistration-leaves-proxy-arp')) {
        proxiedIpv4.delete(address);
      }
      if (mobile.homeMac !== undefined && !deviates('no-gratuitous-arp-at-deregistration')) {
        gratuitousArp(address, formatMac(mobile.homeMac, 0));
      }
    },
    startIpv6(address) {
      proxiedIpv6.add(address);
      if (!deviates('no-unsolicited-neighbor-advertisement') && agentIpv6 !== undefined) {
        twice(
          () => proxiedIpv6.has(address),
          () => unsolicited(address),
        );
      }
    },
    stopIpv6(address) {
      if (!deviates('deregistration-leaves-proxy-neighbor-discovery')) {
        proxiedIpv6.delete(address);
      }
    },
    onArp(frame) {
      const isEthernetIpv4 =
        frame.length >= 42 && frame.readUInt32BE(14) === 0x10800 && frame.readUInt16BE(18) === 0x604;
      if (!isEthernetIpv4) {
        return;
      }
      const sender = ipv4At(frame, 28);
      const target = ipv4At(frame, 38);
      const mobile = table.byHomeAddress.get(sender);
      if (mobile !== undefined) {
        mobile.homeMac = Buffer.from(frame.subarray(22, 28));
      }
      // A gratuitous ARP for the address itself is the mobile node's own: it has come home.
      if (
        frame.readUInt16BE(20) !== 1 ||
        sender === target ||
        !(proxiedIpv4.has(target) || isProxiedAnyway(target)) ||
        deviates('no-proxy-arp')
      ) {
        return;
      }
      const requester = formatMac(frame, 22);
      send([
        { ethernet: { destination: requester, source: link.mac } },
        {
          arp: {
            operation: 2,
            senderMac: deviates('proxy-arp-with-wrong-mac') ? otherMac(link.mac) : link.mac,
            senderAddress: ipv4Text(target),
            targetMac: requester,
            targetAddress: ipv4Text(sender),
          },
        },
      ]);
    },
    onNeighborSolicitation(frame) {
      // RFC 2461 7.1.1: hop limit 255, code 0, a right checksum, at least 24 octets.
      const end = 54 + frame.readUInt16BE(18);
      if (frame[21] !== 255 || frame[55] !== 0 || end < 78 || end > frame.length) {
        return;
      }
      const target = ipv6KeyAt(frame, 62);
      if (!proxiedIpv6.has(target) || agentIpv6 === undefined || deviates('no-proxy-neighbor-discovery')) {
        return;
      }
      if (sum16(frame, 22, end, protocol.icmpv6 + end - 54) !== 0xffff) {
        return;
      }
      const source = ipv6KeyAt(frame, 22);
      const isProbe = source === zeroIpv6;
      const mac = deviates('proxy-neighbor-discovery-with-wrong-mac') ? otherMac(link.mac) : link.mac;
      // RFC 2461 7.2.4 and 7.2.8: a proxy leaves the override flag clear; a probe is answered to all nodes.
      advertise(
        target,
        {
          router: deviates('proxy-neighbor-discovery-with-router-flag'),
          solicited: !isProbe,
          override: false,
        },
        isProbe
          ? { mac: allNodesMac, address: allNodes }
          : { mac: formatMac(frame, 6), address: ipv6Text(source) },
        mac,
      );
    },
    close() {
      for (const timer of repeats) {
        clearTimeout(timer);
      }
    },
  };
}

/** A locally administered address that is nobody's, for deviations. */
/** Somebody else's; for deviations. */
export function otherMac(mac: string): string {
  const octets = fromHex(mac.replaceAll(':', ''));
  octets[0] = 0x06;
  octets[5] = (octets[5] ?? 0) ^ 0xff;
  return formatMac(octets, 0);
}
