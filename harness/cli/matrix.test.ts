/** The matrix of an event: what it collates, what it does not mix, whom it does not name, and how it looks in a browser. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from '@playwright/test';
import t from 'tap';
import { type Results, withOutcomes } from '../../reports/model/results.ts';
import { writeResults } from '../../reports/model/write-results.ts';
import { assertAccessible, assertQuiet, openBrowser, openPage } from '../../reports/testing/browser.ts';
import { hostileResults, manyResults, sampleResults } from '../../reports/testing/samples.ts';
import { type MatrixOptions, matrixCommand } from './matrix.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-matrix-test-'));
let browser: Browser;
t.before(async () => {
  browser = await openBrowser();
});
t.teardown(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

const device = (vendor: string, product = 'Box', version = '1') => ({ vendor, product, version });

function write(name: string, results: Results): string {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  writeResults(own, results);
  return own;
}

const good = {
  ...withOutcomes(
    sampleResults,
    sampleResults.outcomes.filter(({ verdict }) => verdict !== 'FAIL'),
  ),
  selection: {},
};
write('event/bench-1/acme', { ...sampleResults, device: device('Acme') });
write('event/bench-1/ajax', { ...good, device: device('Ajax') });
write('event/bench-2/zeta', { ...good, device: device('Zeta'), suite: '1111111111111111' });
write('event/bench-2/visiting', { ...good, role: 'foreign-agent', device: device('Foreign') });
write('event/bench-2/pair', {
  ...good,
  role: 'scenario',
  device: device('none'),
  seats: { homeAgent: device('Acme'), foreignAgent: device('Foreign'), mobileNode: device('Mobile') },
});
write('earlier', { ...good, device: device('Acme', 'Box', '0.9'), start: '2025-01-01T00:00:00.000Z' });
symlinkSync(join(folder, 'earlier'), join(folder, 'event', 'link'));

/** What the command writes, and what it says. */
function matrix(
  folders: string[],
  options: Partial<MatrixOptions> = {},
): { html: string; csv: string; out: string; said: string } {
  const out = mkdtempSync(join(folder, 'out-'));
  const write = process.stdout.write;
  let said = '';
  process.stdout.write = ((text: string) => {
    said += text;
    return true;
  }) as typeof write;
  try {
    matrixCommand(folders, { since: [], out, ...options });
  } finally {
    process.stdout.write = write;
  }
  return {
    html: readFileSync(join(out, 'matrix.html'), 'utf8'),
    csv: readFileSync(join(out, 'matrix.csv'), 'utf8'),
    out,
    said,
  };
}

const event = join(folder, 'event');

t.test('devices against clauses, and pairs', async (t) => {
  const { csv, said, out } = matrix([event], { since: [join(folder, 'earlier')] });
  const rows = csv.trim().split('\r\n');
  t.equal(
    rows[0],
    'role,document,vectors,ledger,mode,clause,level,requires,foreign-agent: Foreign Box 1,home-agent: Acme Box 1,home-agent: Ajax Box 1,home-agent: Zeta Box 1',
  );
  const row = (clause: string, suite: string): string =>
    rows.find(
      (line) =>
        line.startsWith(`home-agent,draft-tsirtsis-v4v6-mipv4-00,${suite},`) && line.includes(`,${clause},`),
    ) ?? '';
  t.match(row('4.3-a', 'fedcba9876543210'), /,,FAIL \(was PASS\),PASS,$/);
  t.match(row('4.3-a', '1111111111111111'), /,,,,PASS$/, 'other vectors are other rows');
  t.match(
    rows.at(-1),
    /^pair,,fedcba9876543210,,,Acme Box 1,Foreign Box 1,"2 of 4 scenarios pass, with Mobile Box 1"/,
  );
  for (const words of [
    /Those tested as home-agent were not all judged alike: 2 tables/,
    /Ajax Box 1 has not met Foreign Box 1/,
    /No home-agent \(vectors fedcba9876543210\) was seen to act on .*4\.3-f/,
  ])
    t.match(said, words);
  t.notMatch(said, /Acme Box 1 has not met/);

  const watched = await openPage(browser, { url: pathToFileURL(join(out, 'matrix.html')).href });
  const { page } = watched;
  const text = await page.locator('main').innerText();
  t.match(text, /was PASS/);
  t.match(text, /have not met/);
  const shown = (): Promise<number> => page.locator('.matrix tbody tr:visible').count();
  const all = await shown();
  await page.locator('select[name=level]').selectOption('SHOULD');
  t.ok((await shown()) < all);
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.getByLabel('only where devices differ').check();
  const differing = await shown();
  t.ok(differing > 0 && differing < all, `${differing} of ${all} rows differ`);
  await page.getByLabel('Search').fill('4.3-b');
  t.equal(await shown(), 1);
  await assertAccessible(t, page, 'light');
  await assertQuiet(t, watched);
  const dark = await openPage(browser, {
    url: pathToFileURL(join(out, 'matrix.html')).href,
    colorScheme: 'dark',
  });
  await assertAccessible(t, dark.page, 'dark');
});

t.test('nobody is named', async (t) => {
  const names = join(folder, 'names.json');
  const { out, said } = matrix([event], { anonymous: true, names, since: [join(folder, 'earlier')] });
  const texts = [said, ...readdirSync(out).flatMap((file) => [file, readFileSync(join(out, file), 'utf8')])];
  const secrets = [
    'Acme',
    'Ajax',
    'Zeta',
    'Foreign Box',
    'Mobile Box',
    'acme.json',
    'Box 1',
    ...sampleResults.addresses.map(({ address }) => address),
  ];
  for (const secret of secrets)
    t.notOk(
      texts.some((text) => text.replace(out, '').includes(secret)),
      secret,
    );
  t.match(texts.join(' '), /HA 1.*HA 2.*HA 3/s);
  const kept = readFileSync(names, 'utf8');
  t.match(kept, /home-agent: Acme Box 1/);
  matrix([event], { anonymous: true, names });
  t.equal(readFileSync(names, 'utf8'), kept, 'and stays the same');
  t.throws(() => matrix([event], { names }), { message: /belongs to --anonymous/ });
});

t.test('what cannot be read, and what is hostile', async (t) => {
  t.throws(() => matrix([join(folder, 'nowhere')]), { code: 'USAGE' });
  const bad = join(folder, 'bad');
  write('bad/one', good);
  write('bad/two', good);
  write('bad/three', good);
  truncateSync(join(bad, 'one', 'results.json'), 100);
  truncateSync(join(bad, 'three', 'results.json'), 100);
  t.throws(() => matrix([bad]), {
    code: 'BAD_RESULTS',
    message: /one\/results\.json is cut short.*\n.*three\/results\.json is cut short.*\nTake them out/s,
  });
  write('hostile', hostileResults());
  const { out, csv } = matrix([join(folder, 'hostile')]);
  t.notMatch(csv, /(^|,)"?=/m, 'no formula');
  const watched = await openPage(browser, { url: pathToFileURL(join(out, 'matrix.html')).href });
  await assertQuiet(t, watched);
});

t.test('twenty devices', async (t) => {
  const many = manyResults(1000);
  for (let n = 1; n <= 20; n += 1) write(`many/${n}`, { ...many, device: device(`Vendor ${n}`) });
  const { csv } = matrix([join(folder, 'many')]);
  t.equal(csv.split('\r\n')[0]?.split(',').length, 28);
});
