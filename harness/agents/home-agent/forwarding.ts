import { type Ipv6Key, ipv4At, ipv6KeyAt } from '../common/addresses.ts';
import { echoReply, fragmentationNeeded } from '../common/icmp.ts';
import {
  decapsulateMinimally,
  headerLength,
  ipv4Packet,
  ipv6Packet,
  lowerHopLimit,
  lowerTtl,
  protocol,
} from '../common/packets.ts';
import type { Binding, BindingTable, MobileNode } from './bindings.ts';
import { createTunnels, sendInPieces, singleHeader, type TunnelOptions } from './tunnels.ts';

export interface ForwardingOptions extends TunnelOptions {
  table: BindingTable;
  /** Puts a copy of a packet on the home link; for a deviation. */
  sendOntoHomeLink(packet: Buffer): void;
  now(): number;
}

export interface Forwarder {
  /** The mobile node that this IPv6 address is registered for. */
  findIpv6(destination: Ipv6Key): MobileNode | undefined;
  /** A packet whose destination is a registered home address; it may be written to. */
  interceptIpv4(octets: Buffer, mobile: MobileNode): void;
  interceptIpv6(octets: Buffer, mobile: MobileNode): void;
  /** A broadcast that came over the home link (RFC 3344 4.3); it may be written to. */
  broadcastIpv4(octets: Buffer): void;
  /** A packet of protocol 4, 41, 47 or 55 addressed to the home agent; it may be written to. */
  receive(octets: Buffer): void;
  /** RFC 3519: a Tunnel Data message; `message` starts at its type octet. */
  receiveTunnelData(source: number, port: number, message: Buffer): void;
}

type Encapsulation = Binding['encapsulation'] | 'udp';

