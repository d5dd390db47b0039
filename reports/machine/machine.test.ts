/** Reports for machines: golden files, and the rules of each format by somebody else's schema or reader. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { XMLParser } from 'fast-xml-parser';
import t from 'tap';
import { Parser } from 'tap-parser';
import { type Results, type TestResult, withOutcomes } from '../model/results.ts';
import type { DeviceRun, Run } from '../model/run.ts';
import { assertGolden } from '../testing/golden.ts';
import { hostileResults, manyResults, outcome, sampleResults } from '../testing/samples.ts';
import { clauseTable } from '../text/finding.ts';
import { codeSpan, fenced, prose } from './escape-markdown.ts';
import { junitReport } from './junit.ts';
import { markdownReport, mostCharacters } from './markdown.ts';
import { pdfReport } from './pdf.ts';
import { sarifReport } from './sarif.ts';
import { isWholeTap, TapWriter, tapReport } from './tap.ts';
import { TapStream } from './tap-stream.ts';
import { VectorLines } from './vector-line.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-machine-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const deviceOf = (results: Results, path = ''): DeviceRun => ({
  results,
  folder,
  path,
  frames: () => [],
});
const runOf = (...all: Results[]): Run => ({
  folder,
  devices: all.map((results) => deviceOf(results, all.length > 1 ? `${results.role}/` : '')),
});

/** The sample with captures named, a second device, and a run that was broken off. */
const capture = { file: 'captures/ha-bad--co-located.pcapng', sha256: '0'.repeat(64), frames: 4 };
const sample = withOutcomes(
  sampleResults,
  sampleResults.outcomes.map((one) => (one.steps.length === 0 ? one : { ...one, capture })),
);
const error = outcome('fa-odd@visited-link', 'ERROR', { reason: 'the capture stopped', clauses: ['4.3-a'] });
const incomplete: Results = {
  ...withOutcomes(sampleResults, [...sampleResults.outcomes.slice(0, 2), error]),
  role: 'foreign-agent',
  incomplete: 'it was broken off from the keyboard # {',
  notRun: ['fa-not-run@visited-link'],
};
const runs: readonly Run[] = [
  runOf(sample),
  runOf(hostileResults()),
  runOf(sample, incomplete),
  runOf(manyResults(300)),
  runOf(withOutcomes(sampleResults, [])),
];

t.test('golden files', async (t) => {
  const run = runOf(sample, incomplete);
  assertGolden(t, 'junit.xml', junitReport(run));
  assertGolden(t, 'report.tap', tapReport(run));
  assertGolden(t, 'report.md', markdownReport(run));
  assertGolden(t, 'report.sarif', sarifReport(run));
});

const schemas = new URL('../testing/schemas/', import.meta.url);

const hasXmllint = spawnSync('xmllint', ['--version']).status === 0;
t.test(
  'JUnit XML by the schema of Jenkins',
  { skip: hasXmllint ? false : 'xmllint is not installed' },
  async (t) => {
    const files = runs.map((run, at) => {
      const file = join(folder, `${at}.xml`);
      writeFileSync(file, junitReport(run));
      return file;
    });
    const schema = new URL('jenkins-junit.xsd', schemas).pathname;
    const check = (...names: string[]) =>
      spawnSync('xmllint', ['--noout', '--schema', schema, ...names], { encoding: 'utf8' });
    const { status, stderr } = check(...files);
    t.equal(status, 0, stderr);
    const wrong = join(folder, 'wrong.xml');
    writeFileSync(wrong, junitReport(runs[0] as Run).replace('<failure', '<failing'));
    t.not(check(wrong).status, 0, 'the schema sees what does not belong there');
  },
);

t.test('JUnit XML: attributes', async (t) => {
  const isArray = (name: string): boolean => name === 'testsuite' || name === 'testcase';
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', isArray });
  const { testsuites } = parser.parse(junitReport(runOf(sample, incomplete)));
  const totals = ({ tests, failures, errors, skipped, time, timestamp }: { [name: string]: string }) =>
    [tests, failures, errors, skipped, time, timestamp].join(' ');
  t.same(testsuites.testsuite.map(totals), [
    '6 1 2 1 5.500 2026-01-01T00:00:00',
    '3 1 1 0 5.500 2026-01-01T00:00:00',
    '1 0 1 0 0.000 ',
  ]);
  t.match(testsuites, { tests: '10', failures: '2', errors: '4', time: '5.500' });
  const [first, , whole] = testsuites.testsuite;
  const named = (name: string) => first.testcase.find((one: { name: string }) => one.name === name);
  t.match(named('ha-bad@co-located'), {
    classname: 'home-agent.ha-bad',
    failure: {
      type: 'FAIL',
      message: '4.3-a, 4.3-b#part: ipv4.destination: expected 10.10.128.1, actual 10.1.1.1',
      '#text':
        /-> 4\.3-a \(MUST; section 4\.3, lines 10-12\): What clause 4\.3-a asks for\.[\s\S]*Expected: /,
    },
    'system-out': /Clauses: 4\.3-a \(MUST\), .*\nVector: x\.json\nCapture: [\s\S]*\nWARN\n[\s\S]*4\.3-c/,
  });
  t.match(named('ha-open@co-located').error, { type: 'INCONCLUSIVE', message: 'preamble[1]: no answer' });
  t.equal(named('ha-claim@co-located').skipped, 'the ICS says no to: advertises');
  t.match(named('ha-may@co-located')['system-out'], /^Verdict: INFO$/m);
  t.match(whole.testcase, [{ error: { type: 'INCOMPLETE', '#text': 'fa-not-run@visited-link' } }]);
});

