/** The suites: what is tested, each a folder of `vectors/` with a ledger of its own. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { closest } from './closest.ts';
import { readValid } from './schema.ts';

/** Root of the project: paths in messages and results are relative to it. */
export const projectRoot = fileURLToPath(new URL('../../', import.meta.url));

export interface Suite {
  /** As `--suite` takes it. */
  readonly name: string;
  readonly title: string;
  /** Where its ledger and its vectors are. */
  readonly directory: string;
  /** Folder of the suite whose fragments its vectors use besides their own. */
  readonly fragmentsFrom?: string;
  /** It is run only when it is asked for. */
  readonly onDemand?: boolean;
  /** Its tests may stop a device: no other runs meanwhile. */
  readonly oneAtATime?: boolean;
  /** Place in a run: a suite on which another rests comes first. */
  readonly order: number;
}

/** No suite has this name. */
export class UnknownSuiteError extends Error {
  readonly code = 'UNKNOWN_SUITE';
}

const folder = join(projectRoot, 'vectors');

/** The suite of the draft. */
export const draftSuite = 'draft';

let known: readonly Suite[] | undefined;

/** Every suite, in the order of a run. Throws DataError for a suite.json that breaks its schema. */
export function allSuites(): readonly Suite[] {
  known ??= readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'suite.json')))
    .map((name): Suite => {
      const directory = join(folder, name);
      const {
        fragmentsFrom,
        $schema: _schema,
        ...own
      } = readValid<Omit<Suite, 'directory'> & { $schema?: string }>(
        'suite.schema.json',
        join(directory, 'suite.json'),
      );
      return {
        ...own,
        directory,
        ...(fragmentsFrom === undefined ? {} : { fragmentsFrom: join(folder, fragmentsFrom) }),
      };
    })
    .sort((a, b) => a.order - b.order);
  return known;
}

/** Throws UnknownSuiteError with the names that there are. */
export function suiteNamed(name: string): Suite {
  const found = allSuites().find((suite) => suite.name === name);
  if (found !== undefined) return found;
  const names = allSuites().map((suite) => suite.name);
  const meant = closest(name, names);
  throw new UnknownSuiteError(
    `no suite "${name}"${meant === undefined ? '' : `; did you mean "${meant}"?`} (there are ${names.join(', ')})`,
  );
}
