import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { encodePacket, type Layer } from '../wire/index.ts';
import { ipv4Number, ipv6Key } from './common/addresses.ts';
import { stoppingDeviations } from './common/deafness.ts';
import { deviations, resolveDeviations } from './deviations.ts';
import { type ForeignAgentDeviation, foreignAgentDeviations } from './foreign-agent/deviations.ts';
import { baseDeviations } from './foreign-agent/deviations-base.ts';
import {
  address,
  code,
  foreignAgent,
  ipv6Of,
  macOf,
  plainHomeAgent,
  type Sent,
} from './testing/foreign-agent.ts';
import {
  doubleTunnel,
  mobileTunnel,
  nativeIpv4,
  nativeIpv6,
  trace,
  tunnelledIpv4,
  tunnelledIpv6,
} from './testing/foreign-agent-trace.ts';

const own = (index: number) => ({ before: [address(ipv6Of(index))] });

/** The names of the layers of the packets sent, and where they went. */
function shape(sent: readonly Sent[]): string[] {
  return sent.map(({ mac, decoded }) => {
    const names = decoded.layers.map((layer: Layer) => Object.keys(layer)[0]);
    return `${mac ?? 'upstream'}: ${names.join(' ')}`;
  });
}

t.test('takes IPv4 out of the tunnel and forwards what visitors send', (t) => {
  const agent = foreignAgent();
  t.same(agent.tunnel(tunnelledIpv4('10.1.1.4')), [], 'nobody before the registration');
  agent.register(4);
  const [delivered] = agent.tunnel(tunnelledIpv4('10.1.1.4'));
  t.equal(delivered?.mac, macOf(4));
  t.match(delivered?.decoded, {
    layers: [
      { ipv4: { source: '10.12.0.2', destination: '10.1.1.4', ttl: 59 } },
      { udp: {} },
      { payload: 'c0ffee' },
    ],
    findings: [],
  });
  t.same(agent.tunnel(tunnelledIpv4('10.1.77.77')), [], 'unknown inner destination: nothing, no ICMP');
  const [forwarded] = agent.fromMobile(4, nativeIpv4(4));
  t.match(forwarded, {
    mac: undefined,
    decoded: { layers: [{ ipv4: { source: '10.1.1.4', destination: '10.12.0.2', ttl: 59 } }], findings: [] },
  });
  t.same(agent.fromMobile(5, nativeIpv4(4)), [], 'not from another link-layer address');
  t.same(agent.fromMobile(5, nativeIpv4(5)), [], 'not from one that is no visitor');
  t.same(shape(agent.tunnel(doubleTunnel(4))), [`${macOf(4)}: ipv4 ipv6 udp payload`], 'one header off');
  t.same(
    shape(agent.fromMobile(4, mobileTunnel(4))),
    ['upstream: ipv4 ipv6 udp payload'],
    "the mobile node's own tunnel",
  );
  const [first] = nativeIpv4(4);
  const last = [{ ipv4: { ...(first && 'ipv4' in first ? first.ipv4 : {}), ttl: 1 } }];
  t.same(shape(agent.fromMobile(4, last)), [`${macOf(4)}: ipv4 icmp payload`], 'its TTL is used up');
  t.same(agent.fromMobile(4, [{ ipv4: { source: '10.1.1.4', destination: '224.0.0.9' } }]), []);
  agent.register(4, { request: { lifetimeSeconds: 0 } });
  t.same(agent.tunnel(tunnelledIpv4('10.1.1.4')), [], 'nobody after the deregistration');
  t.end();
});

