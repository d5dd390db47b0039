/** A run from the outside: exit statuses, what Playwright's own reporters say, the report's files, and judging it again. */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readPcapng } from '../../reports/evidence/pcapng.ts';
import { captureFile, type Results, resultsText, withOutcomes } from '../../reports/model/results.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { isForPeople } from './errors.ts';
import { rejudgeFolder } from './rejudge.ts';
import { dsmip, start } from './testing/command.ts';

t.setTimeout(300_000);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-run-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const lab = join(projectRoot, 'harness/bench/lab');
const resultsIn = (out: string): Results =>
  JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as Results;
const standard = JSON.parse(readFileSync(join(lab, 'home-agent.profile.json'), 'utf8')) as {
  ics: object;
  ixit: { mobileNodes: { key: object; count: number }[] };
  bench: { lab: object };
};

/** A profile like the standard one of the lab, with changes. */
function profile(name: string, change: (profile: typeof standard) => void): string {
  const changed = structuredClone(standard);
  Object.assign(changed, { $schema: undefined });
  Object.assign(changed.bench.lab, { configuration: join(lab, 'home-agent.config.json') });
  change(changed);
  const file = join(folder, `${name}.profile.json`);
  writeFileSync(file, JSON.stringify(changed));
  return file;
}

/** The keys of the lab, in every form in which one could slip out. */
function keys(): Buffer[] {
  const { mobileNodes, foreignAgents } = loadProfile(join(lab, 'home-agent.profile.json'));
  const raw = [...mobileNodes, ...foreignAgents].flatMap(({ association }) =>
    association === undefined ? [] : [Buffer.from(association.key)],
  );
  return raw.flatMap((key) => [
    key,
    Buffer.from(key.toString('hex')),
    Buffer.from(key.toString('hex').toUpperCase()),
    Buffer.from(key.toString('base64')),
  ]);
}

function filesUnder(path: string): string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The first key found in a file, by file. */
function leaks(files: string[], texts: string[]): string[] {
  const wanted = keys();
  const hay = [
    ...files.map((file) => [file, readFileSync(file)] as const),
    ...texts.map((text) => ['output', Buffer.from(text)] as const),
  ];
  return hay.flatMap(([name, octets]) => (wanted.some((key) => octets.includes(key)) ? [name] : []));
}

