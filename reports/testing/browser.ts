/** Pages in a real browser: what they show, and that they neither complain, ask the network, run what is not theirs, nor shut anybody out. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from '@playwright/test';
import type { Test } from 'tap';
import { chromiumArguments, chromiumPath } from '../machine/chromium.ts';

/** For tests: without a browser they cannot say anything, and `npm test` is to install it. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error('Chromium is not installed: apt-get install chromium');
  return chromium.launch({ executablePath, args: [...chromiumArguments] });
}

/** A page with a record of what it should not do. */
export interface WatchedPage {
  page: Page;
  /** Messages on the console that are warnings or errors, and exceptions. */
  complaints: string[];
  /** Requests that left the page, other than those to `allowed`. */
  requests: string[];
}

export interface PageOptions {
  url: string;
  /** Addresses that the page may ask for, by their beginning; its own is one of them. */
  allowed?: readonly string[];
  colorScheme?: 'light' | 'dark';
  viewport?: { width: number; height: number };
}

/** Open a page and watch it from its first moment. */
export async function openPage(browser: Browser, options: PageOptions): Promise<WatchedPage> {
  const { url, allowed = [], colorScheme = 'light', viewport = { width: 1280, height: 900 } } = options;
  const context = await browser.newContext({ colorScheme, viewport });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on('request', (request) => {
    const address = request.url();
    const isOwn = [url.replace(/#.*/, ''), 'data:', 'blob:', ...allowed].some((start) =>
      address.startsWith(start),
    );
    if (!isOwn) requests.push(address);
  });
  await page.goto(url);
  return { page, complaints, requests };
}

/** Nothing of what a page should not do has happened; `window.attacked` is what the samples' markup would set. */
export async function assertQuiet(t: Test, { page, complaints, requests }: WatchedPage): Promise<void> {
  t.same(complaints, [], 'nothing on the console');
  t.same(requests, [], 'no network request');
  t.equal(await page.evaluate('window.attacked'), undefined, 'no markup of a device was run');
}

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** No serious finding by axe-core (WCAG 2.1 A and AA). */
export async function assertAccessible(t: Test, page: Page, what: string): Promise<void> {
  // Into the page itself, whose own policy allows no script from elsewhere.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: readFileSync(axe, 'utf8') });
  const found = await page.evaluate<
    { id: string; impact: string; help: string; nodes: { html: string; failureSummary: string }[] }[]
  >(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }).then(({ violations }) => violations)`,
  );
  const serious = found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => ({
      id,
      help,
      where: nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 200)}: ${failureSummary}`),
    }));
  t.same(serious, [], `${what}: no serious finding of accessibility`);
}
