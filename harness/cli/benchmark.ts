/** `dsmip bench`: what the engine, the lab with its agent, and the codec cost. Trust ratios, not absolute figures. */
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CaptureFile } from '../../reports/evidence/capture-file.ts';
import { htmlReport } from '../../reports/html/report.ts';
import { chromiumPath } from '../../reports/machine/chromium.ts';
import { collate } from '../../reports/matrix/collate.ts';
import { matrixCsv } from '../../reports/matrix/csv.ts';
import { matrixPage } from '../../reports/matrix/page.ts';
import { readResults } from '../../reports/model/read-results.ts';
import { readRun } from '../../reports/model/run.ts';
import { writeResults } from '../../reports/model/write-results.ts';
import { openBrowser, openPage } from '../../reports/testing/browser.ts';
import { manyResults, sampleFrames, writeSampleRun } from '../../reports/testing/samples.ts';
import { conduct, startConductor } from '../bench/conduct.ts';
import { openBench } from '../bench/open.ts';
import { rejudge } from '../bench/recorded.ts';
import type { Outcome } from '../engine/outcome.ts';
import type { Ledger } from '../vectors/ledger.ts';
import { loadProfile, type Profile } from '../vectors/profile.ts';
import { draftSuite } from '../vectors/suites.ts';
import type { TestCase } from '../vectors/types.ts';
import {
  decodeMessage,
  encodeMessage,
  type RegistrationRequest,
  verifyAuthenticator,
} from '../wire/index.ts';
import { suiteOf } from './catalogue.ts';
import { inPrivateWorld } from './isolation.ts';
import { labProfiles, profileFile } from './lab-profiles.ts';
import { requireMachine } from './machine.ts';

const codecSeconds = 1;
const registrationSeconds = 2;

