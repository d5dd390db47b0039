/**
 * A scenario on links that are there, with a home agent that the harness did not start and knows nothing of: a stand-in for somebody
 * else's. Run in a private world by seats.test.ts; writes the outcomes as one JSON object.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../engine/outcome.ts';
import { loadLedger } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { startAgent } from './agent-process.ts';
import { conduct } from './conduct.ts';
import { buildLab } from './lab.ts';
import { openBench } from './open.ts';
import { scenarioLab } from './topologies.ts';

const labFolder = join(projectRoot, 'harness/bench/lab');
const standard = JSON.parse(readFileSync(join(labFolder, 'scenario.profile.json'), 'utf8'));
const count = 12;
const lab = buildLab(scenarioLab(count), 1);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-seats-'));
const port = (name: string, device: string): object => ({ namespace: lab.path(name), device });
const seat = (name: string, at?: string): object => ({
  configuration: join(labFolder, `scenario-${name}.config.json`),
  ...(at === undefined ? {} : { namespace: lab.path(at) }),
});

/** The standard scenario, but for the home agent's seat and the way the bench comes to be. */
const profileFile = join(folder, 'scenario.profile.json');
const { $schema: _schema, ...rest } = standard;
writeFileSync(
  profileFile,
  JSON.stringify({
    ...rest,
    seats: { ...standard.seats, homeAgent: { vendor: 'Acme', product: 'home agent', version: '7' } },
    ics: { ...standard.ics, colocated: false },
    bench: {
      ports: {
        cn: port('cn', 'cn0'),
        ha: port('core', 'ha0'),
        fa: port('core', 'fa0'),
        plainFa: port('core', 'plainfa0'),
        home: port('panel', 'home0'),
        visited: port('panel', 'visited0'),
        plainVisited: port('panel', 'plain0'),
        link: port('panel', 'mn{n}'),
      },
      seats: {
        foreignAgent: seat('foreign-agent', 'fa'),
        plainForeignAgent: seat('plain-foreign-agent', 'plainfa'),
        mobileNode: seat('mobile-node'),
      },
      echoIn: Array.from({ length: count }, (_, at) => lab.path(`mn${at + 1}`)),
    },
  }),
);

const ledger = loadLedger();
const tests = loadVectors({ ledger }).tests.filter(({ id }) =>
  ['sc-foreign-agent-full', 'sc-foreign-agent-limited-tcp', 'sc-co-located'].includes(id.split('@')[0] ?? ''),
);

async function outcomes(deviations: readonly string[]): Promise<Outcome[]> {
  const profile = loadProfile(profileFile);
  const vendor = await startAgent(lab.path('ha'), {
    role: 'home-agent',
    configuration: join(labFolder, 'scenario-home-agent.config.json'),
    deviations,
  });
  try {
    const open = await openBench(profile);
    try {
      const { finished } = await conduct(open, { profile, ledger }, tests);
      return finished.map(({ outcome }) => outcome);
    } finally {
      await open.close();
    }
  } finally {
    await vendor.stop();
  }
}

const right = await outcomes([]);
const wrong = await outcomes(['home-agent/tunnel-from-another-address']);
lab.close();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(JSON.stringify({ right, wrong }));
