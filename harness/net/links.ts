/** Sets up the device of a port as a plan says, every change noted in a journal, and says what stands in the way. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { disableOffloads, offloadIsOn, offloadNames, setOffload } from './device.ts';
import { type IpLink, readDeviceState, readSysctl } from './device-state.ts';
import { NetError } from './errors.ts';
import { usesOf } from './in-use.ts';
import { ipBatch, ipJson } from './ip-command.ts';
import {
  type Claim,
  exclusively,
  Journal,
  type Restored,
  readJournals,
  restoreAbandoned,
} from './journal.ts';
import { createNamespace, inNamespace, type Namespace, withNamespace, writeSysctls } from './namespace.ts';
import { isSamePlace, type Place, placeOf } from './place.ts';
import { noProxyDelay, quietSysctls } from './quiet.ts';

/** What the device of a port is, and what it needs. */
export interface LinkPlan {
  /** Of the port, for messages; also the name of a device that is made. At most 15 characters. */
  name: string;
  /** `there`: used where it is. `macvlan`, `vlan`: made on it, in a namespace of ours. `take`: moved into one. */
  kind: 'there' | 'macvlan' | 'vlan' | 'take';
  /** The device, or the card that one is made on. */
  device: string;
  /** Path of the namespace that it is in; left out: the process's own. */
  namespace?: string;
  /** The VLAN's number. */
  vlan?: number;
  /** Of a device that is there: whether it may be changed. */
  configure: boolean;
  /** It may be changed although somebody works over it. */
  evenIfInUse: boolean;
  /** Each with the length of its prefix. */
  addresses: readonly string[];
  /** Prefixes of which every address is the kernel's own. */
  local: readonly string[];
  /** `to` is a prefix or `default`; without `via` on the link itself. */
  routes: readonly { to: string; via?: string }[];
  /** The kernel says nothing there, not even by IPv6. */
  silent: boolean;
}

/** A device that is ready. */
export interface ReadyLink {
  namespace?: string;
  device: string;
}

export interface OpenLinks {
  /** In the order of the plans. */
  links: ReadyLink[];
  /** What earlier runs that were killed had left. */
  restored: Restored[];
  /** Takes everything back; returns what could not be. */
  close(): string[];
}

/** Whether a plan changes anything. */
export const isChanging = ({ kind, configure }: LinkPlan): boolean => kind !== 'there' || configure;

/**
 * Takes back what earlier runs left, and sets links up. What is not changed is left alone. Rejects with a NetError that names port and
 * device, having changed nothing. `what` says what they are for.
 */
export async function openLinks(what: string, plans: readonly LinkPlan[]): Promise<OpenLinks> {
  const changing = plans.filter(isChanging);
  if (changing.length === 0 && readJournals().length === 0)
    return { links: [...plans], restored: [], close: () => [] };
  const { journal, restored } = await exclusively(() => {
    const restored = restoreAbandoned();
    const claims = changing.map(check);
    return { restored, journal: changing.length === 0 ? undefined : new Journal(what, claims) };
  });
  if (journal === undefined) return { links: [...plans], restored, close: () => [] };
  // However the process ends but by kill -9.
  const atExit = (): void => {
    journal.close();
  };
  process.once('exit', atExit);
  const close = (): string[] => {
    process.off('exit', atExit);
    return journal.close();
  };
  try {
    return { links: plans.map((plan) => (isChanging(plan) ? setUp(journal, plan) : plan)), restored, close };
  } catch (error) {
    const problems = close();
    if (problems.length === 0) throw error;
    throw new NetError('LINKS', `${(error as Error).message}; ${problems.join('; ')}`);
  }
}

const portOf = ({ name, device, namespace }: LinkPlan): string =>
  `port ${name}: ${device}${namespace === undefined ? '' : ` (in ${basename(namespace)})`}`;

