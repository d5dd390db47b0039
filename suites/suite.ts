/** One Playwright test for each test of a role's vectors; the bench runs it, here its outcome is re-enacted. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestInfo, test } from '@playwright/test';
import type { Location } from '@playwright/test/reporter';
import { suiteOf } from '../harness/cli/catalogue.ts';
import { requestFromEnvironment } from '../harness/cli/request.ts';
import { levelsOf, select } from '../harness/cli/select.ts';
import { harmless } from '../harness/engine/describe.ts';
import type { Outcome, StepRecord } from '../harness/engine/outcome.ts';
import { type Ledger, type Role, sectionName } from '../harness/vectors/ledger.ts';
import { projectRoot } from '../harness/vectors/load.ts';
import type { TestCase } from '../harness/vectors/types.ts';
import { onLines } from '../reports/runner/lines.ts';
import {
  type Answer,
  type BenchRequest,
  type RunRequest,
  socketVariable,
} from '../reports/runner/request.ts';

const connectMs = 10_000;
const noReporter =
  'our reporter is not in the list, so there is no bench: name other reporters with "dsmip run --reporter" ' +
  'or in DSMIP_REPORTERS, not with --reporter of Playwright';

/** `@4.3`, `@4.3-f`, `@MUST`, `@co-located`: what `--grep` can ask for. */
function tagsOf(one: TestCase, ledger: Ledger): string[] {
  const sections = one.clauses.map((id) => sectionName(ledger.clause(id)));
  const levels = levelsOf(one, ledger).map((level) => level.replace(/[^A-Za-z]+/g, '-').replace(/-$/, ''));
  return [...new Set([...sections, ...one.clauses, ...levels, one.position])].map((tag) => `@${tag}`);
}

/** Declare the tests of a role that this run has selected, of one suite after the other. */
export function suite(role: Role): void {
  const request = requestFromEnvironment();
  const benches = request.benches.filter((one) => one.role === role);
  if (benches.length === 0) return;
  test.beforeAll(() => {
    if (process.env[socketVariable] === undefined) throw new Error(noReporter);
  });
  for (const bench of benches) declare(bench, request);
}

function declare(bench: BenchRequest, { readings, selection }: RunRequest): void {
  const { ledger, tests } = suiteOf(bench.suite, readings);
  const ofRole = tests.filter((one) => one.role === bench.role);
  for (const one of select(ofRole, ledger, selection)) {
    const annotation = [
      { type: 'vector', description: one.id },
      { type: 'bench', description: bench.name },
    ];
    const details = { tag: tagsOf(one, ledger), annotation };
    // biome-ignore lint/correctness/noEmptyPattern: Playwright wants the first argument destructured
    test(`${one.id} ${one.title}`, details, async ({}, info) => enact(await ask(bench.name, one.id), info));
  }
}

/** Ask our reporter, in Playwright's main process, for an outcome; it answers when the bench has it. */
async function ask(bench: string, id: string): Promise<Answer> {
  const path = join(process.env[socketVariable] ?? '', bench);
  return new Promise((resolve) => {
    const socket = connect(path);
    const timer = setTimeout(() => {
      resolve({ problem: 'the run does not answer its tests' });
      socket.destroy();
    }, connectMs);
    socket.on('connect', () => clearTimeout(timer));
    socket.on('error', (error) => resolve({ problem: `the run is gone: ${error.message}` }));
    socket.on('close', () => resolve({ problem: 'the run ended before this test was judged' }));
    onLines(socket, (line) => resolve(JSON.parse(line) as Answer));
    socket.write(`${id}\n`);
  });
}

async function enact(answer: Answer, info: TestInfo): Promise<void> {
  if ('problem' in answer) {
    // Our reporter makes an error of it; to throw would cost a worker for every test that is left.
    info.annotations.push({ type: 'problem', description: answer.problem });
    return;
  }
  const { outcome, capture } = answer;
  const location: Location = { file: join(projectRoot, outcome.file), line: 1, column: 1 };
  annotate(outcome, info);
  for (const part of ['preamble', 'body', 'postamble'] as const) {
    // A proof that the device is there belongs to the body it interrupted.
    const steps = outcome.steps.filter(
      (step) => step.part === part || (part === 'body' && step.part === 'liveness'),
    );
    if (steps.length > 0) await test.step(part, () => enactSteps(steps, location), { location });
  }
  // Not by attach(), which would write and copy files.
  const body = Buffer.from(JSON.stringify(outcome, null, 2));
  info.attachments.push({ name: 'outcome.json', body, contentType: 'application/json' });
  if (capture !== undefined) {
    info.attachments.push({
      name: 'capture.pcapng',
      path: capture,
      contentType: 'application/vnd.tcpdump.pcap',
    });
  }
  if (outcome.verdict === 'NOT APPLICABLE' || outcome.verdict === 'INCONCLUSIVE') {
    test.skip(true, `${outcome.verdict}: ${harmless(outcome.reason ?? '')}`);
  }
}

function annotate(outcome: Outcome, info: TestInfo): void {
  info.annotations.push({ type: 'verdict', description: outcome.verdict });
  for (const { clause, level, verdict } of outcome.judgements) {
    info.annotations.push({ type: verdict, description: `${clause} (${level})` });
  }
}

/** The steps stand in the vector's file; to say so spares Playwright to look where each is called from. */
async function enactSteps(steps: StepRecord[], location: Location): Promise<void> {
  for (const { text, ok } of steps) {
    await test.step(`${ok ? '' : 'not as expected: '}${harmless(text)}`, async () => {}, { location });
  }
}
