/** The engine on a bench that is a function: every kind of verdict, and what must never become one. */
import t from 'tap';
import { loadLedger } from '../vectors/ledger.ts';
import type { Json, JsonObject, TestCase } from '../vectors/types.ts';
import type { Decoded, Packet, RegistrationRequest } from '../wire/index.ts';
import type { Surroundings } from './identities.ts';
import type { Outcome } from './outcome.ts';
import { type RunOptions, run } from './run.ts';
import {
  type Arrival,
  type Device,
  FakeSession,
  imaginary,
  milliseconds,
  register,
  request,
  steps,
  testOf,
} from './testing/fake-bench.ts';

const ledger = loadLedger();
const must = '4.3-f';
const should = '4.3-e';
const may = '1-a';

const requestIn = (packet: Decoded): RegistrationRequest | undefined => {
  const layer = packet.layers.find((one) => 'registrationRequest' in one);
  return layer !== undefined && 'registrationRequest' in layer ? layer.registrationRequest : undefined;
};

const udpPortIn = (packet: Decoded): number => {
  const layer = packet.layers.find((one) => 'udp' in one);
  return layer !== undefined && 'udp' in layer ? (layer.udp.sourcePort ?? 0) : 0;
};

/** The reply of a home agent; `changes` make it a wrong one. */
function reply(asked: RegistrationRequest, port: number, changes: { [field: string]: unknown } = {}): Packet {
  return [
    { ipv4: { source: '10.1.0.1', destination: asked.careOfAddress ?? '', ttl: 63 } },
    { udp: { sourcePort: 434, destinationPort: port } },
    {
      registrationReply: {
        code: 0,
        lifetimeSeconds: asked.lifetimeSeconds ?? 0,
        homeAddress: asked.homeAddress ?? '',
        homeAgent: '10.1.0.1',
        identification: asked.identification ?? '',
        extensions: [{ mobileHomeAuthentication: {} }],
        ...changes,
      },
    },
  ] as Packet;
}

/** Answers every request after `afterMs`, `answer` in its own way. */
const homeAgent =
  (
    answer: (asked: RegistrationRequest, port: number, count: number) => Arrival[] = (asked, port) => [
      { port: 'mn', afterMs: 1, packet: reply(asked, port) },
    ],
  ): Device =>
  (packet, { count }) => {
    const asked = requestIn(packet);
    return asked === undefined ? [] : answer(asked, udpPortIn(packet), count);
  };

const answers = (changes: { [field: string]: unknown }): Device =>
  homeAgent((asked, port) => [{ port: 'mn', afterMs: 1, packet: reply(asked, port, changes) }]);

interface Doing {
  options?: RunOptions;
  around?: Partial<Surroundings>;
  session?: (session: FakeSession) => void;
}

async function judge(test: TestCase, device: Device, doing: Doing = {}): Promise<Outcome> {
  const session = new FakeSession(device);
  doing.session?.(session);
  return run(test, session, imaginary(doing.around), ledger, doing.options);
}

const sendRequest: Json = { at: 'mn', send: request('mn'), as: 'request' };
const code = (value: Json): Json => ['...', { registrationReply: { code: value } }];
const expectCode = (value: Json, clause: string): Json => ({ at: 'mn', expect: code(value), clause });
const asks = (clause: string, value: Json = 0): TestCase =>
  testOf(steps('body', sendRequest, expectCode(value, clause)));

const dataTo = (token: string): Json[] => [
  { ipv4: { source: '$cn.address', destination: '$mn.homeAddress', ttl: 64 } },
  { udp: { sourcePort: 4000, destinationPort: 9 } },
  { payload: `$token.${token}` },
];

/** Of what is sent at the correspondent node, what the home agent makes of it. */
const tunnels =
  (arrival: (payload: string, count: number) => Arrival[]): Device =>
  (packet, at) => {
    const payload = packet.layers.find((layer) => 'payload' in layer);
    if (at.port !== 'cn') return homeAgent()(packet, at);
    return payload !== undefined && 'payload' in payload ? arrival(payload.payload, at.count) : [];
  };