t.test('a run that passes, judged again', async (t) => {
  const out = join(folder, 'passing');
  const { status, output } = await dsmip('run', '--vector', 'ha-tunnel-mode', '--out', out);
  t.equal(status, 0, output);
  t.match(output, /Clauses that bind the home-agent/);
  t.match(
    output,
    /\nResult {3}nothing failed .*\nReport {3}\S+\n(?: {9}\S+\n)+$/,
    'the summary comes last, and its end is where the reports are',
  );
  const results = resultsIn(out);
  t.ok(results.outcomes.length > 10);
  t.ok(results.outcomes.every(({ verdict }) => verdict === 'PASS' || verdict === 'NOT APPLICABLE'));
  t.same(results.selection, { vector: 'ha-tunnel-mode' });
  for (const { id, verdict } of results.outcomes) {
    if (verdict === 'PASS') t.ok(readFileSync(join(out, captureFile(id))).length > 100, captureFile(id));
  }
  t.match(readFileSync(join(out, 'run.log'), 'utf8'), /PASS ha-tunnel-mode/);
  t.same(leaks(filesUnder(out), [output]), [], 'no key is written anywhere');

  const again = await dsmip('rejudge', out);
  t.equal(again.status, 0, again.output);
  t.match(again.output, /verdicts are the same, and the results to the octet/);
  const moved = await rejudgeFolder(out, { reading: ['A56=required'] });
  t.equal(moved.status, 0, 'a reading that touches no clause of the run moves nothing');

  const spoiled = async (
    name: string,
    spoil: (copy: string) => void,
  ): Promise<{ status: number; output: string }> => {
    const copy = join(folder, name);
    cpSync(out, copy, { recursive: true });
    spoil(copy);
    try {
      const { status, text } = await rejudgeFolder(copy, { reading: [] });
      return { status, output: text };
    } catch (error) {
      return { status: isForPeople(error) ? 64 : 70, output: (error as Error).message };
    }
  };
  const first = results.outcomes[0]?.id ?? '';
  const second = results.outcomes[1]?.id ?? '';
  const edit = (copy: string, change: (results: Results) => void): void => {
    const changed = resultsIn(copy);
    change(changed);
    // As somebody would who knows how the file is made.
    writeFileSync(join(copy, 'results.json'), resultsText(withOutcomes(changed, changed.outcomes)));
  };
  const cases: [string, number, RegExp, (copy: string) => void][] = [
    [
      'edited verdict',
      1,
      new RegExp(`${first}: FAIL -> PASS`),
      (copy) => edit(copy, ({ outcomes }) => Object.assign(outcomes[0] ?? {}, { verdict: 'FAIL' })),
    ],
    [
      'edited words',
      1,
      /as before, but the results say/,
      (copy) =>
        edit(copy, ({ outcomes }) =>
          Object.assign(outcomes[0]?.judgements[0] ?? {}, { actual: ['nonsense'] }),
        ),
    ],
    [
      'edited time',
      64,
      /do not belong to these results/,
      (copy) => edit(copy, ({ outcomes }) => Object.assign(outcomes[0]?.stimuli[0] ?? {}, { timeNs: 1 })),
    ],
    [
      'another capture',
      64,
      /do not belong to these results/,
      (copy) => copyFileSync(join(copy, captureFile(second)), join(copy, captureFile(first))),
    ],
    ['capture cut short', 64, /is cut short/, (copy) => truncateSync(join(copy, captureFile(first)), 301)],
    ['capture missing', 64, /is missing/, (copy) => rmSync(join(copy, captureFile(first)))],
    ['results cut short', 64, /is cut short/, (copy) => truncateSync(join(copy, 'results.json'), 1000)],
    [
      'results laid out anew',
      64,
      /changed after it was written/,
      (copy) => writeFileSync(join(copy, 'results.json'), JSON.stringify(resultsIn(copy))),
    ],
    [
      'results of another version',
      64,
      /was written by version 9\.9/,
      (copy) => edit(copy, (changed) => Object.assign(changed, { tool: '9.9.9' })),
    ],
    [
      'results of something else',
      64,
      /holds no results/,
      (copy) => writeFileSync(join(copy, 'results.json'), '{}\n'),
    ],
    [
      'results of other vectors',
      64,
      /vectors are not those of this run/,
      (copy) => edit(copy, (changed) => Object.assign(changed, { vectors: '0123456789abcdef' })),
    ],
    [
      'another device',
      64,
      /was changed: its "device" is not what profile, vectors and ledger say/,
      (copy) => edit(copy, ({ device }) => Object.assign(device, { vendor: 'Another' })),
    ],
    [
      'a clause made milder',
      64,
      /was changed: its "clauses" is not what/,
      (copy) => edit(copy, ({ clauses }) => Object.assign(clauses[0] ?? {}, { requires: 'Nothing.' })),
    ],
    [
      'a test told twice',
      64,
      /has a test twice/,
      (copy) => edit(copy, ({ outcomes }) => outcomes.push(outcomes[0] as Results['outcomes'][number])),
    ],
    ['no results', 64, /no folder of a run/, (copy) => rmSync(join(copy, 'results.json'))],
  ];
  for (const [name, expected, words, spoil] of cases) {
    const { status: ended, output: said } = await spoiled(name, spoil);
    t.equal(ended, expected, `${name}: ${said}`);
    t.match(said, words, name);
  }
});

/** A PATH on which Chromium is one that does not start. */
function withoutChromium(): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'chromium'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  return `${bin}:${process.env.PATH}`;
}

