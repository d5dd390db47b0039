/** What a device loses when it is moved to another namespace, and how it gets it back. */
import fs from 'node:fs';
import { join } from 'node:path';
import { ipBatch, ipJson } from './ip-command.ts';
import { inNamespace, type Namespace } from './namespace.ts';

/** As `ip address add`, `ip route add` and `ip neighbour replace` take them; sysctls by their path below /proc/sys/net. */
export interface DeviceState {
  up: boolean;
  addresses: string[][];
  routes: { family: '-4' | '-6'; words: string[] }[];
  /** Neighbours that somebody has set. */
  neighbours: string[][];
  sysctls: { [name: string]: string };
}

export interface IpLink {
  ifindex: number;
  ifname: string;
  flags: string[];
  mtu: number;
  address?: string;
  /** What it is made on; `link_index` instead where that is in another namespace. */
  link?: string;
  link_index?: number;
  link_netnsid?: number;
  master?: string;
  linkinfo?: { info_kind?: string; info_data?: { id?: number } };
}

interface IpAddress {
  family: string;
  local: string;
  address?: string;
  prefixlen: number;
  broadcast?: string;
  scope?: string;
  label?: string;
  noprefixroute?: boolean;
  nodad?: boolean;
  dynamic?: boolean;
  mngtmpaddr?: boolean;
  temporary?: boolean;
  valid_life_time?: number;
  preferred_life_time?: number;
}

interface IpRoute {
  type?: string;
  dst: string;
  gateway?: string;
  via?: { family: string; host: string };
  dev?: string;
  table?: string;
  protocol?: string;
  scope?: string;
  prefsrc?: string;
  metric?: number;
  pref?: string;
  flags?: string[];
  metrics?: { [name: string]: number | string }[];
}

const forever = 4_294_967_295;

/** Reads what a device has that moving it would take away. Throws a NetError when there is no such device. */
export function readDeviceState(device: string, namespace: Namespace | undefined): DeviceState {
  const [link] = ipJson<IpLink>(['link', 'show', 'dev', device], namespace);
  const [entry] = ipJson<{ addr_info?: IpAddress[] }>(['address', 'show', 'dev', device], namespace);
  const routes = (['-4', '-6'] as const).flatMap((family) =>
    ipJson<IpRoute>([family, 'route', 'show', 'table', 'all', 'dev', device], namespace)
      .filter(isOfSomebody)
      .sort((a, b) => Number(isBehindGateway(a)) - Number(isBehindGateway(b)))
      .map((route) => ({ family, words: routeWords(route, device) })),
  );
  return {
    up: link?.flags.includes('UP') === true,
    addresses: (entry?.addr_info ?? []).filter(isKept).map((address) => addressWords(address, device)),
    routes,
    neighbours: ipJson<{ dst: string; lladdr?: string }>(
      ['neighbour', 'show', 'dev', device, 'nud', 'permanent'],
      namespace,
    ).flatMap(({ dst, lladdr }) =>
      lladdr === undefined ? [] : [[dst, 'lladdr', lladdr, 'dev', device, 'nud', 'permanent']],
    ),
    sysctls: readSysctls(device, namespace),
  };
}

/** The kernel and router advertisements make theirs anew. */
const isOfSomebody = ({ protocol }: IpRoute): boolean => protocol !== 'kernel' && protocol !== 'ra';
const isBehindGateway = ({ gateway, via }: IpRoute): boolean => gateway !== undefined || via !== undefined;

/** Router advertisements bring these again. */
const isKept = ({ temporary, mngtmpaddr, dynamic }: IpAddress): boolean =>
  temporary !== true && !(mngtmpaddr === true && dynamic === true);

