/** Profiles of every role: what is missing, foreign or contradictory is refused by name, with the mend. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { icsDefaults } from './ics.ts';
import { projectRoot } from './load.ts';
import { loadProfile, timerDefaults } from './profile.ts';
import { readJson, schemaDirectory } from './schema.ts';
import type { Role } from './types.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-profile-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'device.profile.json');

type Described = { properties: { [name: string]: { description?: string } } };
type Value = { [name: string]: unknown };
const standard = (role: Role): Value => {
  const path = join(projectRoot, `harness/bench/lab/${role}.profile.json`);
  const { $schema: _schema, ...profile } = JSON.parse(readFileSync(path, 'utf8')) as Value;
  return profile;
};

/** The standard profile of a role with some fields changed, by path; undefined takes one away. */
function changed(role: Role, changes: { [path: string]: unknown }): Value {
  const profile = standard(role);
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split('.');
    const last = names.pop() as string;
    let at = profile;
    for (const name of names) at = at[name] as Value;
    if (value === undefined) delete at[last];
    else at[last] = value;
  }
  return profile;
}

function load(profile: Value): ReturnType<typeof loadProfile> {
  writeFileSync(file, JSON.stringify(profile));
  return loadProfile(file);
}

const device = { device: 'eth1' };
const numbered = { link: { device: 'mn{n}' } };
const scenarioPorts = { cn: device, ha: device, home: device, link: { device: 'mn{n}' } };