/** Throws a NetError for a card that is not there, that somebody works over, or that another run has. */
function check(plan: LinkPlan): Claim {
  return withNamespace(plan.namespace, (namespace) => {
    const refuse = (why: string): never => {
      throw new NetError('LINKS', `${portOf(plan)} ${why}`);
    };
    const links = ipJson<IpLink>(['link', 'show'], namespace);
    const link = links.find(({ ifname }) => ifname === plan.device);
    if (link === undefined)
      return refuse(
        `is not there; there are ${links.map(({ ifname }) => ifname).join(', ')}: name one of them, or its namespace`,
      );
    const uses = plan.evenIfInUse ? [] : usesOf(plan.device, namespace);
    if (uses.length > 0)
      refuse(
        `is in use: ${uses.join('; ')}. Take another card, or say "evenIfInUse": true if it may be touched all the same`,
      );
    const place = placeOf(namespace);
    const claim = { place, index: link.ifindex, device: plan.device };
    for (const { living, claims, writer } of readJournals())
      if (living && claims.some((one) => isSamePlace(one.place, place) && one.index === claim.index))
        refuse(
          `belongs to another run (${writer.what}, process ${writer.pid}): let it end, or take another card`,
        );
    if (plan.kind === 'take') checkTake(plan, link, links, refuse);
    else if (plan.kind !== 'there' && !link.flags.includes('UP'))
      refuse(`is down, so nothing on it can be used: bring it up with "ip link set ${plan.device} up"`);
    return claim;
  });
}

function checkTake(
  { device }: LinkPlan,
  { master, ifname }: IpLink,
  links: readonly IpLink[],
  refuse: (why: string) => never,
): void {
  if (master !== undefined) refuse(`is part of ${master}, so it cannot be taken: take it out of that first`);
  if (ifname === 'lo') refuse('is the loopback device: name a card');
  const above = links.filter(({ link, linkinfo }) => link === device && linkinfo?.info_kind !== 'veth');
  if (above.length > 0)
    refuse(
      `carries ${above.map((one) => one.ifname).join(', ')}, so it cannot be taken: use "macvlanOn" or "vlan"`,
    );
}

function setUp(journal: Journal, plan: LinkPlan): ReadyLink {
  if (plan.kind === 'there') {
    withNamespace(plan.namespace, (namespace) => configureThere(journal, plan, namespace));
    return plan;
  }
  const path = ownNamespace(journal, plan);
  const device = plan.kind === 'take' ? take(journal, plan, path) : make(journal, plan, path);
  withNamespace(path, (namespace) => {
    const place = placeOf(namespace);
    switchOffloadsOff(journal, place, device, namespace, plan.kind === 'take');
    writeSysctls(namespace, Object.fromEntries(noProxyDelay(device)));
    if (plan.silent) writeSysctls(namespace, { [`ipv6/conf/${device}/disable_ipv6`]: 1 });
  });
  ipBatch(
    [
      ['link', 'set', 'lo', 'up'],
      ...plan.addresses.map((address) => addressWords(address, device)),
      ['link', 'set', device, 'up'],
      ...plan.local.map((prefix) => ['route', 'add', ...localWords(prefix)]),
      ...plan.routes.map((route) => ['route', 'add', ...routeWords(route, device)]),
    ],
    path,
  );
  return { namespace: path, device };
}

const ownPrefix = '/run/netns/dsmip-';

/** Whether a namespace is one of those made here: nobody else's devices are in it, but for taken ones. */
export const isOwnNamespace = (path: string | undefined): boolean => path?.startsWith(ownPrefix) === true;

/** It has the name of the port and of this process, so that `ip netns` tells whose it is. */
function ownNamespace(journal: Journal, { name, silent }: LinkPlan): string {
  const path = `${ownPrefix}${process.pid}-${name}`;
  const own = basename(path);
  journal.change({ kind: 'namespace', path }, () => createNamespace(own));
  withNamespace(path, (namespace) => {
    writeSysctls(namespace, quietSysctls(false));
    // Who knows our addresses from another machine, or from before, learns where they are now.
    if (!silent)
      writeSysctls(namespace, { 'ipv4/conf/default/arp_notify': 1, 'ipv6/conf/default/ndisc_notify': 1 });
  });
  return path;
}