interface Read {
  ids: string[];
  counts: { ok: number; notOk: number; skip: number };
  bailout: string | false;
  faults: string[];
}

function readTap(content: string): Read {
  const ids: string[] = [];
  const faults: string[] = [];
  const counts = { ok: 0, notOk: 0, skip: 0 };
  let bailout: string | false = false;
  const parser = new Parser({ strict: true });
  parser.on('assert', ({ name, ok, skip }) => {
    ids.push(name);
    if (skip !== false) counts.skip += 1;
    else counts[ok ? 'ok' : 'notOk'] += 1;
  });
  parser.on('extra', (line) => faults.push(line));
  parser.on('bailout', (reason) => {
    bailout = reason;
  });
  parser.on('complete', ({ failures, bailout: broken }) => {
    for (const { tapError } of failures) if (tapError && broken === false) faults.push(String(tapError));
  });
  parser.end(content);
  return { ids, counts, bailout, faults };
}

t.test('TAP by tap-parser', async (t) => {
  for (const run of runs) {
    const { ids, counts, faults, bailout } = readTap(tapReport(run));
    const all = run.devices.map(({ results }) => results);
    t.same(faults, []);
    t.same(
      ids,
      all.flatMap(({ outcomes }) => outcomes.map(({ id }) => id)),
    );
    const sum = (count: (tests: Results['totals']['tests']) => number): number =>
      all.reduce((before, { totals }) => before + count(totals.tests), 0);
    t.same(counts, {
      ok: sum(({ PASS, INFO, WARN }) => PASS + INFO + WARN),
      notOk: sum(({ FAIL, ERROR, INCONCLUSIVE }) => FAIL + ERROR + INCONCLUSIVE),
      skip: sum((tests) => tests['NOT APPLICABLE']),
    });
    t.equal(bailout !== false, all.includes(incomplete), 'bails out when it was broken off, and only then');
  }
  const hostile = outcome('a # SKIP \\ { b', 'NOT APPLICABLE', { reason: 'x\n# TODO y {\nnot ok 9' });
  const { ids, counts, faults } = readTap(tapReport(runOf(withOutcomes(sampleResults, [hostile, hostile]))));
  t.same(ids, ['a # SKIP \\ { b', 'a # SKIP \\ { b']);
  t.same(counts, { ok: 0, notOk: 0, skip: 2 });
  t.same(faults, [], 'no line can be broken out of');
});

