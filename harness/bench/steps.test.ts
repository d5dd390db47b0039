/** Steps by which a device is told something, is moved or used, and those that wait for what it does of its own accord. */
import t, { type Test } from 'tap';
import type { Surroundings } from '../engine/identities.ts';
import type { Outcome } from '../engine/outcome.ts';
import { run } from '../engine/run.ts';
import { type Arrival, FakeSession, imaginary, steps, testOf } from '../engine/testing/fake-bench.ts';
import { loadLedger } from '../vectors/ledger.ts';
import type { Json, TestCase } from '../vectors/types.ts';
import type { Packet } from '../wire/index.ts';
import { RecordedSession } from './recorded.ts';

const ledger = loadLedger();
const must = '4.3-f';
const should = '4.3-e';
const home = '10.1.1.1';

const scenario: Partial<Surroundings> = { role: 'scenario', position: 'beside' };
const mobileNode: Partial<Surroundings> = {
  role: 'mobile-node',
  position: 'behind-foreign-agent',
  foreignAgents: [{ address: '10.20.0.1' }],
  linkMac: '02:00:00:00:00:09',
};

const alone = (body: TestCase['body'], changes: Partial<TestCase> = {}): TestCase =>
  testOf(body, {
    liveness: [
      { mn: [], other: [] },
      { mn: [], other: [] },
    ],
    ...changes,
  });

/** Judge live, then judge the recording: it has to be the same to the letter. */
async function judge(
  t: Test,
  test: TestCase,
  around: Partial<Surroundings>,
  prepare: (session: FakeSession) => void,
): Promise<Outcome> {
  const session = new FakeSession(() => []);
  prepare(session);
  const { other: _other, ...surroundings } = imaginary(around);
  const outcome = await run(test, session, surroundings, ledger);
  const frames = session.frames.map(({ port, timeNs, outgoing, octets }) => ({
    port,
    timeNs: surroundings.originNs + BigInt(timeNs),
    outgoing,
    octets,
  }));
  const recorded = new RecordedSession({
    outcome: JSON.parse(JSON.stringify(outcome)) as Outcome,
    frames,
    originNs: surroundings.originNs,
    extensionTypes: surroundings.extensionTypes,
  });
  const again = await run(test, recorded, surroundings, ledger);
  t.equal(JSON.stringify(again), JSON.stringify(outcome), `${outcome.verdict}: judged again the same`);
  t.equal(recorded.mismatch, undefined);
  return outcome;
}

const registrationRequest = (identification: string, changes: object = {}): Packet =>
  [
    { ipv4: { source: home, destination: '10.20.0.1', ttl: 1 } },
    { udp: { sourcePort: 49_153, destinationPort: 434 } },
    {
      registrationRequest: {
        lifetimeSeconds: 300,
        homeAddress: home,
        homeAgent: '10.1.0.1',
        careOfAddress: '10.20.0.1',
        identification,
        extensions: [{ mobileHomeAuthentication: {} }],
        ...changes,
      },
    },
  ] as Packet;

const data = (payload: string, changes: object = {}): Packet =>
  [{ ipv4: { source: '10.12.0.2', destination: home, protocol: 6, ...changes } }, { payload }] as Packet;

const segment = (last: string, checksum = '0000'): string =>
  `${'11'.repeat(16)}${checksum}${'22'.repeat(6)}${last}`;

t.test('a hook', async (t) => {
  const test = alone(
    steps(
      'body',
      { hook: 'restart', as: 'restarted' },
      { at: 'link', expect: ['...', { registrationRequest: {} }], since: 'restarted', clause: must },
    ),
  );
  const asks = (session: FakeSession): void => {
    session.reacts = () => [{ port: 'link', afterMs: 5, packet: registrationRequest('0000000000000001') }];
  };
  t.match(await judge(t, test, mobileNode, asks), { verdict: 'PASS', actions: [{ name: 'restart' }] });
  const idle = await judge(t, test, mobileNode, () => {});
  t.match(idle, { verdict: 'FAIL', missing: true }, 'nothing comes of it');
  const missing = await judge(t, test, mobileNode, (session) => {
    session.canAct = false;
  });
  t.match(missing, {
    verdict: 'INCONCLUSIVE',
    reason: 'no hook',
    actions: [{ name: 'restart', missing: 'no hook' }],
  });
});