const tunnelled = (payload: string): Packet => [
  { ipv4: { source: '10.1.0.1', destination: '10.10.128.3', protocol: 4 } },
  { ipv4: { source: '10.12.0.2', destination: '10.1.1.1', ttl: 62 } },
  { udp: { sourcePort: 4000, destinationPort: 9 } },
  { payload },
];

t.test('verdicts', async (t) => {
  const cases: [string, Promise<Outcome>, string][] = [
    ['an expectation that holds passes', judge(asks(must), homeAgent()), 'PASS'],
    ['a broken MUST fails', judge(asks(must), answers({ code: 128 })), 'FAIL'],
    ['a broken SHOULD warns', judge(asks(should), answers({ code: 128 })), 'WARN'],
    [
      'a broken SHOULD fails under strict',
      judge(asks(should), answers({ code: 128 }), { options: { strict: true } }),
      'FAIL',
    ],
    ['a MAY is recorded when it holds', judge(asks(may), homeAgent()), 'INFO'],
    ['a MAY is recorded when it does not', judge(asks(may), answers({ code: 128 })), 'INFO'],
  ];
  for (const [name, outcome, verdict] of cases) t.equal((await outcome).verdict, verdict, name);
  const failed = await judge(asks(must), answers({ code: 128 }));
  t.match(failed.judgements, [
    {
      clause: must,
      level: 'MUST',
      step: 'body[1]',
      difference: { path: 'registrationReply.code', expected: '0', actual: '128' },
      frames: [2],
    },
  ]);
  t.notOk(failed.reason, 'a verdict needs no excuse');
  t.ok(failed.steps.some(({ text }) => text.startsWith('at mn sent IPv4 10.10.128.3 > 10.1.0.1')));
});

t.test('several checks of one frame', async (t) => {
  const test = testOf(
    steps('body', sendRequest, {
      at: 'mn',
      expect: code(0),
      clause: must,
      checks: [
        { expect: ['...', { registrationReply: { lifetimeSeconds: 300 } }], clause: should },
        {
          expect: [
            '...',
            { registrationReply: { extensions: { has: { mobileHomeAuthentication: { verified: true } } } } },
          ],
          clause: must,
        },
      ],
    }),
  );
  t.equal((await judge(test, homeAgent())).verdict, 'PASS');
  const other = await judge(test, answers({ lifetimeSeconds: 5 }));
  t.same(
    other.judgements.map(({ verdict }) => verdict),
    ['PASS', 'WARN', 'PASS'],
    'each is judged by itself',
  );
  const forged = {
    extensions: [{ mobileHomeAuthentication: { spi: 1001, authenticator: '00'.repeat(16) } }],
  };
  const broken = await judge(test, answers(forged));
  t.equal(broken.verdict, 'FAIL');
  t.match(broken.judgements[2]?.difference, { path: /authenticator$/ });
  const first = await judge(test, answers({ code: 1, lifetimeSeconds: 5 }));
  t.same(
    first.judgements.map(({ verdict }) => verdict),
    ['FAIL'],
    'what rests on a broken first one is not judged',
  );
});

