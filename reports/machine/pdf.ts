/** The HTML report on A4, printed by the system's Chromium, which gets no network. */
import { type Browser, chromium } from '@playwright/test';
import { html } from 'hono/html';
import { FormatUnavailable } from '../formats.ts';
import type { Run } from '../model/run.ts';
import { chromiumArguments, chromiumPath } from './chromium.ts';
import { deviceName } from './words.ts';

/** Large reports take their time; a browser that hangs is given up. */
const longestMs = 120_000;
/** Of no host: it is answered from here, and everything else is refused. */
const address = 'http://report.invalid/';
const mend =
  'install Chromium (Debian: apt-get install chromium), or open report.html in a browser and print it';

/** Print a page of HTML. Throws FormatUnavailable where there is no Chromium, or none that works. */
export async function pdfReport(run: Run, page: string): Promise<Uint8Array> {
  const browser = await openChromium();
  try {
    return fixedDates(await print(browser, run, page), run);
  } finally {
    await browser.close();
  }
}

async function openChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined)
    throw new FormatUnavailable(`pdf: there is no Chromium on this machine to print it: ${mend}`);
  try {
    return await chromium.launch({ executablePath, args: [...chromiumArguments], timeout: longestMs });
  } catch (error) {
    const [words = ''] = (error as Error).message.split('\n');
    throw new FormatUnavailable(`pdf: ${executablePath} does not start (${words}): ${mend}`);
  }
}

/**
 * What is folded away on the screen has to be on paper, of tests those that say of a fault or of what stayed open: those that passed would
 * bury them. Evidence that is packed unpacks itself when it is opened.
 */
const unfold = `(async () => {
  for (const one of document.querySelectorAll('details'))
    if (one.closest('.test') === null || one.matches('.broken, .open-ended')) one.open = true;
  for (let n = 0; n < 600 && document.querySelector('details.test[open] .packed') !== null; n += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
})()`;

async function print(browser: Browser, run: Run, content: string): Promise<Buffer> {
  const context = await browser.newContext({ colorScheme: 'light', timezoneId: 'UTC', locale: 'en-GB' });
  context.setDefaultTimeout(longestMs);
  await context.route('**/*', (route) =>
    route.request().url() === address
      ? route.fulfill({ contentType: 'text/html; charset=utf-8', body: content })
      : route.abort(),
  );
  const page = await context.newPage();
  await page.goto(address, { waitUntil: 'load' });
  // The page's own policy lets nothing be evaluated within it, so that this goes beside it.
  const session = await context.newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: unfold, awaitPromise: true });
  return page.pdf({
    format: 'A4',
    printBackground: true,
    tagged: true,
    outline: true,
    displayHeaderFooter: true,
    margin: { top: '20mm', bottom: '18mm', left: '14mm', right: '14mm' },
    ...edges(run),
  });
}

/** Device and date above, page numbers below. */
function edges({ devices }: Run): { headerTemplate: string; footerTemplate: string } {
  const all = devices.map(({ results }) => results);
  const names = [...new Set(all.map(deviceName))].join(', ');
  const date = all.map(({ start }) => start).sort()[0] ?? '';
  const style =
    'box-sizing: border-box; width: 100%; padding: 0 14mm; font: 8px sans-serif; color: #444; display: flex; gap: 8mm;';
  const cut = 'flex: 1; min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis;';
  return {
    headerTemplate: String(
      html`<div style="${style}"><span style="${cut}"><bdi>${names}</bdi></span><span style="white-space: nowrap">${date.slice(0, 16).replace('T', ' ')} UTC</span></div>`,
    ),
    footerTemplate: String(
      html`<div style="${style}"><span style="${cut}">dsmip-conformance ${all[0]?.tool ?? ''}</span><span><span class="pageNumber"></span> / <span class="totalPages"></span></span></div>`,
    ),
  };
}

/** The moment of printing says nothing: that of the run's end stands there, so that the same results give the same file. */
function fixedDates(pdf: Buffer, { devices }: Run): Buffer {
  const end =
    devices
      .map(({ results }) => results.end)
      .sort()
      .at(-1) ?? '';
  const digits = end.replace(/\D/g, '').slice(0, 14);
  if (digits.length !== 14) return pdf;
  const text = pdf.toString('latin1');
  return Buffer.from(text.replace(/(\/(?:CreationDate|ModDate) \(D:)\d{14}/g, `$1${digits}`), 'latin1');
}
