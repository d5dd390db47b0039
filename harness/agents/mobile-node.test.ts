import t from 'tap';
import { agentFlag, encodeMessage, toHex } from '../wire/index.ts';
import { ipv6Key } from './common/addresses.ts';
import { parseLease } from './mobile-node/dhcp.ts';
import {
  type Answer,
  careOf,
  correspondent,
  echo,
  fieldsOf,
  foreignAgent,
  homeAddress,
  homeAgent,
  homeMac,
  ipv4Correspondent,
  ipv4Echo,
  ipv6Home,
  keys,
  namesOf,
  otherForeignAgent,
  ownMac,
  routerMac,
  shapeOf,
  type World,
} from './testing/mobile-node.ts';
import {
  atCareOf,
  atForeignAgent,
  ipv6Way,
  requestsIn,
  started,
  withoutA,
} from './testing/mobile-node-states.ts';

t.test('solicits agents, at first often and then ever less (RFC 3344 2.4)', (t) => {
  const world = started({ careOf: 'none' });
  world.run(60_000);
  const sent = world.take();
  t.match(fieldsOf(sent[0]?.layers ?? [], 'ipv4'), {
    source: homeAddress,
    destination: '224.0.0.11',
    ttl: 1,
  });
  t.ok(sent.every(({ layers }) => fieldsOf(layers, 'routerSolicitation') !== undefined));
  t.ok(sent.length > 6 && sent.length < 14, `${sent.length} in a minute`);
  t.equal(world.status().where, 'searching');
  world.hearForeign();
  world.take();
  world.run(2000);
  t.notOk(world.take().some(({ layers }) => fieldsOf(layers, 'routerSolicitation') !== undefined));
  t.end();
});

t.test('registers through a foreign agent (RFC 3344 3.6.1, section 4.5.1)', (t) => {
  const world = started();
  world.take();
  world.hearForeign();
  const [first] = requestsIn(world.take());
  t.same(first?.frame.findings, []);
  t.match(first?.frame.layers[0], { ethernet: { destination: foreignAgent.mac, source: ownMac } });
  t.match(first?.frame.layers[1], {
    ipv4: { source: homeAddress, destination: foreignAgent.address, ttl: 255 },
  });
  t.match(first?.frame.layers[2], { udp: { destinationPort: 434 } });
  t.match(first?.request, {
    decapsulationByMobileNode: false,
    simultaneousBindings: false,
    reverseTunneling: false,
    lifetimeSeconds: 300,
    homeAddress,
    homeAgent,
    careOfAddress: foreignAgent.careOf,
    extensions: [
      { mobileNodeNai: { nai: 'mn1@example.net' } },
      { ipv6HomeAddress: { length: 17, subType: 1, address: ipv6Home } },
      { mobileHomeAuthentication: { spi: 1000 } },
    ],
  });
  t.equal(namesOf(first?.request).length, 3);
  const withoutAuthenticator = {
    ...first?.request,
    extensions: (first?.request.extensions ?? []).map((extension) =>
      'mobileHomeAuthentication' in extension ? { mobileHomeAuthentication: { spi: 1000 } } : extension,
    ),
  };
  const again = encodeMessage(
    { registrationRequest: withoutAuthenticator },
    { associations: { mobileHome: keys.mobileHome } },
  );
  t.equal(toHex(first?.frame.octets.subarray(42) ?? new Uint8Array()), toHex(again), 'the MHAE is right');
  world.answer({ ipv6Code: 0, reply: { lifetimeSeconds: 200 } });
  t.match(world.status(), {
    where: 'foreign-agent',
    ipv4: true,
    ipv6: 'foreign-agent',
    registration: { code: 0, ipv6Code: 0, remainingMilliseconds: 200_000 },
  });
  t.end();
});

t.test('keeps the lifetime to what the agent takes, and mends code 69', (t) => {
  const world = started();
  world.hearForeign({ registrationLifetimeSeconds: 100 });
  t.equal(world.lastRequest()?.lifetimeSeconds, 100);
  world.answer({ mobileHome: [], reply: { code: 69, lifetimeSeconds: 60 } });
  world.run(1100);
  t.equal(world.lastRequest()?.lifetimeSeconds, 60);
  world.answer({ ipv6Code: 0 });
  t.match(world.status(), { registration: { code: 0 } });
  t.end();
});

