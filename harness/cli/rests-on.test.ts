/** What failed of Mobile IPv4 itself is named first. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { ClauseResult } from '../../reports/model/results.ts';
import { writeResults } from '../../reports/model/write-results.ts';
import { sampleResults } from '../../reports/testing/samples.ts';
import { loadCatalogue } from './catalogue.ts';
import { brokenBefore, restsOnFindings } from './rests-on.ts';

const { ledger } = loadCatalogue();

const state = (id: string, verdict: string): Pick<ClauseResult, 'id' | 'state'> =>
  ({ id, state: { verdict, tests: [] } }) as unknown as Pick<ClauseResult, 'id' | 'state'>;

t.test('a clause that did not hold says on what it rests, if that did not hold before', async (t) => {
  const before = new Map([['rfc3344-3.8.2.1-c', 'FAIL']]);
  const [finding, ...more] = restsOnFindings(
    ledger,
    [state('B2', 'FAIL'), state('B1', 'FAIL'), state('4.3-f', 'PASS')],
    before,
  );
  t.equal(finding, 'B2 (FAIL) rests on rfc3344-3.8.2.1-c (FAIL), which did not hold before: mend that first');
  t.same(more, []);
  t.same(restsOnFindings(ledger, [state('B2', 'PASS')], before), [], 'what held needs no mend');
});

t.test('what was broken stands in the results of the suite before', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dsmip-rests-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'run'));
  writeResults(join(folder, 'run'), sampleResults);
  const broken = brokenBefore([join(folder, 'run'), join(folder, 'not-finished')]);
  t.ok(broken.size > 0);
  for (const verdict of broken.values()) t.match(verdict, /^(FAIL|WARN)$/);
});
