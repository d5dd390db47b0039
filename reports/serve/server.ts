/** Serves a folder of runs on this machine's loopback addresses. */
import { type ServerType, serve } from '@hono/node-server';
import { createApp } from './app.ts';

/** The port is somebody else's, or may not be taken. */
export class ServeError extends Error {
  readonly code = 'SERVE';
}

export interface Served {
  url: string;
  port: number;
  /** Ends it at once, open connections too. */
  close(): Promise<void>;
}

/** Port 0 takes any. Throws ServeError. */
export async function serveRuns(root: string, port: number): Promise<Served> {
  const ports: number[] = [];
  const app = createApp(root, () => ports);
  const servers: ServerType[] = [];
  const listen = (hostname: string, wanted: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const server = serve({ fetch: app.fetch, hostname, port: wanted }, (info) => resolve(info.port));
      server.once('error', reject);
      servers.push(server);
    });
  try {
    ports.push(await listen('127.0.0.1', port));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ServeError(
      code === 'EADDRINUSE'
        ? `port ${port} is in use: name another with --port, or let it take any with --port 0`
        : `port ${port} cannot be listened at (${code}): name another with --port`,
    );
  }
  const [own = port] = ports;
  // Some machines have no IPv6, and then nobody comes by it.
  await listen('::1', own).catch(() => {});
  return {
    url: `http://127.0.0.1:${own}/`,
    port: own,
    close: async () => {
      for (const server of servers) {
        server.close();
        if ('closeAllConnections' in server) server.closeAllConnections();
      }
    },
  };
}
