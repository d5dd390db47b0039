/** What this machine's side of the bench has to be: addresses, routes, filters and settings of the ports' devices. No packets. */
import {
  deviceFacts,
  inNamespace,
  ipJson,
  isOwnNamespace,
  type Namespace,
  NetError,
  offloadIsOn,
  offloadNames,
  readSysctl,
  withNamespace,
} from '../../net/index.ts';
import type { PortLink, Profile } from '../../vectors/profile.ts';
import { type Finding, note, ok, spoiled } from './finding.ts';

/** What an IPv6 tunnel in IPv4 of a mobile node with an MTU of 1280 at least needs, and what Ethernet has. */
const usualMtu = 1500;

/** A port of this machine: those of other machines look after themselves. */
export interface PlacedPort {
  name: string;
  link: PortLink;
}

/** A port's name as tests use it. */
const portName = (name: string): string => name.replace(/ \d+$/, '');

interface Owned {
  field: string;
  address: string | undefined;
}

/** The addresses that the harness has at a port, with the fields of the profile that name them. */
export function ownedAt(profile: Profile, port: string): { field: string; address: string }[] {
  const { role, correspondentNode, homeHost, visitedHost, visitedNetwork, careOfAddresses } = profile;
  const both = (field: string, host: { address: string; ipv6Address: string } | undefined): Owned[] => [
    { field: `${field}.address`, address: host?.address },
    { field: `${field}.ipv6Address`, address: host?.ipv6Address },
  ];
  const agents = (field: 'foreignAgents' | 'homeAgents'): Owned[] =>
    profile[field].map(({ address }, at) => ({ field: `ixit.${field}[${at}].address`, address }));
  const table: { [port: string]: Owned[] } = {
    'home-agent mn': [{ field: 'ixit.careOfAddresses.first', address: careOfAddresses?.first }],
    'home-agent fa': agents('foreignAgents'),
    'home-agent cn': both('ixit.correspondentNode', correspondentNode),
    'home-agent home': both('ixit.homeHost', homeHost),
    'foreign-agent mn': [
      ...both('ixit.visitedHost', visitedHost),
      { field: 'ixit.mobileNodes', address: profile.mobileNodes[0]?.ipv4HomeAddress },
    ],
    'foreign-agent ha': agents('homeAgents'),
    'foreign-agent cn': both('ixit.correspondentNode', correspondentNode),
    'mobile-node link': [
      { field: 'ixit.homeAgent.address', address: profile.homeAgent.address },
      ...agents('foreignAgents'),
      { field: 'ixit.visitedNetwork.router', address: visitedNetwork?.router },
    ],
    'scenario cn': both('ixit.correspondentNode', correspondentNode),
  };
  return (table[`${role} ${portName(port)}`] ?? []).filter(
    (one): one is { field: string; address: string } => one.address !== undefined && one.address !== '::',
  );
}

/** The device under test, as the harness speaks to it. */
export function deviceAddressOf({
  role,
  homeAgent,
  foreignAgent,
}: Profile): { field: string; address: string } | undefined {
  if (role === 'home-agent') return { field: 'ixit.homeAgent.address', address: homeAgent.address };
  if (role === 'foreign-agent' && foreignAgent !== undefined)
    return { field: 'ixit.foreignAgent.address', address: foreignAgent.address };
  return undefined;
}

/** Where the kernel of a namespace sends what is for an address. */
function routeTo(address: string, path: string | undefined): { type: string; device: string } | undefined {
  const words = [...(address.includes(':') ? ['-6'] : []), 'route', 'get', address];
  try {
    const [route] = withNamespace(path, (namespace) =>
      ipJson<{ type?: string; dev?: string }>(words, namespace),
    );
    return route === undefined ? undefined : { type: route.type ?? 'unicast', device: route.dev ?? '' };
  } catch (error) {
    // It refuses to answer where there is no such route.
    if (error instanceof NetError && error.code === 'IP_COMMAND') return undefined;
    throw error;
  }
}

/** Look at every port; `answered`: the device has registered a mobile node, so what that needs is right. Throws KernelError, NetError. */
export function portFindings(profile: Profile, ports: readonly PlacedPort[], answered: boolean): Finding[] {
  const findings = ports.flatMap(({ name, link }) => {
    return withNamespace(link.namespace, (namespace) => [
      ...addresses(profile, name, link, answered),
      ...routes(profile, name, link, answered),
      ...reversePath(profile, name, link, namespace),
      ...device(profile, name, link, namespace),
    ]);
  });
  return findings.length > 0 || ports.length === 0
    ? findings
    : [ok('ports', `addresses, routes, filters and settings of ${ports.map(({ name }) => name).join(', ')}`)];
}

function addresses(profile: Profile, name: string, link: PortLink, answered: boolean): Finding[] {
  const port = portName(name);
  const proven = answered && provenPorts(profile).includes(port);
  const device = deviceAddressOf(profile);
  const missing = ownedAt(profile, name)
    .filter(({ address }) => routeTo(address, link.namespace)?.type !== 'local')
    .map(({ field, address }) => {
      const found = `${field} ${address} is no address of port ${name}`;
      const mend = `give ${link.device} that address (ip address add), or set the one that it has; check that no two addresses of the profile are swapped`;
      return proven
        ? note('addresses', found, mend)
        : spoiled('addresses', found, mend, 'ports', { ports: [port] });
    });
  const own =
    device !== undefined && routeTo(device.address, link.namespace)?.type === 'local'
      ? [
          spoiled(
            'addresses',
            `${device.field} ${device.address} is an address of port ${name}, that is, of the harness itself`,
            `set ${device.field} to the device's address; check that no two addresses of the profile are swapped`,
            'everything',
          ),
        ]
      : [];
  return [...own, ...missing];
}

