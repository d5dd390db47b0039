/** A stand-in for a slow device: what it sends reaches the others late. */
import { openNamespace, openPacketPort, type PacketPort } from '../../net/index.ts';
import type { PortLink } from '../../vectors/profile.ts';
import type { End, Topology } from '../topologies.ts';

const arp = 0x0806;
const neighbourMessages = [135, 136];

/** Neighbours are resolved at once: a slow device is slow in what it computes. */
function isResolution(frame: Uint8Array): boolean {
  const type = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
  if (type === arp) return true;
  return type === 0x86dd && frame[20] === 58 && neighbourMessages.includes(frame[54] ?? 0);
}

/** Joins two devices like a cable, on which frames from the first one to the second take their time. */
export class SlowLink {
  private readonly ports: PacketPort[];
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(device: PortLink, others: PortLink, delayMs: number) {
    const later = (work: () => void): void => {
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        work();
      }, delayMs);
      this.timers.add(timer);
    };
    const near = open(device, (octets) => {
      const frame = Uint8Array.from(octets);
      if (isResolution(frame)) far.send(frame);
      else later(() => far.send(frame));
    });
    const far = open(others, (octets) => near.send(octets));
    this.ports = [near, far];
  }

  close(): void {
    for (const timer of this.timers) clearTimeout(timer);
    for (const port of this.ports) port.close();
  }
}

function open(link: PortLink, onFrame: (frame: Uint8Array) => void): PacketPort {
  const namespace = link.namespace === undefined ? undefined : openNamespace(link.namespace);
  try {
    return openPacketPort({
      namespace,
      device: link.device,
      onFrame: ({ outgoing, octets }) => {
        if (!outgoing) onFrame(octets);
      },
    });
  } finally {
    namespace?.close();
  }
}

/** A lab in which the link of a device ends in a namespace of its own, "slow", at `near0`; the other end of it at `far0`. */
export function spliced(lab: Topology, at: string, device: string): Topology {
  const end = (name: string): End => ({ at: 'slow', device: name, addresses: [] });
  return {
    ...lab,
    names: [...lab.names, 'slow'],
    links: lab.links.flatMap((link): (readonly [End, End])[] => {
      const own = link.find((one) => one.at === at && one.device === device);
      const peer = link.find((one) => one !== own);
      if (own === undefined || peer === undefined) return [link];
      return [
        [own, end('near0')],
        [peer, end('far0')],
      ];
    }),
    silent: [...(lab.silent ?? []), ...['near0', 'far0'].map((name) => ({ at: 'slow', device: name }))],
  };
}
