/** `dsmip coverage`: how much of the ledger the vectors reach in the embedded lab, or runs have observed. */

import { readResults } from '../../reports/model/read-results.ts';
import { runFoldersOf } from '../../reports/model/run.ts';
import { type Covered, coverage } from '../../reports/text/coverage.ts';
import { notApplicable } from '../bench/applicability.ts';
import { loadProfile } from '../vectors/profile.ts';
import { roles } from '../vectors/types.ts';
import { loadCatalogue } from './catalogue.ts';
import { clausesOfRole } from './header.ts';
import { labProfiles, profileFile } from './lab-profiles.ts';
import { version } from './version.ts';

/** Run the command. Sets the exit status: 0 everything that can be observed was, 1 not. Throws ResultsError. */
export function coverageCommand(folders: readonly string[]): void {
  const all =
    folders.length === 0
      ? ofVectors()
      : folders.flatMap(runFoldersOf).map((folder): Covered => {
          const { results } = readResults(`${folder}/results.json`, version());
          const clauses = results.clauses.map((clause) => ({ clause, ...clause.state }));
          return { role: roleOf(results.role, results.document), clauses };
        });
  const { lines, complete } = coverage(all, { width: process.stdout.columns ?? 120, colour: false });
  const title =
    folders.length === 0
      ? 'Clauses that a vector judges on one of the set-ups of the embedded lab'
      : 'Clauses that these runs have observed';
  process.stdout.write(`${[title, '', ...lines].join('\n')}\n`);
  process.exitCode = complete ? 0 : 1;
}

/** Each suite counts for itself; the draft's goes without saying. */
const roleOf = (role: string, document: string): string =>
  document.startsWith('draft-') ? role : `${role}, ${document}`;

/** Without a run: the tests that apply to each set-up. */
function ofVectors(): Covered[] {
  const { suites } = loadCatalogue();
  const withTests = suites.flatMap((loaded) =>
    roles
      .filter((role) => loaded.tests.some((test) => test.role === role))
      .map((role) => ({ ...loaded, role })),
  );
  return withTests.flatMap(({ ledger, tests: all, role }) =>
    labProfiles[role].map((name): Covered => {
      const profile = loadProfile(profileFile(name));
      const tests = all.filter((test) => test.role === role && notApplicable(test, profile) === undefined);
      const judged = new Set(tests.flatMap(({ clauses }) => clauses));
      return {
        role: roleOf(role, ledger.document),
        clauses: clausesOfRole(ledger, role, all).map((clause) => ({
          clause,
          // What others carry is seen where they are.
          verdict:
            judged.has(clause.id) || clause.governedBy.some((id) => judged.has(id)) ? 'PASS' : 'not observed',
          why: clause.unseen ?? clause.note ?? 'no vector judges it',
        })),
      };
    }),
  );
}
