/** Reads the vectors of a draft: schema, expansion, and every check that can be made without a device. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { closest } from './closest.ts';
import { fault } from './errors.ts';
import { expandJson, type Fragment, type Fragments, readSteps, type Scope } from './expand.ts';
import { ExpressionError } from './expression.ts';
import { checkIcsExpression } from './ics.ts';
import type { JudgedClause, Ledger } from './ledger.ts';
import { isKnownReference, referenceNames, referencesIn } from './references.ts';
import { problemsOf, readValid } from './schema.ts';
import { draftSuite, projectRoot, suiteNamed } from './suites.ts';
import {
  type ForBoth,
  type Json,
  type JsonObject,
  judgedBy,
  type MobileNodeNeeds,
  type Position,
  positionsOf,
  type Role,
  roles,
  type Step,
  type TestCase,
} from './types.ts';

export { projectRoot } from './suites.ts';

interface Row {
  id: string;
  title: string;
  requires?: string;
  positions?: Position[];
  kills?: Json[];
  needs?: MobileNodeNeeds;
  with?: JsonObject;
}

interface VectorFile {
  id: string;
  title: string;
  role: Role;
  positions: Position[];
  requires?: string;
  kills?: Json[];
  needs?: MobileNodeNeeds;
  parameters?: JsonObject;
  cases?: Row[];
  preamble?: Json[];
  body: Json[];
  postamble?: Json[];
  /** False: the mobile nodes do not deregister (are not restarted) first. */
  prelude?: boolean;
}

export interface LoadOptions {
  ledger: Ledger;
  /** Names of the deviations that exist; left out, `kills` are not checked. */
  deviations?: ReadonlySet<string>;
  /** Folder of the suite; the draft's when left out. */
  directory?: string;
  /** Folder of the suite whose fragments are used besides. */
  fragmentsFrom?: string;
}

export interface VectorSet {
  tests: TestCase[];
  /** How many fragments there are. */
  fragments: number;
}

/** The fragments of a folder, those common to all roles among them, and which of them were used. */
interface FragmentShelf {
  fragments: Fragments;
  use(name: string): void;
  /** What is the same for every vector, by position. */
  common: Map<Position, Common>;
}

/** Steps of a test that are not its own. */
type Common = Pick<TestCase, 'warmUp' | 'liveness' | 'prelude'>;

/** Load every vector. Throws DataError naming file, place and mend; at the first file that is wrong. */
export function loadVectors(options: LoadOptions): VectorSet {
  const directory = options.directory ?? suiteNamed(draftSuite).directory;
  const { fragmentsFrom } = options;
  const borrowed = (folder: string): Map<string, Fragment> =>
    fragmentsFrom === undefined ? new Map() : readFragments(join(fragmentsFrom, folder));
  const common = readFragments(directory);
  const commonBorrowed = borrowed('');
  const used = new Set<string>();
  const tests: TestCase[] = [];
  const ids = new Map<string, string>();
  const shelves: { file: string; names: string[] }[] = [
    { file: join(directory, fragmentsFile), names: [...common.keys()].map((name) => `/${name}`) },
  ];
  for (const role of roles) {
    const folder = join(directory, role);
    if (!existsSync(folder)) continue;
    const own = readFragments(folder);
    const others = new Map([...commonBorrowed, ...borrowed(role)]);
    for (const name of own.keys()) {
      if (common.has(name) || others.has(name))
        throw fault(
          relative(projectRoot, join(folder, fragmentsFile)),
          `fragments.${name}`,
          `is a ${common.has(name) ? 'common' : 'borrowed'} fragment as well: give one of them another name`,
        );
    }
    shelves.push({
      file: join(folder, fragmentsFile),
      names: [...own.keys()].map((name) => `${role}/${name}`),
    });
    const shelf: FragmentShelf = {
      fragments: new Map([...others, ...common, ...own]),
      use: (name) => used.add(own.has(name) ? `${role}/${name}` : `/${name}`),
      common: new Map(),
    };
    for (const file of vectorFiles(folder)) {
      const name = relative(projectRoot, file);
      const vector = readValid<VectorFile>('vector.schema.json', file);
      if (vector.role !== role) throw fault(name, 'role', `has to be "${role}", as the folder is`);
      const before = ids.get(vector.id);
      if (before !== undefined)
        throw fault(name, 'id', `"${vector.id}" is taken by ${before}; ids are never shared or reused`);
      ids.set(vector.id, name);
      for (const test of testsOf(vector, name, shelf)) {
        check(test, options);
        tests.push(test);
      }
    }
  }
  for (const { file, names } of shelves) {
    const idle = names.filter((name) => !used.has(name)).map((name) => name.slice(name.indexOf('/') + 1));
    if (idle.length > 0)
      throw fault(
        relative(projectRoot, file),
        'fragments',
        `no vector uses ${idle.join(', ')}: use or delete`,
      );
  }
  return { tests, fragments: shelves.reduce((sum, { names }) => sum + names.length, 0) };
}

const fragmentsFile = 'fragments.json';

