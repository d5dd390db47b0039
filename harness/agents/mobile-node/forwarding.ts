import {
  type Ipv6Key,
  inIpv4Prefix,
  inIpv6Prefix,
  ipv4At,
  ipv6KeyAt,
  otherAddress,
} from '../common/addresses.ts';
import { echoReply } from '../common/icmp.ts';
import {
  encapsulate,
  headerLength,
  ipv4Packet,
  ipv6Packet,
  isFragment,
  protocol,
} from '../common/packets.ts';
import { etherType } from '../common/port.ts';
import type { CareOfAddress, Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Ipv6Use } from './ipv6-policy.ts';
import { withIpv6Source } from './ipv6-source.ts';
import type { Neighbours } from './neighbours.ts';

/** What serves the mobile node's traffic where it is now. */
export type Service =
  | { kind: 'none' }
  /** RFC 3344 4.2.1: at home it works as any other host. */
  | { kind: 'home'; ipv6RouterMac?: Buffer }
  | {
      kind: 'foreign-agent';
      homeAgent: number;
      agentAddress: number;
      agentMac: Buffer;
      careOfAddress: number;
      hasIpv6Flag: boolean;
      ipv6: Ipv6Use;
      hasIpv4: boolean;
    }
  | {
      kind: 'co-located';
      homeAgent: number;
      careOf: CareOfAddress;
      reverseTunneling: boolean;
      /** Whether a compatibility extension was sent: the home agent may then tunnel to the care-of address. */
      hasCompatibility: boolean;
      localIpv6?: Ipv6Key;
      ipv6: Ipv6Use;
      hasIpv4: boolean;
    };

/** The addresses that the mobile node's own packets may come from. */
export interface HomeAddresses {
  ipv4: number | undefined;
  ipv6: Ipv6Key | undefined;
}

export interface ForwardingOptions {
  settings: Settings;
  service(): Service;
  /** The same, but for a deviation: where packets are sent as if the mobile node had not moved. */
  sendingService(): Service;
  addresses(): HomeAddresses;
  /** Link-layer address and local address of the IPv6 router of the network visited. */
  ipv6Router(): Buffer | undefined;
  neighbours: Neighbours;
  /** Hands a packet to the mobile node's own stack. */
  deliver(packet: Buffer): void;
  count(name: string): void;
  deviates: Deviates;
}

export interface Forwarder {
  /** A packet of the mobile node's own stack. */
  sendOwn(packet: Buffer): void;
  /** An IPv4 packet that came over the link for this node, from `sender` (a hardware address). */
  receiveIpv4(octets: Buffer, sender: Buffer): void;
  receiveIpv6(octets: Buffer, sender: Buffer): void;
  /** Send an IPv4 packet of this node's care-of address. */
  sendFromCareOf(packet: Buffer, careOf: CareOfAddress): void;
}

