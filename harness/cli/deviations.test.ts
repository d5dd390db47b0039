/** Every clause that can be tested can be broken: a check that nothing breaks proves nothing. */
import t from 'tap';
import { deviations } from '../agents/deviations.ts';
import { draftSuite } from '../vectors/suites.ts';
import { deviceRoles } from '../vectors/types.ts';
import { loadCatalogue, suiteOf } from './catalogue.ts';
import { isJudged } from './kill-judge.ts';

const { tests } = loadCatalogue();

// Of the base suite one deviation breaks several clauses: there the kill matrix tells which were blamed.
const { ledger: draft } = suiteOf(draftSuite);

for (const role of deviceRoles) {
  t.test(`a deviation of the ${role} for every clause of class T`, async (t) => {
    const own = [...deviations].filter(([name]) => name.startsWith(`${role}/`));
    const broken = new Set(
      own
        .flatMap(([, { clause, also = [] }]) => [clause, ...also])
        .map((reference) => reference.split('#')[0]),
    );
    for (const clause of draft.clauses.values()) {
      if (clause.class !== 'T' || clause.governedBy.length > 0 || !isJudged(clause, role)) continue;
      t.ok(broken.has(clause.id), clause.id);
    }
  });
}

t.test('every deviation is named by a vector, and every vector catches one', async (t) => {
  const named = new Set(tests.flatMap(({ kills }) => kills));
  for (const name of deviations.keys()) t.ok(named.has(name), name);
  const idle = tests.filter(({ kills }) => kills.length === 0).map(({ id }) => id);
  t.same(idle, [], 'tests that nothing fails');
});