t.test('what is refused', async (t) => {
  const cases: [string, Role, { [path: string]: unknown }, RegExp][] = [
    [
      'an address of the wrong family',
      'home-agent',
      { 'ixit.homeAgent.address': '2001:db8:1::1' },
      /ixit\.homeAgent\.address: expected an IPv4 address such as/,
    ],
    [
      'a value of the wrong type',
      'home-agent',
      { 'ixit.careOfAddresses.count': 'many' },
      /ixit\.careOfAddresses\.count: expected .*got "many"/,
    ],
    [
      'equal type numbers',
      'home-agent',
      { 'ixit.extensionTypes': { ipv6HomeAddress: 200, ipv6Compatibility: 200, ipv6Code: 202 } },
      /ixit\.extensionTypes: .*200/,
    ],
    [
      'a needed entry is missing',
      'foreign-agent',
      { 'ixit.visitedHost': undefined },
      /ixit\.visitedHost: is needed, as the role is foreign-agent/,
    ],
    [
      'a rate of requests to whom none are sent',
      'mobile-node',
      { 'ixit.requestsPerSecond': { overall: 2 } },
      /ixit\.requestsPerSecond: has no meaning where the role is mobile-node/,
    ],
    [
      'a word in a hook that has none',
      'foreign-agent',
      {
        bench: { ports: { mn: device, ha: device, cn: device }, hooks: { reset: ['reset', '{mobileNode}'] } },
      },
      /bench\.hooks\.reset: "\{mobileNode\}" stands for nothing here: take it away$/,
    ],
    [
      'an unknown word in a hook',
      'foreign-agent',
      {
        bench: { ports: { mn: device, ha: device, cn: device }, hooks: { reconfigure: ['set', '{value}'] } },
      },
      /bench\.hooks\.reconfigure: "\{value\}" stands for nothing here: use \{setting\} or \{mobileNode\}$/,
    ],
    [
      'an entry of another role',
      'foreign-agent',
      { 'ixit.careOfAddresses': { first: '10.0.0.1', count: 2 } },
      /ixit\.careOfAddresses: has no meaning/,
    ],
    [
      'a claim of another role',
      'mobile-node',
      { 'ics.advertises': true },
      /ics\.advertises: is no entry of the ICS of a mobile-node/,
    ],
    ['a claim of the wrong kind', 'mobile-node', { 'ics.homeAgentSupport': true }, /homeAgentSupport/],
    [
      'claims of a mobile node that is played',
      'home-agent',
      { 'ixit.mobileNodes.0.ics': { nonces: true } },
      /mobileNodes\[0\]\.ics: has a meaning only where mobile nodes are under test/,
    ],
    [
      'a key with the foreign agent that is not claimed',
      'mobile-node',
      { 'ixit.mobileNodes.1.ics': {} },
      /ics\.mobileForeignSecurity: has to agree/,
    ],
    [
      'a lab with another agent',
      'foreign-agent',
      { 'bench.lab.agent': 'home-agent' },
      /bench\.lab: needs "agent": "foreign-agent"/,
    ],
    [
      'a lab without seats',
      'scenario',
      { 'bench.lab': { agent: 'home-agent', configuration: 'x' } },
      /bench\.lab: needs "seats"/,
    ],
    ['a lab with one seat free', 'scenario', { 'bench.lab.seats.mobileNode': undefined }, /mobileNode/],
    [
      'seats where one device is tested',
      'home-agent',
      { seats: { homeAgent: { vendor: 'a', product: 'b', version: 'c' } } },
      /seats: has a meaning only where the role is scenario/,
    ],
    [
      'a port is missing',
      'foreign-agent',
      { bench: { ports: { mn: device, cn: device } } },
      /bench\.ports\.ha: is needed/,
    ],
    [
      'a port of a claim is missing',
      'scenario',
      { bench: { ports: scenarioPorts } },
      /bench\.ports\.fa: is needed/,
    ],
    [
      'several mobile nodes on one link',
      'mobile-node',
      { bench: { ports: { link: device } } },
      /bench\.ports\.link: needs "\{n\}"/,
    ],
    [
      'a mobile node that cannot be told to begin anew',
      'mobile-node',
      { bench: { ports: { link: { device: 'mn{n}' } } } },
      /bench\.hooks\.restart: is needed/,
    ],
    [
      'seats of a bench where one device is tested',
      'mobile-node',
      { bench: { ports: { link: { device: 'mn{n}' } }, seats: { homeAgent: { configuration: 'x' } } } },
      /bench\.seats: has a meaning only where the role is scenario/,
    ],
    [
      'a network is claimed that is not told',
      'scenario',
      { 'ixit.visitedNetwork': undefined },
      /ics\.colocated: is claimed, so there has to be ixit\.visitedNetwork/,
    ],
    [
      'an unknown hook',
      'mobile-node',
      { bench: { ports: { link: { device: 'mn{n}' } }, hooks: { reboot: ['x'] } } },
      /reboot/,
    ],
    [
      'a port of another role',
      'foreign-agent',
      { bench: { ports: { mn: device, ha: device, cn: device, fa: device } } },
      /bench\.ports\.fa: is no port where the role is foreign-agent: take it away \(there are mn, ha, cn\)/,
    ],
    [
      'an address that there is not',
      'foreign-agent',
      { 'ixit.foreignAgent.address': '10.20.0.300' },
      /ixit\.foreignAgent\.address: expected an IPv4 address such as 10\.1\.0\.1, got "10\.20\.0\.300"/,
    ],
    [
      'an IPv6 address that there is not',
      'home-agent',
      { 'ixit.homeAgent.ipv6Address': '2001:db8::1::2' },
      /ixit\.homeAgent\.ipv6Address: expected an IPv6 address/,
    ],
    [
      'a prefix that is too long',
      'home-agent',
      { 'ixit.ipv4HomePrefix': '10.1.0.0/40' },
      /ixit\.ipv4HomePrefix: expected an IPv4 prefix .* up to \/32, got "10\.1\.0\.0\/40"/,
    ],
    [
      'a prefix without a length',
      'home-agent',
      { 'ixit.ipv6HomePrefix': '2001:db8:1::' },
      /ixit\.ipv6HomePrefix: expected an IPv6 prefix/,
    ],
    [
      'a home address outside',
      'home-agent',
      { 'ixit.mobileNodes.0.ipv4HomeAddress': '10.2.1.1' },
      /ixit\.mobileNodes\[0\]\.ipv4HomeAddress: 10\.2\.1\.1 is outside of ixit\.ipv4HomePrefix, 10\.1\.0\.0\/16: mend/,
    ],
    [
      'the last home address outside',
      'foreign-agent',
      { 'ixit.mobileNodes.0.ipv4HomeAddress': '10.1.255.200' },
      /ipv4HomeAddress \(the last of 100\): 10\.2\.0\.43 is outside of/,
    ],
    [
      'a care-of address outside',
      'mobile-node',
      { 'ixit.visitedNetwork.careOfAddress': '10.31.0.100' },
      /ixit\.visitedNetwork\.careOfAddress: 10\.31\.0\.100 is outside of the network of visitedNetwork\.router/,
    ],
    [
      'two mobile nodes with one address',
      'foreign-agent',
      { 'ixit.mobileNodes.1.ipv4HomeAddress': '10.1.1.1' },
      /ixit\.mobileNodes: two mobile nodes share 10\.1\.1\.1/,
    ],
    [
      'a word that no hook knows',
      'mobile-node',
      { bench: { ports: numbered, hooks: { restart: ['reset', '--nai={nai}'] } } },
      /bench\.hooks\.restart: "\{nai\}" stands for nothing here: use \{mobileNode\}$/,
    ],
    [
      'a word of another hook',
      'mobile-node',
      { bench: { ports: numbered, hooks: { register: { ask: 'Move {mobileNode} to {network}' } } } },
      /bench\.hooks\.register: "\{network\}" stands for nothing/,
    ],
    [
      'a word that moving does not know',
      'mobile-node',
      { bench: { ports: numbered, hooks: { move: ['plug', '{n}'] } } },
      /bench\.hooks\.move: "\{n\}" stands for nothing here: use \{mobileNode\} or \{network\}$/,
    ],
  ];
  for (const [name, role, changes, expected] of cases) {
    t.throws(() => load(changed(role, changes)), { message: expected }, name);
  }
});

