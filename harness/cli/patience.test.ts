/** Runs that go on after kill -9, and failed tests that are run again: what is kept, what is found, and that all of it can be rejudged. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Results } from '../../reports/model/results.ts';
import type { Outcome, Verdict } from '../engine/outcome.ts';
import { projectRoot } from '../vectors/load.ts';
import { rejudgeFolder } from './rejudge.ts';
import { requestToResume } from './resume.ts';
import { type Retrying, ranBefore, retried } from './retry.ts';
import { dsmip, members, startDsmip, until } from './testing/command.ts';

t.setTimeout(240_000);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-patience-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const resultsIn = (out: string): Results => JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));

/** An outcome as far as --retry looks at it; it began at `at`. */
const ran = (id: string, at: number, mobileNodes: number[], verdict: Verdict = 'PASS'): Outcome => ({
  id,
  title: id,
  file: 'x.json',
  role: 'home-agent',
  position: 'co-located',
  clauses: [],
  verdict,
  judgements: [],
  steps: [],
  mobileNodes,
  stimuli: [{ port: 'mn', timeNs: at, kind: 'ip' }],
  startNs: at,
  endNs: at + 1,
});

/** A device on which `failing` fails when all of `culprits` have been run since it began anew. */
function device(culprits: readonly string[], reason?: string): Retrying & { told: string[] } {
  let seen = new Set<string>();
  const told: string[] = [];
  return {
    told,
    tell: (words) => told.push(words),
    reset: async () => {
      if (reason === undefined) seen = new Set();
      return reason;
    },
    run: async (tests) =>
      tests.map(({ id }): Verdict => {
        seen.add(id);
        const isSpoilt = culprits.every((culprit) => seen.has(culprit));
        return id === 'failing' && isSpoilt ? 'FAIL' : 'PASS';
      }),
  };
}

t.test('what a failure depends on', async (t) => {
  const failed = ran('failing', 100, [3], 'FAIL');
  const others = Array.from({ length: 40 }, (_, n) => ran(`test-${n}`, n, [n % 7]));
  const before = ranBefore(failed, [failed, ...others, ran('later', 200, [3])]);
  t.equal(before.length, 40);
  const search = (culprits: string[], options = { attempts: 1, mostRounds: 24 }, reason?: string) =>
    retried(failed, before, device(culprits, reason), options);

  t.match(await search(['test-12']), {
    alone: ['PASS'],
    after: ['test-12'],
    words: 'alone it is PASS; it is FAIL after test-12',
  });
  t.match(
    await search(['test-10', 'test-24']),
    { after: ['test-3', 'test-10', 'test-17', 'test-24', 'test-31', 'test-38'] },
    'of its own mobile node',
  );
  t.match(
    (await search(['test-1', 'test-39'])).words,
    /^alone it is PASS; it is FAIL after test-0, .* and 34 more together$/,
  );
  t.match(await search([], { attempts: 2, mostRounds: 24 }), {
    alone: ['FAIL', 'FAIL'],
    words: 'alone it is FAIL as well',
  });
  t.match(
    (await search(['later'])).words,
    /and after the 40 tests that ran before it as well: what ran beside it decides, or chance$/,
  );
  t.match(
    (await search(['test-12'], { attempts: 1, mostRounds: 2 })).words,
    /after test-0, .*\(the search was ended\)$/,
  );
  const cannot = await search(['test-12'], { attempts: 1, mostRounds: 24 }, 'no such hook');
  t.match(cannot, {
    notReset: 'no such hook',
    words: /\(the device did not begin anew before: no such hook\)$/,
  });
  const bench = device(['test-39']);
  const { runs } = await retried(failed, before, bench, { attempts: 1, mostRounds: 24 });
  t.ok(bench.told.length <= 9 && runs < 100, `${bench.told.length} rounds, ${runs} runs`);
});

