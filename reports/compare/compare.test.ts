/** Runs beside earlier ones, and beside what is known to fail. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Verdict } from '../../harness/engine/outcome.ts';
import { type Results, type TestResult, withOutcomes } from '../model/results.ts';
import type { Run } from '../model/run.ts';
import { hostileResults, judgement, outcome, sampleResults } from '../testing/samples.ts';
import { againstBaseline, baselineLines, baselineOf, baselineText, readBaseline } from './baseline.ts';
import { compare, comparisonLines, comparisonStatus } from './compare.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-compare-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const runOf = (...all: Results[]): Run => ({
  folder: '',
  devices: all.map((results) => ({ results, folder: '', path: '', frames: () => [] })),
});

/** A test with these judgements, `4.3-a FAIL`. */
function test(id: string, verdict: Verdict, ...judged: string[]): TestResult {
  return outcome(id, verdict, {
    judgements: judged.map((one) => {
      const [clause = '', own = ''] = one.split(' ');
      return judgement(clause, own as Verdict);
    }),
    ...(verdict === 'INCONCLUSIVE' ? { reason: 'no answer' } : {}),
  });
}

const whole = { ...sampleResults, selection: {} };
const before = withOutcomes(whole, [
  test('a', 'PASS', '4.3-a PASS'),
  test('b', 'FAIL', '4.3-a FAIL'),
  test('c', 'FAIL', '4.3-a FAIL'),
  test('d', 'PASS', '4.3-a PASS'),
  test('e', 'INCONCLUSIVE'),
  test('f', 'WARN', '4.3-c WARN'),
  test('g', 'FAIL', '4.3-b FAIL'),
  test('h', 'FAIL', '4.3-b FAIL'),
]);
const after = withOutcomes(
  { ...whole, readings: {}, readingFacts: whole.readingFacts.map((one) => ({ ...one, inForce: 'settled' })) },
  [
    test('a', 'FAIL', '4.3-a FAIL'),
    test('b', 'PASS', '4.3-a PASS'),
    test('c', 'FAIL', '4.3-b FAIL'),
    test('d', 'INCONCLUSIVE'),
    test('e', 'PASS', '4.3-a PASS'),
    test('f', 'PASS', '4.3-c PASS'),
    test('g', 'INCONCLUSIVE'),
    test('i', 'PASS', '4.3-a PASS'),
    test('j', 'FAIL', '4.3-a FAIL'),
  ],
);

t.test('comparison', async (t) => {
  const found = compare(runOf(before), runOf(after));
  t.same(
    found.changes.map(({ kind, what, clauses, transition }) => [kind, what, clauses.join(), transition]),
    [
      ['reading', 'A04', '', 'literal -> settled'],
      ['regression', 'a', '4.3-a', 'PASS -> FAIL'],
      ['fixed', 'b', '4.3-a', 'FAIL -> PASS'],
      ['regression', 'c', '4.3-b', 'FAIL -> FAIL'],
      ['unjudged', 'd', '', 'PASS -> INCONCLUSIVE'],
      ['other', 'e', '', 'INCONCLUSIVE -> PASS'],
      ['other', 'f', '', 'WARN -> PASS'],
      ['unjudged', 'g', '4.3-b', 'FAIL -> INCONCLUSIVE'],
      ['new', 'i', '', 'new -> PASS'],
      ['regression', 'j', '4.3-a', 'new -> FAIL'],
      ['gone', 'h', '4.3-b', 'FAIL -> gone'],
    ],
  );
  t.equal(found.common, 7);
  t.equal(comparisonStatus(found), 1);
  const text = comparisonLines(found).join('\n');
  t.match(
    text,
    /^Regressions: FAIL now, and not before\n {2}PASS -> FAIL {5}a \(home-agent\) \[4\.3-a\]\n {6}ipv4\.destination: expected 10\.10\.128\.1, actual 10\.1\.1\.1$/m,
  );
  t.match(text, /7 tests in both: 3 regression, 1 fixed, 2 unjudged, 1 new, 1 gone, 1 reading, 2 other$/);
  t.equal(comparisonStatus({ changes: found.changes.filter(({ kind }) => kind !== 'regression') }), 2);
  t.equal(comparisonStatus(compare(runOf(before), runOf(before))), 0);
  t.same(comparisonLines(compare(runOf(before), runOf(before))), ['8 tests in both: nothing changed']);
  const other = { ...after, suite: '0000000000000000', role: 'foreign-agent' };
  t.match(
    comparisonLines(compare(runOf(before), runOf({ ...before, suite: other.suite }))).join(' '),
    /Not alike: home-agent: the vectors: fedcba9876543210 then, 0000000000000000 now/,
  );
  t.equal(comparisonStatus(compare(runOf(before), runOf(other))), 2, 'a device is missing');
  t.equal(comparisonStatus(compare(runOf(before), runOf({ ...before, incomplete: 'broken off' }))), 2);
  const twice = {
    folder: '',
    devices: [...runOf(before).devices, ...runOf(before).devices].map((one, n) => ({
      ...one,
      path: `${n}/`,
    })),
  };
  const worse = {
    ...twice,
    devices: [...runOf(after).devices, ...runOf(before).devices].map((one, n) => ({ ...one, path: `${n}/` })),
  };
  t.equal(comparisonStatus(compare(twice, worse)), 1, 'each of two devices of one role');
  const lenient = compare(runOf({ ...before, strict: true }), runOf(after));
  t.notOk(
    lenient.changes.some(({ kind }) => kind === 'fixed'),
    'less strict is not mended',
  );
  t.same(compare(runOf(before), runOf(other)).unlike, [
    'home-agent: only the old run has it',
    'foreign-agent: only the new run has it',
  ]);
  const selected = { ...after, selection: { vector: 'a' } };
  t.notOk(
    compare(runOf(before), runOf(selected)).changes.some(({ kind }) => kind === 'gone'),
    'what was not selected is not gone',
  );
  t.notMatch(comparisonLines(compare(runOf(before), runOf(hostileResults()))).join('\n'), /[^\x20-\x7e\n]/);
});

