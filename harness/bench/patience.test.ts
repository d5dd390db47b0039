/** Devices that ask for patience: slow ones, those that are told what to do, and the rate at which they are asked. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from '../engine/run.ts';
import {
  FakeSession,
  imaginary,
  milliseconds,
  register,
  steps,
  testOf,
} from '../engine/testing/fake-bench.ts';
import { isolated } from '../net/index.ts';
import { alone } from '../vectors/alone.ts';
import { loadLedger } from '../vectors/ledger.ts';
import { loadVectors } from '../vectors/load.ts';
import { timerDefaults } from '../vectors/profile.ts';
import type { Json } from '../vectors/types.ts';
import { paceOf, patientTimers } from './pace.ts';
import type { Found, Wanted } from './patience-probe.ts';
import { Turns } from './turns.ts';

t.setTimeout(180_000);
t.jobs = 3;
const secondNs = 1_000_000_000;

/** What a probe found. */
async function probe(wanted: Wanted): Promise<Found> {
  const path = fileURLToPath(new URL('./patience-probe.ts', import.meta.url));
  const { command, args } = isolated([process.execPath, '--import', 'tsx', path, JSON.stringify(wanted)]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), 110_000);
  const status = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(watchdog);
  if (status !== 0) throw new Error(`the probe ended with ${status}`);
  return JSON.parse(text) as Found;
}

const verdicts = ({ outcomes }: Found): string[] => outcomes.map(({ id, verdict }) => `${id} ${verdict}`);

t.test('a device that answers late is judged as a fast one', { timeout: 120_000 }, async (t) => {
  const found = await probe({
    role: 'home-agent',
    tests: 'ha-(replay|denials/131)',
    delayMs: 1200,
  });
  const judged = verdicts(found);
  t.ok(judged.length >= 3, judged.join(', '));
  t.same(
    judged.filter((one) => !one.endsWith(' PASS')),
    [],
  );
  t.ok(found.roundTripsNs.every((ns) => ns > 1.15 * secondNs));
  const words =
    /^the device took up to \d\.\d\d s .* replySeconds \d\.\d+ instead of 1\.5, .* write these into the profile$/;
  t.match(found.findings, [words], 'the profile is said to be too impatient');
  t.ok(found.closestNs >= secondNs, 'no mobile node asks more often than once a second');
});

t.test('a run leaves no registration behind', { timeout: 120_000 }, async (t) => {
  const found = await probe({
    role: 'home-agent',
    tests: 'ha-(stale-first-request|tunnel-mode|replay|both-or-neither|code-)',
    delayMs: 0,
    rate: 50,
    mobileNodes: 12,
    runs: 2,
  });
  const all = [...found.outcomes, ...found.again];
  t.ok(all.length >= 4);
  for (const { id, verdict, reason } of all) t.equal(verdict, 'PASS', `${id}: ${reason ?? ''}`);
});

t.test('a foreign agent with one visitor is told how to treat it', { timeout: 120_000 }, async (t) => {
  const wanted: Wanted = {
    role: 'foreign-agent',
    tests: 'fa-(relay-ignore/plain@visited-link$|reverse-tunnel-nothing-native|reply-not-asked-for)',
    delayMs: 0,
    rate: 50,
    mobileNodes: 1,
  };
  const [told, silent] = await Promise.all([probe({ ...wanted, operator: true }), probe(wanted)]);
  t.ok(told.outcomes.length >= 3);
  t.same(
    verdicts(told).filter((one) => !/ (PASS|INFO)$/.test(one)),
    [],
  );
  const kinds = told.asked.map((question) => /ipv6Handling=(\S+),/.exec(question)?.[1]);
  t.same(kinds, ['deliver-and-reverse-tunnel', 'ignore', 'deliver'], 'once for each kind, and back again');
  const open = silent.outcomes.filter(({ verdict }) => verdict === 'INCONCLUSIVE');
  t.equal(open.length, 2);
  for (const { reason } of open) t.match(reason, /operator has to be asked to reconfigure .*--interactive/);
});

