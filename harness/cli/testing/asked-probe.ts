/**
 * A run of one test whose operator is asked before it and, to put the device back, at the end; run in a private world by ending.test.ts.
 * Takes what the operator does then, "answers" or "goes"; writes what the bench server said, as JSON.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asLine, onLines } from '../../../reports/runner/lines.ts';
import type { RunRequest, ServerMessage } from '../../../reports/runner/request.ts';
import { startAgent } from '../../bench/agent-process.ts';
import { buildLab } from '../../bench/lab.ts';
import { foreignAgentLab } from '../../bench/topologies.ts';
import { projectRoot } from '../../vectors/load.ts';
import { benchesOf } from '../request.ts';

const goes = process.argv[2] === 'goes';
const role = 'foreign-agent';
const labFolder = join(projectRoot, 'harness/bench/lab');
const folder = mkdtempSync(join(tmpdir(), 'dsmip-asked-'));
const lab = buildLab(foreignAgentLab, 1);
const device = await startAgent(lab.path('iut'), {
  role,
  configuration: join(labFolder, `${role}.config.json`),
});

const standard = JSON.parse(readFileSync(join(labFolder, `${role}.profile.json`), 'utf8'));
const { $schema: _schema, ...profile } = standard;
profile.ixit.mobileNodes = [{ ...profile.ixit.mobileNodes[0], count: 1 }];
profile.ixit.requestsPerSecond = { perMobileNode: 50, overall: 50 };
const port = (name: string, link: string): object => ({ namespace: lab.path(name), device: link });
const ports = { mn: port('mn', 'visited0'), ha: port('ha', 'ha0'), cn: port('cn', 'cn0') };
const hooks = { reconfigure: { ask: 'Have it treat {mobileNode} by {setting}' } };
const file = join(folder, 'profile.json');
writeFileSync(file, JSON.stringify({ ...profile, bench: { ports, hooks } }));

const benches = benchesOf(file, ['draft']);
const request: RunRequest = {
  benches,
  strict: false,
  start: new Date().toISOString(),
  interactive: true,
  readings: {},
  selection: {},
  formats: [],
  reporters: [],
};
const server = spawn(process.execPath, [join(projectRoot, 'harness/cli/dsmip.mjs'), 'bench-server'], {
  stdio: ['pipe', 'pipe', 'inherit'],
});
const said: ServerMessage[] = [];
let isJudged = false;
onLines(server.stdout, (line) => {
  const message = JSON.parse(line) as ServerMessage;
  if (message.type === 'alive') return;
  said.push(message);
  // As the reporter does when it has every outcome.
  if (message.type === 'outcome') server.stdin.write(asLine({ finish: 'all tests were reported' }));
  if (message.type === 'ask' && isJudged && goes) server.stdin.end();
  else if (message.type === 'ask') server.stdin.write(asLine({ done: true }));
  if (message.type === 'outcome') isJudged = true;
});
const tests = ['fa-relay-ignore/plain@visited-link'];
server.stdin.write(asLine({ request, bench: benches[0], folder: join(folder, 'out'), tests }));
await new Promise((resolve) => server.once('close', resolve));
await device.stop();
lab.close();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(JSON.stringify(said));
