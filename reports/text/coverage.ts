/** How much of the ledger was observed: each clause that binds a role, over any number of runs or set-ups. */
import { harmless } from '../../harness/engine/describe.ts';
import { isObserved } from '../model/clauses.ts';
import type { ClauseFacts } from '../model/results.ts';
import { labelled, plain, type TextOptions } from './layout.ts';

/** What one run, or one set-up of the lab, has to say of the clauses of a role. */
export interface Covered {
  role: string;
  clauses: readonly {
    clause: Pick<ClauseFacts, 'id' | 'level' | 'class'>;
    verdict: string;
    why?: string;
  }[];
}

/** Classes of the ledger that a test can show, in words. */
const observable = {
  T: 'testable',
  TP: 'testable where the device can be set up so',
  O: 'recorded',
} as const;
const isObservable = (name: string): name is keyof typeof observable => name in observable;

interface State {
  clause: Covered['clauses'][number]['clause'];
  observed: boolean;
  why: string;
}

/** Per role and clause: observed when any of them observed it, else the first reason. */
function statesOf(all: readonly Covered[]): Map<string, Map<string, State>> {
  const roles = new Map<string, Map<string, State>>();
  for (const { role, clauses } of all) {
    const states = roles.get(role) ?? new Map<string, State>();
    roles.set(role, states);
    for (const { clause, verdict, why } of clauses) {
      const observed = isObserved({ verdict } as Parameters<typeof isObserved>[0]);
      const known = states.get(clause.id);
      if (known === undefined) states.set(clause.id, { clause, observed, why: why ?? verdict });
      else known.observed ||= observed;
    }
  }
  return roles;
}

/** The coverage in lines, and whether every clause that can be observed was. A pure function. */
export function coverage(
  all: readonly Covered[],
  options: TextOptions = plain,
): { lines: string[]; complete: boolean } {
  const lines: string[] = [];
  const rest: string[] = [];
  let complete = true;
  for (const [role, states] of statesOf(all)) {
    const list = [...states.values()];
    lines.push(role);
    for (const [name, words] of Object.entries(observable)) {
      const own = list.filter(({ clause }) => clause.class === name);
      const observed = own.filter((state) => state.observed).length;
      if (observed < own.length) complete = false;
      const share = own.length === 0 ? 100 : Math.floor((100 * observed) / own.length);
      lines.push(
        `  class ${name.padEnd(3)}${`${observed} of ${own.length}`.padEnd(12)}${`${share} %`.padEnd(7)}${words}`,
      );
    }
    const hidden = list.filter(({ clause }) => !isObservable(clause.class)).length;
    lines.push(`  class X  ${String(hidden).padEnd(12)}${''.padEnd(7)}not to be observed from outside`);
    for (const { clause, observed, why } of list)
      if (!observed)
        rest.push(
          ...labelled(
            `  ${role.padEnd(15)} ${clause.id.padEnd(9)} ${clause.class.padEnd(4)}`,
            harmless(why),
            options.width,
          ),
        );
  }
  return {
    lines: [...lines, ...(rest.length === 0 ? [] : ['', 'Not observed, and why', ...rest])],
    complete,
  };
}
