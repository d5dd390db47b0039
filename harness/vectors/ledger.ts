/**
 * The ledger: every clause of the draft and every base check, the readings of its open places, and its
 * requirement keywords by line. What a broken clause means is said here and nowhere else.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { closest } from './closest.ts';
import { DataError, type Problem, readValid } from './schema.ts';
import { draftSuite, suiteNamed } from './suites.ts';
import type { Role } from './types.ts';

export type { Role } from './types.ts';

/**
 * As written in the draft; (base) for what RFC 3344 and its kin say. REQ: "required"; FMT: a format or code
 * value; BEHAV: behaviour stated without a keyword; INFO: describes or assumes; NONE: not stated anywhere.
 */
export type Level =
  | 'MUST'
  | 'MUST (base)'
  | 'SHOULD'
  | 'SHOULD (base)'
  | 'SHOULD NOT'
  | 'MAY'
  | 'should'
  | 'could'
  | 'REQ'
  | 'FMT'
  | 'BEHAV'
  | 'INFO'
  | 'NONE';

/** What a broken expectation of a clause gives. */
export type Verdict = 'FAIL' | 'WARN' | 'INFO';

/** T: judged by test; TP: only if the profile says something; O: recorded only; X: not visible from outside. */
export type ClauseClass = 'T' | 'TP' | 'O' | 'X';

/**
 * Where the harness stands. H1: a co-located mobile node before the home agent; H2: a foreign agent and the
 * mobile node behind it; F1: mobile node and home agent around the foreign agent; M0: the home agent on the
 * mobile node's home link; M1: foreign agent and home agent; M2: a visited network without foreign agent, and
 * the home agent; P: listener to advertisements.
 */
export type Position = 'H1' | 'H2' | 'F1' | 'M0' | 'M1' | 'M2' | 'P';

/** A part of a clause that is judged differently from the rest of it. */
export interface Aspect {
  /** Where it differs from the clause's. */
  readonly level?: Level;
  readonly verdict: Verdict;
  readonly requires: string;
  /** Whom this part binds, where that differs from the clause. */
  readonly roles?: readonly Role[];
  /** The readings this part rests on; the clause's own are not among them unless named. */
  readonly readings?: readonly string[];
}

export interface Clause {
  readonly id: string;
  /** Section of its document, 'base' of the draft's base checks, or 'robustness'. */
  readonly section: string;
  readonly level: Level;
  /** Whom the clause binds. */
  readonly roles: readonly Role[];
  readonly requires: string;
  /** First and last line in its document, of each stretch; empty for what stands in no document as such. */
  readonly lines: readonly (readonly [number, number])[];
  /** Sections of RFCs behind the clause. */
  readonly sources: readonly string[];
  readonly class: ClauseClass;
  readonly positions: readonly Position[];
  /** What the harness stands on besides: the correspondent node's side, the home link. */
  readonly also: readonly ('CN' | 'HL')[];
  readonly verdict: Verdict;
  /** The clauses that carry the verdict where this one only repeats or sums them. */
  readonly governedBy: readonly string[];
  readonly note?: string;
  readonly aspects: Readonly<Record<string, Aspect>>;
  readonly readings: readonly string[];
  /** What of the clause cannot be seen from outside. */
  readonly unseen?: string;
  /** Clauses of Mobile IPv4 itself (suite rfc3344) without which this one cannot hold. */
  readonly restsOn: readonly string[];
}

/** A clause, or one aspect of it, as an expectation names it. */
export interface JudgedClause extends Clause {
  /** The name it was asked by: `3.3-a` or `3.3-a#reserved`. `id` stays the clause's. */
  readonly reference: string;
  readonly aspect?: string;
}

export interface Alternative {
  readonly name: string;
  readonly reading: string;
  /** Verdicts under this reading, by clause or aspect. */
  readonly verdicts: Readonly<Record<string, Verdict>>;
}

