import { createRequire } from 'node:module';
import type * as RawSocket from 'raw-socket';
import { KernelError, NetError } from './errors.ts';
import { errnoNameOfWords } from './libc.ts';
import { inNamespace, type Namespace } from './namespace.ts';

/** Sends whole IP packets, header included, routed by the kernel of a namespace. */
export interface RawSender {
  /**
   * Sends an IPv4 or IPv6 packet; which one, the version in its first octet says. Any source address will do. The
   * kernel writes the total length and header checksum of IPv4 itself, and the identification when it is 0.
   * What the kernel refuses is reported to `onError`; order is kept. Link-local and multicast destinations do not say
   * through which device: send those as frames through a packet port.
   */
  send(packet: Uint8Array): void;
  /** Called with what could not be sent. Unless set, the error is thrown. */
  onError: ((error: Error, packet: Uint8Array) => void) | undefined;
  /** What could not be handed to the kernel yet, because its send buffer was full, is dropped. */
  close(): void;
}

const IPPROTO_RAW = 255;
const SOL_IP = 0;
const IP_HDRINCL = 3;
const SOL_SOCKET = 1;
const SO_BROADCAST = 6;
const SO_SNDBUF = 7;
/** The kernel reduces it to net.core.wmem_max. */
const largestBuffer = 0x3fff_ffff;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;

const require = createRequire(import.meta.url);

/** The raw-socket package; throws what the module loader throws when its addon was not built. */
export function rawSocketPackage(): typeof RawSocket {
  return require('raw-socket') as typeof RawSocket;
}

/** A socket that nothing but its own listeners refer to is collected and closed: open ones are kept here. */
const openSockets = new Set<RawSocket.Socket>();

interface Family {
  socket: RawSocket.Socket;
  /** Packets handed to the package's own queue and not sent yet. */
  queued: number;
}

/** Opens a sender for both IP versions in a namespace. Throws a KernelError, EPERM when the process may not. */
export function openRawSender(namespace?: Namespace): RawSender {
  const raw = rawSocketPackage();
  const { v4, v6 } = inNamespace(namespace, () => ({
    v4: openFamily(raw, raw.AddressFamily.IPv4),
    v6: openFamily(raw, raw.AddressFamily.IPv6),
  }));
  // Packets that wait for an address resolution that never comes fill the buffer and hold up all others.
  for (const { socket } of [v4, v6]) socket.setOption(SOL_SOCKET, SO_SNDBUF, largestBuffer);
  v4.socket.setOption(SOL_IP, IP_HDRINCL, 1);
  v4.socket.setOption(SOL_SOCKET, SO_BROADCAST, 1);
  let open = true;

  const sender: RawSender = {
    onError: undefined,
    send(packet) {
      if (!open) throw new NetError('CLOSED', 'the raw sender is closed');
      const version = (packet[0] ?? 0) >> 4;
      if (version === 4 && packet.length >= IPV4_HEADER) hand(v4, packet, ipv4Destination(packet), sender);
      else if (version === 6 && packet.length >= IPV6_HEADER)
        hand(v6, packet, ipv6Destination(packet), sender);
      else throw new NetError('NOT_IP', `not an IP packet: ${packet.length} octets, version ${version}`);
    },
    close() {
      open = false;
      for (const { socket } of [v4, v6]) if (openSockets.delete(socket)) socket.close();
    },
  };
  return sender;
}

function openFamily(raw: typeof RawSocket, addressFamily: number): Family {
  try {
    // The package allocates this buffer for reception, which does not happen with this protocol.
    const socket = raw.createSocket({ protocol: IPPROTO_RAW, addressFamily, bufferSize: 1 });
    openSockets.add(socket);
    // Nothing is received; and a paused socket does not keep the process alive.
    socket.pauseRecv();
    socket.on('error', () => {});
    return { socket, queued: 0 };
  } catch (error) {
    throw kernelError(error, `open a raw IPv${addressFamily === raw.AddressFamily.IPv4 ? 4 : 6} socket`);
  }
}

/**
 * Sends at once by the native socket, so that sending is in step with the packet ports, with route changes and with
 * `close`. When the send buffer is full, this packet and those behind it go through the package's queue, which
 * sends one per turn of the event loop.
 */
function hand(family: Family, packet: Uint8Array, destination: string, sender: RawSender): void {
  const { wrap } = family.socket;
  const buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  if (family.queued > 0 || wrap === undefined) {
    enqueue(family, buffer, destination, sender);
    return;
  }
  try {
    wrap.send(buffer, 0, buffer.length, destination, ignore);
  } catch (error) {
    const failure = kernelError(error, `send an IP packet of ${packet.length} octets to ${destination}`);
    if (failure.code === 'EAGAIN') enqueue(family, buffer, destination, sender);
    else report(sender, failure, packet);
  }
}

function enqueue(family: Family, buffer: Buffer, destination: string, sender: RawSender): void {
  // A copy: the caller may reuse its memory as soon as send returns.
  const copy = Buffer.from(buffer);
  family.queued += 1;
  family.socket.send(copy, 0, copy.length, destination, (error) => {
    family.queued -= 1;
    if (error === null) return;
    const failure = kernelError(error, `send an IP packet of ${copy.length} octets to ${destination}`);
    // Not from within the package's callback, where an exception would be lost.
    setImmediate(() => report(sender, failure, copy));
  });
}

function ignore(): void {}

function report(sender: RawSender, error: Error, packet: Uint8Array): void {
  if (sender.onError === undefined) throw error;
  sender.onError(error, packet);
}

function kernelError(error: unknown, doing: string): KernelError {
  const words = error instanceof Error ? error.message : String(error);
  const code = errnoNameOfWords(words) ?? 'error';
  const advice = code === 'EPERM' ? 'this needs root, or a private namespace made by isolated()' : undefined;
  return new KernelError(doing, code, words, advice);
}

function ipv4Destination(packet: Uint8Array): string {
  return `${packet[16]}.${packet[17]}.${packet[18]}.${packet[19]}`;
}

function ipv6Destination(packet: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, i) => ((packet[24 + 2 * i] ?? 0) << 8) | (packet[25 + 2 * i] ?? 0),
  );
  return groups.map((group) => group.toString(16)).join(':');
}