t.test('answers challenges and authenticates to a foreign agent that it shares a key with', (t) => {
  const world = started();
  world.hearForeign({ challenge: 'abcdef01' }, otherForeignAgent);
  t.same(namesOf(world.lastRequest()), [
    'mobileNodeNai',
    'ipv6HomeAddress',
    'mobileHomeAuthentication',
    'mobileForeignChallenge',
    'mobileForeignAuthentication',
  ]);
  t.match(world.lastRequest()?.extensions?.[3], { mobileForeignChallenge: { challenge: 'abcdef01' } });
  world.answer({ ipv6Code: 0, mobileForeign: false }, otherForeignAgent);
  t.equal(world.status().counters.securityExceptions, 1, 'a reply without MFAE');
  const tamper = [{ extension: 'mobileForeignAuthentication', octet: -1, mask: 1 }];
  world.answer({ ipv6Code: 0, tamper }, otherForeignAgent);
  t.equal(world.status().counters.securityExceptions, 2, 'a reply with a wrong MFAE');
  world.answer({ ipv6Code: 0 }, otherForeignAgent);
  t.match(world.status(), { registration: { code: 0 } });
  t.end();
});

t.test('repeats requests ever less often, and never more than one a second (RFC 3344 3.6.3)', (t) => {
  const world = started({ lifetimeSeconds: 30 });
  world.hearForeign({ lifetimeSeconds: 600 });
  world.run(100_000);
  const requests = requestsIn(world.take());
  const gaps = requests.slice(1).map(({ time }, index) => time - (requests[index]?.time ?? 0));
  t.ok(gaps.every((gap) => gap >= 1000));
  t.ok(
    gaps.slice(0, 4).every((gap, index) => gap >= 1000 * 2 ** index && gap <= 1100 * 2 ** index),
    `${gaps}`,
  );
  t.ok(
    gaps.every((gap) => gap <= 30_000),
    'never longer than the lifetime',
  );
  const identifications = requests.map(({ request }) => request.identification ?? '');
  t.same(identifications, [...identifications].sort());
  t.equal(new Set(identifications).size, identifications.length);
  for (let times = 0; times < 5; times++) {
    world.node.register();
    world.run(10);
  }
  t.ok(requestsIn(world.take()).length <= 1, 'orders wait, too');
  t.end();
});

t.test('renews before the lifetime is over, and stops when it is', (t) => {
  const world = started();
  world.hearForeign({ lifetimeSeconds: 600 });
  world.answer({ ipv6Code: 0, reply: { lifetimeSeconds: 20 } });
  world.take();
  world.run(14_000);
  t.equal(requestsIn(world.take()).length, 0);
  world.run(2000);
  t.equal(requestsIn(world.take()).length, 1, 'at three quarters');
  t.equal(ipv6Way(world).length, 1);
  world.run(5000);
  t.match(world.status(), { ipv4: false, ipv6: 'none' });
  t.same(ipv6Way(world), []);
  t.ok(world.events.includes('expired'));
  t.end();
});

