import { type Namespace, openPacketPort, type PacketPort } from '../../net/index.ts';

export const ethernetLength = 14;
export const etherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;

/** A link as the functions that speak on it use it. */
export interface Link {
  mac: string;
  send(frame: Uint8Array): void;
}

const ringFrames = 1024;

export interface AgentPortOptions {
  namespace?: Namespace | undefined;
  device: string;
  /** A frame that came for this interface, from its Ethernet header (whole) on; it may be written to. */
  onFrame(frame: Buffer, port: PacketPort, isMulticast: boolean): void;
  count(name: string): void;
  log(event: string, details: object): void;
}

/** A port that hands on what came for its own MAC address or a group. Whatever arrives, the agent goes on. */
export function openAgentPort({ namespace, device, onFrame, count, log }: AgentPortOptions): PacketPort {
  const port = openPacketPort({
    namespace,
    device,
    ringFrames,
    onFrame({ octets, outgoing }) {
      const isMulticast = ((octets[0] ?? 0) & 1) === 1;
      if (outgoing || octets.length < ethernetLength || (!isMulticast && mac.compare(octets, 0, 6) !== 0)) {
        return;
      }
      try {
        onFrame(Buffer.from(octets.buffer, octets.byteOffset, octets.length), port, isMulticast);
      } catch (error) {
        count('exceptions');
        log('exception', { message: error instanceof Error ? error.message : String(error) });
      }
    },
  });
  const mac = macOf(port);
  return port;
}

/** The hardware address of a port, six octets. */
export function macOf(port: PacketPort): Buffer {
  return macOctets(port.mac);
}

/** The six octets of `02:00:00:00:00:01`. */
export function macOctets(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}