t.test('reverse-tunnels IPv4 (RFC 3024)', (t) => {
  const T = { request: { reverseTunneling: true } };
  const agent = foreignAgent();
  agent.register(4, T);
  const [tunnelled] = agent.fromMobile(4, nativeIpv4(4));
  t.match(tunnelled?.decoded, {
    layers: [
      { ipv4: { source: '10.9.0.2', destination: plainHomeAgent, protocol: 4 } },
      { ipv4: { source: '10.1.1.4', destination: '10.12.0.2', ttl: 59 } },
    ],
    findings: [],
  });
  t.same(shape(agent.fromMobile(4, mobileTunnel(4))), ['upstream: ipv4 ipv4 ipv6 udp payload']);
  const encapsulated = (outer: number, inner: number) =>
    Buffer.from(
      encodePacket([{ ipv4: { source: `10.1.1.${outer}`, destination: '10.20.0.1' } }, ...nativeIpv4(inner)]),
    );
  const hand = (packet: Buffer) =>
    shape(agent.during(() => agent.forwarder.fromVisitorEncapsulated(packet, Buffer.from(macOf(4), 'hex'))));
  t.same(hand(encapsulated(4, 4)), [], 'not negotiated');
  agent.register(4, { ...T, after: [{ encapsulatingDeliveryStyle: {} }] });
  t.same(hand(encapsulated(4, 4)), ['upstream: ipv4 ipv4 udp payload']);
  t.same(hand(encapsulated(4, 5)), [], 'another inner source');
  t.same(
    shape(agent.fromMobile(4, nativeIpv4(4))),
    ['upstream: ipv4 udp payload'],
    'what comes bare goes natively',
  );
  const big = [...nativeIpv4(4).slice(0, 2), { payload: '00'.repeat(1460) }];
  agent.register(4, T);
  t.equal(agent.fromMobile(4, big).length, 2, 'in fragments');
  const [head, ...rest] = big;
  const locked = [{ ipv4: { ...(head && 'ipv4' in head ? head.ipv4 : {}), dontFragment: true } }, ...rest];
  t.same(shape(agent.fromMobile(4, locked)), [`${macOf(4)}: ipv4 icmp payload`], 'or too big');
  t.end();
});

t.test('serves co-located care-of addresses that must register (flag R)', (t) => {
  const agent = foreignAgent();
  agent.register(4, {
    request: { decapsulationByMobileNode: true, careOfAddress: '10.20.7.7', reverseTunneling: true },
  });
  const visitor = agent.visitors.byColocatedAddress(ipv4Number('10.20.7.7'));
  t.ok(visitor);
  t.same(agent.tunnel(tunnelledIpv4('10.1.1.4')), [], 'the tunnel does not end here');
  const packet = Buffer.from(
    encodePacket([{ ipv4: { source: plainHomeAgent, destination: '10.20.7.7', ttl: 60 } }, ...nativeIpv4(9)]),
  );
  t.same(shape(agent.during(() => visitor && agent.forwarder.toColocated(packet, visitor))), [
    `${macOf(4)}: ipv4 ipv4 udp payload`,
  ]);
  t.same(
    shape(
      agent.fromMobile(4, [{ ipv4: { source: '10.20.7.7', destination: plainHomeAgent } }, ...nativeIpv4(4)]),
    ),
    ['upstream: ipv4 ipv4 udp payload'],
  );
  t.end();
});

