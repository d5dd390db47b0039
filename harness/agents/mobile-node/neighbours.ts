import { encodePacket, formatMac, type Packet } from '../../wire/index.ts';
import {
  addressIn,
  type Ipv6Key,
  ipv4At,
  ipv4Text,
  ipv6Key,
  ipv6KeyAt,
  ipv6Octets,
  ipv6Text,
  zeroIpv6,
} from '../common/addresses.ts';
import { etherType, type Link, macOctets } from '../common/port.ts';
import type { Clock } from './clock.ts';
import { createResolver } from './resolver.ts';
import { neighborDiscoveryEnd } from './router-advertisement.ts';

/** Which addresses are to be answered for where the mobile node is now, and from which it asks. */
export interface Ownership {
  /** `asker`: the hardware address of the one that asks; `isUnicast`: it asks this node alone. */
  ownsIpv4(target: number, asker: Buffer, isUnicast: boolean): boolean;
  ownsIpv6(target: Ipv6Key, asker: Buffer): boolean;
  /** 0, or the zero address: none. */
  ipv4Source(): number;
  ipv6Source(): Ipv6Key;
}

export interface Neighbours {
  sendTo(mac: Buffer, type: number, packet: Buffer): void;
  /** Send to the neighbour of this address, which is asked for its hardware address. */
  sendIpv4(neighbour: number, packet: Buffer): void;
  sendIpv6(neighbour: Ipv6Key, packet: Buffer): void;
  learnIpv4(neighbour: number, mac: Buffer): void;
  findIpv4(neighbour: number): Buffer | undefined;
  /** Ask a neighbour whose hardware address is known whether it is still there. */
  probeIpv4(neighbour: number): void;
  /** RFC 3344 4.6: a gratuitous ARP. */
  announceIpv4(address: number): void;
  /** RFC 2461 7.2.6: an unsolicited neighbor advertisement. */
  announceIpv6(address: Ipv6Key): void;
  /** RFC 1256 as RFC 3344 2.2 has it: an agent solicitation. */
  solicitAgents(source: number): void;
  /** RFC 2461 4.1. */
  solicitRouters(): void;
  onArp(frame: Buffer, isMulticast: boolean): void;
  onNeighborSolicitation(frame: Buffer): void;
  onNeighborAdvertisement(frame: Buffer): void;
  forget(): void;
}

const broadcastMac = 'ff:ff:ff:ff:ff:ff';
const allAgents = { address: '224.0.0.11', mac: '01:00:5e:00:00:0b' };
const allNodes = { address: 'ff02::1', mac: '33:33:00:00:00:01' };
const allRouters = { address: 'ff02::2', mac: '33:33:00:00:00:02' };
const solicitedNodePrefix = ipv6Key('ff02::1:ff00:0');