t.test('the schema explains every claim and every timer, with its default', async (t) => {
  const { properties } = readJson(join(schemaDirectory, 'profile.schema.json')) as {
    properties: { ics: Described; ixit: { properties: { [name: string]: Described } } };
  };
  const claims = Object.assign({}, ...Object.values(icsDefaults)) as { [name: string]: unknown };
  const explained = (of: Described | undefined, names: string[]): void => {
    t.same(Object.keys(of?.properties ?? {}).sort(), names.sort());
    for (const name of names) t.match(of?.properties[name]?.description, /\(.* when left out\)$/, name);
  };
  explained(properties.ics, Object.keys(claims));
  explained(properties.ixit.properties.timers, Object.keys(timerDefaults));
  for (const [name, value] of Object.entries(timerDefaults))
    t.match(
      properties.ixit.properties.timers?.properties[name]?.description,
      `(${value} when left out)`,
      name,
    );
});

t.test('a key that is wrong is not shown', async (t) => {
  const secret = 'c0ffee11c0ffee22c0ffee33c0ffee4';
  const refused = (text: string): string => {
    writeFileSync(file, text);
    try {
      loadProfile(file);
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  const form = /mobileNodes\[0\]\.key(\.hex)?: expected .*16 to 128 hex digits, an even number/;
  const cases: [string, unknown, RegExp][] = [
    ['an odd number of digits', { hex: secret }, form],
    ['too few digits', { hex: 'c0ffee11' }, /16 to 128 hex digits/],
    ['the digits alone', secret, /mobileNodes\[0\]\.key: expected an object/],
    ['a slip in the field', { hexx: secret }, /unknown field "hexx"; did you mean "hex"/],
    ['the digits as the field', { [secret]: '' }, /mobileNodes\[0\]\.key: unknown field/],
    ['two sources', { hex: `${secret}0`, env: 'KEY' }, /mobileNodes\[0\]\.key: /],
    ['the digits for the variable', { env: secret }, /mobileNodes\[0\]\.key\.env: set the environment/],
    ['the digits for the file', { file: secret }, /mobileNodes\[0\]\.key\.file: /],
  ];
  const hidden = (said: string, name: string): boolean => t.notMatch(said, /c0ffee|\[0-9a-f/i, name);
  for (const [name, key, expected] of cases) {
    const said = refused(JSON.stringify(changed('home-agent', { 'ixit.mobileNodes.0.key': key })));
    t.match(said, expected, name);
    hidden(said, name);
  }
  process.env.DSMIP_TEST_KEY = 'c0ffee';
  t.teardown(() => {
    delete process.env.DSMIP_TEST_KEY;
  });
  const short = { 'ixit.mobileNodes.0.key': { env: 'DSMIP_TEST_KEY' } };
  const said = refused(JSON.stringify(changed('home-agent', short)));
  t.match(said, form, 'a key from elsewhere is held to the same rule');
  hidden(said, 'a key from elsewhere');
  const entries = { 'ixit.mobileNodes': { key: { hex: secret } } };
  hidden(refused(JSON.stringify(changed('home-agent', entries))), 'an entry in the place of the list');
  const broken = refused(`{\n  "role": "home-agent",\n  "key": { "hex": ${secret} }\n}`);
  t.match(broken, /not JSON: Unexpected token 'c' in line 3$/);
  const missing = refused('{\n  "role": "home-agent"\n\n  "device": {}\n}');
  t.match(
    missing,
    /not JSON: Expected ',' or '}' after property value in line 2$/,
    'behind what it is missed',
  );
  t.match(refused('{\n  "role": 1,\n}'), /not JSON: Expected double-quoted property name in line 3$/);
});

t.test('what is taken', async (t) => {
  const hooks = {
    restart: ['ssh', 'mn', `mip reset {mobileNode} "\${HOME}"`],
    move: { ask: '{mobileNode} to {network}' },
  };
  t.match(load(changed('mobile-node', { bench: { ports: numbered, hooks } })).bench, { hooks });
  const part = { foreignAgent: false, plainForeignAgent: false, colocated: false };
  const alone = load(
    changed('scenario', {
      ics: part,
      bench: { ports: scenarioPorts, seats: { mobileNode: { configuration: 'mn.json' } } },
    }),
  );
  t.match(
    alone,
    { role: 'scenario', bench: { seats: { mobileNode: { configuration: join(folder, 'mn.json') } } } },
    'paths count from the profile',
  );
  const places = load(
    changed('scenario', {
      ics: part,
      bench: {
        ports: {
          ...scenarioPorts,
          cn: { namespace: 'rdr-cn', device: 'eth1' },
          ha: { namespace: './ns/ha', device: 'eth1' },
        },
        seats: { mobileNode: { configuration: 'mn.json', namespace: 'mn' } },
        echoIn: ['mn', '/proc/7/ns/net'],
      },
    }),
  ).bench;
  t.match(
    places,
    {
      ports: { cn: { namespace: '/run/netns/rdr-cn' }, ha: { namespace: './ns/ha' }, home: device },
      seats: { mobileNode: { namespace: '/run/netns/mn' } },
      echoIn: ['/run/netns/mn', '/proc/7/ns/net'],
    },
    'a bare name is that of ip netns',
  );
  t.equal(load(changed('scenario', { 'ixit.tcpEchoPort': undefined })).tcpEchoPort, 7);
  t.match(
    load(
      changed('mobile-node', {
        bench: {
          ports: { link: { device: 'mn{n}', namespace: 'mn{n}' } },
          hooks: { restart: { ask: 'Begin anew' } },
        },
      }),
    ).bench,
    { ports: { link: { device: 'mn{n}', namespace: '/run/netns/mn{n}' } } },
    'a namespace by its name',
  );
});

t.test(
  'a device of somebody else is asked at the rate of RFC 3344, unless its profile says otherwise',
  async (t) => {
    const bench = { ports: { mn: device, ha: device, cn: device } };
    const rate = (changes: { [path: string]: unknown }) =>
      load(changed('foreign-agent', changes)).requestsPerSecond;
    t.same(rate({ bench }), { perMobileNode: 1, overall: 10 });
    t.same(rate({ bench, 'ixit.requestsPerSecond': { perMobileNode: 5 } }), {
      perMobileNode: 5,
      overall: 10,
    });
    t.equal(load(standard('foreign-agent')).requestsPerSecond, undefined, 'the lab bears what comes');
  },
);