export interface Reading {
  readonly id: string;
  readonly where: readonly string[];
  readonly problem: string;
  readonly reading: string;
  /** What RFC 5454 did about it. */
  readonly successor: string;
  /** Decides verdicts and is not up for discussion within the project. */
  readonly settled: boolean;
  readonly clauses: readonly string[];
  readonly alternatives: readonly Alternative[];
}

export interface Keyword {
  readonly line: number;
  readonly keyword: string;
  readonly lowerCase?: true;
  readonly clauses: readonly string[];
}

export interface Ledger {
  /** The document the line numbers belong to. */
  readonly document: string;
  /** How its lines are counted, for people. */
  readonly numbering: string;
  /** SHA-256 of the copy whose lines are counted. */
  readonly sha256: string;
  readonly clauses: ReadonlyMap<string, Clause>;
  readonly readings: ReadonlyMap<string, Reading>;
  readonly keywords: readonly Keyword[];
  /**
   * The clause `4.3-f`, or the aspect `3.3-a#reserved` of one.
   *
   * @throws {UnknownClauseError} when the ledger has no such clause or aspect.
   */
  clause(reference: string): JudgedClause;
}

export interface LedgerOptions {
  /** Readings to switch: id of the reading to the name of one of its alternatives. */
  readings?: Readonly<Record<string, string>>;
}

/** A clause, aspect, reading or alternative that the ledger does not have. */
export class UnknownClauseError extends Error {
  readonly code = 'UNKNOWN_CLAUSE';

  constructor(kind: string, name: string, known: Iterable<string>) {
    const names = [...known];
    const meant = closest(name, names);
    const few = names.length > 0 && names.length <= 12 ? `; there are ${names.join(', ')}` : '';
    super(`no ${kind} "${name}"${meant === undefined ? few : `; did you mean "${meant}"?`}`);
    this.name = 'UnknownClauseError';
  }
}

/** The ledger of the draft under test. */
export const ledgerDirectory = suiteNamed(draftSuite).directory;

type Raw<T> = Omit<
  T,
  'sources' | 'also' | 'governedBy' | 'aspects' | 'readings' | 'restsOn' | 'settled' | 'alternatives'
> &
  Partial<T>;

type ClausesFile = Pick<Ledger, 'document' | 'numbering' | 'sha256'> & { clauses: Raw<Clause>[] };

/**
 * Reads clauses.json, the clauses-*.json of further documents, and where they are there readings.json and keywords.json of a directory,
 * and checks that they agree.
 *
 * @throws {DataError} when a file is missing, breaks its schema, or names what is not there.
 * @throws {UnknownClauseError} when `options.readings` names what is not there.
 */
export function loadLedger(directory: string = ledgerDirectory, options: LedgerOptions = {}): Ledger {
  const files = {
    clauses: join(directory, 'clauses.json'),
    readings: join(directory, 'readings.json'),
    keywords: join(directory, 'keywords.json'),
  };
  const rawClauses = readValid<ClausesFile>('clauses.schema.json', files.clauses);
  const further = readdirSync(directory)
    .filter((name) => /^clauses-.*\.json$/.test(name))
    .sort()
    .map((name) => readValid<ClausesFile>('clauses.schema.json', join(directory, name)));
  const rawReadings = existsSync(files.readings)
    ? readValid<{ readings: Raw<Reading>[] }>('readings.schema.json', files.readings)
    : { readings: [] };
  const { keywords } = existsSync(files.keywords)
    ? readValid<{ keywords: Keyword[] }>('keywords.schema.json', files.keywords)
    : { keywords: [] };

  const clauses = [rawClauses, ...further].flatMap((file) =>
    file.clauses.map((clause) => ({
      sources: [],
      also: [],
      governedBy: [],
      aspects: {},
      readings: [],
      restsOn: [],
      ...clause,
    })),
  );
  const readings = rawReadings.readings.map((reading) => ({ settled: false, alternatives: [], ...reading }));
  const readingsById = byId(files.readings, 'readings', readings);
  const clausesById = byId(files.clauses, 'clauses', clauses);
  report(
    files.clauses,
    clauses.flatMap((clause, n) =>
      clauseProblems(clause, `clauses[${n}] (${clause.id})`, readingsById, clausesById),
    ),
  );
  report(
    files.readings,
    readings.flatMap((reading, n) => readingProblems(reading, `readings[${n}] (${reading.id})`, clausesById)),
  );
  report(
    files.keywords,
    keywords.flatMap((keyword, n) => keywordProblems(keyword, `keywords[${n}]`, clausesById)),
  );

  const verdicts = switchedVerdicts(readingsById, options.readings ?? {});
  const judged = new Map(clauses.map((clause) => [clause.id, withVerdicts(clause, verdicts)]));
  return {
    document: rawClauses.document,
    numbering: rawClauses.numbering,
    sha256: rawClauses.sha256,
    clauses: judged,
    readings: readingsById,
    keywords,
    clause: (reference) => findClause(judged, reference),
  };
}

