/**
 * Whole runs on links that the harness sets up itself, against a home agent that it did not start: macvlans on one card, a card that is
 * taken, and a port behind a command, whose clock is an hour ahead. Run in a private world by links.test.ts; writes what it found as JSON.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  connectTcp,
  inNamespace,
  ipJson,
  type LinkPlan,
  listenTcp,
  offloadIsOn,
  offloadNames,
  openLinks,
  openNamespace,
  readJournals,
  setOffload,
  writeSysctls,
} from '../net/index.ts';
import { loadLedger } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { startAgent } from './agent-process.ts';
import { conduct } from './conduct.ts';
import { buildLab, spawnIn } from './lab.ts';
import { openBench } from './open.ts';
import { homeAgentLab, type Topology } from './topologies.ts';

const boundMs = 60_000;
const program = [process.execPath, join(projectRoot, 'harness/cli/dsmip.mjs')];

/** A bench that is opened and waits for one line on its input, then has its tests judged: another process, to be killed. */
async function openAndWait(file: string): Promise<never> {
  const profile = loadProfile(file);
  const ledger = loadLedger();
  const open = await openBench(profile);
  process.stdout.write('open\n');
  await once(process.stdin, 'data');
  const tests = loadVectors({ ledger }).tests.filter(({ id }) => id === 'ha-tunnel-mode/r0-t0@co-located');
  const { finished } = await conduct(open, { profile, ledger }, tests);
  process.stdout.write(`${JSON.stringify(finished.map(({ outcome }) => outcome))}\n`);
  return new Promise(() => setTimeout(() => {}, 2 ** 30));
}

const [toOpen] = process.argv.slice(2);
if (toOpen !== undefined) await openAndWait(toOpen);

const folder = mkdtempSync(join(tmpdir(), 'dsmip-links-'));

/**
 *     bench (card0) ----+--- core --- iut --- (home0) bench
 *     bench (spare0) ---+
 *     far (cn0) --------+
 */
const [, , correspondentNode, upstream] = homeAgentLab.links;
if (correspondentNode === undefined || upstream === undefined) throw new Error('the lab has no such links');
const topology: Topology = {
  names: ['core', 'iut', 'bench', 'far'],
  links: [
    [
      { at: 'core', device: 'bench0', addresses: ['10.10.0.1/16', '10.11.0.1/16'] },
      { at: 'bench', device: 'card0', addresses: ['192.0.2.2/24'] },
    ],
    [correspondentNode[0], { at: 'far', device: 'cn0', addresses: [] }],
    upstream,
    // Somebody works over this one.
    [
      { at: 'core', device: 'spare0', addresses: ['192.0.3.1/24'] },
      { at: 'bench', device: 'spare0', addresses: ['192.0.3.2/24'] },
    ],
    [
      { at: 'iut', device: 'home0', addresses: ['10.1.0.1/16', '2001:db8:1::1/64'] },
      { at: 'bench', device: 'home0', addresses: ['198.51.100.2/24', '2001:db8:ff::2/64'] },
    ],
  ],
  routes: {
    core: (homeAgentLab.routes.core ?? []).slice(0, 2),
    iut: homeAgentLab.routes.iut ?? [],
    bench: [
      ['default', 'via', '192.0.3.1'],
      ['203.0.113.0/24', 'via', '192.0.2.9'],
      ['203.0.114.0/24', 'via', '198.51.100.9', 'metric', '7'],
      ['2001:db8:fe::/48', 'via', '2001:db8:ff::9'],
    ],
  },
  routers: ['core', 'iut'],
};
const lab = buildLab(topology, 1);

// As a user may have them.
const userAt = openNamespace(lab.path('far'));
writeSysctls(userAt, {
  'ipv4/conf/cn0/rp_filter': 1,
  'ipv4/conf/cn0/forwarding': 1,
  'ipv6/neigh/cn0/proxy_delay': 80,
});
setOffload('cn0', 'transmit checksum', true, userAt);
userAt.close();

