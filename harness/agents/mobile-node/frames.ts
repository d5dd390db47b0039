import { headerLength, protocol } from '../common/packets.ts';
import { ethernetLength, etherType } from '../common/port.ts';
import { readUdp } from '../common/udp.ts';

/** What may come over the link, told apart. */
export interface FrameHandlers {
  arp(frame: Buffer, isMulticast: boolean): void;
  /** An ICMP router advertisement of IPv4, checked by whoever reads it; so are the next three. */
  agentAdvertisement(frame: Buffer): void;
  routerAdvertisement(frame: Buffer): void;
  neighborSolicitation(frame: Buffer): void;
  neighborAdvertisement(frame: Buffer): void;
  /** A datagram for the source port of requests; `destination` is its IPv4 address. */
  reply(payload: Buffer, destination: number): void;
  /** A DHCP server at this address has spoken. */
  dhcpServer(address: number, mac: Buffer): void;
  /** Any other packet for this node alone; `sender` is a hardware address. */
  ipv4(packet: Buffer, sender: Buffer): void;
  ipv6(packet: Buffer, sender: Buffer): void;
  count(name: string): void;
}

const dhcpServerPort = 67;
const dhcpClientPort = 68;
const icmpRouterAdvertisement = 9;

/** Sorts the frames of the link device; replies are those for `replyPort`. */
export function createFrameSorter(
  replyPort: number,
  handlers: FrameHandlers,
): (frame: Buffer, isMulticast: boolean) => void {
  const senderOf = (frame: Buffer) => Buffer.from(frame.subarray(6, 12));

  function datagram(frame: Buffer): void {
    const read = readUdp(frame.subarray(ethernetLength));
    if (read.problem !== undefined) {
      handlers.count(read.problem);
    } else if (read.destinationPort === replyPort) {
      handlers.reply(read.payload, read.destination);
    } else {
      handlers.dhcpServer(read.source, senderOf(frame));
    }
  }

  function isForAgent(packet: Buffer): boolean {
    const start = headerLength(packet);
    if (packet[9] !== protocol.udp || packet.length < start + 8) {
      return false;
    }
    const port = packet.readUInt16BE(start + 2);
    return port === replyPort || (port === dhcpClientPort && packet.readUInt16BE(start) === dhcpServerPort);
  }

  function ipv4(frame: Buffer, isMulticast: boolean): void {
    const packet = frame.subarray(ethernetLength);
    if (packet.length < 20) {
      return;
    }
    if (packet[9] === protocol.icmp && packet[headerLength(packet)] === icmpRouterAdvertisement) {
      handlers.agentAdvertisement(frame);
    } else if (isForAgent(packet)) {
      datagram(frame);
    } else if (!isMulticast) {
      handlers.ipv4(packet, senderOf(frame));
    }
  }

  function ipv6(frame: Buffer, isMulticast: boolean): void {
    const packet = frame.subarray(ethernetLength);
    if (packet.length < 40) {
      return;
    }
    switch (packet[6] === protocol.icmpv6 ? packet[40] : undefined) {
      case 134:
        handlers.routerAdvertisement(frame);
        break;
      case 135:
        handlers.neighborSolicitation(frame);
        break;
      case 136:
        handlers.neighborAdvertisement(frame);
        break;
      default:
        if (!isMulticast) {
          handlers.ipv6(packet, senderOf(frame));
        }
    }
  }

  return (frame, isMulticast) => {
    switch (frame.readUInt16BE(12)) {
      case etherType.ipv4:
        ipv4(frame, isMulticast);
        break;
      case etherType.ipv6:
        ipv6(frame, isMulticast);
        break;
      case etherType.arp:
        handlers.arp(frame, isMulticast);
    }
  };
}
