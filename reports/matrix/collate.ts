/** Results of many devices, from many benches, side by side: what each did with each clause, and which pairs met. */

import { type ClauseState, selected } from '../model/clauses.ts';
import { type ClauseFacts, type Device, type Results, subjectName } from '../model/results.ts';
import { compareIds } from '../text/summary.ts';

/** A device's results, and where they were found. */
export interface Found {
  results: Results;
  folder: string;
}

/** What a device did with a clause. */
export interface Cell {
  verdict: ClauseState['verdict'];
  tests: number;
  why?: string;
  /** The verdict of an earlier run, where it was another. */
  was?: ClauseState['verdict'];
}

export interface Column {
  /** Vendor, product and version, or what stands for them. */
  name: string;
  /** When it was tested. */
  start: string;
  exitStatus: number;
  /** By clause. */
  cells: Map<string, Cell>;
}

/** Devices of one role that were judged alike: the same vectors, ledger, strictness and readings. */
export interface Table {
  role: string;
  document: string;
  vectors: string;
  ledger: string;
  /** What else they have in common: strict, readings that were switched. */
  mode: string;
  clauses: Pick<ClauseFacts, 'id' | 'level' | 'section' | 'requires'>[];
  columns: Column[];
}

/** A home agent and a foreign agent that met in the scenarios. */
export interface Pair {
  homeAgent: string;
  foreignAgent: string;
  mobileNode: string;
  exitStatus: number;
  passed: number;
  total: number;
  vectors: string;
}

export interface Matrix {
  tables: Table[];
  pairs: Pair[];
  /** What stands in the way of a whole matrix, in sentences. */
  missing: string[];
}

/** What a device is called in the matrix. */
export type NameOf = (device: Device, role: string) => string;

export const realName: NameOf = ({ vendor, product, version }) => `${vendor} ${product} ${version}`;

export interface CollateOptions {
  /** Earlier results, against which changes are marked. */
  since?: readonly Found[];
  nameOf?: NameOf;
  /** Reasons, profiles, and whatever else may name somebody is left out. */
  anonymous?: boolean;
}

/** Which role sits where in a scenario. */
export const seatRoles: { readonly [seat: string]: string } = {
  homeAgent: 'home-agent',
  foreignAgent: 'foreign-agent',
  plainForeignAgent: 'foreign-agent',
  mobileNode: 'mobile-node',
};

const modeOf = ({ strict, readings }: Results): string =>
  [
    ...(strict ? ['strict'] : []),
    ...Object.entries(readings).map(([id, name]) => `reading ${id} ${name}`),
  ].join(', ');

const identity = ({ device: { vendor, product }, role, document }: Results): string =>
  JSON.stringify([vendor, product, role, document]);

const tableKey = (results: Results): string =>
  JSON.stringify([results.role, results.suite, results.ledger, modeOf(results)]);

/** One column: a device as it was judged. */
const keyOf = (results: Results): string =>
  JSON.stringify([tableKey(results), identity(results), results.device.version]);

const isWhole = ({ selection, incomplete }: Results): boolean =>
  selected(selection).length === 0 && incomplete === undefined;

/** The newest earlier results of the same device. */
const earlierOf = (results: Results, since: readonly Found[]): Results | undefined =>
  since
    .map((one) => one.results)
    .filter((one) => identity(one) === identity(results) && one.start < results.start)
    .sort((a, b) => (a.start < b.start ? 1 : -1))[0];

const isComparable = (before: Results, after: Results): boolean => tableKey(before) === tableKey(after);

/** Earlier results by other vectors or other rules mark no changes: that is said. */
function sinceGaps(results: Results, name: string, since: readonly Found[]): string[] {
  const earlier = earlierOf(results, since);
  if (earlier === undefined || isComparable(earlier, results)) return [];
  return [
    `${name}: the earlier results were judged by other vectors or rules, so that no changes are marked`,
  ];
}