t.test('discards replies that are not to be trusted (RFC 3344 3.6.2.1)', (t) => {
  const mhae = { mobileHomeAuthentication: { spi: 1000 } };
  const bad: [string, Answer, string][] = [
    ['low bits', { lowBits: 1 }, 'unexpectedReplies'],
    ['no MHAE', { mobileHome: [] }, 'securityExceptions'],
    ['two MHAE', { mobileHome: [mhae, mhae] }, 'securityExceptions'],
    [
      'wrong MHAE',
      { tamper: [{ extension: 'mobileHomeAuthentication', octet: -1, mask: 1 }] },
      'securityExceptions',
    ],
    ['altered code', { tamper: [{ extension: 'ipv6Code', octet: 2, mask: 2 }] }, 'securityExceptions'],
    ['another SPI', { association: { ...keys.mobileHome, spi: 1001 } }, 'securityExceptions'],
    ['another home address', { reply: { homeAddress: '10.1.1.2' } }, 'unexpectedReplies'],
    ['code 5', { reply: { code: 5 } }, 'undefinedReplyCodes'],
    ['type 100', { before: [{ unknown: { type: 100, data: '00' } }] }, 'malformedReplies'],
    ['trailing octet', { reply: { trailing: 'c8' } }, 'malformedReplies'],
    ['UDP checksum', { checksum: 1 }, 'badUdpChecksum'],
    ['denial without MHAE', { mobileHome: [], reply: { code: 129 } }, 'securityExceptions'],
  ];
  for (const [name, answer, counter] of bad) {
    const world = started();
    world.hearForeign();
    world.answer({ ipv6Code: 0, ...answer });
    t.match(world.status(), { ipv4: false, counters: { [counter]: 1 } }, name);
    world.answer({ ipv6Code: 0, before: [{ unknown: { type: 199, data: '00' } }] });
    t.match(world.status(), { ipv4: true }, `${name}: the right one is still taken`);
    world.answer({ ipv6Code: 0 });
    t.match(world.status(), { counters: { unexpectedReplies: counter === 'unexpectedReplies' ? 2 : 1 } });
  }
  t.end();
});

t.test('resynchronises after code 133 (RFC 3344 5.7)', (t) => {
  const world = started();
  world.hearForeign();
  const low = world.lastRequest()?.identification?.slice(8);
  world.answer({ reply: { code: 133, identification: `ea000000${low}` } });
  world.run(1100);
  t.equal(world.lastRequest()?.identification?.slice(0, 7), 'ea00000', 'the clock of the home agent');
  world.answer({ ipv6Code: 0 });
  t.match(world.status(), { ipv4: true });

  const nonces = started({}, { replay: 'nonces' });
  nonces.hearForeign();
  t.equal(nonces.lastRequest()?.identification?.slice(0, 8), '00000000');
  nonces.run(1100);
  const [first, second] = requestsIn(nonces.take());
  t.same(second?.request, first?.request, 'repeated unchanged');
  const own = nonces.lastRequest()?.identification?.slice(8);
  nonces.answer({ reply: { code: 133, identification: `12345678${own}` } });
  nonces.run(1100);
  t.equal(nonces.lastRequest()?.identification?.slice(0, 8), '12345678');
  t.end();
});

t.test('backs off after denials', (t) => {
  for (const [code, mobileHome] of [
    [66, []],
    [129, undefined],
  ] as const) {
    const world = started();
    world.hearForeign({ lifetimeSeconds: 600 });
    world.answer({ mobileHome: mobileHome && [...mobileHome], reply: { code } });
    world.take();
    world.run(1500);
    t.equal(requestsIn(world.take()).length, 0);
    world.run(1000);
    t.equal(requestsIn(world.take()).length, 1, `once after ${code}`);
    t.equal(world.status().counters[`code${code}`], 1);
  }
  t.end();
});

t.test('follows the A flags (sections 2.3 and 4.5.1)', (t) => {
  const asks = (changes: object, home: number | undefined, flags: number) => {
    const world = started(changes);
    if (home !== undefined) {
      world.hearHome({ flags: home });
    }
    world.hearForeign({ flags });
    return namesOf(world.lastRequest()).includes('ipv6HomeAddress');
  };
  const a = agentFlag.ipv6Extensions;
  const h = agentFlag.homeAgent;
  for (const flags of [withoutA, withoutA | a, withoutA | a | 0x1f]) {
    t.equal(asks({}, h, flags), false, 'home agent of A=0');
    t.equal(asks({}, h | a, flags), true, 'home agent of A=1');
    t.equal(asks({}, undefined, flags), true, 'nothing heard');
    t.equal(asks({ attemptWhenUnknown: false }, undefined, flags), false);
    t.equal(asks({ homeAgentSupport: 'yes' }, h, flags), true);
    t.equal(asks({ homeAgentSupport: 'no' }, h | a, flags), false);
    t.equal(asks({ ipv6Extensions: false }, h | a, flags), false);
  }
  t.end();
});

