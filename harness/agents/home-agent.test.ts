import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import {
  decodePacket,
  type Extension,
  encodeMessage,
  fromHex,
  type RegistrationRequest,
  type SecurityAssociation,
} from '../wire/index.ts';
import { ipv4Number, ipv6Key, ipv6Text } from './common/addresses.ts';
import { createDeviates } from './common/deviates.ts';
import { fragments, ipv4Packet } from './common/packets.ts';
import { deviations, resolveDeviations } from './deviations.ts';
import { createAllocator } from './home-agent/allocation.ts';
import { createBindingTable } from './home-agent/bindings.ts';
import { parseConfiguration } from './home-agent/config.ts';
import { type HomeAgentDeviation, homeAgentDeviations } from './home-agent/deviations.ts';
import type { Arrival } from './home-agent/message.ts';
import { createRegistrar } from './home-agent/registration.ts';
import { createReplyEncoder } from './home-agent/reply.ts';

const base = {
  homeAgent: '10.1.0.1',
  ipv6Address: '2001:db8:1::1',
  homeLink: { device: 'home0', ipv4Prefix: '10.1.0.0/16', ipv6Prefix: '2001:db8:1::/64' },
  dynamicIpv6: 'address',
  dynamicIpv6Pool: '2001:db8:1:0:d::/80',
  refusedIpv6Addresses: ['2001:db8:1::bad:1'],
  mobileNodes: [
    {
      count: 3,
      nai: 'mn{n}@example.net',
      ipv4HomeAddress: '10.1.1.1',
      ipv6HomeAddress: '2001:db8:1::1:1',
      spi: 1000,
      key: { hex: '000102030405060708090a0b0c0d0eff' },
    },
    {
      nai: 'nonce@example.net',
      ipv4HomeAddress: '10.1.2.1',
      spi: 1100,
      key: { hex: '0a'.repeat(16) },
      replay: 'nonces',
    },
    { nai: 'pool@example.net', spi: 1200, key: { hex: '0b'.repeat(16) } },
  ],
  dynamicIpv4Pool: { first: '10.1.200.1', count: 2 },
  foreignAgents: [{ address: '10.11.0.2', spi: 2000, key: { hex: '0c'.repeat(16) } }],
};

const careOfAddress = '10.10.128.1';
const foreignAgent: SecurityAssociation = { spi: 2000, key: fromHex('0c'.repeat(16)), algorithm: 'hmac-md5' };

function associationOf(index: number): SecurityAssociation {
  const key = fromHex('000102030405060708090a0b0c0d0eff');
  if (index > 1) {
    key[14] = 0x0f;
    key[15] = index - 2;
  }
  return { spi: 999 + index, key, algorithm: 'hmac-md5' };
}

interface Ask {
  request?: RegistrationRequest;
  before?: Extension[];
  after?: Extension[];
  foreignHome?: boolean;
  mobileHome?: Extension[];
  association?: SecurityAssociation;
  nai?: string | null;
  from?: string;
  to?: string;
  tamper?: { extension?: string; octet: number; mask: number }[];
  append?: number[];
}