t.test('delivers IPv6 and forwards it natively (R=0)', (t) => {
  const agent = foreignAgent();
  const asked = agent.ask(1, own(1));
  t.same(agent.tunnel(tunnelledIpv6(ipv6Of(1))), [], 'not before the reply');
  agent.answer(asked.octets, { before: [code(0)] });
  const [delivered] = agent.tunnel(tunnelledIpv6(ipv6Of(1)));
  t.match(delivered, {
    mac: macOf(1),
    decoded: {
      layers: [
        { ipv6: { source: '2001:db8:c::2', destination: ipv6Of(1), hopLimit: 59 } },
        { udp: {} },
        { payload: 'c0ffee' },
      ],
      findings: [],
    },
  });
  t.same(agent.tunnel(tunnelledIpv6(ipv6Of(1), '10.8.0.9')), [], 'from another tunnel');
  t.same(agent.tunnel(tunnelledIpv6('2001:db8:1::1:41')), [], 'for a neighbour');
  const [native] = agent.fromMobile(1, nativeIpv6(ipv6Of(1)));
  t.match(native, {
    mac: undefined,
    decoded: { layers: [{ ipv6: { source: ipv6Of(1), destination: '2001:db8:c::2', hopLimit: 59 } }] },
  });
  t.same(agent.fromMobile(1, nativeIpv6('2001:db8:1::1:41')), [], 'with a foreign source');
  t.same(agent.fromMobile(4, nativeIpv6(ipv6Of(1))), [], 'from another link-layer address');
  for (const destination of ['fe80::1', 'ff02::1', '::', '::1']) {
    t.same(agent.fromMobile(1, [{ ipv6: { source: ipv6Of(1), destination } }]), [], destination);
  }
  for (const source of ['ff02::1', '::1', '::10.0.0.1', '::ffff:10.0.0.1']) {
    t.same(
      agent.tunnel([
        { ipv4: { source: plainHomeAgent, destination: '10.9.0.2' } },
        { ipv6: { source, destination: ipv6Of(1) } },
      ]),
      [],
      source,
    );
  }
  agent.register(1);
  t.same(agent.tunnel(tunnelledIpv6(ipv6Of(1))), [], 'a renewal without the address ends it (reading A37)');
  t.end();
});

t.test('reverse-tunnels IPv6 (R=1)', (t) => {
  const agent = foreignAgent();
  agent.register(3, own(3));
  t.same(shape(agent.tunnel(tunnelledIpv6(ipv6Of(3)))), [`${macOf(3)}: ipv6 udp payload`]);
  const [tunnelled] = agent.fromMobile(3, nativeIpv6(ipv6Of(3)));
  t.match(tunnelled?.decoded, {
    layers: [
      { ipv4: { source: '10.9.0.2', destination: plainHomeAgent, protocol: 41 } },
      { ipv6: { source: ipv6Of(3), destination: '2001:db8:c::2', hopLimit: 59 } },
    ],
    findings: [],
  });
  const [head] = nativeIpv6(ipv6Of(3));
  t.same(
    shape(agent.fromMobile(3, [...(head ? [head] : []), { payload: '00'.repeat(1441) }])),
    [`${macOf(3)}: ipv6 icmpv6 payload`],
    'too big',
  );
  t.end();
});

t.test('has IPv6 state after code 0 alone, for the address that the reply returns', (t) => {
  const given = address('2001:db8:1:0:d::1');
  const cases: [
    string,
    number,
    string,
    Parameters<ReturnType<typeof foreignAgent>['answer']>[1],
    string | undefined,
  ][] = [
    ['code 0', 1, ipv6Of(1), { before: [code(0)] }, ipv6Of(1)],
    ['code 2', 1, ipv6Of(1), { before: [code(2)] }, undefined],
    ['code 128', 1, ipv6Of(1), { before: [code(128)] }, undefined],
    ['no code', 1, ipv6Of(1), {}, undefined],
    ['code behind the MHAE', 1, ipv6Of(1), { after: [code(0)] }, undefined],
    ['denied', 1, ipv6Of(1), { before: [code(0)], reply: { code: 129 } }, undefined],
    ['ignored by policy', 4, ipv6Of(4), { before: [code(0)] }, undefined],
    ['allocated', 1, '::', { before: [given, code(0)] }, '2001:db8:1:0:d::1'],
    ['allocated, not told', 1, '::', { before: [code(0)] }, undefined],
    [
      'prefix filled in',
      1,
      '::211:22ff:fe33:4455',
      { before: [address('2001:db8:1::211:22ff:fe33:4455'), code(0)] },
      '2001:db8:1::211:22ff:fe33:4455',
    ],
    [
      'a subnet',
      1,
      '::211:22ff:fe33:4455',
      { before: [address('2001:db8:5:1::'), code(0)] },
      '2001:db8:5:1::77',
    ],
    ['link-local', 1, 'fe80::1', { before: [code(0)] }, undefined],
  ];
  for (const [name, index, requested, reply, expected] of cases) {
    const agent = foreignAgent();
    const asked = agent.ask(index, { before: [address(requested)] });
    agent.answer(asked.octets, reply);
    t.equal(agent.visitors.all()[0]?.ipv6 !== undefined, expected !== undefined, name);
    t.equal(
      agent.visitors.byIpv6(ipv6Key(expected ?? requested)) !== undefined,
      expected !== undefined,
      name,
    );
  }
  const agent = foreignAgent();
  agent.register(1, own(1));
  agent.register(3, own(1));
  agent.register(1, { request: { lifetimeSeconds: 0 } });
  t.equal(
    agent.visitors.byIpv6(ipv6Key(ipv6Of(1)))?.homeAddress,
    ipv4Number('10.1.1.3'),
    'the last that it was given to',
  );
  t.end();
});

