/** `dsmip explain`: a clause, a vector, a reading, a deviation or a word of reports in prose. */

import { labelled } from '../../reports/text/layout.ts';
import { type Deviation, deviations } from '../agents/deviations.ts';
import { stepWords } from '../engine/describe.ts';
import { closest } from '../vectors/closest.ts';
import {
  type Aspect,
  type Clause,
  type Ledger,
  type Level,
  type Reading,
  sectionName,
} from '../vectors/ledger.ts';
import type { Step, TestCase } from '../vectors/types.ts';
import { loadCatalogue } from './catalogue.ts';
import { UsageError } from './errors.ts';
import { judgedIn } from './select.ts';

const width = Math.min(Math.max(process.stdout.columns ?? 100, 60), 110);

const consequences = {
  FAIL: 'breaking it is a FAIL',
  WARN: 'breaking it is a WARN, under --strict a FAIL',
  INFO: 'what is seen is recorded, nothing is judged',
} as const;
const classes = {
  T: 'judged by test',
  TP: 'judged by test when the profile says what it needs',
  O: 'recorded only',
  X: 'cannot be seen from outside',
} as const;
const fromRfc = 'said by RFC 3344 or its kin, not by the draft';
const levels: { readonly [level in Level]: string } = {
  MUST: 'required by the draft in this word',
  'MUST (base)': `required, ${fromRfc}`,
  SHOULD: 'recommended by the draft in this word',
  'SHOULD (base)': `recommended, ${fromRfc}`,
  'SHOULD NOT': 'advised against by the draft in these words',
  MAY: 'permitted by the draft in this word',
  should: 'written in lower case in the draft',
  could: 'written in lower case in the draft',
  REQ: 'called "required" by the draft',
  FMT: 'a format or a code value',
  BEHAV: 'behaviour that the draft states without a keyword',
  INFO: 'describes or assumes something',
  NONE: 'stated nowhere in the draft',
};
/** What the words of reports mean, by word. */
const words: { readonly [word: string]: readonly string[] } = {
  ...mapped(levels, (text) => [`a level of clauses: ${text}`]),
  ...mapped(classes, (text) => [`a class of clauses: ${text}`]),
  INFO: [`a level of clauses: ${levels.INFO}`, 'a verdict: what was seen is recorded, nothing is judged'],
  PASS: ['a verdict: every expectation held'],
  FAIL: ['a verdict: what the device has to do was not so'],
  WARN: ['a verdict: what the device should do was not so; FAIL under --strict'],
  INCONCLUSIVE: ['a verdict: the preamble or a control did not hold, so nothing can be said of the clause'],
  'NOT APPLICABLE': ['a verdict: the profile does not claim what the test is about'],
  ERROR: ['a verdict: the harness itself failed'],
};

function mapped<T, U>(of: { readonly [name: string]: T }, work: (one: T) => U): { [name: string]: U } {
  return Object.fromEntries(Object.entries(of).map(([name, one]) => [name, work(one)]));
}