/** An agent without a network: requests in, decisions applied, replies out. */
function agent(changes: object = {}, names: HomeAgentDeviation[] = []) {
  const settings = parseConfiguration({ ...base, ...changes }, 'test.json');
  const deviates = createDeviates(names);
  const clock = { ms: 1000, ntp: 0xe9000000n << 32n };
  const events: string[] = [];
  const table = createBindingTable(
    settings.mobileNodes,
    {
      ipv4Started: () => events.push('+4'),
      ipv4Stopped: () => events.push('-4'),
      ipv6Started: (address) => events.push(`+6 ${ipv6Text(address)}`),
      ipv6Stopped: (address) => events.push(`-6 ${ipv6Text(address)}`),
      changed: () => undefined,
    },
    () => clock.ms,
    deviates,
  );
  const allocator = createAllocator(settings, table, deviates);
  const clocks = { now: () => clock.ms, ntp: () => clock.ntp };
  const decide = createRegistrar(settings, table, allocator, clocks, deviates);
  const encode = createReplyEncoder(settings, deviates);
  let sequence = 0n;

  function ask(index: number, wanted: Ask = {}) {
    const association = wanted.association ?? associationOf(index);
    const nai = wanted.nai === undefined ? `mn${index}@example.net` : wanted.nai;
    sequence += 1n;
    const identification = (clock.ntp + sequence).toString(16);
    const message = encodeMessage(
      {
        registrationRequest: {
          decapsulationByMobileNode: true,
          lifetimeSeconds: 300,
          homeAddress: `10.1.1.${index}`,
          homeAgent: '10.1.0.1',
          careOfAddress,
          identification,
          ...wanted.request,
          extensions: [
            ...(nai === null ? [] : [{ mobileNodeNai: { nai } }]),
            ...(wanted.before ?? []),
            ...(wanted.mobileHome ?? [{ mobileHomeAuthentication: { spi: association.spi } }]),
            ...(wanted.after ?? []),
            ...(wanted.foreignHome ? [{ foreignHomeAuthentication: { spi: 2000 } }] : []),
          ],
        },
      },
      { associations: { mobileHome: association, foreignHome: foreignAgent }, tamper: wanted.tamper },
    );
    const arrival: Arrival = {
      source: ipv4Number(wanted.from ?? careOfAddress),
      sourcePort: 4434,
      destination: ipv4Number(wanted.to ?? '10.1.0.1'),
      destinationPort: 434,
      payload: Buffer.from([...message, ...(wanted.append ?? [])]),
    };
    const verdict = decide(arrival);
    if (verdict.dropped !== undefined) {
      return { code: 'silence' as const };
    }
    const { decision } = verdict;
    if (decision.change !== undefined) {
      table.apply(decision.change);
    }
    const decoded = decodePacket(encode(decision, arrival), 'ipv4');
    const reply = decoded.layers.flatMap((layer) =>
      'registrationReply' in layer ? layer.registrationReply : [],
    )[0];
    const names = (reply?.extensions ?? []).map((extension) => Object.keys(extension)[0]);
    return { code: decision.code, decision, identification, names, decoded, reply };
  }
  return { ask, table, events, clock, settings };
}

const address = (text: string): Extension => ({ ipv6HomeAddress: { address: text } });
const compatibility = (reverseTunnel: boolean): Extension => ({ ipv6Compatibility: { reverseTunnel } });
const own = '2001:db8:1::1:1';

function ipv6Of(server: ReturnType<typeof agent>) {
  return server.table.mobiles.flatMap(({ bindings }) => bindings.flatMap(({ ipv6 }) => ipv6 ?? []))[0];
}

t.test('accepts a registration and answers with NAI and MHAE', (t) => {
  const server = agent();
  const answer = server.ask(1);
  t.match(answer, { code: 0, names: ['mobileNodeNai', 'mobileHomeAuthentication'] });
  t.equal(answer.reply?.identification, answer.identification);
  t.same(answer.decoded?.findings, []);
  t.same(server.events, ['+4']);
  t.equal(
    server.ask(1, { request: { lifetimeSeconds: 65535 } }).reply?.lifetimeSeconds,
    600,
    'the lifetime is capped',
  );
  t.equal(server.ask(1, { request: { simultaneousBindings: true } }).code, 1);
  t.equal(
    agent({ maximumBindingsPerMobileNode: 2 }).ask(1, { request: { simultaneousBindings: true } }).code,
    0,
  );
  t.end();
});

