/** Runs that go on after kill -9, and failed tests that are run again: what is kept, what is found, and that all of it can be rejudged. */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { formats } from '../../reports/formats.ts';
import { type Results, withOutcomes } from '../../reports/model/results.ts';
import { readRun } from '../../reports/model/run.ts';
import { writeResults } from '../../reports/model/write-results.ts';
import { Journal } from '../../reports/runner/journal.ts';
import { asLine, onLines } from '../../reports/runner/lines.ts';
import type { RunRequest, ServerMessage } from '../../reports/runner/request.ts';
import { outcome } from '../../reports/testing/samples.ts';
import { summaryOf } from '../../reports/text/summary.ts';
import type { Outcome, Verdict } from '../engine/outcome.ts';
import { projectRoot } from '../vectors/load.ts';
import { suiteOf } from './catalogue.ts';
import { rejudgeFolder } from './rejudge.ts';
import { benchesOf, serverCommand } from './request.ts';
import { keepRequest, requestToResume } from './resume.ts';
import { type Retrying, ranBefore, retried } from './retry.ts';
import { members, until } from './testing/command.ts';

t.setTimeout(240_000);
const folder = mkdtempSync(join(tmpdir(), 'dsmip-patience-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const resultsIn = (out: string): Results => JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));

interface Served {
  said: ServerMessage[];
  ended: Promise<unknown>;
}

/** The bench server with a request, as the test runner starts it: so that it costs no test runner. */
function serve(request: RunRequest, tests: readonly string[]): Served {
  const [bench] = request.benches;
  const { out = '' } = request;
  if (bench === undefined) throw new Error('no bench');
  const [command = '', ...args] = serverCommand(bench);
  const env = { ...process.env, DSMIP_TEST_MARK: out };
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const said: ServerMessage[] = [];
  onLines(child.stdout, (line) => said.push(JSON.parse(line)));
  child.stdin.on('error', () => {});
  child.stdin.write(asLine({ request, bench, folder: out, tests }));
  return { said, ended: new Promise((resolve) => child.on('close', resolve)) };
}

/** A request for some tests of a home agent, and their ids; the folder of the run has it. */
function asked(name: string, profile: string | undefined, wanted: RegExp, more: Partial<RunRequest> = {}) {
  const out = join(folder, name);
  mkdirSync(out);
  const benches = benchesOf(profile, ['draft']).filter(({ role }) => role === 'home-agent');
  const request: RunRequest = {
    benches,
    strict: false,
    start: new Date().toISOString(),
    interactive: false,
    readings: {},
    selection: {},
    formats: [],
    reporters: [],
    out,
    ...more,
  };
  keepRequest(request);
  const { tests } = suiteOf('draft');
  return { out, request, ids: tests.filter(({ id }) => wanted.test(id)).map(({ id }) => id) };
}

/** An outcome as far as --retry looks at it; it began at `at`. */
const ran = (id: string, at: number, mobileNodes: number[], verdict: Verdict = 'PASS'): Outcome =>
  outcome(id, verdict, {
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
  const { out, request, ids } = asked('pool', file, /^ha-dynamic-zero\/hoa@/, { retry: 1 });
  await serve(request, ids).ended;
  const { outcomes, findings } = resultsIn(out);
  const failed = outcomes.filter(({ verdict }) => verdict === 'FAIL');
  t.ok(failed.length >= 2, 'a FAIL is never hidden');
  for (const { id, retry } of failed) {
    t.match(retry, { alone: ['PASS'], words: /^alone it is PASS; it is FAIL after ha-dynamic-zero/ });
    t.equal(retry?.after?.length, 1);
    t.ok(findings.some((finding) => finding.startsWith(`${id} (FAIL): alone it is PASS`)));
  }
  const text = summaryOf([resultsIn(out)]).join('\n');
  t.match(text, /Again: +alone it is PASS/);
  t.match(String(await formats.html?.render(readRun(out))), /<strong>Run again:<\/strong> alone it is PASS/);
  t.match(await rejudgeFolder(out, { reading: [] }), { status: 0, text: /and the results to the octet/ });
});

t.test('kill -9 of everything, and on', async (t) => {
  const selection = { clause: '4.7-a' };
  const {
    out,
    request: first,
    ids,
  } = asked('killed', undefined, /^ha-(expiry|renewal|re-reg)/, { selection });
  const served = serve(first, ids);
  await until(
    'some tests are judged',
    () => served.said.filter(({ type }) => type === 'outcome').length >= 3,
  );
  for (const { pid } of members(out)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Another one took it along.
    }
  }
  await served.ended;
  await until('every process has ended', () => members(out).length === 0);
  t.notOk(existsSync(join(out, 'results.json')), 'nobody had the time to write');

  for (const [name, value] of Object.entries({ clause: '4.3', robustness: true, seed: '7', inputs: '50' }))
    t.throws(() => requestToResume(out, { resume: out, report: 'html', suite: [], [name]: value }), {
      message: `leave --${name} away`,
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
  const { request: again, left } = requestToResume(out, { retry: 2 });
  const [count] = left.values();
  await serve(again, ids).ended;
  const { outcomes, parts = [], findings, incomplete } = resultsIn(out);
  const [part] = parts;
  t.equal(parts.length, 1);
  t.notOk(incomplete);
  const kept = outcomes.filter((outcome) => outcome.part === undefined).length;
  t.ok(kept > 0 && kept < outcomes.length, `${kept} of ${outcomes.length} were kept`);
  t.match(part, { kept, why: 'it ended without a word', capture: { file: 'run-2.pcapng' } });
  t.match(findings, [/^the run was broken off after \d+ of \d+ tests .* and went on at .* as part 2/]);
  t.equal(count, ids.length - kept, 'the number of those left was told');
  t.match(summaryOf([resultsIn(out)]).join('\n'), /nothing failed \(exit status 0\), in 2 parts/);
  const written = readdirSync(out).sort();
  t.same(written, ['captures', 'request.json', 'results.json', 'run-2.pcapng', 'run.log', 'run.pcapng']);
  t.notOk(readdirSync(join(out, 'captures')).some((name) => name.endsWith('.part')));
  t.match(await rejudgeFolder(out, { reading: [] }), { status: 0, text: /and the results to the octet/ });
  t.throws(() => requestToResume(out, {}), { message: /the run is whole/ });

  // As after a Ctrl-C, which writes results of what there is, claims among them.
  const whole = resultsIn(out);
  const observedClaims = [
    { entry: 'advertises', claimed: false, observed: false, because: 'x', contradicts: false },
  ];
  const { totals: _totals, ...broken } = {
    ...whole,
    observedClaims,
    incomplete: 'it was broken off from the keyboard',
    notRun: ids.slice(-1),
  };
  const some = broken.outcomes.slice(0, -1);
  writeResults(out, withOutcomes(broken as Results, some));
  writeFileSync(join(out, 'request.json'), request);
  const rest = requestToResume(out, {});
  t.same([...rest.left.values()], [1]);
  await serve(rest.request, ids).ended;
  const because = resultsIn(out).observedClaims?.map((claim) => claim.because) ?? [];
  t.ok(because.includes('x') && because.length > 1, 'what was seen of claims before is kept');
  t.match(await rejudgeFolder(out, { reading: [] }), { status: 0, text: /and the results to the octet/ });

  // As after kill -9 between the last outcome and the results.
  const { outcomes: judged, clauses, findings: found, parts: all = [], ...header } = resultsIn(out);
  new Journal(out, { header, clauses, findings: found, parts: all, observedClaims }, judged);
  t.notOk(existsSync(join(out, 'results.json')));
  const unwritten = requestToResume(out, {});
  t.same([...unwritten.left.values()], [0]);
  await serve(unwritten.request, ids).ended;
  t.same(
    resultsIn(out).outcomes.map(({ id, verdict }) => [id, verdict]),
    judged.map(({ id, verdict }) => [id, verdict]),
  );
  t.match(resultsIn(out).findings.at(-1), /the run ended before it had written so/);
});