function findClause(clauses: ReadonlyMap<string, Clause>, reference: string): JudgedClause {
  const [id = '', name] = reference.split('#', 2);
  const clause = clauses.get(id);
  if (clause === undefined) throw new UnknownClauseError('clause', id, clauses.keys());
  if (name === undefined) return { ...clause, reference };
  const aspect = Object.hasOwn(clause.aspects, name) ? clause.aspects[name] : undefined;
  if (aspect === undefined)
    throw new UnknownClauseError(`aspect of clause ${id}`, name, Object.keys(clause.aspects));
  return { ...clause, readings: [], ...aspect, reference, aspect: name };
}

function switchedVerdicts(readings: ReadonlyMap<string, Reading>, wanted: Readonly<Record<string, string>>) {
  const verdicts = new Map<string, Verdict>();
  for (const [id, name] of Object.entries(wanted)) {
    const reading = readings.get(id);
    if (reading === undefined) throw new UnknownClauseError('reading', id, readings.keys());
    const alternative = reading.alternatives.find((candidate) => candidate.name === name);
    if (alternative === undefined) {
      throw new UnknownClauseError(
        `alternative of reading ${id}`,
        name,
        reading.alternatives.map((other) => other.name),
      );
    }
    for (const [reference, verdict] of Object.entries(alternative.verdicts)) verdicts.set(reference, verdict);
  }
  return verdicts;
}

function withVerdicts(clause: Clause, verdicts: ReadonlyMap<string, Verdict>): Clause {
  const aspects = Object.entries(clause.aspects).map(([name, aspect]) => {
    return [name, { ...aspect, verdict: verdicts.get(`${clause.id}#${name}`) ?? aspect.verdict }] as const;
  });
  return {
    ...clause,
    verdict: verdicts.get(clause.id) ?? clause.verdict,
    aspects: Object.fromEntries(aspects),
  };
}

// What a schema cannot say: names that must exist, and places that must agree.

function byId<T extends { readonly id: string }>(
  file: string,
  field: string,
  items: readonly T[],
): Map<string, T> {
  const map = new Map<string, T>();
  const problems: Problem[] = [];
  items.forEach((item, n) => {
    if (map.has(item.id))
      problems.push({ path: `${field}[${n}].id`, message: `"${item.id}" stands twice; ids are unique` });
    map.set(item.id, item);
  });
  report(file, problems);
  return map;
}

function report(file: string, problems: readonly Problem[]): void {
  if (problems.length > 0) throw new DataError(file, problems);
}

