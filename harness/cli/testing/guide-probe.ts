/**
 * Runs the commands of the guide, one after the other, in a private world with a /run of its own: what they build and change is gone
 * afterwards. Takes the commands as JSON on standard input, writes what became of each as JSON.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { mountPrivateRun } from '../../net/index.ts';
import { projectRoot } from '../../vectors/load.ts';

export interface Ran {
  command: string;
  status: number | null;
  seconds: number;
  output: string;
}

const boundMs = 120_000;
/** Of what a command says, the end. */
const mostOutput = 3000;
const program = join(projectRoot, 'harness/cli/dsmip.mjs');

const commands = JSON.parse(await text(process.stdin)) as string[];
// Our own, so that namespaces can be named; the labs within get theirs.
mountPrivateRun();
const folder = mkdtempSync(join(tmpdir(), 'dsmip-guide-'));
symlinkSync(join(projectRoot, 'docs'), join(folder, 'docs'));
mkdirSync(join(folder, 'reports/out'), { recursive: true });
const background: ChildProcess[] = [];
const ran: Ran[] = [];
const env = { ...process.env, XDG_STATE_HOME: join(folder, 'state'), NO_COLOR: '1' };
try {
  for (const command of commands) {
    // Here everybody is root, and the program is at hand.
    const given = command
      .replace(/^sudo /, '')
      .replaceAll('npx dsmip', `${process.execPath} ${program}`)
      .replace(/ &$/, '');
    const started = performance.now();
    const done = (status: number | null, output: string): void => {
      ran.push({ command, status, output, seconds: (performance.now() - started) / 1000 });
    };
    if (command.endsWith(' &')) {
      const child = spawn('bash', ['-c', `exec ${given}`], {
        cwd: folder,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      background.push(child);
      // An agent says when it is ready.
      await new Promise((resolve) => {
        child.stdout?.once('data', resolve);
        child.once('close', resolve);
        setTimeout(resolve, 20_000).unref();
      });
      child.stdout?.resume();
      done(child.exitCode ?? 0, '');
      continue;
    }
    const { status, stdout, stderr } = spawnSync('bash', ['-c', given], {
      cwd: folder,
      env,
      encoding: 'utf8',
      timeout: boundMs,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    done(status, `${stdout}${stderr}`.slice(-mostOutput));
  }
} finally {
  for (const child of background) child.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
// What is in a pipe is lost by an exit.
process.stdout.write(JSON.stringify(ran), () => process.exit(0));