t.test('what a device does of its own accord', async (t) => {
  const silent = (seconds: number): Json => ({
    silence: {
      at: 'link',
      of: [['...', { registrationRequest: {} }]],
      since: 'told',
      until: { since: 'told', seconds },
    },
    clause: must,
  });
  const at = (afterMs: number) => (session: FakeSession) => {
    session.reacts = () => [{ port: 'link', afterMs, packet: registrationRequest('0000000000000001') }];
  };
  const test = alone(steps('body', { hook: 'register', as: 'told' }, silent(2)));
  t.equal((await judge(t, test, mobileNode, at(1999))).verdict, 'FAIL', 'within the window');
  t.match(
    await judge(t, test, mobileNode, at(2001)),
    { verdict: 'PASS', judgements: [{ silence: 'time' }] },
    'behind it',
  );
  const record = alone(
    steps(
      'body',
      { hook: 'register', as: 'told' },
      {
        record: {
          at: 'link',
          options: { asks: ['...', { registrationRequest: {} }] },
          since: 'told',
          until: { since: 'told', seconds: 3 },
        },
        clause: '1-a',
      },
    ),
  );
  const seen = await judge(t, record, mobileNode, at(1000));
  t.match(seen, { verdict: 'INFO', judgements: [{ recorded: 'asks' }] });
  t.ok(seen.endNs < 2e9, 'it is waited for no longer than until it has been done');
  t.match(await judge(t, record, mobileNode, () => {}), { judgements: [{ recorded: 'nothing' }] });
});

t.test('a reply answers the newest request', async (t) => {
  const test = alone(
    steps(
      'body',
      { hook: 'register', as: 'told' },
      { at: 'link', expect: ['...', { registrationRequest: {} }], since: 'told', clause: must },
      { wait: { since: 'told', seconds: 1 } },
      {
        at: 'link',
        send: [
          { ipv4: { source: '10.20.0.1', destination: '$mn.homeAddress' } },
          { udp: { sourcePort: 434, destinationPort: '$asked.port' } },
          { registrationReply: { code: 0, identification: '$identification.reply' } },
        ],
      },
    ),
  );
  const outcome = await judge(t, test, mobileNode, (session) => {
    session.reacts = () => [
      { port: 'link', afterMs: 1, packet: registrationRequest('00000000000000a1') },
      { port: 'link', afterMs: 500, packet: registrationRequest('00000000000000a2') },
    ];
  });
  t.match(
    outcome.stimuli,
    [{ known: '00000000000000a2:49153' }],
    'it has asked again before it was answered',
  );
  const early = alone(steps('body', { at: 'link', send: [{ payload: '$identification.reply' }] }));
  t.match(await judge(t, early, mobileNode, () => {}), {
    verdict: 'ERROR',
    reason: /the device has not asked for anything yet/,
  });
});

t.test('the request that is accepted', async (t) => {
  const test = alone(
    steps(
      'body',
      { move: 'visited', as: 'moved' },
      {
        at: 'link',
        expect: ['...', { registrationRequest: {} }],
        clause: must,
        since: 'moved',
        within: 5,
        accepted: true,
        checks: [{ clause: should, expect: ['...', { registrationRequest: { lifetimeSeconds: 300 } }] }],
      },
    ),
  );
  const asks = (afterMs: number, identification: string, lifetimeSeconds: number): Arrival => ({
    port: 'link',
    afterMs,
    packet: registrationRequest(identification, { lifetimeSeconds }),
  });
  const answers = (afterMs: number, identification: string, code: number): Arrival => ({
    port: 'ha',
    afterMs,
    packet: [
      { ipv4: {} },
      { udp: { sourcePort: 434, destinationPort: 1 } },
      { registrationReply: { code, identification } },
    ],
  });
  const judged = (...arrivals: Arrival[]): Promise<Outcome> =>
    judge(t, test, scenario, (session) => {
      session.reacts = () => arrivals;
    });
  const first = asks(1, '00000000000000c1', 9999);
  const refused = answers(2, '0badc0de000000c1', 133);
  const second = asks(1500, '00000001000000c2', 300);
  t.equal((await judged(first, refused, second, answers(1501, '00000001000000c2', 0))).verdict, 'PASS');
  t.equal((await judged(first, refused, second)).verdict, 'WARN', 'the first one, where none is');
  t.equal(
    (await judged(first, answers(0, '00000000000000c1', 0), second)).verdict,
    'WARN',
    'by no reply before it',
  );
  t.equal(
    (await judged(second, answers(1501, '00000001000000c9', 0))).verdict,
    'PASS',
    'nor by another reply',
  );
  t.match(await judged(), { verdict: 'FAIL', missing: true });
});

