/** The report in a real browser: what it says, its filters, its evidence by keyboard, who can read it, and what hostile results do to it. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
import { rankWords } from '../text/summary.ts';
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

/** How many clauses and tests are shown, and what is said of it. */
async function shown(page: Page): Promise<[number, number, string]> {
  return [
    await page.locator('table.clauses > tbody > tr:visible').count(),
    await page.locator('details.test:visible').count(),
    await page.locator('#shown').innerText(),
  ];
}

const test = (page: Page, id: string) => page.locator(`details.test[id="test:${id}"]`);
const choose = (page: Page, name: string, value: string) =>
  page.locator(`select[name=${name}]`).selectOption(value);

t.test('the first screen', async (t) => {
  const { url, device } = await report('first', sample);
  const watched = await openPage(browser, { url });
  const { page } = watched;
  const { totals } = device.results;
  t.match(await page.title(), /^Failed: Acme HA \\u\{1b\}\[31mred 1, home agent/);
  t.match(
    await page.locator('.masthead').innerText(),
    /Failed\s*:?\s*home agent: 1 of 6 tests failed \(clauses: 2 MUST\)/,
  );
  t.same(
    await page.locator('.ranks li').allInnerTexts(),
    totals.clauses.map(rankWords),
    'totals are those of the results, in the words of the summary',
  );
  const counts = await page.locator('.counts a').allInnerTexts();
  t.same(
    Object.fromEntries(
      counts.map((text) =>
        text
          .split(/\s(.*)/s)
          .slice(0, 2)
          .reverse(),
      ),
    ),
    Object.fromEntries(
      Object.entries(totals.tests).flatMap(([verdict, n]) => (n === 0 ? [] : [[verdict, String(n)]])),
    ),
  );
  t.match(await page.locator('#beware').innerText(), /the kernel dropped 2 frames/);
  t.match(await page.locator('.device').innerText(), /reading A04: literal/);
  t.match(
    await page.locator('#failures').innerText(),
    /ha-bad@co-located The title[\s\S]*4\.3-a MUST[\s\S]*4\.3-b#part MUST[\s\S]*ipv4\.destination: expected 10\.10\.128\.1, actual 10\.1\.1\.1/,
  );
  t.match(
    await page.locator('#inconclusive').innerText(),
    /preamble\[1\]: no answer\s*ha-open@co-located ha-open-too@co-located/,
  );
  await page.locator('.counts a', { hasText: 'INCONCLUSIVE' }).click();
  t.equal((await shown(page))[1], 2, 'a count leads to its tests');
  await assertQuiet(t, watched);
});

t.test('clauses and filters', async (t) => {
  const { url, device } = await report('filters', sample);
  const watched = await openPage(browser, { url });
  const { page } = watched;
  const { results } = device;
  t.same(
    await page.locator('table.clauses tbody th').allInnerTexts(),
    results.clauses.map(({ id }) => id),
    'every clause, in the order of the draft',
  );
  t.same(
    await page.locator('table.clauses tbody td.state > .v').allInnerTexts(),
    results.clauses.map(({ state }) => state.verdict),
    'with its verdict',
  );
  t.match(
    await page.locator('[id="clause:4.3-f"]').innerText(),
    /MUST X[\s\S]*section 4\.3, lines 10-12[\s\S]*It is inside\./,
  );
  const everything = '9 of 9 clauses and 6 of 6 tests shown.';
  t.same(await shown(page), [9, 6, everything]);
  await choose(page, 'verdict', 'FAIL');
  t.same(await shown(page), [2, 1, '2 of 9 clauses and 1 of 6 tests shown.']);
  t.match(page.url(), /#\?verdict=FAIL$/, 'the view can be sent to somebody');
  await choose(page, 'level', 'SHOULD');
  t.same((await shown(page)).slice(0, 2), [0, 1], 'filters are combined');
  await choose(page, 'verdict', '');
  t.same((await shown(page)).slice(0, 2), [1, 1]);
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.locator('#shown', { hasText: everything }).waitFor();
  t.notMatch(page.url(), /#/);
  await choose(page, 'level', 'MUST*');
  t.same((await shown(page)).slice(0, 2), [7, 6], 'a rank is all of its levels, as in the totals');
  await choose(page, 'level', 'MUST (base)');
  t.same((await shown(page)).slice(0, 2), [1, 0]);
  await choose(page, 'level', '');
  await choose(page, 'section', '4');
  t.same((await shown(page)).slice(0, 2), [7, 5], 'a section with those below it');
  await choose(page, 'section', 'base');
  t.same((await shown(page)).slice(0, 2), [1, 0]);
  await choose(page, 'section', '');
  await choose(page, 'role', 'home-agent');
  t.same(await shown(page), [9, 6, everything]);
  await choose(page, 'role', '');
  await page.locator('h1').click();
  await page.keyboard.press('/');
  await page.keyboard.type('NO answer too');
  t.same(
    (await shown(page)).slice(0, 2),
    [0, 1],
    'the search takes ids, titles, clauses, reasons; all of its words',
  );
  t.match(page.url(), /#\?q=NO\+answer\+too/);
  await page.keyboard.type(' and nonsense');
  t.same(await shown(page), [0, 0, 'Nothing fits these filters.']);
  await assertQuiet(t, watched);

  const sent = await openPage(browser, { url: `${url}#?verdict=WARN&section=4.3&level=nonsense` });
  t.same((await shown(sent.page)).slice(0, 2), [1, 1], 'what was sent is shown, and nonsense is no filter');
  t.equal(await sent.page.locator('select[name=level]').inputValue(), '');
  await assertQuiet(t, sent);
});

t.test('evidence, by keyboard alone', async (t) => {
  const { url, device } = await report('evidence', sample);
  const { results } = device;
  const watched = await openPage(browser, { url });
  const { page } = watched;
  const good = test(page, 'ha-good@co-located');
  t.equal(await good.locator('.comparison').count(), 0, 'of what passed it is packed');
  await good.locator(':scope > summary').focus();
  await page.keyboard.press('Enter');
  await good.locator('.comparison').waitFor();
  t.match(
    await good.innerText(),
    /What was judged[\s\S]*Ladder[\s\S]*Steps as they went[\s\S]*Packets[\s\S]*See it again/,
  );

  const bad = test(page, 'ha-bad@co-located');
  await page.locator('#failures a').first().focus();
  await page.keyboard.press('Enter');
  await bad.locator('.ladder').waitFor();
  t.equal(await page.evaluate('document.activeElement.closest(".test").id'), 'test:ha-bad@co-located');
  const judged = await bad.locator('.judgement').first().innerText();
  t.match(judged, /FAIL\s*4\.3-a\s*MUST\s*What clause 4\.3-a asks for\.\s*section 4\.3, lines 10-12/);
  t.match(
    judged,
    /Sent\s*at cn sent IPv6 2001:db8:c::2 > 2001:db8:1::1$/m,
    'what was sent, without what vectors leave empty',
  );
  t.match(judged, /First difference: ipv4\.destination: expected 10\.10\.128\.1, actual 10\.1\.1\.1/);
  t.match(
    judged,
    /Reading used: A04, the alternative "literal"\s*What the literal words are\.[\s\S]*The settled reading/,
  );
  const marks = await bad.locator('.judgement').first().locator('mark').allTextContents();
  t.same(marks, ['first difference: 10.10.128.1', 'first difference: 10.1.1.1'], 'said, not only coloured');
  t.match(await bad.innerText(), /Silence: a barrier that was answered closed the window/);
  t.match(await bad.innerText(), /Reading used: A11/);
  const commands = await bad.locator('.command > code').allInnerTexts();
  t.ok(commands.includes('npx dsmip run --iut acme.json --vector ha-bad@co-located --reading A04=literal'));
  t.ok(
    commands.includes(`npx dsmip rejudge ${device.folder}`),
    'the folder is the one the page was opened in',
  );
  t.ok(commands.includes(`npx dsmip rejudge ${device.folder} --reading A04=settled`));
  t.equal(await bad.locator('a[href$=pcapng]').getAttribute('href'), './captures/ha-bad--co-located.pcapng');
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
  const dark = await openPage(browser, { url: `${url}#test:ha-good@co-located-f4`, colorScheme: 'dark' });
  await dark.page.locator('[id="test:ha-good@co-located-f4"] .fields').waitFor();
  await assertAccessible(t, dark.page, 'dark');
  await dark.page.getByRole('button', { name: 'Expand failures' }).click();
  await test(dark.page, 'ha-bad@co-located').locator('.ladder').waitFor();
  await assertAccessible(t, dark.page, 'dark, failures expanded');
  await assertQuiet(t, dark);

  const clause = await openPage(browser, {
    url: `${url}#clause:4.3-b`,
    viewport: { width: 400, height: 800 },
  });
  const link = clause.page.locator('[id="clause:4.3-b"] .test-links a');
  t.match(await clause.page.locator('[id="clause:4.3-b"] .test-links').innerText(), /FAIL ha-bad@co-located/);
  const wide = await clause.page.evaluate('document.documentElement.scrollWidth');
  t.equal(wide, 400, 'a narrow window is not scrolled sideways');
  await choose(clause.page, 'verdict', 'PASS');
  await clause.page.evaluate(`document.querySelector('[id="clause:4.3-b"]').hidden = false`);
  await link.click();
  await test(clause.page, 'ha-bad@co-located').locator('.ladder').waitFor({ state: 'visible' });
  t.pass('a link shows what filters had hidden');
  await assertAccessible(t, clause.page, 'narrow');
  await assertQuiet(t, clause);
});

t.test('without script, and on paper', async (t) => {
  const { url } = await report('plain', sample);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(url);
  t.equal(await page.locator('#filters').isVisible(), false, 'no control that does nothing');
  t.match(await page.locator('[id="clause:4.3-b"]').innerText(), /4\.3-b[\s\S]*MUST[\s\S]*FAIL/);
  await test(page, 'ha-bad@co-located').locator(':scope > summary').click();
  t.match(
    await test(page, 'ha-bad@co-located').innerText(),
    /First difference: ipv4/,
    'the evidence of failures',
  );
  await test(page, 'ha-good@co-located').locator(':scope > summary').click();
  t.match(
    await test(page, 'ha-good@co-located').innerText(),
    /packed[\s\S]*captures\/ha-good--co-located\.pcapng/,
  );
  await page.reload();
  await page.emulateMedia({ media: 'print' });
  const paper = await page.locator('body').innerText();
  t.match(paper, /First difference: ipv4\.destination/, 'failures with their evidence');
  t.match(paper, /4\.3-f[\s\S]*It is inside\./, 'clauses');
  t.notMatch(paper, /packed|Copy/, 'no controls');
  t.equal(await test(page, 'ha-good@co-located').isVisible(), false);
  await context.close();
});

t.test('several devices of a role', async (t) => {
  const own = join(folder, 'several');
  writeSampleRun(join(own, 'a'), sample);
  writeSampleRun(join(own, "b & c'd"), sample);
  const run = readRun(own);
  const [file = ''] = (await writeReports(run, ['html'])).files;
  const watched = await openPage(browser, { url: pathToFileURL(file).href });
  const { page } = watched;
  t.same((await shown(page)).slice(0, 2), [9, 12], 'a clause is one row');
  t.same(await page.locator('[id="clause:4.3-a"] td.state .v').allInnerTexts(), ['FAIL', 'FAIL']);
  await choose(page, 'role', 'home-agent-2');
  t.equal((await shown(page))[1], 6);
  const second = page.locator('section.tests').nth(1).locator('details.test.broken');
  await second.locator(':scope > summary').click();
  await second.locator('.ladder').waitFor();
  t.equal(
    await second.locator('a[href$=pcapng]').getAttribute('href'),
    "./b%20%26%20c'd/captures/ha-bad--co-located.pcapng",
  );
  t.match(
    await second.locator('[data-path]').last().innerText(),
    /^'.*\/several\/b & c'\\''d'$/,
    'quoted for a shell',
  );
  t.same(
    await page.evaluate(
      `[...document.querySelectorAll('[id]')].map(({ id }) => id).filter((id, at, all) => all.indexOf(id) !== at)`,
    ),
    [],
    'no id twice',
  );
  await assertQuiet(t, watched);
});

t.test("captures that are not the run's", async (t) => {
  const own = join(folder, 'captures');
  writeSampleRun(own, sample);
  rmSync(join(own, 'captures/ha-good--co-located.pcapng'));
  writeFileSync(join(own, 'captures/ha-bad--co-located.pcapng'), 'rubbish');
  const [file = ''] = (await writeReports(readRun(own), ['html'])).files;
  const { page } = await openPage(browser, { url: `${pathToFileURL(file).href}#test:ha-bad@co-located` });
  t.match(await page.locator('#beware').innerText(), /the packets of 2 tests cannot be shown/);
  await test(page, 'ha-bad@co-located').locator('.problem').waitFor();
  t.match(
    await test(page, 'ha-bad@co-located').innerText(),
    /They cannot be shown: .*ha-bad--co-located\.pcapng/,
  );
});

t.test('hostile results', async (t) => {
  const { url } = await report('hostile', hostileResults());
  const watched = await openPage(browser, { url });
  const { page } = watched;
  for (const row of await page.locator('details.test').all()) {
    await row.locator(':scope > summary').click();
    await row.locator('.command').first().waitFor();
  }
  t.equal(await page.locator('script:not([type])').count(), 1, 'no script but ours');
  t.equal(await page.locator('img').count(), 0);
  const text = await page.locator('main').evaluate((main) => main.textContent ?? '');
  t.match(text, /<script>window\.attacked = true<\/script>/, 'it is shown as it is');
  t.notMatch(text, /[\u202a-\u202e\u2066-\u2069\u200e\u200f\ufffe]/, 'nothing turns the text round');
  t.match(
    await page.locator('.command > code', { hasText: '--iut' }).first().textContent(),
    /--iut \.\.\/\.\.\/\.\.\/\.\.\/etc\/passwd --vector ha-hostile-0@co-located/,
  );
  await assertQuiet(t, watched);
  await assertAccessible(t, page, 'hostile');
});

t.test('size', async (t) => {
  const { size } = await report('many', manyResults(500));
  t.ok(size < 5_000_000, `${size} octets of 500 tests with their packets`);
});