t.test('what is not the fault of the device in the clause under test', async (t) => {
  const behind = testOf(steps('body', sendRequest, expectCode(0, must)), {
    preamble: steps('preamble', ...register('mn', 'before')),
  });
  const denied = await judge(behind, answers({ code: 128 }));
  t.equal(denied.verdict, 'INCONCLUSIVE', 'a preamble that does not hold');
  t.match(denied.reason, /^preamble preamble\[1\]: expected .* 0, 1; came .* code 128/s);
  t.same(denied.judgements, []);

  const controlled = testOf(
    steps(
      'body',
      sendRequest,
      { at: 'mn', expect: code(0), control: true },
      sendRequest,
      expectCode(0, must),
    ),
  );
  t.equal(
    (await judge(controlled, answers({ code: 128 }))).verdict,
    'INCONCLUSIVE',
    'a control that does not hold',
  );

  const dead = await judge(asks(must), () => []);
  t.equal(dead.verdict, 'INCONCLUSIVE', 'a device that answers nothing at all');
  t.match(dead.reason, /answers no valid registration any more/);
  t.same(dead.judgements, []);

  const mute = await judge(
    asks(must),
    homeAgent((asked, port) =>
      asked.homeAddress === '10.1.1.1' ? [] : [{ port: 'mn', afterMs: 1, packet: reply(asked, port) }],
    ),
  );
  t.equal(mute.verdict, 'FAIL', 'a device that is there and does not answer this');
  t.match(mute.judgements[0]?.actual[0], /^nothing that answers within 2 s/);
  t.ok(mute.steps.some(({ part, ok }) => part === 'liveness' && ok));

  const gone = await judge(asks(must), homeAgent(), { session: (session) => (session.interruptAt = 0) });
  t.match(gone, {
    verdict: 'INCONCLUSIVE',
    reason: 'the device is gone',
    breakdown: { interrupted: true, sends: 0, waits: 0 },
  });

  const unknown = testOf(
    steps('body', { at: 'mn', send: [{ payload: '$captured.never' }] }, expectCode(0, must)),
  );
  t.match(await judge(unknown, homeAgent()), { verdict: 'ERROR', reason: /^the harness failed: .*never/ });
  const wrong = testOf(
    steps('body', { at: 'mn', send: [{ ipv4: { source: 'x', destination: 'y' } }] }, expectCode(0, must)),
  );
  t.match(await judge(wrong, homeAgent()), { verdict: 'ERROR', reason: /^the harness failed/ });
  const nowhere = testOf(steps('body', { at: 'nowhere', send: request('mn') }, expectCode(0, must)));
  t.equal((await judge(nowhere, homeAgent())).verdict, 'ERROR');
  t.match(await judge(testOf(steps('body', sendRequest)), homeAgent()), {
    verdict: 'ERROR',
    reason: 'the body judged nothing',
  });
});

t.test('silence', async (t) => {
  const silent = (barrier: Json[]): TestCase =>
    testOf(
      steps('body', {
        silence: {
          at: 'mn',
          of: [['...', { payload: '$token.unwanted' }]],
          stimulus: [{ at: 'cn', send: dataTo('unwanted') }],
          barrier,
        },
        clause: must,
      }),
    );
  const barrier: Json[] = [
    { at: 'cn', send: dataTo('barrier') },
    { at: 'mn', expect: ['...', { payload: '$token.barrier' }], control: true },
  ];
  /** Tunnels what is sent third, the barrier, and the unwanted packet `unwantedMs` after it was sent. */
  const device = (unwantedMs?: number): Device =>
    tunnels((payload, count) => {
      if (count === 2) return [{ port: 'mn', afterMs: 1, packet: tunnelled(payload) }];
      return unwantedMs === undefined
        ? []
        : [{ port: 'mn', afterMs: unwantedMs, packet: tunnelled(payload) }];
    });
  const proved = await judge(silent(barrier), device());
  t.match(proved, { verdict: 'PASS', judgements: [{ silence: 'barrier' }] });
  t.equal(proved.stimuli.length, 3, 'the stimulus is sent twice');
  t.ok(proved.endNs <= 22 * milliseconds, 'a proof costs a round trip and the grace');
  const broken = await judge(silent(barrier), device(5));
  t.match(broken, {
    verdict: 'FAIL',
    judgements: [{ silence: 'barrier', actual: [/^IPv4 10.1.0.1 > 10.10.128.3/] }],
  });
  t.equal((await judge(silent(barrier), device(20.9))).verdict, 'FAIL', 'at the very end of the grace');
  t.equal(
    (await judge(silent(barrier), device(22))).verdict,
    'PASS',
    'what comes after the window belongs to nobody',
  );
  const untouched = await judge(
    silent(barrier),
    tunnels(() => []),
  );
  t.match(untouched, {
    verdict: 'INCONCLUSIVE',
    reason: /the barrier behind a silence at mn was not answered/,
  });
  const timed = await judge(
    silent([]),
    tunnels(() => []),
  );
  t.match(timed, { verdict: 'PASS', judgements: [{ silence: 'time' }], endNs: 1000 * milliseconds + 1000 });
  const late = testOf(
    steps(
      'body',
      { at: 'cn', send: dataTo('begin'), as: 'begin' },
      { wait: { since: 'begin', seconds: 2 } },
      {
        silence: {
          at: 'mn',
          of: [['...', { payload: '$token.unwanted' }]],
          stimulus: [{ at: 'cn', send: dataTo('unwanted') }],
          until: { since: 'begin', seconds: 1 },
        },
        clause: must,
      },
    ),
  );
  t.match(
    await judge(
      late,
      tunnels(() => []),
    ),
    { verdict: 'NOT APPLICABLE', reason: /could leave only after it/ },
    'a stimulus behind the window proves nothing',
  );
  const ofOther = barrier.map((step) => ({ ...(step as JsonObject), by: 'other' }));
  const alone = await judge(
    silent(ofOther),
    tunnels(() => []),
    { around: { other: undefined } },
  );
  t.match(
    alone,
    { verdict: 'PASS', judgements: [{ silence: 'time' }] },
    'without a second mobile node there is no barrier',
  );
  t.equal(
    (
      await judge(
        silent([]),
        tunnels((payload) => [{ port: 'mn', afterMs: 900, packet: tunnelled(payload) }]),
      )
    ).verdict,
    'FAIL',
  );
  const elsewhere = tunnels((payload, count) => [
    { port: count === 2 ? 'mn' : 'home', afterMs: 1, packet: tunnelled(payload) },
  ]);
  t.equal(
    (await judge(silent(barrier), elsewhere)).verdict,
    'PASS',
    'a frame at another port is not one at this',
  );
});

