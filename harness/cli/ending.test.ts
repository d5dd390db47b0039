/** Every way a run can end before its time: nothing is left behind, and no device is blamed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import type { Results } from '../../reports/model/results.ts';
import { asLine, onLines } from '../../reports/runner/lines.ts';
import type { ServerMessage } from '../../reports/runner/request.ts';
import { isolated } from '../net/index.ts';
import { projectRoot } from '../vectors/load.ts';
import { benchesOf } from './request.ts';
import { type Member, members, startDsmip, until } from './testing/command.ts';

t.setTimeout(300_000);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-ending-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

interface Ending {
  status: number | string;
  output: string;
  results: Results;
}

const memberOf = (out: string, pattern: RegExp): Member | undefined =>
  members(out).find(({ command }) => pattern.test(command));

/** The whole suite under way, some of it judged; then `strike`, and what became of it. */
async function struck(name: string, strike: (out: string, dsmip: number) => void): Promise<Ending> {
  const out = join(folder, name);
  const run = startDsmip('run', '--role', 'home-agent', '--suite', 'draft', '--out', out);
  await until('some tests are judged', () => {
    const log = join(out, 'run.log');
    return existsSync(log) && /PASS/.test(readFileSync(log, 'utf8'));
  });
  strike(out, run.child.pid ?? 0);
  const status = await run.ended;
  await until(`every process of ${name} has ended`, () => members(out).length === 0);
  const results = await until('there are results', () => {
    const file = join(out, 'results.json');
    return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as Results);
  });
  return { status, output: run.output(), results };
}

/** Nothing failed that was not judged, and every outcome there is stands. */
function checkPartial(t: Test, { results }: Ending): void {
  const verdicts = new Set(results.outcomes.map(({ verdict }) => verdict));
  t.notOk(verdicts.has('FAIL'), 'no FAIL');
  t.notOk(verdicts.has('WARN'), 'no WARN');
  t.ok(
    results.outcomes.some(({ verdict }) => verdict === 'PASS'),
    'what was judged is there',
  );
}

const worlds = (): string[] => readdirSync('/sys/class/net').sort();
const before = worlds();

t.test('Ctrl-C', async (t) => {
  const ending = await struck('interrupt', (_out, dsmip) => process.kill(-dsmip, 'SIGINT'));
  t.equal(ending.status, 2, ending.output);
  checkPartial(t, ending);
  t.match(ending.results, { incomplete: /broken off/ });
  t.ok((ending.results.notRun?.length ?? 0) > 0, 'what was not run is named');
  const left = readdirSync(join(folder, 'interrupt')).filter((name) => name.endsWith('.jsonl'));
  t.same(left, [], 'no outcome came behind the results');
  t.match(ending.output, /Incomplete: it was broken off/);
});

t.test('kill -9 of dsmip', async (t) => {
  const ending = await struck('killed', (_out, dsmip) => process.kill(dsmip, 'SIGKILL'));
  t.equal(ending.status, 'SIGKILL');
  checkPartial(t, ending);
  t.ok(ending.results.incomplete);
});

t.test('kill -9 of the test runner', async (t) => {
  const ending = await struck('runner', (out) => {
    const runner = memberOf(out, /cli\.js test/);
    if (runner === undefined) throw new Error('no test runner');
    process.kill(runner.pid, 'SIGKILL');
  });
  t.equal(ending.status, 2, ending.output);
  checkPartial(t, ending);
  t.match(ending.results, { incomplete: 'the program that ran the tests is gone' });
  t.match(ending.output, /the test runner was ended; what was found until then is in/);
});

t.test('kill -9 of the device', async (t) => {
  const ending = await struck('device', (out) => {
    const agent = memberOf(out, /agent home-agent/);
    if (agent === undefined) throw new Error('no agent');
    process.kill(agent.pid, 'SIGKILL');
  });
  t.equal(ending.status, 2, ending.output);
  checkPartial(t, ending);
  t.notOk(ending.results.incomplete, 'the run is whole');
  const gone = ending.results.outcomes.filter(({ verdict }) => verdict === 'INCONCLUSIVE');
  t.ok(gone.length > 0);
  t.ok(
    gone.every(({ reason }) => reason === 'the home-agent ended (SIGKILL)'),
    'each says why',
  );
});

