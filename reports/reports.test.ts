/** From results to reports: golden summary, exit statuses, captures that others can read. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Judgement, Outcome, Verdict } from '../harness/engine/outcome.ts';
import { clauseRows } from './clauses.ts';
import { type Covered, coverage } from './coverage.ts';
import { type CapturedFrame, CaptureError, readPcapng, writePcapng } from './pcapng.ts';
import { progressText, runningOf } from './progress.ts';
import { readResults } from './read-results.ts';
import { type ClauseFacts, captureFile, exitStatus, type Results, resultsText } from './results.ts';
import { summary, summaryOf } from './summary.ts';
import { cut, labelled } from './text.ts';
import { writeResults } from './write-results.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-reports-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

function clause(id: string, changes: Partial<ClauseFacts> = {}): ClauseFacts {
  const section = id.startsWith('B') ? 'base' : (id.split('-')[0] as string);
  return {
    id,
    section,
    level: 'MUST',
    class: 'T',
    verdict: 'FAIL',
    requires: `What clause ${id} asks for.`,
    lines: [[10, 12]],
    sources: [],
    positions: ['H1'],
    governedBy: [],
    readings: [],
    aspects: {},
    ...changes,
  };
}

function outcome(id: string, verdict: Verdict, changes: Partial<Outcome> = {}): Outcome {
  return {
    id,
    title: `The title of ${id}`,
    file: 'x.json',
    role: 'home-agent',
    position: 'co-located',
    clauses: [],
    verdict,
    judgements: [],
    steps: [],
    mobileNodes: [0],
    stimuli: [],
    startNs: 0,
    endNs: 0,
    ...changes,
  };
}

const judgement = (name: string, verdict: Verdict, changes: Partial<Judgement> = {}): Judgement => ({
  clause: name,
  level: 'MUST',
  verdict,
  step: 'body[1]',
  expected: ['IPv4 10.1.0.1 > 10.10.128.1 protocol 41', 'IPv6 2001:db8:c::2 > 2001:db8:1::1'],
  actual: ['IPv4 10.1.0.1 > 10.1.1.1 protocol 41', 'IPv6 2001:db8:c::2 > 2001:db8:1::1'],
  difference: { path: 'ipv4.destination', expected: '10.10.128.1', actual: '10.1.1.1' },
  frames: [3],
  ...changes,
});

const results: Results = {
  format: 'dsmip-conformance results 1',
  tool: '0.1.0',
  document: 'draft',
  device: { vendor: 'Acme', product: 'HA \u001b[31mred', version: '1' },
  role: 'home-agent',
  ics: { ipv6Extensions: true },
  profile: { file: 'acme.json', hash: '0' },
  vectors: '0',
  ledger: '0',
  strict: false,
  selection: {},
  readings: { A04: 'literal' },
  originNs: '1700000000000000000',
  seed: '00',
  graceNs: 1,
  roundTripsNs: [1],
  start: '2026-01-01T00:00:00.000Z',
  end: '2026-01-01T00:00:05.500Z',
  findings: ['the kernel dropped 2 frames'],
  outcomes: [
    outcome('ha-good@co-located', 'PASS', { clauses: ['4.3-a'], judgements: [judgement('4.3-a', 'PASS')] }),
    outcome('ha-bad@co-located', 'FAIL', {
      clauses: ['4.3-a', '4.3-b', '4.3-c'],
      judgements: [
        judgement('4.3-a', 'FAIL'),
        judgement('4.3-b#part', 'FAIL', { reading: 'A11' }),
        judgement('4.3-c', 'WARN', {
          level: 'SHOULD',
          step: 'body[2]',
          actual: ['nothing'],
          silence: 'barrier',
          frames: [],
        }),
      ],
      steps: [
        {
          part: 'preamble',
          step: 'preamble[0]',
          text: 'at mn sent something earlier',
          ok: true,
          timeNs: 1,
          frames: [],
        },
        {
          part: 'body',
          step: 'body[0]',
          text: 'at cn sent IPv6 2001:db8:c::2 > 2001:db8:1::1, trailing ',
          ok: true,
          timeNs: 2,
          frames: [],
        },
        { part: 'body', step: 'body[1]', text: 'at mn came IPv4', ok: false, timeNs: 3, frames: [3] },
      ],
    }),
    outcome('ha-open@co-located', 'INCONCLUSIVE', { clauses: ['4.3-d'], reason: 'preamble[1]: no answer' }),
    outcome('ha-open-too@co-located', 'INCONCLUSIVE', {
      clauses: ['4.3-d'],
      reason: 'preamble[1]: no answer',
    }),
    outcome('ha-claim@co-located', 'NOT APPLICABLE', {
      clauses: ['4.3-e'],
      reason: 'the ICS says no to: advertises',
    }),
    outcome('ha-may@co-located', 'INFO', { clauses: ['1-a'], judgements: [judgement('1-a', 'INFO')] }),
  ],
  clauses: [
    clause('1-a', { level: 'MAY', verdict: 'INFO' }),
    clause('4.3-a'),
    clause('4.3-b', { aspects: { part: { verdict: 'FAIL', requires: 'What a part of it asks for.' } } }),
    clause('4.3-c', { level: 'SHOULD', verdict: 'WARN' }),
    clause('4.3-d'),
    clause('4.3-e'),
    clause('4.3-f', { class: 'X', unseen: 'It is inside.' }),
    clause('4.3-g', { governedBy: ['4.3-a'] }),
    clause('B1', { level: 'MUST (base)', lines: [], sources: ['RFC 3344 3.2'] }),
  ],
};

const golden = `Failures

FAIL  ha-bad@co-located
  The title of ha-bad@co-located
  -> 4.3-a (MUST; section 4.3, lines 10-12): What clause 4.3-a asks for.
     Sent:     at cn sent IPv6 2001:db8:c::2 > 2001:db8:1::1
     Expected: IPv4 10.1.0.1 > 10.10.128.1 protocol 41
               IPv6 2001:db8:c::2 > 2001:db8:1::1
     Actual:   IPv4 10.1.0.1 > 10.1.1.1 protocol 41
               IPv6 2001:db8:c::2 > 2001:db8:1::1
     Differs:  ipv4.destination: expected 10.10.128.1, actual 10.1.1.1
     Capture:  captures/ha-bad--co-located.pcapng, frame 3; step body[1]
`;

t.test('the summary', async (t) => {
  const lines = summary(results);
  const text = lines.join('\n');
  // 4.3-b rests on the same evidence, so that its line stands with that of 4.3-a.
  const second =
    '  -> 4.3-b#part (MUST; section 4.3, lines 10-12): What a part of it asks for. [reading A11]\n';
  t.equal(text.slice(0, golden.length + second.length), golden.replace('     Sent:', `${second}     Sent:`));
  t.ok(text.indexOf('Failures') < text.indexOf('Warnings'), 'failures come first');
  t.match(text, /WARN {2}ha-bad@co-located[\s\S]*Silence: {2}a barrier that was answered closed the window/);
  t.match(
    text,
    /Inconclusive\n\n {2}preamble\[1\]: no answer\n {4}ha-open@co-located ha-open-too@co-located\n/,
  );
  t.match(text, /Not applicable\n\n {2}the ICS says no to: advertises\n {4}ha-claim@co-located\n/);
  t.match(text, /^4\.3-a {4}MUST {10}T {2}FAIL {13}2 {2}What clause 4\.3-a asks for\.$/m);
  t.match(text, /^4\.3-f .* not observed .* \(It is inside\.\)$/m);
  t.match(text, /^4\.3-g .* not observed .* \(carried by 4\.3-a\)$/m);
  t.match(text, /^B1 .* not observed .* \(no vector judges it\)$/m);
  t.match(text, /^Tests {4}6 tests: 1 FAIL, 2 INCONCLUSIVE, 1 PASS, 1 INFO, 1 NOT APPLICABLE$/m);
  t.match(
    text,
    /^Clauses {2}MUST 2 of 7 observed \(2 failed\), 1 inconclusive, 1 not applicable, 3 not observable or not\n {9}tested$/m,
  );
  t.match(text, /^Clauses {2}SHOULD 1 of 1 observed \(1 warned\)$/m);
  t.match(text, /^Beware: the kernel dropped 2 frames$/m);
  t.match(
    text,
    /^Device {3}Acme HA \\u\{1b\}\[31mred 1, as home-agent, profile acme\.json; reading A04 literal$/m,
    'nothing of a device reaches the terminal raw',
  );
  t.equal(lines.at(-1), 'Result   a FAIL (exit status 1), 5.5 s');
  t.notOk(text.includes('\u001b'), 'no colour unless asked for');
  t.ok(summary(results, { width: 100, colour: true }).join('\n').includes('\u001b[31;1mFAIL  ha-bad'));
  for (const line of summary(results, { width: 70, colour: false })) {
    t.ok(line.length <= 82, `fits: ${line}`);
  }
  const broken = summary({ ...results, incomplete: 'broken off', notRun: ['a', 'b'] }).join('\n');
  t.match(text, /^Level {3}MUST, .*\n(?:.*\n)+Class {3}T judged by test/m, 'the words of the table are told');
  const otherwise = (id: string, address: string) =>
    outcome(id, 'NOT APPLICABLE', {
      clauses: ['4.3-e'],
      reason: `the device does otherwise: IPv4 10.1.0.1 > ${address} ttl 63 / UDP sourcePort 434 / registration reply code 0, lifetimeSeconds 300, homeAddress ${address}, extensions [${'x'.repeat(200)}]`,
    });
  const others = { ...results, outcomes: [otherwise('ha-one', '10.1.1.1'), otherwise('ha-two', '10.1.1.2')] };
  t.match(
    summary(others).join('\n'),
    /^Not applicable\n\n {2}the device does otherwise: registration reply code 0, lifetimeSeconds 300\n {4}ha-one ha-two\n/,
    'one line, and once',
  );
  t.match(broken, /^Incomplete: broken off; 2 tests without outcome$/m);
});

t.test('the summary of several devices', async (t) => {
  const other: Results = {
    ...results,
    role: 'foreign-agent',
    clauses: results.clauses.slice(0, 2),
    outcomes: [],
  };
  const lines = summaryOf([results, other]);
  const text = lines.join('\n');
  t.match(text, /^Failures \(home-agent\)$/m, 'says whose they are');
  t.match(text, /^ +home-agent {6}foreign-agent$/m);
  t.match(text, /^4\.3-a +MUST +T {2}FAIL 2 +not observed$/m, 'one row a clause, a column a role');
  t.match(text, /^4\.3-b +MUST +T {2}FAIL 1 +-$/m, 'a clause that binds one of them');
  t.match(text, /^Not observed of the foreign-agent$/m);
  t.match(text, /^ {2}1-a \([A-Z]+\), 4\.3-a \(MUST\): /m, 'with the reason, and those of the same together');
  t.equal(lines.filter((line) => line.startsWith('Tests ')).length, 2);
  const order = [...text.matchAll(/^(\S+-[a-z]|B\d+) +(?:[A-Z]+)\b/gm)].map(([, id]) => id);
  t.same(
    order,
    ['1-a', '4.3-a', '4.3-b', '4.3-c', '4.3-d', '4.3-e', '4.3-f', '4.3-g', 'B1'],
    'in the order of the draft',
  );
});

t.test('coverage', async (t) => {
  const clause = (id: string, name: 'T' | 'TP' | 'O' | 'X') => ({ id, level: 'MUST' as const, class: name });
  const first: Covered = {
    role: 'home-agent',
    clauses: [
      { clause: clause('1-a', 'T'), verdict: 'FAIL' },
      { clause: clause('1-b', 'T'), verdict: 'NOT APPLICABLE', why: 'the ICS says no to: advertises' },
      { clause: clause('1-c', 'X'), verdict: 'not observed', why: 'the absence of a feature' },
      { clause: clause('1-d', 'O'), verdict: 'INFO' },
    ],
  };
  const second: Covered = { ...first, clauses: [{ clause: clause('1-b', 'T'), verdict: 'PASS' }] };
  const alone = coverage([first]);
  t.equal(alone.complete, false);
  t.match(alone.lines.join('\n'), /^ {2}class T {2}1 of 2 +50 % /m);
  t.match(alone.lines.join('\n'), /^ {2}home-agent +1-b +T +the ICS says no to: advertises$/m);
  const both = coverage([first, second]);
  t.equal(both.complete, true, 'what one run did not see another did; what cannot be seen is not missed');
  t.match(both.lines.join('\n'), /^ {2}class T {2}2 of 2 +100 % /m);
  t.notMatch(both.lines.join('\n'), /home-agent +1-b/);
});

t.test('what became of each clause', async (t) => {
  t.same(
    clauseRows(results).map(({ clause: { id }, verdict, tests }) => [id, verdict, tests]),
    [
      ['1-a', 'INFO', 1],
      ['4.3-a', 'FAIL', 2],
      ['4.3-b', 'FAIL', 1],
      ['4.3-c', 'WARN', 1],
      ['4.3-d', 'INCONCLUSIVE', 0],
      ['4.3-e', 'NOT APPLICABLE', 0],
      ['4.3-f', 'not observed', 0],
      ['4.3-g', 'not observed', 0],
      ['B1', 'not observed', 0],
    ],
  );
});

t.test('exit status', async (t) => {
  const status = (verdicts: Verdict[], incomplete?: string): number =>
    exitStatus({
      outcomes: verdicts.map((verdict, at) => outcome(`t${at}`, verdict)),
      ...(incomplete === undefined ? {} : { incomplete }),
    });
  t.equal(status(['PASS', 'INFO', 'NOT APPLICABLE']), 0);
  t.equal(status(['WARN']), 0);
  t.equal(status(['PASS', 'FAIL', 'ERROR']), 1);
  t.equal(status(['PASS', 'INCONCLUSIVE']), 2);
  t.equal(status(['PASS', 'ERROR']), 2);
  t.equal(status(['PASS'], 'broken off'), 2);
  t.equal(status(['FAIL'], 'broken off'), 1);
  t.equal(status([]), 3);
  t.equal(status(['INFO', 'NOT APPLICABLE']), 3);
});

const frames: CapturedFrame[] = Array.from({ length: 5 }, (_, n) => ({
  port: ['mn', 'cn'][n % 2] as string,
  timeNs: 1_700_000_000_123_456_789n + BigInt(n) * 1_000_001n,
  outgoing: n % 2 === 1,
  octets: Uint8Array.from({ length: 60 + n }, (_, at) =>
    at === 12 ? 8 : at === 13 ? 0 : at === 14 ? 0x45 : n,
  ),
}));
const capture = writePcapng(['mn', 'fa', 'cn', 'home'], frames, 'a comment: öü');

t.test('captures', async (t) => {
  t.same(readPcapng(capture, 'x'), frames, 'read back as written');
  t.same(readPcapng(writePcapng(['mn'], [], ''), 'x'), []);
  for (let length = 0; length < capture.length; length += 1) {
    try {
      const read = readPcapng(capture.subarray(0, length), 'cut.pcapng');
      t.same(read, frames.slice(0, read.length), `cut between two blocks at ${length}`);
    } catch (error) {
      if (!(error instanceof CaptureError) || !error.message.startsWith('cut.pcapng: ')) throw error;
    }
  }
  const noise = Buffer.from(capture);
  for (let at = 0; at < noise.length; at += 3) {
    noise[at] = (noise[at] ?? 0) ^ 0xff;
    try {
      readPcapng(noise, 'noise');
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
    }
    noise[at] = (noise[at] ?? 0) ^ 0xff;
  }
  t.equal(captureFile('ha-x/case@co-located'), 'captures/ha-x__case--co-located.pcapng');
});

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
t.test(
  'captures as tshark reads them',
  { skip: hasTshark ? false : 'tshark is not installed' },
  async (t) => {
    const file = join(folder, 'x.pcapng');
    writeFileSync(file, capture);
    const fields = ['frame.time_epoch', 'frame.interface_name', 'frame.len', 'frame.packet_flags_direction'];
    const { stdout } = spawnSync(
      'tshark',
      ['-r', file, '-T', 'fields', ...fields.flatMap((name) => ['-e', name])],
      { encoding: 'utf8' },
    );
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
    t.same(
      rows.map(([time, port, length]) => [time, port, length]),
      frames.map(({ port, timeNs, octets }) => [
        `${timeNs / 1_000_000_000n}.${(timeNs % 1_000_000_000n).toString().padStart(9, '0')}`,
        port,
        String(octets.length),
      ]),
    );
    t.same(
      rows.map((row) => Number(row[3])),
      frames.map(({ outgoing }) => (outgoing ? 2 : 1)),
    );
  },
);

t.test('results.json', async (t) => {
  writeResults(folder, results);
  const file = join(folder, 'results.json');
  t.same(readResults(file, '0.1.0'), { results, text: resultsText(results) });
  const refused = (change: (copy: { [key: string]: unknown }) => void, words: RegExp): void => {
    const copy = structuredClone(results) as unknown as { [key: string]: unknown };
    change(copy);
    writeFileSync(file, `${JSON.stringify(copy, null, 2)}\n`);
    t.throws(() => readResults(file, '0.1.0'), { code: 'BAD_RESULTS', message: words });
  };
  refused(
    (copy) => Object.assign(copy, { format: 'dsmip-conformance results 2' }),
    /format "dsmip-conformance results 2"/,
  );
  refused(
    (copy) => Object.assign(copy, { tool: '0.2.0' }),
    /written by version 0\.2\.0, and this is 0\.1\.0/,
  );
  refused((copy) => Object.assign(copy, { originNs: 'soon' }), /"originNs" is no number/);
  refused((copy) => Object.assign(copy, { clauses: 5 }), /"clauses" is not what it was/);
  refused((copy) => Object.assign(copy, { outcomes: [{}] }), /outcome 1 is not one/);
});

t.test('the tests that the progress line names', async (t) => {
  const device = (running: string[], done: string[] = []) => ({
    running,
    outcomes: new Map(done.map((id) => [id, {}])),
  });
  t.same(runningOf([device(['a', 'b', 'c', 'd', 'e'])]), ['b', 'c', 'd', 'e'], 'those that began last');
  t.same(runningOf([device(['a', 'b', 'c']), device([]), device(['x'])]), ['b', 'c', 'x'], 'of each device');
  t.same(runningOf([device(['a', 'b'], ['b']), device(['x'], ['x'])]), ['a'], 'nothing that is over');
});

t.test('text', async (t) => {
  t.same(labelled('ab ', 'one two three', 10), ['ab one two', '   three']);
  t.same(labelled('', 'a-word-that-is-too-long x', 5), ['a-word-that-is-too-long', 'x']);
  t.equal(cut('abcdefgh', 6), 'abc...');
  t.equal(progressText([], 10, [], 2), '0/10  2 s  setting up the bench');
  t.equal(
    progressText([{ verdict: 'PASS' }, { verdict: 'FAIL' }], 10, ['ha-x'], 3.4),
    '2/10  3 s  1 PASS 1 FAIL  running ha-x',
  );
});