t.test('which frame answers which request', async (t) => {
  const twice = testOf(
    steps(
      'body',
      { at: 'mn', send: request('mn'), as: 'first' },
      { at: 'mn', send: request('mn'), as: 'second' },
      {
        at: 'mn',
        expect: code(0),
        clause: must,
        answers: 'second',
      },
    ),
  );
  const late = homeAgent((asked, port, count) => [
    {
      port: 'mn',
      afterMs: count === 0 ? 3 : 10,
      packet: reply(asked, port, { code: count === 0 ? 133 : 0 }),
    },
  ]);
  t.equal(
    (await judge(twice, late)).verdict,
    'PASS',
    'a late reply to an earlier request is not taken for this one',
  );
  const foreign = await judge(asks(must), answers({ identification: 'ffffffffffffffff' }));
  t.equal(
    foreign.verdict,
    'PASS',
    'to the right port with an Identification never sent: judged as the answer',
  );
  const elsewhere = homeAgent((asked) => [
    { port: 'mn', afterMs: 1, packet: reply(asked, 1, { identification: 'ffffffffffffffff' }) },
  ]);
  t.equal(
    (await judge(asks(must), elsewhere)).verdict,
    'INCONCLUSIVE',
    "to another port with another Identification: nobody's",
  );
  const after = (ms: number): Device =>
    homeAgent((asked, port, count) => [
      // Neither the request nor what is sent when it goes unanswered is answered in time.
      { port: 'mn', afterMs: count < 3 ? ms : 10, packet: reply(asked, port) },
    ]);
  t.equal(
    (await judge(asks(must), after(4115))).verdict,
    'PASS',
    'before the answer to a later request: late, not absent',
  );
  t.equal(
    (await judge(asks(must), after(4300))).verdict,
    'FAIL',
    'behind the answer to a later request: none',
  );
  const lossy = homeAgent((asked, port, count) =>
    count === 0 ? [] : [{ port: 'mn', afterMs: 5, packet: reply(asked, port) }],
  );
  t.equal((await judge(asks(must), lossy)).verdict, 'PASS', 'a request that was lost is sent again');
  const inTime = homeAgent((asked, port) => [{ port: 'mn', afterMs: 2000, packet: reply(asked, port) }]);
  t.equal((await judge(asks(must), inTime)).verdict, 'PASS');
  const echo: Device = (packet, at) => [
    ...homeAgent()(packet, at),
    { port: 'mn', afterMs: 0, packet: Uint8Array.from([...new Uint8Array(14), ...new Uint8Array(20)]) },
  ];
  t.equal((await judge(asks(must), echo)).verdict, 'PASS');
});