/** ARP, neighbor discovery and solicitations of a mobile node, which its kernel has no part in. */
export function createNeighbours(link: Link, clock: Clock, ownership: Ownership): Neighbours {
  const { mac } = link;
  const ownMac = macOctets(mac);
  const linkLocal = addressIn(ipv6Key('fe80::'), ownMac);
  const ipv4 = createResolver<number>(clock, (target) => askIpv4(target, broadcastMac));
  const ipv6 = createResolver<Ipv6Key>(clock, askIpv6);

  function send(packet: Packet): void {
    link.send(encodePacket(packet));
  }

  function sendTo(destination: Buffer, type: number, packet: Buffer): void {
    const frame = Buffer.allocUnsafe(14 + packet.length);
    destination.copy(frame, 0);
    ownMac.copy(frame, 6);
    frame.writeUInt16BE(type, 12);
    packet.copy(frame, 14);
    link.send(frame);
  }

  function askIpv4(target: number, destination: string): void {
    send([
      { ethernet: { destination, source: mac } },
      {
        arp: {
          operation: 1,
          senderMac: mac,
          senderAddress: ipv4Text(ownership.ipv4Source()),
          targetMac: '00:00:00:00:00:00',
          targetAddress: ipv4Text(target),
        },
      },
    ]);
  }

  function askIpv6(target: Ipv6Key): void {
    const group = solicitedNodePrefix.slice(0, 13) + target.slice(13);
    const groupMac = Buffer.concat([Buffer.of(0x33, 0x33), ipv6Octets(group).subarray(12)]);
    send([
      { ethernet: { destination: formatMac(groupMac, 0), source: mac } },
      { ipv6: { source: ipv6Text(ownership.ipv6Source()), destination: ipv6Text(group), hopLimit: 255 } },
      {
        neighborSolicitation: {
          target: ipv6Text(target),
          options: [{ sourceLinkLayerAddress: { address: mac } }],
        },
      },
    ]);
  }

  function advertise(target: Ipv6Key, solicited: boolean, to: { address: string; mac: string }): void {
    send([
      { ethernet: { destination: to.mac, source: mac } },
      { ipv6: { source: ipv6Text(target), destination: to.address, hopLimit: 255 } },
      {
        neighborAdvertisement: {
          router: false,
          solicited,
          override: true,
          target: ipv6Text(target),
          options: [{ targetLinkLayerAddress: { address: mac } }],
        },
      },
    ]);
  }

  return {
    sendTo,
    sendIpv4: (neighbour, packet) =>
      ipv4.send(neighbour, (destination) => sendTo(destination, etherType.ipv4, packet)),
    sendIpv6: (neighbour, packet) =>
      ipv6.send(neighbour, (destination) => sendTo(destination, etherType.ipv6, packet)),
    learnIpv4: ipv4.learn,
    findIpv4: ipv4.find,
    probeIpv4(neighbour) {
      const known = ipv4.find(neighbour);
      askIpv4(neighbour, known === undefined ? broadcastMac : formatMac(known, 0));
    },
    announceIpv4(address) {
      const text = ipv4Text(address);
      send([
        { ethernet: { destination: broadcastMac, source: mac } },
        { arp: { operation: 1, senderMac: mac, senderAddress: text, targetMac: mac, targetAddress: text } },
      ]);
    },
    announceIpv6: (address) => advertise(address, false, allNodes),
    solicitAgents(source) {
      send([
        { ethernet: { destination: allAgents.mac, source: mac } },
        { ipv4: { source: ipv4Text(source), destination: allAgents.address, ttl: 1 } },
        { routerSolicitation: {} },
      ]);
    },
    solicitRouters() {
      send([
        { ethernet: { destination: allRouters.mac, source: mac } },
        { ipv6: { source: ipv6Text(linkLocal), destination: allRouters.address, hopLimit: 255 } },
        { ipv6RouterSolicitation: { options: [{ sourceLinkLayerAddress: { address: mac } }] } },
      ]);
    },
    onArp(frame, isMulticast) {
      const isEthernetIpv4 =
        frame.length >= 42 && frame.readUInt32BE(14) === 0x10800 && frame.readUInt16BE(18) === 0x604;
      if (!isEthernetIpv4) {
        return;
      }
      const asker = Buffer.from(frame.subarray(22, 28));
      const sender = ipv4At(frame, 28);
      const target = ipv4At(frame, 38);
      const isOurs = ownership.ownsIpv4(target, asker, !isMulticast);
      // RFC 826: an entry that exists is updated by any packet, one is made only by what is for this node.
      if (isOurs && sender !== 0) {
        ipv4.learn(sender, asker);
      } else {
        ipv4.update(sender, asker);
      }
      if (isOurs && frame.readUInt16BE(20) === 1 && sender !== target) {
        const requester = formatMac(asker, 0);
        send([
          { ethernet: { destination: requester, source: mac } },
          {
            arp: {
              operation: 2,
              senderMac: mac,
              senderAddress: ipv4Text(target),
              targetMac: requester,
              targetAddress: ipv4Text(sender),
            },
          },
        ]);
      }
    },
    onNeighborSolicitation(frame) {
      if (neighborDiscoveryEnd(frame, 135, 24) === undefined) {
        return;
      }
      const target = ipv6KeyAt(frame, 62);
      const asker = Buffer.from(frame.subarray(6, 12));
      if (!ownership.ownsIpv6(target, asker)) {
        return;
      }
      const source = ipv6KeyAt(frame, 22);
      // RFC 2461 7.2.4: a probe for duplicates is answered to all nodes.
      const isProbe = source === zeroIpv6;
      advertise(
        target,
        !isProbe,
        isProbe ? allNodes : { address: ipv6Text(source), mac: formatMac(asker, 0) },
      );
    },
    onNeighborAdvertisement(frame) {
      if (neighborDiscoveryEnd(frame, 136, 24) !== undefined) {
        ipv6.update(ipv6KeyAt(frame, 62), targetMac(frame) ?? Buffer.from(frame.subarray(6, 12)));
      }
    },
    forget() {
      ipv4.forget();
      ipv6.forget();
    },
  };
}

/** The target link-layer address option of a neighbor advertisement, where it stands first. */
function targetMac(frame: Buffer): Buffer | undefined {
  const hasOption = frame.length >= 86 && frame[78] === 2 && frame[79] === 1;
  return hasOption ? Buffer.from(frame.subarray(80, 86)) : undefined;
}
