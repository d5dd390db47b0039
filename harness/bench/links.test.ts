/** Ports of real links: what they need is set up and taken away again, whatever happens; some are on other machines. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Outcome } from '../engine/outcome.ts';
import { isolated } from '../net/index.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile, type PortSettings } from '../vectors/profile.ts';
import { ClockOffset } from './clock-offset.ts';
import { planPorts, prefixesOf } from './port-plan.ts';
import { encodeMessage, greeting, MessageReader } from './port-protocol.ts';
import { RemotePort } from './remote-port.ts';
import { TimeOrder } from './time-order.ts';

t.setTimeout(200_000);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-links-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

interface Found {
  whileOpen: string[];
  living: { living: boolean; what: string; devices: string[] }[];
  sameCard: string;
  inUse: string;
  connected: string;
  allTheSame: string[];
  configured: string[];
  otherRoute: string;
  vlan: string;
  vlanMade?: string[];
  noDevice: string;
  livingStill: boolean[];
  besideIt: boolean;
  judged: Outcome[];
  dead: boolean[];
  afterKill: string[];
  status: number | string;
  output: string;
  findings: string[];
  verdicts: { [id: string]: string };
  after: string[];
  journals: number;
}

t.test('whole runs', { timeout: 180_000 }, async (t) => {
  const probe = fileURLToPath(new URL('./links-probe.ts', import.meta.url));
  const { command, args } = isolated([process.execPath, '--import', 'tsx', probe]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), 170_000);
  t.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
  clearTimeout(watchdog);
  const found = JSON.parse(text) as Found;
  const has = (lines: string[], pattern: RegExp): boolean => lines.some((line) => pattern.test(line));

  t.test('while one is under way', async (t) => {
    t.same(found.living, [
      { living: true, what: 'dsmip run, reference home agent', devices: ['card0', 'card0', 'home0'] },
      { living: true, what: 'dsmip port-server, port cn', devices: ['cn0'] },
    ]);
    t.ok(has(found.whileOpen, /^- .*"home0"/), 'a card that is taken is away');
    t.ok(has(found.whileOpen, /^\+ .*"local":"10\.12\.0\.2"/), 'a device that is configured has the address');
    t.ok(has(found.whileOpen, /^\+ .*"dst":"default","gateway":"2001:db8:c::1"/), 'and the routes');
    t.ok(has(found.whileOpen, /^\+ ipv4\/conf\/cn0\/forwarding 0/), 'and its kernel forwards nothing');
    t.ok(has(found.whileOpen, /^\+ cn0 transmit checksum false/), 'and its checksums are those on the wire');
    t.match(
      found.sameCard,
      /^port mn: card0 \(in lab1-bench\) belongs to another run \(dsmip run, reference home agent, process \d+\)/,
    );
    t.same(found.livingStill, [true, true], 'others leave it alone');
    t.ok(found.besideIt, 'and take back only what is theirs');
  });

  t.test('a card that somebody works over', async (t) => {
    t.match(
      found.inUse,
      /spare0 .*is in use: the default route \(IPv4\) goes through it; your SSH session .* comes to its address 192\.0\.3\.2\. .*"evenIfInUse": true/,
    );
    t.match(found.connected, /a TCP connection with 192\.0\.3\.1 runs over its address 192\.0\.3\.2/);
    t.ok(has(found.allTheSame, /^\+ .*"spare0".*"promiscuity":1/), 'may be used when the profile says so');
  });

  t.test('errors', async (t) => {
    t.ok(has(found.configured, /^\+ .*"dst":"10\.10\.128\.0\/24","dev":"lo","table":"local"/));
    t.match(found.otherRoute, /spare0 .*cannot have a route to 203\.0\.113\.0\/24, as there is one by card0/);
    if (found.vlanMade === undefined)
      t.match(found.vlan, /this kernel makes no vlan devices: load the module with "modprobe 8021q"/);
    else t.equal(found.vlan, 'no error');
    t.match(found.noDevice, /eno7 \(in lab1-bench\) is not there; there are lo, card0, spare0/);
  });

  t.test('one that is killed', async (t) => {
    const [judged] = found.judged;
    t.match(judged, {
      verdict: 'INCONCLUSIVE',
      reason: 'port cn: the command "sh" to the other machine ended (SIGKILL)',
    });
    t.same(found.dead, [false, false], 'its journals stay');
    t.ok(has(found.afterKill, /^- .*"home0"/), 'and so does what it changed');
  });

  t.test('the next one', async (t) => {
    t.equal(found.status, 0, found.output);
    t.same(found.verdicts, {
      'ha-home-link-interception/r0@home-link': 'PASS',
      'ha-odd-requests-recorded/gre@co-located': 'INFO',
      'ha-odd-requests-recorded/minimal-encapsulation@co-located': 'INFO',
      'ha-tunnel-mode/r0-t0@co-located': 'PASS',
      'ha-tunnel-mode/r0-t0@foreign-agent': 'PASS',
      'ha-tunnel-mode/r0-t0@foreign-agent-secured': 'PASS',
      'ha-tunnel-mode/r0-t1@co-located': 'PASS',
      'ha-tunnel-mode/r0-t1@foreign-agent': 'PASS',
      'ha-tunnel-mode/r0-t1@foreign-agent-secured': 'PASS',
    });
    const [ofRun = '', ofPort = '', clock = ''] = found.findings;
    t.match(
      ofRun,
      /^process \d+ \(dsmip run, reference home agent, begun .*\) was killed; .*move home0 back to where it was/,
    );
    t.match(
      ofPort,
      /take 10\.12\.0\.2\/16 from cn0; switch transmit checksum of cn0 on again; .*set ipv4\/conf\/cn0\/rp_filter to 1 again/,
    );
    t.match(clock, /^port cn is on another machine \(by sh\), whose clock is (3600\.0|3599\.9)\d+ s ahead/);
    t.same(found.after, [], 'links, addresses, routes, settings and offloads are as before');
    t.equal(found.journals, 0);
  });
});

/** The lab's profile of a role with other ports, on real links. */
function withPorts(role: string, ports: { [name: string]: PortSettings }, more: object = {}): string {
  const file = join(folder, `${role}.profile.json`);
  const { $schema: _schema, ...profile } = JSON.parse(
    readFileSync(join(projectRoot, `harness/bench/lab/${role}.profile.json`), 'utf8'),
  );
  writeFileSync(file, JSON.stringify({ ...profile, bench: { ports, ...more } }));
  return file;
}
const plansOf = (...of: Parameters<typeof withPorts>) =>
  Object.fromEntries(
    planPorts(loadProfile(withPorts(...of))).map(({ key, plan: { addresses, local, routes, silent } }) => [
      key,
      { addresses, local, routes, ...(silent ? { silent } : {}) },
    ]),
  );

