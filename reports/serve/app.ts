/**
 * The pages and files of a folder of runs, for this machine alone. What lies in the folder may come from anybody: pages are made here
 * from results that were checked, an HTML file in the folder is never shown, and other files are handed out only to be kept.
 */
import { createReadStream, lstatSync, readdirSync, realpathSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { htmlReport } from '../html/report.ts';
import { readRun } from '../model/run.ts';
import { listPage, runPage } from './pages.ts';
import { isUnderWay, type ListedRun, listRun, listRuns } from './runs.ts';

/** What may be handed out, by ending. */
const kinds: { readonly [ending: string]: string } = {
  '.json': 'application/json',
  '.txt': 'text/plain; charset=utf-8',
  '.log': 'text/plain; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.tap': 'text/plain; charset=utf-8',
  '.xml': 'application/xml',
  '.sarif': 'application/json',
  '.pdf': 'application/pdf',
  '.pcapng': 'application/vnd.tcpdump.pcap',
};

/** How often a page under way is told of what is new, ms. */
const tickMs = 300;
/** Files that a page lists. */
const mostListed = 40;

/** `ports` are those that it is reached at: other hosts in a request are another site's that points here (DNS rebinding). */
export function createApp(root: string, ports: () => readonly number[]): Hono {
  const app = new Hono();
  const reports = new Map<string, { stamp: string; page: string }>();
  const refuse = (c: Context, status: 400 | 403 | 404 | 405, why: string): Response =>
    c.text(`${why}\n`, status);

  app.use(async (c, next) => {
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Referrer-Policy', 'no-referrer');
    c.header('Cross-Origin-Resource-Policy', 'same-origin');
    c.header('X-Frame-Options', 'DENY');
    c.header('Cache-Control', 'no-store');
    const host = c.req.header('host') ?? '';
    const hosts = ports().flatMap((port) => [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]);
    if (!hosts.includes(host)) return refuse(c, 403, 'this server answers for this machine alone');
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD')
      return refuse(c, 405, 'there is nothing to change here');
    await next();
  });
  app.onError((error, c) => {
    process.stderr.write(`dsmip: ${c.req.path}: ${error.message}\n`);
    return c.text('this cannot be shown; the server says why\n', 500);
  });
  app.notFound((c) => refuse(c, 404, 'there is no such page'));

  app.get('/', (c) => c.html(listPage(listRuns(root))));
  app.get('/runs/:name/', (c) => {
    const run = listRun(root, c.req.param('name'));
    return run === undefined ? c.notFound() : c.html(runPage(run, filesOf(root, run)));
  });
  app.get('/runs/:name/live', (c) => {
    const name = c.req.param('name');
    if (listRun(root, name) === undefined) return c.notFound();
    if (c.req.method === 'HEAD') return c.body(null);
    return streamSSE(c, async (stream) => {
      let last = '';
      while (!stream.aborted) {
        const run = listRun(root, name);
        const data = JSON.stringify(run === undefined ? { devices: [], over: true } : progressOf(run));
        if (data !== last) await stream.writeSSE({ data });
        last = data;
        if (run === undefined || JSON.parse(data).over === true) return;
        await stream.sleep(tickMs);
      }
    });
  });
  app.get('/runs/:name/report.html', (c) => {
    const name = c.req.param('name');
    const run = listRun(root, name);
    if (run === undefined || run.devices.some(({ totals }) => totals === undefined)) return c.notFound();
    const stamp = JSON.stringify(run);
    let known = reports.get(name);
    if (known?.stamp !== stamp) {
      known = { stamp, page: htmlReport(readRun(join(root, name))) };
      reports.set(name, known);
    }
    return c.html(known.page);
  });
  app.get('/runs/*', (c) => {
    const file = fileAt(root, new URL(c.req.url).pathname);
    if (file === undefined) return c.notFound();
    c.header('Content-Type', kinds[extname(file)] ?? 'application/octet-stream');
    c.header('Content-Length', String(lstatSync(file).size));
    // Kept, not shown; and were it shown, it could do nothing.
    c.header('Content-Disposition', 'attachment');
    c.header('Content-Security-Policy', "default-src 'none'; sandbox");
    if (c.req.method === 'HEAD') return c.body(null);
    return c.body(Readable.toWeb(createReadStream(file)) as ReadableStream);
  });
  return app;
}

/** How far a run has come, for the page. */
function progressOf(run: ListedRun): object {
  const devices = run.devices.map(({ progress, totals, start, path, problem }) => {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(start ?? '')) / 1000)) || 0;
    if (progress !== undefined) {
      const { total, done, counts, failures, broken } = progress;
      return { path, total, done, counts, failures, seconds, state: broken ? 'broken off' : 'under way' };
    }
    const counts = Object.fromEntries(Object.entries(totals?.tests ?? {}).filter(([, count]) => count > 0));
    const total = Object.values(totals?.tests ?? {}).reduce((sum, count) => sum + count, 0);
    return {
      path,
      total,
      done: total,
      counts,
      failures: [],
      seconds: 0,
      state: problem === undefined ? 'over' : 'cannot be read',
    };
  });
  return { devices, over: !isUnderWay(run) };
}

/**
 * A regular file of a known kind within a run, by the path of an address; undefined for everything else: other kinds, hidden files, whatever
 * is reached through a link.
 */
export function fileAt(root: string, pathname: string): string | undefined {
  let parts: string[];
  try {
    parts = pathname.split('/').slice(2).map(decodeURIComponent);
  } catch {
    return undefined;
  }
  if (parts.length < 2 || parts.some((part) => part === '' || part.startsWith('.') || /[/\\\0]/.test(part)))
    return undefined;
  const file = join(root, ...parts);
  if (kinds[extname(file)] === undefined) return undefined;
  try {
    if (!lstatSync(file).isFile()) return undefined;
    const own = join(realpathSync(root), ...parts);
    return realpathSync(file) === own && own.startsWith(realpathSync(root) + sep) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** Files of a run that can be handed out, those of captures left out. */
function filesOf(root: string, { name, devices }: ListedRun): string[] {
  const folders = ['', ...devices.map(({ path }) => path)].filter(
    (path, at, all) => all.indexOf(path) === at,
  );
  return folders
    .flatMap((folder) => {
      try {
        return readdirSync(join(root, name, folder)).map((file) =>
          folder === '' ? file : `${folder}/${file}`,
        );
      } catch {
        return [];
      }
    })
    .filter(
      (file) =>
        fileAt(root, `/runs/${[name, ...file.split('/')].map(encodeURIComponent).join('/')}`) !== undefined,
    )
    .sort()
    .slice(0, mostListed);
}
