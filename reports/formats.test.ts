/** Every report says the same of a run: its counts are those of the results, and nothing that a device said does harm in it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import t from 'tap';
import { Parser } from 'tap-parser';
import { type Verdict, verdictOrder } from '../harness/engine/outcome.ts';
import { formats, writeReports } from './formats.ts';
import { claimFinding } from './model/claims.ts';
import type { Results } from './model/results.ts';
import { type Run, readRun } from './model/run.ts';
import { hostileResults, outcome, sampleResults, writeSampleRun } from './testing/samples.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-formats-test-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** How many tests had each verdict, as a reader of the report finds it. */
type Counts = { [verdict in Verdict]: number };

const none = (): Counts => Object.fromEntries(verdictOrder.map((verdict) => [verdict, 0])) as Counts;

/** Adds up what is found; a word that is no verdict is a fault. */
function countOf(found: Iterable<string | [verdict: string, count: number]>): Counts {
  const counts = none();
  for (const one of found) {
    const [verdict, count] = typeof one === 'string' ? [one, 1] : one;
    if (!(verdict in counts)) throw new Error(`"${verdict}" is no verdict`);
    counts[verdict as Verdict] += count;
  }
  return counts;
}

interface XmlCase {
  failure?: { '@type': string };
  error?: { '@type': string };
  skipped?: string;
  'system-out'?: string;
}

/** By elements; those that pass by what they say. */
function junitCounts(content: string): Counts {
  if (XMLValidator.validate(content) !== true) throw new Error('no well-formed XML');
  const isArray = (name: string): boolean => name === 'testsuite' || name === 'testcase';
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '@', isArray });
  const { testsuites } = parser.parse(content) as { testsuites: { testsuite: { testcase?: XmlCase[] }[] } };
  const cases = testsuites.testsuite.flatMap(({ testcase = [] }) => testcase);
  return countOf(
    cases.flatMap(({ failure, error, skipped, 'system-out': output = '' }) => {
      if (error?.['@type'] === 'INCOMPLETE') return [];
      if (skipped !== undefined) return ['NOT APPLICABLE'];
      return [failure?.['@type'] ?? error?.['@type'] ?? (/^Verdict: (.*)$/m.exec(output)?.[1] as string)];
    }),
  );
}

function tapCounts(content: string): Counts {
  const found: string[] = [];
  const parser = new Parser({ strict: true }, (summary) => {
    const bad = summary.failures.filter(({ tapError }) => tapError && summary.bailout === false);
    if (bad.length > 0) throw new Error(`no TAP: ${JSON.stringify(bad)}`);
  });
  parser.on('assert', ({ ok, skip, diag }) => {
    const verdict: string = diag?.verdict ?? (skip === false ? 'PASS' : 'NOT APPLICABLE');
    if (ok !== !['FAIL', 'ERROR', 'INCONCLUSIVE'].includes(verdict)) throw new Error(`ok of a ${verdict}`);
    found.push(verdict);
  });
  parser.on('extra', (line) => {
    throw new Error(`a line that is no TAP: ${line}`);
  });
  parser.end(content);
  return countOf(found);
}

function sarifCounts(content: string): Counts {
  const { runs } = JSON.parse(content) as {
    runs: { results: { properties: { test: string; testVerdict: string } }[] }[];
  };
  const tests = runs.flatMap(({ results }) => [
    ...new Map(results.map(({ properties }) => [properties.test, properties.testVerdict])).values(),
  ]);
  return countOf(tests);
}

const numbers = (content: string, pattern: RegExp, verdict: number, count: number): Counts =>
  countOf([...content.matchAll(pattern)].map((match) => [match[verdict] as string, Number(match[count])]));

const words = verdictOrder.join('|');

/** A reader for each format. What is new in `formats` gets one here, or stands among those that have the counts of another. */
const readers: { readonly [format: string]: (content: string) => Counts } = {
  text: (content) =>
    numbers(
      [...content.matchAll(/^Tests .*/gm)].join('\n'),
      new RegExp(`(\\d+) (${words})(?=,|$)`, 'gm'),
      2,
      1,
    ),
  html: (content) =>
    countOf(
      [...content.matchAll(/<details class="test[^>]* data-states="\|[^"|]*=([^"|=]*)\|/g)].map(
        ([, verdict = '']) => verdict,
      ),
    ),
  junit: junitCounts,
  tap: tapCounts,
  markdown: (content) => numbers(content, new RegExp(`^\\| (${words}) \\| (\\d+) \\|$`, 'gm'), 1, 2),
  sarif: sarifCounts,
};

/** Printed from another format. */
const printed = ['pdf'];

/** A run in a folder, of a device or several. */
function runOf(name: string, ...all: Results[]): Run {
  const [only] = all;
  if (only !== undefined && all.length === 1) writeSampleRun(join(folder, name), only);
  else for (const results of all) writeSampleRun(join(folder, name, results.role), results);
  return readRun(join(folder, name));
}