t.test('what ports need', async (t) => {
  const cn: PortSettings = { device: 'eth9', take: true, gateway: ['10.12.0.1', '2001:db8:c::1'] };
  const byDefault = (...routers: string[]) =>
    routers.map((via) => ({ to: via.includes(':') ? '::/0' : '0.0.0.0/0', via }));
  const ofHomeAgent = plansOf('home-agent', {
    mn: { macvlanOn: 'eno1', addresses: ['10.10.0.2/16'], gateway: ['10.10.0.1'] },
    fa: { macvlanOn: 'eno1', addresses: ['10.11.0.2/16'], routes: [{ to: '10.1.0.0/16', via: '10.11.0.1' }] },
    home: { vlan: { on: 'eno1', id: 100 } },
    cn,
  });
  t.match(ofHomeAgent, {
    mn: { addresses: ['10.10.0.2/16'], routes: byDefault('10.10.0.1') },
    fa: { addresses: ['10.11.0.2/16', '10.11.0.3/16'], routes: [{ to: '10.1.0.0/16', via: '10.11.0.1' }] },
    home: { addresses: ['10.1.0.2/16', '2001:db8:1::2/64'], routes: byDefault('10.1.0.1', '2001:db8:1::1') },
    cn: { addresses: ['10.12.0.2/32', '2001:db8:c::2/128'], routes: byDefault('10.12.0.1', '2001:db8:c::1') },
  });
  t.same(ofHomeAgent.mn?.local, prefixesOf('10.10.128.1', '10.10.135.208'), 'every care-of address is local');
  t.same(prefixesOf('10.0.0.255', '10.0.2.1'), ['10.0.0.255/32', '10.0.1.0/24', '10.0.2.0/31']);
  t.same(prefixesOf('255.255.255.254', '255.255.255.255'), ['255.255.255.254/31']);

  const ofForeignAgent = plansOf('foreign-agent', {
    mn: { macvlanOn: 'eno1', addresses: ['10.20.0.2/16'] },
    ha: { macvlanOn: 'eno2', gateway: ['10.8.0.1'] },
    cn,
  });
  t.match(ofForeignAgent, {
    mn: {
      addresses: ['10.20.0.2/16', '2001:db8:20::2/128'],
      local: ['10.1.0.0/16'],
      routes: byDefault('10.20.0.1'),
    },
    ha: { addresses: ['10.8.0.2/32', '10.8.0.3/32'] },
  });

  const ofMobileNode = plansOf(
    'mobile-node',
    { link: { vlan: { on: 'eno1', id: 100 } } },
    { hooks: { restart: ['true'] } },
  );
  t.match(ofMobileNode['link 1'], {
    addresses: [
      '10.1.0.1/16',
      '2001:db8:1::1/64',
      '10.20.0.1/32',
      '10.21.0.1/32',
      '10.30.0.1/16',
      /^fe80::.*\/64$/,
    ],
    routes: [],
  });
  t.same(
    plansOf('home-agent', { mn: cn0, fa: cn0, cn: cn0 }).mn,
    { addresses: [], local: [], routes: [] },
    'a device that is there is left alone',
  );
});