t.test('baseline', async (t) => {
  const known = baselineOf([before]);
  const file = join(folder, 'baseline.json');
  writeFileSync(file, baselineText(known));
  t.same(readBaseline(file), known, 'read back as written');
  t.same(
    known.known.map(({ test: id, clause, verdict }) => `${id} ${clause ?? verdict}`),
    ['b 4.3-a', 'c 4.3-a', 'e INCONCLUSIVE', 'g 4.3-b', 'h 4.3-b'],
  );
  t.equal(againstBaseline(known, [before]).status, 0, 'nothing but what is known');
  const found = againstBaseline(known, [after]);
  t.equal(found.status, 1, 'another clause, and a test that passed');
  t.same(found.known, []);
  t.same(
    found.fixed.map(({ test: id }) => id),
    ['b', 'c', 'e'],
  );
  t.same(
    found.unseen.map(({ test: id }) => id),
    ['g', 'h'],
  );
  t.match(
    baselineLines('x.json', found).join('\n'),
    /^Baseline 0 known failures \(x\.json\), 3 fixed; exit status 1\n {9}fixed, take it out of the baseline: b 4\.3-a\n/,
  );
  const status = (results: Results): number => againstBaseline(known, [results]).status;
  t.equal(
    status(withOutcomes(whole, [test('c', 'FAIL', '4.3-a FAIL', '4.3-b FAIL')])),
    1,
    'known in one clause, fails in another',
  );
  t.equal(status(withOutcomes(whole, [test('c', 'FAIL', '4.3-a FAIL')])), 0);
  t.equal(status(withOutcomes(whole, [test('c', 'FAIL', '4.3-a FAIL'), test('d', 'INCONCLUSIVE')])), 2);
  t.equal(
    status(withOutcomes(whole, [test('c', 'ERROR', '4.3-a FAIL')])),
    2,
    'an error of the harness is never known',
  );
  t.equal(status(withOutcomes(whole, [])), 3, 'nothing was judged');
  t.equal(
    status(withOutcomes(whole, [test('e', 'INCONCLUSIVE')])),
    2,
    'nor of a device that answers nothing',
  );
  t.equal(status({ ...withOutcomes(whole, [test('c', 'FAIL', '4.3-a FAIL')]), incomplete: 'broken off' }), 2);
  t.equal(
    status({ ...withOutcomes(whole, [test('c', 'FAIL', '4.3-a FAIL')]), role: 'foreign-agent' }),
    1,
    'of another device',
  );
  for (const [text, words] of [
    ['', /is not JSON/],
    [
      '{"format":"dsmip-conformance baseline 1","known":[{"role":"home-agent","test":"a","verdict":"FAIL"}]}',
      /known\[0\].*clause/,
    ],
    ['{"format":"dsmip-conformance results 2"}', /dsmip baseline <folder of a run> writes one/],
  ] as const) {
    writeFileSync(file, text);
    t.throws(() => readBaseline(file), { code: 'BAD_BASELINE', message: words });
  }
  t.throws(() => readBaseline(join(folder, 'none')), {
    code: 'BAD_BASELINE',
    message: /there is no such file/,
  });
});