/** Interception, tunnels and their ends: RFC 3344 4.2.3, RFC 3024 4.3, sections 4.3 and 6 of the draft. */
export function createForwarder(options: ForwardingOptions): Forwarder {
  const { settings, table, count, now, mtu, deviates } = options;
  const tunnels = createTunnels(options);
  const ipv4Hops = deviates('ttl-not-decremented') ? 0 : deviates('ttl-decremented-twice') ? 2 : 1;
  const ipv6Hops = deviates('hop-limit-not-decremented')
    ? 0
    : deviates('hop-limit-decremented-twice')
      ? 2
      : 1;

  function interceptIpv4(octets: Buffer, mobile: MobileNode, isHopCounted: boolean): void {
    const packet = ipv4Packet(octets);
    if (packet === undefined) {
      count('malformedIpv4');
      return;
    }
    const isUsedUp = !isHopCounted && (packet[8] ?? 0) <= (deviates('tunnels-ttl-zero') ? 0 : 1);
    if (isUsedUp || comesFromTunnel(packet, mobile)) {
      count('notForwardedIpv4');
      return;
    }
    const isEncapsulated = packet[9] === protocol.ipInIp;
    if (deviates('no-ipv4-interception') || (isEncapsulated && deviates('drops-what-is-encapsulated'))) {
      return;
    }
    if (deviates('inner-header-rewritten')) {
      // The checksum is written anew with the TTL.
      packet.writeUInt16BE(packet.readUInt16BE(4) ^ 1, 4);
    }
    if (deviates('intercepted-packets-onto-home-link')) {
      options.sendOntoHomeLink(packet);
    }
    const isLocked = ((packet[6] ?? 0) & 0x40) !== 0;
    if (isLocked && packet.length > mtu - singleHeader) {
      count('tooBig');
      options.send(fragmentationNeeded(packet, settings.homeAgent, mtu - singleHeader));
      return;
    }
    if (!isHopCounted) {
      lowerTtl(packet, ipv4Hops);
    }
    const time = now();
    const source = ipv4At(packet, 12);
    for (const binding of mobile.bindings) {
      // RFC 2003 3.2.
      const isLoop = source === binding.careOfAddress && !deviates('tunnels-what-comes-from-the-tunnel');
      if (binding.expiresAt > time && !isLoop) {
        tunnels.tunnelIpv4(packet, binding, binding.ipv4CareOfAddress ?? binding.careOfAddress);
      }
    }
  }

  /**
   * RFC 2003 3.2: nothing that says it comes from this agent goes into its tunnels. RFC 3344 4.2.3: nor what a care-of address has
   * tunnelled back.
   */
  function comesFromTunnel(packet: Buffer, mobile: MobileNode): boolean {
    if (deviates('tunnels-what-comes-from-the-tunnel')) {
      return false;
    }
    const source = ipv4At(packet, 12);
    const inner =
      packet[9] === protocol.ipInIp ? ipv4Packet(packet.subarray(headerLength(packet))) : undefined;
    const isTunnelledBack =
      inner !== undefined &&
      ipv4At(inner, 16) === ipv4At(packet, 16) &&
      mobile.bindings.some(({ careOfAddress, expiresAt }) => careOfAddress === source && expiresAt > now());
    return source === settings.homeAgent || isTunnelledBack;
  }

  /** RFC 3344 4.3: to each mobile node that asked for it; behind a foreign agent inside a packet to its home address. */
  function broadcastIpv4(octets: Buffer): void {
    const packet = ipv4Packet(octets);
    if (packet === undefined || (packet[8] ?? 0) <= 1 || ipv4At(packet, 12) === settings.homeAgent) {
      return;
    }
    lowerTtl(packet, ipv4Hops);
    const time = now();
    for (const [homeAddress, mobile] of table.ipv4) {
      for (const binding of mobile.bindings) {
        if (binding.broadcasts && binding.expiresAt > time) {
          const isNested = binding.viaForeignAgent !== deviates('broadcast-in-wrong-form');
          const whole = isNested ? tunnels.forHomeAddress(packet, homeAddress) : packet;
          tunnels.tunnelIpv4(whole, binding, binding.careOfAddress);
        }
      }
    }
  }

  function interceptIpv6(octets: Buffer, mobile: MobileNode, isHopCounted: boolean): void {
    const packet = ipv6Packet(octets);
    if (packet === undefined) {
      count('malformedIpv6');
      return;
    }
    const isLinkLocal = packet[8] === 0xfe && ((packet[9] ?? 0) & 0xc0) === 0x80;
    const lowestHopLimit = deviates('tunnels-ipv6-of-hop-limit-1') ? 0 : 1;
    if (isLinkLocal || (!isHopCounted && (packet[7] ?? 0) <= lowestHopLimit)) {
      count('notForwardedIpv6');
      return;
    }
    const isUdp = packet[6] === 17;
    if (deviates('no-ipv6-interception') || (deviates('tunnels-ipv6-udp-only') && !isUdp)) {
      return;
    }
    if (deviates('intercepted-packets-onto-home-link')) {
      options.sendOntoHomeLink(packet);
    }
    if (!isHopCounted) {
      lowerHopLimit(packet, ipv6Hops);
    }
    if (deviates('ipv6-payload-altered') && packet.length > 40) {
      packet[packet.length - 1] = (packet[packet.length - 1] ?? 0) ^ 0xff;
    }
    const time = now();
    for (const binding of mobile.bindings) {
      if (binding.ipv6 !== undefined && binding.ipv6.expiresAt > time) {
        tunnels.tunnelIpv6(packet, mobile, binding, binding.ipv6);
      }
    }
  }

  function findIpv6(address: Ipv6Key): MobileNode | undefined {
    const exact = table.ipv6.get(address);
    if (
      exact !== undefined ||
      (table.ipv6Subnets.size === 0 && !deviates('tunnels-neighbouring-addresses'))
    ) {
      return exact;
    }
    return table.ipv6Subnets.get(address.slice(0, 8)) ?? neighbourOf(address);
  }

  /** For a deviation: the bound mobile node whose address differs in one bit (0x40 of the last octet but one). */
  function neighbourOf(address: Ipv6Key): MobileNode | undefined {
    const isOurs = address === settings.ipv6Address || table.ownerOfIpv6(address) !== undefined;
    if (isOurs || !deviates('tunnels-neighbouring-addresses')) {
      return undefined;
    }
    const octet = String.fromCharCode(address.charCodeAt(14) ^ 0x40);
    return table.ipv6.get((address.slice(0, 14) + octet + address.slice(15)) as Ipv6Key);
  }

  /** Whether this binding lets IPv6 of its mobile node come out of a tunnel from `outerSource`. */
  function acceptsReverseIpv6(mobile: MobileNode, binding: Binding, outerSource: number): boolean {
    const { ipv6 } = binding;
    if (ipv6 === undefined || ipv6.expiresAt <= now()) {
      return false;
    }
    if (ipv6.mode === 'care-of-address') {
      const isOwn = outerSource === ipv6.careOfAddress || outerSource === mobile.homeAddress;
      return isOwn && deviates('case-2-takes-reverse-tunnel');
    }
    if (deviates('reverse-ipv6-needs-t') && !binding.reverseTunneling) {
      return false;
    }
    if (ipv6.mode === 'home-address') {
      return outerSource === mobile.homeAddress && !deviates('drops-home-address-reverse-tunnel');
    }
    const isExpected = outerSource === (binding.udpTunnel?.address ?? ipv6.careOfAddress);
    return isExpected && !deviates('drops-care-of-reverse-tunnel');
  }

  /** Section 6 and RFC 3024 4.3.2: the inner source is a registered address, the outer the tunnel's other end. */
  function isReverseIpv6Right(inner: Buffer, outerSource: number): boolean {
    const owner = findIpv6Source(ipv6KeyAt(inner, 8));
    if (owner?.bindings.some((binding) => acceptsReverseIpv6(owner, binding, outerSource))) {
      return true;
    }
    if (deviates('spoofed-outer-source-accepted') && owner !== undefined) {
      return owner.bindings.some((binding) => {
        const { ipv6 } = binding;
        const wanted = ipv6?.mode === 'home-address' ? owner.homeAddress : ipv6?.careOfAddress;
        return ipv6 !== undefined && wanted !== undefined && acceptsReverseIpv6(owner, binding, wanted);
      });
    }
    return (
      (deviates('spoofed-inner-source-accepted') ||
        (deviates('inner-source-of-another-mobile-accepted') && owner !== undefined)) &&
      table.mobiles.some((mobile) =>
        mobile.bindings.some((binding) => acceptsReverseIpv6(mobile, binding, outerSource)),
      )
    );
  }

  function findIpv6Source(source: Ipv6Key): MobileNode | undefined {
    return table.ipv6.get(source) ?? table.ipv6Subnets.get(source.slice(0, 8));
  }

  function receiveIpv6(octets: Buffer, outerSource: number): void {
    const inner = ipv6Packet(octets);
    if (inner === undefined || !isReverseIpv6Right(inner, outerSource)) {
      count('refusedReverseIpv6');
      return;
    }
    const isLinkLocal = inner[24] === 0xff || (inner[24] === 0xfe && ((inner[25] ?? 0) & 0xc0) === 0x80);
    if ((inner[7] ?? 0) <= 1 || isLinkLocal) {
      count('notForwardedIpv6');
      return;
    }
    count('reverseIpv6');
    lowerHopLimit(inner, ipv6Hops);
    const mobile = findIpv6(ipv6KeyAt(inner, 24));
    if (mobile !== undefined) {
      interceptIpv6(inner, mobile, true);
    } else {
      options.send(inner);
    }
  }

  function liveBinding(mobile: MobileNode | undefined, outerSource: number): Binding | undefined {
    const time = now();
    return mobile?.bindings.find(
      (binding) =>
        binding.expiresAt > time && outerSource === (binding.udpTunnel?.address ?? binding.careOfAddress),
    );
  }

  function receiveIpv4(octets: Buffer, outerSource: number, encapsulation: Encapsulation): void {
    const inner = ipv4Packet(octets);
    if (inner === undefined) {
      count('malformedIpv4');
      return;
    }
    const mobile = table.ipv4.get(ipv4At(inner, 12));
    const binding = liveBinding(mobile, outerSource);
    const isForAgent = ipv4At(inner, 16) === settings.homeAgent;
    if (binding !== undefined && isForAgent && inner[9] === protocol.ipv6) {
      // Case 1 behind a reverse tunnel for IPv4: two headers, whatever T was (reading A11).
      if (deviates('drops-nested-reverse-tunnel')) {
        count('refusedReverseIpv6');
      } else {
        receiveIpv6(inner.subarray(headerLength(inner)), ipv4At(inner, 12));
      }
      return;
    }
    if (deviates('reverse-tunnel-not-checked')) {
      options.send(inner);
      return;
    }
    const expected = binding?.udpTunnel === undefined ? binding?.encapsulation : 'udp';
    const isKeepalive = encapsulation === 'udp' && isForAgent;
    if (
      mobile === undefined ||
      binding === undefined ||
      expected !== encapsulation ||
      (!binding.reverseTunneling && !isKeepalive) ||
      deviates('drops-ipv4-reverse-tunnel')
    ) {
      count('refusedReverseIpv4');
      return;
    }
    forwardIpv4(inner, mobile, isForAgent);
  }

  function forwardIpv4(inner: Buffer, sender: MobileNode, isForAgent: boolean): void {
    const reply = isForAgent ? echoReply(inner) : undefined;
    if (reply !== undefined) {
      // The kernel's own answer would end in the blackhole route of the home address.
      const binding = sender.bindings[0];
      if (binding !== undefined) {
        tunnels.tunnelIpv4(reply, binding, binding.careOfAddress);
      }
      return;
    }
    if ((inner[8] ?? 0) <= 1) {
      count('notForwardedIpv4');
      return;
    }
    count('reverseIpv4');
    lowerTtl(inner, ipv4Hops);
    const mobile = table.ipv4.get(ipv4At(inner, 16));
    if (mobile !== undefined) {
      interceptIpv4(inner, mobile, true);
    } else {
      sendInPieces(inner, mtu, options.send);
    }
  }

  function receiveGre(payload: Buffer, source: number): void {
    const type = payload.length < 4 || payload.readUInt16BE(0) !== 0 ? 0 : payload.readUInt16BE(2);
    if (type === 0x0800) {
      receiveIpv4(payload.subarray(4), source, 'gre');
    } else if (type === 0x86dd) {
      receiveIpv6(payload.subarray(4), source);
    } else {
      count('malformedGre');
    }
  }

  return {
    findIpv6,
    interceptIpv4: (octets, mobile) => interceptIpv4(octets, mobile, false),
    interceptIpv6: (octets, mobile) => interceptIpv6(octets, mobile, false),
    broadcastIpv4,
    receive(octets) {
      const packet = ipv4Packet(octets);
      if (packet === undefined || (packet.readUInt16BE(6) & 0x3fff) !== 0) {
        count('malformedTunnel');
        return;
      }
      const source = ipv4At(packet, 12);
      const payload = packet.subarray(headerLength(packet));
      switch (packet[9]) {
        case protocol.ipInIp:
          receiveIpv4(payload, source, 'ip-in-ip');
          break;
        case protocol.ipv6:
          receiveIpv6(payload, source);
          break;
        case protocol.gre:
          receiveGre(payload, source);
          break;
        default: {
          const inner = decapsulateMinimally(packet);
          if (inner === undefined) {
            count('malformedTunnel');
          } else {
            receiveIpv4(inner, source, 'minimal');
          }
        }
      }
    },
    receiveTunnelData(source, port, message) {
      const time = now();
      const isKnown = table.mobiles.some(({ bindings }) =>
        bindings.some(
          ({ udpTunnel, expiresAt }) =>
            expiresAt > time && udpTunnel?.address === source && udpTunnel.port === port,
        ),
      );
      const inner = message.subarray(4);
      if (!isKnown || message.length < 24) {
        count('refusedTunnelData');
      } else if (message[1] === protocol.ipInIp) {
        receiveIpv4(inner, source, 'udp');
      } else if (message[1] === protocol.ipv6) {
        receiveIpv6(inner, source);
      } else {
        count('refusedTunnelData');
      }
    },
  };
}