/** Ports whose addresses a registration uses. */
const provenPorts = ({ role }: Profile): string[] =>
  role === 'home-agent' ? ['mn'] : role === 'foreign-agent' ? ['mn', 'ha'] : ['link'];

function routes(profile: Profile, name: string, link: PortLink, answered: boolean): Finding[] {
  const device = deviceAddressOf(profile);
  if (device === undefined) return [];
  const route = routeTo(device.address, link.namespace);
  // The home link's host speaks to the home agent by its home address, others by whatever route there is.
  if (route === undefined && (name === 'cn' || name === 'ha')) return [];
  if (route?.type === 'local' || route?.device === link.device) return [];
  const found =
    route === undefined
      ? `port ${name} has no route to the device, ${device.address}`
      : `the route of port ${name} to the device, ${device.address}, leads through ${route.device} and not ${link.device}`;
  const mend = `add the route: ip route add ${device.address}/32 via <next hop> dev ${link.device}`;
  return [
    answered || name === 'cn'
      ? note('routes', found, mend)
      : spoiled('routes', found, mend, 'ports', { ports: [portName(name)] }),
  ];
}

/** RFC 3704: what a kernel with a filter drops, it does not answer; whoever is played here in user space sees it all the same. */
function reversePath(
  profile: Profile,
  name: string,
  link: PortLink,
  namespace: Namespace | undefined,
): Finding[] {
  const value = (which: string): number =>
    Number(inNamespace(namespace, () => readSysctl(`ipv4/conf/${which}/rp_filter`)) ?? 0);
  const mode = Math.max(value('all'), value(link.device));
  if (mode === 0) return [];
  const dropped = correspondents(profile, name).filter(({ address }) => {
    const route = routeTo(address, link.namespace);
    if (route === undefined) return true;
    return mode === 1 && route.type !== 'local' && route.device !== link.device;
  });
  if (dropped.length === 0) return [];
  const words = dropped.map(({ field, address }) => `${field} ${address}`).join(', ');
  return [
    spoiled(
      'reverse path',
      `the ${mode === 1 ? 'strict' : 'loose'} reverse-path filter of port ${name} drops packets from ${words}: its kernel answers neither their ARP requests nor their packets`,
      `sysctl -w net.ipv4.conf.${link.device}.rp_filter=2 and give the port a route to those addresses (dsmip doctor --fix does the first)`,
      'ports',
      {
        ports: [portName(name)],
        fix: { port: name, kind: 'sysctl', name: `ipv4/conf/${link.device}/rp_filter`, value: '2' },
      },
    ),
  ];
}

/** Whose packets the kernel of a port answers, by itself (ARP, echo, TCP). */
function correspondents(
  { role, homeAgent, foreignAgent, mobileNodes }: Profile,
  name: string,
): { field: string; address: string }[] {
  const port = portName(name);
  if (port === 'home') return [{ field: 'ixit.homeAgent.address', address: homeAgent.address }];
  if (role === 'foreign-agent' && port === 'mn' && foreignAgent !== undefined)
    return [{ field: 'ixit.foreignAgent.address', address: foreignAgent.address }];
  if (port !== 'cn') return [];
  const [first] = mobileNodes;
  return first === undefined || role !== 'scenario'
    ? []
    : [{ field: 'ixit.mobileNodes, home address', address: first.ipv4HomeAddress }];
}

function device(
  { role }: Profile,
  name: string,
  link: PortLink,
  namespace: Namespace | undefined,
): Finding[] {
  const { mtu } = deviceFacts(link.device, namespace);
  const offloads: string[] = offloadNames.filter((one) => offloadIsOn(link.device, one, namespace) === true);
  const small =
    mtu < usualMtu
      ? [
          note(
            'mtu',
            `port ${name} (${link.device}) has an MTU of ${mtu}, less than ${usualMtu}: full-size packets in a tunnel are fragmented or dropped`,
            `ip link set ${link.device} mtu ${usualMtu}, if the link carries that`,
          ),
        ]
      : [];
  // The harness sends whole packets and no kernel touches their checksums; only of scenarios do kernels speak.
  const touches = role === 'scenario';
  const relevant = offloads.filter((one) => !['scatter-gather'].includes(one));
  // What could be switched off there has been: a macvlan keeps some on whatever one says.
  if (relevant.length === 0 || isOwnNamespace(link.namespace)) return small;
  const found = `port ${name} (${link.device}) has offload on (${relevant.join(', ')}): frames are seen before checksums are filled in, or merged`;
  const mend = `ethtool -K ${link.device} rx off tx off tso off gso off gro off (dsmip doctor --fix does it)`;
  const fix = { port: name, kind: 'offloads' } as const;
  return [
    ...small,
    touches ? spoiled('offload', found, mend, 'transfers', { fix }) : note('offload', found, mend, fix),
  ];
}
