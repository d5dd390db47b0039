/** What `dsmip init` asks: where the answer goes, in what words it is asked, and why. */
import type { ProfileFile } from '../../vectors/profile.ts';
import type { Role } from '../../vectors/types.ts';

/** How an answer is written down: as text, a number, where a key is, or a port in the short notation. */
export type Kind = 'text' | 'number' | 'key' | 'port';

export interface Question {
  /** Its option of the command line, without the dashes. */
  flag: string;
  /** Where the answer goes in the profile: `ixit.homeAgents[0].address`. */
  path: string;
  ask: string;
  why: string;
  kind: Kind;
  /** Left out: of every role. */
  roles?: readonly Role[];
  choices?: readonly string[];
  /** The default where the example has none. */
  standard?: string;
  /** Asked only where this holds of the answers so far. */
  when?: (profile: ProfileFile) => boolean;
}

const homeAgent = ['home-agent'] as const;
const foreignAgent = ['foreign-agent'] as const;
const mobileNode = ['mobile-node'] as const;

const algorithms = ['hmac-md5', 'hmac-sha1', 'keyed-md5', 'keyed-md5-spi-covered'] as const;
const algorithmWhy =
  'RFC 3344 has HMAC-MD5; older devices have MD5 in prefix+suffix mode (keyed-md5), some with the SPI under it as well';

const hasLink = ({ ics }: ProfileFile): boolean => (ics?.homeNetwork ?? 'link') === 'link';
const hasExtensions = ({ ics }: ProfileFile): boolean => ics?.ipv6Extensions !== false;
const isSecured = ({ ics }: ProfileFile): boolean => ics?.foreignHomeSecurity === true;

const port = (name: string, roles: readonly Role[], who: string, when?: Question['when']): Question => ({
  flag: `port-${name}`,
  path: `bench.ports.${name}`,
  ask: `Where is the link of ${who}?`,
  why: `the harness is ${who} there; NAMESPACE:DEVICE, DEVICE, macvlan:CARD or vlan:CARD.ID, the latter with addresses and routers, such as macvlan:eno1,192.0.2.10/24,via=192.0.2.1`,
  kind: 'port',
  standard: `${name}:eth0`,
  roles,
  ...(when === undefined ? {} : { when }),
});

/** In the order in which they are asked. The claims (ICS) come between `identity` and `surroundings`. */
export const identity: readonly Question[] = [
  {
    flag: 'vendor',
    path: 'device.vendor',
    ask: 'Who makes the device?',
    why: 'it stands in the report',
    kind: 'text',
  },
  {
    flag: 'product',
    path: 'device.product',
    ask: 'What is it called?',
    why: 'it stands in the report and names its folder',
    kind: 'text',
  },
  {
    flag: 'device-version',
    path: 'device.version',
    ask: 'Which version is it?',
    why: 'results of two versions can then be compared',
    kind: 'text',
  },
];

