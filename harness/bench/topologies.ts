/** The embedded labs: which namespaces there are, how they are joined, and who routes what. One for each role under test. */

/** One end of a virtual Ethernet pair. The first address of each family is the end's own, with the prefix length of the link. */
export interface End {
  at: string;
  device: string;
  addresses: string[];
}

export interface Topology {
  names: readonly string[];
  links: readonly (readonly [End, End])[];
  /** Routes of a namespace, each the words behind `ip route add`. */
  routes: { readonly [name: string]: string[][] };
  /** Namespaces whose kernel forwards packets. */
  routers: readonly string[];
  /** Devices on which the kernel keeps silent: a program speaks there. */
  silent?: readonly { at: string; device: string }[];
}

/** Care-of addresses: the mobile node's kernel owns all of them, and core need not ask for each by ARP. */
const careOfAddresses = '10.10.128.0/17';

const correspondentNode: readonly [End, End] = [
  { at: 'core', device: 'cn0', addresses: ['10.12.0.1/16', '2001:db8:c::1/64'] },
  { at: 'cn', device: 'cn0', addresses: ['10.12.0.2/16', '2001:db8:c::2/64'] },
];
const correspondentNodeRoutes = [
  ['default', 'via', '10.12.0.1'],
  ['default', 'via', '2001:db8:c::1'],
];
const deviceUpstream: readonly [End, End] = [
  { at: 'core', device: 'iut0', addresses: ['10.9.0.1/24', '2001:db8:9::1/64'] },
  { at: 'iut', device: 'core0', addresses: ['10.9.0.2/24', '2001:db8:9::2/64'] },
];
const deviceRoutes = [
  ['default', 'via', '10.9.0.1'],
  ['default', 'via', '2001:db8:9::1'],
];

/**
 *     mn ---+
 *     fa ---+--- core --- iut --- home
 *     cn ---+
 */
export const homeAgentLab: Topology = {
  names: ['core', 'mn', 'fa', 'cn', 'iut', 'home'],
  links: [
    [
      { at: 'core', device: 'mn0', addresses: ['10.10.0.1/16'] },
      { at: 'mn', device: 'mn0', addresses: ['10.10.0.2/16'] },
    ],
    [
      { at: 'core', device: 'fa0', addresses: ['10.11.0.1/16'] },
      { at: 'fa', device: 'fa0', addresses: ['10.11.0.2/16', '10.11.0.3/16'] },
    ],
    correspondentNode,
    deviceUpstream,
    [
      { at: 'iut', device: 'home0', addresses: ['10.1.0.1/16', '2001:db8:1::1/64'] },
      { at: 'home', device: 'home0', addresses: ['10.1.0.2/16', '2001:db8:1::2/64'] },
    ],
  ],
  routes: {
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
    cn: correspondentNodeRoutes,
    iut: [
      ...deviceRoutes,
      // What no mobile node has been given must not go round in circles.
      ['blackhole', '2001:db8:1::/48'],
    ],
    home: [
      ['default', 'via', '10.1.0.1'],
      ['default', 'via', '2001:db8:1::1'],
    ],
  },
  routers: ['core', 'iut'],
};

/**
 *     mn --- iut --- core ---+--- ha
 *                            +--- cn
 *
 * The foreign agent's kernel forwards nothing: the agent does.
 */
export const foreignAgentLab: Topology = {
  names: ['core', 'mn', 'ha', 'cn', 'iut'],
  links: [
    [
      { at: 'iut', device: 'visited0', addresses: ['10.20.0.1/16', '2001:db8:20::1/64'] },
      { at: 'mn', device: 'visited0', addresses: ['10.20.0.2/16', '2001:db8:20::2/64'] },
    ],
    [
      { at: 'core', device: 'ha0', addresses: ['10.8.0.1/16', '2001:db8:8::1/64'] },
      { at: 'ha', device: 'ha0', addresses: ['10.8.0.2/16', '10.8.0.3/16', '2001:db8:8::2/64'] },
    ],
    correspondentNode,
    deviceUpstream,
  ],
  routes: {
    core: [
      // The home network lies behind the home agent.
      ['10.1.0.0/16', 'via', '10.8.0.2'],
      ['2001:db8:1::/48', 'via', '2001:db8:8::2'],
    ],
    mn: [
      ['default', 'via', '10.20.0.1'],
      ['default', 'via', '2001:db8:20::1'],
      // Mobile nodes are here: the kernel answers ARP for their home addresses.
      ['local', '10.1.0.0/16', 'dev', 'lo'],
    ],
    ha: [
      ['default', 'via', '10.8.0.1'],
      ['default', 'via', '2001:db8:8::1'],
    ],
    cn: correspondentNodeRoutes,
    iut: deviceRoutes,
  },
  routers: ['core'],
};

