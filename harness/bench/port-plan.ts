/** From a profile to what the device of each port needs: the addresses and routes of whoever the harness is there. */
import { basename } from 'node:path';
import type { LinkPlan } from '../net/index.ts';
import { fault } from '../vectors/errors.ts';
import type { PortSettings, Profile } from '../vectors/profile.ts';
import { addressPlus, inPrefix, parseAddress, parsePrefix } from '../wire/index.ts';

/** A port with the key by which the bench knows it: its name, or that of the link of one mobile node. */
export interface PlannedPort {
  key: string;
  plan: LinkPlan;
  /** The command that runs dsmip on another machine. */
  via?: readonly string[];
}

/** Who the harness is at a port, and what that asks of it. */
interface Needs {
  /** Addresses of its own; with a length where the IXIT tells that of the link. */
  addresses: { address: string; length?: number }[];
  /** Addresses that the kernel is to call its own although no device has them: first and last of each range. */
  local: [string, string][];
  /** Routers, where the profile names none. */
  gateways: string[];
  /** Addresses it sends to. */
  targets: { address: string; what: string }[];
  silent?: boolean;
}

const nothing: Needs = { addresses: [], local: [], gateways: [], targets: [] };

/**
 * Plan every port of a profile. The name of the link of mobile node n is `link n` as a key. Throws DataError naming the field and the mend
 * where something that the role needs is missing, or one device is asked to be two things. An embedded lab has none.
 */
export function planPorts(profile: Profile): PlannedPort[] {
  if ('lab' in profile.bench) return [];
  const { link, ...others } = profile.bench.ports;
  const planned = Object.entries(others).map(([name, port]) => planPort(profile, name, name, name, port));
  if (link !== undefined)
    for (const [at] of profile.mobileNodes.entries())
      planned.push(planPort(profile, 'link', `link ${at}`, `link${at + 1}`, numbered(link, at + 1)));
  checkShared(profile, planned);
  return planned;
}

/** The link of mobile node n. */
function numbered(link: PortSettings, n: number): PortSettings {
  const fill = (text: string): string => text.replaceAll('{n}', String(n));
  const { namespace, device, macvlanOn, vlan } = link;
  return {
    ...link,
    ...(namespace === undefined ? {} : { namespace: fill(namespace) }),
    ...(device === undefined ? {} : { device: fill(device) }),
    ...(macvlanOn === undefined ? {} : { macvlanOn: fill(macvlanOn) }),
    ...(vlan === undefined ? {} : { vlan: { on: fill(vlan.on), id: vlan.id + n - 1 } }),
  };
}

function planPort(
  profile: Profile,
  port: string,
  key: string,
  name: string,
  settings: PortSettings,
): PlannedPort {
  const { device, macvlanOn, vlan, take, namespace, via } = settings;
  const kind =
    macvlanOn !== undefined ? 'macvlan' : vlan !== undefined ? 'vlan' : take === true ? 'take' : 'there';
  const configure = settings.configure === true;
  const needs = kind === 'there' && !configure ? nothing : needsOf(profile, port);
  const plan: LinkPlan = {
    name,
    kind,
    device: macvlanOn ?? vlan?.on ?? device ?? '',
    ...(namespace === undefined ? {} : { namespace }),
    ...(vlan === undefined ? {} : { vlan: vlan.id }),
    configure,
    evenIfInUse: settings.evenIfInUse === true,
    addresses: addressesOf(needs, settings),
    local: needs.local.flatMap(([first, last]) => prefixesOf(first, last)),
    routes: routesOf(needs, settings),
    silent: needs.silent === true,
  };
  const unreached = needs.targets.find(({ address }) => !isReached(address, plan));
  if (unreached !== undefined)
    throw fault(
      profile.file,
      `$.bench.ports.${port}`,
      `has no way to ${unreached.what}, ${unreached.address}: add its router as "gateway" (or one of "routes"), or with "addresses" the prefix in which that lies`,
    );
  return { key, plan, ...(via === undefined ? {} : { via }) };
}

