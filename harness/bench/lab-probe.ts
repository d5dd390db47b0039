/**
 * Exercises harness/net and the lab from inside a private world and writes what it found as one JSON object.
 * Run by harness/net/net.test.ts; ends by itself, which is part of what is tested.
 */
import fs from 'node:fs';
import {
  deviceFacts,
  disableOffloads,
  drainPorts,
  type Frame,
  inNamespace,
  ipBatch,
  type Namespace,
  openNamespace,
  openPacketPort,
  openRawSender,
  openRoutes,
  openSink,
  type PacketPort,
  preflight,
  realtimeNs,
} from '../net/index.ts';
import { buildLab, spawnIn } from './lab.ts';
import { homeAgentLab } from './topologies.ts';

const labNames = ['core', 'mn', 'fa', 'cn', 'iut', 'home'] as const;
type LabName = (typeof labNames)[number];

interface Seen extends Frame {
  at: string;
}

const IPV4 = 0x0800;
const ARP = 0x0806;
const IPV6 = 0x86dd;
const found: Record<string, unknown> = {};
const seen: Seen[] = [];
let wake: () => void = () => {};

const builtFrom = performance.now();
const lab = buildLab(homeAgentLab, 1);
found.buildMs = performance.now() - builtFrom;
const second = buildLab(homeAgentLab, 2);
const at = Object.fromEntries(labNames.map((name) => [name, openNamespace(lab.path(name))])) as Record<
  LabName,
  Namespace
>;

if (process.argv.includes('--stay')) await stay();
const ports = {
  core: watch('core', 'mn0'),
  mn: watch('mn', 'mn0'),
  cn: watch('cn', 'cn0'),
  iut: watch('iut', 'core0'),
  home: watch('home', 'home0'),
};
const cn = openRawSender(at.cn);
const refused: string[] = [];
cn.onError = (error) => refused.push(error.message);

await namespaces();
await delivery();
await sideBySide();
await anyIp();
await sinks();
await blackholes();
await latency();
await bursts();
errors();
close();
process.stdout.write(`${JSON.stringify(found)}\n`);

