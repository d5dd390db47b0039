import { randomInt } from 'node:crypto';
import t from 'tap';
import { computeAuthenticator, type Extension, encodePacket, verifyAuthenticator } from '../wire/index.ts';
import { ipv4Number } from './common/addresses.ts';
import { parseConfiguration } from './foreign-agent/config.ts';
import { readUnreachable } from './foreign-agent/unreachable.ts';
import {
  type Ask,
  address,
  baseConfiguration,
  code,
  compatibility,
  foreignAgent,
  ipv6Of,
  keys,
  macOf,
  namesOf,
  plainHomeAgent,
  relayPorts,
  securedHomeAgent,
} from './testing/foreign-agent.ts';

const nai = (text: string): Extension => ({ mobileNodeNai: { nai: text } });
const delivery: Extension = { encapsulatingDeliveryStyle: {} };

t.test('relays a request octet for octet up to the MHAE', (t) => {
  const agent = foreignAgent();
  const asked = agent.ask(4, {
    before: [{ unknown: { type: 199, data: 'abcd' } }],
    after: [{ unknown: { type: 200, data: '00' } }],
  });
  t.same(
    asked.relayed,
    asked.octets.subarray(0, asked.octets.length - 3),
    'what follows the MHAE is removed',
  );
  const [packet] = asked.packets;
  t.match(packet?.decoded.layers.slice(0, 2), [
    { ipv4: { source: '10.9.0.2', destination: plainHomeAgent, ttl: 64, protocol: 17 } },
    { udp: { sourcePort: relayPorts[0], destinationPort: 434 } },
  ]);
  t.same(packet?.decoded.findings, [], 'checksums are right');
  t.equal(agent.registration.pending, 1);
  t.equal(agent.visitors.size, 0, 'no visitor before the reply');
  t.end();
});

t.test('answers with the codes of RFC 3344 3.7.2, in its order', (t) => {
  const T = { reverseTunneling: true };
  const zero = { homeAddress: '0.0.0.0' };
  const cases: [string, number | 'relayed' | 'silence', Ask & { index?: number; changes?: object }][] = [
    ['plain', 'relayed', {}],
    ['to all mobility agents', 'relayed', { to: '224.0.0.11' }],
    ['unknown extension below 128', 'silence', { before: [{ unknown: { type: 100, data: '00' } }] }],
    ['unknown extension above 127', 'relayed', { before: [{ unknown: { type: 199, data: '00' } }] }],
    [
      'mobile-AAA without challenges',
      'silence',
      { after: [{ generalizedAuthentication: { spi: 300, authenticator: '00'.repeat(16) } }] },
    ],
    ['no MHAE', 70, { mobileHome: [] }],
    ['octets left over', 70, { append: [200] }],
    ['home agent 0.0.0.0', 70, { request: { homeAgent: '0.0.0.0' } }],
    ['home agent 255.255.255.255', 70, { request: { homeAgent: '255.255.255.255' } }],
    ['home agent in a group', 70, { request: { homeAgent: '224.0.0.11' } }],
    ['delivery style without T', 70, { after: [delivery] }],
    ['reserved bits', 'relayed', { request: { reserved: true, reservedX: true } }],
    ['another care-of address', 77, { request: { careOfAddress: '10.9.0.3' } }],
    [
      'another care-of address of its own',
      'relayed',
      { request: { careOfAddress: '10.20.7.7', decapsulationByMobileNode: true } },
    ],
    ['deregistration of all', 'relayed', { request: { careOfAddress: '10.1.1.1', lifetimeSeconds: 0 } }],
    ['MFAE missing', 67, { index: 2, mobileForeign: false }],
    [
      'MFAE altered',
      67,
      { index: 2, tamper: [{ extension: 'mobileForeignAuthentication', octet: 8, mask: 1 }] },
    ],
    ['two MFAEs', 67, { index: 2, after: [{ mobileForeignAuthentication: { spi: 3001 } }] }],
    ['MFAE right', 'relayed', { index: 2 }],
    [
      'care-of address before MFAE',
      77,
      { index: 2, mobileForeign: false, request: { careOfAddress: '10.9.0.3' } },
    ],
    ['home address zero, no NAI', 96, { nai: null, request: zero }],
    ['home address zero with NAI', 'relayed', { request: zero }],
    ['prohibited by policy', 65, { index: 6 }],
    ['lifetime too long', 69, { request: { lifetimeSeconds: 601 } }],
    ['infinite lifetime', 69, { request: { lifetimeSeconds: 65535 } }],
    ['minimal encapsulation', 72, { request: { minimalEncapsulation: true } }],
    ['GRE', 72, { request: { greEncapsulation: true } }],
    [
      'GRE to its own care-of address',
      'relayed',
      { request: { greEncapsulation: true, decapsulationByMobileNode: true } },
    ],
    ['reverse tunnel', 'relayed', { request: T }],
    ['reverse tunnel, TTL 64', 76, { request: T, ttl: 64 }],
    ['TTL 64 without T', 'relayed', { ttl: 64 }],
    ['reverse tunnel refused', 74, { request: T, changes: { reverseTunneling: 'refused' } }],
    ['reverse tunnel required', 75, { changes: { reverseTunneling: 'required' } }],
    ['delivery style', 'relayed', { request: T, after: [delivery] }],
    [
      'delivery style refused',
      79,
      { request: T, after: [delivery], changes: { encapsulatingDeliveryStyle: false } },
    ],
    ['its own address as home agent', 136, { request: { homeAgent: '10.20.0.1' } }],
    ['no more pending requests', 66, { changes: { maximumPending: 1 }, index: 1 }],
  ];
  for (const [name, expected, { index = 1, changes, ...wanted }] of cases) {
    const agent = foreignAgent(changes);
    if (expected === 66) {
      agent.ask(4);
    }
    const asked = agent.ask(index, wanted);
    t.equal(asked.code, expected, name);
    if (typeof expected === 'number') {
      t.equal(agent.registration.pending, expected === 66 ? 1 : 0, name);
    }
  }
  t.end();
});