t.test('denies with the codes of RFC 3344 3.8', (t) => {
  const server = agent();
  const wrong = { ...associationOf(1), key: fromHex('ff'.repeat(16)) };
  const mhae: Extension = { mobileHomeAuthentication: { spi: 1000 } };
  const cases: [string, number | 'silence', ReturnType<typeof server.ask>][] = [
    ['wrong key', 131, server.ask(1, { association: wrong })],
    ['no MHAE', 131, server.ask(1, { mobileHome: [] })],
    ['two MHAEs', 131, server.ask(1, { mobileHome: [mhae, mhae] })],
    ['unknown NAI', 131, server.ask(1, { nai: 'nobody@example.net' })],
    [
      'altered address',
      131,
      server.ask(1, {
        before: [address(own)],
        tamper: [{ extension: 'ipv6HomeAddress', octet: 18, mask: 1 }],
      }),
    ],
    ['old timestamp', 133, server.ask(1, { request: { identification: 'e8ffff0000000001' } })],
    ['trailing octet', 134, server.ask(1, { append: [200] })],
    ['unknown home agent', 136, server.ask(1, { request: { homeAgent: '10.1.0.9' } })],
    ['subnet broadcast', 136, server.ask(1, { to: '10.1.255.255' })],
    ['minimal encapsulation', 139, server.ask(1, { request: { minimalEncapsulation: true } })],
    ['GRE', 139, server.ask(1, { request: { greEncapsulation: true } })],
    ['another home address', 129, server.ask(1, { request: { homeAddress: '10.1.1.2' } })],
    ['type 100', 'silence', server.ask(1, { before: [{ unknown: { type: 100, data: '00' } }] })],
    ['type 199', 0, server.ask(1, { before: [{ unknown: { type: 199, data: '00' } }] })],
    ['FHAE missing', 132, server.ask(1, { from: '10.11.0.2' })],
    ['FHAE missing for the care-of address', 132, server.ask(1, { request: { careOfAddress: '10.11.0.2' } })],
    [
      'FHAE altered',
      132,
      server.ask(1, {
        from: '10.11.0.2',
        foreignHome: true,
        tamper: [{ extension: 'foreignHomeAuthentication', octet: 8, mask: 1 }],
      }),
    ],
    ['FHAE from nobody', 132, server.ask(1, { foreignHome: true })],
    ['FHAE right', 0, server.ask(1, { from: '10.11.0.2', foreignHome: true })],
    [
      'reverse tunnel refused',
      137,
      agent({ reverseTunneling: 'refused' }).ask(1, { request: { reverseTunneling: true } }),
    ],
    ['reverse tunnel required', 138, agent({ reverseTunneling: 'required' }).ask(1)],
  ];
  for (const [name, code, answer] of cases) {
    t.equal(answer.code, code, name);
  }
  t.match(cases[0]?.[2].names, ['mobileNodeNai', 'mobileHomeAuthentication'], 'denials are authenticated');
  t.match(cases[18]?.[2].names, ['mobileNodeNai', 'mobileHomeAuthentication', 'foreignHomeAuthentication']);
  t.end();
});

t.test('protects against replay', (t) => {
  const server = agent();
  const identification = (server.clock.ntp + 1000n).toString(16);
  t.equal(server.ask(1, { request: { identification } }).code, 0);
  const again = server.ask(1, { request: { identification } });
  t.equal(again.code, 133);
  t.equal(
    again.reply?.identification,
    `${server.clock.ntp.toString(16).slice(0, 8)}${identification.slice(8)}`,
  );
  t.equal(server.ask(2, { request: { identification } }).code, 0, 'each mobile node has its own');

  const nonces = {
    association: { spi: 1100, key: fromHex('0a'.repeat(16)), algorithm: 'hmac-md5' as const },
    nai: 'nonce@example.net',
  };
  const first = server.ask(1, { ...nonces, request: { homeAddress: '10.1.2.1' } });
  t.equal(first.code, 133);
  const next = `${first.reply?.identification?.slice(0, 8)}00000007`;
  const second = server.ask(1, { ...nonces, request: { homeAddress: '10.1.2.1', identification: next } });
  t.equal(second.code, 0);
  t.not(second.reply?.identification?.slice(0, 8), next.slice(0, 8));
  t.equal(server.ask(1, { ...nonces, request: { homeAddress: '10.1.2.1', identification: next } }).code, 133);
  t.end();
});