t.test('a run that fails', async (t) => {
  // A home agent without the extensions that claims to have them.
  const iut = profile('failing', ({ bench }) =>
    Object.assign(bench.lab, { configuration: join(lab, 'home-agent-legacy.config.json') }),
  );
  const out = join(folder, 'failing');
  const json = join(folder, 'playwright.json');
  const junit = join(folder, 'junit.xml');
  const run = start(
    process.execPath,
    [
      join(projectRoot, 'harness/cli/dsmip.mjs'),
      'run',
      '--iut',
      iut,
      '--clause',
      '3.3',
      '--out',
      out,
      '--reporter',
      'list,json,junit',
      '--report',
      'pdf,tap,junit',
    ],
    {
      PATH: withoutChromium(),
      PLAYWRIGHT_JSON_OUTPUT_FILE: json,
      PLAYWRIGHT_JUNIT_OUTPUT_FILE: junit,
    },
  );
  t.equal(await run.ended, 1, run.output());
  const { outcomes } = resultsIn(out);
  const failed = outcomes.filter(({ verdict }) => verdict === 'FAIL').length;
  t.ok(failed > 0);
  const output = run.output();
  t.match(
    output,
    new RegExp(`^ +${failed} failed$`, 'm'),
    'the list reporter, behind ours, sees the failures',
  );
  const told = JSON.parse(readFileSync(json, 'utf8')) as {
    stats: { unexpected: number; skipped: number; expected: number };
  };
  t.equal(told.stats.unexpected, failed, 'and so does the JSON reporter');
  t.match(readFileSync(junit, 'utf8'), new RegExp(`failures="${failed}"`), 'and the JUnit reporter');
  const skipped = outcomes.filter(
    ({ verdict }) => verdict === 'NOT APPLICABLE' || verdict === 'INCONCLUSIVE',
  ).length;
  t.equal(told.stats.skipped, skipped);
  t.equal(told.stats.expected, outcomes.length - failed - skipped);
  t.match(output, /^dsmip: pdf: .*apt-get install chromium/m, 'a report that cannot be made is told of');
  const tap = readFileSync(join(out, 'report.tap'), 'utf8');
  t.equal([...tap.matchAll(/^ {2}verdict: "FAIL"$/gm)].length, failed, 'the others are there');
  t.match(readFileSync(join(out, 'junit.xml'), 'utf8'), new RegExp(`failures="${failed}"`));
  const program = join(projectRoot, 'harness/cli/dsmip.mjs');
  const later = start(process.execPath, [program, 'report', out, '--report', 'pdf,markdown'], {
    PATH: withoutChromium(),
  });
  t.equal(await later.ended, 64, 'what was asked for and is not there');
  t.match(later.output(), /report\.md\n/);
  const summary = output.slice(output.indexOf('\nFailures\n'));
  t.match(summary, /FAIL {2}ha-\S+\n {2}\S.*\n(?: {2}\S.*\n)* {2}-> \S+ \((?:FMT|MUST|REQ|BEHAV)/);
  for (const words of [
    /Sent: {5}at /,
    /Expected: /,
    /Actual: {3}/,
    /Differs: {2}/,
    /Capture: {2}captures\/\S+\.pcapng, frame \d+/,
  ])
    t.match(summary, words);
  t.same(leaks(filesUnder(out).concat(json, junit), [output]), []);
  const again = await dsmip('rejudge', out);
  t.equal(again.status, 0, again.output);
});

t.test('a device that nothing can be said of', async (t) => {
  const iut = profile('strange', ({ ixit }) =>
    Object.assign(ixit.mobileNodes[0] ?? {}, { key: { hex: '99'.repeat(16) } }),
  );
  const out = join(folder, 'strange');
  const { status, output } = await dsmip(
    'run',
    '--iut',
    iut,
    '--vector',
    'ha-tunnel-mode/r0-t0',
    '--out',
    out,
  );
  t.equal(status, 2, output);
  t.match(output, /Inconclusive\n\n {2}\S.*\n(?: {2}.*\n)*? {4}ha-tunnel-mode/);
  t.equal((await dsmip('rejudge', out)).status, 0);
});

t.test('a device that is not where the profile says', async (t) => {
  const iut = profile('elsewhere', ({ ixit }) =>
    Object.assign(ixit, { homeAgent: { address: '10.1.0.77', ipv6Address: '2001:db8:1::1' } }),
  );
  const out = join(folder, 'elsewhere');
  const { status, output } = await dsmip(
    'run',
    '--iut',
    iut,
    '--vector',
    'ha-tunnel-mode/r0-t0',
    '--out',
    out,
  );
  t.equal(status, 2, output);
  t.match(
    output.replace(/\s+/g, ' '),
    /Inconclusive (10\.1\.0\.77 answers neither a registration request nor ping|10\.\d\.0\.\d says that 10\.1\.0\.77 is unreachable) .*\(before the first test the device answered no valid registration; sent at port mn: IPv4 10\.10\.\S+ > 10\.1\.0\.77 ttl 64 \/ UDP sourcePort \d+, destinationPort 434; at port mn expected[^;]*; came nothing[^;]*; check ixit\.homeAgent\.address, /,
  );
  t.ok(resultsIn(out).outcomes.every(({ verdict }) => verdict === 'INCONCLUSIVE'));
  const tried = readPcapng(readFileSync(join(out, 'run.pcapng')), 'run.pcapng').filter(
    ({ port, outgoing, octets }) =>
      port === 'mn' && outgoing && Buffer.from(octets).includes(Buffer.from([10, 1, 0, 77, 0x4e])),
  );
  t.ok(tried.length > 0, 'what was sent before the first test is in the capture');
  t.equal((await dsmip('rejudge', out)).status, 0);
});

t.test('a run in which nothing is judged', async (t) => {
  const out = join(folder, 'nothing');
  const { status, output } = await dsmip('run', '--vector', 'ha-legacy', '--out', out);
  t.equal(status, 3, output);
  t.match(output, /nothing was judged \(exit status 3\)/);
});