async function namespaces(): Promise<void> {
  found.netnsFiles = fs.readdirSync('/run/netns').sort();
  found.mac = inNamespace(at.mn, () => inNamespace(at.fa, () => deviceFacts('fa0')).mac);
  found.backOutside = messageOf(() => deviceFacts('mn0'));
  found.thrown = messageOf(() => inNamespace(at.mn, () => raise('from the work')));
  found.asynchronous = messageOf(() => inNamespace(at.mn, async () => {}));
  found.backAfterThrow = messageOf(() => deviceFacts('mn0'));
  found.offloads = disableOffloads(['cn0'], at.cn);
  found.ipError = messageOf(() =>
    ipBatch(
      [
        ['link', 'show', 'lo'],
        ['link', 'show', 'nosuch0'],
      ],
      at.cn.path,
    ),
  );
  found.preflight = preflight().filter(({ ok }) => !ok);
  const shown = spawnIn(lab.path('fa'), ['ip', '-o', 'link', 'show', 'fa0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  found.spawned = await new Promise((resolve) => shown.stdout?.once('data', (text) => resolve(String(text))));
}

async function delivery(): Promise<void> {
  const before = realtimeNs();
  cn.send(ipv4('192.0.2.99', '10.1.0.2', 17, udp('four')));
  cn.send(ipv6('20010db8000c000000000000000000ff', '20010db8000100000000000000000002', 17, udp('six')));
  for (const [name, payload] of [
    ['ipv4', 'four'],
    ['ipv6', 'six'],
  ] as const) {
    await until(() => carrying(payload).some((frame) => frame.at === 'home'));
    const frames = carrying(payload).sort((a, b) => Number(a.timeNs - b.timeNs));
    const inOrder = frames.every((frame, i) => frame.timeNs >= (frames[i - 1]?.timeNs ?? before));
    found[name] = {
      path: frames.map((frame) => `${frame.at} ${frame.outgoing ? 'out' : 'in'}`),
      inOrder: inOrder && (frames.at(-1)?.timeNs ?? 0n) <= realtimeNs(),
      source: hex(frames[0]?.octets.subarray(name === 'ipv4' ? 26 : 22, name === 'ipv4' ? 30 : 38)),
      whole: frames.every((frame) => frame.octets.length === frame.wireLength),
    };
  }
}

async function sideBySide(): Promise<void> {
  const namespace = openNamespace(second.path('cn'));
  const other = openRawSender(namespace);
  const port = openPacketPort({ namespace, device: 'cn0', onFrame: (frame) => note('second', frame) });
  namespace.close();
  other.send(ipv4('10.12.0.2', '10.1.0.2', 17, udp('elsewhere')));
  await until(() => carrying('elsewhere').length > 0);
  await echo();
  found.secondLab = { seenAt: carrying('elsewhere').map(({ at }) => at), mac: port.mac };
  other.close();
  port.close();
}

/** A care-of address answers ARP, and is reached without it. Also: a port's own frame is seen at the port. */
async function anyIp(): Promise<void> {
  const sender = octetsOf(ports.core.mac.replaceAll(':', ''));
  const question = [...octetsOf('ffffffffffff'), ...sender, ...octetsOf('08060001080006040001'), ...sender];
  ports.core.send(Uint8Array.from([...question, 10, 10, 0, 1, 0, 0, 0, 0, 0, 0, 10, 10, 200, 7]));
  const answered = ({ at, octets }: Seen): boolean =>
    at === 'core' && typeOf(octets) === ARP && octets[21] === 2;
  await until(() => seen.some(answered));
  found.ownFrame = seen.some(
    ({ at, octets, outgoing }) => at === 'core' && outgoing && typeOf(octets) === ARP,
  );
  found.arpAnswer = hex(seen.find(answered)?.octets.subarray(22, 32));
  cn.send(ipv4('10.12.0.2', '10.10.200.8', 17, udp('care-of')));
  await until(() => carrying('care-of').some((frame) => frame.at === 'mn'));
  found.careOf = !seen.some(
    ({ octets }) => typeOf(octets) === ARP && hex(octets.subarray(38, 42)) === '0a0ac808',
  );
}

async function sinks(): Promise<void> {
  const send = (): void => {
    cn.send(ipv4('10.12.0.2', '10.1.0.2', 17, udp('port')));
    cn.send(ipv4('10.12.0.2', '10.1.0.2', 41, new Uint8Array(40)));
    cn.send(
      ipv6('20010db8000c00000000000000000002', '20010db8000100000000000000000002', 4, new Uint8Array(20)),
    );
  };
  const complaints = (): string[] =>
    seen.filter(({ at, outgoing }) => at === 'home' && outgoing).flatMap(({ octets }) => icmpError(octets));
  seen.length = 0;
  send();
  await echo();
  await until(() => complaints().length >= 3);
  found.withoutSink = complaints();
  seen.length = 0;
  const sink = openSink({ namespace: at.home, udpPorts: [434], protocols: [4, 41, 47] });
  send();
  await echo();
  found.withSink = complaints();
  sink.close();
}

async function blackholes(): Promise<void> {
  const home = ['10.1.1.1', '20010db8000100000000000000000011'] as const;
  const asked = (): string[] =>
    seen
      .filter(({ at, octets }) => at === 'home' && (typeOf(octets) === ARP || octets[54] === 135))
      .map(({ octets }) => (typeOf(octets) === ARP ? 'ARP' : 'neighbour solicitation'));
  const send = (): void => {
    cn.send(ipv4('10.12.0.2', home[0], 17, udp('to a home address')));
    cn.send(ipv6('20010db8000c00000000000000000002', home[1], 17, udp('to a home address')));
  };
  const routes = openRoutes(at.iut);
  for (const address of ['10.1.1.1', '10.1.1.1', '2001:db8:1::11', '2001:db8:1::11'])
    routes.blackhole(address);
  seen.length = 0;
  send();
  await echo();
  found.blackholed = asked();
  for (const address of ['10.1.1.1', '10.1.1.1', '2001:db8:1::11', '2001:db8:1::11'])
    routes.unblackhole(address);
  send();
  await until(() => asked().length >= 2);
  found.unblackholed = asked().sort().slice(0, 2);
  found.noAddress = messageOf(() => routes.blackhole('10.1.1'));
  routes.close();

  const ours = openRoutes(at.mn);
  ours.local('10.10.64.0/24');
  ours.local('2001:db8:5::/64');
  await echo('10.10.64.9');
  found.local = seen.some(({ octets }) => isReply(octets) && hex(octets.subarray(26, 30)) === '0a0a4009');
  ours.close();
}

/** One packet at a time, each sent when a promise says that the one before has been seen. */
async function latency(): Promise<void> {
  const packet = ipv4('10.12.0.2', '10.1.0.2', 17, udp('latency'));
  const micros: number[] = [];
  for (let i = 0; i < 300; i += 1) {
    seen.length = 0;
    const from = performance.now();
    cn.send(packet);
    await until(() => carrying('latency').some((frame) => frame.at === 'home'));
    micros.push((performance.now() - from) * 1000);
  }
  found.latencyMicros = Math.round(micros.sort((a, b) => a - b)[150] as number);
}

async function bursts(): Promise<void> {
  for (const port of [ports.core, ports.mn, ports.cn, ports.iut]) port.close();
  const lostBefore = ports.home.dropped();
  const packet = ipv4('10.12.0.2', '10.1.0.2', 47, new Uint8Array(100));
  const sink = openSink({ namespace: at.home, udpPorts: [], protocols: [47] });
  seen.length = 0;
  const from = performance.now();
  for (let i = 0; i < 10; i += 1) {
    for (let j = 0; j < 1000; j += 1) cn.send(packet);
    await new Promise((resolve) => setImmediate(resolve));
  }
  drainPorts();
  found.framesPerSecond = Math.round(10_000 / ((performance.now() - from) / 1000));
  found.burst = { seen: seen.length, dropped: ports.home.dropped() - lostBefore };

  let count = 0;
  const onFrame = (): void => {
    count += 1;
  };
  const small = openPacketPort({ namespace: at.home, device: 'home0', ringFrames: 64, onFrame });
  for (let i = 0; i < 500; i += 1) cn.send(packet);
  drainPorts();
  found.overflow = { seen: count, dropped: small.dropped() };
  small.close();
  sink.close();
}

function errors(): void {
  const onFrame = (): void => {};
  found.noDevice = messageOf(() => openPacketPort({ namespace: at.cn, device: 'nosuch0', onFrame }));
  found.noNamespace = messageOf(() => openNamespace('/run/netns/nosuch'));
  found.notIp = messageOf(() => cn.send(Uint8Array.of(0x75, 0)));
  cn.send(ipv4('10.12.0.2', '10.1.0.2', 17, new Uint8Array(2000)));
  cn.send(
    ipv6('20010db8000c00000000000000000002', '20010db8000c00000000000000000002', 17, new Uint8Array(70_000)),
  );
  found.refused = refused;
}

function close(): void {
  ports.home.close();
  ports.home.close();
  cn.close();
  cn.close();
  found.closedSender = messageOf(() => cn.send(ipv4('10.12.0.2', '10.1.0.2', 17, udp('late'))));
  found.closedPort = messageOf(() => ports.home.send(new Uint8Array(60)));
  for (const namespace of Object.values(at)) namespace.close();
  lab.close();
  second.close();
  found.netnsFilesAfter = fs.readdirSync('/run/netns');
}

/** Everything open and a program running in the lab, until the private world is killed. */
async function stay(): Promise<never> {
  watch('cn', 'cn0');
  // Descriptor 3 comes from the test, which learns by its end that nobody is left.
  spawnIn(lab.path('mn'), ['sleep', '60'], { stdio: ['ignore', 'ignore', 'ignore', 3] });
  process.stdout.write('ready\n');
  return new Promise(() => {});
}

function watch(name: LabName, device: string): PacketPort {
  return openPacketPort({ namespace: at[name], device, onFrame: (frame) => note(name, frame) });
}

function note(name: string, frame: Frame): void {
  seen.push({ at: name, ...frame });
  wake();
}

/** Resolves when `condition` holds, looked at after every frame; gives up after two seconds. */
async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 2000;
  while (!condition() && performance.now() < end) {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      timer = setTimeout(resolve, end - performance.now());
    });
    clearTimeout(timer);
  }
}

