import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import t from 'tap';
import { closest } from './closest.ts';
import { type Clause, type Level, ledgerDirectory, loadLedger, type Role, type Verdict } from './ledger.ts';
import { DataError, problemsOf, readJson, readValid, schemaDirectory } from './schema.ts';

const ledger = loadLedger();
const all = [...ledger.clauses.values()];
const ofDraft = all.filter(({ section }) => section !== 'base');

function count<T extends string>(items: Iterable<T>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[item] = (counts[item] ?? 0) + 1;
  return counts;
}

t.test('the ledger holds every clause of the draft', async (t) => {
  t.equal(ofDraft.length, 137);
  t.equal(all.length - ofDraft.length, 16, 'base checks');
  t.same(
    count(ofDraft.map(({ level }) => level)),
    {
      MUST: 20,
      'MUST (base)': 2,
      SHOULD: 15,
      'SHOULD NOT': 1,
      MAY: 5,
      should: 3,
      could: 1,
      REQ: 2,
      FMT: 19,
      BEHAV: 59,
      INFO: 9,
      NONE: 1,
    },
    'by level',
  );
  t.same(count(ofDraft.map((clause) => clause.class)), { T: 111, TP: 8, O: 13, X: 5 }, 'by class');
  // Eleven clauses bind "any" role: six FMT and five INFO. They count for each of the three here.
  t.same(levelsOf('home-agent'), {
    MUST: 10,
    'MUST (base)': 2,
    SHOULD: 3,
    MAY: 1,
    should: 2,
    could: 1,
    REQ: 2,
    FMT: 10 + 6,
    BEHAV: 24,
    INFO: 3 + 5,
    NONE: 1,
  });
  t.same(levelsOf('foreign-agent'), {
    MUST: 5,
    SHOULD: 1,
    MAY: 2,
    should: 1,
    FMT: 7 + 6,
    BEHAV: 20,
    INFO: 5,
  });
  t.same(levelsOf('mobile-node'), {
    MUST: 7,
    SHOULD: 11,
    'SHOULD NOT': 1,
    MAY: 5,
    should: 2,
    could: 1,
    FMT: 3 + 6,
    BEHAV: 20,
    INFO: 2 + 5,
  });
  // 3.1-b and 6-f concern every position and stand outside the catalogue's counts of the first five.
  t.same(count(ofDraft.flatMap(({ positions }) => positions)), {
    H1: 53 + 2,
    H2: 48 + 2,
    F1: 31 + 2,
    M1: 39 + 2,
    M2: 37 + 2,
    M0: 6 + 1,
    P: 5 + 1,
  });
  t.equal(ofDraft.filter(({ also }) => also.includes('HL')).length, 5, 'on the home link');
});

function levelsOf(role: Role): Record<string, number> {
  return count(ofDraft.filter(({ roles }) => roles.includes(role)).map(({ level }) => level));
}

t.test('a verdict follows from the level, unless the clause says otherwise', async (t) => {
  const exceptions = new Map<string, Verdict>([
    ['3.3-h', 'WARN'],
    ['4.2-a', 'WARN'],
    ['4.6-f', 'WARN'],
    ['4.7-c', 'WARN'],
    ['5.1.4-f', 'FAIL'],
    ['6-a', 'FAIL'],
  ]);
  for (const clause of all) {
    t.equal(clause.verdict, exceptions.get(clause.id) ?? verdictByLevel(clause), clause.id);
    if (exceptions.has(clause.id)) t.type(clause.note, 'string', `${clause.id} says why`);
  }
});

function verdictByLevel({ level, section, class: seen }: Clause): Verdict {
  if (seen === 'O' || seen === 'X') return 'INFO';
  if (['MAY', 'could', 'NONE', 'INFO'].includes(level)) return 'INFO';
  if (['SHOULD', 'SHOULD NOT', 'should'].includes(level)) return 'WARN';
  return level === 'BEHAV' && section.startsWith('5.1') ? 'WARN' : 'FAIL';
}

