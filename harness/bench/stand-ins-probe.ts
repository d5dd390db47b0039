/** Runs some tests against each stand-in. Run in a private world by stand-ins.test.ts; writes what came of them as one JSON object. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Outcome } from '../engine/outcome.ts';
import { deviceFacts, withNamespace } from '../net/index.ts';
import { loadLedger } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { loadProfile, type Profile } from '../vectors/profile.ts';
import { encodePacket, toHex } from '../wire/index.ts';
import { startAgent } from './agent-process.ts';
import { startConductor } from './conduct.ts';
import { buildLab, spawnIn } from './lab.ts';
import { boxAt, MiddleBox, withBox } from './testing/middle-box.ts';
import { type StandIn, standIns } from './testing/stand-ins.ts';
import { homeAgentLab } from './topologies.ts';

const chosen = [
  'ha-reply@co-located',
  'ha-tunnel-mode/r0-t0@co-located',
  'ha-compatibility-alone/r0@co-located',
  'ha-unknown-extensions/non-skippable@co-located',
  'ha-replay/stale@co-located',
  'ha-refused-ipv6-address/r0@co-located',
  'ha-proxy-arp@home-link',
];

export interface Found {
  seconds: number;
  cpuSeconds: number;
  megabytes: number;
  problem?: string;
  unreachable?: string;
  findings: string[];
  outcomes: Outcome[];
}

const configuration = join(projectRoot, 'harness/bench/lab/home-agent.config.json');
const standard = JSON.parse(
  readFileSync(join(projectRoot, 'harness/bench/lab/home-agent.profile.json'), 'utf8'),
);
const ledger = loadLedger();
const all = loadVectors({ ledger }).tests;
const tests = chosen.map((id) => {
  const test = all.find((one) => one.id === id);
  if (test === undefined) throw new Error(`there is no test ${id}`);
  return test;
});
const folder = mkdtempSync(join(tmpdir(), 'dsmip-stand-ins-'));

/** One lab, in which the stand-ins named come one after the other. */
async function lane(number: number, names: readonly string[]): Promise<[string, Found][]> {
  const lab = buildLab(withBox(homeAgentLab, 'core0'), number);
  const port = (name: string, device: string): object => ({ namespace: lab.path(name), device });
  const file = join(folder, `${number}.json`);
  const { $schema: _schema, ...rest } = standard;
  const ports = {
    mn: port('mn', 'mn0'),
    fa: port('fa', 'fa0'),
    cn: port('cn', 'cn0'),
    home: port('home', 'home0'),
  };
  writeFileSync(
    file,
    JSON.stringify({
      ...rest,
      // Nobody else uses it.
      ixit: { ...rest.ixit, requestsPerSecond: { perMobileNode: 50, overall: 500 } },
      bench: { ports },
    }),
  );
  const right = loadProfile(file);
  const box = new MiddleBox(lab.path(boxAt.name));
  const agent = await startAgent(lab.path('iut'), { role: 'home-agent', configuration });
  const router = withNamespace(lab.path('core'), (core) => deviceFacts('iut0', core).mac);
  const found: [string, Found][] = [];
  for (const name of names) {
    const standIn = standIns[name] ?? {};
    await agent.order('deviate');
    const behave = (): void => box.behave(standIn.behaviour?.(box, right) ?? {});
    box.behave({});
    if (standIn.fromFirstTest !== true) behave();
    const flood = standIn.flood && (await startFlood(lab.path(boxAt.name), router, right, standIn.flood));
    found.push([
      name,
      await against(standIn.profile?.(right) ?? right, standIn.fromFirstTest === true ? behave : undefined),
    ]);
    if (flood !== undefined) {
      flood.child.kill('SIGTERM');
      await flood.ended;
    }
  }
  await agent.stop();
  box.close();
  lab.close();
  return found;
}

async function against(profile: Profile, begin: () => void = () => {}): Promise<Found> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const spent = (): Pick<Found, 'seconds' | 'cpuSeconds' | 'megabytes'> => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      seconds: (performance.now() - began) / 1000,
      cpuSeconds: (user + system) / 1e6,
      megabytes: Math.round(process.memoryUsage().rss / 1e6),
    };
  };
  try {
    const conductor = await begun(profile);
    begin();
    const finished = await Promise.all(tests.map((test) => conductor.run(test)));
    const findings = conductor.findings();
    const { unreachable } = conductor.facts;
    await conductor.close();
    return {
      ...spent(),
      findings,
      ...(unreachable === undefined ? {} : { unreachable }),
      outcomes: finished.map(({ outcome }) => outcome),
    };
  } catch (error) {
    return { ...spent(), problem: String((error as Error).stack), findings: [], outcomes: [] };
  }
}

/** A program that another lane is about to start has the sockets of the stand-in before for a moment longer: it is a fork of this one. */
async function begun(profile: Profile): ReturnType<typeof startConductor> {
  for (let left = 20; ; left -= 1) {
    try {
      return await startConductor({ profile, ledger, tests });
    } catch (error) {
      if (left === 0 || !/EADDRINUSE/.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function startFlood(
  namespace: string,
  router: string,
  profile: Profile,
  { packetsPerSecond, to }: NonNullable<StandIn['flood']>,
) {
  const frame = encodePacket([
    { ethernet: { destination: router, source: '02:00:00:00:00:99' } },
    { ipv4: { source: profile.homeAgent.address, destination: to(profile), ttl: 64 } },
    { udp: { sourcePort: 5000, destinationPort: 9 } },
    { payload: '00'.repeat(64) },
  ]);
  const script = fileURLToPath(new URL('./testing/flood.ts', import.meta.url));
  const argv = [
    process.execPath,
    '--import',
    'tsx',
    script,
    boxAt.network,
    toHex(frame),
    String(packetsPerSecond),
  ];
  const child = spawnIn(namespace, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return { child, ended };
}

const lanes = process.argv.slice(2).map((names) => names.split(','));
const found = (await Promise.all(lanes.map((names, at) => lane(at + 1, names)))).flat();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(JSON.stringify(Object.fromEntries(found)));
