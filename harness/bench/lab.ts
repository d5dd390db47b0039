import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import fs from 'node:fs';
import {
  createNamespace,
  deleteNamespace,
  disableOffloads,
  inNamespace,
  ipBatch,
  mountPrivateRun,
  type Namespace,
  NetError,
  noProxyDelay,
  openNamespace,
  quietSysctls,
  withNamespace,
  writeSysctls,
} from '../net/index.ts';
import type { End, Topology } from './topologies.ts';

/**
 * An embedded lab: network namespaces joined by pairs of virtual Ethernet devices, laid out as its topology says. It is built
 * inside the private world of `isolated()`, so nothing of it outlives the process.
 */
export interface Lab {
  /** Path of a namespace, for `openNamespace` and `spawnIn`. */
  path(name: string): string;
  close(): void;
}

/**
 * Builds a lab and returns when packets can cross it. `number` (0 to 255) tells labs in one process apart.
 * Throws a NetError outside of a private world, or when the kernel has no IPv6.
 */
export function buildLab(topology: Topology, number = 1): Lab {
  if (!Number.isInteger(number) || number < 0 || number > 255) {
    throw new NetError('LAB_NUMBER', `the number of a lab is 0 to 255, not ${number}`);
  }
  requireIpv6();
  mountPrivateRun();
  const made: string[] = [];
  const close = (): void => {
    for (const path of made.splice(0)) deleteNamespace(path);
  };
  try {
    const paths = new Map<string, string>();
    for (const name of topology.names) {
      const path = createNamespace(`lab${number}-${name}`);
      made.push(path);
      paths.set(name, path);
    }
    const path = (name: string): string => {
      const found = paths.get(name);
      if (found === undefined) throw new NetError('LAB_NAME', `the lab has no namespace "${name}"`);
      return found;
    };
    configure(topology, number, path);
    return { path, close };
  } catch (error) {
    close();
    throw error;
  }
}

/**
 * Starts a program in a network namespace. It is an ordinary child process: its pid is the program's own, and it
 * ends with the private world at the latest.
 */
export function spawnIn(
  namespacePath: string,
  argv: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  // The child is forked from this very thread, so it is born in the namespace that the thread is in.
  return withNamespace(namespacePath, (namespace) => inNamespace(namespace, () => spawnHere(argv, options)));
}

/** Starts a program where this one is. */
export function spawnHere(argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const [command, ...args] = argv;
  if (command === undefined) throw new NetError('NO_COMMAND', 'a program to start has to be named');
  return spawn(command, args, options);
}

function requireIpv6(): void {
  if (fs.existsSync('/proc/sys/net/ipv6/conf')) return;
  throw new NetError(
    'NO_IPV6',
    'this kernel runs without IPv6, which the lab needs; boot it without "ipv6.disable=1", or load the module ipv6',
  );
}

function configure(topology: Topology, number: number, path: Lab['path']): void {
  const { names, routers, silent = [] } = topology;
  const opened = new Map(names.map((name) => [name, openNamespace(path(name))]));
  const at = (name: string): Namespace => opened.get(name) as Namespace;
  try {
    for (const name of names) writeSysctls(at(name), quietSysctls(routers.includes(name)));
    makeLinks(topology, number, path);
    for (const name of names) {
      const devices = endsAt(topology, name).map(({ own }) => own.device);
      disableOffloads(devices, at(name));
      writeSysctls(at(name), Object.fromEntries(devices.flatMap(noProxyDelay)));
      for (const { device } of silent.filter((one) => one.at === name))
        writeSysctls(at(name), { [`ipv6/conf/${device}/disable_ipv6`]: 1 });
      ipBatch(setUp(topology, number, name), path(name));
    }
  } finally {
    for (const namespace of opened.values()) namespace.close();
  }
}

/** Every link is made from its first end, whose peer is born in the namespace of the other. */
function makeLinks({ links }: Topology, number: number, path: Lab['path']): void {
  for (const from of new Set(links.map(([first]) => first.at))) {
    const lines = links.flatMap(([first, second], link) => {
      if (first.at !== from) return [];
      const near = ['name', first.device, 'address', macOf(number, link, 0)];
      const far = [
        'name',
        second.device,
        'netns',
        `lab${number}-${second.at}`,
        'address',
        macOf(number, link, 1),
      ];
      return [['link', 'add', ...near, 'type', 'veth', 'peer', ...far]];
    });
    ipBatch(lines, path(from));
  }
}

/** Addresses, neighbours and routes of a namespace. */
function setUp(topology: Topology, number: number, name: string): string[][] {
  const ends = endsAt(topology, name);
  return [
    ['link', 'set', 'lo', 'up'],
    ...ends.flatMap(({ own }) => [
      ['link', 'set', own.device, 'up'],
      ...own.addresses.map((address) => ['address', 'add', address, 'dev', own.device, ...nodad(address)]),
    ]),
    // The hosts' own addresses are known from the start; those of mobile nodes are not, they are what is tested.
    ...ends.flatMap(({ own, peer, link, side }) =>
      own.addresses.length === 0
        ? []
        : peer.addresses.map((address) => {
            const neighbour = [
              'neighbour',
              'replace',
              address.replace(/\/.*/, ''),
              'lladdr',
              macOf(number, link, 1 - side),
            ];
            return [...neighbour, 'dev', own.device, 'nud', 'permanent'];
          }),
    ),
    ...(topology.routes[name] ?? []).map((words) => ['route', 'add', ...words]),
  ];
}

function endsAt({ links }: Topology, name: string): { own: End; peer: End; link: number; side: number }[] {
  return links.flatMap(([first, second], link) => [
    ...(first.at === name ? [{ own: first, peer: second, link, side: 0 }] : []),
    ...(second.at === name ? [{ own: second, peer: first, link, side: 1 }] : []),
  ]);
}

function nodad(address: string): string[] {
  return address.includes(':') ? ['nodad'] : [];
}

/** A locally administered address that tells lab, link and side. */
function macOf(lab: number, link: number, side: number): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return `02:00:00:${hex(lab)}:${hex(link + 1)}:${hex(side + 1)}`;
}