/** A barrier: everything sent before it has been dealt with when the reply is back. */
async function echo(address = '10.1.0.2'): Promise<void> {
  const replies = (): number =>
    seen.filter(({ at, octets, outgoing }) => isReply(octets) && at === 'cn' && !outgoing).length;
  const before = replies();
  cn.send(ipv4('10.12.0.2', address, 1, Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0)));
  cn.send(ipv4('10.12.0.2', address, 1, Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0)));
  await until(() => replies() >= before + 2);
}

function isReply(octets: Uint8Array): boolean {
  return typeOf(octets) === IPV4 && octets[23] === 1 && octets[34] === 0;
}

function icmpError(octets: Uint8Array): string[] {
  if (typeOf(octets) === IPV4 && octets[23] === 1 && octets[34] === 3) return [`icmp 3/${octets[35]}`];
  if (typeOf(octets) === IPV6 && octets[20] === 58 && octets[54] === 4) return [`icmpv6 4/${octets[55]}`];
  return [];
}

/** Complaints of the kernel, which quote the packet that they are about, are left out. */
function carrying(payload: string): Seen[] {
  return seen.filter(({ octets }) => !isIcmp(octets) && Buffer.from(octets).includes(payload));
}

function isIcmp(octets: Uint8Array): boolean {
  return typeOf(octets) === IPV4 ? octets[23] === 1 : octets[20] === 58;
}

function typeOf(octets: Uint8Array): number {
  return ((octets[12] as number) << 8) | (octets[13] as number);
}

function udp(payload: string): Uint8Array {
  const data = Buffer.from(payload);
  return Uint8Array.from([0x30, 0x39, 0x01, 0xb2, 0, 8 + data.length, 0, 0, ...data]);
}

function ipv4(source: string, destination: string, protocol: number, payload: Uint8Array): Uint8Array {
  const addresses = [...source.split('.'), ...destination.split('.')].map(Number);
  return Uint8Array.from([0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, ...addresses, ...payload]);
}

function ipv6(source: string, destination: string, nextHeader: number, payload: Uint8Array): Uint8Array {
  const length = [payload.length >> 8, payload.length & 0xff];
  const addresses = [...octetsOf(source), ...octetsOf(destination)];
  return Uint8Array.from([0x60, 0, 0, 0, ...length, nextHeader, 64, ...addresses, ...payload]);
}

function octetsOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

function hex(octets: Uint8Array | undefined): string {
  return Buffer.from(octets ?? []).toString('hex');
}

function raise(message: string): never {
  throw new Error(message);
}

function messageOf(work: () => unknown): string {
  try {
    work();
    return 'nothing was thrown';
  } catch (error) {
    return (error as Error).message;
  }
}
