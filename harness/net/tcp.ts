import net from 'node:net';
import { where } from './device.ts';
import { AF_INET, AF_INET6, check, int32, libc, SOCK_CLOEXEC, SOCK_NONBLOCK, SOL_SOCKET } from './libc.ts';
import { inNamespace, type Namespace } from './namespace.ts';

const SOCK_STREAM = 1;
const SO_REUSEADDR = 2;
const SOL_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** A TCP socket of a namespace, which stays the socket's own whatever the thread does afterwards. Throws a KernelError. */
function tcpSocket(family: number, namespace: Namespace | undefined, what: string): number {
  return inNamespace(namespace, () =>
    check(libc().socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), `open ${what}`),
  );
}

/** Begins a connection from a namespace to an address (no name). What comes of it, the socket's events tell. */
export function connectTcp(
  namespace: Namespace | undefined,
  { address, port }: { address: string; port: number },
): net.Socket {
  const family = net.isIPv6(address) ? AF_INET6 : AF_INET;
  const fd = tcpSocket(family, namespace, `a TCP socket${where(namespace)}`);
  // Node.js takes the descriptor as it is: the socket was made in the right namespace, before it connects.
  return new net.Socket({ fd }).connect({ host: address, port });
}

/** Servers of a port in a namespace, for every IPv4 and IPv6 address it has or gets. Throws a KernelError. */
export function listenTcp(
  namespace: Namespace | undefined,
  port: number,
  serve: (socket: net.Socket) => void,
): { close(): void } {
  const servers: net.Server[] = [];
  const sockets = new Set<net.Socket>();
  for (const family of [AF_INET, AF_INET6]) {
    const what = `TCP port ${port}${where(namespace)}`;
    const fd = tcpSocket(family, namespace, what);
    libc().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, int32(1), 4);
    if (family === AF_INET6) libc().setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, int32(1), 4);
    const address = new DataView(new ArrayBuffer(family === AF_INET ? 16 : 28));
    address.setUint16(0, family, true);
    address.setUint16(2, port, false);
    check(libc().bind(fd, address, address.byteLength), `bind ${what}`);
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).once('close', () => sockets.delete(socket));
      serve(socket);
    });
    servers.push(server.listen({ fd }));
  }
  return {
    close() {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