t.test('sends IPv6 as the code says behind a foreign agent (sections 3.3, 4.5.1, 5.1)', (t) => {
  const native = [`${foreignAgent.mac} ${ipv6Home}>${correspondent}, icmpv6Echo, payload`];
  const tunnel = [
    `${foreignAgent.mac} ${homeAddress}>${homeAgent} p41, ${ipv6Home}>${correspondent}, icmpv6Echo, payload`,
  ];
  t.same(ipv6Way(atForeignAgent({ ipv6Code: 0 })), native);
  t.same(ipv6Way(atForeignAgent({ ipv6Code: 2 })), tunnel);
  t.same(ipv6Way(atForeignAgent({ ipv6Code: 2 }, { flags: withoutA })), tunnel);
  t.same(
    ipv6Way(atForeignAgent({ ipv6Code: 0 }, { flags: withoutA })),
    tunnel,
    'A=0 binds, whatever the code',
  );
  for (const ipv6Code of [64, 65, 128, 129, 1, 77]) {
    const world = atForeignAgent({ ipv6Code });
    t.same(ipv6Way(world), [], `code ${ipv6Code}`);
    t.match(world.status(), { ipv4: true, ipv6: 'none' });
  }
  t.same(
    ipv6Way(atForeignAgent({ after: [{ ipv6Code: { code: 65 } }] })),
    [],
    'refused by the foreign agent',
  );
  t.same(ipv6Way(atForeignAgent({ after: [{ ipv6Code: { code: 0 } }] })), [], 'not authenticated');
  t.same(
    ipv6Way(atForeignAgent({ ipv6Code: 2, after: [{ ipv6Code: { code: 65 } }] })),
    tunnel,
    "the home agent's code holds (reading A09)",
  );

  const legacy = atForeignAgent({});
  t.same(ipv6Way(legacy), []);
  t.match(legacy.status(), { ipv4: true, ipv6: 'none' });
  legacy.run(1100);
  legacy.node.register();
  legacy.run(0);
  t.same(namesOf(legacy.lastRequest()), ['mobileNodeNai', 'mobileHomeAuthentication'], 'not attempted again');
  legacy.answer({});
  legacy.run(1100);
  legacy.hearForeign({}, otherForeignAgent);
  t.ok(namesOf(legacy.lastRequest()).includes('ipv6HomeAddress'), 'but in another network');
  t.end();
});

t.test('takes IPv6 from the right places only behind a foreign agent', (t) => {
  const inner = echo(correspondent, ipv6Home);
  const tunnelled = (source: string) => [{ ipv4: { source, destination: homeAddress } }, ...inner];
  const takes = (world: World, packet: ReturnType<typeof echo>, mac = foreignAgent.mac) => {
    world.taken();
    world.receive(packet, mac);
    return world.taken().length === 1;
  };
  for (const ipv6Code of [0, 2]) {
    const world = atForeignAgent({ ipv6Code });
    t.equal(takes(world, inner), ipv6Code === 0, 'bare');
    t.equal(takes(world, inner, routerMac), false, 'bare from a stranger');
    t.equal(takes(world, tunnelled(homeAgent)), true, 'tunnelled to the home address');
    t.equal(takes(world, tunnelled(ipv4Correspondent)), false, 'tunnelled by a stranger');
    t.equal(takes(world, echo(correspondent, '2001:db8:1::1:2')), false, 'for another');
    t.equal(takes(world, ipv4Echo(ipv4Correspondent, homeAddress)), true, 'IPv4');
    t.equal(takes(world, ipv4Echo(ipv4Correspondent, homeAddress), routerMac), false, 'IPv4 from a stranger');
  }
  const refused = atForeignAgent({ ipv6Code: 128 });
  t.equal(takes(refused, tunnelled(homeAgent)), false);
  t.equal(takes(refused, inner), false);
  t.end();
});