t.test('what is sent again and again', async (t) => {
  const test = alone(
    steps(
      'body',
      { hook: 'register', as: 'told' },
      { at: 'link', send: [{ payload: '00' }] },
      { at: 'link', expect: ['...', { registrationRequest: {} }], clause: must, within: 4, again: 1 },
    ),
  );
  const after = (afterMs: number): Promise<Outcome> =>
    judge(t, test, mobileNode, (session) => {
      session.reacts = () => [{ port: 'link', afterMs, packet: registrationRequest('0000000000000001') }];
    });
  t.match(await after(2500), { verdict: 'PASS', stimuli: { length: 3 } });
  t.match(await after(4500), { verdict: 'FAIL', stimuli: { length: 4 } });
});

t.test('what a device need not do', async (t) => {
  const asks = (...preamble: Json[]): TestCase =>
    alone(steps('body', { at: 'link', send: [{ payload: '00' }] }), {
      preamble: steps('preamble', { hook: 'register', as: 'told' }, ...preamble),
    });
  const test = asks({
    at: 'link',
    expect: ['...', { registrationRequest: { extensions: { has: { ipv6HomeAddress: {} } } } }],
    since: 'told',
    applies: true,
  });
  const seen = (...arrivals: Arrival[]): Promise<Outcome> =>
    judge(t, test, mobileNode, (session) => {
      session.reacts = () => arrivals;
    });
  const plain: Arrival = { port: 'link', afterMs: 1, packet: registrationRequest('0000000000000001') };
  t.match(await seen(plain), { verdict: 'NOT APPLICABLE', reason: /the device does otherwise/ });
  t.equal((await seen()).verdict, 'INCONCLUSIVE', 'it does nothing at all');

  const foreignAgent: Partial<Surroundings> = { role: 'foreign-agent', position: 'visited-link' };
  const relayed = alone(
    steps(
      'body',
      { at: 'mn', send: registrationRequest('$identification.fresh') as unknown as Json[], as: 'asked' },
      { at: 'ha', expect: ['...', { registrationRequest: {} }], answers: 'asked', clause: must },
    ),
  );
  const refusing = async (code: number): Promise<Outcome> => {
    const session = new FakeSession((packet) => {
      const [request] = packet.layers.flatMap((layer) =>
        'registrationRequest' in layer ? [layer.registrationRequest] : [],
      );
      if (request === undefined) return [];
      return [
        {
          port: 'mn',
          afterMs: 1,
          packet: [
            { ipv4: { source: '10.20.0.1', destination: home } },
            { udp: { sourcePort: 434, destinationPort: 49_153 } },
            {
              registrationReply: { code, homeAddress: home, identification: request.identification ?? '' },
            },
          ],
        },
      ];
    });
    const { other: _other, ...surroundings } = imaginary(foreignAgent);
    return run(relayed, session, surroundings, ledger);
  };
  t.match(await refusing(66), {
    verdict: 'INCONCLUSIVE',
    reason: 'the foreign agent refused the request with code 66',
  });
  for (const code of [65, 70])
    t.equal((await refusing(code)).verdict, 'FAIL', `code ${code} is of the request`);
});