function take(journal: Journal, plan: LinkPlan, path: string): string {
  const { device } = plan;
  withNamespace(plan.namespace, (from) => {
    const undo = {
      kind: 'taken' as const,
      place: withNamespace(path, placeOf),
      device,
      from: placeOf(from),
      state: readDeviceState(device, from),
    };
    journal.change(undo, () => ipBatch([['link', 'set', device, 'netns', basename(path)]], plan.namespace));
  });
  return device;
}

/** Kernel modules, by the type of device. */
const modules = { macvlan: 'macvlan', vlan: '8021q' } as const;

function make(journal: Journal, plan: LinkPlan, path: string): string {
  const { name, device, kind } = plan;
  if (kind !== 'macvlan' && kind !== 'vlan') throw new Error(`no device is made for ${kind}`);
  const place = withNamespace(path, placeOf);
  const words = [
    ...['link', 'add', 'link', device, 'name', name],
    ...(kind === 'macvlan' ? ['address', ownMac(plan)] : []),
    ...['netns', basename(path), 'type', kind],
    ...(kind === 'macvlan' ? ['mode', 'bridge'] : ['id', String(plan.vlan)]),
  ];
  try {
    journal.change({ kind: 'link', place, device: name }, () => ipBatch([words], plan.namespace));
  } catch (error) {
    throw explained(error, plan);
  }
  return name;
}

function explained(error: unknown, plan: LinkPlan): unknown {
  const { message } = error as Error;
  const module = modules[plan.kind as keyof typeof modules];
  if (/Unknown device type|Operation not supported|not supported/i.test(message))
    return new NetError(
      'LINKS',
      `${portOf(plan)}: this kernel makes no ${plan.kind} devices: load the module with "modprobe ${module}"; where it is missing, install the full kernel package`,
    );
  if (plan.kind === 'vlan' && /File exists/.test(message))
    return new NetError(
      'LINKS',
      `${portOf(plan)} has VLAN ${plan.vlan} already: name that device with "macvlanOn", or delete it first`,
    );
  return new NetError('LINKS', `${portOf(plan)}: ${message}`);
}

/**
 * Always the same for a port on a card: the device under test remembers it from one run to the next (ARP), and would answer to one that
 * is gone. Locally administered.
 */
function ownMac({ name, device, namespace }: LinkPlan): string {
  const card = withNamespace(
    namespace,
    (at) => ipJson<IpLink>(['link', 'show', 'dev', device], at)[0]?.address,
  );
  const octets = createHash('sha256').update(`${card} ${name}`).digest().subarray(0, 5);
  return ['02', ...[...octets].map((octet) => octet.toString(16).padStart(2, '0'))].join(':');
}

function switchOffloadsOff(
  journal: Journal,
  place: Place,
  device: string,
  namespace: Namespace | undefined,
  isTheirs: boolean,
): void {
  if (!isTheirs) {
    disableOffloads([device], namespace);
    return;
  }
  for (const offload of offloadNames)
    if (offloadIsOn(device, offload, namespace) === true)
      journal.change({ kind: 'offload', place, device, offload }, () => {
        setOffload(device, offload, false, namespace);
      });
}

const addressWords = (address: string, device: string): string[] => [
  ...['address', 'add', address, 'dev', device],
  ...(address.includes(':') ? ['nodad'] : []),
];

const localWords = (prefix: string): string[] => ['local', prefix, 'dev', 'lo'];

/** `onlink`: a router may be on none of our prefixes, and is on the link all the same. */
const routeWords = ({ to, via }: LinkPlan['routes'][number], device: string): string[] =>
  via === undefined ? [to, 'dev', device] : [to, 'via', via, 'dev', device, 'onlink'];

