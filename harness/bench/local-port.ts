/** A port of the bench: sends packets and frames, shows what passes, and keeps the kernel from answering. */
import type { Outgoing } from '../engine/bench.ts';
import {
  type Frame,
  openPacketPort,
  openRawSender,
  openSink,
  type RawSender,
  withNamespace,
} from '../net/index.ts';
import type { PortLink } from '../vectors/profile.ts';

/** What a port tells. */
export interface PortEvents {
  onFrame(frame: Frame): void;
  /** Nothing can be said any more of what passes: why. */
  onError(reason: string): void;
}

export interface Sink {
  udpPorts: number[];
  protocols: number[];
}

export interface BenchPort {
  /** The hardware address of its device. */
  readonly mac: string;
  /** Resolves, where it is elsewhere, when the packet is out. Throws a KernelError or NetError. */
  send(outgoing: Outgoing): void | Promise<void>;
  /** Further UDP ports for which the kernel keeps silent. */
  sink(udpPorts: readonly number[]): { close(): void };
  /** Frames lost because a machine was too slow. */
  dropped(): number;
  close(): void;
}

/** Opens a port on a device. `sink` is left out where kernels may answer. Throws a KernelError or NetError. */
export function openLocalPort(link: PortLink, sink: Sink | undefined, events: PortEvents): BenchPort {
  return withNamespace(link.namespace, (namespace) => {
    const packets = openPacketPort({
      namespace,
      device: link.device,
      onFrame: events.onFrame,
      onError: (error) => events.onError(error.message),
    });
    const closers: { close(): void }[] = [packets];
    const close = (): void => {
      for (const one of closers.splice(0)) one.close();
    };
    let sender: RawSender;
    try {
      sender = openRawSender(namespace);
      closers.push(sender);
      if (sink !== undefined) closers.push(openSink({ namespace, ...sink }));
    } catch (error) {
      close();
      throw error;
    }
    // Refused sends would otherwise look like a silent device.
    sender.onError = (error) => events.onError(`cannot send: ${error.message}`);
    return {
      mac: packets.mac,
      send: ({ kind, octets }) => {
        if (kind === 'ethernet') packets.send(octets);
        else sender.send(octets);
      },
      sink: (udpPorts) =>
        withNamespace(link.namespace, (at) =>
          openSink({ namespace: at, udpPorts: [...udpPorts], protocols: [] }),
        ),
      dropped: () => packets.dropped(),
      close,
    };
  });
}
