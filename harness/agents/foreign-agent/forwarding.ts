import { type Ipv6Key, ipv4At, ipv6KeyAt } from '../common/addresses.ts';
import { destinationUnreachable, timeExceeded } from '../common/icmp.ts';
import {
  fragments,
  headerLength,
  ipv4Packet,
  ipv6Packet,
  isFragment,
  lowerHopLimit,
  lowerTtl,
  protocol,
  writeChecksum,
} from '../common/packets.ts';
import type { Deviates } from './deviations.ts';
import { nearestVisitor } from './nearest.ts';
import { createUplink, type UplinkOptions } from './uplink.ts';
import type { Visitor, VisitorList } from './visitors.ts';

export interface ForwardingOptions extends UplinkOptions {
  /** Ask all stations of the visited link for the link-layer address of an IPv4 address; for a deviation. */
  askByArp(address: number): void;
  visitors: VisitorList;
  /** MTU of the visited link. */
  visitedMtu: number;
  deviates: Deviates;
}

export interface Forwarder {
  /** An IPv4 packet from the visited link that is not for this agent; it may be written to. */
  fromVisitor(octets: Buffer, mac: Buffer): void;
  /** A packet of protocol 4 from the visited link for this agent: encapsulating delivery (RFC 3024 5.2). */
  fromVisitorEncapsulated(octets: Buffer, mac: Buffer): void;
  /** An IPv6 packet from the visited link that is not for this agent. */
  fromVisitorIpv6(octets: Buffer, mac: Buffer): void;
  /** A packet of protocol 4, 41, 47 or 55 that came from upstream for a care-of address. */
  fromTunnel(octets: Buffer): void;
  /** A packet that came from upstream for a co-located care-of address. */
  toColocated(octets: Buffer, visitor: Visitor): void;
}

const broadcastMac = Buffer.alloc(6, 0xff);

/**
 * Between visited link and upstream: the ends of tunnels (RFC 3344 4.2.2, RFC 2003, RFC 4213 3.6) and delivery. The agent forwards what
 * it takes out of a tunnel, so TTL and hop limit are lowered by one (RFC 2003 3.1, RFC 4213 3.6).
 */