t.test('registers a co-located care-of address (section 4.5.2)', (t) => {
  for (const local of [false, true]) {
    const world = started();
    world.run(250);
    t.ok(world.isLeaseAsked());
    world.take();
    world.lease();
    t.ok(fieldsOf(world.take()[0]?.layers ?? [], 'ipv6RouterSolicitation'));
    if (local) {
      world.run(50);
      world.hearRouter();
    } else {
      world.run(250);
    }
    const [first] = requestsIn(world.take());
    t.match(first?.frame.layers[0], { ethernet: { destination: routerMac } }, 'learnt from the DHCP server');
    t.match(first?.frame.layers[1], { ipv4: { source: careOf, destination: homeAgent } });
    t.match(first?.request, {
      decapsulationByMobileNode: true,
      careOfAddress: careOf,
      reverseTunneling: false,
    });
    t.same(namesOf(first?.request), [
      'mobileNodeNai',
      'ipv6HomeAddress',
      'mobileHomeAuthentication',
      'ipv6Compatibility',
    ]);
    t.match(first?.request.extensions?.[3], {
      ipv6Compatibility: { length: 2, reverseTunnel: !local, reserved: 0 },
    });
    t.notMatch(JSON.stringify(first?.request), /2001:db8:30/);
  }
  const late = atCareOf(false);
  late.hearRouter();
  late.run(1100);
  t.match(
    late.lastRequest()?.extensions?.[3],
    { ipv6Compatibility: { reverseTunnel: false } },
    'heard later',
  );
  late.answer({ ipv6Code: 0 }, { mac: routerMac });
  late.run(1100);
  late.hearRouter(0);
  late.run(1100);
  t.match(late.lastRequest()?.extensions?.[3], { ipv6Compatibility: { reverseTunnel: true } }, 'and gone');
  t.same(namesOf(atCareOf(true, { compatibility: 'never' }).lastRequest()).slice(-1), [
    'mobileHomeAuthentication',
  ]);
  t.end();
});

t.test('sends from a co-located care-of address as the registration says', (t) => {
  const bare = `${ipv6Home}>${correspondent}, icmpv6Echo, payload`;
  const homeTunnel = `${homeAddress}>${homeAgent} p41, ${bare}`;
  t.same(ipv6Way(atCareOf(false)), [`${routerMac} ${careOf}>${homeAgent} p41, ${bare}`], 'R=1');
  t.same(ipv6Way(atCareOf(true)), [`${routerMac} ${bare}`], 'R=0');
  const never = { compatibility: 'never' };
  t.same(ipv6Way(atCareOf(true, never, { ipv6Code: 2 })), [`${routerMac} ${homeTunnel}`], 'without');
  t.same(
    ipv6Way(atCareOf(false, { ...never, reverseTunneling: true }, { ipv6Code: 2 })),
    [`${routerMac} ${careOf}>${homeAgent} p4, ${homeTunnel}`],
    'in the reverse tunnel of T',
  );
  t.same(ipv6Way(atCareOf(false, {}, { ipv6Code: 2 })), [`${routerMac} ${homeTunnel}`], 'code 2');
  t.same(ipv6Way(atCareOf(false, {}, { ipv6Code: 129 })), []);
  t.same(ipv6Way(atCareOf(false, {}, {})), []);
  for (const reverseTunneling of [false, true]) {
    const world = atCareOf(false, { reverseTunneling });
    world.sendIpv4();
    const plain = `${homeAddress}>${ipv4Correspondent} p1, icmpEcho, payload`;
    t.equal(
      shapeOf(world.take()[0]?.layers ?? []),
      reverseTunneling ? `${careOf}>${homeAgent} p4, ${plain}` : plain,
    );
  }
  t.end();
});

