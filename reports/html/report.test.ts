/** The report in a real browser: what it says, its filters, its evidence by keyboard, who can read it, and what hostile results do to it. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from '@playwright/test';
import t from 'tap';
import { decodePacket, fieldExtents } from '../../harness/wire/index.ts';
import { writeReports } from '../formats.ts';
import { type Results, withOutcomes } from '../model/results.ts';
import { type DeviceRun, readRun } from '../model/run.ts';
import { assertAccessible, assertQuiet, openBrowser, openPage } from '../testing/browser.ts';
import { hostileResults, judgement, manyResults, sampleResults, writeSampleRun } from '../testing/samples.ts';
import { visible } from '../text/visible.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-html-test-'));
let browser: Browser;
t.before(async () => {
  browser = await openBrowser();
});
t.teardown(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A run with everything: the sample, its failed test with frames of its own. */
const sample = withOutcomes(
  sampleResults,
  sampleResults.outcomes.map((one) =>
    one.id === 'ha-bad@co-located'
      ? {
          ...one,
          judgements: [
            judgement('4.3-a', 'FAIL', { frames: [4], reading: 'A04' }),
            ...one.judgements.slice(1),
          ],
          stimuli: [{ port: 'cn', timeNs: 2, kind: 'ip' as const, frame: 3 }],
        }
      : one.id === 'ha-good@co-located'
        ? {
            ...one,
            steps: [
              {
                part: 'body' as const,
                step: 'body[1]',
                text: 'at mn came IPv4',
                ok: true,
                timeNs: 3,
                frames: [4],
              },
            ],
          }
        : one,
  ),
);

async function report(
  name: string,
  results: Results,
): Promise<{ url: string; device: DeviceRun; size: number }> {
  const own = join(folder, name);
  writeSampleRun(own, results);
  const run = readRun(own);
  const { files } = await writeReports(run, ['html']);
  const [file = ''] = files;
  return { url: pathToFileURL(file).href, device: run.devices[0] as DeviceRun, size: statSync(file).size };
}

/** Rows of clauses and tests that are shown. */
const shown = (page: Page): Promise<number> => page.locator('details.row:visible').count();