function readFragments(folder: string): Map<string, Fragment> {
  const file = join(folder, fragmentsFile);
  if (!existsSync(file)) return new Map();
  const { fragments } = readValid<{ fragments: { [name: string]: Fragment } }>('fragments.schema.json', file);
  return new Map(Object.entries(fragments));
}

function vectorFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json') && name !== fragmentsFile)
    .sort()
    .map((name) => join(folder, name));
}

function testsOf(vector: VectorFile, file: string, shelf: FragmentShelf): TestCase[] {
  const rows: (Row | undefined)[] = vector.cases ?? [undefined];
  const seen = new Set<string>();
  const tests: TestCase[] = [];
  for (const [at, row] of rows.entries()) {
    if (row !== undefined && seen.has(row.id))
      throw fault(file, `cases[${at}].id`, `"${row.id}" stands twice in the table`);
    if (row !== undefined) seen.add(row.id);
    for (const name of Object.keys(row?.with ?? {})) {
      if (!(name in (vector.parameters ?? {}))) {
        throw fault(
          file,
          `cases[${at}].with.${name}`,
          'is not among the "parameters" of the vector: add it there with its default',
        );
      }
    }
    for (const position of row?.positions ?? vector.positions) {
      const own: readonly Position[] = positionsOf[vector.role];
      if (!own.includes(position))
        throw fault(
          file,
          'positions',
          `"${position}" is no position towards a ${vector.role} (there are: ${own.join(', ')})`,
        );
      tests.push(testOf(vector, row, position, file, shelf));
    }
  }
  return tests;
}

function testOf(
  vector: VectorFile,
  row: Row | undefined,
  position: Position,
  file: string,
  shelf: FragmentShelf,
): TestCase {
  const { fragments } = shelf;
  const bare = bareScope(file, position, shelf);
  const given: JsonObject = { ...vector.parameters, ...row?.with };
  const scope: Scope = { ...bare, parameters: expandJson(given, fragments, bare, 'with') as JsonObject };
  const steps = (part: Part): Step[] => expanded(vector[part] ?? [], part, part, fragments, scope);
  const killed = expandJson(
    [...(vector.kills ?? []), ...(row?.kills ?? [])],
    fragments,
    scope,
    'kills',
  ) as string[];
  const body = steps('body');
  const expressions = [vector.requires, row?.requires, ...positionRequires(position)].filter(
    (one) => one !== undefined,
  );
  return {
    id: `${vector.id}${row === undefined ? '' : `/${row.id}`}@${position}`,
    file,
    title: row === undefined ? vector.title : `${vector.title}: ${row.title}`,
    role: vector.role,
    position,
    requires:
      expressions.length === 1
        ? (expressions[0] as string)
        : expressions.map((one) => `(${one})`).join(' and ') || 'true',
    clauses: clausesOf(body),
    kills: [...new Set(killed)].sort(),
    needs: { ...vector.needs, ...row?.needs },
    preamble: steps('preamble'),
    body,
    postamble: steps('postamble'),
    ...commonOf(position, file, shelf),
    ...(vector.prelude === false ? { withoutPrelude: true } : {}),
  };
}

type Part = 'preamble' | 'body' | 'postamble';

const bareScope = (file: string, position: Position, { use }: FragmentShelf): Scope => ({
  file,
  parameters: {},
  position,
  within: [],
  used: use,
});

/** What was looked at before: many tests share their steps. */
const validSteps = new Set<string>();

function expanded(source: Json[], path: string, part: Part, fragments: Fragments, scope: Scope): Step[] {
  const { file } = scope;
  const list = expandJson(source, fragments, scope, path) as JsonObject[];
  // Parameters may have brought in what the schema could not see before.
  for (const [at, step] of list.entries()) {
    const text = JSON.stringify(step);
    if (validSteps.has(text)) continue;
    const [problem] = problemsOf('vector.schema.json#/$defs/step', step);
    if (problem !== undefined)
      throw fault(file, `${path}[${at}] (expanded).${problem.path}`, problem.message);
    validSteps.add(text);
  }
  return readSteps(list, file, path, part);
}

function commonOf(position: Position, file: string, shelf: FragmentShelf): Common {
  const known = shelf.common.get(position);
  if (known !== undefined) return known;
  const scope = bareScope(file, position, shelf);
  const of = (use: string, given: JsonObject = {}): Step[] =>
    expanded([{ use, with: given }], use, 'preamble', shelf.fragments, scope);
  const forBoth = (use: string, more: JsonObject = {}): ForBoth => ({
    mn: of(use, { ...more, who: 'mn' }),
    other: of(use, { ...more, who: 'other' }),
  });
  const common: Common = {
    warmUp: of('warm-up'),
    liveness: [forBoth('liveness', { ipv6: true }), forBoth('liveness', { ipv6: false })],
    prelude: forBoth('prelude'),
  };
  shelf.common.set(position, common);
  return common;
}

