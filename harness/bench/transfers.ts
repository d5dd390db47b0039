/** Real TCP traffic between the correspondent node and mobile nodes: octets go there, and have to come back the same. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Action } from '../engine/bench.ts';
import { connectTcp, listenTcp, withNamespace } from '../net/index.ts';

/** Serve TCP echo (RFC 862) in the namespaces of mobile nodes. Throws a KernelError. */
export function serveEcho(namespaces: readonly string[], port: number): { close(): void } {
  const servers = namespaces.map((path) =>
    withNamespace(path, (namespace) => listenTcp(namespace, port, (socket) => socket.pipe(socket))),
  );
  return {
    close() {
      for (const server of servers) server.close();
    },
  };
}

type Transfer = Extract<Action, { kind: 'transfer' }>;

/** Connections of the correspondent node, each kept open until the test ends that it belongs to. */
export class Transfers {
  private readonly namespacePath: string | undefined;
  private readonly port: number;
  private readonly open = new Map<string, Socket>();

  constructor(namespacePath: string | undefined, port: number) {
    this.namespacePath = namespacePath;
    this.port = port;
  }

  /** Send octets by a connection, which is made when there is none of its name; resolves to what went wrong, if anything did. */
  async transfer({ connection, to, octets, seconds }: Transfer): Promise<string | undefined> {
    const known = this.open.get(connection);
    const socket = known ?? this.connect(to);
    this.open.set(connection, socket);
    const sent = randomBytes(octets);
    let received = Buffer.alloc(0);
    return new Promise((resolve) => {
      const end = (problem?: string): void => {
        clearTimeout(timer);
        socket.off('data', hear).off('error', fail).off('close', gone);
        // Whatever goes wrong later is told to whoever asks next.
        socket.on('error', () => {});
        if (problem !== undefined) this.drop(connection);
        resolve(problem);
      };
      const hear = (part: Buffer): void => {
        received = Buffer.concat([received, part]);
        if (received.length < octets) return;
        end(received.equals(sent) ? undefined : 'other octets came back than were sent');
      };
      const fail = (error: Error): void => end(error.message);
      const gone = (): void => end('the connection was closed');
      const timer = setTimeout(
        () => end(`${received.length} of ${octets} octets came back within ${seconds} s`),
        seconds * 1000,
      );
      socket.on('data', hear).on('error', fail).on('close', gone);
      socket.write(sent);
    });
  }

  /** Close the connections whose names begin so. */
  drop(prefix: string): void {
    for (const [name, socket] of this.open) {
      if (!name.startsWith(prefix)) continue;
      socket.destroy();
      this.open.delete(name);
    }
  }

  private connect(address: string): Socket {
    return withNamespace(this.namespacePath, (namespace) =>
      connectTcp(namespace, { address, port: this.port }),
    );
  }
}