t.test('what it says, and how it is gone through', async (t) => {
  const { url, device } = await report('sample', sample);
  const watched = await openPage(browser, { url });
  const { page } = watched;
  const { results } = device;
  t.match(await page.title(), /Acme HA \\u\{1b\}\[31mred 1 \(home-agent\)/);
  const first = await page.locator('main > section').first().innerText();
  t.match(first, /FAIL: 1 of 6 tests failed/);
  t.match(first, /MUST 2 of 7 observed \(2 failed\)/, 'against the whole ledger');
  t.match(first, /the kernel dropped 2 frames/);
  for (const [verdict, count] of Object.entries(results.totals.tests))
    if (count > 0) t.match(first, new RegExp(`${verdict}\\s+${count}\\b`), `${verdict} ${count}`);
  const order = await page.locator('details.clause > summary > b').allInnerTexts();
  t.same(
    order,
    results.clauses.map(({ id }) => id),
    'every clause, in the order of the draft',
  );

  const all = await shown(page);
  await page.locator('select[name=verdict]').selectOption('FAIL');
  t.equal(await shown(page), 3, 'two clauses and a test failed');
  t.match(await page.locator('#count').innerText(), /2 clauses, 1 tests/);
  t.match(page.url(), /#\?verdict=FAIL/, 'the view can be sent to somebody');
  await page.locator('select[name=level]').selectOption('SHOULD');
  t.equal(await shown(page), 1, 'filters are combined');
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.waitForFunction(`document.querySelectorAll('details.row[hidden]').length === 0`);
  t.equal(await shown(page), all);
  await page.locator('select[name=section]').selectOption('base');
  t.equal(await shown(page), 1);
  await page.locator('select[name=section]').selectOption('');
  await page.locator('h1').click();
  await page.keyboard.press('/');
  await page.keyboard.type('ha-open-too');
  t.equal(await shown(page), 1, 'the search looks through names and titles');
  await page.getByRole('button', { name: 'Show all' }).click();

  // A test that passed holds its evidence folded away.
  const good = page.locator('details.test', { hasText: 'ha-good@co-located' });
  t.equal(await good.locator('.sides').count(), 0);
  await good.locator(':scope > summary').focus();
  await page.keyboard.press('Enter');
  await good.locator('.sides').waitFor();
  t.match(await good.innerText(), /Expected[\s\S]*Actual[\s\S]*Ladder[\s\S]*Packets/i);

  const bad = page.locator('details.test', { hasText: 'ha-bad@co-located' });
  await page.locator('.problems a').first().click();
  await bad.locator('.sides').first().waitFor();
  t.same(await bad.locator('mark').allInnerTexts(), ['10.10.128.1', '10.1.1.1', '10.10.128.1']);
  const text = await bad.innerText();
  t.match(text, /First difference ipv4\.destination: expected 10\.10\.128\.1, actual 10\.1\.1\.1/);
  t.match(text, /Sent at cn sent IPv6/);
  t.match(text, /proved by a barrier/);
  t.match(text, /Reading A04 \(4\.2\): "literal" in force/);
  t.match(
    await bad.locator('.command input').inputValue(),
    /--vector ha-bad@co-located --reading A04=literal/,
  );
  t.match(await bad.locator('.links a').getAttribute('href'), /^captures\/ha-bad--co-located\.pcapng$/);
  t.equal(await bad.locator('.ladder .pipe').count(), 1, 'the tunnel is drawn');
  t.equal(await bad.locator('.ladder .missed').count(), 0);

  // Every packet: what the page makes of the octets is what the codec made of them.
  const capture = results.outcomes[1]?.capture;
  for (const [at, frame] of (capture === undefined ? [] : device.frames(capture)).entries()) {
    const decoded = decodePacket(frame.octets, 'ethernet', {
      types: results.extensionTypes,
      requestPorts: results.requestPorts,
    });
    const expected = fieldExtents(frame.octets, decoded).map(({ value }) => visible(String(value)));
    const number = at + 1;
    const own = bad.locator('details.packet', { has: page.locator('summary b', { hasText: `#${number}` }) });
    await own.locator('summary').click();
    await own.locator('.fields').waitFor();
    t.same(await own.locator('.fields code').allInnerTexts(), expected, `packet ${number}`);
  }
  const packet = bad.locator('details.packet').last();
  await packet.locator('.fields li').first().focus();
  await page.keyboard.press('ArrowDown');
  t.equal(await packet.locator('.octets .lit').count(), 6, 'a field lights up its octets');
  await packet.locator('.octets span').nth(30).hover();
  t.equal(await packet.locator('.fields li.lit span').innerText(), 'destination', 'and an octet its field');

  await assertAccessible(t, page, 'light');
  await assertQuiet(t, watched);
  const dark = await openPage(browser, { url: `${url}#t1-2`, colorScheme: 'dark' });
  await dark.page.locator('#t1-2 .sides').first().waitFor({ state: 'visible' });
  await assertAccessible(t, dark.page, 'dark');
  await assertQuiet(t, dark);
});

t.test('without script, and on paper', async (t) => {
  const { url } = await report('plain', sample);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(url);
  t.match(await page.locator('#c-home-agent-4-3-b').innerText(), /4\.3-b MUST FAIL/);
  await page.locator('#t1-2 > summary').click();
  t.match(await page.locator('#t1-2').innerText(), /First difference/, 'the evidence of failures is there');
  await page.emulateMedia({ media: 'print' });
  t.equal(await page.locator('#filters').isVisible(), false);
  t.equal(await page.locator('.problems').first().isVisible(), true);
  await context.close();
});

t.test('hostile results', async (t) => {
  const { url } = await report('hostile', hostileResults());
  const watched = await openPage(browser, { url });
  const { page } = watched;
  for (const row of await page.locator('details.test').all()) {
    await row.locator(':scope > summary').click();
    await row.locator('.command').waitFor();
  }
  t.equal(await page.locator('script').count(), 2, 'no script but ours');
  t.equal(await page.locator('img').count(), 0);
  t.match(
    await page.locator('main').innerText(),
    /<script>window\.attacked = true<\/script>/,
    'it is shown as it is',
  );
  t.notMatch(
    await page.locator('main').innerText(),
    /[\u202a-\u202e\u2066-\u2069\u200e\u200f]/,
    'nothing turns the text round',
  );
  await assertQuiet(t, watched);
  await assertAccessible(t, page, 'hostile');
});

t.test('size', async (t) => {
  const { size } = await report('many', manyResults(500));
  t.ok(size < 5_000_000, `${size} octets of 500 tests with their packets`);
});
