/** A wire with a will of its own: carries frames between the network and the device under test, and does to them what it is told. */
import type { PacketPort } from '../../net/index.ts';
import { openCableEnd } from '../panel.ts';
import type { End, Topology } from '../topologies.ts';

/** What becomes of a frame: `pass` lets one go on, at once or later, as often as wanted; `answer` sends one back to where it came from. */
export type Treatment = (
  frame: Uint8Array,
  pass: (frame: Uint8Array) => void,
  answer: (frame: Uint8Array) => void,
) => void;

export interface Behaviour {
  /** Of frames from the device; untouched where there is none. */
  fromDevice?: Treatment;
  toDevice?: Treatment;
}

/** Namespace of the box in a lab, and its devices towards the network and towards the device under test. */
export const boxAt = { name: 'box', network: 'up0', device: 'down0' } as const;

/** A lab with a box in a link of the device under test: the one that it has by this name. */
export function withBox(topology: Topology, name: string): Topology {
  const end = (device: string): End => ({ at: boxAt.name, device, addresses: [] });
  return {
    ...topology,
    names: [...topology.names, boxAt.name],
    links: topology.links.flatMap((link): (readonly [End, End])[] => {
      const own = link.find(({ at, device }) => at === 'iut' && device === name);
      const peer = link.find((one) => one !== own);
      if (own === undefined || peer === undefined) return [link];
      return [
        [peer, end(boxAt.network)],
        [end(boxAt.device), own],
      ];
    }),
    silent: [
      ...(topology.silent ?? []),
      ...[boxAt.network, boxAt.device].map((device) => ({ at: boxAt.name, device })),
    ],
  };
}

const arp = 0x0806;
const ipv6 = 0x86dd;
const icmpv6 = 58;
const neighbourMessages = [135, 136];

/** A slow device is slow in what it computes: what it sends is late, but for the resolution of neighbours (ARP, RFC 4861). */
export const late =
  (box: MiddleBox, milliseconds: number): Treatment =>
  (frame, pass) => {
    const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
    const isNeighbour = type === ipv6 && frame[20] === icmpv6 && neighbourMessages.includes(frame[54] ?? 0);
    if (type === arp || isNeighbour) pass(frame);
    else box.later(milliseconds, () => pass(frame));
  };

export class MiddleBox {
  private readonly network: PacketPort;
  private readonly device: PacketPort;
  private behaviour: Behaviour = {};
  private readonly timers = new Set<NodeJS.Timeout>();

  /** Opens both ends, in the box's namespace. */
  constructor(namespacePath: string) {
    const open = (device: string, onFrame: (frame: Uint8Array) => void): PacketPort =>
      openCableEnd({ namespace: namespacePath, device }, onFrame);
    this.network = open(boxAt.network, (frame) =>
      this.treat(this.behaviour.toDevice, frame, this.device, this.network),
    );
    this.device = open(boxAt.device, (frame) =>
      this.treat(this.behaviour.fromDevice, frame, this.network, this.device),
    );
  }

  /** From now on. */
  behave(behaviour: Behaviour): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    this.behaviour = behaviour;
  }

  /** For behaviours that take their time: what is put off is forgotten with the behaviour. */
  later(milliseconds: number, what: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      what();
    }, milliseconds);
    this.timers.add(timer);
  }

  close(): void {
    this.behave({});
    this.network.close();
    this.device.close();
  }

  private treat(treatment: Treatment | undefined, frame: Uint8Array, to: PacketPort, from: PacketPort): void {
    if (treatment === undefined) to.send(frame);
    else
      treatment(
        frame,
        (out) => to.send(out),
        (out) => from.send(out),
      );
  }
}