/** Run the command: prints a line a measure. */
export async function benchmarkCommand(): Promise<void> {
  requireMachine(['home-agent']);
  if (await inPrivateWorld()) return;
  const { ledger, tests: all } = suiteOf(draftSuite);
  const profile = loadProfile(profileFile(labProfiles['home-agent'][0] ?? ''));
  const tests = all.filter(({ role }) => role === profile.role);
  const lines = [
    ...codec(profile),
    ...(await engine(tests, profile, ledger)),
    ...(await registrations(tests, profile, ledger)),
    ...(await report()),
    ...matrix(),
    ...(await captures()),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  process.exit(0);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const milliseconds = (ns: number): string => `${(ns / 1e6).toFixed(2)} ms`;

/** Times a second that `work` can be done. */
function rate(seconds: number, work: () => void): number {
  for (let warm = 0; warm < 500; warm += 1) work();
  const start = performance.now();
  let count = 0;
  while (performance.now() - start < seconds * 1000) {
    for (let n = 0; n < 50; n += 1) work();
    count += 50;
  }
  return (count * 1000) / (performance.now() - start);
}

/** A registration request with the draft's extensions: encoded and authenticated, decoded and verified. */
function codec(profile: Profile): string[] {
  const [node] = profile.mobileNodes;
  if (node === undefined) return [];
  const { association } = node;
  const message: { registrationRequest: RegistrationRequest } = {
    registrationRequest: {
      lifetimeSeconds: 300,
      homeAddress: node.ipv4HomeAddress,
      homeAgent: profile.homeAgent.address,
      careOfAddress: profile.careOfAddresses?.first ?? '0.0.0.0',
      identification: 'c3a1b2c3d4e5f601',
      extensions: [
        { mobileNodeNai: { nai: node.nai } },
        { ipv6HomeAddress: { address: node.ipv6HomeAddress } },
        { mobileHomeAuthentication: {} },
        { ipv6Compatibility: { reverseTunnel: true } },
      ],
    },
  };
  const options = { types: profile.extensionTypes, associations: { mobileHome: association } };
  const octets = encodeMessage(message, options);
  const decoded = decodeMessage(octets, { types: profile.extensionTypes });
  const place = decoded.extents.find(({ path }) => path.endsWith('extensions[2]'))?.offset ?? 0;
  const covered = octets.subarray(0, place + 6);
  const whole = rate(codecSeconds, () => {
    const encoded = encodeMessage(message, options);
    decodeMessage(encoded, { types: profile.extensionTypes });
    if (!verifyAuthenticator(encoded, place, association))
      throw new Error('the authenticator does not verify');
  });
  // Both ends authenticate: two HMACs are what cannot be saved.
  const bare = rate(codecSeconds, () => {
    createHmac('md5', association.key).update(covered).digest();
    createHmac('md5', association.key).update(covered).digest();
  });
  return [
    `codec: encode + authenticate + decode + verify  ${whole.toFixed(0)}/s`,
    `codec: the two bare HMACs in it                 ${bare.toFixed(0)}/s (the whole costs ${(bare / whole).toFixed(1)} times as much)`,
  ];
}

/** The whole suite once, and each test judged again from its frames: that is the engine without any waiting. */
async function engine(tests: TestCase[], profile: Profile, ledger: Ledger): Promise<string[]> {
  const start = performance.now();
  const open = await openBench(profile);
  const { finished, facts } = await conduct(open, { profile, ledger }, tests);
  await open.close();
  const seconds = (performance.now() - start) / 1000;
  const costs: { id: string; ms: number }[] = [];
  for (const [at, { outcome, frames }] of finished.entries()) {
    if (outcome.mobileNodes.length === 0) continue;
    const captured = frames.map((frame) => ({
      ...frame,
      octets: frame.octets,
      timeNs: facts.originNs + BigInt(frame.timeNs),
    }));
    const before = performance.now();
    await rejudge(tests[at] as TestCase, outcome, captured, { profile, facts, ledger, strict: false });
    costs.push({ id: outcome.id, ms: performance.now() - before });
  }
  const worst = costs.reduce((most, one) => (one.ms > most.ms ? one : most));
  const roundTrip = median(facts.roundTripsNs);
  const proofs = finished.flatMap(({ outcome }) => silenceCosts(outcome));
  return [
    `engine: ${tests.length} tests side by side in ${seconds.toFixed(1)} s, bench and agent set up and taken down included`,
    `engine: a vector costs, its waiting aside,       ${median(costs.map(({ ms }) => ms)).toFixed(2)} ms (median), ${worst.ms.toFixed(2)} ms (worst, ${worst.id})`,
    `lab: round trip of a registration              ${milliseconds(roundTrip)} (median of ${facts.roundTripsNs.length} at the start)`,
    `silence: a proof by barrier takes               ${milliseconds(median(proofs))} (median of ${proofs.length}), ` +
      `of it ${milliseconds(facts.graceNs)} grace: ${((median(proofs) - facts.graceNs) / roundTrip).toFixed(1)} round trips beside it`,
  ];
}

/** From the last stimulus of each silence that a barrier proved to the end of its window, ns. */
function silenceCosts(outcome: Outcome): number[] {
  return outcome.judgements.flatMap(({ silence, step, frames }) => {
    if (silence !== 'barrier' || frames.length > 0) return [];
    const end = outcome.steps.find((record) => record.step === step);
    const last = outcome.steps
      .filter((record) => record.step.startsWith(`${step}.`) && record.step.includes('.stimulus['))
      .at(-1);
    return end === undefined || last === undefined ? [] : [end.timeNs - last.timeNs];
  });
}

/** Plain registrations through the engine, as many at once as the bench has mobile nodes for. */
async function registrations(tests: TestCase[], profile: Profile, ledger: Ledger): Promise<string[]> {
  const [sample] = tests;
  if (sample === undefined) return [];
  const conductor = await startConductor({ profile, ledger, tests });
  const test: TestCase = {
    ...sample,
    requires: 'true',
    position: 'co-located',
    preamble: sample.warmUp,
    body: [],
    postamble: [],
  };
  const deadline = performance.now() + registrationSeconds * 1000;
  let count = 0;
  let failed = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const { outcome } = await conductor.run({ ...test, id: `registration-${count}` });
      count += 1;
      if (!outcome.steps.some(({ ok, frames }) => ok && frames.length > 0)) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  await conductor.close();
  const words = failed === 0 ? 'all answered' : `${failed} not answered`;
  return [
    `lab: registrations through the engine           ${(count / registrationSeconds).toFixed(0)}/s (16 at once, ${words})`,
  ];
}

/** The page of 500 tests: how long it takes to make and, where there is a browser, until it can be read and used. */
async function report(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dsmip-bench-'));
  try {
    writeSampleRun(folder, manyResults(500));
    const start = performance.now();
    const text = htmlReport(readRun(folder));
    const made = performance.now() - start;
    const file = join(folder, 'report.html');
    writeFileSync(file, text);
    return [
      `report: a page of 500 tests is made in           ${made.toFixed(0)} ms, ${(text.length / 1e6).toFixed(1)} MB`,
      ...(await opening(file)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function opening(file: string): Promise<string[]> {
  if (chromiumPath() === undefined) return [];
  const browser = await openBrowser();
  const times: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    const { page } = await openPage(browser, { url: pathToFileURL(file).href });
    times.push(await page.evaluate<number>(`performance.getEntriesByType('navigation')[0].loadEventEnd`));
    await page.close();
  }
  await browser.close();
  return [`report: it opens in                              ${median(times).toFixed(0)} ms (median of 5)`];
}

/** The matrix of an event: twenty devices with a thousand tests each. */
function matrix(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'dsmip-bench-'));
  try {
    const many = manyResults(1000);
    for (let n = 1; n <= 20; n += 1) {
      mkdirSync(join(folder, `${n}`));
      writeResults(join(folder, `${n}`), { ...many, device: { ...many.device, vendor: `Vendor ${n}` } });
    }
    const start = performance.now();
    const found = Array.from({ length: 20 }, (_, n) => {
      const own = join(folder, `${n + 1}`);
      return { folder: own, results: readResults(join(own, 'results.json')).results };
    });
    const collated = collate(found);
    const octets = matrixPage(collated).length + matrixCsv(collated).length;
    const seconds = (performance.now() - start) / 1000;
    return [
      `matrix: 20 devices with 1,000 tests each         ${seconds.toFixed(2)} s, ${(octets / 1e6).toFixed(1)} MB`,
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Frames a second that a capture takes while they arrive; a flood on the wire is some 50,000. */
async function captures(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'dsmip-bench-'));
  try {
    const file = new CaptureFile(join(folder, 'x.pcapng'), ['mn', 'cn'], '');
    const frames = sampleFrames(0n);
    const count = 200_000;
    const start = performance.now();
    for (let n = 0; n < count; n += 1) {
      file.add(frames[n % frames.length] as (typeof frames)[number]);
      // As frames come: some at a time, and the writer in between.
      if (n % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await file.close();
    const rate = count / ((performance.now() - start) / 1000);
    return [
      `capture: frames written while they arrive        ${rate.toFixed(0)}/s (${(rate / 50_000).toFixed(1)} times a flood), ${file.lost} left out`,
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