/** A device that stays where it is and belongs to somebody: every single change is noted. */
function configureThere(journal: Journal, plan: LinkPlan, namespace: Namespace | undefined): void {
  const { device } = plan;
  const place = placeOf(namespace);
  const [link] = ipJson<IpLink & { addr_info?: { local: string; prefixlen: number }[] }>(
    ['address', 'show', 'dev', device],
    namespace,
  );
  for (const [name, value] of Object.entries(sysctlsOf(plan, namespace)))
    setSysctl(journal, place, namespace, name, value);
  switchOffloadsOff(journal, place, device, namespace, true);
  const has = new Set((link?.addr_info ?? []).map(({ local, prefixlen }) => `${local}/${prefixlen}`));
  for (const address of plan.addresses)
    if (!has.has(address))
      journal.change({ kind: 'address', place, device, address }, () =>
        ipBatch([addressWords(address, device)], plan.namespace),
      );
  if (link?.flags.includes('UP') !== true)
    journal.change({ kind: 'up', place, device }, () =>
      ipBatch([['link', 'set', device, 'up']], plan.namespace),
    );
  for (const prefix of plan.local) addRoute(journal, plan, place, namespace, prefix, localWords(prefix));
  for (const route of plan.routes)
    addRoute(journal, plan, place, namespace, route.to, routeWords(route, device));
}

function setSysctl(
  journal: Journal,
  place: Place,
  namespace: Namespace | undefined,
  name: string,
  value: string,
): void {
  const before = inNamespace(namespace, () => readSysctl(name));
  if (before === undefined || before === value) return;
  journal.change({ kind: 'sysctl', place, name, value: before }, () =>
    writeSysctls(namespace, { [name]: value }),
  );
}

/** Those of a device of somebody else's. What counts is the larger of the device's filter and that of all (ip-sysctl, rp_filter). */
function sysctlsOf(
  { device, silent }: LinkPlan,
  namespace: Namespace | undefined,
): { [name: string]: string } {
  const filter = inNamespace(namespace, () => readSysctl('ipv4/conf/all/rp_filter'));
  return {
    [`ipv4/conf/${device}/rp_filter`]: filter === '0' || filter === undefined ? '0' : '2',
    [`ipv4/conf/${device}/accept_local`]: '1',
    [`ipv4/conf/${device}/arp_ignore`]: '0',
    [`ipv4/conf/${device}/forwarding`]: '0',
    [`ipv4/conf/${device}/send_redirects`]: '0',
    [`ipv4/conf/${device}/accept_redirects`]: '0',
    [`ipv6/conf/${device}/forwarding`]: '0',
    [`ipv6/conf/${device}/accept_ra`]: '0',
    [`ipv6/conf/${device}/accept_redirects`]: '0',
    ...Object.fromEntries(noProxyDelay(device).map(([name, value]) => [name, String(value)])),
    ...(silent ? { [`ipv6/conf/${device}/disable_ipv6`]: '1' } : {}),
  };
}

interface IpRoute {
  dst: string;
  gateway?: string;
  dev?: string;
}

function addRoute(
  journal: Journal,
  plan: LinkPlan,
  place: Place,
  namespace: Namespace | undefined,
  to: string,
  words: string[],
): void {
  const family = words.join(' ').includes(':') ? '-6' : '-4';
  const word = (name: string): string | undefined =>
    words.includes(name) ? words[words.indexOf(name) + 1] : undefined;
  // As ip writes it.
  const bare = /^(0\.0\.0\.0|::)\/0$/.test(to) ? 'default' : to.replace(/\/(32|128)$/, '');
  const same = ipJson<IpRoute>([family, 'route', 'show', 'table', 'all'], namespace).filter(
    ({ dst }) => dst === bare || dst === to,
  );
  if (same.some(({ dev, gateway }) => dev === word('dev') && gateway === word('via'))) return;
  const [other] = same;
  if (other !== undefined)
    throw new NetError(
      'LINKS',
      `${portOf(plan)} cannot have a route to ${to}, as there is one by ${other.dev ?? 'another way'}: name "routes" that are narrower than that, or take a port of our own making`,
    );
  journal.change({ kind: 'route', place, words, family }, () =>
    ipBatch([['route', 'add', ...words]], plan.namespace, family),
  );
}
