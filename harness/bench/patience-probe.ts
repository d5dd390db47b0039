/**
 * A device whose every answer comes two seconds late, on links that are there: run in a private world by patience.test.ts. Arguments:
 * role, delay in ms, number of mobile nodes of each kind, and the tests (a regular expression). Writes what it found as one JSON object.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadLedger } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { startAgent } from './agent-process.ts';
import { startConductor, waitsOf } from './conduct.ts';
import { buildLab } from './lab.ts';
import { SlowLink, spliced } from './testing/slow-link.ts';
import { foreignAgentLab, homeAgentLab } from './topologies.ts';

const [role = 'home-agent', delayMs = '2000', count = '', wanted = '.', rate = '1'] = process.argv.slice(2);
if (role !== 'home-agent' && role !== 'foreign-agent') throw new Error(`no lab of a ${role}`);
const isHomeAgent = role === 'home-agent';
const topology = isHomeAgent
  ? spliced(homeAgentLab, 'iut', 'core0')
  : spliced(foreignAgentLab, 'iut', 'visited0');
const lab = buildLab(topology, 1);
const slow = new SlowLink(
  { namespace: lab.path('slow'), device: 'near0' },
  { namespace: lab.path('slow'), device: 'far0' },
  Number(delayMs),
);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-patience-'));
const labFolder = join(projectRoot, 'harness/bench/lab');
const { $schema: _schema, ...profile } = JSON.parse(
  readFileSync(join(labFolder, `${role}.profile.json`), 'utf8'),
);
const port = (name: string, device: string): object => ({ namespace: lab.path(name), device });
const ports = isHomeAgent
  ? { mn: port('mn', 'mn0'), fa: port('fa', 'fa0'), cn: port('cn', 'cn0'), home: port('home', 'home0') }
  : { mn: port('mn', 'visited0'), ha: port('ha', 'ha0'), cn: port('cn', 'cn0') };
if (count !== '') for (const node of profile.ixit.mobileNodes) node.count = Number(count);
if (rate !== '1') profile.ixit.requestsPerSecond = { perMobileNode: Number(rate), overall: Number(rate) };
writeFileSync(join(folder, 'profile.json'), JSON.stringify({ ...profile, bench: { ports } }));

const ledger = loadLedger();
const tests = loadVectors({ ledger }).tests.filter(
  (test) => test.role === role && new RegExp(wanted).test(test.id),
);
const agent = await startAgent(lab.path('iut'), {
  role,
  configuration: join(labFolder, `${role}.config.json`),
});
const conductor = await startConductor({ profile: loadProfile(join(folder, 'profile.json')), ledger, tests });
const requests = new Map<string, number[]>();
conductor.open.bench.onFrame = (frame) => {
  for (const layer of frame.outgoing ? frame.decoded.layers : []) {
    if (!('registrationRequest' in layer)) continue;
    const { homeAddress = '' } = layer.registrationRequest;
    requests.set(homeAddress, [...(requests.get(homeAddress) ?? []), frame.timeNs]);
  }
};
const finished = await Promise.all(
  [...tests].sort((a, b) => waitsOf(b) - waitsOf(a)).map((test) => conductor.run(test)),
);
const between = [...requests.values()].flatMap((times) =>
  times.slice(1).map((time, at) => time - (times[at] as number)),
);
const found = {
  outcomes: finished.map(({ outcome }) => ({
    id: outcome.id,
    verdict: outcome.verdict,
    reason: outcome.reason,
  })),
  roundTripsNs: conductor.facts.roundTripsNs,
  unreachable: conductor.facts.unreachable,
  findings: conductor.findings(),
  closestNs: Math.min(...between),
};
await conductor.close();
await agent.stop();
slow.close();
lab.close();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(JSON.stringify(found));