t.test('hostile answers', async (t) => {
  const around = (extra: (asked: RegistrationRequest, port: number) => Arrival[]): Device =>
    homeAgent((asked, port) => [
      ...extra(asked, port),
      { port: 'mn', afterMs: 5, packet: reply(asked, port) },
    ]);
  const octets = (seed: number, length: number): Uint8Array =>
    Uint8Array.from({ length }, (_, at) => (seed * 167 + at * 31) & 0xff);
  const garbage = around(() =>
    Array.from({ length: 200 }, (_, n) => ({ port: 'mn' as const, afterMs: 1, packet: octets(n, n) })),
  );
  t.equal((await judge(asks(must), garbage)).verdict, 'PASS', 'garbage is passed over');
  const thousands = around((asked) =>
    Array.from({ length: 5000 }, (_, n) => ({
      port: 'mn' as const,
      afterMs: 1,
      packet: reply(asked, 1, { identification: n.toString(16).padStart(16, '0'), code: 136 }),
    })),
  );
  t.equal((await judge(asks(must), thousands)).verdict, 'PASS', 'thousands of replies to nobody');
  const twice = homeAgent((asked, port) => [
    { port: 'mn', afterMs: 1, packet: reply(asked, port) },
    { port: 'mn', afterMs: 1, packet: reply(asked, port) },
  ]);
  const again = testOf(steps('body', sendRequest, expectCode(0, must), sendRequest, expectCode(0, must)));
  const outcome = await judge(again, twice);
  t.equal(outcome.verdict, 'PASS', 'a duplicate is not the answer to the next request');
  t.not(outcome.judgements[0]?.frames[0], outcome.judgements[1]?.frames[0]);
  for (const length of [0, 1, 3, 8, 19]) {
    const cut: Packet = [
      { ipv4: { source: '10.1.0.1', destination: '10.10.128.3' } },
      { udp: { sourcePort: 434, destinationPort: 20_002 } },
      { payload: '03000000'.padEnd(40, '0').slice(0, length * 2) },
    ];
    const truncated = await judge(asks(must), (packet, at) =>
      requestIn(packet)?.homeAddress === '10.1.1.1'
        ? [{ port: 'mn', afterMs: 1, packet: cut }]
        : homeAgent()(packet, at),
    );
    t.equal(truncated.verdict, 'FAIL', `a reply of ${length} octets is no answer`);
  }
});

t.test('captures', async (t) => {
  const capturing = (path: string): TestCase =>
    testOf(
      steps(
        'body',
        sendRequest,
        { at: 'mn', expect: code(0), control: true, capture: { seen: path } },
        sendRequest,
        {
          at: 'mn',
          expect: ['...', { registrationReply: { homeAddress: '$captured.seen' } }],
          clause: must,
        },
      ),
    );
  t.equal((await judge(capturing('registrationReply.homeAddress'), homeAgent())).verdict, 'PASS');
  const moving = homeAgent((asked, port, count) => [
    { port: 'mn', afterMs: 1, packet: reply(asked, port, { homeAddress: `10.1.200.${count + 1}` }) },
  ]);
  const moved = await judge(capturing('registrationReply.homeAddress'), moving);
  t.match(moved, {
    verdict: 'FAIL',
    judgements: [{ difference: { expected: '10.1.200.1', actual: '10.1.200.2' } }],
  });
  const absent = await judge(capturing('registrationReply.extensions.ipv6HomeAddress.address'), homeAgent());
  t.not(absent.verdict, 'FAIL', 'what was not there to be captured breaks no clause');
  t.not(absent.verdict, 'PASS');
});

t.test('records', async (t) => {
  const recording = testOf(
    steps('body', {
      record: {
        at: 'mn',
        options: { accepted: code(0), refused: code({ range: [128, 255] }) },
        stimulus: [{ at: 'mn', send: request('mn') }],
        barrier: [
          { at: 'mn', send: request('other'), by: 'other', as: 'barrier' },
          { at: 'mn', expect: code(0), control: true, answers: 'barrier' },
        ],
      },
      clause: may,
    }),
  );
  t.match(await judge(recording, homeAgent()), {
    verdict: 'INFO',
    judgements: [{ actual: ['accepted', /IPv4/, /UDP/, /reply/] }],
  });
  const refusing = homeAgent((asked, port) => [
    {
      port: 'mn',
      afterMs: 1,
      packet: reply(asked, port, { code: asked.homeAddress === '10.1.1.1' ? 136 : 0 }),
    },
  ]);
  t.match(await judge(recording, refusing), { verdict: 'INFO', judgements: [{ actual: ['refused'] }] });
  const ignoring = homeAgent((asked, port) =>
    asked.homeAddress === '10.1.1.1' ? [] : [{ port: 'mn', afterMs: 1, packet: reply(asked, port) }],
  );
  t.match(await judge(recording, ignoring), {
    verdict: 'INFO',
    judgements: [{ actual: ['nothing'], silence: 'barrier' }],
  });
});

