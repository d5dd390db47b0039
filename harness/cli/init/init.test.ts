/** `dsmip init`: every example makes a profile, every answer lands in it or is refused in words, and no key is taken or shown. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { loadProfile, type ProfileFile } from '../../vectors/profile.ts';
import { asTyped, valueAt } from './answers.ts';
import { exampleFile, examples } from './examples.ts';
import { type InitOptions, initCommand } from './init.ts';
import { flags } from './questions.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-init-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const key = '00112233445566778899aabbccddeeff';
for (const name of ['mn.key', 'fa-ha.key']) writeFileSync(join(folder, name), `${key}\n`);

const nobody = (): { said: () => string; input: PassThrough; output: PassThrough; isTerminal: false } => {
  const output = new PassThrough();
  let text = '';
  output.on('data', (chunk) => {
    text += chunk;
  });
  return { said: () => text, input: new PassThrough(), output, isTerminal: false };
};

let count = 0;
async function init(
  options: Partial<InitOptions>,
): Promise<{ file: string; said: string; data: ProfileFile }> {
  count += 1;
  const file = join(folder, `${count}.json`);
  const streams = nobody();
  await initCommand(file, { ics: [], ...options }, streams);
  return { file, said: streams.said(), data: JSON.parse(readFileSync(file, 'utf8')) };
}

t.test('every example makes the profile that it is', async (t) => {
  for (const [name, { role }] of Object.entries(examples)) {
    const { file, said, data } = await init({ example: name });
    t.equal(loadProfile(file).role, role, name);
    t.notMatch(said, /mend this/, name);
    // Claims are written out; all else is as in the example.
    const { $schema: _own, ics, ...rest } = data as ProfileFile & { $schema?: string };
    const { $schema: _its, ics: claimed, ...example } = JSON.parse(readFileSync(exampleFile(name), 'utf8'));
    t.same(rest, example, name);
    t.match(ics, claimed, name);
  }
});

t.test('what is given stands in the profile, of every kind', async (t) => {
  const { data, file } = await init({
    role: 'home-agent',
    vendor: 'Ajax',
    homeAgent: '10.1.0.9',
    mobileNodes: '2',
    algorithm: 'keyed-md5',
    replay: 'nonces',
    key: 'env:DSMIP_TEST_KEY',
    portMn: 'away:eth7',
    portCn: 'far:macvlan:eno1,192.0.2.10/24,2001:db8:9::2/64,via=192.0.2.1',
    portFa: 'vlan:eno1.12',
    ics: ['homeNetwork=routed', 'ipv6Extensions=false'],
  });
  const { ixit, bench, ics, device } = data;
  t.equal(device.vendor, 'Ajax');
  t.equal(ixit.homeAgent?.address, '10.1.0.9');
  t.match(ixit.mobileNodes[0], {
    count: 2,
    algorithm: 'keyed-md5',
    replay: 'nonces',
    key: { env: 'DSMIP_TEST_KEY' },
  });
  t.match(ics, { homeNetwork: 'routed', ipv6Extensions: false, nonces: true });
  t.equal(ixit.homeHost, undefined, 'no host on a link that is not there');
  t.match('ports' in bench && bench.ports, {
    mn: { namespace: 'away', device: 'eth7' },
    cn: {
      namespace: 'far',
      macvlanOn: 'eno1',
      addresses: ['192.0.2.10/24', '2001:db8:9::2/64'],
      gateway: ['192.0.2.1'],
    },
    fa: { vlan: { on: 'eno1', id: 12 } },
  });
  process.env.DSMIP_TEST_KEY = key;
  t.equal(loadProfile(file).mobileNodes.length, 2);
});

t.test('every option has a place, a reason and, in an example of each role, a default', async (t) => {
  const profiles = Object.keys(examples).map((name) => JSON.parse(readFileSync(exampleFile(name), 'utf8')));
  for (const { flag, path, kind, ask, why, roles, standard } of flags) {
    t.ok(ask.length > 10 && why.length > 5, flag);
    const standards = profiles
      .filter(({ role }) => roles?.includes(role) !== false)
      .map((profile) => asTyped(valueAt(profile, path), kind));
    t.ok(standard !== undefined || standards.every((text) => text !== ''), `--${flag} has a default`);
  }
});

t.test('a port is shown as it would be typed', async (t) => {
  const { data } = await init({ example: 'home-agent-behind-router', portFa: 'eth9' });
  const shown = ['mn', 'fa', 'cn'].map((name) => asTyped(valueAt(data, `bench.ports.${name}`), 'port'));
  t.same(shown, [
    'macvlan:eno1,192.0.2.10/24,via=192.0.2.1',
    'eth9',
    'macvlan:eno1,192.0.2.12/24,2001:db8:c::2/64,via=192.0.2.1,via=2001:db8:c::1',
  ]);
  const { data: moved } = await init({ example: 'home-agent-behind-router', portCn: 'macvlan:eno2' });
  t.match(valueAt(moved, 'bench.ports.cn'), {
    macvlanOn: 'eno2',
    addresses: ['192.0.2.12/24', '2001:db8:c::2/64'],
    gateway: ['192.0.2.1', '2001:db8:c::1'],
  });
});

t.test('what is wrong is refused, and a key is not repeated', async (t) => {
  const refused: [Partial<InitOptions>, RegExp][] = [
    [{ role: 'router' }, /--role router: there are home-agent, foreign-agent, mobile-node/],
    [{ example: 'home-agnt-behind-router' }, /did you mean "home-agent-behind-router"/],
    [{ role: 'foreign-agent', example: 'mobile-node' }, /is that of a mobile-node/],
    [{ homeAgent: '10.1.0.300' }, /--home-agent: expected an IPv4 address/],
    [{ spi: 'many' }, /--spi: a number is wanted/],
    [{ algorithm: 'md5' }, /--algorithm: one of hmac-md5, /],
    [{ portMn: 'vlan:eno1' }, /vlan:CARD.ID is wanted/],
    [
      { portMn: 'a device of a long name' },
      /NAMESPACE:DEVICE, DEVICE, macvlan:CARD or vlan:CARD.ID is wanted/,
    ],
    [
      { role: 'foreign-agent', homeHost: '10.1.0.2' },
      /--home-host has no meaning where the role is foreign-agent/,
    ],
    [{ ics: ['homeNetwork=routed'], homeHost: '10.1.0.2' }, /--ics homeNetwork=link/],
    [{ ics: ['ipv6Extension=true'] }, /did you mean "ipv6Extensions"/],
    [{ ics: ['ipv6Extensions=perhaps'] }, /one of true, false is wanted/],
    [{ restart: 'reboot' }, /--restart has no meaning/],
    [{ nai: 'mn@example.net' }, /--nai: needs "\{n\}"/],
    [{ key }, /file:PATH or env:NAME is wanted/],
  ];
  for (const [options, expected] of refused) {
    const error = await init(options).then(
      () => new Error('it was taken'),
      (found: Error) => found,
    );
    t.match(error.message, expected, JSON.stringify(Object.keys(options)));
    t.notMatch(error.message, new RegExp(key));
  }
  mkdirSync(join(folder, 'there'));
  await t.rejects(initCommand(join(folder, '1.json'), { ics: [] }, nobody()), { message: /--force/ });
  await t.rejects(initCommand(join(folder, 'not/there.json'), { ics: [] }, nobody()), {
    message: /no folder/,
  });
});

t.test(
  'at a terminal each question is asked with its reason and default, and once more when the answer is wrong',
  async (t) => {
    const { said, input, output } = nobody();
    const answers: [RegExp, string][] = [
      [/nearest/, 'home-agent-one-mobile-node'],
      [/Who makes/, 'Zeta'],
      [/claims reverseTunneling \(/, 'no'],
      [/one of true, false is wanted/, 'false'],
      [/IPv4 address of the home agent\n/, 'there'],
      [/expected an IPv4 address/, '10.1.0.77'],
    ];
    let told = 0;
    output.on('data', () => {
      if (!/\] $/.test(said())) return;
      const since = said().slice(told);
      told = said().length;
      // Each once, in this order.
      const answer = answers[0]?.[0].test(since) === true ? answers.shift()?.[1] : '';
      input.write(`${answer}\n`);
    });
    const file = join(folder, 'asked.json');
    await initCommand(file, { ics: [] }, { input, output, isTerminal: true });
    const profile = loadProfile(file);
    t.match(profile, {
      device: { vendor: 'Zeta' },
      homeAgent: { address: '10.1.0.77' },
      ics: { reverseTunneling: false },
    });
    t.equal(profile.mobileNodes.length, 1);
    t.match(said(), /it stands in the report/, 'with the reason');
    t.match(said(), /\[Acme\]/, 'with the default');
  },
);