t.test('a scenario', async (t) => {
  const relayed = alone(
    steps(
      'body',
      { move: 'visited', as: 'moved' },
      {
        at: 'link',
        expect: ['...', { registrationRequest: {} }],
        clause: must,
        since: 'moved',
        as: 'asked',
        capture: { identification: 'registrationRequest.identification' },
      },
      {
        at: 'fa',
        expect: ['...', { registrationRequest: { identification: '$captured.identification' } }],
        clause: should,
        since: 'moved',
        checks: [{ clause: should, expect: ['...', { registrationRequest: { relayOf: 'asked' } }] }],
      },
      { at: 'cn', expect: ['...', { registrationReply: {} }], clause: must, since: 'moved' },
    ),
  );
  const asked = registrationRequest('00000000000000b1');
  const moving =
    (...arrivals: Arrival[]) =>
    (session: FakeSession): void => {
      session.reacts = ({ kind }) => (kind === 'move' ? arrivals : []);
    };
  const first: Arrival = { port: 'link', afterMs: 1, packet: asked };
  const reply: Arrival = {
    port: 'cn',
    afterMs: 9,
    packet: [{ ipv4: {} }, { udp: { sourcePort: 434, destinationPort: 1 } }, { registrationReply: {} }],
  };
  const whole = await judge(
    t,
    relayed,
    scenario,
    moving(first, { port: 'fa', afterMs: 2, packet: asked }, reply),
  );
  t.equal(whole.verdict, 'PASS', 'a reply to a request of somebody else is matched as it is');
  const changed = registrationRequest('00000000000000b1', { lifetimeSeconds: 301 });
  const wrong = await judge(t, relayed, scenario, moving(first, { port: 'fa', afterMs: 2, packet: changed }));
  t.match(
    wrong,
    { verdict: 'WARN', judgements: { length: 3 } },
    'what follows the first wrong message is not judged',
  );
  t.match(wrong.judgements.at(-1), { clause: should, difference: { path: /^registrationRequest, octet/ } });
  const lost = await judge(t, relayed, scenario, moving(first));
  t.match(
    lost,
    { verdict: 'WARN', missing: true, judgements: { length: 2 } },
    'nor what follows one that is missing',
  );
});

t.test('a ping that is sent again', async (t) => {
  const careOf = '10.20.0.1';
  const echo = (type: number, token: string): Json[] => [
    { ipv6: {} },
    { icmpv6Echo: { type } },
    { payload: token },
  ];
  const ping = (token: string): Json[] => [
    { at: 'cn', send: echo(128, token) },
    {
      at: 'ha',
      expect: [{ ipv4: { destination: careOf } }, { ipv4: { destination: home } }, ...echo(128, token)],
      clause: must,
    },
    { at: 'link', expect: echo(129, token), clause: must },
    { at: 'ha', expect: echo(129, token), clause: should },
  ];
  // Whoever encapsulates numbers each of its packets.
  const tunnelled = (afterMs: number, identification: number, changes: object = {}): Arrival => ({
    port: 'ha',
    afterMs,
    packet: [
      { ipv4: { destination: careOf, identification } },
      { ipv4: { destination: home, identification, ...changes } },
      ...(echo(128, 'aa01') as unknown as Packet),
    ] as Packet,
  });
  const answer = (port: Arrival['port'], afterMs: number, token = 'aa01'): Arrival => ({
    port,
    afterMs,
    packet: echo(129, token) as unknown as Packet,
  });
  const alive = {
    mn: steps(
      'preamble',
      { at: 'cn', send: echo(128, 'aa00') },
      { at: 'cn', expect: echo(129, 'aa00'), control: true },
    ),
    other: [],
  };
  const judged = (body: Json[], ...arrivals: Arrival[]): Promise<Outcome> =>
    judge(t, alone(steps('body', ...body), { liveness: [alive, alive] }), scenario, (session) => {
      for (const arrival of arrivals) session.arrive(arrival);
    });
  const again = [tunnelled(1, 1), tunnelled(1060, 2), answer('link', 1070)];

  const late = await judged(ping('aa01'), ...again, answer('ha', 1080));
  t.match(late, { verdict: 'PASS', stimuli: { length: 2 } }, 'its copy on the way there is not its answer');
  t.strictSame(late.judgements.at(-1)?.frames, [6], 'which comes behind it');

  const wrong: Arrival = {
    port: 'ha',
    afterMs: 1080,
    packet: [{ ipv4: { destination: careOf } }, ...(echo(129, 'aa01') as unknown as Packet)] as Packet,
  };
  t.match(
    await judged(ping('aa01'), ...again, wrong, answer('ha', 1090)),
    { verdict: 'WARN', judgements: [{}, {}, { clause: should, verdict: 'WARN', frames: [6] }] },
    'a wrong answer is blamed, whatever comes behind it',
  );
  const [first, , atLink] = again as [Arrival, Arrival, Arrival];
  t.match(
    await judged(
      ping('aa01'),
      first,
      tunnelled(1060, 2, { destination: careOf }),
      atLink,
      answer('ha', 1080),
    ),
    { verdict: 'WARN', judgements: [{}, {}, { clause: should, frames: [4] }] },
    'and so is a packet on the way there that is not as the one before',
  );
  t.match(
    await judged(ping('aa01'), ...again, answer('cn', 5200, 'aa00')),
    { verdict: 'WARN', missing: true, judgements: { length: 3 } },
    'the copy does not stand for an answer that stays away',
  );

  const asks: Json[] = [
    { at: 'cn', send: echo(128, 'aa02') },
    { at: 'cn', expect: echo(129, 'aa02'), clause: must },
  ];
  t.match(
    await judged([...asks, ...asks], answer('cn', 1, 'aa02'), answer('cn', 5, 'aa02')),
    { verdict: 'PASS', judgements: [{ frames: [2] }, { frames: [4] }] },
    'what a step asks anew is answered anew',
  );
});

