/** Somebody else's device on a seat of a scenario, and hooks of devices of somebody else's. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Outcome } from '../engine/outcome.ts';
import { isolated } from '../net/index.ts';
import { Mover, runHook } from './hooks.ts';

const probe = fileURLToPath(new URL('./seats-probe.ts', import.meta.url));

t.test('a home agent that the harness did not start', { timeout: 120_000 }, async (t) => {
  const { command, args } = isolated([process.execPath, '--import', 'tsx', probe]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), 110_000);
  t.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
  clearTimeout(watchdog);
  const { right, wrong } = JSON.parse(text) as { right: Outcome[]; wrong: Outcome[] };
  const verdicts = (all: Outcome[]): object =>
    Object.fromEntries(all.map(({ id, verdict }) => [id.replace('@beside', ''), verdict]));
  t.same(verdicts(right), {
    'sc-co-located': 'NOT APPLICABLE',
    'sc-foreign-agent-full': 'PASS',
    'sc-foreign-agent-limited-tcp': 'PASS',
  });
  t.same(verdicts(wrong), {
    'sc-co-located': 'NOT APPLICABLE',
    'sc-foreign-agent-full': 'WARN',
    'sc-foreign-agent-limited-tcp': 'WARN',
  });
  const blamed = wrong.flatMap(({ judgements }) =>
    judgements.filter(({ verdict }) => verdict === 'WARN').map(({ clause }) => clause),
  );
  t.same(blamed, ['5.1.1-g', '5.1.2-g'], 'the home agent is blamed, and it alone');
});

t.test('hooks', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'dsmip-hooks-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'told');
  const values = { mobileNode: 'mn1@example.net; rm -rf /', network: 'visited' };
  const hook = (name: 'restart' | 'move', hooks: object, ask?: (question: string) => Promise<void>) =>
    runHook({ hooks }, name, values, ask);
  await hook('move', {
    move: [
      process.execPath,
      '-e',
      `require('fs').writeFileSync(process.argv[1], process.argv[2])`,
      file,
      '{mobileNode} to {network} {other}',
    ],
  });
  t.equal(readFileSync(file, 'utf8'), 'mn1@example.net; rm -rf / to visited {other}', 'words stay words');
  await t.rejects(hook('restart', {}), { code: 'HOOK_MISSING' });
  await t.rejects(hook('restart', { restart: { ask: 'Restart it' } }), { message: /--interactive/ });
  const asked: string[] = [];
  await hook('move', { move: { ask: 'Put {mobileNode} on {network}' } }, async (question) => {
    asked.push(question);
  });
  t.same(asked, ['Put mn1@example.net; rm -rf / on visited']);
  await t.rejects(
    hook('restart', { restart: [process.execPath, '-e', 'console.error("no such box"); process.exit(3)'] }),
    {
      message: 'the hook "restart" failed: no such box',
    },
  );
  await t.rejects(hook('restart', { restart: [join(folder, 'nothing')] }), {
    message: /^the hook "restart" failed: .*ENOENT/,
  });
});

t.test('moves by a hook', async (t) => {
  const moved: string[] = [];
  const mover = new Mover(async (network, mobileNode) => {
    moved.push(`${mobileNode} ${network}`);
    if (network === 'nowhere') throw new Error('no such network');
  });
  const asked = async (network: string, mobileNode = 0): Promise<string[]> => {
    await mover.move(network, mobileNode);
    return moved.splice(0);
  };
  t.same(await asked('home'), ['0 home'], 'where it was before nobody knows');
  t.same(await asked('home'), [], 'it is there already');
  t.same(await asked('home', 1), ['1 home'], 'each on its own');
  t.same(await asked('visited'), ['0 visited']);
  t.same(await asked('home'), ['0 home']);
  await t.rejects(asked('nowhere'));
  moved.length = 0;
  t.same(await asked('home'), ['0 home'], 'after a failure nobody knows');
  mover.unplug();
  t.same(await asked('home'), ['0 home']);
});
