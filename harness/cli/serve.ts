/** `dsmip serve`: the runs of a folder as pages on this machine. */
import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { serveRuns } from '../../reports/serve/server.ts';
import { UsageError } from './errors.ts';

/** Run the command; it ends by Ctrl-C. Throws UsageError or ServeError. */
export async function serveCommand(folder: string, options: { port: string }): Promise<void> {
  const port = Number(options.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(`--port ${options.port}: has to be a number from 0 to 65535`);
  const root = resolve(folder);
  if (!existsSync(root) || !statSync(root).isDirectory())
    throw new UsageError(`${folder}: there is no such folder`);
  const served = await serveRuns(root, port);
  process.stdout.write(`${served.url} shows the runs in ${folder} to this machine alone; Ctrl-C ends it\n`);
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => done());
  });
  await served.close();
  process.exit(0);
}