export function createForwarder(options: ForwardingOptions): Forwarder {
  const { visitors, count, askByArp, deviates } = options;
  const uplink = createUplink(options);

  function deliver(packet: Buffer, mac: Buffer): void {
    const isIpv4 = (packet[0] ?? 0) >> 4 === 4;
    const isLocked = !isIpv4 || ((packet[6] ?? 0) & 0x40) !== 0;
    if (isLocked && packet.length > options.visitedMtu) {
      // RFC 3344 4.2.2: no unreachable message for what came through a tunnel.
      count('tooBig');
      return;
    }
    for (const piece of isIpv4 ? fragments(packet, options.visitedMtu) : [packet]) {
      options.sendToMobile(mac, piece);
    }
  }

  /** A packet of the visited link whose sender is a visitor, by its address and its link-layer address. */
  function senderOf(packet: Buffer, mac: Buffer): Visitor | undefined {
    const source = ipv4At(packet, 12);
    const visitor = visitors.byHomeAddress(source) ?? visitors.byColocatedAddress(source);
    return visitor !== undefined && visitor.mac.compare(mac) === 0 ? visitor : undefined;
  }

  /** RFC 3344 4.2.2: for a destination that is no visitor, nothing. */
  function unknownDestination(inner: Buffer, outer: Buffer): void {
    count('unknownDestination');
    if (deviates('unknown-destination-forwarded')) {
      lowerTtl(inner, 1);
      options.sendUpstream(inner);
    }
    if (deviates('unknown-destination-broadcast')) {
      deliver(inner, broadcastMac);
    }
    if (deviates('unknown-destination-told')) {
      options.sendUpstream(timeExceeded(outer, ipv4At(outer, 16)));
    }
    if (deviates('unknown-destination-unreachable')) {
      options.sendUpstream(destinationUnreachable(outer, ipv4At(outer, 16), 1));
    }
  }

  function receiveIpv4(outer: Buffer): void {
    const inner = ipv4Packet(outer.subarray(headerLength(outer)));
    if (inner === undefined) {
      count('malformedTunnel');
      return;
    }
    const visitor = visitors.byHomeAddress(ipv4At(inner, 16));
    if (deviates('broadcast-arp-for-mobile-nodes')) {
      askByArp(ipv4At(inner, 16));
    }
    if (visitor === undefined || visitor.isColocated) {
      unknownDestination(inner, outer);
      return;
    }
    if ((inner[8] ?? 0) <= 1 && !deviates('ttl-0-delivered')) {
      count('ttlExpired');
      return;
    }
    const isDouble = inner[9] === protocol.ipv6;
    if (deviates(isDouble ? 'double-tunnel-dropped' : 'ipv4-not-delivered')) {
      return;
    }
    count('deliveredIpv4');
    if (isDouble && deviates('double-tunnel-not-stripped')) {
      deliver(outer, visitor.mac);
      return;
    }
    if (isDouble && deviates('double-tunnel-stripped-twice')) {
      deliver(inner.subarray(headerLength(inner)), visitor.mac);
      return;
    }
    if (!isDouble && deviates('ipv4-delivered-encapsulated')) {
      deliver(outer, visitor.mac);
      return;
    }
    if (inner[9] === protocol.ipInIp && deviates('nested-tunnel-stripped-twice')) {
      deliver(inner.subarray(headerLength(inner)), visitor.mac);
      return;
    }
    lowerTtl(inner, deviates('delivered-ttl-not-decremented') || (inner[8] ?? 0) === 0 ? 0 : 1);
    if (deviates('delivered-header-altered')) {
      inner[6] = (inner[6] ?? 0) | 0x40;
      writeChecksum(inner, 10, 0, headerLength(inner));
    }
    deliver(inner, deviates('ipv4-delivered-to-everybody') ? broadcastMac : visitor.mac);
  }

  /** RFC 4213 3.6: addresses that no IPv6 packet may come from. */
  function isInvalidSource(source: Ipv6Key): boolean {
    const isEmbedded =
      source.startsWith('\0'.repeat(10)) &&
      (source.startsWith('\0'.repeat(12)) || source.startsWith('\xff\xff', 10));
    return source.startsWith('\xff') || isEmbedded;
  }

  function receiveIpv6(outer: Buffer): void {
    const inner = ipv6Packet(outer.subarray(headerLength(outer)));
    if (inner === undefined || isInvalidSource(ipv6KeyAt(inner, 8))) {
      count('malformedTunnel');
      return;
    }
    const destination = ipv6KeyAt(inner, 24);
    const visitor =
      visitors.byIpv6(destination) ??
      (deviates('ipv6-delivered-for-neighbours')
        ? nearestVisitor(visitors, destination, ipv4At(outer, 12))
        : undefined);
    if (visitor?.ipv6 === undefined) {
      count('unknownIpv6Destination');
      return;
    }
    // RFC 4213 3.6: the tunnel that was set up is the one from this visitor's home agent.
    const isItsTunnel =
      ipv4At(outer, 12) === visitor.homeAgent || deviates('ipv6-of-other-home-agent-accepted');
    if (!isItsTunnel) {
      count('refusedTunnelSource');
      return;
    }
    if ((inner[7] ?? 0) <= 1) {
      count('ttlExpired');
      return;
    }
    deliverIpv6(outer, inner, visitor, visitor.ipv6.reverseTunnel);
  }

  function deliverIpv6(outer: Buffer, inner: Buffer, visitor: Visitor, isReverse: boolean): void {
    if (deviates(isReverse ? 'ipv6-not-delivered-with-r' : 'ipv6-not-delivered-without-r')) {
      return;
    }
    count('deliveredIpv6');
    if (deviates('ipv6-delivered-encapsulated')) {
      deliver(outer, visitor.mac);
      return;
    }
    lowerHopLimit(inner, 1);
    if (deviates('ipv6-delivered-with-swapped-addresses')) {
      const source = Buffer.from(inner.subarray(8, 24));
      inner.copy(inner, 8, 24, 40);
      source.copy(inner, 24);
    }
    if (deviates('ipv6-delivered-altered') && inner.length > 40) {
      inner[inner.length - 1] = (inner[inner.length - 1] ?? 0) ^ 0xff;
    }
    const mac = deviates('ipv6-delivered-to-broadcast') ? broadcastMac : visitor.mac;
    deliver(inner, mac);
    if (deviates('ipv6-delivered-to-everybody-too')) {
      deliver(inner, broadcastMac);
    }
  }

  /** For a deviation: who has been served, as they were. */
  const served = new Map<Ipv6Key, Visitor>();

  return {
    fromVisitor(octets, mac) {
      if (octets.length >= headerLength(octets) && deviates('wrong-header-checksum-forwarded')) {
        writeChecksum(octets, 10, 0, headerLength(octets));
      }
      const packet = ipv4Packet(octets);
      if (packet === undefined) {
        count('malformedIpv4');
        return;
      }
      const visitor = senderOf(packet, mac);
      if (visitor === undefined) {
        count('notVisitor');
        return;
      }
      uplink.forwardIpv4(packet, visitor);
    },
    fromVisitorEncapsulated(octets, mac) {
      const outer = ipv4Packet(octets);
      const visitor = outer === undefined || isFragment(outer) ? undefined : senderOf(outer, mac);
      const inner = outer && ipv4Packet(outer.subarray(headerLength(outer)));
      if (
        outer === undefined ||
        visitor === undefined ||
        inner === undefined ||
        !visitor.encapsulatingDelivery ||
        ipv4At(inner, 12) !== ipv4At(outer, 12) ||
        deviates('encapsulated-delivery-dropped')
      ) {
        count('refusedEncapsulated');
        return;
      }
      uplink.tunnelIpv4(inner, visitor);
    },
    fromVisitorIpv6(octets, mac) {
      const packet = ipv6Packet(octets);
      if (packet === undefined) {
        count('malformedIpv6');
        return;
      }
      const source = ipv6KeyAt(packet, 8);
      const visitor =
        visitors.byIpv6(source) ??
        served.get(source) ??
        (deviates('foreign-ipv6-source-forwarded')
          ? visitors
              .all()
              .find((other) => other.ipv6?.reverseTunnel === false && other.mac.compare(mac) === 0)
          : undefined);
      if (visitor === undefined || visitor.mac.compare(mac) !== 0) {
        count('notVisitor');
        return;
      }
      if (deviates('forwards-ipv6-after-the-end')) {
        served.set(source, { ...visitor });
      }
      uplink.forwardIpv6(packet, visitor);
    },
    fromTunnel(octets) {
      const packet = ipv4Packet(octets);
      if (packet === undefined || isFragment(packet)) {
        count('malformedTunnel');
      } else if (packet[9] === protocol.ipInIp) {
        receiveIpv4(packet);
      } else if (packet[9] === protocol.ipv6) {
        receiveIpv6(packet);
      } else {
        count('unsupportedTunnel');
      }
    },
    toColocated(octets, visitor) {
      const packet = ipv4Packet(octets);
      if (packet === undefined || (packet[8] ?? 0) <= 1) {
        count('notForwardedIpv4');
        return;
      }
      count('deliveredIpv4');
      lowerTtl(packet, 1);
      deliver(packet, visitor.mac);
    },
  };
}
