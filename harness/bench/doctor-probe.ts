/**
 * Runs against a reference home agent on links that are there, which the profile describes wrongly in one way each. Run in a private
 * world by doctor.test.ts; writes what came of them as one JSON object.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../engine/outcome.ts';
import { openPacketPort, openSink, withNamespace } from '../net/index.ts';
import { loadLedger } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { loadProfile, type ProfileFile } from '../vectors/profile.ts';
import { type AuthenticationAlgorithm, encodePacket } from '../wire/index.ts';
import { type AgentProcess, startAgent } from './agent-process.ts';
import type { ObservedClaim } from './claims/record.ts';
import { startConductor } from './conduct.ts';
import type { Spoiler } from './doctor/finding.ts';
import { buildLab, type Lab } from './lab.ts';
import type { LiveBench } from './live.ts';
import type { RunFacts } from './surroundings.ts';
import { homeAgentLab } from './topologies.ts';

/** What came of a run. */
export interface Found {
  unreachable?: string;
  spoilers: Spoiler[];
  findings: string[];
  claims: ObservedClaim[];
  outcomes: { id: string; verdict: Outcome['verdict']; reason?: string }[];
}

interface Case {
  profile?(profile: ProfileFile): void;
  /** Seconds that the harness's clock is ahead. */
  aheadSeconds?: number;
  /** What is there besides or instead of the agent, until the function that comes back is called. */
  around?(lab: Lab): () => void;
  /** Nothing takes requests. */
  stopped?: true;
  listens?: true;
}

const chosen = [
  'ha-reply@co-located',
  'ha-replay/stale@co-located',
  'ha-proxy-arp@home-link',
  'ha-tunnel-mode/r0-t0@co-located',
];
/** Where it is among the tests, agents are listened for, which takes its time. */
const listening = 'ha-advertisement-a-flag@home-link';
const labFolder = join(projectRoot, 'harness/bench/lab');
const folder = mkdtempSync(join(tmpdir(), 'dsmip-doctor-'));
const ledger = loadLedger();
const all = loadVectors({ ledger }).tests;
const named = (id: string) => {
  const test = all.find((one) => one.id === id);
  if (test === undefined) throw new Error(`there is no test ${id}`);
  return test;
};

const nodes = (change: (node: ProfileFile['ixit']['mobileNodes'][number]) => void) => ({
  profile: ({ ixit }: ProfileFile) => ixit.mobileNodes.forEach(change),
});
const algorithm = (name: AuthenticationAlgorithm): Case =>
  nodes((node) => {
    node.algorithm = name;
  });

/** Another agent, which advertises twice a second on the home link. */
function otherAgent(lab: Lab): () => void {
  const port = withNamespace(lab.path('iut'), (namespace) =>
    openPacketPort({ namespace, device: 'home0', onFrame: () => {} }),
  );
  const octets = encodePacket([
    { ethernet: { destination: '01:00:5e:00:00:01', source: '02:00:00:00:00:99' } },
    { ipv4: { source: '10.1.0.77', destination: '224.0.0.1', ttl: 1 } },
    {
      routerAdvertisement: {
        lifetimeSeconds: 30,
        routers: [{ address: '10.1.0.77', preference: 0 }],
        extensions: [{ mobilityAgentAdvertisement: { sequenceNumber: 300, flags: 0x2000 } }],
      },
    },
  ]);
  const timer = setInterval(() => port.send(octets), 500);
  return () => {
    clearInterval(timer);
    port.close();
  };
}

/** A kernel that answers ping, and a port that takes requests and says nothing. */
function silent(lab: Lab): () => void {
  const sink = withNamespace(lab.path('iut'), (namespace) =>
    openSink({ namespace, udpPorts: [434], protocols: [] }),
  );
  return () => sink.close();
}