t.test('denies as RFC 3344 3.7.2.3 says', (t) => {
  const agent = foreignAgent();
  const long = agent.ask(2, { request: { lifetimeSeconds: 700 } });
  const [packet] = long.packets;
  t.equal(packet?.mac, macOf(2), 'to the link-layer address it came from');
  t.match(packet?.decoded.layers, [
    { ipv4: { source: '10.20.0.1', destination: '10.1.1.2' } },
    { udp: { sourcePort: 434, destinationPort: 4434 } },
    {
      registrationReply: {
        code: 69,
        lifetimeSeconds: 600,
        homeAddress: '10.1.1.2',
        homeAgent: plainHomeAgent,
        identification: long.octets.toString('hex', 16, 24),
      },
    },
  ]);
  t.same(namesOf(long.reply), ['mobileForeignAuthentication']);
  const message = packet?.octets.subarray(28) ?? Buffer.alloc(0);
  t.ok(verifyAuthenticator(message, 20, keys.mobileForeign), 'with an MFAE');
  const elsewhere = agent.ask(1, {
    request: { careOfAddress: '10.9.0.3', homeAddress: '0.0.0.0' },
    to: '224.0.0.11',
  });
  t.match(elsewhere.packets[0]?.decoded.layers[0], {
    ipv4: { source: '10.20.0.1', destination: '255.255.255.255' },
  });
  t.equal(elsewhere.reply?.lifetimeSeconds, 300, 'the lifetime is copied');

  const limited = foreignAgent({ denialIntervalSeconds: 1 });
  const bad = { request: { careOfAddress: '10.9.0.3' } };
  t.same([limited.ask(1, bad).code, limited.ask(1, bad).code, limited.ask(4, bad).code], [77, 'silence', 77]);
  limited.clock.ms += 1000;
  t.equal(limited.ask(1, bad).code, 77, 'one a second to the same mobile node');
  t.end();
});

