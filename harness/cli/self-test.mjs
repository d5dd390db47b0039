#!/usr/bin/env node
/*
 * npm test: everything that can be checked of this project, step by step; details of a step only when it failed. The last line is
 * "N passed, N failed", a sum of what the steps count: files, assertions, tests of the suite, deviations.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dsmip = join(root, 'harness/cli/dsmip.mjs');
const bin = (name) => join(root, 'node_modules/.bin', name);
const boundMs = 8 * 60_000;
const sum = { passed: 0, failed: 0 };
const running = new Set();

for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
]) {
  process.on(signal, () => {
    for (const child of running) child.kill('SIGTERM');
    console.log(`${sum.passed} passed, ${sum.failed + 1} failed`);
    process.exit(128 + number);
  });
}

/** Run a program; what it wrote and how it ended. Everything is bounded. */
function run(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ...env },
    });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
      });
    }
    const timer = setTimeout(() => {
      output += `\nended after ${boundMs / 1000} s\n`;
      child.kill('SIGKILL');
    }, boundMs);
    const done = (status) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ status, output });
    };
    child.on('error', (error) => {
      output += error.message;
      done(1);
    });
    child.on('close', (status) => done(status ?? 1));
  });
}

/** One step: its name and time, its counts, and what went wrong. */
async function step(name, work) {
  const start = Date.now();
  let result;
  try {
    result = await work();
  } catch (error) {
    result = { passed: 0, failed: 1, details: String(error?.stack ?? error) };
  }
  sum.passed += result.passed;
  sum.failed += result.failed;
  const seconds = ((Date.now() - start) / 1000).toFixed(1).padStart(6);
  console.log(
    `${result.failed === 0 ? 'ok    ' : 'FAILED'} ${seconds} s  ${name}: ${result.passed} passed, ${result.failed} failed`,
  );
  if (result.failed > 0) console.log(result.details.trimEnd().replace(/^/gm, '    '));
}

/** A program that succeeds or not. */
async function single(command, args) {
  const { status, output } = await run(command, args);
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1, details: output };
}

function testFiles(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return entry.name === 'node_modules' || path === 'reports/out' ? [] : testFiles(path);
    return entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

/** One file of tap tests, by itself: its assertions are counted from its last line. */
async function tapFile(file) {
  const { status, output } = await run(process.execPath, ['--import', 'tsx', file], {
    TAP_BAIL: '0',
    // A bound on what hangs; slow machines are none.
    TAP_TIMEOUT: '300',
  });
  const counts = /^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?/m.exec(output);
  const passed = Number(counts?.[2] ?? 0);
  const failed = Number(counts?.[3] ?? 0) || (status === 0 && counts !== null ? 0 : 1);
  return { passed, failed, details: failed === 0 ? '' : `${file}\n${notOk(output)}` };
}

/** The parts of TAP output that say what failed; all of it when there are none. */
function notOk(output) {
  const lines = output.split('\n');
  const kept = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (!/^\s*not ok/.test(lines[at])) continue;
    kept.push(...lines.slice(at, at + 40));
    at += 39;
  }
  return (kept.length > 0 ? kept : lines.slice(-60)).join('\n');
}

/** The files that take longest, longest first. */
const long = [
  'cli/guide',
  'cli/run',
  'cli/ending',
  'cli/usage',
  'cli/capsule',
  'cli/patience',
  'bench/stand-ins',
  'bench/links',
  'bench/patience',
  'bench/doctor',
  'bench/seats',
].map((name) => `harness/${name}.test.ts`);

/** Six at a time, as the long ones mostly wait; those begin first. */
async function tapFiles(files) {
  const queue = [
    ...long.filter((file) => files.includes(file)),
    ...files.filter((file) => !long.includes(file)),
  ];
  const results = [];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift())
      results.push(await tapFile(file));
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  return total(results);
}

const total = (results) => ({
  passed: results.reduce((count, { passed }) => count + passed, 0),
  failed: results.reduce((count, { failed }) => count + failed, 0),
  details: results
    .map(({ details }) => details ?? '')
    .filter((text) => text !== '')
    .join('\n'),
});

/** Every suite and the scenarios, as npm start runs them: each test has to pass, be recorded or not apply, and be judged again alike. */
async function suites(folder) {
  const { status, output } = await run(process.execPath, [dsmip, 'run', '--out', folder]);
  if (!existsSync(folder)) return { passed: 0, failed: 1, details: output };
  const files = readdirSync(folder).map((name) => join(folder, name, 'results.json'));
  const outcomes = files
    .filter(existsSync)
    .flatMap((file) => JSON.parse(readFileSync(file, 'utf8')).outcomes);
  const good = outcomes.filter(({ verdict }) => ['PASS', 'INFO', 'NOT APPLICABLE'].includes(verdict)).length;
  const failed = outcomes.length - good;
  return { passed: good, failed: failed === 0 && status !== 0 ? 1 : failed, details: output };
}

/** The kill matrix prints, last, how many deviations were caught as named and how many not. */
async function killMatrix() {
  const { status, output } = await run(process.execPath, [
    dsmip,
    'kill-matrix',
    '--sample',
    '20',
    '--labs',
    '16',
  ]);
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(output);
  const passed = Number(counts?.[1] ?? 0);
  const failed = Number(counts?.[2] ?? 0) || (status === 0 ? 0 : 1);
  return { passed: counts === null && status === 0 ? 1 : passed, failed, details: output };
}

if (!existsSync(bin('tsc'))) {
  console.log('its packages are not installed: run "npm ci" in the project folder first');
  console.log('0 passed, 1 failed');
  process.exit(1);
}
const imports = join('harness/cli', 'imports.test.ts');
const units = ['harness', 'reports', 'suites']
  .flatMap(testFiles)
  .map((file) => relative('', file))
  .filter((file) => file !== imports);
await step('lint', () => single(bin('biome'), ['check', '--error-on-warnings', '.']));
await step('types', () => single(bin('tsc'), ['--noEmit']));
await step('import directions', () => tapFile(imports));
await step('data files', () => single(process.execPath, [dsmip, 'validate']));
await step(`unit tests (${units.length} files)`, () => tapFiles(units));
const folder = mkdtempSync(join(tmpdir(), 'dsmip-suites-'));
try {
  const out = join(folder, 'report');
  await step('suites and scenarios', () => suites(out));
  await step('the same, judged again', () => single(process.execPath, [dsmip, 'rejudge', out]));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
await step('coverage of the ledger', () => single(process.execPath, [dsmip, 'coverage']));
await step('kill matrix', killMatrix);
console.log(`${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 ? 0 : 1;