t.test('waiting for a moment', async (t) => {
  const waiting = testOf(
    steps(
      'body',
      sendRequest,
      { wait: { since: 'request', seconds: '$timers.shortLifetimeSeconds', plus: -0.5 } },
      sendRequest,
      expectCode(0, must),
    ),
  );
  const outcome = await judge(waiting, homeAgent());
  t.equal(outcome.verdict, 'PASS');
  t.equal(outcome.stimuli[1]?.timeNs, 1500 * milliseconds);
  const busy = await judge(waiting, homeAgent(), {
    session: (session) => (session.oversleepNs = 1000 * milliseconds),
  });
  t.match(
    busy,
    { verdict: 'INCONCLUSIVE', late: true, reason: /the harness was 1.00 s late/ },
    "our own lateness is never the device's",
  );
});

t.test('matchers', async (t) => {
  const holds: [string, Json][] = [
    ['oneOf', { code: { oneOf: [1, 0] } }],
    ['not', { code: { not: 1 } }],
    ['range', { lifetimeSeconds: { range: [1, 300] } }],
    ['inPrefix', { homeAddress: { inPrefix: '10.1.0.0/16' } }],
    ['present', { lifetimeSeconds: { present: true } }],
    ['sameLowHalf', { identification: { sameLowHalf: '$identification.last' } }],
    ['nearClock', { identification: { nearClock: 2 } }],
    [
      'has, lacks, once',
      {
        extensions: {
          has: { mobileHomeAuthentication: {} },
          lacks: ['foreignHomeAuthentication'],
          once: ['mobileHomeAuthentication'],
        },
      },
    ],
  ];
  const broken: [string, Json][] = [
    ['oneOf', { code: { oneOf: [1, 2] } }],
    ['not', { code: { not: 0 } }],
    ['range', { lifetimeSeconds: { range: [1, 299] } }],
    ['inPrefix', { homeAddress: { inPrefix: '10.2.0.0/16' } }],
    ['present', { lifetimeSeconds: { present: false } }],
    ['sameLowHalf', { identification: { sameLowHalf: '0000000000000000' } }],
    ['has', { extensions: { has: { ipv6Code: {} } } }],
    ['lacks', { extensions: { lacks: ['mobileHomeAuthentication'] } }],
    ['once', { extensions: { once: ['ipv6Code'] } }],
    ['order', { extensions: { order: ['foreignHomeAuthentication', 'mobileHomeAuthentication'] } }],
  ];
  const both = answers({ extensions: [{ mobileHomeAuthentication: {} }, { foreignHomeAuthentication: {} }] });
  const test = (fields: Json): TestCase =>
    testOf(
      steps('body', sendRequest, {
        at: 'mn',
        expect: ['...', { registrationReply: fields as { [key: string]: Json } }],
        clause: must,
      }),
    );
  for (const [name, fields] of holds)
    t.equal((await judge(test(fields), homeAgent())).verdict, 'PASS', `${name} holds`);
  for (const [name, fields] of broken) {
    const outcome = await judge(test(fields), name === 'order' ? both : homeAgent());
    t.equal(outcome.verdict, 'FAIL', `${name} is broken`);
    t.ok(outcome.judgements[0]?.difference, `${name} says where`);
  }
});

t.test('the postamble changes no verdict', async (t) => {
  const test = testOf(steps('body', sendRequest, expectCode(0, must)), {
    postamble: steps('postamble', { at: 'mn', send: [{ payload: '$captured.never' }] }),
  });
  t.equal((await judge(test, homeAgent())).verdict, 'PASS');
});
