/** Whatever happened in a run, judging its recording again gives the same outcome to the octet. */
import t from 'tap';
import type { Surroundings } from '../engine/identities.ts';
import type { Outcome } from '../engine/outcome.ts';
import { run } from '../engine/run.ts';
import {
  type Device,
  FakeSession,
  imaginary,
  register,
  request,
  steps,
  testOf,
} from '../engine/testing/fake-bench.ts';
import { loadLedger } from '../vectors/ledger.ts';
import type { Json, TestCase } from '../vectors/types.ts';
import type { Packet } from '../wire/index.ts';
import { type CapturedFrame, RecordedSession, RecordingError } from './recorded.ts';

const ledger = loadLedger();
const around = imaginary();

/** Accepts what `accepts` says, tunnels packets of the correspondent node; the third after half a second only. */
const device =
  (accepts: (count: number) => boolean): Device =>
  (packet, { port, count }) => {
    const asked = packet.layers.find((layer) => 'registrationRequest' in layer);
    const payload = packet.layers.find((layer) => 'payload' in layer);
    if (asked !== undefined && 'registrationRequest' in asked) {
      const { identification = '', homeAddress = '', careOfAddress = '' } = asked.registrationRequest;
      const udp = packet.layers.find((layer) => 'udp' in layer);
      const to = udp !== undefined && 'udp' in udp ? (udp.udp.sourcePort ?? 0) : 0;
      const reply = {
        code: accepts(count) ? 0 : 128,
        lifetimeSeconds: 300,
        homeAddress,
        homeAgent: '10.1.0.1',
        identification,
      };
      const layers: Packet = [
        { ipv4: { source: '10.1.0.1', destination: careOfAddress } },
        { udp: { sourcePort: 434, destinationPort: to } },
        { registrationReply: { ...reply, extensions: [{ mobileHomeAuthentication: {} }] } },
      ];
      return [{ port: 'mn', afterMs: 1 + count, packet: layers }];
    }
    if (port !== 'cn' || payload === undefined || !('payload' in payload)) return [];
    const layers: Packet = [
      { ipv4: { source: '10.1.0.1', destination: '10.10.128.3', protocol: 4 } },
      { ipv4: { source: '10.12.0.2', destination: '10.1.1.1' } },
      { udp: { sourcePort: 4000, destinationPort: 9 } },
      { payload: payload.payload },
    ];
    return [{ port: 'mn', afterMs: count === 3 ? 500 : 2, packet: layers }];
  };

const data = (token: string): Json[] => [
  { ipv4: { source: '$cn.address', destination: '$mn.homeAddress', ttl: 64 } },
  { udp: { sourcePort: 4000, destinationPort: 9 } },
  { payload: `$token.${token}` },
];

/** Something of everything: registration, control, capture, tunnel, silence, wait, record, postamble. */
const test: TestCase = testOf(
  steps(
    'body',
    { at: 'mn', send: request('mn'), as: 'request' },
    {
      at: 'mn',
      expect: ['...', { registrationReply: { code: 0 } }],
      clause: '4.3-e',
      answers: 'request',
      as: 'registered',
    },
    { at: 'cn', send: data('first') },
    { at: 'mn', expect: ['...', { payload: '$token.first' }], clause: '4.3-f' },
    { at: 'cn', send: data('second') },
    { at: 'mn', expect: ['...', { payload: '$token.second' }], clause: '4.3-e', within: 0.1 },
    {
      silence: {
        at: 'home',
        of: [['...', { payload: '$token.third' }]],
        stimulus: [{ at: 'cn', send: data('third') }],
        barrier: register('other', 'barrier'),
      },
      clause: '4.3-f',
    },
    { wait: { since: 'registered', seconds: 2, plus: 0 } },
    {
      record: {
        at: 'mn',
        options: { accepted: ['...', { registrationReply: { code: 0 } }] },
        stimulus: [{ at: 'mn', send: request('mn') }],
        barrier: [],
      },
      clause: '1-a',
    },
  ),
  {
    preamble: steps('preamble', ...register('other', 'first')),
    postamble: steps('postamble', ...register('mn', 'last')),
  },
);

function recordingOf(session: FakeSession, surroundings: Surroundings): CapturedFrame[] {
  return session.frames.map(({ port, timeNs, outgoing, octets }) => ({
    port,
    timeNs: surroundings.originNs + BigInt(timeNs),
    outgoing,
    octets,
  }));
}

