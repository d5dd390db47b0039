/** Which tests a run is about. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { closest } from '../vectors/closest.ts';
import { type Ledger, sectionName } from '../vectors/ledger.ts';
import { projectRoot } from '../vectors/load.ts';
import { judgedBy, roles, type TestCase } from '../vectors/types.ts';
import { UsageError } from './errors.ts';

/** The filters of the command line; each narrows the selection. */
export interface Selection {
  role?: string;
  clause?: string;
  vector?: string;
  level?: string;
}

/** The filters that are set, for the results. */
export function selectionOf(options: Selection): { [name: string]: string } {
  const { role, clause, vector, level } = options;
  const set = Object.entries({ role, clause, vector, level }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(set);
}

/** What the body of a test judges, with aspects: `4.3-f`, `3.3-a#reserved`. */
export const judgedIn = (test: TestCase): string[] => [...new Set(test.body.flatMap(judgedBy))];

/** Levels of what a test judges. */
export function levelsOf(test: TestCase, ledger: Ledger): string[] {
  return [...new Set(judgedIn(test).map((reference) => ledger.clause(reference).level))];
}

function fitsClause(test: TestCase, wanted: string, ledger: Ledger): boolean {
  if (wanted.includes('#')) return judgedIn(test).includes(wanted);
  return test.clauses.some((id) => {
    const section = sectionName(ledger.clause(id));
    return id === wanted || section === wanted || section.startsWith(`${wanted}.`);
  });
}

const fitsVector = (id: string, wanted: string): boolean =>
  id === wanted || id.startsWith(`${wanted}/`) || id.startsWith(`${wanted}@`);

/**
 * The selected tests, in their order. Throws UsageError, or UnknownClauseError, for a filter that is mistyped or
 * leaves nothing.
 */
export function select(tests: readonly TestCase[], ledger: Ledger, selection: Selection): TestCase[] {
  const { role, clause, vector, level } = selection;
  let left = [...tests];
  const narrow = (
    filter: string,
    value: string,
    fits: (test: TestCase) => boolean,
    known: string[],
    why: string,
  ): void => {
    const kept = left.filter(fits);
    if (kept.length === 0) {
      const meant = closest(value, known);
      const few = known.length <= 12 && !known.includes(value) ? `; there are ${known.join(', ')}` : '';
      const hint = meant === undefined || meant === value ? few : `; did you mean "${meant}"?`;
      throw new UsageError(`--${filter} ${value} selects no test: ${why}${hint}`);
    }
    left = kept;
  };
  if (left.length === 0) throw new UsageError('there are no vectors to run');
  const oneOf = (value: string, known: readonly string[], why: string): string =>
    known.includes(value) ? why : `there are ${known.join(', ')}`;
  if (role !== undefined)
    narrow(
      'role',
      role,
      (test) => test.role === role,
      [...roles],
      oneOf(role, roles, 'no vector has this role'),
    );
  if (clause !== undefined) {
    const sections = new Set([...ledger.clauses.values()].map(sectionName));
    const isSection =
      sections.has(clause) || [...sections].some((section) => section.startsWith(`${clause}.`));
    if (!isSection) ledger.clause(clause);
    narrow(
      'clause',
      clause,
      (test) => fitsClause(test, clause, ledger),
      [],
      'no vector of this selection judges it',
    );
  }
  if (level !== undefined) {
    const levels = [...new Set([...ledger.clauses.values()].map((one) => one.level))];
    narrow(
      'level',
      level,
      (test) => levelsOf(test, ledger).includes(level),
      levels,
      oneOf(level, levels, 'no vector of this selection judges a clause of this level'),
    );
  }
  if (vector !== undefined) {
    const names = tests.flatMap(({ id }) => [id, id.split('@')[0] as string, id.split('/')[0] as string]);
    narrow(
      'vector',
      vector,
      (test) => fitsVector(test.id, vector),
      names,
      'no vector of this selection has this id',
    );
  }
  return left;
}

/** Playwright's own that make sense beside ours. */
const reporters = ['list', 'line', 'dot', 'json', 'junit', 'html', 'blob', 'github', 'null'];

/** `list,html` as given to --reporter: Playwright's own names, or modules. Throws UsageError. */
export function checkReporters(given: string): string {
  const { resolve } = createRequire(join(projectRoot, 'playwright.config.ts'));
  for (const name of given.split(',').filter((one) => one !== '' && !reporters.includes(one))) {
    try {
      resolve(name);
    } catch {
      const meant = closest(name, reporters);
      throw new UsageError(
        `--reporter ${name}: there are ${reporters.join(', ')}, or name a file or package that is one${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      );
    }
  }
  return given;
}

/** `A04=literal` as given to --reading. Throws UsageError or UnknownClauseError. */
export function readingsOf(given: readonly string[]): { [reading: string]: string } {
  const readings: { [reading: string]: string } = {};
  for (const one of given) {
    const [id, name, ...rest] = one.split('=');
    if (id === undefined || id === '' || name === undefined || name === '' || rest.length > 0) {
      throw new UsageError(`--reading ${one} is not of the form A04=name`);
    }
    readings[id] = name;
  }
  return readings;
}