function clauseProblems(
  clause: Clause,
  path: string,
  readings: ReadonlyMap<string, Reading>,
  clauses: ReadonlyMap<string, Clause>,
): Problem[] {
  const problems = readingsNamed(clause).flatMap(([id, reference]) => {
    const reading = readings.get(id);
    if (reading?.clauses.includes(reference)) return [];
    const message =
      reading === undefined
        ? `no reading "${id}" in readings.json`
        : `reading ${id} does not name ${reference}`;
    return [{ path: `${path}.readings`, message }];
  });
  for (const id of clause.governedBy) {
    if (!clauses.has(id)) problems.push({ path: `${path}.governedBy`, message: `no clause "${id}"` });
  }
  const isBase = clause.section === 'base' || clause.section === 'robustness';
  if (clause.section !== sectionOfId(clause.id)) {
    problems.push({
      path: `${path}.section`,
      message: `"${clause.section}" is not the section that the id names`,
    });
  }
  if (isBase ? clause.sources.length === 0 : clause.lines.length === 0) {
    problems.push({
      path,
      message: isBase ? 'a base check needs "sources"' : 'a clause of the draft needs "lines"',
    });
  }
  for (const [first, last] of clause.lines) {
    if (first > last)
      problems.push({ path: `${path}.lines`, message: `line ${first} stands after line ${last}` });
  }
  return problems;
}

/** `4.3-f`, `rfc3344-3.8.2.1-a`, `B7`, `robust-a`. */
function sectionOfId(id: string): string {
  if (id.startsWith('B')) return 'base';
  return id.startsWith('robust-') ? 'robustness' : (id.split('-').at(-2) ?? '');
}

/** A clause's section with its document, as a selection names it: `4.3`, `rfc3344-3.8.2.1`, `base`. */
export const sectionName = ({ id, section }: Pick<Clause, 'id' | 'section'>): string =>
  section === 'base' || section === 'robustness' ? section : id.slice(0, id.lastIndexOf('-'));

/** Several ledgers as one, for what is asked of all; ids are never shared. The document is that of the last. */
export function mergedLedger(ledgers: readonly Ledger[]): Ledger {
  const last = ledgers.at(-1);
  if (last === undefined) throw new Error('there is no ledger');
  const clauses = new Map(ledgers.flatMap((one) => [...one.clauses]));
  return {
    ...last,
    clauses,
    readings: new Map(ledgers.flatMap((one) => [...one.readings])),
    keywords: ledgers.flatMap((one) => one.keywords),
    clause: (reference) => findClause(clauses, reference),
  };
}

/** Every reading a clause or an aspect of it rests on, with the name of that clause or aspect. */
function readingsNamed({ id, readings, aspects }: Clause): [reading: string, reference: string][] {
  const ofAspects = Object.entries(aspects).map(([name, aspect]) => ({
    name: `${id}#${name}`,
    ids: aspect.readings ?? [],
  }));
  return [{ name: id, ids: readings }, ...ofAspects].flatMap(({ name, ids }) =>
    ids.map((reading): [string, string] => [reading, name]),
  );
}

function readingProblems(reading: Reading, path: string, clauses: ReadonlyMap<string, Clause>): Problem[] {
  const problems: Problem[] = [];
  const switched = reading.alternatives.flatMap(({ verdicts }) => Object.keys(verdicts));
  for (const name of [...reading.clauses, ...switched]) {
    const clause = clauses.get(name.split('#')[0] ?? '');
    if (clause === undefined || !exists(name, clauses)) {
      problems.push({ path, message: `no clause "${name}" in clauses.json` });
    } else if (!readingsNamed(clause).some(([id, reference]) => id === reading.id && reference === name)) {
      problems.push({
        path,
        message: `${name} does not name ${reading.id} among its readings in clauses.json`,
      });
    }
  }
  return problems;
}

function keywordProblems(keyword: Keyword, path: string, clauses: ReadonlyMap<string, Clause>): Problem[] {
  return keyword.clauses.flatMap((id) => {
    const clause = clauses.get(id);
    if (clause === undefined)
      return [{ path: `${path}.clauses`, message: `no clause "${id}" in clauses.json` }];
    if (clause.lines.some(([first, last]) => first <= keyword.line && keyword.line <= last)) return [];
    return [
      { path: `${path}.clauses`, message: `the lines of clause ${id} do not include line ${keyword.line}` },
    ];
  });
}

function exists(reference: string, clauses: ReadonlyMap<string, Clause>): boolean {
  const [id = '', name] = reference.split('#', 2);
  const clause = clauses.get(id);
  return clause !== undefined && (name === undefined || Object.hasOwn(clause.aspects, name));
}