t.test('every keyword of the draft is accounted for', async (t) => {
  t.same(count(ledger.keywords.map(({ keyword }) => keyword)), {
    MUST: 17,
    SHOULD: 14,
    SHOLD: 1,
    'SHOULD NOT': 1,
    MAY: 5,
    should: 2,
    could: 1,
    required: 1,
  });
  const levels: Record<string, Level> = { SHOLD: 'SHOULD', required: 'REQ' };
  for (const { line, keyword, clauses } of ledger.keywords) {
    for (const id of clauses) {
      const level = ledger.clause(id).level;
      t.equal(level, levels[keyword] ?? keyword, `${keyword} of line ${line} is the level of ${id}`);
    }
  }
  const claimed = new Set(ledger.keywords.flatMap(({ clauses }) => clauses));
  const worded = ['MUST', 'SHOULD', 'SHOULD NOT', 'MAY', 'should', 'could', 'REQ'];
  const unclaimed = all.filter(({ id, level }) => worded.includes(level) && !claimed.has(id));
  t.same(unclaimed, [], 'every clause with a keyword level stands at a keyword');
});

t.test('the readings are complete and agree with the clauses', async (t) => {
  const ids = Array.from({ length: 63 }, (_, n) => `A${String(n + 1).padStart(2, '0')}`);
  t.same([...ledger.readings.keys()], ids);
  const settled = [...ledger.readings.values()].filter((reading) => reading.settled).map(({ id }) => id);
  t.same(settled, ['A02', 'A04', 'A06', 'A11', 'A17', 'A36', 'A37', 'A40', 'A56']);
});

t.test('an aspect is judged by its own verdict', async (t) => {
  const aspect = ledger.clause('3.3-a#reserved');
  t.match(aspect, {
    id: '3.3-a',
    aspect: 'reserved',
    reference: '3.3-a#reserved',
    verdict: 'WARN',
    level: 'NONE',
  });
  t.same(aspect.readings, [], 'it rests on the readings it names, not on those of the clause');
  t.match(ledger.clause('4.3-k#case-2'), { verdict: 'INFO', readings: ['A16'] });
  t.equal(ledger.clause('4.3-f').aspect, undefined);
  t.throws(() => ledger.clause('4.3-ff'), {
    code: 'UNKNOWN_CLAUSE',
    message: /no clause "4.3-ff"; did you mean "4.3-f"/,
  });
  t.throws(() => ledger.clause('4.3-k#case2'), { code: 'UNKNOWN_CLAUSE', message: /did you mean "case-2"/ });
  t.throws(() => ledger.clause('4.3-k#constructor'), { code: 'UNKNOWN_CLAUSE' });
});

t.test('a reading can be switched', async (t) => {
  const strict = loadLedger(undefined, { readings: { A04: 'literal', A56: 'required' } });
  t.equal(ledger.clause('4.2-e').verdict, 'INFO');
  t.equal(strict.clause('4.2-e').verdict, 'WARN');
  t.equal(strict.clause('6-b').verdict, 'FAIL');
  t.throws(() => loadLedger(undefined, { readings: { A64: 'literal' } }), { code: 'UNKNOWN_CLAUSE' });
  t.throws(() => loadLedger(undefined, { readings: { A04: 'litteral' } }), {
    message: /did you mean "literal"/,
  });
});

t.test('a broken ledger is refused with file, place and mend', async (t) => {
  type Data = { clauses: Record<string, unknown>[] };
  const broken = (name: string, change: (data: Data) => void) => {
    const files = Object.fromEntries(
      ['clauses', 'readings', 'keywords'].map((file) => {
        const data = readJson(join(ledgerDirectory, `${file}.json`)) as Data;
        if (file === name) change(data);
        return [`${file}.json`, JSON.stringify(data)];
      }),
    );
    return () => loadLedger(t.testdir(files));
  };
  const first = (data: Data) => data.clauses[0] as Record<string, unknown>;
  t.throws(
    broken('clauses', (data) => {
      first(data).verdikt = 'FAIL';
    }),
    {
      code: 'BAD_DATA',
      message: /clauses\.json: clauses\[0\] \(1-a\): unknown field "verdikt"; did you mean "verdict"\?/,
    },
  );
  t.throws(
    broken('clauses', (data) => {
      first(data).level = 'must';
    }),
    { message: /clauses\[0\] \(1-a\)\.level: expected one of "MUST", .*, got "must"/ },
  );
  t.throws(
    broken('clauses', (data) => {
      first(data).readings = ['A99'];
    }),
    { message: /no reading "A99"/ },
  );
  t.throws(
    broken('clauses', (data) => {
      first(data).readings = ['A01'];
    }),
    { message: /reading A01 does not name 1-a/ },
  );
  t.throws(
    broken('clauses', (data) => {
      data.clauses[1] = first(data);
    }),
    { message: /clauses\[1\]\.id: "1-a" stands twice/ },
  );
  t.throws(
    broken('keywords', (data) => {
      Object.assign(data, { keywords: [{ line: 181, keyword: 'SHOULD', clauses: ['2.2-a'] }] });
    }),
    { message: /keywords\[0\]\.clauses: the lines of clause 2\.2-a do not include line 181/ },
  );
  t.throws(() => loadLedger(t.testdir({})), { code: 'BAD_DATA', message: /clauses\.json: no such file/ });
  t.throws(() => loadLedger(t.testdir({ 'clauses.json': '{' })), {
    code: 'BAD_DATA',
    message: /clauses\.json: not JSON/,
  });
});

