/** The guide is true: every command in it is run, every example of a vector is one, every command it speaks of is there. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import t from 'tap';
import { isolated } from '../net/index.ts';
import { loadLedger } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { draftSuite, suiteNamed } from '../vectors/suites.ts';
import { program } from './main.ts';
import type { Ran } from './testing/guide-probe.ts';

const docs = join(projectRoot, 'docs');
const pages = readdirSync(docs).filter((name) => name.endsWith('.md'));
const read = (name: string): string => readFileSync(join(docs, name), 'utf8');

/** Pages whose commands build on each other, in that order; then the others. */
const first = ['first-device.md', 'event.md', 'report.md', 'verdicts.md'];
const order = [...first, ...pages.filter((name) => !first.includes(name))];

/** The commands of the blocks marked `sh`, each a line; a backslash carries on. */
const commandsOf = (page: string): string[] =>
  [...page.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].flatMap(([, block = '']) =>
    block
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .map((line) => line.replace(/\s+#.*$/, '').trim())
      .filter((line) => line !== ''),
  );

/** Run by everything: it stands before the tests in README and .ci/run. */
const elsewhere = ['npm ci'];

/** What is not to end with 0: our own agent breaks a clause, a device is not as the profile of an example says. */
const others: { readonly [command: string]: number } = {
  'npx dsmip run --deviate home-agent/r0-tunnels-to-home-address --clause 4.3-i --role home-agent': 1,
  // The claims of the example are not those of the device.
  'sudo npx dsmip probe --iut devices/acme.json --write': 1,
};

t.test('every command of the guide', { timeout: 290_000 }, async (t) => {
  const down = 'sudo docs/examples/practice/network.sh down';
  const all = order
    .flatMap((name) => commandsOf(read(name)))
    .filter((command) => !elsewhere.includes(command));
  // The network is needed to the end.
  const commands = [...new Set([...all.filter((command) => command !== down), down])];
  const buildsOn = (command: string): boolean => /^sudo |devices|reports\/out/.test(command);
  const ran = await Promise.all([
    inOneWorld(commands.filter(buildsOn)),
    inOneWorld(commands.filter((command) => !buildsOn(command))),
  ]);
  for (const { command, status, seconds, output } of ran.flat()) {
    if (process.env.GUIDE_TIMES !== undefined) process.stderr.write(`${seconds.toFixed(1)} s  ${command}\n`);
    t.equal(status, others[command] ?? 0, command, { output: output.slice(-2000) });
  }
  t.equal(ran.flat().length, commands.length);
});

/** Commands, one after the other, and what became of them. */
async function inOneWorld(commands: readonly string[]): Promise<Ran[]> {
  const probe = fileURLToPath(new URL('./testing/guide-probe.ts', import.meta.url));
  const { command, args } = isolated([process.execPath, '--import', 'tsx', probe]);
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(commands));
  const watchdog = setTimeout(() => child.kill('SIGKILL'), 280_000);
  const said = await text(child.stdout);
  clearTimeout(watchdog);
  if (said === '') throw new Error(`not at the end in time: ${commands.join('; ')}`);
  return JSON.parse(said) as Ran[];
}

t.test('every command that it speaks of', async (t) => {
  const root = program();
  for (const name of [...pages.map((page) => join('docs', page)), 'README.md', 'CONTRIBUTING.md']) {
    const page = readFileSync(join(projectRoot, name), 'utf8');
    for (const [, words = ''] of page.matchAll(/(?:npx )?\bdsmip ((?:[a-z][\w-]*)(?: [^`\n#]*)?)/g)) {
      const [sub = '', ...rest] = words.split(/\s+/);
      const found = root.commands.find((one) => one.name() === sub);
      // "dsmip shows" is a sentence.
      if (found === undefined) {
        t.notMatch(rest.join(' '), /--/, `${name}: dsmip ${words}`);
        continue;
      }
      for (const [option] of rest.join(' ').matchAll(/--[a-z][a-z-]*/g))
        t.ok(optionsOf(found).includes(option), `${name}: dsmip ${sub} ${option}`);
    }
  }
});

const optionsOf = (command: Command): string[] => [
  '--help',
  ...command.options.map(({ long }) => long ?? ''),
  ...command.commands.flatMap(optionsOf),
];

t.test('its vector is one', async (t) => {
  const [, vector = ''] = /```json\n(\{\n {2}"id"[\s\S]*?)\n```/.exec(read('vector-language.md')) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'dsmip-guide-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const { directory } = suiteNamed(draftSuite);
  cpSync(directory, folder, { recursive: true });
  writeFileSync(join(folder, 'home-agent', 'guide.json'), vector);
  const { tests } = loadVectors({ ledger: loadLedger(directory), directory: folder });
  t.ok(tests.some(({ id }) => id === 'ha-guide-example@co-located'));
});

t.test('its links lead somewhere', async (t) => {
  for (const name of pages)
    for (const [, target = ''] of read(name).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g))
      t.doesNotThrow(
        () => readdirSync(dirname(join(docs, target))).includes(target.replace(/.*\//, '')),
        `${name}: ${target}`,
      );
});