t.test('chooses the IPv6 tunnelling mode (section 4.3)', (t) => {
  const modes: [string, Extension[], number, string][] = [
    ['no compatibility extension', [], 2, 'home-address'],
    ['R=0', [compatibility(false)], 0, 'care-of-address'],
    ['R=1', [compatibility(true)], 0, 'care-of-address-and-reverse'],
  ];
  const server = agent();
  for (const [name, after, ipv6Code, mode] of modes) {
    const answer = server.ask(1, { before: [address(own)], after });
    t.match(answer, { code: 0, names: ['mobileNodeNai', 'ipv6Code', 'mobileHomeAuthentication'] }, name);
    t.equal(answer.decision?.ipv6Code, ipv6Code, name);
    t.equal(ipv6Of(server)?.mode, mode, name);
  }
  t.same(server.events, ['+4', `+6 ${own}`], 'interception starts once');
  server.ask(1, { before: [address(own), compatibility(true)] });
  t.equal(ipv6Of(server)?.mode, 'home-address', 'before the MHAE it is ignored');
  server.ask(1, {
    association: { ...associationOf(1), key: fromHex('00') },
    request: { careOfAddress: '10.10.128.9' },
  });
  t.equal(ipv6Of(server)?.careOfAddress, ipv4Number(careOfAddress), 'a refused request changes nothing');
  t.equal(server.ask(1).decision?.ipv6Code, undefined, 'no code without an address');
  t.equal(ipv6Of(server), undefined, 'nor a binding (reading A37)');
  t.equal(agent({ ipv6Extensions: false }).ask(1, { before: [address(own)] }).decision?.ipv6Code, undefined);
  t.end();
});

t.test('refuses IPv6 home addresses', (t) => {
  const refused: [string, number][] = [
    ['2001:db8:1::bad:1', 129],
    ['2001:db8:1::1:2', 129],
    ['2001:db8:1::1', 129],
    ['2001:db8:2::1', 128],
    ['fe80::1', 128],
    ['ff02::1:ff00:1', 128],
  ];
  for (const [text, ipv6Code] of refused) {
    const server = agent();
    const coupled = server.ask(1, { before: [address(text)] });
    t.match(coupled, { code: 129, decision: { ipv6Code, change: undefined } }, `case 1: ${text}`);
    t.same(server.events, []);
    const separate = server.ask(1, { before: [address(text)], after: [compatibility(false)] });
    t.match(separate, { code: 0, decision: { ipv6Code } }, `case 2: ${text}`);
    t.same(server.events, ['+4']);
  }
  t.end();
});