const judgeAgain = (
  outcome: Outcome,
  frames: CapturedFrame[],
): { session: RecordedSession; again: Promise<Outcome> } => {
  const session = new RecordedSession({
    outcome,
    frames,
    originNs: around.originNs,
    extensionTypes: around.extensionTypes,
  });
  return { session, again: run(test, session, around, ledger) };
};

t.test('every ending', async (t) => {
  const endings: [string, (session: FakeSession) => void, (count: number) => boolean][] = [
    ['all is well', () => {}, () => true],
    ['nothing is accepted', () => {}, () => false],
    ['the first is accepted', () => {}, (count) => count === 0],
    ['the machine is busy', (session) => (session.oversleepNs = 1_500_000_000), () => true],
    [
      'a stranger speaks',
      (session) => session.arrive({ port: 'mn', afterMs: 2, packet: Uint8Array.of(1, 2, 3) }),
      () => true,
    ],
  ];
  for (let at = 0; at < 14; at += 1) {
    endings.push([
      `the device is gone at message ${at}`,
      (session) => (session.interruptAt = at),
      () => true,
    ]);
    endings.push([`the harness fails at message ${at}`, (session) => (session.failAt = at), () => true]);
  }
  const verdicts = new Set<string>();
  for (const [name, prepare, accepts] of endings) {
    const session = new FakeSession(device(accepts));
    prepare(session);
    const outcome = await run(test, session, around, ledger);
    verdicts.add(outcome.verdict);
    // Read back as from a file.
    const read = JSON.parse(JSON.stringify(outcome)) as Outcome;
    const { session: recorded, again } = judgeAgain(read, recordingOf(session, around));
    t.equal(JSON.stringify(await again), JSON.stringify(outcome), `${name}: ${outcome.verdict}`);
    t.equal(recorded.mismatch, undefined, name);
  }
  t.same(
    [...verdicts].sort(),
    ['ERROR', 'INCONCLUSIVE', 'PASS', 'WARN'],
    'endings of several kinds were among them',
  );
});

t.test('a message that cannot be encoded', async (t) => {
  const badly = [...request('mn').slice(0, 2), { payload: '$captured.never' }] as Json[];
  const spoiled: TestCase = {
    ...test,
    body: steps(
      'body',
      { at: 'mn', send: [...request('mn'), ...badly] },
      { at: 'mn', expect: ['...'], clause: '4.3-f' },
    ),
  };
  const session = new FakeSession(device(() => true));
  const outcome = await run(spoiled, session, around, ledger);
  t.match(outcome, { verdict: 'ERROR', unsent: [{ sends: 1 }] });
  const recording = {
    outcome,
    frames: recordingOf(session, around),
    originNs: around.originNs,
    extensionTypes: around.extensionTypes,
  };
  const recorded = new RecordedSession(recording);
  t.equal(JSON.stringify(await run(spoiled, recorded, around, ledger)), JSON.stringify(outcome));
  t.equal(recorded.mismatch, undefined);
});

t.test('what does not belong together', async (t) => {
  const session = new FakeSession(device(() => true));
  const outcome = await run(test, session, around, ledger);
  const frames = recordingOf(session, around);
  const refused = async (name: string, changed: Outcome, recording: CapturedFrame[]): Promise<void> => {
    const { session: recorded, again } = judgeAgain(changed, recording);
    await again;
    t.ok(recorded.mismatch instanceof RecordingError, name);
  };
  await refused('without the frames', outcome, []);
  await refused(
    'without what was sent',
    outcome,
    frames.filter(({ outgoing }) => !outgoing),
  );
  await refused(
    'with another time of sending',
    { ...outcome, stimuli: outcome.stimuli.map((one) => ({ ...one, timeNs: one.timeNs + 1e9 })) },
    frames,
  );
  await refused('with fewer messages sent', { ...outcome, stimuli: outcome.stimuli.slice(0, 3) }, frames);
  await refused(
    'with another port',
    { ...outcome, stimuli: outcome.stimuli.map((one) => ({ ...one, port: 'home' })) },
    frames,
  );
  t.throws(
    () =>
      judgeAgain(
        outcome,
        frames.map((frame) => ({ ...frame, port: 'eth0' })),
      ),
    { code: 'BAD_RECORDING' },
  );
});