const incomplete: Results = (() => {
  const { totals, ...rest } = sampleResults;
  return {
    ...rest,
    incomplete: 'it was broken off from the keyboard',
    notRun: ['ha-not-run@co-located'],
    totals,
  };
})();

const runs: readonly Run[] = [
  runOf('sample', sampleResults),
  runOf('hostile', hostileResults()),
  runOf('incomplete', incomplete),
  runOf('several', sampleResults, { ...hostileResults(), role: 'foreign-agent' }),
];

/** Control characters other than the ends of lines, marks of direction, what is no text. */
const harmful =
  /(?![\n\t])\p{Cc}|[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]|\p{Cs}|[\ufffe\uffff]|[\u2028\u2029]/u;

t.test('every format has the counts of the results, and does no harm', async (t) => {
  t.same(
    Object.keys(formats).filter((name) => readers[name] === undefined && !printed.includes(name)),
    [],
    'each has a reader in this test',
  );
  for (const run of runs) {
    const wanted = countOf(
      run.devices.flatMap(({ results }) =>
        verdictOrder.map((verdict): [string, number] => [verdict, results.totals.tests[verdict]]),
      ),
    );
    const { files, failures } = await writeReports(run, Object.keys(readers));
    t.same(failures, []);
    for (const [at, [name, count]] of Object.entries(readers).entries()) {
      const content = readFileSync(files[at] as string, 'utf8');
      const what = `${name} of ${run.folder.slice(folder.length + 1)}`;
      t.same(count(content), wanted, `${what}: the same counts`);
      const found = harmful.exec(content);
      t.equal(
        found === null ? '' : JSON.stringify(content.slice(Math.max(0, found.index - 40), found.index + 10)),
        '',
        `${what}: nothing that disturbs`,
      );
    }
  }
});

t.test(
  'what the ICS excluded, what spoiled tests and what contradicts a claim is in every format',
  async (t) => {
    const expression = 'the ICS says no to: natTraversal and not nonces';
    const claim = {
      entry: 'natTraversal',
      claimed: false,
      observed: true,
      because: 'a reply had the UDP tunnel reply extension',
      contradicts: true,
    };
    const cause = 'wrong type numbers; set ixit.extensionTypes';
    const run = runOf('claims', {
      ...sampleResults,
      ics: { natTraversal: false, advertises: true },
      findings: [claimFinding(claim)],
      observedClaims: [claim],
      spoilers: [
        { check: 'type numbers', found: 'wrong type numbers', mend: 'set them', spoils: 'extensions' },
      ],
      outcomes: [
        outcome('ha-nat@co-located', 'NOT APPLICABLE', { reason: expression }),
        outcome('ha-spoiled@co-located', 'INCONCLUSIVE', { reason: cause }),
      ],
    });
    const { files } = await writeReports(run, Object.keys(readers));
    const plain = (text: string): string =>
      text
        .replace(/<[^>]*>/g, '')
        .replaceAll('\\', '')
        .replace(/\s+/g, ' ');
    for (const [at, name] of Object.keys(readers).entries()) {
      const content = plain(readFileSync(files[at] as string, 'utf8'));
      t.ok(content.includes(expression), `${name} shows the expression`);
      t.ok(content.includes(cause), `${name} shows the cause`);
      t.match(
        content,
        /the ICS says no to natTraversal, and what was seen says yes/,
        `${name} shows the contradiction`,
      );
    }
    const beside = (name: string): string =>
      plain(readFileSync(files[Object.keys(readers).indexOf(name)] as string, 'utf8'));
    for (const name of ['text', 'html'])
      t.match(
        beside(name),
        /natTraversal *(= )?no(: )?contradicted: yes; a reply had the UDP tunnel reply extension/,
        `${name} shows it beside the claim`,
      );
  },
);

t.test('the PDF, printed from the page', async (t) => {
  for (const run of runs.slice(0, 2)) {
    const { files, failures } = await writeReports(run, printed);
    t.same(failures, []);
    const content = readFileSync(files[0] as string, 'latin1');
    t.ok(content.startsWith('%PDF-'));
    const pages = [...content.matchAll(/\/Type \/Page\b/g)].length;
    t.ok(pages > 2, `its evidence is on paper: ${pages} pages`);
  }
});

t.test('a format that cannot be made takes none of the others with it', async (t) => {
  const [run] = runs as [Run];
  const broken: Run = {
    ...run,
    get devices(): never {
      throw new Error('spoilt');
    },
  };
  t.match(await writeReports(broken, ['junit']), { files: [], failures: [{ format: 'junit' }] });
  const { files, failures } = await writeReports(run, ['no-such', 'tap', 'constructor', 'junit']);
  t.equal(files.length, 2);
  t.same(
    failures.map(({ format }) => format),
    ['no-such', 'constructor'],
  );
});
