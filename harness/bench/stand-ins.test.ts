/** Devices that are silent, slow, confused, dying or hostile, or described wrongly: each gives the right finding, never a false FAIL, and an end. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isolated } from '../net/index.ts';
import type { Found } from './stand-ins-probe.ts';

const probe = fileURLToPath(new URL('./stand-ins-probe.ts', import.meta.url));

/** In labs side by side, as most of it is waiting. */
const lanes = [
  'right,duplicating,reordering,garbage,clock-one-hour-off,keys-wrong,type-numbers-wrong',
  'silent,addresses-swapped,for-another-mobile-node,dies-half-way',
  'floods,floods-a-stranger,floods-and-is-silent',
  'slow',
];
/** On a machine that is busy with much else; by itself they take a third of it. */
const boundSeconds = 90;
const boundOfSlow = 170;
/** What a flood would fill if it were let. */
const boundMegabytes = 900;

t.test('stand-ins', { timeout: 220_000 }, async (t) => {
  const { command, args } = isolated([process.execPath, '--import', 'tsx', probe, ...lanes]);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const watchdog = setTimeout(() => child.kill('SIGKILL'), 200_000);
  t.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
  clearTimeout(watchdog);
  const found = JSON.parse(text) as { [name: string]: Found };
  const of = (name: string): Found => found[name] as Found;
  const verdicts = (name: string): string[] =>
    [...new Set(of(name).outcomes.map(({ verdict }) => verdict))].sort();
  /** Every test is INCONCLUSIVE, for this reason. */
  const inconclusive = (name: string, why: RegExp): void => {
    t.same(verdicts(name), ['INCONCLUSIVE'], name);
    for (const { id, reason } of of(name).outcomes) t.match(reason, why, `${name}: ${id}`);
  };

  for (const [name, { problem, seconds, megabytes, outcomes }] of Object.entries(found)) {
    t.equal(problem, undefined, `${name}: the run did not break`);
    t.ok(seconds < (name === 'slow' ? boundOfSlow : boundSeconds), `${name} ended after ${seconds} s`);
    t.ok(megabytes < boundMegabytes, `${name} left the process with ${megabytes} MB`);
    t.equal(outcomes.length, 7, `${name}: every test has its outcome`);
  }
  for (const name of ['right', 'duplicating', 'reordering', 'slow']) t.same(verdicts(name), ['PASS'], name);

  inconclusive('silent', /answers ping, but no registration request.*answered no valid registration/);
  inconclusive('garbage', /with something that is no registration reply \(came .*payload /);
  inconclusive('clock-one-hour-off', /clock is 360\d s ahead of this machine's.*registration reply code 133/);
  inconclusive('keys-wrong', /wrong key or algorithm.*registration reply code 131/);
  inconclusive('addresses-swapped', /ixit\.homeAgent\.address 10\.12\.0\.2 is an address of port cn/);
  inconclusive(
    'floods-and-is-silent',
    /flooded|frames were lost|answered no valid registration|answers (neither|ping, but no)/,
  );
  t.match(
    of('slow').findings.join(),
    /took up to ([2-9]|\d\d)\.\d+ s .* replySeconds ([4-9]|\d\d).* instead of 1\.5/,
  );

  const mistaken = of('for-another-mobile-node').outcomes.filter(({ verdict }) => verdict !== 'PASS');
  t.same(
    mistaken.map(({ id, verdict, judgements }) => [
      id,
      verdict,
      judgements.flatMap(({ clause, difference }) => (difference ? [clause, difference.path] : [])),
    ]),
    [['ha-reply@co-located', 'FAIL', ['B7', 'registrationReply.homeAddress']]],
    'replies name another mobile node, and that alone is wrong',
  );

  t.notMatch(verdicts('dies-half-way').join(), /FAIL|ERROR/);
  const cutShort = of('dies-half-way').outcomes.filter(({ verdict }) => verdict === 'INCONCLUSIVE');
  t.ok(cutShort.length > 0, 'a device that dies is not to blame for what it no longer says');
  for (const { id, reason } of cutShort)
    t.match(reason, /nothing that answers|no valid registration any more/, `dies-half-way: ${id}`);

  // How much of a flood this machine takes, nobody knows; it hides nothing, and nobody is blamed for what it hid.
  for (const name of ['floods', 'floods-a-stranger']) {
    t.notMatch(verdicts(name).join(), /FAIL|ERROR/, name);
    for (const { reason = '' } of of(name).outcomes) t.match(reason, /^$|flooded|frames were lost|too busy/);
  }

  // That the extensions go unheard is no fault of what needs none of them; what needs them says what is wrong.
  const ofNumbers = of('type-numbers-wrong');
  t.match(ofNumbers.findings.join(), /wrong type numbers: "ipv6HomeAddress" is 200 to the device, and 210/);
  for (const { id, verdict, reason = '' } of ofNumbers.outcomes) {
    const needsNone = /reply@|unknown|replay|proxy-arp/.test(id);
    t.equal(verdict, needsNone ? 'PASS' : 'INCONCLUSIVE', `type-numbers-wrong: ${id}`);
    t.match(reason, needsNone ? /^$/ : /wrong type numbers/, `type-numbers-wrong: ${id}`);
  }
});