/** Run the command. Throws UsageError for what there is not. */
export function explainCommand(what: string): void {
  const { ledger, tests } = loadCatalogue();
  const lines = explain(what, ledger, tests);
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The prose, a line an entry. Throws UsageError with what is near. */
export function explain(what: string, ledger: Ledger, tests: readonly TestCase[]): string[] {
  const clause = ledger.clauses.get(what.split('#')[0] ?? '');
  if (clause !== undefined) return clauseProse(clause, ledger, tests);
  if (Object.hasOwn(words, what)) return wordProse(what, ledger);
  const reading = ledger.readings.get(what);
  if (reading !== undefined) return readingProse(reading, tests);
  const named = [...deviations].filter(([name]) => name === what || name.endsWith(`/${what}`));
  if (named.length > 0) return named.flatMap(([name, deviation]) => deviationProse(name, deviation, tests));
  const inSection = [...ledger.clauses.values()].filter((one) => sectionName(one) === what);
  if (inSection.length > 0)
    return inSection.flatMap((one) => labelled(`${one.id.padEnd(8)} `, one.requires, width));
  const chosen = tests.filter(
    ({ id }) => id === what || id.startsWith(`${what}/`) || id.startsWith(`${what}@`),
  );
  if (chosen.length > 0) return vectorProse(what, chosen);
  const names = [
    ...ledger.clauses.keys(),
    ...ledger.readings.keys(),
    ...Object.keys(words),
    ...deviations.keys(),
    ...tests.flatMap(({ id }) => [id, ...id.split(/[/@]/).slice(0, 1)]),
  ];
  const meant = closest(what, names);
  throw new UsageError(
    `there is no clause, section, vector, reading, deviation or word of reports "${what}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
  );
}

function wordProse(word: string, ledger: Ledger): string[] {
  const own = [...ledger.clauses.values()].filter((one) => one.level === word || one.class === word);
  return [
    ...(words[word] ?? []).flatMap((text) => labelled(`${word}: `, text, width)),
    ...(own.length === 0 ? [] : labelled('  Clauses: ', own.map(({ id }) => id).join(' '), width)),
  ];
}

const ranges = (lines: Clause['lines']): string =>
  lines.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(', ');

function clauseProse(clause: Clause, ledger: Ledger, tests: readonly TestCase[]): string[] {
  const where =
    clause.section === 'base'
      ? `base check (${clause.sources.join(', ')})`
      : `section ${clause.section}, lines ${ranges(clause.lines)}`;
  const lines = [
    `${clause.id}: ${clause.level}, ${where}; binds the ${clause.roles.join(', ')}`,
    ...labelled('  ', clause.requires, width),
    ...labelled(
      '  ',
      `Class ${clause.class}, ${classes[clause.class]}; ${consequences[clause.verdict]}.`,
      width,
    ),
  ];
  if (clause.section !== 'base' && clause.sources.length > 0) {
    lines.push(...labelled('  Behind it: ', clause.sources.join(', '), width));
  }
  if (clause.note !== undefined) lines.push(...labelled('  Note: ', clause.note, width));
  if (clause.unseen !== undefined) lines.push(...labelled('  Not seen from outside: ', clause.unseen, width));
  if (clause.governedBy.length > 0) lines.push(`  Carried by ${clause.governedBy.join(', ')}`);
  for (const [name, aspect] of Object.entries(clause.aspects)) {
    lines.push(...aspectProse(clause, name, aspect));
  }
  const rests = [
    ...clause.readings,
    ...Object.values(clause.aspects).flatMap((aspect) => aspect.readings ?? []),
  ];
  for (const id of new Set(rests)) {
    const reading = ledger.readings.get(id);
    if (reading !== undefined) lines.push(...labelled(`  Reading ${id}: `, reading.reading, width));
  }
  const judging = tests.filter((test) => test.clauses.includes(clause.id));
  lines.push(judging.length === 0 ? '  No vector judges it.' : '  Judged by:');
  for (const [vector, count] of byVector(judging))
    lines.push(...labelled('    ', `${vector}${count}`, width));
  return lines;
}

function aspectProse(clause: Clause, name: string, aspect: Aspect): string[] {
  const level = aspect.level ?? clause.level;
  return labelled(
    `  ${clause.id}#${name}: `,
    `${aspect.requires} (${level}; ${consequences[aspect.verdict]})`,
    width,
  );
}

/** Vectors with their titles, and how many tests each stands for. */
function byVector(tests: readonly TestCase[]): Map<string, string> {
  const found = new Map<string, TestCase[]>();
  for (const test of tests) {
    const vector = test.id.split(/[/@]/)[0] as string;
    found.set(vector, [...(found.get(vector) ?? []), test]);
  }
  const title = (test: TestCase): string =>
    test.id.includes('/') ? (test.title.split(': ')[0] as string) : test.title;
  return new Map(
    [...found].map(([vector, own]) => [vector, ` (${own.length} tests): ${title(own[0] as TestCase)}`]),
  );
}

function readingProse(reading: Reading, tests: readonly TestCase[]): string[] {
  const uses = tests.filter((test) =>
    test.body.some((step) =>
      step.kind === 'expect'
        ? step.checks.some((check) => check.reading === reading.id)
        : 'reading' in step && step.reading === reading.id,
    ),
  );
  return [
    `${reading.id}: ${reading.where.join(', ')}${reading.settled ? '; settled' : ''}`,
    ...labelled('  The draft: ', reading.problem, width),
    ...labelled('  Read here: ', reading.reading, width),
    ...labelled('  RFC 5454: ', reading.successor, width),
    `  Clauses: ${reading.clauses.join(' ') || 'none'}`,
    ...reading.alternatives.flatMap(({ name, reading: text, verdicts }) => [
      ...labelled(`  --reading ${reading.id}=${name}: `, text, width),
      ...Object.entries(verdicts).map(([id, verdict]) => `    ${id}: ${consequences[verdict]}`),
    ]),
    ...(uses.length === 0 ? [] : ['  Named by:']),
    ...[...byVector(uses)].flatMap(([vector, rest]) => labelled('    ', `${vector}${rest}`, width)),
  ];
}

function deviationProse(name: string, deviation: Deviation, tests: readonly TestCase[]): string[] {
  const killers = tests.filter((test) => test.kills.includes(name));
  const [agent] = name.split('/');
  return [
    `${name}: breaks ${deviation.clause}`,
    ...labelled('  ', deviation.breaks, width),
    `  dsmip agent ${agent} --config FILE --deviate ${name}`,
    killers.length === 0 ? '  No vector catches it.' : '  Caught by:',
    ...killers.map(({ id }) => `    ${id}`),
  ];
}

function vectorProse(what: string, tests: readonly TestCase[]): string[] {
  const [test] = tests;
  if (test === undefined) return [];
  const lines = [
    `${test.id}`,
    ...labelled('  ', test.title, width),
    `  ${test.role}, position ${test.position}; ${test.file}`,
    `  Applies when: ${test.requires}`,
    ...labelled('  Judges: ', judgedIn(test).join(' '), width),
    ...(test.kills.length === 0 ? [] : labelled('  Catches: ', test.kills.join(' '), width)),
    ...partProse('Preamble', test.preamble),
    ...partProse('Body', test.body),
    ...partProse('Postamble', test.postamble),
  ];
  if (tests.length > 1) {
    lines.push(`  Other tests of ${what}:`);
    for (const other of tests.slice(1)) lines.push(...labelled('    ', `${other.id}: ${other.title}`, width));
  }
  return lines;
}

function partProse(name: string, steps: readonly Step[]): string[] {
  if (steps.length === 0) return [];
  return [`  ${name}:`, ...steps.flatMap((step, at) => stepProse(step, `    ${at + 1}. `))];
}

function stepProse(step: Step, label: string): string[] {
  const indent = ' '.repeat(label.length);
  const lines = labelled(label, stepWords(step), width);
  const clauses = (list: readonly string[], reading: string | undefined): string =>
    `judges ${list.join(' ')}${reading === undefined ? '' : ` (reading ${reading})`}`;
  if (step.kind === 'expect') {
    if (step.control) lines.push(`${indent}a control: when it does not hold, nothing is judged`);
    else
      lines.push(...labelled(indent, clauses(step.checks[0]?.clauses ?? [], step.checks[0]?.reading), width));
    for (const check of step.checks.slice(1)) {
      const words = stepWords({ ...step, checks: [check] }).replace(
        /^at .*? expect /,
        'and of the same frame: ',
      );
      lines.push(...labelled(indent, `${words}; ${clauses(check.clauses, check.reading)}`, width));
    }
  }
  if (step.kind === 'silence' || step.kind === 'record') {
    const isControl = step.kind === 'silence' && step.control;
    lines.push(
      ...(isControl ? [`${indent}a control`] : labelled(indent, clauses(step.clauses, step.reading), width)),
    );
    const how = step.kind === 'silence' ? 'sent twice' : 'sent';
    for (const inner of step.stimulus) lines.push(...stepProse(inner, `${indent}- ${how}: `));
    for (const inner of step.barrier) lines.push(...stepProse(inner, `${indent}- barrier: `));
  }
  return lines;
}