t.test('attaches what its policy says (section 4.4) and the FHAE', (t) => {
  const cases: [string, number, Ask, string[], boolean | undefined][] = [
    [
      'deliver',
      1,
      {},
      ['mobileNodeNai', 'ipv6HomeAddress', 'mobileHomeAuthentication', 'ipv6Compatibility'],
      false,
    ],
    [
      'reverse',
      3,
      {},
      ['mobileNodeNai', 'ipv6HomeAddress', 'mobileHomeAuthentication', 'ipv6Compatibility'],
      true,
    ],
    ['ignore', 4, {}, ['mobileNodeNai', 'ipv6HomeAddress', 'mobileHomeAuthentication'], undefined],
    ['ignore and say so', 5, {}, ['mobileNodeNai', 'ipv6HomeAddress', 'mobileHomeAuthentication'], undefined],
    [
      "the mobile node's own",
      4,
      { after: [compatibility(true)] },
      ['mobileNodeNai', 'ipv6HomeAddress', 'mobileHomeAuthentication'],
      undefined,
    ],
    [
      "the mobile node's own, replaced",
      1,
      { after: [compatibility(true)] },
      ['mobileNodeNai', 'ipv6HomeAddress', 'mobileHomeAuthentication', 'ipv6Compatibility'],
      false,
    ],
    [
      'co-located',
      1,
      { request: { decapsulationByMobileNode: true } },
      ['mobileNodeNai', 'ipv6HomeAddress', 'mobileHomeAuthentication'],
      undefined,
    ],
  ];
  for (const [name, index, wanted, names, r] of cases) {
    const asked = foreignAgent().ask(index, { before: [address(ipv6Of(index))], ...wanted });
    t.same(namesOf(asked.request), names, name);
    const last = asked.request?.extensions?.at(-1);
    t.equal(last && 'ipv6Compatibility' in last ? last.ipv6Compatibility.reverseTunnel : undefined, r, name);
  }
  t.same(
    namesOf(foreignAgent().ask(1).request),
    ['mobileNodeNai', 'mobileHomeAuthentication'],
    'no address, nothing attached',
  );
  const legacy = foreignAgent({ ipv6Extensions: false });
  t.same(namesOf(legacy.ask(1, { before: [address(ipv6Of(1))] }).request), [
    'mobileNodeNai',
    'ipv6HomeAddress',
    'mobileHomeAuthentication',
  ]);

  const asked = foreignAgent().ask(2, {
    request: { homeAgent: securedHomeAgent },
    before: [address(ipv6Of(2))],
  });
  t.same(namesOf(asked.request).slice(2), [
    'mobileHomeAuthentication',
    'ipv6Compatibility',
    'foreignHomeAuthentication',
  ]);
  const relayed = asked.relayed ?? Buffer.alloc(0);
  const end = asked.octets.length - 22;
  const expected = Buffer.concat([
    asked.octets.subarray(0, end),
    Buffer.of(201, 2, 0, 0, 34, 20, 0, 0, 7, 0xd0),
  ]);
  t.same(relayed.subarray(0, -16), expected);
  t.same(relayed.subarray(-16), Buffer.from(computeAuthenticator(relayed, end + 4, keys.foreignHome)));
  t.end();
});

t.test('relays replies (RFC 3344 3.7.3)', (t) => {
  const agent = foreignAgent();
  const asked = agent.ask(2, { request: { homeAgent: securedHomeAgent }, before: [address(ipv6Of(2))] });
  const answered = agent.answer(asked.octets, {
    before: [code(0)],
    after: [{ unknown: { type: 201, data: '0000' } }],
  });
  t.equal(answered.packet?.mac, macOf(2));
  t.match(answered.packet?.decoded.layers.slice(0, 2), [
    { ipv4: { source: '10.20.0.1', destination: '10.1.1.2' } },
    { udp: { sourcePort: 434, destinationPort: 4434 } },
  ]);
  const end = answered.octets.length - 22 - 4;
  t.same(answered.relayed?.subarray(0, end), answered.octets.subarray(0, end), 'octet for octet to the MHAE');
  t.same(namesOf(answered.reply), [
    'mobileNodeNai',
    'ipv6Code',
    'mobileHomeAuthentication',
    'mobileForeignAuthentication',
  ]);
  t.ok(verifyAuthenticator(answered.relayed ?? Buffer.alloc(0), end, keys.mobileForeign));
  t.equal(agent.received(answered.octets).code, 'silence', 'a second copy is not relayed');
  t.match(agent.visitors.all(), [{ homeAddress: ipv4Number('10.1.1.2'), ipv6: { reverseTunnel: false } }]);

  const told = agent.register(5, { before: [address(ipv6Of(5))] }, { before: [code(2)] });
  t.same(namesOf(told.reply), ['mobileNodeNai', 'ipv6Code', 'mobileHomeAuthentication', 'ipv6Code']);
  t.same(told.relayed?.subarray(-4), Buffer.of(202, 2, 65, 0));
  t.same(
    namesOf(agent.register(5).reply),
    ['mobileNodeNai', 'mobileHomeAuthentication'],
    'only if IPv6 was asked for',
  );
  t.end();
});