const cn0: PortSettings = { device: 'cn0' };

t.test('ports that cannot be', async (t) => {
  const cases: [string, { [name: string]: PortSettings }, RegExp][] = [
    ['nothing', { mn: {} }, /bench\.ports\.mn: needs "device" .*"macvlanOn" or "vlan"/],
    [
      'two things',
      { mn: { device: 'a', macvlanOn: 'b' } },
      /ports\.mn: has "device" and "macvlanOn": keep one/,
    ],
    [
      'taking what is made',
      { mn: { macvlanOn: 'b', take: true } },
      /ports\.mn\.take: has a meaning only with "device"/,
    ],
    [
      'addresses unasked',
      { mn: { device: 'a', addresses: ['10.1.0.2/16'] } },
      /mn\.addresses: .*add "configure": true/,
    ],
    [
      'no prefix',
      { mn: { macvlanOn: 'a', addresses: ['10.1.0.2'] } },
      /mn\.addresses\[0\]: expected an address with the length of its prefix/,
    ],
    ['no device', { mn: { device: 'a b' } }, /mn\.device: expected a network device/],
    ['no VLAN', { mn: { vlan: { on: 'a', id: 4095 } } }, /mn\.vlan\.id/],
    [
      'no way',
      { mn: { macvlanOn: 'a', addresses: ['10.10.0.2/16'] } },
      /ports\.mn: has no way to the home agent, 10\.1\.0\.1: add its router as "gateway"/,
    ],
    [
      'no way by IPv6',
      { cn: { macvlanOn: 'a', gateway: ['10.12.0.1'] } },
      /ports\.cn: has no way to the IPv6 home addresses/,
    ],
    [
      'a card taken twice',
      {
        mn: { device: 'a', take: true, gateway: ['10.10.0.1'] },
        fa: { macvlanOn: 'a', gateway: ['10.11.0.1'] },
      },
      /ports\.fa: a cannot be taken for the port mn as well: use "macvlanOn" for both/,
    ],
    [
      'one VLAN twice',
      {
        mn: { vlan: { on: 'a', id: 1 }, gateway: ['10.10.0.1'] },
        fa: { vlan: { on: 'a', id: 1 }, gateway: ['10.11.0.1'] },
      },
      /ports\.fa: a cannot have VLAN 1 for the port mn as well/,
    ],
    [
      'one kernel as two',
      {
        mn: { device: 'a', configure: true, gateway: ['10.10.0.1'] },
        fa: { device: 'b', configure: true, gateway: ['10.11.0.1'] },
      },
      /ports\.fa: b cannot be configured, as its kernel is for the port mn as well/,
    ],
  ];
  for (const [name, ports, message] of cases)
    t.throws(() => plansOf('home-agent', { mn: cn0, fa: cn0, cn: cn0, ...ports }), { message }, name);
  const beside = Object.fromEntries(
    ['cn', 'ha', 'home', 'fa', 'visited', 'plainFa', 'plainVisited', 'network'].map((name) => [name, cn0]),
  );
  const ofScenario = (ports: { [name: string]: PortSettings }) => () =>
    plansOf('scenario', { ...beside, link: { device: 'mn{n}' }, ...ports });
  t.throws(
    ofScenario({ cn: { macvlanOn: 'a' } }),
    /ports\.cn\.macvlanOn: cannot be in a scenario: kernels fill in/,
  );
  t.throws(ofScenario({ fa: { macvlanOn: 'a' } }), /ports\.fa\.macvlanOn: .*the harness watches there/);
  t.throws(ofScenario({ ha: { device: 'a', via: ['ssh'] } }), /ports\.ha\.via: cannot be in a scenario/);
  t.equal(
    ofScenario({ ha: { device: 'a', take: true } })().ha?.silent,
    true,
    'where the harness watches, the kernel says nothing',
  );
});