function needsOf(profile: Profile, port: string): Needs {
  const { role, homeAgent, correspondentNode, mobileNodes, foreignAgents, homeAgents } = profile;
  const { careOfAddresses, homeHost, foreignAgent, visitedHost, visitedNetwork } = profile;
  const both = ({ address, ipv6Address }: { address: string; ipv6Address: string }): Needs['addresses'] =>
    [address, ipv6Address].map((one) => ({ address: one }));
  const toHomeAgent = { address: homeAgent.address, what: 'the home agent' };
  const lengthOf = (prefix: string): number => parsePrefix(prefix).length;
  const [first] = mobileNodes;
  switch (`${role} ${port}`) {
    case 'home-agent mn': {
      if (careOfAddresses === undefined) return nothing;
      const { first: one, count } = careOfAddresses;
      // One of them is the device's own, so that the kernel has an address to ask from.
      return {
        ...nothing,
        addresses: [{ address: one }],
        local: [[one, addressPlus(one, count - 1)]],
        targets: [toHomeAgent],
      };
    }
    case 'home-agent fa':
      return {
        ...nothing,
        addresses: foreignAgents.map(({ address }) => ({ address })),
        targets: [toHomeAgent],
      };
    case 'home-agent home':
      if (homeHost === undefined) return nothing;
      return {
        ...nothing,
        addresses: [
          { address: homeHost.address, length: lengthOf(profile.ipv4HomePrefix) },
          { address: homeHost.ipv6Address, length: lengthOf(profile.ipv6HomePrefix) },
        ],
        gateways: [homeAgent.address, homeAgent.ipv6Address],
        targets: [toHomeAgent],
      };
    case 'home-agent cn':
    case 'scenario cn':
      return {
        ...nothing,
        addresses: both(correspondentNode),
        targets: [
          { address: first?.ipv4HomeAddress ?? '', what: 'the home addresses' },
          { address: first?.ipv6HomeAddress ?? '', what: 'the IPv6 home addresses' },
        ],
      };
    case 'foreign-agent mn': {
      if (visitedHost === undefined || foreignAgent === undefined) return nothing;
      // Home agents may have addresses of the home network, and are not here.
      const elsewhere = [
        ...homeAgents.map(({ address }) => address),
        correspondentNode.address,
        foreignAgent.address,
      ];
      return {
        ...nothing,
        addresses: both(visitedHost),
        local: rangesWithout(profile.ipv4HomePrefix, elsewhere),
        gateways: [foreignAgent.address],
        targets: [{ address: foreignAgent.address, what: 'the foreign agent' }],
      };
    }
    case 'foreign-agent ha':
      return {
        ...nothing,
        addresses: homeAgents.map(({ address }) => ({ address })),
        targets: [{ address: foreignAgent?.careOfAddress ?? '', what: 'the care-of address' }],
      };
    case 'foreign-agent cn':
      return {
        ...nothing,
        addresses: both(correspondentNode),
        targets: [{ address: foreignAgent?.careOfAddress ?? '', what: 'the care-of address' }],
      };
    case 'mobile-node link':
      // Whatever network it is in.
      return {
        ...nothing,
        addresses: [
          { address: homeAgent.address, length: lengthOf(profile.ipv4HomePrefix) },
          { address: homeAgent.ipv6Address, length: lengthOf(profile.ipv6HomePrefix) },
          ...foreignAgents.map(({ address }) => ({ address })),
          ...(visitedNetwork === undefined
            ? []
            : [
                { address: visitedNetwork.router, length: visitedNetwork.prefixLength },
                { address: visitedNetwork.ipv6Router, length: 64 },
              ]),
        ],
      };
    default:
      // In a scenario the harness watches.
      return { ...nothing, silent: true };
  }
}

const isIpv6 = (address: string): boolean => address.includes(':');
const whole = (address: string): number => (isIpv6(address) ? 128 : 32);

/** Those named, and those of the IXIT with the length of the prefix that they lie in. */
function addressesOf(needs: Needs, { addresses = [] }: PortSettings): string[] {
  const named = new Set(addresses.map((one) => one.split('/')[0]));
  const hasIpv4 = addresses.some((one) => !isIpv6(one));
  const derived = needs.addresses
    .filter(({ address }) => !named.has(address))
    // A care-of address is one of many that are local already.
    .filter(({ address }) => !(hasIpv4 && needs.local.some(([first]) => first === address)))
    .map(({ address, length }) => {
      const around = addresses.find((one) => inPrefix(address, one));
      const found = around === undefined ? undefined : parsePrefix(around).length;
      return `${address}/${found ?? length ?? whole(address)}`;
    });
  return [...new Set([...addresses, ...derived])];
}

