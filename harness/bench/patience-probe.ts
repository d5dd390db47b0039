/**
 * Devices that ask for patience, on links that are there; run in a private world by patience.test.ts. Takes what is wanted as JSON, and
 * writes what it found as one JSON object.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadLedger } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { type AgentProcess, startAgent } from './agent-process.ts';
import { type Conductor, inOrder, startConductor } from './conduct.ts';
import { buildLab } from './lab.ts';
import type { Finished } from './schedule.ts';
import { boxAt, late, MiddleBox, withBox } from './testing/middle-box.ts';
import { foreignAgentLab, homeAgentLab } from './topologies.ts';

/** What is wanted of a run. */
export interface Wanted {
  role: 'home-agent' | 'foreign-agent';
  /** A regular expression. */
  tests: string;
  /** How late what the device sends arrives, ms. */
  delayMs: number;
  /** Mobile nodes of the first kind, and no other; left out: those of the lab. */
  mobileNodes?: number;
  /** Requests of one mobile node in a second; 1 when left out. */
  rate?: number;
  /** How many runs, one after the other; 1 when left out. */
  runs?: number;
  /** There is an operator, who sets another configuration and starts the device again. */
  operator?: boolean;
}

interface Said {
  id: string;
  verdict: string;
  reason?: string;
}

/** What came of it. */
export interface Found {
  outcomes: Said[];
  /** The outcomes of later runs. */
  again: Said[];
  roundTripsNs: number[];
  findings: string[];
  /** The shortest time between two requests from one UDP port, ns. */
  closestNs: number;
  /** What the operator was asked. */
  asked: string[];
}

const wanted = JSON.parse(process.argv[2] ?? '{}') as Wanted;
const { role } = wanted;
const isHomeAgent = role === 'home-agent';
const labFolder = join(projectRoot, 'harness/bench/lab');
const folder = mkdtempSync(join(tmpdir(), 'dsmip-patience-'));
const lab = buildLab(isHomeAgent ? withBox(homeAgentLab, 'core0') : withBox(foreignAgentLab, 'visited0'), 1);
const box = new MiddleBox(lab.path(boxAt.name));
box.behave({ fromDevice: late(box, wanted.delayMs) });

const standard = JSON.parse(readFileSync(join(labFolder, `${role}.profile.json`), 'utf8'));
const { $schema: _schema, ...profile } = standard;
if (wanted.mobileNodes !== undefined)
  profile.ixit.mobileNodes = [{ ...profile.ixit.mobileNodes[0], count: wanted.mobileNodes }];
if (wanted.rate !== undefined)
  profile.ixit.requestsPerSecond = { perMobileNode: wanted.rate, overall: wanted.rate };
const port = (name: string, device: string): object => ({ namespace: lab.path(name), device });
const ports = isHomeAgent
  ? { mn: port('mn', 'mn0'), fa: port('fa', 'fa0'), cn: port('cn', 'cn0'), home: port('home', 'home0') }
  : { mn: port('mn', 'visited0'), ha: port('ha', 'ha0'), cn: port('cn', 'cn0') };
const ask = 'Have it treat {mobileNode} by {setting}, and start it again';
const hooks = { reset: { ask: 'Start it again' }, reconfigure: { ask } };
writeFileSync(join(folder, 'profile.json'), JSON.stringify({ ...profile, bench: { ports, hooks } }));

/** What the reference foreign agent's configuration says for what a profile calls by these names. */
const policies: { readonly [handling: string]: object } = {
  deliver: { ipv6: 'deliver' },
  'deliver-and-reverse-tunnel': { ipv6: 'deliver-and-reverse-tunnel' },
  ignore: { ipv6: 'ignore' },
  refuse: { ipv6: 'ignore', ipv6Code: 65 },
};
const configuration = JSON.parse(readFileSync(join(labFolder, `${role}.config.json`), 'utf8'));
let device: AgentProcess | undefined;
async function startDevice(handling?: string): Promise<void> {
  await device?.stop();
  const file = join(folder, 'configuration.json');
  const [first, ...rest] = configuration.policies ?? [];
  const changed = handling === undefined ? {} : { policies: [{ ...first, ...policies[handling] }, ...rest] };
  writeFileSync(file, JSON.stringify({ ...configuration, ...changed }));
  device = await startAgent(lab.path('iut'), { role, configuration: file });
}

const ledger = loadLedger();
const tests = loadVectors({ ledger }).tests.filter(
  (test) => test.role === role && new RegExp(wanted.tests).test(test.id),
);
const asked: string[] = [];
await startDevice();
const theProfile = loadProfile(join(folder, 'profile.json'));
const start = (): Promise<Conductor> =>
  startConductor({
    profile: theProfile,
    ledger,
    tests,
    ...(wanted.operator === true
      ? {
          ask: async (question: string) => {
            asked.push(question);
            await startDevice(/ipv6Handling=([a-z-]+)/.exec(question)?.[1]);
          },
        }
      : {}),
  });
const runAll = async (conductor: Conductor): Promise<Finished[]> => {
  const finished = await Promise.all(inOrder(tests, theProfile).map((test) => conductor.run(test)));
  await conductor.settle();
  await conductor.leave();
  return finished;
};
const conductor = await start();
const requests = new Map<number, number[]>();
conductor.open.bench.onFrame = ({ outgoing, timeNs, decoded }) => {
  const { layers } = decoded;
  if (!outgoing || !layers.some((layer) => 'registrationRequest' in layer)) return;
  for (const layer of layers)
    if ('udp' in layer) {
      const { sourcePort = 0 } = layer.udp;
      requests.set(sourcePort, [...(requests.get(sourcePort) ?? []), timeNs]);
    }
};
const finished = await runAll(conductor);
const between = [...requests.values()].flatMap((times) =>
  times.slice(1).map((time, at) => time - (times[at] as number)),
);
const said = ({ outcome: { id, verdict, reason } }: Finished): Said => ({
  id,
  verdict,
  ...(reason === undefined ? {} : { reason }),
});
const found: Found = {
  outcomes: finished.map(said),
  again: [],
  roundTripsNs: conductor.facts.roundTripsNs,
  findings: conductor.findings(),
  closestNs: Math.min(...between),
  asked,
};
await conductor.close();
for (let run = 2; run <= (wanted.runs ?? 1); run += 1) {
  const another = await start();
  found.again.push(...(await runAll(another)).map(said));
  await another.close();
}
await device?.stop();
box.close();
lab.close();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(JSON.stringify(found));