t.test('TAP while a run goes on', async (t) => {
  const stream = new TapStream(folder, 6);
  const file = join(folder, 'report.tap');
  const read = (): string => readFileSync(file, 'utf8');
  const order = [...sample.outcomes].reverse();
  for (const [at, one] of order.entries()) {
    stream.outcome(one, sample.clauses, folder);
    t.same(readTap(`${read()}Bail out!\n`).ids.length, at + 1, 'each is there at once');
  }
  t.notOk(isWholeTap(read(), [sample]));
  stream.end([sample], []);
  t.ok(isWholeTap(read(), [sample]));
  t.notOk(isWholeTap(read(), [incomplete]));
  const lines = (text: string): string[] =>
    text
      .replace(/^((?:not )?ok) \d+/gm, '$1')
      .split('\n')
      .sort();
  t.same(lines(read()), lines(tapReport(runOf(sample))), 'the same lines in another order');

  const several = new TapStream(folder, 2);
  several.outcome(sample.outcomes[1] as TestResult, sample.clauses, join(folder, 'home-agent'));
  several.end([sample], ['the bench could not be set up']);
  t.match(read(), /^ {2}capture: "home-agent\/captures\/ha-bad--co-located\.pcapng"$/m);
  t.match(read(), /\nBail out! the bench could not be set up\n$/);
  const nowhere = new TapStream(join(folder, 'no-such'), 1);
  nowhere.outcome(order[0] as TestResult, sample.clauses, folder);
  t.doesNotThrow(() => nowhere.end([sample], []), 'no verdict hangs on the file');
  const parts: string[] = [];
  const writer = new TapWriter((text) => parts.push(text));
  writer.begin(0);
  writer.outcome(outcome('x', 'INFO'), clauseTable([]));
  t.match(parts.join(''), /^1\.\.0 # SKIP there was no test to run$/m);
});

t.test('Markdown: texts from elsewhere', async (t) => {
  t.equal(prose('A plain sentence (R=0), twice: IPv6.'), 'A plain sentence (R=0), twice: IPv6.');
  const works = [
    '@name',
    'me@example.net',
    '#12',
    'GH-12',
    'vendor/box#1',
    'https://192.0.2.1/x',
    'www.example.net',
    '**bold**',
    '_x_',
    '<b>',
    '&amp;',
    '[x](y)',
    '![x](y)',
    '~~x~~',
    'a|b',
    ':smile:',
    '0123456789abcdef0123456789abcdef01234567',
  ];
  for (const word of works) t.equal(prose(`see ${word}`), `see \`${word}\``);
  t.equal(codeSpan('a `` b'), '```a `` b```');
  t.equal(codeSpan('`'), '`` ` ``');
  t.equal(codeSpan('a\nb'), '`a\\u{a}b`');
  t.equal(codeSpan('  '), '(nothing)');
  t.same(fenced(['````', 'x']), ['`````text', '````', 'x', '`````']);
});

/** What is left of Markdown when its fences and code are taken out: there our own words alone may be. */
function outsideCode(content: string): string {
  const lines: string[] = [];
  let fence = '';
  for (const line of content.split('\n')) {
    const [mark] = /^`{3,}/.exec(line) ?? [];
    if (fence === '' && mark !== undefined) fence = mark;
    else if (fence !== '' && line === fence) fence = '';
    else if (fence === '') lines.push(line.replace(/(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)/g, ''));
  }
  return fence === '' ? lines.join('\n') : 'a fence is open';
}

t.test('Markdown: structure and size', async (t) => {
  const text = markdownReport(runOf(sample, incomplete));
  t.match(text, /^## `Acme HA \\u\{1b\}\[31mred 1` as home-agent$/m);
  t.match(text, /^\*\*Result: a FAIL\*\* \(exit status 1\)$/m);
  const headings = [...text.matchAll(/^### (.*)$/gm)].map(([, title]) => title);
  t.same(headings.slice(0, 4), ['Failures', 'Warnings', 'Inconclusive', 'Not applicable']);
  t.match(text, /\n- `4\.3-b#part` \(MUST; section 4\.3, lines 10-12; reading `A11`\): What a part/);
  t.match(text, /\n```text\nSent: {5}at cn sent .*\nExpected: IPv4 .*\n {10}IPv6 .*\nActual: /);
  t.match(text, /^- preamble\[1\]: no answer|^- `preamble\[1\]:` no answer \(2 tests\): /m);
  t.match(text, /^- \*\*Not whole\*\*: it was broken off .*; 1 test without outcome$/m);
  for (const run of runs) {
    const content = markdownReport(run);
    t.ok(content.length <= mostCharacters, `${content.length} characters`);
    const rest = outsideCode(content);
    t.notMatch(rest, /[<>`@#](?!#* )(?<!^#+)|\]\(|:\/\/|a fence is open/m, 'no markup of others');
  }
  const failing = manyResults(2000);
  const many = markdownReport(runOf(failing));
  const shown = many.match(/^#### FAIL /gm)?.length ?? 0;
  t.ok(many.length <= mostCharacters);
  t.match(many, new RegExp(`^_${failing.totals.tests.FAIL - shown} more, left out here for length: `, 'm'));
  t.match(many, /^### Not applicable$/m, 'what is short stands in spite of it');
  const crowd = markdownReport({ folder, devices: Array.from({ length: 60 }, () => deviceOf(failing)) });
  t.ok(crowd.length <= mostCharacters);
});

t.test('SARIF by its schema', async (t) => {
  const {
    $schema: _draft,
    id: _id,
    ...schema
  } = JSON.parse(readFileSync(new URL('sarif-2.1.0.json', schemas), 'utf8'));
  // It is of draft 4, of which it uses nothing that later drafts have changed, but its address.
  const validate = new Ajv({ strict: false, unicodeRegExp: false, logger: false }).compile(schema);
  for (const run of runs) {
    const log = JSON.parse(sarifReport(run));
    t.ok(validate(log), JSON.stringify(validate.errors));
    for (const { results, tool } of log.runs)
      for (const { ruleId, ruleIndex, kind, level } of results) {
        if (tool.driver.rules[ruleIndex]?.id !== ruleId) t.fail(`${ruleId} is not rule ${ruleIndex}`);
        if ((kind === 'fail') !== (level !== 'none')) t.fail(`level ${level} of a ${kind}`);
      }
  }
  t.notOk(validate({ version: '2.1.0', runs: [{ tool: {} }] }), 'the schema sees what is missing');
});

t.test('SARIF: results and invocations', async (t) => {
  const log = JSON.parse(sarifReport(runOf(sample, incomplete)));
  const [first, second] = log.runs;
  const brief = first.results.map(
    ({ kind, level, properties }: { [name: string]: { clause: string } }) =>
      `${kind} ${level} ${properties?.clause}`,
  );
  t.same(brief, [
    'pass none 4.3-a',
    'fail error 4.3-a',
    'fail error 4.3-b#part',
    'fail warning 4.3-c',
    'open none 4.3-d',
    'open none 4.3-d',
    'notApplicable none 4.3-e',
    'informational none 1-a',
  ]);
  t.match(first.invocations, [{ exitCode: 1, executionSuccessful: true }]);
  t.match(second.invocations, [{ exitCode: 1, executionSuccessful: false }]);
  t.equal(first.invocations[0].toolExecutionNotifications.length, 3);
  t.match(second.tool.driver, { name: 'dsmip-conformance', version: '0.1.0', semanticVersion: '0.1.0' });
  const prints = (log: { runs: { results: { partialFingerprints: object }[] }[] }) =>
    log.runs.flatMap(({ results }) => results.map(({ partialFingerprints }) => partialFingerprints));
  const all = prints(log).map((one) => JSON.stringify(one));
  t.equal(new Set(all.slice(0, 8)).size, 8, 'each result is known by its own');
  const later = { ...sample, start: '2026-02-02T00:00:00.000Z', device: { ...sample.device, version: '2' } };
  t.same(prints(JSON.parse(sarifReport(runOf(later)))), prints({ runs: [first] }), 'and the same later');
  const words = outcome('x', 'ERROR', { reason: 'a {0} [b](https://192.0.2.1/)', clauses: ['4.3-a'] });
  const [only] = JSON.parse(sarifReport(runOf(withOutcomes(sampleResults, [words])))).runs[0].results;
  t.equal(only.message.text, 'ERROR: a {{0}} [b] (https://192.0.2.1/)', 'neither placeholder nor link');
});

t.test('lines of vectors', async (t) => {
  const lines = new VectorLines();
  const file = 'vectors/draft-tsirtsis-v4v6-mipv4-00/home-agent/mode-change.json';
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').split('\n');
  const at = lines.lineOf(file, 'ha-mode-change/hoa-to-r0@co-located', '4.3-b');
  t.match(text[at - 1], /"4\.3-b"/);
  t.ok(text.indexOf('  "body": [') < at, 'in its body');
  const own = lines.lineOf(file, 'ha-mode-change/hoa-to-r0@co-located', '9-z');
  t.match(text[own - 1], /"id": "hoa-to-r0"/, 'else the case');
  t.equal(lines.lineOf(file, 'ha-other/hoa-to-r0@co-located', '4.3-b'), 1, 'another vector by now');
  for (const name of [
    'x.json',
    '../../etc/passwd',
    'vectors/../package.json',
    '/etc/passwd',
    file.slice(0, 7),
  ])
    t.equal(lines.lineOf(name, 'a@b', 'c'), 1);
});

t.test('PDF', async (t) => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.png`;
  const device = { vendor: `<img src="${address}">`, product: '\u202e', version: '</div>' };
  const run = runOf({ ...hostileResults(), device });
  const page = (folded: string): string =>
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Report</title><h1>Report</h1><img src="${address}"><script>fetch('${address}')</script><details><summary>More</summary>${folded}</details></html>`;
  const pages = (pdf: Uint8Array): number =>
    [
      ...Buffer.from(pdf)
        .toString('latin1')
        .matchAll(/\/Type \/Page\b/g),
    ].length;
  const short = await pdfReport(run, page(''));
  const long = await pdfReport(run, page('<p>line</p>'.repeat(200)));
  t.equal(Buffer.from(short.subarray(0, 5)).toString(), '%PDF-');
  t.equal(pages(short), 1);
  t.ok(pages(long) > 3, 'what is folded is on paper');
  t.match(Buffer.from(short).toString('latin1'), /\/CreationDate \(D:20260101000005/);
  t.ok(Buffer.from(short).equals(await pdfReport(run, page(''))), 'the same again');
  t.equal(asked, 0, 'no network');
  const path = process.env.PATH;
  process.env.PATH = folder;
  await t.rejects(pdfReport(run, page('')), {
    code: 'FORMAT_UNAVAILABLE',
    message: /there is no Chromium .*apt-get install chromium/,
  });
  writeFileSync(join(folder, 'chromium'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await t.rejects(pdfReport(run, page('')), { code: 'FORMAT_UNAVAILABLE', message: /does not start/ });
  process.env.PATH = path;
});