t.test('another machine', async (t) => {
  const clock = new ClockOffset();
  const exchange = (askedMs: number, thereMs: number, answeredMs: number): void =>
    clock.add(
      Object.fromEntries(
        Object.entries({ askedNs: askedMs, thereNs: thereMs, answeredNs: answeredMs }).map(([name, ms]) => [
          name,
          BigInt(ms * 1e6),
        ]),
      ) as { askedNs: bigint; thereNs: bigint; answeredNs: bigint },
    );
  exchange(100, 5180, 200);
  t.equal(clock.uncertaintyNs, 50_000_000n);
  exchange(300, 5301, 302);
  t.equal(clock.offsetNs, 5_000_000_000n, 'the least round trip tells');
  t.equal(clock.uncertaintyNs, 1_000_000n);
  t.equal(clock.toOurs(5_400_000_000n), 400_000_000n);
  exchange(500, 5590, 600);
  t.equal(clock.offsetNs, 5_000_000_000n, 'a longer one does not');
  t.equal(clock.steps, 0);
  exchange(700, 65_701, 702);
  t.same([clock.offsetNs, clock.steps], [65_000_000_000n, 1], 'a clock that was set is noticed');

  let nowNs = 0n;
  const passed: number[] = [];
  const order = new TimeOrder(() => nowNs);
  order.holdNs = 1000n;
  for (const timeNs of [5, 3, 9, 4]) order.add(BigInt(timeNs), () => passed.push(timeNs));
  order.settle(5n);
  t.same(passed, [3, 4, 5], 'in the order of their times');
  order.add(2n, () => passed.push(2));
  t.equal(order.late, 1, 'what comes too late is counted');
  nowNs = 10_000n;
  order.flush();
  t.same(passed, [3, 4, 5, 2, 9]);

  const heard: string[] = [];
  const reader = new MessageReader((kind, body) => heard.push(`${kind} ${body}`));
  const octets = Buffer.concat([encodeMessage(7, 'one'), encodeMessage(8), encodeMessage(9, 'three')]);
  for (const octet of octets) reader.read(Buffer.of(octet));
  reader.read(octets);
  t.same(heard, ['7 one', '8 ', '9 three', '7 one', '8 ', '9 three'], 'however it is cut');
  t.throws(() => reader.read(Buffer.from('Password: ')), { code: 'PORT_PROTOCOL' });

  const plan = { name: 'cn', kind: 'there' as const, device: 'x', configure: false, evenIfInUse: false };
  const hello = { plan: { ...plan, addresses: [], local: [], routes: [], silent: false } };
  const connecting = (script: string) => RemotePort.connect('cn', ['sh', '-c', script], hello);
  await t.rejects(connecting('echo "no route to host" >&2; exit 255'), {
    code: 'BENCH',
    message:
      /^port cn: the command "sh" to the other machine ended \(status 255\): no route to host; try the command of bench\.ports\.cn\.via by hand/,
  });
  await t.rejects(connecting(`printf '\\0${greeting.slice(1, -1)}\\nmore than a message'; cat >/dev/null`), {
    message: /cannot be understood \(a message of \d+ octets\)/,
  });
  await t.rejects(connecting('yes'), { message: /says something else than port-server does/ });
  await t.rejects(RemotePort.connect('cn', [join(folder, 'nothing')], hello), {
    message: /cannot be run: .*ENOENT/,
  });
});
