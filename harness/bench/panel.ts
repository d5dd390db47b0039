/** A patch panel: plugs each mobile node under test into one network at a time, as a switch with a port for each would. */
import { openPacketPort, type PacketPort, withNamespace } from '../net/index.ts';
import type { PortLink } from '../vectors/profile.ts';

export interface PanelOptions {
  /** The panel's end of the link of each network, by its name. */
  networks: { readonly [name: string]: PortLink };
  /** The panel's end of the link of each mobile node, in the order of the profile. */
  mobileNodes: readonly PortLink[];
}

const broadcastBit = 1;

const macAt = (frame: Uint8Array, at: number): string =>
  Buffer.from(frame.buffer, frame.byteOffset + at, 6).toString('hex');

export class Panel {
  private readonly networks = new Map<string, PacketPort>();
  private readonly nodes: PacketPort[] = [];
  /** The network that each mobile node is plugged into; at first none. */
  private readonly plugged: (string | undefined)[] = [];
  /** Where a hardware address was heard last: number of the mobile node. */
  private readonly heard = new Map<string, number>();

  /** Opens every port. Throws a KernelError or NetError for a device that is not there or may not be opened. */
  constructor({ networks, mobileNodes }: PanelOptions) {
    try {
      for (const [name, link] of Object.entries(networks))
        this.networks.set(
          name,
          openCableEnd(link, (frame) => this.fromNetwork(name, frame)),
        );
      for (const [number, link] of mobileNodes.entries())
        this.nodes.push(openCableEnd(link, (frame) => this.fromNode(number, frame)));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Plug a mobile node into another network. Throws when there is none of that name. */
  move(mobileNode: number, network: string): void {
    if (!this.networks.has(network))
      throw new Error(
        `there is no network "${network}" (there are: ${[...this.networks.keys()].join(', ')})`,
      );
    this.plugged[mobileNode] = network;
  }

  /** Plug every mobile node out. */
  unplug(): void {
    this.plugged.length = 0;
  }

  close(): void {
    for (const port of [...this.networks.values(), ...this.nodes]) port.close();
    this.networks.clear();
    this.nodes.length = 0;
  }

  private fromNetwork(name: string, frame: Uint8Array): void {
    const only = this.isForGroup(frame) ? undefined : this.heard.get(macAt(frame, 0));
    for (const [number, port] of this.nodes.entries())
      if (this.plugged[number] === name && (only === undefined || only === number)) port.send(frame);
  }

  private fromNode(number: number, frame: Uint8Array): void {
    this.heard.set(macAt(frame, 6), number);
    const network = this.plugged[number];
    if (network === undefined) return;
    const only = this.isForGroup(frame) ? undefined : this.heard.get(macAt(frame, 0));
    for (const [other, port] of this.nodes.entries())
      if (other !== number && this.plugged[other] === network && (only === undefined || only === other))
        port.send(frame);
    if (only === undefined) this.networks.get(network)?.send(frame);
  }

  private isForGroup(frame: Uint8Array): boolean {
    return ((frame[0] ?? 0) & broadcastBit) !== 0;
  }
}

/** Opens one end of a cable: tells the frames that come in by it, and not those that are sent. Throws a KernelError or NetError. */
export const openCableEnd = (link: PortLink, onFrame: (frame: Uint8Array) => void): PacketPort =>
  withNamespace(link.namespace, (namespace) =>
    openPacketPort({
      namespace,
      device: link.device,
      onFrame: ({ outgoing, octets }) => {
        if (!outgoing) onFrame(octets);
      },
    }),
  );