t.test('checks replies', (t) => {
  const low = { identification: 'e90000007fffffff' };
  const cases: [
    string,
    number,
    number | 'silence',
    Parameters<ReturnType<typeof foreignAgent>['answer']>[1],
  ][] = [
    ['accepted', 1, 0, {}],
    ['accepted without simultaneous bindings', 1, 1, { reply: { code: 1 } }],
    ['denied', 1, 133, { reply: { code: 133 } }],
    ['other low bits', 1, 'silence', { reply: low }],
    ['other home address', 1, 'silence', { reply: { homeAddress: '10.1.1.9' } }],
    ['other NAI', 1, 'silence', { nai: 'mn9@example.net' }],
    ['no NAI', 1, 97, { nai: null }],
    ['no home agent', 1, 98, { reply: { homeAgent: '0.0.0.0' } }],
    ['no MHAE', 1, 71, { mobileHome: [] }],
    ['octets left over', 1, 71, { append: [131] }],
    ['unknown extension below 128', 1, 'silence', { before: [{ unknown: { type: 100, data: '00' } }] }],
    ['no FHAE', 2, 68, { foreignHome: false }],
    ['FHAE altered', 2, 68, { tamper: [{ extension: 'foreignHomeAuthentication', octet: 7, mask: 1 }] }],
    ['two FHAEs', 2, 68, { after: [{ foreignHomeAuthentication: { spi: 2000 } }] }],
    ['FHAE that nobody asked for', 1, 0, { foreignHome: true }],
  ];
  for (const [name, index, expected, wanted] of cases) {
    const agent = foreignAgent();
    const request = index === 2 ? { homeAgent: securedHomeAgent } : {};
    const answered = agent.answer(agent.ask(index, { request }).octets, wanted);
    t.equal(answered.code, expected, name);
    t.equal(agent.visitors.size, expected === 0 || expected === 1 ? 1 : 0, name);
    t.equal(agent.registration.pending, expected === 'silence' ? 1 : 0, name);
  }
  const agent = foreignAgent();
  agent.register(1);
  agent.answer(agent.ask(1).octets, { reply: { code: 131 } });
  t.equal(agent.visitors.size, 1, 'a denial leaves the visitor list alone');
  t.end();
});

t.test('keeps records by NAI for home address zero (RFC 2794)', (t) => {
  const zero = { request: { homeAddress: '0.0.0.0' } };
  const agent = foreignAgent();
  const [one, four] = [agent.ask(1, zero), agent.ask(4, zero)];
  const answered = agent.answer(four.octets, { reply: { homeAddress: '10.1.200.4' } });
  t.equal(answered.packet?.mac, macOf(4));
  t.match(answered.packet?.decoded.layers[0], { ipv4: { destination: '10.1.200.4' } });
  t.ok(agent.visitors.byHomeAddress(ipv4Number('10.1.200.4')));
  const denied = agent.answer(one.octets, { reply: { code: 130 } });
  t.match(denied.packet?.decoded.layers[0], { ipv4: { destination: '255.255.255.255' } });
  t.equal(denied.code, 130, 'a denial need not name a home address');
  t.equal(agent.answer(agent.ask(1, zero).octets).code, 99, 'an acceptance must');
  t.equal(
    agent.answer(agent.ask(1, zero).octets, { nai: null, reply: { homeAddress: '10.1.200.1' } }).code,
    97,
  );
  t.end();
});