function addressWords(one: IpAddress, device: string): string[] {
  const { local, address, prefixlen, broadcast, scope, label, noprefixroute, family } = one;
  const life = (name: string, value: number | undefined): string[] =>
    value === undefined || value === forever ? [] : [name, String(value)];
  return [
    ...(address === undefined
      ? [`${local}/${prefixlen}`]
      : [...(local === undefined ? [] : [local]), 'peer', `${address}/${prefixlen}`]),
    ...(broadcast === undefined ? [] : ['broadcast', broadcast]),
    'dev',
    device,
    ...(scope === undefined || family === 'inet6' ? [] : ['scope', scope]),
    ...(label === undefined || label === device ? [] : ['label', label]),
    ...life('valid_lft', one.valid_life_time),
    ...life('preferred_lft', one.preferred_life_time),
    ...(noprefixroute === true ? ['noprefixroute'] : []),
    // It was in use already.
    ...(family === 'inet6' ? ['nodad'] : []),
  ];
}

function routeWords(route: IpRoute, device: string): string[] {
  const { type, dst, gateway, via, table, protocol, scope, prefsrc, metric, pref, flags, metrics } = route;
  const option = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [name, String(value)];
  return [
    ...(type === undefined || type === 'unicast' ? [] : [type]),
    dst,
    ...option('via', gateway),
    ...(via === undefined ? [] : ['via', via.family, via.host]),
    ...(type === 'unreachable' || type === 'blackhole' || type === 'prohibit' ? [] : ['dev', device]),
    ...option('table', table),
    ...option('proto', protocol),
    ...(dst.includes(':') ? [] : option('scope', scope)),
    ...option('src', prefsrc),
    ...option('metric', metric),
    ...option('pref', pref),
    ...(metrics ?? []).flatMap((one) => Object.entries(one).flatMap(([name, value]) => option(name, value))),
    ...(flags?.includes('onlink') === true ? ['onlink'] : []),
  ];
}

const sysctlFolders = (device: string): string[] =>
  ['ipv4/conf', 'ipv4/neigh', 'ipv6/conf', 'ipv6/neigh'].map((name) => `${name}/${device}`);

function readSysctls(device: string, namespace: Namespace | undefined): { [name: string]: string } {
  return inNamespace(namespace, () => {
    const found: { [name: string]: string } = {};
    for (const folder of sysctlFolders(device)) {
      let names: string[] = [];
      try {
        names = fs.readdirSync(join('/proc/sys/net', folder));
      } catch {
        // IPv6 is off here.
      }
      for (const name of names) {
        const path = `${folder}/${name}`;
        // Some cannot be read (stable_secret that was never set), and `forwarding` of IPv6 writes into others.
        const value = readSysctl(path);
        if (value !== undefined) found[path] = value;
      }
    }
    return found;
  });
}

/** In the namespace the thread is in; undefined when there is no such sysctl or it cannot be read. */
export function readSysctl(name: string): string | undefined {
  try {
    return fs.readFileSync(join('/proc/sys/net', name), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Gives a device that is back in its namespace what it had. Returns what could not be given back. */
export function writeDeviceState(device: string, state: DeviceState, namespace: Namespace): string[] {
  const problems: string[] = [];
  const now = readSysctls(device, namespace);
  inNamespace(namespace, () => {
    for (const [name, value] of Object.entries(state.sysctls)) {
      if (now[name] === value) continue;
      try {
        fs.writeFileSync(join('/proc/sys/net', name), value);
      } catch {
        // The kernel refuses to write some that it computes.
      }
    }
  });
  const attempt = (line: string[], family?: string): void => {
    try {
      ipBatch([line], namespace.path, family);
    } catch (error) {
      if (!/File exists|already assigned/.test((error as Error).message))
        problems.push((error as Error).message);
    }
  };
  // The kernel makes most link-local addresses itself when the device comes up.
  const [before, after] = [false, true].map((late) =>
    state.addresses.filter(([address = '']) => address.startsWith('fe80:') === late),
  );
  for (const words of before ?? []) attempt(['address', 'add', ...words]);
  if (state.up) attempt(['link', 'set', device, 'up']);
  for (const words of after ?? []) attempt(['address', 'add', ...words]);
  for (const words of state.neighbours) attempt(['neighbour', 'replace', ...words]);
  for (const { family, words } of state.routes) attempt(['route', 'add', ...words], family);
  return problems;
}
