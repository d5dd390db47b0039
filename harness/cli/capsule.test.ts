/** A capsule as a vendor gets it: what is in it, what is not, and that its script shows the failure again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { strFromU8, unzipSync } from 'fflate';
import t from 'tap';
import { capsule } from '../../reports/capsule/capsule.ts';
import { readRun } from '../../reports/model/run.ts';
import { hostileResults, writeSampleRun } from '../../reports/testing/samples.ts';
import { isolated } from '../net/index.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { toHex } from '../wire/index.ts';
import { capsuleCommand } from './capsule.ts';
import { dsmip } from './testing/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-capsule-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const deviation = 'home-agent/r0-tunnels-to-home-address';
const id = 'ha-mode-change/r1-to-r0@co-located';

/** Write the files of a zip below the folder; gives their texts by name without the folder within. */
function unpacked(octets: Uint8Array, name: string): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [path, content] of Object.entries(unzipSync(octets))) {
    const file = join(folder, name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    texts.set(path.split('/').slice(1).join('/'), strFromU8(content, true));
  }
  return texts;
}

const probe = fileURLToPath(new URL('./testing/replay-probe.ts', import.meta.url));

/** What comes when a script is run against a reference agent. */
function played(...args: string[]): string {
  const { command, args: all } = isolated([process.execPath, '--import', 'tsx', probe, ...args]);
  return execFileSync(command, all, { encoding: 'utf8', timeout: 50_000 }).split('Came now')[1] ?? '';
}

t.test('the capsule of a failure, played again', async (t) => {
  const out = join(folder, 'run');
  const { status, output } = await dsmip(
    'run',
    '--vector',
    id,
    '--deviate',
    deviation,
    '--out',
    out,
    '--report',
    'text',
  );
  t.equal(status, 1, output);
  const zip = join(folder, 'x.zip');
  capsuleCommand(out, 'ha-mode-change', { out: zip });
  const octets = readFileSync(zip);
  const files = unpacked(octets, 'capsule');
  t.same([...files.keys()].sort(), [
    'README.md',
    'capture.pcapng',
    'dsmip.lua',
    'outcome.json',
    'replay.py',
    'vector.json',
  ]);
  t.ok(
    Object.keys(unzipSync(octets)).every((path) => path.startsWith('ha-mode-change__r1-to-r0--co-located/')),
  );
  const readme = files.get('README.md') ?? '';
  for (const words of [
    /^# `ha-mode-change\/r1-to-r0@co-located`: FAIL$/m,
    /4\.3-b \(MUST; section 4\.3, lines 391-394/,
    /Differs: {2}ipv4\.protocol: expected 41, actual 4/,
    /A39, in force settled/,
    /^ {4}#\d+ \d+\.\d +\|<=+\| FAIL/m,
    /^ {4} +\d+ {2}extensions\[1\]\.ipv6HomeAddress\.address 2001:db8:1::/m,
  ])
    t.match(readme, words);
  t.match(JSON.parse(files.get('outcome.json') ?? ''), { test: { id, verdict: 'FAIL' } });
  t.notMatch(files.get('outcome.json'), /harness\/bench/, 'not where the profile lies');
  const second = join(folder, 'y.zip');
  capsuleCommand(out, id, { out: second });
  t.ok(readFileSync(second).equals(octets), 'the same test gives the same octets');
  const { mobileNodes } = loadProfile(join(projectRoot, 'harness/bench/lab/home-agent.profile.json'));
  const all = [...files.values()].join('\n');
  for (const { association } of mobileNodes.slice(0, 200)) {
    const key = Buffer.from(association.key);
    if (all.includes(toHex(association.key)) || all.includes(key.toString('latin1')))
      t.fail('a key is in it');
  }
  t.throws(() => capsuleCommand(out, id, { out: zip }), { code: 'USAGE', message: /is there already/ });
  t.throws(() => capsuleCommand(out, 'ha-mode-chance', {}), {
    code: 'USAGE',
    message: /is no test of this run/,
  });

  const script = join(folder, 'capsule/ha-mode-change__r1-to-r0--co-located/replay.py');
  const told = execFileSync('python3', [script], { encoding: 'utf8' });
  t.match(told, /It sends:\n +0\.0 ms {2}at mn/);
  t.match(told, /Keys that it needs for fresh authenticators, by SPI: \d+, \d+/);
  t.match(told, /--port cn=DEVICE --port mn=DEVICE/);
  const wrong = played('home-agent', script, deviation);
  t.equal(
    wrong.match(/registration reply code 0/g)?.length,
    5,
    'the registrations are accepted: fresh, and with right authenticators',
  );
  t.match(
    wrong,
    /mn +IPv4 10\.1\.0\.1 > 10\.10\.\S+ protocol 4 \/ IPv4 10\.1\.0\.1 > 10\.1\.1\.\d+ protocol 41 \/ IPv6/,
    'the wrong tunnel',
  );
  const right = played('home-agent', script);
  t.notMatch(right, /protocol 4 \/ IPv4/);
  t.equal(right.match(/protocol 41 \/ IPv6/g)?.length, 2, 'and without the deviation the right one');
});

t.test('a foreign agent is asked and answered anew', async (t) => {
  const out = join(folder, 'relay');
  const relay = 'fa-relay-deliver/plain@visited-link';
  const { status, output } = await dsmip('run', '--vector', relay, '--out', out, '--report', 'text');
  t.equal(status, 0, output);
  const zip = join(folder, 'relay.zip');
  capsuleCommand(out, relay, { out: zip });
  unpacked(readFileSync(zip), 'relayed');
  const script = join(folder, 'relayed/fa-relay-deliver__plain--visited-link/replay.py');
  const came = played('foreign-agent', script);
  t.equal(came.match(/ha +IPv4 10\.9\.0\.2 > 10\.8\.0\.2 .* registration request/g)?.length, 3, 'it relays');
  t.equal(came.match(/mn +IPv4 .* registration reply code 0/g)?.length, 2, 'the replies fit what it relayed');
});

t.test('hostile results', async (t) => {
  const own = join(folder, 'hostile');
  writeSampleRun(own, hostileResults());
  const { devices } = readRun(own);
  for (const device of devices)
    for (const [n, test] of device.results.outcomes.entries()) {
      const octets = capsule({
        device,
        test,
        vector: '{}',
        verifies: () => undefined,
        algorithms: {},
        nonces: [],
      });
      const paths = Object.keys(unzipSync(octets));
      t.ok(
        paths.every((path) => /^[\w.-]+\/[\w.-]+$/.test(path)),
        paths.join(' '),
      );
      const texts = unpacked(octets, `hostile-${n}`);
      t.notMatch(texts.get('README.md'), /[^\x20-\x7e\n]/);
      const script = join(folder, `hostile-${n}`, paths.find((path) => path.endsWith('replay.py')) ?? '');
      t.match(execFileSync('python3', [script], { encoding: 'utf8' }), /It sends:/, 'the script runs');
    }
});