t.test('traffic', async (t) => {
  const bare = { ipv4: { source: '10.12.0.2', destination: home, protocol: 6 } };
  const every = (more: object, expect: Json[] = [bare, { payload: { seenAt: 'cn' } }]): Json => ({
    at: 'visited',
    every: ['...', bare],
    since: 'tcp',
    expect,
    clause: should,
    ...more,
  });
  const transfer: Json = {
    transfer: { to: '$mn.homeAddress', connection: 'one', octets: 10 },
    clause: '1-b',
    as: 'tcp',
  };
  const test = alone(steps('body', transfer, every({})));
  const sent: Arrival = { port: 'cn', afterMs: 1, packet: data(segment('aa')) };
  const seen =
    (...arrivals: Arrival[]) =>
    (session: FakeSession): void => {
      session.reacts = () => [sent, ...arrivals];
    };
  const same = await judge(
    t,
    test,
    scenario,
    seen({ port: 'visited', afterMs: 2, packet: data(segment('aa', 'beef')) }),
  );
  t.match(
    same,
    {
      verdict: 'PASS',
      judgements: [{ clause: '1-b', actual: ['they came back'] }, { actual: ['1 packets, all of them so'] }],
    },
    'but for the checksum',
  );
  const altered = await judge(
    t,
    test,
    scenario,
    seen({ port: 'visited', afterMs: 2, packet: data(segment('ab')) }),
  );
  t.match(altered, { verdict: 'WARN', judgements: [{}, { difference: { path: 'payload' } }] });
  const one = await judge(
    t,
    test,
    scenario,
    seen(
      { port: 'visited', afterMs: 2, packet: data(segment('aa')) },
      {
        port: 'visited',
        afterMs: 3,
        packet: [{ ipv4: { source: '10.1.0.1', destination: home, protocol: 4 } }, ...data(segment('aa'))],
      },
    ),
  );
  t.match(one, { verdict: 'WARN', judgements: [{}, { frames: [3] }] }, 'one wrong packet is enough');
  t.match(await judge(t, test, scenario, seen()), { verdict: 'WARN', missing: true }, 'there has to be one');
  const elsewhere = seen({ port: 'home', afterMs: 2, packet: data(segment('aa')) });
  t.equal((await judge(t, test, scenario, elsewhere)).verdict, 'WARN', 'and there');
  const optional = alone(steps('body', transfer, every({ needed: false })));
  t.match(
    await judge(t, optional, scenario, seen()),
    { verdict: 'INFO', judgements: { length: 1 } },
    'unless there need not be any',
  );
  const control = alone(
    steps('body', transfer, {
      ...(every({}) as object),
      clause: undefined,
      control: true,
    } as unknown as Json),
  );
  t.match(await judge(t, control, scenario, seen()), { verdict: 'INCONCLUSIVE' }, 'a control blames nobody');
  const failing = await judge(t, test, scenario, (session) => {
    session.problem = '3 of 10 octets came back within 1 s';
    session.reacts = () => [sent, { port: 'visited', afterMs: 2, packet: data(segment('aa')) }];
  });
  t.match(
    failing,
    {
      verdict: 'PASS',
      judgements: [{ actual: ['3 of 10 octets came back within 1 s'] }, { verdict: 'PASS' }],
    },
    'whose fault it is that octets do not come back, their packets tell',
  );
  const prepared = alone(steps('body', transfer, every({})), {
    preamble: steps('preamble', { transfer: { to: '$mn.homeAddress', connection: 'one', octets: 1 } }),
  });
  t.match(
    await judge(t, prepared, scenario, (session) => {
      session.problem = 'no route';
    }),
    { verdict: 'INCONCLUSIVE', reason: /no route/ },
  );
});
