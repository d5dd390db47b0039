/** What is not a run: wrong usage, with a sentence each, and Playwright's own command line. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../vectors/load.ts';
import { dsmip, start } from './testing/command.ts';

t.setTimeout(300_000);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-usage-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const lab = join(projectRoot, 'harness/bench/lab');

t.test('wrong usage', async (t) => {
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{ "role": "home-agent" }');
  const cases: [string[], RegExp][] = [
    [
      ['run', '--vector', 'ha-tunel-mode'],
      /--vector ha-tunel-mode selects no test.*did you mean "ha-tunnel-mode"/,
    ],
    [['run', '--level', 'WISH'], /--level WISH selects no test: there are .*MAY, .*MUST,/],
    [
      ['run', '--role', 'fa'],
      /--role fa selects no test: there are home-agent, foreign-agent, mobile-node, scenario/,
    ],
    [['run', '--reporter', 'list,htlm'], /--reporter htlm: there are list, .*did you mean "html"/],
    [
      ['run', '--iut', join(lab, 'home-agent.profile.json'), '--role', 'mobile-node'],
      /--role mobile-node selects no test: the profile is that of a home-agent/,
    ],
    [['run', '--clause', '12.9-z'], /no clause "12\.9-z"/],
    [['run', '--iut', '/nowhere.json'], /\/nowhere\.json: no such file/],
    [['run', '--iut', broken], /broken\.json: .*ixit/],
    [['run', '--reading', 'A04'], /is not of the form A04=name/],
    [['run', '--reading', 'A04=other'], /no alternative of reading A04 "other"/],
    [['run', '--out', projectRoot], /is not empty/],
    [['run', '--sideways'], /unknown option/],
    [['run', '--suite', 'robustness'], /--suite robustness may stop a device: say --robustness/],
    [['run', '--suite', 'drafd'], /no suite "drafd"; did you mean "draft"/],
    [['run', '--seed', '1'], /--seed and --inputs are of --robustness/],
    [['run', '--robustness', '--inputs', '0'], /--inputs takes a whole number from 1/],
    // A process group of its own has no terminal.
    [['run', '--interactive'], /--interactive asks the operator at the terminal, and this run has none/],
    [['run', '--suite', 'robustness'], /--suite robustness may stop a device: say --robustness/],
    [['run', '--seed', '7'], /--seed and --inputs are of --robustness/],
    [['run', '--robustness', '--inputs', '0'], /--inputs takes a whole number from 1 to \d+, not "0"/],
    [['explain', 'ha-nothing'], /there is no clause, section, vector, reading, deviation or word/],
    [['validate', broken], /broken\.json/],
    [['run', '--report', 'junti'], /there is no such format; did you mean "junit"\?/],
    [['run', '--report', 'tap,tap'], /--report names tap twice/],
    [['report', folder, '--report', ','], /--report names no format \(there are text, /],
    [['report', '/nowhere'], /\/nowhere is no folder of a run/],
  ];
  const results = await Promise.all(cases.map(([args]) => dsmip(...args)));
  for (const [at, { status, output }] of results.entries()) {
    const [args, words] = cases[at] as [string[], RegExp];
    t.equal(status, 64, `${args.join(' ')}: ${output}`);
    t.match(output, words, args.join(' '));
    t.notMatch(output, /\n {4}at /, `${args.join(' ')}: no stack`);
  }
  const list = await dsmip('run', '--list', '--clause', '4.3-i');
  t.equal(list.status, 0);
  for (const [word, words] of [
    ['FMT', /^FMT: a level of clauses: a format or a code value\n {2}Clauses: [\s\S]*\b3\.2-c/],
    ['TP', /^TP: a class of clauses: judged by test when the profile/],
    ['INFO', /^INFO: a level .*\nINFO: a verdict: /],
  ] as const) {
    const { status, output } = await dsmip('explain', word);
    t.equal(status, 0);
    t.match(output, words);
  }
  t.match(list.output, /^ha-tunnel-mode\/r0-t0@co-located {2}\[.*4\.3-i/m);
});

t.test("Playwright's own command line", async (t) => {
  const playwright = join(projectRoot, 'node_modules/.bin/playwright');
  const listed = start(playwright, ['test', '--list', '--grep', '@4.3-i']);
  t.equal(await listed.ended, 0, listed.output());
  t.match(listed.output(), /ha-tunnel-mode\/r0-t0@co-located/);
  const filters: [string[], RegExp][] = [
    [['--grep', 'ha-tunnel-mode/r0-t0@co-located'], /;\s+only\s+grep\s+ha-tunnel-mode\/r0-t0@co-located\n/],
    [
      ['-g', '@4.3-i', '--grep-invert=@foreign'],
      /;\s+only\s+grep\s+@4\.3-i,\s+only\s+grep-invert\s+@foreign\n/,
    ],
  ];
  for (const [filter, words] of filters) {
    const run = start(playwright, ['test', ...filter]);
    t.equal(await run.ended, 0, run.output());
    t.match(run.output(), words, 'a filter of its own is a selection');
    t.match(run.output(), /^and \d+ clauses that no test of this selection judges$/m);
    t.notMatch(run.output(), /no vector judges it/);
    const [, report = ''] = /^Report {3}(\S+)/m.exec(run.output()) ?? [];
    t.match(report, /^reports\/out\/./);
    rmSync(join(projectRoot, report), { recursive: true });
  }
  const without = start(playwright, ['test', '--reporter=line', '--grep', 'ha-tunnel-mode']);
  t.equal(await without.ended, 1, 'with our reporter replaced nothing passes');
  t.match(without.output(), /our reporter is not in the list/);
});
