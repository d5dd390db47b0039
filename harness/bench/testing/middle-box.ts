/** A wire with a will of its own: carries frames between the network and the device under test, and does to them what it is told. */
import { openNamespace, openPacketPort, type PacketPort } from '../../net/index.ts';
import type { PortLink } from '../../vectors/profile.ts';
import type { Topology } from '../topologies.ts';

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

/** Namespace of the box in a lab, its devices towards the network and towards the device under test, and core's towards it. */
export const boxAt = { name: 'box', network: 'up0', device: 'down0', core: 'iut0' } as const;

/** A lab with a box in the link between core and the device under test. */
export function withBox(topology: Topology): Topology {
  const ends = { core: boxAt.network, iut: boxAt.device };
  const isUpstream = ([near, far]: Topology['links'][number]): boolean =>
    near.at === 'core' && far.at === 'iut';
  return {
    ...topology,
    names: [...topology.names, boxAt.name],
    links: topology.links.flatMap((link): Topology['links'] =>
      isUpstream(link)
        ? link.map((end) => [end, { at: boxAt.name, device: ends[end.at as 'core' | 'iut'], addresses: [] }])
        : [link],
    ),
    silent: [
      ...(topology.silent ?? []),
      ...Object.values(ends).map((device) => ({ at: boxAt.name, device })),
    ],
  };
}

export class MiddleBox {
  private readonly network: PacketPort;
  private readonly device: PacketPort;
  private behaviour: Behaviour = {};
  private readonly timers = new Set<NodeJS.Timeout>();

  /** Opens both ends, in the box's namespace. */
  constructor(namespacePath: string) {
    const link = (device: string): PortLink => ({ namespace: namespacePath, device });
    this.network = this.open(link(boxAt.network), (frame) =>
      this.treat(this.behaviour.toDevice, frame, this.device, this.network),
    );
    this.device = this.open(link(boxAt.device), (frame) =>
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

  private open(link: PortLink, onFrame: (frame: Uint8Array) => void): PacketPort {
    const namespace = openNamespace(link.namespace ?? '');
    try {
      return openPacketPort({
        namespace,
        device: link.device,
        onFrame: ({ outgoing, octets }) => {
          if (!outgoing) onFrame(octets);
        },
      });
    } finally {
      namespace.close();
    }
  }
}
