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
  openNamespace,
  writeSysctls,
} from '../net/index.ts';

/**
 * The embedded lab: six network namespaces joined by pairs of virtual Ethernet devices.
 *
 *     mn ---+
 *     fa ---+--- core --- iut --- home
 *     cn ---+
 *
 * It is built inside the private world of `isolated()`, so nothing of it outlives the process.
 */
export const labNames = ['core', 'mn', 'fa', 'cn', 'iut', 'home'] as const;
export type LabName = (typeof labNames)[number];

export interface Lab {
  /** Paths of the namespaces, for `openNamespace` and `spawnIn`. */
  readonly namespaces: Record<LabName, string>;
  close(): void;
}

interface End {
  at: LabName;
  device: string;
  /** The first one of each family is the end's own, with the prefix length of the link. */
  addresses: string[];
}

const links: readonly [End, End][] = [
  [
    { at: 'core', device: 'mn0', addresses: ['10.10.0.1/16'] },
    { at: 'mn', device: 'mn0', addresses: ['10.10.0.2/16'] },
  ],
  [
    { at: 'core', device: 'fa0', addresses: ['10.11.0.1/16'] },
    { at: 'fa', device: 'fa0', addresses: ['10.11.0.2/16', '10.11.0.3/16'] },
  ],
  [
    { at: 'core', device: 'cn0', addresses: ['10.12.0.1/16', '2001:db8:c::1/64'] },
    { at: 'cn', device: 'cn0', addresses: ['10.12.0.2/16', '2001:db8:c::2/64'] },
  ],
  [
    { at: 'core', device: 'iut0', addresses: ['10.9.0.1/24', '2001:db8:9::1/64'] },
    { at: 'iut', device: 'core0', addresses: ['10.9.0.2/24', '2001:db8:9::2/64'] },
  ],
  [
    { at: 'iut', device: 'home0', addresses: ['10.1.0.1/16', '2001:db8:1::1/64'] },
    { at: 'home', device: 'home0', addresses: ['10.1.0.2/16', '2001:db8:1::2/64'] },
  ],
];

/** Care-of addresses: the mobile node's kernel owns all of them, and core need not ask for each by ARP. */
const careOfAddresses = '10.10.128.0/17';

const routes: Record<LabName, string[][]> = {
  core: [
    ['10.1.0.0/16', 'via', '10.9.0.2'],
    // Wider than the home link: subnets for mobile nodes are taken from the rest.
    ['2001:db8:1::/48', 'via', '2001:db8:9::2'],
    [careOfAddresses, 'via', '10.10.0.2'],
  ],
  mn: [
    ['default', 'via', '10.10.0.1'],
    ['local', careOfAddresses, 'dev', 'lo'],
  ],
  fa: [['default', 'via', '10.11.0.1']],
  cn: [
    ['default', 'via', '10.12.0.1'],
    ['default', 'via', '2001:db8:c::1'],
  ],
  iut: [
    ['default', 'via', '10.9.0.1'],
    ['default', 'via', '2001:db8:9::1'],
    // What no mobile node has been given must not go round in circles.
    ['blackhole', '2001:db8:1::/48'],
  ],
  home: [
    ['default', 'via', '10.1.0.1'],
    ['default', 'via', '2001:db8:1::1'],
  ],
};

const routers: readonly LabName[] = ['core', 'iut'];

/**
 * Builds the lab and returns when packets can cross it. `number` (0 to 255) tells labs in one process apart.
 * Throws a NetError outside of a private world, or when the kernel has no IPv6.
 */
export function buildLab(number = 1): Lab {
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
    const paths = labNames.map((name) => {
      const path = createNamespace(`lab${number}-${name}`);
      made.push(path);
      return [name, path] as const;
    });
    const namespaces = Object.fromEntries(paths) as Record<LabName, string>;
    configure(number, namespaces);
    return { namespaces, close };
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
  const [command, ...args] = argv;
  if (command === undefined) throw new NetError('NO_COMMAND', 'spawnIn needs a program to start');
  const namespace = openNamespace(namespacePath);
  try {
    // The child is forked from this very thread, so it is born in the namespace that the thread is in.
    return inNamespace(namespace, () => spawn(command, args, options));
  } finally {
    namespace.close();
  }
}