t.test('allocates addresses (section 4.6)', (t) => {
  const server = agent();
  const zero = server.ask(1, { before: [address('::')] });
  t.same(zero.names, ['mobileNodeNai', 'ipv6HomeAddress', 'ipv6Code', 'mobileHomeAuthentication']);
  t.equal(zero.decision?.returnedAddress, ipv6Key('2001:db8:1:0:d::1'));
  t.equal(
    server.ask(1, { before: [address('::')] }).decision?.returnedAddress,
    zero.decision?.returnedAddress,
  );
  t.not(server.ask(2, { before: [address('::')] }).decision?.returnedAddress, zero.decision?.returnedAddress);
  const eui64 = { before: [address('::211:22ff:fe33:4455')], after: [compatibility(true)] };
  t.match(server.ask(3, eui64).decision, {
    ipv6Code: 0,
    returnedAddress: ipv6Key('2001:db8:1:0:211:22ff:fe33:4455'),
  });
  t.equal(server.ask(1, eui64).decision?.ipv6Code, 129, 'in use by another');

  const subnets = agent({ dynamicIpv6: 'subnet', dynamicIpv6Pool: '2001:db8:5::/56' });
  t.equal(subnets.ask(1, eui64).decision?.returnedAddress, ipv6Key('2001:db8:5::'));
  t.equal(subnets.ask(2, eui64).decision?.returnedAddress, ipv6Key('2001:db8:5:1::'));
  t.equal(subnets.table.ownerOfIpv6(ipv6Key('2001:db8:5:1::7')), subnets.table.mobiles[1]);

  const pool = {
    association: { spi: 1200, key: fromHex('0b'.repeat(16)), algorithm: 'hmac-md5' as const },
    nai: 'pool@example.net',
  };
  const assigned = server.ask(1, { ...pool, request: { homeAddress: '0.0.0.0' } });
  t.match(assigned, { code: 0, reply: { homeAddress: '10.1.200.1' } });
  t.equal(server.ask(1, { ...pool, request: { homeAddress: '10.1.200.1' } }).code, 0);
  t.equal(server.ask(1, { request: { homeAddress: '0.0.0.0' } }).reply?.homeAddress, '10.1.1.1');
  t.end();
});

t.test('deregisters and expires both families (section 4.7)', (t) => {
  const stop = ['+4', `+6 ${own}`, '-4', `-6 ${own}`];
  for (const request of [{ careOfAddress: '10.1.1.1' }, { careOfAddress }]) {
    const server = agent();
    server.ask(1, { before: [address(own)] });
    t.match(server.ask(1, { request: { lifetimeSeconds: 0, ...request } }), {
      code: 0,
      reply: { lifetimeSeconds: 0 },
    });
    t.same(server.events, stop);
  }
  const server = agent();
  server.ask(1, { before: [address(own)], request: { lifetimeSeconds: 10 } });
  server.ask(1, { request: { lifetimeSeconds: 0, careOfAddress: '10.10.128.77' } });
  const [mobile] = server.table.mobiles;
  server.clock.ms += 9999;
  if (mobile !== undefined) {
    server.table.expire(mobile);
    t.same(server.events, stop.slice(0, 2), 'not before the granted lifetime');
    server.clock.ms += 1;
    server.table.expire(mobile);
    t.same(server.events, stop, 'at the granted lifetime');
  }
  server.table.clear();
  t.end();
});

t.test('negotiates UDP tunnels (RFC 3519)', (t) => {
  const server = agent({ natTraversal: true });
  const asking = (force: boolean): Extension => ({ udpTunnelRequest: { force } });
  t.match(server.ask(1, { before: [asking(false)] }).decision?.natTraversal, { tunnel: undefined });
  const translated = server.ask(1, { before: [asking(false)], from: '10.12.0.9' });
  t.match(translated.decision?.natTraversal, { tunnel: { address: ipv4Number('10.12.0.9'), port: 4434 } });
  t.same(translated.names, ['mobileNodeNai', 'udpTunnelReply', 'mobileHomeAuthentication']);
  t.ok(server.ask(1, { before: [asking(true)] }).decision?.natTraversal?.tunnel);
  t.equal(server.ask(1, { before: [asking(true)], request: { decapsulationByMobileNode: false } }).code, 134);
  t.end();
});