t.test('keeps visitors for the granted lifetime (section 4.7)', (t) => {
  const agent = foreignAgent();
  const reaches = () => [
    agent.tunnel(tunnelledIpv4('10.1.1.1')).length,
    agent.tunnel(tunnelledIpv6(ipv6Of(1))).length,
  ];
  const ten = { reply: { lifetimeSeconds: 10 }, before: [code(0)] };
  agent.register(1, own(1), ten);
  agent.clock.ms += 9999;
  t.same(reaches(), [1, 1]);
  agent.clock.ms += 1;
  t.same(reaches(), [0, 0], 'over, before any timer');
  for (const visitor of agent.visitors.all()) {
    agent.visitors.expire(visitor);
  }
  t.equal(agent.visitors.size, 0);
  agent.register(1, own(1), ten);
  agent.clock.ms += 6000;
  agent.register(1, own(1), ten);
  agent.clock.ms += 6000;
  t.same(reaches(), [1, 1], 'renewed');
  agent.register(1, own(1), { ...ten, reply: { lifetimeSeconds: 60000 } });
  agent.clock.ms += 600_000;
  t.same(reaches(), [0, 0], "not beyond the agent's own maximum");
  agent.register(1, own(1));
  agent.answer(agent.ask(1, { request: { lifetimeSeconds: 0 } }).octets, { reply: { code: 133 } });
  t.same(reaches(), [1, 1], 'a denied deregistration changes nothing');
  agent.register(1, { request: { lifetimeSeconds: 0 } });
  t.same(reaches(), [0, 0]);
  t.end();
});

t.test('deviations', (t) => {
  t.same(resolveDeviations('foreign-agent', ['foreign-agent/fhae-wrong']), ['fhae-wrong']);
  t.throws(() => resolveDeviations('foreign-agent', ['fhae-wrog']), /did you mean foreign-agent\/fhae-wrong/);
  t.ok(deviations.has('foreign-agent/ipv6-outlives-lifetime'));
  const source = ['./foreign-agent/', './common/']
    .map((name) => new URL(name, import.meta.url))
    .flatMap((folder) => readdirSync(folder).map((name) => new URL(name, folder)))
    .filter((file) => !/\/deviations(-[a-z]+)?\.ts$/.test(file.pathname))
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
  const names = Object.keys(foreignAgentDeviations) as ForeignAgentDeviation[];
  t.same(
    names.filter((name) => !source.includes(`'${name}'`)),
    [],
    'each is implemented',
  );
  const legacy = { ipv6Extensions: false };
  const [right, rightLegacy] = [trace({}, []), trace(legacy, [])];
  t.same(trace({}, []), right, 'what the agent says without them does not vary');
  // Those of Mobile IPv4 itself, and those by which it stops, have only the kill matrix to show in.
  for (const name of names.filter((one) => !(one in baseDeviations || one in stoppingDeviations))) {
    const [usual, without] = name.startsWith('legacy-') ? [legacy, rightLegacy] : [{}, right];
    t.not(trace(usual, [name]).join('\n'), without.join('\n'), `${name} shows`);
  }
  t.end();
});