/** What a user would find of the links, in words: they have to be the same before and after. */
function linksOf(name: string): string {
  const namespace = openNamespace(lab.path(name));
  const sysctls = ['ipv4/conf', 'ipv4/neigh', 'ipv6/conf', 'ipv6/neigh'].flatMap((kind) =>
    inNamespace(namespace, () =>
      readdirSync(`/proc/sys/net/${kind}`).flatMap((device) => readAll(kind, device)),
    ),
  );
  const offloads = ipJson<{ ifname: string }>(['link', 'show'], namespace).flatMap(({ ifname }) =>
    offloadNames.map((name) => `${ifname} ${name} ${offloadIsOn(ifname, name, namespace)}`),
  );
  const told = [
    ['link', 'show'],
    ['address', 'show'],
    ['-4', 'route', 'show', 'table', 'all'],
    ['-6', 'route', 'show', 'table', 'all'],
    ['neighbour', 'show', 'nud', 'permanent'],
  ].flatMap((words) => ipJson<object>(words, namespace).map((one) => JSON.stringify(one)));
  namespace.close();
  return [...told.sort(), ...sysctls, ...offloads].join('\n');
}

function readAll(kind: string, device: string): string[] {
  const at = `/proc/sys/net/${kind}/${device}`;
  return readdirSync(at).flatMap((name) => {
    try {
      return [`${kind}/${device}/${name} ${readFileSync(join(at, name), 'utf8').trim()}`];
    } catch {
      return [];
    }
  });
}

const state = (): string => `${linksOf('bench')}\n\n${linksOf('far')}`;

/** How two states differ, for people. */
function differences(before: string, after: string): string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ];
}

const standard = JSON.parse(
  readFileSync(join(projectRoot, 'harness/bench/lab/home-agent.profile.json'), 'utf8'),
);
const profile = join(folder, 'home-agent.profile.json');
const { $schema: _schema, ...rest } = standard;
/** As a shell with a greeting does it. */
const far = [
  'sh',
  '-c',
  'echo Welcome; exec "$@"',
  'sh',
  'env',
  'DSMIP_TEST_CLOCK_SHIFT=3600',
  'nsenter',
  `--net=${lab.path('far')}`,
  ...program,
];
writeFileSync(
  profile,
  JSON.stringify({
    ...rest,
    bench: {
      ports: {
        mn: { macvlanOn: 'card0', addresses: ['10.10.0.2/16'], gateway: ['10.10.0.1'] },
        fa: { macvlanOn: 'card0', gateway: ['10.11.0.1'] },
        home: { device: 'home0', take: true },
        cn: {
          device: 'cn0',
          configure: true,
          addresses: ['10.12.0.2/16', '2001:db8:c::2/64'],
          gateway: ['10.12.0.1', '2001:db8:c::1'],
          via: far,
        },
      },
    },
  }),
);

interface Started {
  child: ChildProcess;
  output(): string;
  ended: Promise<number | string>;
}

