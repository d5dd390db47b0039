/** From results to reports: golden summary, exit statuses, captures that others can read. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Verdict } from '../harness/engine/outcome.ts';
import { type CapturedFrame, CaptureError, readPcapng, writePcapng } from './evidence/pcapng.ts';
import { readResults } from './model/read-results.ts';
import { captureFile, exitStatus, type Results, resultsText, withOutcomes } from './model/results.ts';
import { writeResults } from './model/write-results.ts';
import { progressText, runningOf } from './runner/progress.ts';
import { outcome, sampleResults as results } from './testing/samples.ts';
import { type Covered, coverage } from './text/coverage.ts';
import { cut, labelled } from './text/layout.ts';
import { summary, summaryOf } from './text/summary.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-reports-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

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
  const clauses = results.clauses.slice(0, 2);
  const other = withOutcomes({ ...results, role: 'foreign-agent', clauses }, []);
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
    results.clauses.map(({ id, state }) => [id, state.verdict, state.tests.length]),
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
  const written = readFileSync(file, 'utf8');
  t.same(readResults(file, '0.1.0'), { results, text: resultsText(results) });
  t.same(readResults(file), { results, text: written }, 'of any version of this format');
  const refused = (text: string, words: RegExp, version?: string): void => {
    writeFileSync(file, text);
    t.throws(() => readResults(file, version), { code: 'BAD_RESULTS', message: words });
  };
  refused('', /not JSON/);
  refused('{}', /holds no results/);
  refused(
    '{"format": "dsmip-conformance results 1"}',
    /format "dsmip-conformance results 1".*use the version/,
  );
  refused(written, /written by version 0\.1\.0, and this is 0\.2\.0/, '0.2.0');
  for (const cut of [written.length - 1, written.length >> 1]) refused(written.slice(0, cut), /cut short/);
  refused(written.replace('"verdict":"FAIL"', '"verdict":"PASS"'), /was changed after it was written/);
  refused(JSON.stringify(JSON.parse(written)), /was changed after it was written/);
  // Whoever writes a digest of their own has still to write what follows from the tests.
  const forged = (change: (copy: Results) => void, words: RegExp): void => {
    const copy = structuredClone(results);
    change(copy);
    refused(resultsText(copy), words);
  };
  forged((copy) => Object.assign(copy, { originNs: 'soon' }), /schema: originNs: /);
  forged((copy) => Object.assign(copy, { clauses: 5 }), /schema: clauses: /);
  forged((copy) => Object.assign(copy, { extra: 1 }), /schema: .*extra/);
  forged((copy) => Object.assign(copy, { outcomes: [{}] }), /schema: outcomes\[0\]/);
  rmSync(file);
  symlinkSync('/dev/zero', file);
  t.throws(() => readResults(file), { code: 'BAD_RESULTS', message: /no regular file/ });
  rmSync(file);
  forged(({ outcomes }) => outcomes.splice(1, 1), /says of clause 4\.3-a what does not follow/);
  forged(({ totals }) => Object.assign(totals.tests, { PASS: 99 }), /has totals that do not follow/);
  t.same(withOutcomes(results, results.outcomes), results);
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