/** Where the mobile node's packets go and where they may come from: RFC 3344 4.2.1, RFC 3024 5, sections 4.5 and 5.1 of the draft. */
export function createForwarder(options: ForwardingOptions): Forwarder {
  const { settings, service, sendingService, addresses, neighbours, deliver, count, deviates } = options;
  const { homePrefix, ipv6HomePrefix, homeAgent: homeRouter, homeAgentIpv6 } = settings;

  /** The tunnel of an IPv6 packet in one IPv4 header (RFC 2893). */
  function tunnelled(packet: Buffer, source: number, destination: number, isIpInIp = false): Buffer {
    return encapsulate(
      {
        source,
        destination,
        protocol: isIpInIp ? protocol.ipInIp : protocol.ipv6,
        typeOfService: (((packet[0] ?? 0) & 15) << 4) | ((packet[1] ?? 0) >> 4),
        dontFragment: false,
      },
      packet,
    );
  }

  /** RFC 3344 4.2.1: away from home no neighbour is asked for by broadcast, so all goes by the router. */
  function sendFromCareOf(packet: Buffer, careOf: CareOfAddress): void {
    neighbours.sendIpv4(careOf.router, packet);
  }

  /** RFC 3024: the reverse tunnel of a co-located care-of address. */
  function reverseTunnelled(packet: Buffer, at: Extract<Service, { kind: 'co-located' }>): Buffer {
    return encapsulate(
      {
        source: at.careOf.address,
        destination: at.homeAgent,
        protocol: protocol.ipInIp,
        typeOfService: packet[1] ?? 0,
        dontFragment: ((packet[6] ?? 0) & 0x40) !== 0,
      },
      packet,
    );
  }

  /** An IPv4 packet whose source is the home address. */
  function sendIpv4(packet: Buffer): void {
    const at = sendingService();
    const destination = ipv4At(packet, 16);
    if (at.kind === 'none' || (at.kind !== 'home' && !at.hasIpv4)) {
      count('notSentIpv4');
      return;
    }
    switch (at.kind) {
      case 'home':
        neighbours.sendIpv4(inIpv4Prefix(destination, homePrefix) ? destination : homeRouter, packet);
        break;
      case 'foreign-agent':
        neighbours.sendTo(at.agentMac, etherType.ipv4, packet);
        break;
      case 'co-located':
        sendFromCareOf(at.reverseTunneling ? reverseTunnelled(packet, at) : packet, at.careOf);
    }
    count('sentIpv4');
  }

  /** At home an IPv6 packet goes to its neighbour, or to the router that is configured or was heard. */
  function sendIpv6AtHome(packet: Buffer, routerMac: Buffer | undefined): void {
    const { ipv4 } = addresses();
    if (ipv4 !== undefined && deviates('tunnels-at-home')) {
      sendIpv4(tunnelled(packet, ipv4, settings.homeAgent));
      return;
    }
    const destination = ipv6KeyAt(packet, 24);
    if (ipv6HomePrefix !== undefined && inIpv6Prefix(destination, ipv6HomePrefix)) {
      neighbours.sendIpv6(destination, packet);
      return;
    }
    if (homeAgentIpv6 !== undefined) {
      neighbours.sendIpv6(homeAgentIpv6, packet);
      return;
    }
    const mac = routerMac ?? neighbours.findIpv4(homeRouter);
    if (mac === undefined) {
      count('notSentIpv6');
    } else {
      neighbours.sendTo(mac, etherType.ipv6, packet);
    }
  }

  /** An IPv6 packet whose source is the home address, by way of the use that the registration gives. */
  function sendIpv6(packet: Buffer): void {
    const at = sendingService();
    if (at.kind === 'home') {
      sendIpv6AtHome(packet, at.ipv6RouterMac);
      count('sentIpv6');
      return;
    }
    if (at.kind === 'none' || at.ipv6 === 'none') {
      count('notSentIpv6');
      return;
    }
    count('sentIpv6');
    if (at.kind === 'foreign-agent') {
      sendIpv6ByForeignAgent(packet, at);
    } else {
      sendIpv6FromCareOf(packet, at);
    }
  }

  function sendIpv6ByForeignAgent(packet: Buffer, at: Extract<Service, { kind: 'foreign-agent' }>): void {
    const isNative =
      at.ipv6 === 'foreign-agent' ||
      deviates(at.hasIpv6Flag ? 'native-ipv6-with-code-2' : 'native-ipv6-with-a-clear');
    if (isNative) {
      neighbours.sendTo(at.agentMac, etherType.ipv6, packet);
      return;
    }
    // Section 4.5.1 demands the tunnel where A is clear; where it is set, section 5.1.3 describes it.
    const deviatesHere = (name: Parameters<Deviates>[0]) => !at.hasIpv6Flag && deviates(name);
    const source = deviatesHere('tunnel-from-care-of-address') ? at.careOfAddress : (addresses().ipv4 ?? 0);
    const destination = deviatesHere('tunnel-to-foreign-agent') ? at.agentAddress : at.homeAgent;
    const packetOfTunnel = tunnelled(packet, source, destination, deviatesHere('tunnel-by-ip-in-ip'));
    neighbours.sendTo(at.agentMac, etherType.ipv4, packetOfTunnel);
  }

  function sendIpv6FromCareOf(packet: Buffer, at: Extract<Service, { kind: 'co-located' }>): void {
    const use = deviatingUse(at);
    if (use === 'local-router') {
      const isDeviating = use !== at.ipv6;
      const mac = options.ipv6Router() ?? (isDeviating ? neighbours.findIpv4(at.careOf.router) : undefined);
      if (mac === undefined) {
        count('notSentIpv6');
        return;
      }
      const isRenamed = at.localIpv6 !== undefined && deviates('local-address-as-source');
      const sent = isRenamed ? withIpv6Source(packet, at.localIpv6 ?? '') : packet;
      neighbours.sendTo(mac, etherType.ipv6, sent);
      return;
    }
    if (use === 'care-of-tunnel') {
      sendFromCareOf(tunnelled(packet, tunnelSource(at), at.homeAgent), at.careOf);
      return;
    }
    const inner = tunnelled(packet, addresses().ipv4 ?? 0, at.homeAgent);
    sendFromCareOf(at.reverseTunneling ? reverseTunnelled(inner, at) : inner, at.careOf);
  }

  function deviatingUse(at: Extract<Service, { kind: 'co-located' }>): Ipv6Use {
    if (at.ipv6 === 'care-of-tunnel' && deviates('native-ipv6-with-r-set')) {
      return 'local-router';
    }
    if (at.ipv6 === 'home-address-tunnel' && !at.hasCompatibility) {
      if (deviates('native-ipv6-without-compatibility')) {
        return 'local-router';
      }
      if (deviates('care-of-tunnel-without-compatibility')) {
        return 'care-of-tunnel';
      }
    }
    return at.ipv6;
  }

  function tunnelSource({ careOf }: Extract<Service, { kind: 'co-located' }>): number {
    if (deviates('tunnel-from-another-address')) {
      return otherAddress(careOf.address);
    }
    return deviates('tunnel-from-home-address-with-r-set') ? (addresses().ipv4 ?? 0) : careOf.address;
  }

  /** The end of a tunnel of IPv6 from the home agent; `isDouble`: it came in two IPv4 headers. */
  function receiveTunnelledIpv6(octets: Buffer, isDouble: boolean): void {
    const inner = ipv6Packet(octets);
    const at = service();
    const isTaken =
      inner !== undefined &&
      isOwnIpv6(ipv6KeyAt(inner, 24)) &&
      (at.kind === 'foreign-agent' || at.kind === 'co-located') &&
      at.ipv6 !== 'none' &&
      !isLeftEncapsulated(at, isDouble);
    if (isTaken) {
      count('receivedTunnelledIpv6');
      deliver(inner);
    } else {
      count('refusedIpv6');
    }
  }

  /** For deviations. */
  function isLeftEncapsulated(at: Service, isDouble: boolean): boolean {
    if (at.kind === 'foreign-agent' && at.ipv6 === 'home-address-tunnel') {
      return deviates(at.hasIpv6Flag ? 'no-decapsulation-with-code-2' : 'no-decapsulation-at-home-address');
    }
    return (
      at.kind === 'co-located' && isDouble && !at.hasCompatibility && deviates('no-double-decapsulation')
    );
  }

  function isOwnIpv6(address: Ipv6Key): boolean {
    return address === addresses().ipv6;
  }

  /** A whole IPv4 packet for the home address, bare or out of a tunnel. */
  function receiveAtHomeAddress(packet: Buffer, isDouble: boolean): void {
    const at = service();
    const isTunnel = packet[9] === protocol.ipv6;
    if (isTunnel && (at.kind === 'foreign-agent' || at.kind === 'co-located')) {
      // Section 4.5: ready to decapsulate what the home agent tunnels to the home address, nobody else's.
      if (ipv4At(packet, 12) === at.homeAgent && !isFragment(packet)) {
        receiveTunnelledIpv6(packet.subarray(headerLength(packet)), isDouble);
      } else {
        count('refusedIpv6');
      }
      return;
    }
    count('receivedIpv4');
    deliver(packet);
  }

  function receiveAtCareOf(packet: Buffer, at: Extract<Service, { kind: 'co-located' }>): void {
    const body = packet.subarray(headerLength(packet));
    if (packet[9] === protocol.icmp) {
      const reply = isFragment(packet) ? undefined : echoReply(packet);
      if (reply !== undefined) {
        sendFromCareOf(reply, at.careOf);
      }
      return;
    }
    if (ipv4At(packet, 12) !== at.homeAgent || isFragment(packet)) {
      count('refusedTunnels');
      return;
    }
    if (packet[9] === protocol.ipv6 && at.hasCompatibility && at.ipv6 !== 'home-address-tunnel') {
      if (!deviates('no-decapsulation-at-care-of-address')) {
        receiveTunnelledIpv6(body, false);
      }
      return;
    }
    const inner = packet[9] === protocol.ipInIp ? ipv4Packet(body) : undefined;
    if (inner !== undefined && at.hasIpv4 && ipv4At(inner, 16) === addresses().ipv4) {
      receiveAtHomeAddress(inner, true);
    } else {
      count('refusedTunnels');
    }
  }

  return {
    sendFromCareOf,
    sendOwn(octets) {
      const version = (octets[0] ?? 0) >> 4;
      if (version === 4) {
        const packet = ipv4Packet(octets);
        const destination = octets[16] ?? 255;
        // Multicast and the limited broadcast stay within the node.
        if (packet !== undefined && destination < 224 && ipv4At(packet, 12) === addresses().ipv4) {
          sendIpv4(packet);
        }
        return;
      }
      const packet = ipv6Packet(octets);
      const isLinkScoped =
        octets[24] === 0xff || (octets[24] === 0xfe && ((octets[25] ?? 0) & 0xc0) === 0x80);
      if (packet !== undefined && !isLinkScoped && ipv6KeyAt(packet, 8) === addresses().ipv6) {
        sendIpv6(packet);
      }
    },
    receiveIpv4(octets, sender) {
      const packet = ipv4Packet(octets);
      if (packet === undefined) {
        count('malformedIpv4');
        return;
      }
      const at = service();
      const destination = ipv4At(packet, 16);
      if (at.kind === 'co-located' && destination === at.careOf.address) {
        receiveAtCareOf(packet, at);
        return;
      }
      const isExpected =
        destination === addresses().ipv4 &&
        (at.kind === 'home' || (at.kind === 'foreign-agent' && at.hasIpv4 && at.agentMac.equals(sender)));
      if (isExpected) {
        receiveAtHomeAddress(packet, false);
      } else {
        count('notForUs');
      }
    },
    receiveIpv6(octets, sender) {
      const packet = ipv6Packet(octets);
      if (packet === undefined) {
        count('malformedIpv6');
        return;
      }
      const at = service();
      const isExpected =
        isOwnIpv6(ipv6KeyAt(packet, 24)) &&
        (at.kind === 'home' ||
          (at.kind === 'foreign-agent' &&
            (at.ipv6 === 'foreign-agent' || deviates('tunnels-with-code-0')) &&
            at.agentMac.equals(sender) &&
            !deviates('bare-ipv6-not-taken')));
      if (isExpected) {
        count('receivedIpv6');
        deliver(packet);
      } else {
        count('notForUs');
      }
    },
  };
}