t.test('gives up pending requests', (t) => {
  const agent = foreignAgent();
  const asked = agent.ask(2);
  const again = agent.submit(2, asked.octets);
  t.same([again.code, agent.registration.pending], ['relayed', 1], 'a retransmission is relayed again');
  t.equal(agent.submit(2, asked.octets, { mac: macOf(9) }).code, 'silence', 'not from somebody else');
  agent.clock.ms += 6999;
  t.same(
    agent.during(() => agent.registration.expire()),
    [],
  );
  agent.clock.ms += 1;
  const [timeout] = agent.during(() => agent.registration.expire());
  t.match(timeout, { mac: macOf(2), decoded: { layers: [{}, {}, { registrationReply: { code: 78 } }] } });
  t.equal(agent.registration.pending, 0);
  t.equal(agent.answer(asked.octets).code, 'silence', 'too late');

  const short = foreignAgent();
  short.ask(1, { request: { lifetimeSeconds: 2 } });
  short.clock.ms += 2000;
  t.equal(short.during(() => short.registration.expire()).length, 1, 'not beyond the lifetime asked for');
  t.end();
});

t.test('tells of unreachable home agents', (t) => {
  const cases: [number, number, number][] = [
    [3, 0, 80],
    [3, 1, 81],
    [3, 3, 82],
    [3, 13, 88],
    [11, 0, 88],
    [12, 0, 88],
  ];
  for (const [type, icmpCode, expected] of cases) {
    const agent = foreignAgent();
    agent.ask(4);
    const [relayed] = agent.ask(1).packets;
    const quoted = (relayed?.octets ?? Buffer.alloc(0)).toString('hex', 0, 28);
    const error = Buffer.from(
      encodePacket([
        { ipv4: { source: '10.9.0.1', destination: '10.9.0.2' } },
        { icmp: { type, code: icmpCode } },
        { payload: `00000000${quoted}` },
      ]),
    );
    const read = readUnreachable(error, ipv4Number('10.9.0.2'));
    t.ok(read);
    const [told] = agent.during(() => read && agent.registration.onUnreachable(read, read.code));
    t.match(
      told,
      { mac: macOf(1), decoded: { layers: [{}, {}, { registrationReply: { code: expected } }] } },
      `${type}/${icmpCode}`,
    );
    t.equal(agent.registration.pending, 1, 'only the one that it is about');
    t.equal(readUnreachable(error, ipv4Number('10.9.0.3')), undefined, 'about the packet of another');
    error[error.length - 1] = (error[error.length - 1] ?? 0) ^ 1;
    t.equal(readUnreachable(error, ipv4Number('10.9.0.2')), undefined, 'checksum');
  }
  t.end();
});

t.test('finds the pending request that an ICMP error quotes', (t) => {
  const agent = foreignAgent();
  const asked = [1, 4, 5].map((index) => agent.ask(index).packets[0]);
  const quote = (packet: (typeof asked)[number]) => ({
    destination: ipv4Number(plainHomeAgent),
    port: packet?.octets.readUInt16BE(20) ?? 0,
    ipIdentification: packet?.octets.readUInt16BE(4) ?? 0,
  });
  const told = (quoted: ReturnType<typeof quote>) =>
    agent.during(() => agent.registration.onUnreachable(quoted, 81)).map(({ mac }) => mac);
  const [first, second, third] = asked.map(quote);
  t.same([first?.port, second?.port, third?.port], [...relayPorts, relayPorts[0]], 'by turns');
  const nothing = { destination: 0, port: 0, ipIdentification: 0 };
  t.same(told({ ...(second ?? nothing), destination: 1 }), [], 'another home agent');
  t.same(told({ ...(second ?? nothing), ipIdentification: 0 }), [macOf(4)], 'the port is its own');
  t.same(told({ ...(third ?? nothing), ipIdentification: 0 }), [], 'two have the port');
  t.same(told(third ?? nothing), [macOf(5)]);
  t.equal(agent.registration.pending, 1);
  t.end();
});