function requireIpv6(): void {
  if (fs.existsSync('/proc/sys/net/ipv6/conf')) return;
  throw new NetError(
    'NO_IPV6',
    'this kernel runs without IPv6, which the lab needs; boot it without "ipv6.disable=1", or load the module ipv6',
  );
}

function configure(number: number, paths: Record<LabName, string>): void {
  const opened = new Map(labNames.map((name) => [name, openNamespace(paths[name])]));
  const at = (name: LabName): Namespace => opened.get(name) as Namespace;
  try {
    for (const name of labNames) writeSysctls(at(name), sysctls(routers.includes(name)));
    makeLinks(number, paths);
    for (const name of labNames) {
      const devices = endsAt(name).map(({ own }) => own.device);
      disableOffloads(devices, at(name));
      writeSysctls(at(name), Object.fromEntries(devices.flatMap(noProxyDelay)));
      ipBatch(setUp(number, name), paths[name]);
    }
  } finally {
    for (const namespace of opened.values()) namespace.close();
  }
}

/** Set before any device exists, so that devices are born with them and say nothing of their own accord. */
function sysctls(router: boolean): Record<string, string | number> {
  const forwarding = router ? 1 : 0;
  const both = (name: string, value: number): [string, number][] =>
    ['all', 'default'].map((which) => [name.replace('*', which), value]);
  return Object.fromEntries([
    ['ipv4/ip_forward', forwarding],
    ...both('ipv4/conf/*/rp_filter', 0),
    // A mobile node's packet may come back to where its address is local or blackholed.
    ...both('ipv4/conf/*/accept_local', 1),
    ...both('ipv4/conf/*/send_redirects', 0),
    ...both('ipv4/conf/*/accept_redirects', 0),
    ['?ipv4/icmp_ratelimit', 0],
    ...both('ipv6/conf/*/disable_ipv6', 0),
    ...both('ipv6/conf/*/forwarding', forwarding),
    ...both('ipv6/conf/*/accept_dad', 0),
    ...both('ipv6/conf/*/dad_transmits', 0),
    ...both('ipv6/conf/*/accept_ra', 0),
    ...both('ipv6/conf/*/autoconf', 0),
    ...both('ipv6/conf/*/accept_redirects', 0),
    ...both('ipv6/conf/*/router_solicitations', 0),
    // Multicast listener reports cannot be switched off; what is repeated of them can be put off for an hour.
    ...both('ipv6/conf/*/mldv1_unsolicited_report_interval', 3_600_000),
    ...both('ipv6/conf/*/mldv2_unsolicited_report_interval', 3_600_000),
    ['?ipv6/icmp/ratelimit', 0],
  ]);
}

/** The kernel would answer for proxied neighbours after a random delay. It has no default for this but the device's. */
function noProxyDelay(device: string): [string, number][] {
  return ['ipv4', 'ipv6'].map((family) => [`${family}/neigh/${device}/proxy_delay`, 0]);
}

/** Every link is made from its first end, whose peer is born in the namespace of the other. */
function makeLinks(number: number, paths: Record<LabName, string>): void {
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
    ipBatch(lines, paths[from]);
  }
}

/** Addresses, neighbours and routes of a namespace. */
function setUp(number: number, name: LabName): string[][] {
  const ends = endsAt(name);
  return [
    ['link', 'set', 'lo', 'up'],
    ...ends.flatMap(({ own }) => [
      ['link', 'set', own.device, 'up'],
      ...own.addresses.map((address) => ['address', 'add', address, 'dev', own.device, ...nodad(address)]),
    ]),
    // The hosts' own addresses are known from the start; those of mobile nodes are not, they are what is tested.
    ...ends.flatMap(({ own, peer, link, side }) =>
      peer.addresses.map((address) => {
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
    ...routes[name].map((words) => ['route', 'add', ...words]),
  ];
}

function endsAt(name: LabName): { own: End; peer: End; link: number; side: number }[] {
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
