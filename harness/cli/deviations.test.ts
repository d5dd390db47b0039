/** Every clause that can be tested can be broken: a check that nothing breaks proves nothing. */
import t from 'tap';
import { deviations } from '../agents/deviations.ts';
import type { Aspect, Clause } from '../vectors/ledger.ts';
import { deviceRoles } from '../vectors/types.ts';
import { loadCatalogue } from './catalogue.ts';

const { ledger, tests } = loadCatalogue();

/** Whether a clause, as a whole or in an aspect, gives a device of this role a verdict of its own. */
function isJudged(clause: Clause, role: (typeof deviceRoles)[number]): boolean {
  const gives = ({ verdict }: Pick<Aspect, 'verdict'>): boolean => verdict !== 'INFO';
  const aspects = Object.values(clause.aspects).filter(({ roles }) => roles?.includes(role) === true);
  return (clause.roles.includes(role) && gives(clause)) || aspects.some(gives);
}

for (const role of deviceRoles) {
  t.test(`a deviation of the ${role} for every clause of class T`, async (t) => {
    const own = [...deviations].filter(([name]) => name.startsWith(`${role}/`));
    const broken = new Set(
      own
        .flatMap(([, { clause, also = [] }]) => [clause, ...also])
        .map((reference) => reference.split('#')[0]),
    );
    for (const clause of ledger.clauses.values()) {
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