export const surroundings: readonly Question[] = [
  {
    flag: 'home-agent',
    path: 'ixit.homeAgent.address',
    ask: 'IPv4 address of the home agent',
    why: 'requests go to it, and it is the source of tunnels',
    kind: 'text',
    roles: [...homeAgent, ...mobileNode],
  },
  {
    flag: 'home-agent-ipv6',
    path: 'ixit.homeAgent.ipv6Address',
    ask: 'IPv6 address of the home agent on the home network',
    why: 'neighbour discovery on the home link is judged by it',
    kind: 'text',
    roles: [...homeAgent, ...mobileNode],
  },
  {
    flag: 'foreign-agent-address',
    path: 'ixit.foreignAgent.address',
    ask: 'IPv4 address of the foreign agent on the visited link',
    why: 'mobile nodes register there',
    kind: 'text',
    roles: foreignAgent,
  },
  {
    flag: 'care-of-address',
    path: 'ixit.foreignAgent.careOfAddress',
    ask: 'Care-of address that it offers',
    why: 'requests name it, and tunnels end there',
    kind: 'text',
    roles: foreignAgent,
  },
  {
    flag: 'home-prefix',
    path: 'ixit.ipv4HomePrefix',
    ask: 'IPv4 prefix of the home network',
    why: 'home addresses lie in it',
    kind: 'text',
  },
  {
    flag: 'home-prefix-ipv6',
    path: 'ixit.ipv6HomePrefix',
    ask: 'IPv6 prefix of the home network',
    why: 'IPv6 home addresses lie in it; any prefix will do for a device without the extensions',
    kind: 'text',
  },
  {
    flag: 'home-host',
    path: 'ixit.homeHost.address',
    standard: '10.1.0.2',
    ask: "IPv4 address of the harness's host on the home link",
    why: 'it pings home addresses and sees proxy ARP',
    kind: 'text',
    roles: homeAgent,
    when: hasLink,
  },
  {
    flag: 'home-host-ipv6',
    path: 'ixit.homeHost.ipv6Address',
    standard: '2001:db8:1::2',
    ask: 'IPv6 address of that host',
    why: 'it sees proxy neighbour discovery',
    kind: 'text',
    roles: homeAgent,
    when: hasLink,
  },
  {
    flag: 'first-care-of-address',
    path: 'ixit.careOfAddresses.first',
    ask: 'First of the co-located care-of addresses, at the port mn',
    why: 'the harness is a mobile node away from home there; it needs two for each mobile node, one after the other',
    kind: 'text',
    roles: homeAgent,
  },
  {
    flag: 'foreign-agent',
    path: 'ixit.foreignAgents[0].address',
    ask: 'IPv4 address of the foreign agent that the harness plays',
    why: 'requests are relayed from it, and tunnels go to it',
    kind: 'text',
    roles: [...homeAgent, ...mobileNode],
  },
  {
    flag: 'other-foreign-agent',
    path: 'ixit.foreignAgents[1].address',
    ask: 'IPv4 address of a second foreign agent that it plays',
    why: 'the mobile node moves from the one to the other',
    kind: 'text',
    roles: mobileNode,
  },
  {
    flag: 'home-agent-played',
    path: 'ixit.homeAgents[0].address',
    ask: 'IPv4 address of the home agent that the harness plays',
    why: 'the device relays requests to it',
    kind: 'text',
    roles: foreignAgent,
  },
  ...(
    [
      ['foreignAgents', 'foreign agent', homeAgent],
      ['homeAgents', 'home agent', foreignAgent],
    ] as const
  ).flatMap(([list, partner, roles]): Question[] => [
    {
      flag: `secured-${partner.replace(' ', '-')}`,
      path: `ixit.${list}[1].address`,
      standard: list === 'homeAgents' ? '10.8.0.3' : '10.11.0.3',
      ask: `IPv4 address of a second ${partner} that it plays, with which the device shares a key`,
      why: 'foreign-home authentication is tested with it',
      kind: 'text',
      roles,
      when: isSecured,
    },
    {
      flag: `foreign-home-spi`,
      path: `ixit.${list}[1].spi`,
      standard: '2000',
      ask: `SPI of that ${partner}`,
      why: 'it names the security association in foreign-home authentication extensions',
      kind: 'number',
      roles,
      when: isSecured,
    },
    {
      flag: `foreign-home-key`,
      path: `ixit.${list}[1].key`,
      standard: 'file:fa-ha.key',
      ask: `Where is the key of that ${partner}?`,
      why: 'file:PATH or env:NAME, the key in hex; it is never written into the profile by this command',
      kind: 'key',
      roles,
      when: isSecured,
    },
    {
      flag: `foreign-home-algorithm`,
      path: `ixit.${list}[1].algorithm`,
      standard: 'hmac-md5',
      ask: 'Algorithm of that key',
      why: algorithmWhy,
      kind: 'text',
      choices: algorithms,
      roles,
      when: isSecured,
    },
  ]),
  {
    flag: 'correspondent-node',
    path: 'ixit.correspondentNode.address',
    ask: 'IPv4 address of the correspondent node',
    why: 'the harness sends packets for mobile nodes from it',
    kind: 'text',
  },
  {
    flag: 'correspondent-node-ipv6',
    path: 'ixit.correspondentNode.ipv6Address',
    ask: 'IPv6 address of the correspondent node',
    why: 'the same for IPv6',
    kind: 'text',
  },
  {
    flag: 'visited-host',
    path: 'ixit.visitedHost.address',
    ask: "IPv4 address of the harness's host on the visited link",
    why: 'the mobile nodes stand beside it',
    kind: 'text',
    roles: foreignAgent,
  },
  {
    flag: 'visited-host-ipv6',
    path: 'ixit.visitedHost.ipv6Address',
    ask: 'IPv6 address of that host',
    why: 'router solicitations come from it',
    kind: 'text',
    roles: foreignAgent,
  },
  {
    flag: 'mobile-nodes',
    path: 'ixit.mobileNodes[0].count',
    standard: '1',
    ask: 'How many mobile nodes are provisioned, numbered one after the other?',
    why: 'tests run side by side with two each; addresses, SPI and key count up by one, "{n}" in the NAI is the number (add entries for others by hand)',
    kind: 'number',
  },
  {
    flag: 'nai',
    path: 'ixit.mobileNodes[0].nai',
    ask: 'NAI of the mobile nodes',
    why: 'it is in requests (RFC 2794)',
    kind: 'text',
  },
  {
    flag: 'home-address',
    path: 'ixit.mobileNodes[0].ipv4HomeAddress',
    ask: 'IPv4 home address of the first',
    why: 'bindings are made for it',
    kind: 'text',
  },
  {
    flag: 'home-address-ipv6',
    path: 'ixit.mobileNodes[0].ipv6HomeAddress',
    ask: 'IPv6 home address of the first',
    why: 'the extensions of the draft name it',
    kind: 'text',
  },
  {
    flag: 'spi',
    path: 'ixit.mobileNodes[0].spi',
    ask: 'SPI of the first',
    why: 'it names the security association in mobile-home authentication extensions',
    kind: 'number',
  },
  {
    flag: 'key',
    path: 'ixit.mobileNodes[0].key',
    ask: 'Where is the key of the first?',
    why: 'file:PATH or env:NAME, the key in hex; it is never written into the profile by this command',
    kind: 'key',
  },
  {
    flag: 'algorithm',
    path: 'ixit.mobileNodes[0].algorithm',
    standard: 'hmac-md5',
    ask: 'Algorithm of that key',
    why: algorithmWhy,
    kind: 'text',
    choices: algorithms,
  },
  {
    flag: 'replay',
    path: 'ixit.mobileNodes[0].replay',
    standard: 'timestamps',
    ask: 'Replay protection',
    why: 'the Identification is a time or a nonce (RFC 3344 5.7)',
    kind: 'text',
    choices: ['timestamps', 'nonces'],
  },
  {
    flag: 'requests-per-mobile-node',
    path: 'ixit.requestsPerSecond.perMobileNode',
    ask: 'How many registration requests a second may one mobile node send?',
    why: 'RFC 3344 3.6.3 allows one, and a device may ignore more; more make a run faster',
    kind: 'number',
    standard: '1',
    roles: [...homeAgent, ...foreignAgent],
  },
  {
    flag: 'requests-overall',
    path: 'ixit.requestsPerSecond.overall',
    ask: 'And all mobile nodes together?',
    why: 'others may use the device as well',
    kind: 'number',
    standard: '10',
    roles: [...homeAgent, ...foreignAgent],
  },
  ...(
    [
      ['type-ipv6-home-address', 'ipv6HomeAddress', 'IPv6 home address', '200'],
      ['type-ipv6-compatibility', 'ipv6Compatibility', 'IPv6 compatibility', '201'],
      ['type-ipv6-code', 'ipv6Code', 'IPv6 code', '202'],
    ] as const
  ).map(
    ([flag, name, words, standard]): Question => ({
      flag,
      path: `ixit.extensionTypes.${name}`,
      standard,
      ask: `Type number of the ${words} extension`,
      why: 'the draft leaves it to be assigned, so that both sides have to agree on one',
      kind: 'number',
      when: hasExtensions,
    }),
  ),
  port('mn', homeAgent, 'the mobile node away from home'),
  port('mn', foreignAgent, 'the mobile node, the visited link'),
  port('fa', homeAgent, 'the foreign agent'),
  port('ha', foreignAgent, 'the home agent'),
  port('cn', [...homeAgent, ...foreignAgent], 'the correspondent node'),
  port('home', homeAgent, 'a host on the home network', hasLink),
  port('link', mobileNode, 'the network around the mobile node'),
];

/** Every option that a question has, each once. */
export const flags: readonly Question[] = [...identity, ...surroundings].filter(
  ({ flag }, at, all) => all.findIndex((one) => one.flag === flag) === at,
);
