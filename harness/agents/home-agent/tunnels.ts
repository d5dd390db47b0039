import { otherAddress } from '../common/addresses.ts';
import { packetTooBig } from '../common/icmp.ts';
import { mobileIpPort } from '../common/messages.ts';
import {
  encapsulate,
  encapsulateInUdp,
  encapsulateMinimally,
  fragments,
  protocol,
} from '../common/packets.ts';
import type { Binding, Ipv6Binding, MobileNode } from './bindings.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';

export interface TunnelOptions {
  settings: Settings;
  /** Sends an IP packet, routed by the kernel. */
  send(packet: Buffer): void;
  count(name: string): void;
  mtu: number;
  deviates: Deviates;
}

export interface Tunnels {
  /** A packet inside one from the home agent to a home address. */
  forHomeAddress(inner: Buffer, homeAddress: number): Buffer;
  tunnelIpv4(inner: Buffer, binding: Binding, careOfAddress: number): void;
  tunnelIpv6(packet: Buffer, mobile: MobileNode, binding: Binding, ipv6: Ipv6Binding): void;
}

/** Octets that a mode's tunnel puts in front of an IPv6 packet. */
export const singleHeader = 20;
const doubleHeader = 40;

/** Send an IPv4 packet, in fragments if it does not fit. */
export function sendInPieces(packet: Buffer, mtu: number, send: (packet: Buffer) => void): void {
  for (const piece of fragments(packet, mtu)) {
    send(piece);
  }
}

/** The home agent's ends of its tunnels: RFC 2003, RFC 2893, RFC 2784, RFC 2004, RFC 3519. */
export function createTunnels(options: TunnelOptions): Tunnels {
  const { settings, count, mtu, deviates } = options;
  const tunnelSource = deviates('tunnel-from-another-address')
    ? otherAddress(settings.homeAgent)
    : settings.homeAgent;
  const innerTunnelSource = deviates('inner-tunnel-from-another-address')
    ? otherAddress(settings.homeAgent)
    : settings.homeAgent;
  const send = (packet: Buffer) => sendInPieces(packet, mtu, options.send);

  /** One IPv4 packet into the tunnel of one binding. */
  function tunnelIpv4(inner: Buffer, binding: Binding, careOfAddress: number): void {
    const outer = {
      source: tunnelSource,
      destination: careOfAddress,
      protocol: protocol.ipInIp,
      typeOfService: deviates('type-of-service-not-copied') ? 0 : (inner[1] ?? 0),
      dontFragment: ((inner[6] ?? 0) & 0x40) !== 0 && !deviates('dont-fragment-not-copied'),
    };
    if (binding.udpTunnel !== undefined) {
      send(udp(outer, inner, binding.udpTunnel, protocol.ipInIp));
    } else if (binding.encapsulation === 'gre') {
      send(encapsulate({ ...outer, protocol: protocol.gre }, inner, Buffer.of(0, 0, 8, 0)));
    } else if (binding.encapsulation === 'minimal' && (inner.readUInt16BE(6) & 0x3fff) === 0) {
      send(encapsulateMinimally(outer, inner));
    } else {
      send(encapsulate(outer, inner));
    }
    count('tunnelledIpv4');
  }

  function udp(
    outer: Parameters<typeof encapsulateInUdp>[0],
    inner: Buffer,
    tunnel: { address: number; port: number },
    nextHeader: number,
  ): Buffer {
    const ports = { source: mobileIpPort, destination: tunnel.port };
    return encapsulateInUdp({ ...outer, destination: tunnel.address }, inner, ports, nextHeader);
  }

  function isDoubled(binding: Binding, ipv6: Ipv6Binding): boolean {
    if (ipv6.mode === 'home-address') {
      const isDirect =
        deviates('case-1-tunnels-to-care-of-address') ||
        (deviates('case-1-via-foreign-agent-tunnels-to-care-of-address') && binding.viaForeignAgent);
      return !isDirect;
    }
    const isReverse = ipv6.mode === 'care-of-address-and-reverse';
    return (
      deviates(isReverse ? 'r1-tunnels-to-home-address' : 'r0-tunnels-to-home-address') ||
      (deviates('ipv6-tunnel-depends-on-t') && binding.reverseTunneling)
    );
  }

  /** One IPv6 packet into the tunnel that the mode of one binding says (section 4.3). */
  function tunnelIpv6(packet: Buffer, mobile: MobileNode, binding: Binding, ipv6: Ipv6Binding): void {
    const isDouble = isDoubled(binding, ipv6);
    sendIpv6(packet, mobile, binding, ipv6, isDouble);
    if (deviates('ipv6-tunnelled-in-both-modes')) {
      sendIpv6(packet, mobile, binding, ipv6, !isDouble);
    }
  }

  function sendIpv6(
    packet: Buffer,
    mobile: MobileNode,
    binding: Binding,
    ipv6: Ipv6Binding,
    isDouble: boolean,
  ): void {
    const typeOfService = (((packet[0] ?? 0) & 15) << 4) | ((packet[1] ?? 0) >> 4);
    const outer = { protocol: protocol.ipv6, typeOfService, dontFragment: false };
    const room = mtu - (isDouble ? doubleHeader : singleHeader);
    if (packet.length > Math.max(room, 1280)) {
      tooBig(packet, room);
      return;
    }
    if (isDouble) {
      // Section 5.1.4: the tunnel to the home address, intercepted like anything else for that address.
      const inner = { ...outer, source: innerTunnelSource, destination: mobile.homeAddress ?? 0 };
      tunnelIpv4(encapsulate(inner, packet), binding, ipv6.careOfAddress);
    } else {
      const header = { ...outer, source: tunnelSource, destination: ipv6.careOfAddress };
      if (deviates('ipv6-tunnelled-by-gre')) {
        send(encapsulate({ ...header, protocol: protocol.gre }, packet, Buffer.of(0, 0, 0x86, 0xdd)));
        return;
      }
      const { udpTunnel } = binding;
      send(
        udpTunnel === undefined ? encapsulate(header, packet) : udp(header, packet, udpTunnel, protocol.ipv6),
      );
    }
    count('tunnelledIpv6');
  }

  function tooBig(packet: Buffer, room: number): void {
    count('tooBig');
    const answer =
      settings.ipv6Address === undefined ? undefined : packetTooBig(packet, settings.ipv6Address, room);
    if (answer !== undefined) {
      options.send(answer);
    }
  }

  function forHomeAddress(inner: Buffer, homeAddress: number): Buffer {
    const header = { source: settings.homeAgent, destination: homeAddress, protocol: protocol.ipInIp };
    return encapsulate({ ...header, typeOfService: inner[1] ?? 0, dontFragment: false }, inner);
  }

  return { forHomeAddress, tunnelIpv4, tunnelIpv6 };
}
