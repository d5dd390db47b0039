import type { node as KoffiNode } from 'koffi';
import { type DeviceFacts, deviceFacts, where } from './device.ts';
import { type KernelError, NetError } from './errors.ts';
import { type Frame, type FrameRing, openFrameRing } from './frame-ring.ts';
import {
  AF_PACKET,
  check,
  errorOf,
  int32,
  koffi,
  libc,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from './libc.ts';
import { inNamespace, type Namespace, openNamespace } from './namespace.ts';

export interface PacketPortOptions {
  namespace?: Namespace | undefined;
  device: string;
  onFrame(frame: Frame): void;
  /** Called when the device goes away while the port is open; left out, the port just falls silent. */
  onError?(error: KernelError): void;
  /** Frames that the kernel keeps for us while the process is busy; 4096 unless given. */
  ringFrames?: number;
}

/** All traffic of one device, both directions, and the means to send any frame through it. */
export interface PacketPort {
  readonly device: string;
  readonly index: number;
  readonly mac: string;
  readonly mtu: number;
  /** Sends a frame from its link header on, at once. The port sees it too, as outgoing. Throws a KernelError. */
  send(octets: Uint8Array): void;
  /** Frames lost since the port was opened because the process did not read them in time. */
  dropped(): number;
  /** An open port keeps the process alive, as any socket does; `unref` lifts that. */
  unref(): void;
  close(): void;
}

const ETH_P_ALL = 0x0003;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_STATISTICS = 6;
const PACKET_MR_PROMISC = 1;
const PACKET_MR_ALLMULTI = 2;
const MSG_DONTWAIT = 0x40;
const defaultRingFrames = 4096;

interface OpenPort {
  ring: FrameRing;
  /** Read from the ring and not yet delivered. */
  waiting: Frame[];
  /** Index in `waiting` of the frame to deliver next. */
  next: number;
  onFrame(frame: Frame): void;
}

/** Also keeps the poll handles from being collected while their ports are open. */
const openPorts = new Set<OpenPort>();
let drainScheduled = false;

/** Opens a port on a device of a namespace. Throws a KernelError, EPERM when the process may not. */
export function openPacketPort(options: PacketPortOptions): PacketPort {
  const { device } = options;
  // A handle of our own: the caller may close the one given before the first frame is sent.
  const namespace = options.namespace && openNamespace(options.namespace.path);
  try {
    return openIn(namespace, deviceFacts(device, namespace), options);
  } catch (error) {
    namespace?.close();
    throw error;
  }
}

function openIn(
  namespace: Namespace | undefined,
  facts: DeviceFacts,
  options: PacketPortOptions,
): PacketPort {
  const { device } = options;
  const place = `the device ${device}${where(namespace)}`;
  const capture = packetSocket(namespace, place);
  let ring: FrameRing;
  try {
    ring = openFrameRing(capture, facts.mtu, options.ringFrames ?? defaultRingFrames, place);
    bindTo(capture, facts.index, ETH_P_ALL, place);
    join(capture, facts.index, PACKET_MR_PROMISC, place);
    join(capture, facts.index, PACKET_MR_ALLMULTI, place);
  } catch (error) {
    libc().close(capture);
    throw error;
  }

  const port: OpenPort = { ring, waiting: [], next: 0, onFrame: options.onFrame };
  openPorts.add(port);
  const poll = watch(capture, device, (error) => options.onError?.(error));
  let lost = 0;
  let open = true;
  let sender: number | undefined;

  const countLost = (): number => {
    const statistics = new Uint32Array(2);
    libc().getsockopt(capture, SOL_PACKET, PACKET_STATISTICS, statistics, int32(statistics.byteLength));
    lost += statistics[1] as number;
    return lost;
  };

  return {
    device,
    ...facts,
    send(octets) {
      if (!open) throw new NetError('CLOSED', `the port on ${device} is closed`);
      sender ??= openFrameSender(namespace, facts.index, place);
      const sent = libc().send(sender, octets, octets.length, MSG_DONTWAIT);
      check(sent, `send a frame of ${octets.length} octets through ${place}`);
    },
    dropped: () => (open ? countLost() : lost),
    unref: () => poll.unref(),
    close() {
      if (!open) return;
      countLost();
      open = false;
      openPorts.delete(port);
      forgetWaiting(port);
      poll.close();
      port.ring.close();
      libc().close(capture);
      if (sender !== undefined) libc().close(sender);
      namespace?.close();
    },
  };
}

/**
 * Delivers every frame that is waiting at any open port, before it returns. May be called from within `onFrame`:
 * frames still come in order.
 */
export function drainPorts(): void {
  for (const port of openPorts) {
    port.ring.readInto(port.waiting);
    deliver(port);
  }
}

/** `next` is advanced first, so a handler may drain again, close the port, or throw and have the rest come later. */
function deliver(port: OpenPort): void {
  while (port.next < port.waiting.length) {
    const frame = port.waiting[port.next] as Frame;
    port.next += 1;
    port.onFrame(frame);
  }
  forgetWaiting(port);
}

function forgetWaiting(port: OpenPort): void {
  port.waiting.length = 0;
  port.next = 0;
}

/**
 * A socket of its own for sending, because a packet socket does not see what it sent itself. Its protocol is none, so
 * it never receives. Made when first needed: the kernel takes some 15 ms to close one.
 */
function openFrameSender(namespace: Namespace | undefined, index: number, place: string): number {
  const fd = packetSocket(namespace, place);
  bindTo(fd, index, 0, place);
  return fd;
}

function packetSocket(namespace: Namespace | undefined, place: string): number {
  const type = SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const advice = 'this needs root, or a private namespace made by isolated()';
  return inNamespace(namespace, () =>
    check(libc().socket(AF_PACKET, type, 0), `open a packet socket for ${place}`, advice),
  );
}

function bindTo(fd: number, index: number, protocol: number, place: string): void {
  const address = new DataView(new ArrayBuffer(20));
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, protocol, false);
  address.setInt32(4, index, true);
  check(libc().bind(fd, address, address.byteLength), `bind a packet socket to ${place}`);
}

function join(fd: number, index: number, what: number, place: string): void {
  const request = new DataView(new ArrayBuffer(16));
  request.setInt32(0, index, true);
  request.setUint16(4, what, true);
  const result = libc().setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request, request.byteLength);
  check(result, `receive everything at ${place}`);
}

/**
 * Has the event loop watch a packet socket. The loop calls back outside of any callback scope, where promises would
 * not be settled and exceptions would be lost; so the reading itself is done by setImmediate, in the same turn.
 */
function watch(fd: number, device: string, onError: (error: KernelError) => void): KoffiNode.PollHandle {
  const onEvent = (status: unknown): void => {
    if (typeof status === 'number' && status < 0) setImmediate(afterError);
    else scheduleDrain();
  };
  // The loop stops watching after an error, so watching must be taken up again.
  const afterError = (): void => {
    const value = int32(0);
    if (libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, value, int32(4)) < 0) return;
    const errno = value[0] as number;
    handle.start({ readable: true }, onEvent);
    if (errno !== 0) onError(errorOf(errno, `go on watching the device ${device}`));
  };
  const handle = koffi().node.poll(fd, { readable: true }, onEvent);
  return handle;
}

function scheduleDrain(): void {
  if (drainScheduled) return;
  drainScheduled = true;
  setImmediate(() => {
    drainScheduled = false;
    try {
      drainPorts();
    } catch (error) {
      // A handler threw: what it left behind is delivered in the next turn.
      scheduleDrain();
      throw error;
    }
  });
}
