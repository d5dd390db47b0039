import { ipv4At, otherAddress } from '../common/addresses.ts';
import { fragmentationNeeded, isToldOf, packetTooBig, timeExceeded } from '../common/icmp.ts';
import { encapsulate, fragments, lowerHopLimit, lowerTtl, protocol } from '../common/packets.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Visitor } from './visitors.ts';

export interface UplinkOptions {
  settings: Settings;
  /** Sends an IP packet upstream, routed by the kernel. */
  sendUpstream(packet: Buffer): void;
  /** Sends an IP packet over the visited link to a link-layer address. */
  sendToMobile(mac: Buffer, packet: Buffer): void;
  count(name: string): void;
  /** Smallest MTU of the upstream devices. */
  upstreamMtu: number;
  deviates: Deviates;
}

/** What visitors send, on its way out: natively or through the tunnel to the home agent. Packets may be written to. */
export interface Uplink {
  forwardIpv4(packet: Buffer, visitor: Visitor): void;
  /** Into the reverse tunnel, whatever the delivery style. */
  tunnelIpv4(packet: Buffer, visitor: Visitor): void;
  forwardIpv6(packet: Buffer, visitor: Visitor): void;
}

const tunnelHeader = 20;
const minimumIpv6Mtu = 1280;

/** Forwarding for visitors: RFC 3344 4.2.2, RFC 3024 5, sections 4.4 and 5.1 of the draft. */
export function createUplink(options: UplinkOptions): Uplink {
  const { settings, count, upstreamMtu, deviates } = options;

  /** Send an IPv4 packet, in pieces if it does not fit. */
  function send(packet: Buffer): void {
    for (const piece of fragments(packet, upstreamMtu)) {
      options.sendUpstream(piece);
    }
  }

  /** A packet with DF that does not fit is answered (RFC 1191) and lost. */
  function isTooBig(packet: Buffer, room: number, visitor: Visitor): boolean {
    const isLocked = ((packet[6] ?? 0) & 0x40) !== 0;
    if (!isLocked || packet.length <= room) {
      return false;
    }
    count('tooBig');
    options.sendToMobile(visitor.mac, fragmentationNeeded(packet, settings.visitedLink.address, room));
    return true;
  }

  /** RFC 3344 4.2.2: lower the TTL; false when it is used up, which the sender is told (RFC 2003 3.1, RFC 1812 5.3.1). */
  function isTtlLeft(packet: Buffer, visitor: Visitor): boolean {
    if ((packet[8] ?? 0) <= 1) {
      count('ttlExpired');
      if (isToldOf(packet) && !deviates('time-exceeded-not-told')) {
        options.sendToMobile(visitor.mac, timeExceeded(packet, settings.visitedLink.address));
      }
      return false;
    }
    return true;
  }

  /** RFC 3024 5.1.2: from the care-of address of the request to the home agent of the reply. */
  function encapsulateIpv4(packet: Buffer, visitor: Visitor): Buffer {
    return encapsulate(
      {
        source: deviates('ipv4-reverse-tunnel-from-home-address')
          ? visitor.homeAddress
          : visitor.careOfAddress,
        destination: visitor.homeAgent,
        protocol: protocol.ipInIp,
        typeOfService: deviates('ipv4-reverse-tunnel-without-type-of-service') ? 0 : (packet[1] ?? 0),
        dontFragment: ((packet[6] ?? 0) & 0x40) !== 0 && !deviates('ipv4-reverse-tunnel-may-be-fragmented'),
      },
      packet,
    );
  }

  function isIpv4Tunnelled({ reverseTunneling, encapsulatingDelivery }: Visitor): boolean {
    if (!reverseTunneling) {
      return deviates('no-t-but-tunnelled');
    }
    return encapsulatingDelivery
      ? deviates('direct-delivery-tunnelled')
      : !deviates('t-but-forwarded-natively');
  }

  function tunnelIpv4(packet: Buffer, visitor: Visitor): void {
    const isForced = deviates('reverse-tunnels-without-ttl');
    if (isTooBig(packet, upstreamMtu - tunnelHeader, visitor) || !(isForced || isTtlLeft(packet, visitor))) {
      return;
    }
    const isKept = deviates('reverse-tunnelled-ttl-not-decremented') || (packet[8] ?? 0) === 0;
    lowerTtl(packet, isKept ? 0 : 1);
    count('reverseTunnelledIpv4');
    send(encapsulateIpv4(packet, visitor));
  }

  /** RFC 3024 5.1: multicast and broadcast need the encapsulating style. */
  function isUnicastIpv4(destination: number): boolean {
    return destination >>> 28 < 0xe && destination !== 0;
  }

  /** Reading A53: only global unicast; what is for the link alone stays there. */
  function isForwardedIpv6(packet: Buffer): boolean {
    const first = packet[24] ?? 0;
    const isLinkLocal = first === 0xfe && ((packet[25] ?? 0) & 0xc0) === 0x80;
    const isLow = packet.subarray(24, 39).every((octet) => octet === 0) && (packet[39] ?? 0) <= 1;
    return first !== 0xff && !isLinkLocal && !isLow;
  }

  function isTunnelled(visitor: Visitor): boolean {
    return visitor.ipv6?.reverseTunnel === true
      ? !deviates('r-but-forwarded-natively')
      : deviates('no-r-but-tunnelled');
  }

  function tunnelIpv6(packet: Buffer, visitor: Visitor): void {
    const typeOfService = (((packet[0] ?? 0) & 15) << 4) | ((packet[1] ?? 0) >> 4);
    const isOdd = deviates('reverse-tunnel-by-protocol-4');
    const tunnelled = encapsulate(
      {
        source: deviates('reverse-tunnel-from-home-address')
          ? visitor.homeAddress
          : deviates('reverse-tunnel-from-another-address')
            ? otherAddress(visitor.careOfAddress)
            : visitor.careOfAddress,
        destination: deviates('reverse-tunnel-to-another-address')
          ? otherAddress(visitor.homeAgent)
          : visitor.homeAgent,
        protocol: isOdd ? protocol.ipInIp : protocol.ipv6,
        typeOfService,
        dontFragment: false,
      },
      packet,
    );
    count('reverseTunnelledIpv6');
    send(deviates('reverse-tunnel-wrapped-twice') ? encapsulateIpv4(tunnelled, visitor) : tunnelled);
  }

  function tooBigIpv6(packet: Buffer, room: number, visitor: Visitor): void {
    count('tooBig');
    const source = settings.ipv6Address;
    const answer = source === undefined ? undefined : packetTooBig(packet, source, room);
    if (answer !== undefined) {
      options.sendToMobile(visitor.mac, answer);
    }
  }

  return {
    tunnelIpv4,
    forwardIpv4(packet, visitor) {
      const destination = ipv4At(packet, 16);
      if (!isUnicastIpv4(destination)) {
        count('notForwardedIpv4');
        return;
      }
      const isOwnTunnel = packet[9] === protocol.ipv6 && destination === visitor.homeAgent;
      if (deviates(isOwnTunnel ? 'mobile-tunnel-dropped' : 'ipv4-not-forwarded')) {
        return;
      }
      // RFC 3024 5.2.1: with the encapsulating style, what comes without a header is not tunnelled.
      if (!visitor.isColocated && isIpv4Tunnelled(visitor)) {
        tunnelIpv4(packet, visitor);
        return;
      }
      if (!isTooBig(packet, upstreamMtu, visitor) && isTtlLeft(packet, visitor)) {
        lowerTtl(packet, 1);
        count('forwardedIpv4');
        send(packet);
      }
    },
    forwardIpv6(packet, visitor) {
      const isReverse = visitor.ipv6?.reverseTunnel === true;
      if (!isForwardedIpv6(packet) || (packet[7] ?? 0) <= 1) {
        count('notForwardedIpv6');
        return;
      }
      if (deviates(isReverse ? 'r-but-dropped' : 'no-r-but-dropped')) {
        return;
      }
      const isInTunnel = isTunnelled(visitor);
      const room = isInTunnel ? Math.max(upstreamMtu - tunnelHeader, minimumIpv6Mtu) : upstreamMtu;
      if (packet.length > room) {
        tooBigIpv6(packet, room, visitor);
        return;
      }
      lowerHopLimit(packet, deviates('hop-limit-not-decremented') ? 0 : 1);
      if (isInTunnel) {
        tunnelIpv6(packet, visitor);
        return;
      }
      if (deviates('native-ipv6-altered') && packet.length > 40) {
        packet[packet.length - 1] = (packet[packet.length - 1] ?? 0) ^ 0xff;
      }
      count('forwardedIpv6');
      options.sendUpstream(packet);
    },
  };
}