/** What a position by itself asks of the device. */
function positionRequires(position: Position): string[] {
  if (position === 'foreign-agent-secured' || position === 'visited-link-secured')
    return ['foreignHomeSecurity'];
  if (position === 'listener') return ['advertises'];
  if (position === 'behind-foreign-agent') return ['foreignAgents'];
  if (position === 'without-foreign-agent') return ['colocated'];
  if (position === 'home-link') return ["homeNetwork == 'link'"];
  return [];
}

const clausesOf = (steps: Step[]): string[] => [
  ...new Set(steps.flatMap(judgedBy).map((reference) => reference.split('#')[0] as string)),
];

/** The letters of the positions in which the ledger has a clause observed; P is beside any agent. */
const letters: { readonly [role in Role]: string } = {
  'home-agent': 'HP',
  'foreign-agent': 'FP',
  'mobile-node': 'M',
  scenario: 'HFMP',
};

/** A clause is judged of whom it binds, and where the ledger says that it shows. In a scenario every agent takes part. */
const isJudgedIn = ({ roles, positions }: JudgedClause, role: Role): boolean =>
  role === 'scenario' ||
  roles.some((one) => one === role) ||
  positions.some((position) => letters[role].includes(position.charAt(0)));

function check(test: TestCase, options: LoadOptions): void {
  const { file } = test;
  for (const step of test.body) {
    for (const reference of judgedBy(step)) {
      try {
        const clause = options.ledger.clause(reference);
        if (!isJudgedIn(clause, test.role))
          throw new Error(
            `"${reference}" binds the ${clause.roles.join(' and the ')}, and is not to be seen of a ${test.role}`,
          );
        if (step.kind === 'record' && clause.verdict !== 'INFO' && step.wanted === undefined) {
          throw new Error(
            `"${reference}" is judged (${clause.verdict}), so it needs "expect" or "silence", or "wanted" in its "record"`,
          );
        }
      } catch (error) {
        throw fault(file, step.path, (error as Error).message);
      }
    }
    const readings =
      step.kind === 'expect' || step.kind === 'every'
        ? step.checks.map((one) => one.reading)
        : 'reading' in step
          ? [step.reading]
          : [];
    for (const reading of readings) {
      if (reading !== undefined && !options.ledger.readings.has(reading))
        throw fault(file, step.path, `there is no reading "${reading}"`);
    }
  }
  if (test.clauses.length === 0) throw fault(file, 'body', 'judges no clause');
  try {
    checkIcsExpression(test.requires, test.role);
  } catch (error) {
    if (error instanceof ExpressionError) throw fault(file, 'requires', error.message);
    throw error;
  }
  for (const name of test.kills) {
    if (options.deviations !== undefined && !options.deviations.has(name)) {
      const meant = closest(name, [...options.deviations]);
      throw fault(
        file,
        'kills',
        `there is no deviation "${name}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      );
    }
  }
  checkReferences(test);
  checkLabels(test);
  for (const step of [...test.preamble, ...test.body, ...test.postamble]) {
    if (test.role !== 'scenario' && ['move', 'transfer', 'every'].includes(step.kind))
      throw fault(file, step.path, `"${step.kind}" has its place in a scenario only`);
  }
}

function checkReferences(test: TestCase): void {
  const captured = new Set<string>();
  const visit = (steps: Step[]): void => {
    for (const step of steps) {
      const nested = step.kind === 'silence' || step.kind === 'record';
      // What the steps within capture may be asked for by the patterns around them.
      if (nested) visit([...step.stimulus, ...step.barrier]);
      const own = nested ? { ...step, stimulus: [], barrier: [] } : step;
      for (const { name, path } of referencesIn(own as unknown as Json, step.path)) {
        if (!isKnownReference(name)) {
          const meant = closest(name, Object.keys(referenceNames));
          throw fault(
            test.file,
            path,
            `there is no "$${name}"${meant === undefined ? '' : `; did you mean "$${meant}"?`}`,
          );
        }
        if (name.startsWith('captured.') && !captured.has(name.slice(9))) {
          throw fault(test.file, path, `"$${name}" is captured by no step before this one`);
        }
      }
      if (step.kind === 'expect') for (const name of Object.keys(step.capture)) captured.add(name);
    }
  };
  visit([...test.preamble, ...test.body, ...test.postamble]);
}

function checkLabels(test: TestCase): void {
  const labels = new Set<string>();
  const need = (label: string | undefined, step: Step): void => {
    if (label !== undefined && !labels.has(label))
      throw fault(test.file, step.path, `no step before this one is named "${label}" ("as")`);
  };
  const visit = (steps: Step[]): void => {
    for (const step of steps) {
      if (step.kind === 'silence' || step.kind === 'record') visit([...step.stimulus, ...step.barrier]);
      if (step.kind === 'expect') need(step.answers, step);
      if ('since' in step) need(step.since, step);
      if ('until' in step) need(step.until?.since, step);
      if (step.kind === 'record') need(step.answers, step);
      if ('as' in step && step.as !== undefined) labels.add(step.as);
    }
  };
  const prelude = test.withoutPrelude === true ? [] : test.prelude.mn;
  visit([...prelude, ...test.preamble, ...test.body, ...test.postamble]);
}
