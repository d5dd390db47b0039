/** `dsmip doctor` and `dsmip probe` from the outside, against a reference agent in its lab. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../vectors/load.ts';
import { dsmip } from './testing/command.ts';

t.setTimeout(90_000);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-doctor-cli-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const lab = join(projectRoot, 'harness/bench/lab');

const standard = JSON.parse(readFileSync(join(lab, 'home-agent.profile.json'), 'utf8'));
const configuration = join(lab, 'home-agent.config.json');
const base = { ...standard, $schema: undefined, bench: { lab: { agent: 'home-agent', configuration } } };

const profile = (name: string, changes: object): string => {
  const file = join(folder, `${name}.profile.json`);
  writeFileSync(file, JSON.stringify({ ...base, ...changes }));
  return file;
};

t.test('side by side', async (t) => {
  const right = profile('right', {});
  const [node] = standard.ixit.mobileNodes;
  const wrong = profile('wrong', {
    ixit: { ...standard.ixit, mobileNodes: [{ ...node, algorithm: 'keyed-md5' }] },
  });
  const claims = profile('claims', {
    ics: { ...standard.ics, natTraversal: false, dynamicIpv6HomeAddress: 'none' },
  });
  const draft = join(folder, 'draft.json');
  const [well, ill, probed, usage] = await Promise.all([
    dsmip('doctor', '--iut', right, '--json'),
    dsmip('doctor', '--iut', wrong),
    dsmip('probe', '--iut', claims, '--write', '--out', draft),
    dsmip('doctor', '--fix'),
  ]);

  t.equal(well.status, 0, well.output);
  const { findings } = JSON.parse(well.output) as { findings: { check: string; state: string }[] };
  t.same(
    findings.filter(({ state }) => state === 'spoils' || state === 'unknown'),
    [],
  );
  for (const check of ['conflict', 'other agent', 'registration', 'type numbers', 'path', 'mtu'])
    t.ok(
      findings.some((one) => one.check === check && one.state === 'ok'),
      `${check} was looked at`,
    );

  t.equal(ill.status, 1, ill.output);
  t.match(
    ill.output,
    /\nspoils {3}key: wrong key or algorithm: the device accepts hmac-md5 .*\n {9}mend: say "algorithm"/,
  );
  t.match(ill.output, /every test is INCONCLUSIVE until then/);
  t.notMatch(ill.output, node.key.hex, 'no key is said');

  t.equal(probed.status, 1, probed.output);
  t.match(probed.output, /differs {3}natTraversal = yes .*UDP tunnel reply extension.*the profile claims no/);
  t.match(probed.output, /differs {3}dynamicIpv6HomeAddress = address .*the profile claims none/);
  t.match(probed.output, /vendor's {2}homeNetwork = \?/);
  const written = JSON.parse(readFileSync(claims, 'utf8')).ics;
  t.same(written, { ...standard.ics, nonces: false }, 'what it does is what it claimed');
  t.match(JSON.parse(readFileSync(draft, 'utf8')), {
    role: 'home-agent',
    ics: { natTraversal: true },
    observations: [{ entry: 'ipv6Extensions', value: true, because: /code extension/ }],
  });

  t.equal(usage.status, 64);
  t.match(usage.output, /name it with --iut/);
});