t.test('decapsulates at its care-of address what the home agent sends', (t) => {
  const inner = echo(correspondent, ipv6Home);
  const outer = (source: string, destination: string) => ({ ipv4: { source, destination } });
  const takes = (world: World, packet: ReturnType<typeof echo>) => {
    world.taken();
    world.receive(packet, routerMac);
    return world.taken().map((layers) => shapeOf([{ payload: '' }, ...layers]));
  };
  const shape = [`${correspondent}>${ipv6Home}, icmpv6Echo, payload`];
  for (const local of [false, true]) {
    const world = atCareOf(local);
    t.same(takes(world, [outer(homeAgent, careOf), ...inner]), shape);
    t.same(takes(world, [outer(homeAgent, careOf), outer(homeAgent, homeAddress), ...inner]), shape);
    t.same(takes(world, [outer(ipv4Correspondent, careOf), ...inner]), []);
    t.same(takes(world, [outer(homeAgent, careOf), outer(ipv4Correspondent, homeAddress), ...inner]), []);
    t.same(takes(world, inner), [], 'bare');
    t.same(takes(world, [outer(homeAgent, careOf), ...ipv4Echo(ipv4Correspondent, homeAddress)]), [
      `${ipv4Correspondent}>${homeAddress} p1, icmpEcho, payload`,
    ]);
    t.same(takes(world, [outer(homeAgent, careOf), ...ipv4Echo(ipv4Correspondent, '10.1.1.2')]), []);
  }
  const without = atCareOf(false, { compatibility: 'never' }, { ipv6Code: 2 });
  t.same(takes(without, [outer(homeAgent, careOf), outer(homeAgent, homeAddress), ...inner]), shape);
  t.same(takes(without, [outer(homeAgent, careOf), ...inner]), []);
  without.receive(ipv4Echo(ipv4Correspondent, careOf), routerMac);
  t.match(shapeOf(without.take().at(-1)?.layers ?? []), `${careOf}>${ipv4Correspondent} p1, icmpEcho`);
  t.end();
});

t.test('takes the addresses that the home agent assigns (RFC 2794, section 4.6)', (t) => {
  const forms: [string, string, string, string][] = [
    ['zero', '::', '2001:db8:1::d:1', '2001:db8:1::d:1'],
    ['eui64', '::ff:fe00:1', '2001:db8:1:0:0:ff:fe00:1', '2001:db8:1:0:0:ff:fe00:1'],
    ['eui64', '::ff:fe00:1', '2001:db8:5::', '2001:db8:5::ff:fe00:1'],
  ];
  for (const [ipv6HomeAddress, asked, returned, own] of forms) {
    const world = started({}, { ipv6HomeAddress });
    world.hearForeign();
    t.match(world.lastRequest()?.extensions?.[1], { ipv6HomeAddress: { address: asked } });
    world.answer({ ipv6Code: 0, before: [{ ipv6HomeAddress: { address: returned } }] });
    t.equal(world.used()?.ipv6, ipv6Key(own));
    world.take();
    world.sendOwn(echo(own, correspondent));
    t.equal(world.take().length, 1);
    world.node.restart();
    t.equal(world.used()?.ipv6, undefined, 'forgotten');
  }
  const world = started({}, { ipv4HomeAddress: undefined });
  world.hearForeign();
  t.match(world.lastRequest(), { homeAddress: '0.0.0.0' });
  t.match(requestsIn(world.take())[0]?.frame.layers[1], { ipv4: { source: '0.0.0.0' } });
  world.answer({ ipv6Code: 0, reply: { homeAddress: '10.1.200.7' } });
  t.match(world.status(), { homeAddress: '10.1.200.7' });
  t.end();
});

t.test('comes home: announces itself, then deregisters (RFC 3344 2.4.3 and 4.6, section 4.7)', (t) => {
  const world = atForeignAgent();
  world.run(1100);
  world.take();
  world.hearHome();
  const sent = world.take();
  t.match(fieldsOf(sent[0]?.layers ?? [], 'arp'), {
    operation: 1,
    senderAddress: homeAddress,
    targetAddress: homeAddress,
    senderMac: ownMac,
  });
  t.match(sent[0]?.layers[0], { ethernet: { destination: 'ff:ff:ff:ff:ff:ff' } });
  t.match(requestsIn(sent)[0]?.request, {
    lifetimeSeconds: 0,
    careOfAddress: homeAddress,
    homeAddress,
    decapsulationByMobileNode: false,
  });
  t.same(namesOf(world.lastRequest()), ['mobileNodeNai', 'mobileHomeAuthentication']);
  t.match(requestsIn(sent)[0]?.frame.layers[0], { ethernet: { destination: homeMac } });
  world.answer({}, { mac: homeMac });
  t.ok(
    world.take().some(({ layers }) => fieldsOf(layers, 'neighborAdvertisement')?.override === true),
    'unsolicited neighbor advertisement',
  );
  world.run(60_000);
  t.same(requestsIn(world.take()), []);
  world.hearHome();
  t.same(ipv6Way(world), [`${homeMac} ${ipv6Home}>${correspondent}, icmpv6Echo, payload`]);
  world.receive(
    [{ ipv4: { source: homeAgent, destination: homeAddress } }, ...echo(correspondent, ipv6Home)],
    homeMac,
  );
  t.equal(
    shapeOf([{ payload: '' }, ...(world.taken()[0] ?? [])]).slice(0, 17),
    `${homeAgent}>${homeAddress}`,
    'as any host',
  );
  t.end();
});