function routesOf({ gateways }: Needs, { gateway = [], routes = [] }: PortSettings): LinkPlan['routes'] {
  const routers = [false, true].flatMap(
    (six) =>
      gateway.find((one) => isIpv6(one) === six) ??
      gateways.find((one) => isIpv6(one) === six && parseAddress(one).some((octet) => octet !== 0)) ??
      [],
  );
  return [...routes, ...routers.map((via) => ({ to: isIpv6(via) ? '::/0' : '0.0.0.0/0', via }))];
}

function isReached(address: string, { addresses, routes, kind, configure }: LinkPlan): boolean {
  // A device that is not changed has what its owner gave it.
  if (kind === 'there' && !configure) return true;
  return [...addresses, ...routes.map(({ to }) => to)].some((prefix) => inPrefix(address, prefix));
}

/** First and last of the ranges that are left of a prefix without some addresses. */
function rangesWithout(prefix: string, without: readonly string[]): [string, string][] {
  const { octets, length } = parsePrefix(prefix);
  const size = 1n << BigInt(octets.length * 8 - length);
  const base = (numberOf(prefix.split('/')[0] ?? '') / size) * size;
  const holes = [...new Set(without.filter((one) => inPrefix(one, prefix)).map(numberOf))].sort((a, b) =>
    a < b ? -1 : 1,
  );
  const ranges: [string, string][] = [];
  let from = base;
  for (const hole of [...holes, base + size]) {
    if (hole > from) ranges.push([textOf(from, octets.length), textOf(hole - 1n, octets.length)]);
    from = hole + 1n;
  }
  return ranges;
}

/** The prefixes that cover a range of addresses exactly, first and last among them. */
export function prefixesOf(first: string, last: string): string[] {
  const octets = parseAddress(first).length;
  const end = numberOf(last);
  const found: string[] = [];
  for (let from = numberOf(first); from <= end; ) {
    let bits = 0;
    while (bits < octets * 8 && (from >> BigInt(bits)) % 2n === 0n && from + (2n << BigInt(bits)) - 1n <= end)
      bits += 1;
    found.push(`${textOf(from, octets)}/${octets * 8 - bits}`);
    from += 1n << BigInt(bits);
  }
  return found;
}

const numberOf = (address: string): bigint =>
  parseAddress(address).reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);

const textOf = (value: bigint, octets: number): string => addressPlus(octets === 4 ? '0.0.0.0' : '::', value);

/** One device is one thing, and a kernel plays one role. */
function checkShared(profile: Profile, planned: readonly PlannedPort[]): void {
  const machine = ({ via }: PlannedPort): string => (via ?? []).join(' ');
  const card = (one: PlannedPort): string => `${machine(one)} ${one.plan.namespace ?? ''} ${one.plan.device}`;
  for (const [at, one] of planned.entries()) {
    const { plan } = one;
    const refuse = (other: PlannedPort, why: string, mend: string): never => {
      const place = one.key.replace(/^link .*/, 'link');
      const device = `${plan.device}${plan.namespace === undefined ? '' : ` in ${basename(plan.namespace)}`}`;
      throw fault(
        profile.file,
        `$.bench.ports.${place}`,
        `${device} ${why} for the port ${other.plan.name} as well: ${mend}`,
      );
    };
    for (const other of planned.slice(0, at)) {
      const alone = [plan, other.plan].some(({ kind }) => kind === 'take');
      if (card(other) === card(one)) {
        if (alone) refuse(other, 'cannot be taken', 'use "macvlanOn" for both');
        if (plan.kind === 'vlan' && other.plan.kind === 'vlan' && plan.vlan === other.plan.vlan)
          refuse(
            other,
            `cannot have VLAN ${plan.vlan}`,
            'make that device yourself, and use "macvlanOn" for both',
          );
      }
      const sameKernel =
        machine(other) === machine(one) &&
        other.plan.namespace === plan.namespace &&
        [plan, other.plan].every(({ kind, configure }) => kind === 'there' && configure);
      if (sameKernel)
        refuse(
          other,
          'cannot be configured, as its kernel is',
          'have each in a namespace of its own: use "take" or "macvlanOn"',
        );
    }
  }
}
