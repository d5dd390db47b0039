import type { Deviation } from './common/deviates.ts';
import { foreignAgentDeviations } from './foreign-agent/deviations.ts';
import { homeAgentDeviations } from './home-agent/deviations.ts';
import { mobileNodeDeviations } from './mobile-node/deviations.ts';

export type { Deviation } from './common/deviates.ts';

/** A deviation was named that no reference agent has. */
export class UnknownDeviationError extends Error {
  readonly code = 'ERR_UNKNOWN_DEVIATION';
}

/** Every deviation of every reference agent under its full name, `home-agent/no-proxy-arp`. */
export const deviations: ReadonlyMap<string, Deviation> = new Map(
  Object.entries({
    'foreign-agent': foreignAgentDeviations,
    'home-agent': homeAgentDeviations,
    'mobile-node': mobileNodeDeviations,
  }).flatMap(([role, table]) =>
    Object.entries(table).map(([name, deviation]): [string, Deviation] => [`${role}/${name}`, deviation]),
  ),
);

/** The names without the role; each may be given with it. Throws UnknownDeviationError, naming what is near. */
export function resolveDeviations(role: string, names: readonly string[]): string[] {
  return names.map((given) => {
    const name = given.startsWith(`${role}/`) ? given.slice(role.length + 1) : given;
    if (!deviations.has(`${role}/${name}`)) {
      throw new UnknownDeviationError(
        `unknown deviation "${given}" of the ${role}; ${hint(role, name)}dsmip agent deviations lists them`,
      );
    }
    return name;
  });
}

/** The same name of another role, or what is near. */
function hint(role: string, name: string): string {
  const own = name.slice(name.indexOf('/') + 1);
  const elsewhere = [...deviations.keys()].filter((known) => known.endsWith(`/${own}`));
  if (elsewhere.length > 0) return `there is ${elsewhere.join(', ')}; `;
  const near = nearNames(`${role}/${name}`);
  return near.length === 0 ? '' : `did you mean ${near.join(', ')}? `;
}

/** Up to three names that are few letters away. */
export function nearNames(wanted: string): string[] {
  return [...deviations.keys()]
    .map((name) => ({ name, distance: editDistance(wanted, name) }))
    .filter(({ name, distance }) => distance <= Math.max(3, name.length / 3))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