function start(namespace: string, argv: readonly string[]): Started {
  const child = spawnIn(lab.path(namespace), argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  const timer = setTimeout(() => child.kill('SIGKILL'), boundMs);
  const ended = once(child, 'close').then(([code, signal]) => {
    clearTimeout(timer);
    return (code ?? signal) as number | string;
  });
  return { child, output: () => output, ended };
}

async function until(what: string, { child, output }: Started, look: () => boolean): Promise<void> {
  const deadline = Date.now() + boundMs;
  while (!look()) {
    if (Date.now() > deadline || child.exitCode !== null)
      throw new Error(`waited in vain until ${what}: ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const messageOf = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
    return 'no error';
  } catch (error) {
    return (error as Error).message;
  }
};

/** A plan for a device of the bench. */
const planOf = (device: string, more: Partial<LinkPlan> = {}): LinkPlan => ({
  name: 'mn',
  kind: 'macvlan',
  device,
  namespace: lab.path('bench'),
  configure: false,
  evenIfInUse: false,
  addresses: [],
  local: [],
  routes: [],
  silent: false,
  ...more,
});

/** Set links up and take them back at once; how the bench differed in between. */
async function upAndDown(plan: LinkPlan): Promise<string[]> {
  const before = linksOf('bench');
  const { close } = await openLinks('the probe', [plan]);
  const changed = differences(before, linksOf('bench'));
  const problems = close();
  return [...changed, ...problems];
}

const found: { [name: string]: unknown } = {};
const agent = await startAgent(lab.path('iut'), {
  role: 'home-agent',
  configuration: join(projectRoot, 'harness/bench/lab/home-agent.config.json'),
});
const before = state();

// A run on card0 and home0, and of far, that is killed.
const killed = start('bench', [process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url), profile]);
await until('the bench is open', killed, () => killed.output().includes('open\n'));
found.whileOpen = differences(before, state());
found.living = readJournals().map(({ living, writer, claims }) => ({
  living,
  what: writer.what,
  devices: claims.map(({ device }) => device),
}));

// Another run beside it.
found.sameCard = await messageOf(() => openLinks('the probe', [planOf('card0')]));
process.env.SSH_CONNECTION = '192.0.3.1 4711 192.0.3.2 22';
found.inUse = await messageOf(() => openLinks('the probe', [planOf('spare0')]));
delete process.env.SSH_CONNECTION;
const [core, bench] = ['core', 'bench'].map((name) => openNamespace(lab.path(name)));
const server = listenTcp(core, 7, () => {});
const socket = connectTcp(bench, { address: '192.0.3.1', port: 7 });
await once(socket, 'connect');
found.connected = await messageOf(() => openLinks('the probe', [planOf('spare0')]));
socket.destroy();
server.close();
for (const one of [core, bench]) one?.close();
found.allTheSame = await upAndDown(planOf('spare0', { evenIfInUse: true }));
found.configured = await upAndDown(
  planOf('spare0', {
    kind: 'there',
    configure: true,
    evenIfInUse: true,
    addresses: ['10.10.0.2/16'],
    local: ['10.10.128.0/24'],
    routes: [{ to: '10.1.0.0/16', via: '10.10.0.1' }],
  }),
);
found.otherRoute = await messageOf(() =>
  openLinks('the probe', [
    planOf('spare0', {
      kind: 'there',
      configure: true,
      evenIfInUse: true,
      addresses: ['10.10.0.2/16'],
      routes: [{ to: '203.0.113.0/24', via: '10.10.0.1' }],
    }),
  ]),
);
found.vlan = await messageOf(async () => {
  found.vlanMade = await upAndDown(planOf('spare0', { kind: 'vlan', vlan: 100, evenIfInUse: true }));
});
found.noDevice = await messageOf(() => openLinks('the probe', [planOf('eno7')]));
found.livingStill = readJournals().map(({ living }) => living);
found.besideIt = differences(before, state()).length === (found.whileOpen as string[]).length;

// The other machine goes first, so that nothing is taken back there.
const [atFar] = readJournals().filter(({ writer }) => writer.what.includes('port-server'));
process.kill(atFar?.writer.pid ?? 0, 'SIGKILL');
killed.child.stdin?.write('judge\n');
await until('its tests are judged', killed, () => killed.output().includes(']\n'));
found.judged = JSON.parse(
  killed
    .output()
    .split('\n')
    .find((line) => line.startsWith('[')) ?? '[]',
);
killed.child.kill('SIGKILL');
await killed.ended;
found.dead = readJournals().map(({ living }) => living);
found.afterKill = differences(before, state());

// The next one.
const out = join(folder, 'run');
const run = start('bench', [
  ...program,
  'run',
  '--clause',
  '4.3-i',
  '--iut',
  profile,
  '--report',
  'text',
  '--out',
  out,
]);
found.status = await run.ended;
found.output = run.output();
const results = existsSync(join(out, 'results.json'))
  ? JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'))
  : { outcomes: [], findings: [] };
found.findings = results.findings;
found.verdicts = Object.fromEntries(
  results.outcomes.map(({ id, verdict }: { id: string; verdict: string }) => [id, verdict]),
);
found.after = differences(before, state());
found.journals = readJournals().length;

await agent.stop();
lab.close();
rmSync(folder, { recursive: true, force: true });
process.stdout.write(JSON.stringify(found), () => process.exit(0));