t.test(
  'what has to arrive before a moment leaves earlier, and is not sent again before its answer',
  async (t) => {
    const delayMs = 2000;
    let requests = 0;
    const session = new FakeSession(({ layers }) => {
      const asked = layers.find((layer) => 'registrationRequest' in layer);
      const token = layers.find((layer) => 'payload' in layer);
      if (asked !== undefined && 'registrationRequest' in asked) {
        requests += 1;
        const { identification = '', homeAddress = '', homeAgent = '' } = asked.registrationRequest;
        const reply = { code: 0, lifetimeSeconds: 11, homeAddress, homeAgent, identification };
        return [
          {
            port: 'mn',
            afterMs: delayMs,
            packet: [
              { ipv4: { source: homeAgent, destination: '10.10.128.3' } },
              { udp: { sourcePort: 434, destinationPort: 20_002 } },
              { registrationReply: { ...reply, extensions: [{ mobileHomeAuthentication: {} }] } },
            ],
          },
        ];
      }
      // The binding ends eleven seconds after the request had its way.
      const isBound = session.now() + delayMs * milliseconds <= 11 * secondNs;
      if (token === undefined || !('payload' in token) || !isBound) return [];
      const udp = { udp: { sourcePort: 4000, destinationPort: 9 } };
      const ipv4 = { ipv4: { source: '10.12.0.2', destination: '10.1.1.1' } };
      return [{ port: 'mn', afterMs: delayMs, packet: [ipv4, udp, token] }];
    });
    const layers: Json[] = [
      { ipv4: { source: '$cn.address', destination: '$mn.homeAddress' } },
      { udp: { sourcePort: 4000, destinationPort: 9 } },
      { payload: '$token.late' },
    ];
    const test = testOf(
      steps(
        'body',
        { wait: { since: 'registration', seconds: 11, plus: -1.6 } },
        { at: 'cn', send: layers, as: 'late' },
        { at: 'mn', expect: ['...', { payload: '$token.late' }], clause: '4.7-a', within: 4.5 },
      ),
      { preamble: steps('preamble', ...register('mn', 'registration')) },
    );
    const { timers, slowestNs, repeatSeconds } = paceOf({ timers: timerDefaults }, [delayMs * milliseconds]);
    const around = { ...imaginary(), timers, slowestNs, repeatSeconds };
    const outcome = await run(test, session, around, loadLedger());
    t.equal(outcome.verdict, 'PASS', outcome.reason ?? '');
    t.equal(requests, 1, 'no request is repeated');
    const late = outcome.stimuli.at(-1)?.timeNs ?? 0;
    t.ok(Math.abs(late - 7.4 * secondNs) < 10 * milliseconds, `${late / secondNs} s`);
  },
);

t.test('the pace follows from the timers and the round trips', async (t) => {
  const profile = { timers: timerDefaults };
  const still = paceOf(profile, [1e6, 5e6, 2e6]);
  t.same(still.timers, timerDefaults, 'a fast device is given what the profile says');
  t.equal(still.repeatSeconds, 1.05);
  const slow = paceOf(profile, [2 * secondNs, 1.9 * secondNs]);
  t.match(slow, {
    slowestNs: 2 * secondNs,
    repeatSeconds: 3.25,
    timers: { replySeconds: 4.5, silenceSeconds: 4.5, shortLifetimeSeconds: 11, lifetimeSeconds: 300 },
  });
  const again = paceOf({ timers: slow.timers }, [2 * secondNs]);
  t.same(again.timers, slow.timers, 'what a finding says to write into the profile is enough');
  t.equal(
    paceOf({ ...profile, requestsPerSecond: { perMobileNode: 0.5, overall: 1 } }, [1e6]).repeatSeconds,
    2.05,
  );
  t.equal(patientTimers({ ...timerDefaults, replySeconds: 0.2 }).replySeconds, 5);
});

t.test('requests wait for their turn', async (t) => {
  let now = 0;
  const clock = {
    nowMs: () => now,
    sleep: async (ms: number) => {
      now += Math.max(0, ms);
    },
  };
  const turns = new Turns({ perMobileNode: 1, overall: 10 }, clock);
  const left: number[] = [];
  for (const mobileNode of [1, 2, 1, 1, 3]) {
    await turns.of(mobileNode);
    left.push(now);
  }
  t.same(left, [0, 100, 1020, 2040, 2140]);
});

t.test('most tests need one mobile node only', async (t) => {
  const tests = loadVectors({ ledger: loadLedger() }).tests;
  const about = tests.filter((test) => !alone(test).possible).map(({ id }) => id.replace(/@.*/, ''));
  t.same(
    [...new Set(about)],
    ['ha-duplicate-address', 'ha-dynamic-unique', 'ha-spoofed-reverse/hoa-inner-other'],
  );
  const expiry = tests.find(({ id }) => id === 'ha-expiry/hoa@co-located');
  if (expiry === undefined) throw new Error('there is no such test');
  const { preamble } = alone(expiry);
  t.ok(preamble.length < expiry.preamble.length, 'the other one does not register');
  t.notMatch(JSON.stringify(preamble), /\$other\./);
});