/** For each mobile node under test a link of its own: `mn1 --- link1`, `mn2 --- link2`, ... */
export function mobileNodeLab(count: number): Topology {
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  return {
    names: numbers.flatMap((n) => [`link${n}`, `mn${n}`]),
    links: numbers.map((n) => [
      {
        at: `link${n}`,
        device: 'link0',
        addresses: [
          // The harness is the home agent, two foreign agents, and the router of a network without one.
          '10.1.0.1/16',
          '10.20.0.1/16',
          '10.21.0.1/16',
          '10.30.0.1/16',
          '2001:db8:1::1/64',
          'fe80::1/64',
        ],
      },
      { at: `mn${n}`, device: 'eth0', addresses: [] },
    ]),
    routes: {},
    routers: [],
    silent: numbers.map((n) => ({ at: `mn${n}`, device: 'eth0' })),
  };
}

/**
 *     cn ---------+
 *     network ----+             (a network without a foreign agent)
 *     fa ---------+--- core --- ha --- home
 *     plainfa ----+
 *
 * The links home, visited (of fa), plain (of plainfa) and network end in the panel, as those of the mobile nodes do, and the harness
 * joins them there.
 */
export function scenarioLab(mobileNodes: number): Topology {
  const numbers = Array.from({ length: mobileNodes }, (_, at) => at + 1);
  const inPanel = (device: string): End => ({ at: 'panel', device, addresses: [] });
  const silent = ['home0', 'visited0', 'plain0', 'network0', ...numbers.map((n) => `mn${n}`)];
  const uplink = (at: string, network: number): readonly [End, End] => [
    { at: 'core', device: `${at}0`, addresses: [`10.${network}.0.1/24`, `2001:db8:${network}::1/64`] },
    { at, device: 'core0', addresses: [`10.${network}.0.2/24`, `2001:db8:${network}::2/64`] },
  ];
  const byUplink = (network: number): string[][] => [
    ['default', 'via', `10.${network}.0.1`],
    ['default', 'via', `2001:db8:${network}::1`],
  ];
  return {
    names: ['core', 'cn', 'ha', 'fa', 'plainfa', 'panel', ...numbers.map((n) => `mn${n}`)],
    links: [
      correspondentNode,
      uplink('ha', 9),
      uplink('fa', 13),
      uplink('plainfa', 14),
      [{ at: 'ha', device: 'home0', addresses: ['10.1.0.1/16', '2001:db8:1::1/64'] }, inPanel('home0')],
      [
        { at: 'fa', device: 'visited0', addresses: ['10.20.0.1/16', '2001:db8:20::1/64'] },
        inPanel('visited0'),
      ],
      [{ at: 'plainfa', device: 'visited0', addresses: ['10.21.0.1/16'] }, inPanel('plain0')],
      [{ at: 'core', device: 'network0', addresses: ['10.30.0.1/16'] }, inPanel('network0')],
      ...numbers.map((n): readonly [End, End] => [
        inPanel(`mn${n}`),
        { at: `mn${n}`, device: 'eth0', addresses: [] },
      ]),
    ],
    routes: {
      core: [
        ['10.1.0.0/16', 'via', '10.9.0.2'],
        ['2001:db8:1::/48', 'via', '2001:db8:9::2'],
      ],
      cn: correspondentNodeRoutes,
      ha: byUplink(9),
      fa: byUplink(13),
      plainfa: byUplink(14),
    },
    routers: ['core', 'ha'],
    silent: [
      ...silent.map((device) => ({ at: 'panel', device })),
      ...numbers.map((n) => ({ at: `mn${n}`, device: 'eth0' })),
    ],
  };
}