t.test('a pool that another test has used up', async (t) => {
  const lab = join(projectRoot, 'harness/bench/lab');
  const read = (name: string): { [key: string]: unknown } =>
    JSON.parse(readFileSync(join(lab, name), 'utf8'));
  const configuration = { ...read('home-agent.config.json'), dynamicIpv6Pool: '2001:db8:1:0:d::/127' };
  writeFileSync(join(folder, 'pool.config.json'), JSON.stringify(configuration));
  const { $schema: _schema, ...profile } = read('home-agent.profile.json');
  const bench = { lab: { agent: 'home-agent', configuration: 'pool.config.json' } };
  const file = join(folder, 'pool.json');
  writeFileSync(file, JSON.stringify({ ...profile, bench }));
  const out = join(folder, 'pool');
  const vector = ['--vector', 'ha-dynamic-zero/hoa', '--report', 'text,html'];
  const run = await dsmip('run', '--iut', file, ...vector, '--retry', '--out', out);
  t.equal(run.status, 1, 'a FAIL is never hidden');
  const { outcomes, findings } = resultsIn(out);
  const failed = outcomes.filter(({ verdict }) => verdict === 'FAIL');
  t.ok(failed.length >= 2, run.output);
  for (const { id, retry } of failed) {
    t.match(retry, { alone: ['PASS'], words: /^alone it is PASS; it is FAIL after ha-dynamic-zero/ });
    t.equal(retry?.after?.length, 1);
    t.ok(findings.some((finding) => finding.startsWith(`${id} (FAIL): alone it is PASS`)));
  }
  t.match(run.output, /Again: +alone it is PASS/);
  t.match(readFileSync(join(out, 'report.html'), 'utf8'), /<strong>Run again:<\/strong> alone it is PASS/);
  t.match(await rejudgeFolder(out, { reading: [] }), { status: 0, text: /and the results to the octet/ });
});

t.test('kill -9 of everything, and on', async (t) => {
  const out = join(folder, 'killed');
  const run = startDsmip(
    'run',
    '--role',
    'home-agent',
    '--clause',
    '4.7-a',
    '--out',
    out,
    '--report',
    'text',
  );
  await until('some tests are judged', () => {
    const log = join(out, 'run.log');
    return existsSync(log) && /PASS ha-renewal/.test(readFileSync(log, 'utf8'));
  });
  const all = members(out);
  process.kill(run.child.pid ?? 0, 'SIGKILL');
  for (const { pid } of all) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The others took it along.
    }
  }
  t.equal(await run.ended, 'SIGKILL');
  await until('every process has ended', () => members(out).length === 0);
  t.notOk(existsSync(join(out, 'results.json')), 'nobody had the time to write');

  t.throws(() => requestToResume(out, { clause: '4.3' }), {
    message: /as they were asked for: leave --clause/,
  });
  const request = readFileSync(join(out, 'request.json'), 'utf8');
  const strange = join(folder, 'strange.json');
  const profile = JSON.parse(request).benches[0].profile as string;
  const changed = JSON.parse(readFileSync(profile, 'utf8'));
  const configuration = join(projectRoot, 'harness/bench/lab', changed.bench.lab.configuration);
  const ixit = { ...changed.ixit, timers: { ...changed.ixit.timers, replySeconds: 9 } };
  writeFileSync(
    strange,
    JSON.stringify({
      ...changed,
      $schema: undefined,
      ixit,
      bench: { lab: { ...changed.bench.lab, configuration } },
    }),
  );
  writeFileSync(join(out, 'request.json'), request.replaceAll(profile, strange));
  t.throws(() => requestToResume(out, {}), { message: /the profile .* was changed since the run was begun/ });
  t.ok(existsSync(join(out, 'journal.jsonl')), 'nothing is lost by it');

  writeFileSync(join(out, 'request.json'), request);
  const resumed = await dsmip('run', '--resume', out);
  t.equal(resumed.status, 0, resumed.output);
  const { outcomes, parts = [], findings, incomplete } = resultsIn(out);
  const [part] = parts;
  t.equal(parts.length, 1);
  t.notOk(incomplete);
  const kept = outcomes.filter((outcome) => outcome.part === undefined).length;
  t.ok(kept > 0 && kept < outcomes.length, `${kept} of ${outcomes.length} were kept`);
  t.match(part, { kept, why: 'it ended without a word', capture: { file: 'run-2.pcapng' } });
  t.match(findings, [/^the run was broken off after \d+ of \d+ tests .* and went on at .* as part 2/]);
  t.match(resumed.output, /in 2 parts/);
  const left = readdirSync(out).sort();
  t.same(left, ['captures', 'results.json', 'run-2.pcapng', 'run.log', 'run.pcapng', 'summary.txt']);
  t.notOk(readdirSync(join(out, 'captures')).some((name) => name.endsWith('.part')));
  t.match(await rejudgeFolder(out, { reading: [] }), { status: 0, text: /and the results to the octet/ });
  t.throws(() => requestToResume(out, {}), { message: /the run is whole/ });
});