t.test('answers ARP and neighbor solicitations where RFC 3344 4.6 lets it', (t) => {
  const arp = (world: World, target: string, mac: string, unicast: boolean) => {
    world.take();
    world.receive(
      [{ arp: { operation: 1, senderMac: mac, senderAddress: '10.0.0.9', targetAddress: target } }],
      mac,
      unicast ? ownMac : 'ff:ff:ff:ff:ff:ff',
    );
    return world.take().filter(({ layers }) => fieldsOf(layers, 'arp')?.operation === 2).length === 1;
  };
  const solicit = (world: World, target: string, mac: string) => {
    world.take();
    world.receive(
      [
        { ipv6: { source: 'fe80::9', destination: 'ff02::1:ff00:1', hopLimit: 255 } },
        { neighborSolicitation: { target } },
      ],
      mac,
      '33:33:ff:00:00:01',
    );
    return world.take().some(({ layers }) => fieldsOf(layers, 'neighborAdvertisement') !== undefined);
  };
  const away = atForeignAgent();
  t.equal(arp(away, homeAddress, foreignAgent.mac, true), true, 'its foreign agent, by unicast');
  t.equal(arp(away, homeAddress, foreignAgent.mac, false), false, 'by broadcast');
  t.equal(arp(away, homeAddress, routerMac, true), false, 'a stranger');
  t.equal(solicit(away, ipv6Home, foreignAgent.mac), true);
  t.equal(solicit(away, ipv6Home, routerMac), false);
  const coLocated = atCareOf(true);
  t.equal(arp(coLocated, careOf, routerMac, false), true);
  t.equal(arp(coLocated, homeAddress, routerMac, true), false);
  t.equal(solicit(coLocated, '2001:db8:30:0:0:ff:fe00:1', routerMac), true);
  t.equal(solicit(coLocated, ipv6Home, routerMac), false);
  const home = started();
  home.hearHome();
  t.equal(arp(home, homeAddress, routerMac, false), true);
  t.equal(solicit(home, ipv6Home, routerMac), true);
  t.equal(arp(home, '10.1.1.2', routerMac, false), false);
  home.take();
  home.sendOwn(ipv4Echo(homeAddress, '10.1.0.77'));
  t.match(fieldsOf(home.take()[0]?.layers ?? [], 'arp'), { operation: 1, targetAddress: '10.1.0.77' });
  home.receive(
    [{ arp: { operation: 2, senderMac: routerMac, senderAddress: '10.1.0.77', targetAddress: homeAddress } }],
    routerMac,
  );
  t.match(home.take()[0]?.layers[0], { ethernet: { destination: routerMac } }, 'the packet that waited');
  t.end();
});