t.test('limits visitors', (t) => {
  const agent = foreignAgent({ maximumVisitors: 2 });
  agent.register(1);
  t.notOk(agent.registration.isBusy());
  agent.register(4);
  t.ok(agent.registration.isBusy());
  t.equal(agent.ask(5).code, 66);
  t.equal(agent.ask(1).code, 'relayed', 'a renewal');
  t.equal(agent.ask(5, { request: { lifetimeSeconds: 0 } }).code, 'relayed', 'a deregistration');
  t.end();
});

t.test('demands challenges (RFC 4721)', (t) => {
  const agent = foreignAgent({ challenges: true });
  const challenge = (data: string): Extension => ({ mobileForeignChallenge: { challenge: data } });
  const aaa: Extension = {
    generalizedAuthentication: { subType: 1, spi: 300, authenticator: '00'.repeat(16) },
  };
  const ask = (index: number, data: string, ...after: Extension[]) =>
    agent.ask(index, { after: [challenge(data), ...after] });
  const advertise = () => agent.challenges?.advertise() ?? '';
  const [first, second, third] = [advertise(), advertise(), advertise()];
  t.equal(agent.ask(4).code, 105);
  t.equal(agent.ask(2).code, 'relayed', 'optional with an association');
  t.equal(ask(4, third).code, 'silence', 'no authentication behind it');
  t.equal(ask(4, 'aabbccdd', aaa).code, 104);
  t.equal(ask(4, first, aaa).code, 104, 'out of the window');
  const asked = ask(4, third, aaa);
  t.same(namesOf(asked.request), [
    'mobileNodeNai',
    'mobileHomeAuthentication',
    'mobileForeignChallenge',
    'generalizedAuthentication',
  ]);
  t.equal(ask(4, third, aaa).code, 'relayed', 'a retransmission while pending');
  const answered = agent.answer(asked.octets);
  const next =
    answered.reply?.extensions?.flatMap((extension) =>
      'mobileForeignChallenge' in extension ? (extension.mobileForeignChallenge.challenge ?? '') : [],
    )[0] ?? '';
  t.match(next, /^[0-9a-f]{16}$/, 'the reply has a fresh one');
  agent.clock.ms += 7000;
  agent.registration.expire();
  t.equal(ask(4, third, aaa).code, 106, 'used');
  t.equal(ask(4, second, aaa).code, 106, 'older than the one used');
  t.equal(ask(1, second, aaa).code, 'relayed', 'another mobile node may');
  t.equal(ask(4, next, aaa).code, 'relayed', 'the one that its reply gave it');
  t.equal(ask(1, next, aaa).code, 104, 'nobody else');
  const solicited = agent.challenges?.solicit(macOf(4)) ?? '';
  t.equal(agent.challenges?.solicit(macOf(4)), solicited, 'repeated until used');
  t.equal(ask(4, solicited, aaa).code, 'relayed');
  t.not(agent.challenges?.solicit(macOf(4)), solicited);
  const own = agent.ask(2, { after: [challenge(third)] });
  t.same(namesOf(own.request), ['mobileNodeNai', 'mobileHomeAuthentication'], 'for the agent alone');
  t.equal(agent.ask(2, { after: [challenge('00000000')] }).code, 104);
  t.end();
});