t.test('cuts packets into fragments that fit', (t) => {
  const packet = Buffer.alloc(3000, 7);
  packet.set([0x45, 0, 3000 >> 8, 3000 & 255, 0, 9, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
  const pieces = fragments(packet, 1500);
  t.same(
    pieces.map((piece) => [piece.length, piece.readUInt16BE(6)]),
    [
      [1500, 0x2000],
      [1500, 0x20b9],
      [40, 0x172],
    ],
  );
  t.ok(pieces.every((piece) => ipv4Packet(piece) !== undefined));
  t.end();
});

t.test('explains a configuration that cannot be used', (t) => {
  const problems: [object, RegExp][] = [
    [
      { bogus: 1 },
      /test\.json: the configuration has an unknown field "bogus"; remove it or use one of homeAgent/,
    ],
    [{ homeAgent: 'x' }, /test\.json: \/homeAgent: .*change it/],
    [{ reverseTunneling: 'maybe' }, /\/reverseTunneling .*accepted, refused, required/],
    [{ ipv6Address: undefined }, /\/ipv6Extensions is true/],
    [{ dynamicIpv6: 'subnet' }, /shorter than \/64/],
  ];
  for (const [changes, expected] of problems) {
    t.throws(() => agent(changes), { message: expected });
  }
  t.throws(() => agent({ bogus: 1 }), { code: 'ERR_AGENT_CONFIGURATION' });
  t.end();
});

t.test('deviations', (t) => {
  t.same(resolveDeviations('home-agent', ['home-agent/no-proxy-arp', 'nai-not-echoed']), [
    'no-proxy-arp',
    'nai-not-echoed',
  ]);
  t.throws(() => resolveDeviations('home-agent', ['no-proxi-arp']), /did you mean home-agent\/no-proxy-arp/);
  t.throws(() => resolveDeviations('home-agent', ['zzz']), {
    code: 'ERR_UNKNOWN_DEVIATION',
    message: 'unknown deviation "zzz" of the home-agent; dsmip agent deviations lists them',
  });
  for (const given of ['no-proxy-arp', 'home-agent/no-proxy-arp'])
    t.throws(() => resolveDeviations('foreign-agent', [given]), {
      message: `unknown deviation "${given}" of the foreign-agent; there is home-agent/no-proxy-arp; dsmip agent deviations lists them`,
    });
  t.ok(deviations.has('home-agent/no-proxy-arp'));
  const code = ['./home-agent/', './common/']
    .map((name) => new URL(name, import.meta.url))
    .flatMap((folder) => readdirSync(folder).map((name) => new URL(name, folder)))
    .filter((file) => !/\/deviations(-[a-z]+)?\.ts$/.test(file.pathname))
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
  t.same(
    Object.keys(homeAgentDeviations).filter((name) => !code.includes(`'${name}'`)),
    [],
    'each is implemented',
  );
  const accepting: [HomeAgentDeviation, Ask][] = [
    ['mhae-not-checked', { association: { ...associationOf(1), key: fromHex('ff'.repeat(16)) } }],
    ['missing-mhae-accepted', { mobileHome: [] }],
    ['mhae-spi-not-checked', { association: { ...associationOf(1), spi: 999 } }],
    [
      'accepts-altered-ipv6-home-address',
      { before: [address(own)], tamper: [{ extension: 'ipv6HomeAddress', octet: 10, mask: 0x40 }] },
    ],
    ['accepts-altered-nai', { tamper: [{ extension: 'mobileNodeNai', octet: 5, mask: 1 }] }],
    ['accepts-altered-header', { tamper: [{ octet: 3, mask: 0xff }] }],
    [
      'accepts-altered-compatibility',
      {
        from: '10.11.0.2',
        foreignHome: true,
        before: [address(own)],
        after: [compatibility(false)],
        tamper: [{ extension: 'ipv6Compatibility', octet: 2, mask: 0x80 }],
      },
    ],
  ];
  for (const [name, wanted] of accepting) {
    t.ok([131, 132].includes(Number(agent().ask(1, wanted).code)), `${name}: refused without`);
    for (const [other] of accepting) {
      const isAccepted = ![131, 132].includes(Number(agent({}, [other]).ask(1, wanted).code));
      const isExpected = other === name || (other === 'mhae-not-checked' && /header|address|spi/.test(name));
      t.equal(isAccepted, isExpected, `${name} with ${other}`);
    }
  }
  t.end();
});
