import { where } from './device.ts';
import type { KernelError } from './errors.ts';
import {
  AF_INET,
  AF_INET6,
  check,
  int32,
  koffi,
  lastError,
  libc,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_SOCKET,
} from './libc.ts';
import { inNamespace, type Namespace } from './namespace.ts';

export interface SinkOptions {
  namespace?: Namespace | undefined;
  /** UDP ports for which "port unreachable" is not to be sent. */
  udpPorts: number[];
  /** IP protocol numbers for which "protocol unreachable" is not to be sent. */
  protocols: number[];
}

const SO_REUSEADDR = 2;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;
const SO_ATTACH_FILTER = 26;
const BPF_RET_CONSTANT = 0x06;

/**
 * Keeps the kernel of a namespace from answering for UDP ports and IP protocols that a packet port reads and the
 * kernel knows nothing of. The sockets receive nothing themselves. IPv4 and IPv6; the latter is
 * left out where the kernel has none.
 */
export function openSink(options: SinkOptions): { close(): void } {
  const fds: number[] = [];
  const close = (): void => {
    for (const fd of fds.splice(0)) libc().close(fd);
  };
  try {
    inNamespace(options.namespace, () => {
      for (const family of [AF_INET, AF_INET6]) {
        for (const port of options.udpPorts) udpSocket(family, port, fds, options.namespace);
        for (const protocol of options.protocols) rawSocket(family, protocol, fds, options.namespace);
      }
    });
  } catch (error) {
    close();
    throw error;
  }
  return { close };
}

function udpSocket(family: number, port: number, fds: number[], namespace: Namespace | undefined): void {
  const fd = socketOf(family, SOCK_DGRAM, 0, fds, `a UDP socket${where(namespace)}`);
  if (fd === undefined) return;
  if (family === AF_INET6) libc().setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, int32(1), 4);
  // Several ports may be in one namespace.
  libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, int32(1), 4);
  const address = new DataView(new ArrayBuffer(family === AF_INET ? 16 : 28));
  address.setUint16(0, family, true);
  address.setUint16(2, port, false);
  check(libc().bind(fd, address, address.byteLength), `bind UDP port ${port}${where(namespace)}`);
}

function rawSocket(family: number, protocol: number, fds: number[], namespace: Namespace | undefined): void {
  socketOf(family, SOCK_RAW, protocol, fds, `a raw socket of protocol ${protocol}${where(namespace)}`);
}

function socketOf(
  family: number,
  type: number,
  protocol: number,
  fds: number[],
  what: string,
): number | undefined {
  const fd = libc().socket(family, type | SOCK_CLOEXEC, protocol);
  if (fd < 0) {
    const error: KernelError = lastError(`open ${what}`);
    if (family === AF_INET6 && error.code === 'EAFNOSUPPORT') return undefined;
    throw error;
  }
  fds.push(fd);
  dropEverything(fd, what);
  return fd;
}

/**
 * Attaches a filter that accepts no packet. Leaving the sockets unread would not do: once the receive buffer of a raw
 * socket is full, newer kernels do answer "protocol unreachable".
 */
function dropEverything(fd: number, what: string): void {
  // struct sock_filter: return the constant 0, the number of octets to accept.
  const filter = Uint8Array.of(BPF_RET_CONSTANT, 0, 0, 0, 0, 0, 0, 0);
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, 1, true);
  program.setBigUint64(8, koffi().address(filter), true);
  const result = libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.byteLength);
  check(result, `attach a filter to ${what}`);
}