t.test('detects movement (RFC 3344 2.4.2, 2.4.4)', (t) => {
  const where = (world: World) => world.status().agent ?? world.status().where;
  const lost = atForeignAgent();
  lost.run(2900);
  t.equal(where(lost), foreignAgent.address);
  lost.run(200);
  t.equal(where(lost), 'searching', 'algorithm 1');

  const eager = atForeignAgent();
  eager.hearForeign({}, otherForeignAgent);
  t.equal(where(eager), otherForeignAgent.address, 'a new agent at once');
  eager.hearForeign();
  t.equal(where(eager), otherForeignAgent.address, 'not back at once');
  eager.hearForeign();
  t.equal(where(eager), foreignAgent.address, 'heard twice while the other is silent');
  for (let times = 0; times < 4; times++) {
    eager.hearForeign();
    eager.hearForeign({}, otherForeignAgent);
  }
  t.equal(where(eager), foreignAgent.address, 'two agents on one link');
  eager.hearHome();
  t.equal(where(eager), homeAgent, 'home at once');

  const same = started();
  same.hearForeign({ prefixLength: 8 });
  same.hearForeign({ prefixLength: 8 }, otherForeignAgent);
  t.equal(where(same), foreignAgent.address, 'algorithm 2: the same prefix');

  const patient = started({ movement: 'lifetime' });
  patient.hearForeign();
  patient.hearForeign({ lifetimeSeconds: 60 }, otherForeignAgent);
  t.equal(where(patient), foreignAgent.address);
  patient.run(3100);
  t.equal(where(patient), otherForeignAgent.address, 'once the first has run out');

  const rebooted = atForeignAgent({ ipv6Code: 0 }, { sequenceNumber: 400, lifetimeSeconds: 60 });
  rebooted.run(2000);
  rebooted.take();
  rebooted.hearForeign({ sequenceNumber: 300, lifetimeSeconds: 60 });
  rebooted.run(2000);
  t.same(requestsIn(rebooted.take()), [], 'rolled over');
  rebooted.hearForeign({ sequenceNumber: 3, lifetimeSeconds: 60 });
  rebooted.run(0);
  t.equal(requestsIn(rebooted.take()).length, 1, 'started anew');

  const busy = started();
  busy.hearForeign({ flags: withoutA | agentFlag.busy });
  t.equal(where(busy), 'searching');
  busy.hearForeign({ careOfAddresses: [] });
  t.equal(where(busy), 'searching', 'F without a care-of address');

  const coLocated = atCareOf(false);
  coLocated.hearForeign();
  t.equal(where(coLocated), foreignAgent.address, 'agents come first');
  const unplugged = atCareOf(false, { routerProbeSeconds: 1 });
  unplugged.run(2500);
  t.ok(unplugged.take().some(({ layers }) => fieldsOf(layers, 'arp')?.targetAddress === '10.30.0.1'));
  unplugged.run(3000);
  t.equal(where(unplugged), 'searching', 'the router is gone');
  t.end();
});

t.test('renews its lease, and looks again when there is none', (t) => {
  const world = started({ routerProbeSeconds: 0 });
  world.run(300);
  world.noLease();
  world.run(9000);
  t.notOk(world.isLeaseAsked());
  world.run(2000);
  t.ok(world.isLeaseAsked());
  world.lease(careOf, 100);
  world.run(300);
  world.answer({ ipv6Code: 0 }, { mac: routerMac });
  world.run(50_000);
  t.ok(world.isLeaseAsked());
  world.lease(careOf, 100);
  t.match(world.status(), { where: 'co-located', careOfAddress: careOf, ipv4: true });
  world.run(51_000);
  world.lease('10.30.0.51', 100);
  t.match(world.status(), { careOfAddress: '10.30.0.51', ipv4: false }, 'another address is registered anew');
  world.run(51_000);
  for (let times = 0; times < 7; times++) {
    world.noLease();
    world.run(10_500);
  }
  t.match(world.status(), { where: 'searching' }, 'lost at its end');
  t.same(parseLease('x\nlease 10.30.0.146 10.30.0.1 3600\n'), {
    address: 0x0a1e0092,
    router: 0x0a1e0001,
    leaseSeconds: 3600,
  });
  t.equal(parseLease('lease 10.30.0.146  3600\n'), undefined);
  t.equal(parseLease('lease 10.30.0.999 10.30.0.1 3600\n'), undefined);
  t.end();
});

t.test('obeys orders and begins anew', (t) => {
  const world = atForeignAgent();
  world.take();
  world.node.deregister();
  world.run(1100);
  t.match(world.lastRequest(), { lifetimeSeconds: 0, careOfAddress: foreignAgent.careOf });
  world.answer({});
  t.match(world.status(), { where: 'foreign-agent', ipv4: false });
  world.node.restart();
  t.equal(shapeOf(world.take().at(-1)?.layers ?? []), `${homeAddress}>224.0.0.11 p1, routerSolicitation`);
  t.match(world.status(), { where: 'searching', homeAgentSupport: 'unknown' });
  world.hearForeign();
  t.equal(requestsIn(world.take()).length, 1, 'at once, back-off and rate forgotten');
  t.end();
});
