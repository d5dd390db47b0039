/**
 * The networking layer and the lab, tested from the outside: a probe runs in a private world, as an ordinary user
 * where that can be arranged, and what it reports is checked here.
 */
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isolated, KernelError, mountPrivateRun, preflight } from './index.ts';

const probe = fileURLToPath(new URL('../bench/lab-probe.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));
const ordinaryUser = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];

/** Root becomes nobody, if nobody may read the project. */
function asOrdinaryUser(): string[] {
  if (process.getuid?.() !== 0) return [];
  const [command = '', ...args] = [
    ...ordinaryUser,
    process.execPath,
    '-e',
    `require('fs').readFileSync(${JSON.stringify(probe)})`,
  ];
  return spawnSync(command, args).status === 0 ? ordinaryUser : [];
}

function startProbe(prefix: string[], args: string[], stdio: StdioOptions): ChildProcess {
  const { command, args: wrapped } = isolated([process.execPath, '--import', 'tsx', probe, ...args]);
  const [first = '', ...rest] = [...prefix, command, ...wrapped];
  // Coverage tools hook into children by the environment; a child with another user could not write for them.
  const env = { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR ?? '/tmp' };
  return spawn(first, rest, { cwd: root, stdio, env });
}

t.test('harness/net and the lab', async (t) => {
  const prefix = asOrdinaryUser();
  t.comment(prefix.length > 0 ? 'probe runs as an ordinary user' : 'probe runs as the user of the test');
  const child = startProbe(prefix, [], ['ignore', 'pipe', 'inherit']);
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const status = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(watchdog);
  t.equal(status, 0, 'ends by itself when everything is closed');
  const found = JSON.parse(text);

  t.test('namespaces', async (t) => {
    const names = ['core', 'cn', 'fa', 'home', 'iut', 'mn'].flatMap((name) => [
      `lab1-${name}`,
      `lab2-${name}`,
    ]);
    t.same(found.netnsFiles, names.sort(), 'are where ip netns finds them');
    t.equal(found.mac, '02:00:00:01:02:02', 'may be nested');
    t.equal(found.backOutside, 'cannot find the index of the device mn0: ENODEV (No such device)');
    t.equal(found.thrown, 'from the work');
    t.match(found.asynchronous, /must be synchronous/);
    t.match(found.backAfterThrow, /ENODEV/, 'are left when the work throws');
    t.match(found.ipError, /^"ip link show nosuch0" failed in \/run\/netns\/lab1-cn: .*does not exist/);
    t.match(found.spawned, /fa0@/, 'have programs started in them');
    t.same(found.offloads, [], 'offloads can be switched off');
    t.same(found.preflight, [], 'preflight finds nothing wrong');
    t.same(found.netnsFilesAfter, [], 'are gone when the labs are closed');
    t.comment(`lab built in ${Math.round(found.buildMs)} ms`);
  });

  t.test('packets', async (t) => {
    const path = ['cn out', 'iut in', 'home in'];
    t.same(found.ipv4, { path, inOrder: true, source: 'c0000263', whole: true }, 'IPv4, spoofed source');
    const source = '20010db8000c000000000000000000ff';
    t.same(found.ipv6, { path, inOrder: true, source, whole: true }, 'IPv6, spoofed source');
    t.same(found.secondLab, { seenAt: ['second'], mac: '02:00:00:02:03:02' }, 'labs side by side are apart');
    t.ok(found.ownFrame, 'a port sees the frame that it sent');
    t.equal(found.arpAnswer, '0200000101020a0ac807', 'the mobile node answers ARP for a care-of address');
    t.ok(found.careOf, 'a care-of address is reached without ARP');
  });

  t.test('sink and routes', async (t) => {
    t.same(found.withoutSink, ['icmp 3/3', 'icmp 3/2', 'icmpv6 4/1'], 'without a sink the kernel complains');
    t.same(found.withSink, [], 'with a sink it does not');
    t.same(found.blackholed, [], 'a blackholed address is not forwarded to');
    t.same(found.unblackholed, ['ARP', 'neighbour solicitation'], 'and is again when the route is gone');
    t.ok(found.local, 'a local prefix is answered for');
    t.equal(found.noAddress, '"10.1.1" is neither an IP address nor a prefix');
  });

  t.test('load', async (t) => {
    t.same(found.burst, { seen: 10_000, dropped: 0 }, 'a burst is received without loss');
    t.same(found.overflow, { seen: 64, dropped: 436 }, 'what is lost is counted');
    t.ok(found.latencyMicros < 20_000, 'promises settled by a frame go on at once');
    t.comment(`latency ${found.latencyMicros} microseconds, ${found.framesPerSecond} frames per second`);
  });

  t.test('errors', async (t) => {
    t.match(
      found.noDevice,
      /^cannot find the index of the device nosuch0 in the namespace .*lab1-cn: ENODEV/,
    );
    t.match(found.noNamespace, /^cannot open the network namespace \/run\/netns\/nosuch: ENOENT/);
    t.equal(found.notIp, 'not an IP packet: 2 octets, version 7');
    t.match(found.refused, [/^cannot send an IP packet of 2020 octets to 10\.1\.0\.2: EMSGSIZE/, /EMSGSIZE/]);
    t.equal(found.closedSender, 'the raw sender is closed');
    t.equal(found.closedPort, 'the port on home0 is closed');
  });
});

t.test('the private world ends with its first process, whatever runs in it', async (t) => {
  const child = startProbe([], ['--stay'], ['ignore', 'pipe', 'inherit', 'pipe']);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const witness = child.stdio[3] as NodeJS.ReadableStream;
  const gone = new Promise((resolve) => witness.once('end', resolve).resume());
  const from = performance.now();
  child.kill('SIGKILL');
  await gone;
  t.ok(performance.now() - from < 2000, 'nobody holds the descriptor that the program in the lab was given');
});

t.test('outside of a private world', { skip: process.pid === 1 }, async (t) => {
  t.throws(() => mountPrivateRun(), { code: 'NOT_ISOLATED' }, '/run is not touched');
  const path = process.env.PATH;
  process.env.PATH = '';
  const findings = preflight().filter(({ ok }) => !ok);
  process.env.PATH = path;
  t.match(findings, [
    { name: 'unshare', problem: /^The program "unshare" cannot be run \(ENOENT\)\.$/, mend: /util-linux/ },
    { name: 'private namespaces', problem: /^This user may not make private namespaces/, mend: /sysctl/ },
  ]);
  t.match(
    new KernelError('open it', 'EPERM', 'Operation not permitted', 'ask root').message,
    /: EPERM \(.*; ask root/,
  );
});