t.test('explains a configuration that cannot be used, and shows no key', (t) => {
  const parse = (changes: object) => parseConfiguration({ ...baseConfiguration, ...changes }, 'test.json');
  const problems: [object, RegExp][] = [
    [
      { bogus: 1 },
      /test\.json: the configuration has an unknown field "bogus"; remove it or use one of visitedLink/,
    ],
    [
      { visitedLink: { device: 'v0', address: 'x', prefixLength: 16 } },
      /\/visitedLink\/address: .*change it/,
    ],
    [{ careOfAddresses: [] }, /\/careOfAddresses .*change it/],
    [{ ipv6: 'maybe' }, /\/ipv6 .*ignore, deliver, deliver-and-reverse-tunnel/],
    [{ policies: [{ ipv6: 'ignore' }] }, /\/policies\/0 has neither nai nor homeAddress/],
    [{ policies: [{ nai: 'a*b*c' }] }, /\/policies\/0\/nai: .*more than one place/],
    [
      { policies: [{ nai: 'a', ipv6: 'deliver', ipv6Code: 65 }] },
      /has an ipv6Code but its ipv6 is "deliver"/,
    ],
    [{ devices: ['visited0'] }, /\/devices names the device of \/visitedLink/],
    [
      { advertisements: { intervalSeconds: 1, lifetimeSeconds: 3, registrationLifetimeSeconds: 30 } },
      /make them equal/,
    ],
    [
      { homeAgents: [{ address: '10.8.0.3', spi: 2000, key: { hex: 'abc' } }] },
      /^test\.json: \/homeAgents\/0\/key must be \{"hex": "\.\.\."\} with an even number of hex digits, [^\n]*$/,
    ],
    [
      { homeAgents: [{ address: '10.8.0.3', spi: 2000, key: { env: 'c0ffee' } }] },
      /^test\.json: \/homeAgents\/0\/key: the environment variable must hold an even number of hex digits; change it$/,
    ],
    [
      { homeAgents: [{ address: '10.8.0.3', spi: 2000, key: { file: 'c0ffee' } }] },
      /^test\.json: \/homeAgents\/0\/key: the key file cannot be read \(ENOENT\); change it$/,
    ],
    [{ mobileNodes: [...baseConfiguration.mobileNodes, ...baseConfiguration.mobileNodes] }, /named before/],
  ];
  for (const [changes, expected] of problems) {
    t.throws(() => parse(changes), { message: expected, code: 'ERR_AGENT_CONFIGURATION' });
  }
  const { policies } = parse({
    policies: [
      { homeAddress: '10.1.3.0/24', ipv6: 'ignore' },
      { nai: '*@example.org', refused: true },
    ],
  });
  t.match(policies, [{ ipv6: 'ignore' }, { ipv6: 'ignore', refused: true }]);
  const agent = foreignAgent();
  agent.register(2, { request: { homeAgent: securedHomeAgent } });
  agent.ask(2, { mobileForeign: false });
  t.notMatch(agent.logged.join(), /0[bcd]0[bcd]0[bcd]/);
  t.end();
});

t.test('survives hostile messages', (t) => {
  const agent = foreignAgent({ challenges: true });
  const good = [
    agent.requestOctets(2, { before: [address(ipv6Of(2))], after: [compatibility(true), delivery] }),
    agent.answer(agent.requestOctets(2, {}), {
      before: [nai('x'), code(0), address(ipv6Of(2))],
      after: [delivery],
    }).octets,
  ];
  for (let round = 0; round < 20000; round++) {
    const source = good[round & 1] ?? Buffer.alloc(0);
    const octets = Buffer.from(
      source.subarray(0, randomInt(4) === 0 ? randomInt(source.length + 1) : source.length),
    );
    for (let change = randomInt(5); change > 0 && octets.length > 0; change--) {
      octets[randomInt(octets.length)] = randomInt(256);
    }
    agent.submit(2, octets, { mac: macOf(round & 7) });
    agent.received(octets);
    agent.forwarder.fromTunnel(Buffer.from(octets));
    agent.forwarder.fromVisitor(Buffer.from(octets), Buffer.alloc(6));
    agent.forwarder.fromVisitorIpv6(Buffer.from(octets), Buffer.alloc(6));
    agent.forwarder.fromVisitorEncapsulated(Buffer.from(octets), Buffer.alloc(6));
    readUnreachable(Buffer.concat([Buffer.of(0x45), octets]), 0);
    agent.sent.length = 0;
    agent.logged.length = 0;
  }
  t.ok(agent.registration.pending <= agent.settings.maximumPending);
  t.ok((agent.counters.droppedRequests ?? 0) > 0);
  t.equal(foreignAgent().register(1).code, 0);
  t.end();
});
