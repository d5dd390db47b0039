/** The served pages: what they list, live progress, and what nobody gets out of them or into them. */
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from '@playwright/test';
import t from 'tap';
import { ProgressFile, readProgress } from '../runner/progress-file.ts';
import { assertAccessible, assertQuiet, openBrowser, openPage } from '../testing/browser.ts';
import { hostileResults, judgement, outcome, sampleResults, writeSampleRun } from '../testing/samples.ts';
import { type Served, serveRuns } from './server.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-serve-test-'));
const root = join(folder, 'out');
let browser: Browser;
let served: Served;
t.before(async () => {
  mkdirSync(root);
  browser = await openBrowser();
  served = await serveRuns(root, 0);
});
t.teardown(async () => {
  await browser.close();
  await served.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Status and body of a request whose path is sent as it stands. */
function get(
  path: string,
  options: RequestOptions = {},
): Promise<{ status: number; text: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: served.port, path, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString(),
          headers: response.headers,
        }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

const evil = '<img src=x onerror=window.attacked=true>\u202e';

t.test('the list, a run, its report', async (t) => {
  writeSampleRun(join(root, 'one run'), sampleResults);
  writeSampleRun(join(root, evil), hostileResults());
  writeSampleRun(join(root, 'two', 'home-agent'), sampleResults);
  writeSampleRun(join(root, 'damaged'), sampleResults);
  truncateSync(join(root, 'damaged', 'results.json'), 200);
  mkdirSync(join(root, 'empty'));
  // Somebody else's page, with the name of ours.
  writeFileSync(join(root, 'one run', 'report.html'), '<script>window.attacked = true</script>');
  writeFileSync(join(root, 'one run', 'summary.txt'), 'a summary');

  const watched = await openPage(browser, { url: served.url });
  const { page } = watched;
  const text = await page.locator('main').innerText();
  t.match(text, /a FAIL/);
  t.match(text, /cannot be read: results\.json is cut short/);
  t.match(text, /<img src=x onerror=window\.attacked=true>\\u\{202e\}/);
  t.notMatch(text, /empty/);
  await assertAccessible(t, page, 'list');
  await page.getByRole('link', { name: 'one run' }).click();
  await page.waitForURL(/one%20run/);
  t.match(await page.locator('.files').innerText(), /summary\.txt/);
  await assertAccessible(t, page, 'run');
  await page.getByRole('link', { name: 'Open the report' }).click();
  await page.waitForURL(/report\.html$/);
  t.match(await page.title(), /Acme HA .*conformance report/, 'ours, and not what lies there');
  await assertQuiet(t, watched);

  const hostile = await openPage(browser, { url: `${served.url}runs/${encodeURIComponent(evil)}/` });
  t.match(await hostile.page.locator('h1').innerText(), /<img src=x/);
  await hostile.page.getByRole('link', { name: 'Open the report' }).click();
  await hostile.page.waitForURL(/report\.html$/);
  await assertQuiet(t, hostile);
});

t.test('live progress', async (t) => {
  const own = join(root, 'live', 'home-agent');
  mkdirSync(own, { recursive: true });
  const progress = new ProgressFile(own, {
    device: sampleResults.device,
    role: 'home-agent',
    start: new Date().toISOString(),
    total: 4,
  });
  progress.outcome(outcome('ha-good@co-located', 'PASS'));
  const watched = await openPage(browser, { url: `${served.url}runs/live/`, colorScheme: 'dark' });
  const { page } = watched;
  await page.getByText('under way: 1 of 4 tests').waitFor();
  progress.outcome(outcome('ha-bad@co-located', 'FAIL', { judgements: [judgement('4.3-a', 'FAIL')] }));
  await page.getByText('under way: 2 of 4 tests').waitFor();
  t.match(await page.locator('.failures').innerText(), /FAIL ha-bad@co-located 4\.3-a/);
  t.equal(await page.locator('#said').innerText(), 'Failed so far: 1.');
  t.equal(await page.locator('progress').evaluate((bar) => (bar as unknown as { value: number }).value), 2);
  await assertAccessible(t, page, 'live');
  t.equal(await page.getByRole('link', { name: 'Open the report' }).count(), 0);
  writeSampleRun(own, sampleResults);
  progress.remove();
  await page.getByRole('link', { name: 'Open the report' }).click();
  await page.waitForURL(/report\.html$/);
  await assertQuiet(t, watched);

  const broken = join(root, 'broken');
  mkdirSync(broken);
  const left = new ProgressFile(broken, {
    device: sampleResults.device,
    role: 'home-agent',
    start: new Date().toISOString(),
    total: 9,
  });
  left.outcome(outcome('ha-good@co-located', 'PASS'));
  writeFileSync(join(broken, 'progress.jsonl'), '{"id":"half', { flag: 'a' });
  t.match(readProgress(broken), { total: 9, done: 1, broken: false }, 'a line half written is not one');
  utimesSync(join(broken, 'progress.jsonl'), 1, 1);
  t.match((await get('/runs/broken/')).text, /<b>broken off<\/b>: 1 of 9 tests/);
  writeFileSync(join(broken, 'progress.jsonl'), 'nonsense\n');
  t.match((await get('/runs/broken/')).text, /cannot be read/);
});

t.test('what nobody gets', async (t) => {
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  mkdirSync(join(root, 'traps'));
  symlinkSync(join(folder, 'secret.txt'), join(root, 'traps', 'link.txt'));
  symlinkSync(folder, join(root, 'traps', 'folder'));
  symlinkSync(folder, join(root, 'linked'));
  writeFileSync(join(root, 'traps', 'page.html'), 'x');
  writeFileSync(join(root, 'traps', '.hidden.txt'), 'x');
  writeFileSync(join(root, 'traps', 'good.txt'), 'good');
  const good = await get('/runs/traps/good.txt');
  t.match(good, {
    status: 200,
    text: 'good',
    headers: { 'content-disposition': 'attachment', 'x-content-type-options': 'nosniff' },
  });
  t.match(good.headers['content-security-policy'], /sandbox/);
  for (const path of [
    '/runs/traps/../../../secret.txt',
    '/runs/traps/..%2f..%2f..%2fsecret.txt',
    '/runs/%2e%2e/%2e%2e/secret.txt',
    '/runs/traps/%252e%252e/secret.txt',
    '/runs/..%5c..%5csecret.txt',
    '/runs//etc/hostname.txt',
    '/runs/traps/link.txt',
    '/runs/traps/folder/secret.txt',
    '/runs/linked/secret.txt',
    '/runs/linked/',
    '/runs/traps/page.html',
    '/runs/traps/.hidden.txt',
    '/runs/traps/good.txt%00.png',
    '/runs/traps/%ff',
    '/secret.txt',
  ]) {
    const { status, text } = await get(path);
    t.ok(status === 404 || status === 400, `${path}: ${status}`);
    t.notMatch(text, /secret$/);
  }
  for (const host of ['evil.example', `evil.example:${served.port}`, '127.0.0.1', 'localhost:1'])
    t.equal((await get('/', { headers: { host } })).status, 403, `as ${host}`);
  t.equal((await get('/', { headers: { host: `localhost:${served.port}` } })).status, 200);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
    t.equal((await get('/', { method })).status, 405, method);
  t.equal((await get('/runs/traps/good.txt', { method: 'HEAD' })).text, '');

  const others = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).filter(({ internal, family }) => !internal && family === 'IPv4'),
  );
  for (const { address } of others) {
    const refused = await new Promise((resolve) => {
      const socket = connect(served.port, address);
      socket.once('connect', () => resolve(false));
      socket.once('error', () => resolve(true));
    });
    t.ok(refused, `not at ${address}`);
  }
  await t.rejects(serveRuns(root, served.port), {
    code: 'SERVE',
    message: /is in use: name another with --port/,
  });
});