/** Put them together. A pure function. */
export function collate(all: readonly Found[], options: CollateOptions = {}): Matrix {
  const { since = [], nameOf = realName, anonymous = false } = options;
  const missing: string[] = [];
  const tables = new Map<string, Table>();
  const shown = new Map<string, Found>();
  const sorted = [...all].sort((a, b) => (a.results.start < b.results.start ? -1 : 1));
  for (const one of sorted.filter(({ results }) => results.role !== 'scenario')) {
    const key = keyOf(one.results);
    const before = shown.get(key);
    // Of a device's results the last count; a selection does not take the place of a whole run.
    if (before === undefined || isWhole(one.results) || !isWhole(before.results)) shown.set(key, one);
    if (before !== undefined)
      missing.push(
        `${nameOf(one.results.device, one.results.role)}: there are several results, and those of the last ${isWhole(one.results) || isWhole(before.results) ? 'whole ' : ''}run are shown`,
      );
  }
  for (const { results } of shown.values()) {
    const key = tableKey(results);
    const name = nameOf(results.device, results.role);
    const table = tables.get(key) ?? {
      role: results.role,
      document: results.document,
      vectors: results.suite,
      ledger: results.ledger,
      mode: modeOf(results),
      clauses: results.clauses.map(({ id, level, section, requires }) => ({ id, level, section, requires })),
      columns: [],
    };
    tables.set(key, table);
    table.columns.push(columnOf(results, name, since, anonymous));
    missing.push(...gapsOf(results, name, anonymous), ...sinceGaps(results, name, since));
  }
  const list = [...tables.values()].sort(
    (a, b) => subjectName(a).localeCompare(subjectName(b), 'en') || b.columns.length - a.columns.length,
  );
  for (const table of list) {
    table.clauses.sort((a, b) => compareIds(a.id, b.id));
    table.columns.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    const unseen = table.clauses.filter(({ id }) =>
      table.columns.every(({ cells }) => !isSeen(cells.get(id))),
    );
    if (unseen.length > 0)
      missing.push(
        `No ${subjectName(table)} (vectors ${table.vectors}) was seen to act on ${unseen.map(({ id }) => id).join(', ')}`,
      );
  }
  for (const subject of new Set(list.map(subjectName))) {
    const own = list.filter((table) => subjectName(table) === subject);
    if (own.length > 1)
      missing.push(
        `Those tested as ${subject} were not all judged alike: ${own.length} tables, which are not to be compared column by column`,
      );
  }
  const scenarios = sorted.filter(
    ({ results }) => results.role === 'scenario' && results.seats !== undefined,
  );
  if (sorted.some(({ results }) => results.role === 'scenario' && results.seats === undefined))
    missing.push('Some results of scenarios do not say who sat where, and are in no pair');
  const pairs = scenarios.map(({ results }) => pairOf(results, nameOf));
  missing.push(...pairsMissing(list, pairs));
  return { tables: list, pairs, missing: [...new Set(missing)] };
}

const isSeen = (cell: Cell | undefined): boolean =>
  cell !== undefined && ['PASS', 'FAIL', 'WARN', 'INFO'].includes(cell.verdict);

function columnOf(results: Results, name: string, since: readonly Found[], anonymous: boolean): Column {
  const found = earlierOf(results, since);
  const earlier = found !== undefined && isComparable(found, results) ? found : undefined;
  const before = new Map(earlier?.clauses.map(({ id, state }) => [id, state.verdict]) ?? []);
  const cells = results.clauses.map(({ id, state }): [string, Cell] => {
    const was = before.get(id);
    return [
      id,
      {
        verdict: state.verdict,
        tests: state.tests.length,
        ...(state.why === undefined || anonymous ? {} : { why: state.why }),
        ...(was === undefined || was === state.verdict || was === 'not observed' ? {} : { was }),
      },
    ];
  });
  return { name, start: results.start, exitStatus: results.totals.exitStatus, cells: new Map(cells) };
}

function gapsOf(results: Results, name: string, anonymous: boolean): string[] {
  const { selection, incomplete, notRun = [] } = results;
  const words = selected(selection)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
  return [
    ...(words === '' ? [] : [`${name}: only a selection was run${anonymous ? '' : ` (${words})`}`]),
    ...(incomplete === undefined
      ? []
      : [
          `${name}: the run was not finished, ${notRun.length} tests have no outcome${anonymous ? '' : ` (${incomplete})`}`,
        ]),
  ];
}

function pairOf(results: Results, nameOf: NameOf): Pair {
  const name = (seat: string): string => {
    const device = results.seats?.[seat];
    return device === undefined ? 'none' : nameOf(device, seatRoles[seat] ?? seat);
  };
  const { tests, exitStatus } = results.totals;
  return {
    homeAgent: name('homeAgent'),
    foreignAgent: name('foreignAgent'),
    mobileNode: name('mobileNode'),
    exitStatus,
    passed: tests.PASS + tests.WARN + tests.INFO,
    total: results.outcomes.length - tests['NOT APPLICABLE'],
    vectors: results.suite,
  };
}

/** Home agents and foreign agents that were tested alone, or with others, and not with each other. */
function pairsMissing(tables: readonly Table[], pairs: readonly Pair[]): string[] {
  const of = (role: string): string[] =>
    tables.filter((table) => table.role === role).flatMap(({ columns }) => columns.map(({ name }) => name));
  const homeAgents = [...new Set([...of('home-agent'), ...pairs.map(({ homeAgent }) => homeAgent)])].sort();
  const foreignAgents = [
    ...new Set([...of('foreign-agent'), ...pairs.map(({ foreignAgent }) => foreignAgent)]),
  ].sort();
  const met = new Set(pairs.map(({ homeAgent, foreignAgent }) => `${homeAgent}\n${foreignAgent}`));
  return homeAgents.flatMap((homeAgent) => {
    const unmet = foreignAgents.filter((foreignAgent) => !met.has(`${homeAgent}\n${foreignAgent}`));
    return unmet.length === 0 ? [] : [`${homeAgent} has not met ${unmet.join(', ')} in the scenarios`];
  });
}
