/**
 * Playwright Test as the runner. Our reporter has to be the first in the list: it starts the bench and tells the others what failed.
 * So name further reporters with `dsmip run --reporter html,junit`, or DSMIP_REPORTERS=html,junit for `npx playwright test`:
 * Playwright's own --reporter would replace the whole list.
 */
import { defineConfig, type ReporterDescription } from '@playwright/test';
import { playwrightFolder, requestFromEnvironment, serverCommand } from './harness/cli/request.ts';

const request = requestFromEnvironment();

function reporter(name: string): ReporterDescription {
  if (name === 'html') return ['html', { outputFolder: 'reports/out/html', open: 'never' }];
  if (name === 'junit')
    return ['junit', { outputFile: process.env.PLAYWRIGHT_JUNIT_OUTPUT_FILE ?? 'reports/out/junit.xml' }];
  if (name === 'json')
    return ['json', { outputFile: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ?? 'reports/out/playwright.json' }];
  return [name];
}

export default defineConfig({
  testDir: 'suites',
  // Of its own, as Playwright empties it first and runs may go on side by side.
  outputDir: request.out === undefined ? 'reports/out/playwright' : playwrightFolder(request.out),
  // The tests run side by side on the bench; here they are only told of, in order.
  workers: 1,
  retries: 0,
  // A bound, not a measure: lifetimes have to run out, and one mobile node that asks once a second takes hours for a suite.
  timeout: (request.benches.every(({ lab }) => lab) ? 30 : 24 * 60) * 60_000,
  reporter: [
    ['./reports/runner/playwright-reporter.ts', { request, commands: request.benches.map(serverCommand) }],
    ...request.reporters.map(reporter),
  ],
});