t.test('kill -9 of the bench server', async (t) => {
  const ending = await struck('server', (out) => {
    const server = members(out).find(
      ({ command }) => / bench-server$/.test(command) && !command.startsWith('unshare'),
    );
    if (server === undefined) throw new Error('no bench server');
    process.kill(server.pid, 'SIGKILL');
  });
  t.equal(ending.status, 2, ending.output);
  checkPartial(t, ending);
  t.match(ending.results, { incomplete: /^the bench server ended/ });
  t.match(ending.output, /Incomplete: the bench server ended/);
});

/** A bench server that waits for an operator before its first test; `strike` ends it. */
async function struckWhileAsking(
  name: string,
  strike: (server: Member, input: NodeJS.WritableStream) => void,
): Promise<{ said: ServerMessage[]; status: number | null }> {
  const lab = join(projectRoot, 'harness/bench/lab');
  const { $schema: _schema, ...profile } = JSON.parse(
    readFileSync(join(lab, 'mobile-node.profile.json'), 'utf8'),
  );
  profile.ixit.mobileNodes = [{ ...profile.ixit.mobileNodes[0], count: 1 }];
  const file = join(folder, `${name}.json`);
  const bench = { ports: { link: { device: 'lo' } }, hooks: { restart: { ask: 'Switch it on' } } };
  writeFileSync(file, JSON.stringify({ ...profile, bench }));
  const out = join(folder, name);
  const server = [process.execPath, join(projectRoot, 'harness/cli/dsmip.mjs'), 'bench-server'];
  const { command, args } = isolated(['sh', '-c', 'ip link set lo up && exec "$0" "$@"', ...server]);
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, DSMIP_TEST_MARK: out },
  });
  const said: ServerMessage[] = [];
  onLines(child.stdout, (line) => said.push(JSON.parse(line)));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const request = {
    strict: false,
    start: new Date().toISOString(),
    interactive: true,
    readings: {},
    selection: {},
    reporters: [],
  };
  const benches = benchesOf(file);
  const tests = ['mn-a-clear-tunnel@behind-foreign-agent'];
  child.stdin.write(asLine({ request: { ...request, benches }, bench: benches[0], folder: out, tests }));
  await until('the operator is asked', () => said.some(({ type }) => type === 'ask'));
  const member = members(out).find((one) => one.command.startsWith(process.execPath));
  if (member === undefined) throw new Error('no bench server');
  strike(member, child.stdin);
  return { said, status: await ended };
}

t.test('an operator who never answers', async (t) => {
  const cases: [string, RegExp, (server: Member, input: NodeJS.WritableStream) => void][] = [
    ['terminated', /ended by SIGTERM/, ({ pid }) => process.kill(pid, 'SIGTERM')],
    ['orphaned', /program that ran the tests is gone/, (_server, input) => input.end()],
  ];
  for (const [name, words, strike] of cases) {
    const { said, status } = await struckWhileAsking(name, strike);
    t.equal(status, 0, name);
    t.match(said.at(-1), { type: 'end', incomplete: words }, 'the server ends and says why');
    t.notOk(said.some(({ type }) => type === 'outcome'));
  }
});

t.test('an operator who is asked when all is judged', async (t) => {
  const probe = join(projectRoot, 'harness/cli/testing/asked-probe.ts');
  for (const does of ['answers', 'goes']) {
    const { command, args } = isolated([process.execPath, '--import', 'tsx', probe, does]);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const watchdog = setTimeout(() => child.kill('SIGKILL'), 60_000);
    const said = JSON.parse(await text(child.stdout)) as ServerMessage[];
    clearTimeout(watchdog);
    const end = said.at(-1);
    t.equal(said.filter(({ type }) => type === 'ask').length, 2, does);
    if (end?.type !== 'end') throw new Error(`the run did not end: ${JSON.stringify(end)}`);
    t.notOk(end.incomplete, 'the run is whole');
    const isPutBack = !end.findings.some((words) => /could not be told to treat mn1@/.test(words));
    t.equal(isPutBack, does === 'answers', 'the report says how the device was left');
  }
});

t.same(worlds(), before, 'no device is left behind');