t.test('data errors list every problem', async (t) => {
  const problems = problemsOf('keywords.schema.json', {
    document: 1,
    keywords: [{ line: 0, keyword: 'MUST' }],
  });
  t.same(problems, [
    { path: 'document', message: 'expected a text, got 1' },
    { path: 'keywords[0]', message: 'missing field "clauses"' },
    { path: 'keywords[0].line', message: 'must be >= 1, got 0' },
  ]);
  const error = new DataError('x.json', problems);
  t.equal(error.message.split('\n')[1], 'x.json: keywords[0]: missing field "clauses"');
  t.throws(() => readValid('keywords.schema.json', join(ledgerDirectory, 'clauses.json')), DataError);
});

t.test('the schemas are schemas', async (t) => {
  for (const name of readdirSync(schemaDirectory)) {
    const schema = readJson(join(schemaDirectory, name)) as object;
    t.equal(new Ajv2020({ logger: false }).validateSchema(schema), true, name);
  }
});

t.test('a choice is explained by the form that comes nearest', async (t) => {
  const clauses = (level: unknown, lines: unknown) => ({ document: 'd', clauses: [{ level, lines }] });
  const messages = problemsOf('clauses.schema.json', clauses('SHOLD', [[1]])).map(({ message }) => message);
  t.ok(messages.some((message) => message.endsWith('did you mean "SHOULD"?')));
  const slip = problemsOf('keywords.schema.json', {
    document: 'd',
    keywords: [{ lines: 1, keyword: 'MAY', clauses: ['4.1-a'] }],
  });
  t.same(
    slip,
    [{ path: 'keywords[0]', message: 'unknown field "lines"; did you mean "line"?' }],
    'a slip is one problem',
  );
});

t.test('the closest name is found', async (t) => {
  t.equal(closest('verdcit', ['verdict', 'level']), 'verdict');
  t.equal(closest('Level', ['verdict', 'level']), 'level');
  t.equal(closest('colour', ['verdict', 'level']), undefined);
});

// The draft itself is not part of the project: say where it is to compare with it.
/** Blank lines, and the first and last line of each page. */
const pageFurniture = /^\s*$|^\s*<.*>\s+(\d+|<August> <2003>)\s*$/;
const draftFile = process.env.DSMIP_DRAFT;
t.test(
  'compared with the draft',
  { skip: draftFile === undefined && 'DSMIP_DRAFT is not set' },
  async (t) => {
    const text = readFileSync(draftFile as string, 'utf8');
    t.equal(
      createHash('sha256').update(text).digest('hex'),
      ledger.sha256,
      'it is the copy whose lines are counted',
    );
    const lines = text.split('\n');
    const found = lines.flatMap((text, n) => {
      const words = text.match(/\b(MUST NOT|MUST|SHOULD NOT|SHOULD|SHOLD|MAY|REQUIRED)\b/g) ?? [];
      return words.map((word) => `${n + 1} ${word}`);
    });
    const listed = ledger.keywords.filter(({ lowerCase }) => !lowerCase);
    t.same(
      listed.map(({ line, keyword }) => `${line} ${keyword}`),
      found,
      'every keyword is listed at its line',
    );
    for (const { line, keyword } of ledger.keywords) t.match(lines[line - 1], keyword);
    for (const { id, lines: stretches } of ofDraft) {
      const empty = stretches.flat().filter((line) => pageFurniture.test(lines[line - 1] ?? ''));
      t.same(empty, [], `${id} begins and ends on lines with text`);
    }

    const shingles = new Set(stretchesOf(lines.filter((line) => !pageFurniture.test(line)).join('\n')));
    const texts = ['clauses', 'readings'].flatMap((file) =>
      textsIn(readJson(join(ledgerDirectory, `${file}.json`))),
    );
    const copied = texts.flatMap(stretchesOf).filter((stretch) => shingles.has(stretch));
    t.same(copied, [], "no eight words in a row are the draft's");
  },
);

function stretchesOf(text: string): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return words.slice(7).map((_, n) => words.slice(n, n + 8).join(' '));
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
