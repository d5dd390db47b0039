/** What a vendor gets of one test: everything to understand a failure and to see it again, without this program. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { harmless } from '../../harness/engine/describe.ts';
import type { Verdict } from '../../harness/engine/outcome.ts';
import { evidenceFrames } from '../evidence/frames.ts';
import { ladderOf } from '../evidence/ladder.ts';
import { codeSpan, prose } from '../machine/escape-markdown.ts';
import { captureFile, type TestResult } from '../model/results.ts';
import type { DeviceRun } from '../model/run.ts';
import { ladderLines, packetLines } from '../text/evidence.ts';
import { clauseTable, findingLines } from '../text/finding.ts';
import { labelled } from '../text/layout.ts';
import { reproduceCommand } from '../text/reproduce.ts';
import { actionsOf, expectationsOf, stimuliOf, type Verifies } from './stimuli.ts';

export interface CapsuleOptions {
  device: DeviceRun;
  test: TestResult;
  /** Text of the vector's file. */
  vector: string;
  verifies: Verifies;
  /** By SPI; no keys. */
  algorithms: { [spi: string]: string };
  /** Replay protection of the mobile nodes, by home address. */
  nonces: string[];
}

const width = 100;

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** Fixed, so that the same test gives the same octets. */
const mtime = new Date(1980, 0, 1);

/** Name of the folder within, and of the file without its ending. */
export const capsuleName = (id: string): string => basename(captureFile(id), '.pcapng');

/** The octets of the zip. Throws CaptureError when the capture is not that of the results. */
export function capsule(options: CapsuleOptions): Uint8Array {
  const { device, test, vector } = options;
  const name = capsuleName(test.id);
  const files: { [path: string]: Uint8Array } = {
    'README.md': strToU8(readme(options)),
    'outcome.json': strToU8(`${JSON.stringify(outcomeOf(device, test), null, 2)}\n`),
    'vector.json': strToU8(vector),
    'replay.py': strToU8(replayScript(options)),
    'dsmip.lua': strToU8(read('../evidence/dsmip.lua')),
    ...(test.capture === undefined ? {} : { 'capture.pcapng': new Uint8Array(captureOctets(device, test)) }),
  };
  const entries = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  return zipSync(
    Object.fromEntries(entries.map(([path, octets]) => [`${name}/${path}`, [octets, { mtime }]])),
  );
}

function captureOctets(device: DeviceRun, { capture }: TestResult): Buffer {
  if (capture === undefined) return Buffer.alloc(0);
  // Reading its frames has checked that it is the one that was written with the results.
  device.frames(capture);
  return readFileSync(`${device.folder}/${capture.file}`);
}

/** The test alone; of the device what it is, not where its profile lies. */
function outcomeOf({ results }: DeviceRun, test: TestResult): object {
  const { tool, document, device, role, ics, vectors, ledger, strict, readings, extensionTypes, start } =
    results;
  return {
    tool,
    document,
    device,
    role,
    ics,
    vectors,
    ledger,
    strict,
    readings,
    extensionTypes,
    start,
    test,
  };
}

function readme({ device, test }: CapsuleOptions): string {
  const { results } = device;
  const frames = evidenceFrames(device, test);
  const clauses = clauseTable(results.clauses);
  const verdicts: Verdict[] = ['FAIL', 'WARN', 'PASS', 'INFO'];
  const named = new Set(test.judgements.flatMap(({ reading }) => reading ?? []));
  const readings = results.readingFacts.filter(({ id }) => named.has(id));
  const { vendor, product, version } = results.device;
  const block = (lines: readonly string[]): string[] => ['', ...lines.map((line) => `    ${line}`), ''];
  return `${[
    `# ${codeSpan(harmless(test.id))}: ${test.verdict}`,
    '',
    prose(harmless(test.title)),
    '',
    `Device: ${codeSpan(harmless(`${vendor} ${product} ${version}`))}, as ${results.role}; ${results.start}; ${results.document}, dsmip-conformance ${harmless(results.tool)}.`,
    '',
    '## What was judged',
    ...verdicts.flatMap((verdict) =>
      test.judgements.some((judgement) => judgement.verdict === verdict)
        ? [``, `### ${verdict}`, ...block(findingLines(test, verdict, clauses, { width, colour: false }))]
        : [],
    ),
    ...(test.reason === undefined ? [] : ['', `Reason: ${prose(harmless(test.reason))}`]),
    ...(readings.length === 0 ? [] : ['', '## Readings of open places of the draft']),
    ...readings.flatMap(({ id, problem, reading, inForce, alternatives }) => [
      '',
      ...block([
        ...labelled(`${harmless(id)}, in force ${harmless(inForce)}: `, harmless(problem), width),
        ...labelled('  settled: ', harmless(reading), width),
        ...alternatives.flatMap((one) => labelled(`  ${harmless(one.name)}: `, harmless(one.reading), width)),
      ]),
    ]),
    '',
    '## Ladder',
    ...block(ladderLines(ladderOf(results, test, frames))),
    '## Steps',
    ...block(test.steps.map(({ step, ok, text }) => `${ok ? 'ok ' : 'NOT'} ${step}: ${harmless(text)}`)),
    '## Packets',
    ...block(packetLines(frames)),
    '## Again',
    '',
    'With dsmip-conformance and the profile of the device:',
    ...block([
      harmless(reproduceCommand({ ...results, profile: { ...results.profile, file: 'profile.json' } }, test)),
    ]),
    'With nothing but Python 3, as root, from a machine that stands where the harness stood:',
    ...block([
      'python3 replay.py               # what it sends, and what it needs',
      'python3 replay.py --port mn=eth1 --port cn=eth2 --key-file 256=key.hex',
    ]),
    'The packets as Wireshark shows them, with the extensions of the draft:',
    ...block(['wireshark -X lua_script:dsmip.lua capture.pcapng']),
  ].join('\n')}\n`;
}

/** The script with its data. */
function replayScript({ device, test, verifies, algorithms, nonces }: CapsuleOptions): string {
  const data = {
    test: harmless(test.id),
    title: harmless(test.title),
    role: device.results.role,
    extensionTypes: device.results.extensionTypes,
    algorithms,
    nonces,
    left: test.stimuli.filter(({ frame }) => frame === undefined).length,
    stimuli: stimuliOf(device, test, verifies),
    actions: actionsOf(test),
    expectations: expectationsOf(test),
  };
  // ASCII alone, and no quote, so that the raw string of Python ends where it should.
  const text = JSON.stringify(data, null, 1).replace(
    /[^\x20-\x7e\n]|'/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return read('replay.py').replace('__DATA__', () => text);
}
