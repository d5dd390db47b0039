/** The suites with their ledgers and vectors, loaded the way every command loads them. */
import { deviations } from '../agents/deviations.ts';
import { fault } from '../vectors/errors.ts';
import { type Ledger, loadLedger, mergedLedger, UnknownClauseError } from '../vectors/ledger.ts';
import { loadVectors, projectRoot } from '../vectors/load.ts';
import { allSuites, type Suite, suiteNamed } from '../vectors/suites.ts';
import type { TestCase } from '../vectors/types.ts';

/** A suite as it was loaded. */
export interface LoadedSuite {
  suite: Suite;
  ledger: Ledger;
  tests: TestCase[];
  /** How many fragments it has of its own. */
  fragments: number;
}

export interface Catalogue {
  suites: readonly LoadedSuite[];
  /** All of them taken together; ids are never shared. */
  ledger: Ledger;
  tests: TestCase[];
}

type Readings = { readonly [reading: string]: string };

/**
 * Load suites (all of them when none are named). Readings change what a broken clause means, never what a vector does. Throws DataError
 * for data that is wrong, UnknownSuiteError, and UnknownClauseError for a reading that no suite has.
 */
export function loadCatalogue(readings: Readings = {}, names?: readonly string[]): Catalogue {
  const suites = (names === undefined ? allSuites() : names.map(suiteNamed)).map((suite) =>
    loadSuite(suite, readings),
  );
  const ledger = mergedLedger(suites.map((one) => one.ledger));
  for (const id of Object.keys(readings))
    if (!ledger.readings.has(id)) throw new UnknownClauseError('reading', id, ledger.readings.keys());
  checkAcross(suites);
  return { suites, ledger, tests: suites.flatMap(({ tests }) => tests) };
}

/** Throws as loadCatalogue does. */
export const suiteOf = (name: string, readings: Readings = {}): LoadedSuite =>
  loadSuite(suiteNamed(name), readings);

/** The suite of a document, as results name it. Throws Error when there is none. */
export function suiteOfDocument(document: string, readings: Readings = {}): LoadedSuite {
  const suite = allSuites().find(({ directory }) => loadLedger(directory).document === document);
  if (suite === undefined) throw new Error(`there is no suite of ${document}`);
  return loadSuite(suite, readings);
}

/** The ledger of a suite under some readings, as far as it has them. */
export function ledgerUnder({ directory }: Suite, readings: Readings): Ledger {
  const settled = loadLedger(directory);
  const own = Object.fromEntries(Object.entries(readings).filter(([id]) => settled.readings.has(id)));
  return Object.keys(own).length === 0 ? settled : loadLedger(directory, { readings: own });
}

function loadSuite(suite: Suite, readings: Readings): LoadedSuite {
  const { directory, fragmentsFrom } = suite;
  const { tests, fragments } = loadVectors({
    ledger: loadLedger(directory),
    deviations: new Set(deviations.keys()),
    directory,
    ...(fragmentsFrom === undefined ? {} : { fragmentsFrom }),
  });
  return { suite, ledger: ledgerUnder(suite, readings), tests, fragments };
}

/** Ids of tests and clauses are those of one suite, and what a clause rests on is there. */
function checkAcross(suites: readonly LoadedSuite[]): void {
  const seen = new Map<string, string>();
  const clauses = new Set(suites.flatMap(({ ledger }) => [...ledger.clauses.keys()]));
  const isWhole = suites.length === allSuites().length;
  for (const { suite, ledger, tests } of suites) {
    const file = `${suite.directory.slice(projectRoot.length)}/clauses.json`;
    for (const clause of ledger.clauses.values()) {
      if (seen.has(clause.id)) throw fault(file, clause.id, `is a clause of ${seen.get(clause.id)} as well`);
      seen.set(clause.id, suite.name);
      const missing = clause.restsOn.find((id) => isWhole && !clauses.has(id));
      if (missing !== undefined) throw fault(file, `${clause.id}.restsOn`, `there is no clause "${missing}"`);
    }
    for (const { id, file: own } of tests) {
      if (seen.has(id)) throw fault(own, 'id', `"${id}" is a test of the suite ${seen.get(id)} as well`);
      seen.set(id, suite.name);
    }
  }
}