const cases: { [name: string]: Case } = {
  right: { listens: true },
  'not claimed': {
    listens: true,
    profile: ({ ics = {} }) => {
      ics.natTraversal = false;
      ics.advertises = false;
      ics.reverseTunnelingRequired = true;
    },
  },
  key: nodes((node) => {
    node.key = { hex: 'ff112233445566778899aabbccddee00' };
  }),
  'hmac-sha1': algorithm('hmac-sha1'),
  'keyed-md5': algorithm('keyed-md5'),
  'keyed-md5-spi-covered': algorithm('keyed-md5-spi-covered'),
  'one entry': {
    profile: ({ ixit }) => {
      const [first] = ixit.mobileNodes;
      if (first !== undefined)
        ixit.mobileNodes.push({
          ...first,
          nai: 'mn10{n}@example.net',
          ipv4HomeAddress: '10.1.1.101',
          ipv6HomeAddress: '2001:db8:1::1:65',
          spi: 1100,
          key: { hex: '00'.repeat(16) },
          count: 9,
        });
    },
  },
  clock: { aheadSeconds: 3600 },
  numbers: {
    profile: ({ ixit }) => {
      ixit.extensionTypes = { ipv6HomeAddress: 210, ipv6Compatibility: 211, ipv6Code: 212 };
    },
  },
  swapped: {
    profile: ({ ixit: { homeAgent, correspondentNode } }) => {
      if (homeAgent === undefined) return;
      [homeAgent.address, correspondentNode.address] = [correspondentNode.address, homeAgent.address];
    },
  },
  'other agent': { around: otherAgent, listens: true },
  silent: { around: silent, stopped: true },
  absent: { stopped: true },
};

function profileOf(lab: Lab, name: string, change: Case['profile']) {
  const text = readFileSync(join(labFolder, 'home-agent.profile.json'), 'utf8');
  const { $schema: _schema, ...profile } = JSON.parse(text) as ProfileFile & { $schema?: string };
  const port = (at: string, device: string) => ({ namespace: lab.path(at), device });
  profile.bench = {
    ports: {
      mn: port('mn', 'mn0'),
      fa: port('fa', 'fa0'),
      cn: port('cn', 'cn0'),
      home: port('home', 'home0'),
    },
  };
  for (const node of profile.ixit.mobileNodes) node.count = 40;
  // The reference agent bears more than a foreign device.
  profile.ixit.requestsPerSecond = { perMobileNode: 50, overall: 1000 };
  Object.assign(profile.ixit.timers ?? {}, { replySeconds: 0.8 });
  change?.(profile);
  const file = join(folder, `${name}.profile.json`);
  writeFileSync(file, JSON.stringify(profile));
  return loadProfile(file);
}

/** A harness whose clock is wrong sees a device whose clock is. */
function misled(bench: LiveBench, seconds: number): LiveBench {
  return new Proxy(bench, {
    get(target, name) {
      if (name === 'originNs') return target.originNs + BigInt(seconds) * 1_000_000_000n;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function found(lab: Lab, name: string): Promise<Found> {
  const { profile: change, aheadSeconds, around, listens } = cases[name] ?? {};
  const tests = [...chosen, ...(listens === true ? [listening] : [])].map(named);
  const profile = profileOf(lab, name, change);
  const takeAway = around?.(lab);
  try {
    const conductor = await startConductor({
      profile,
      ledger,
      tests,
      ...(aheadSeconds === undefined ? {} : { through: (bench) => misled(bench, aheadSeconds) }),
    });
    const finished = await Promise.all(tests.map((test) => conductor.run(test)));
    const { unreachable, spoilers = [] }: RunFacts = conductor.facts;
    const result: Found = {
      ...(unreachable === undefined ? {} : { unreachable }),
      spoilers,
      findings: conductor.findings(),
      claims: conductor.claims.claims(),
      outcomes: finished.map(({ outcome: { id, verdict, reason } }) => ({
        id,
        verdict,
        ...(reason === undefined ? {} : { reason }),
      })),
    };
    await conductor.close();
    return result;
  } finally {
    takeAway?.();
  }
}

/** One lab, in which the cases named come one after the other; those without an agent last. */
async function lane(number: number, names: readonly string[]): Promise<[string, Found][]> {
  const lab = buildLab(homeAgentLab, number);
  const configuration = join(labFolder, 'home-agent.config.json');
  let agent: AgentProcess | undefined = await startAgent(lab.path('iut'), {
    role: 'home-agent',
    configuration,
  });
  const results: [string, Found][] = [];
  for (const name of names) {
    if (cases[name]?.stopped === true) {
      await agent?.stop();
      agent = undefined;
    }
    results.push([name, await found(lab, name)]);
  }
  await agent?.stop();
  lab.close();
  return results;
}

const lanes = process.argv.slice(2).map((names) => names.split(','));
const results = await Promise.all(lanes.map((names, at) => lane(at + 1, names)));
rmSync(folder, { recursive: true, force: true });
process.stdout.write(JSON.stringify(Object.fromEntries(results.flat())));
