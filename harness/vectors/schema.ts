/**
 * Checks the project's data files against the closed JSON Schemas in vectors/schema and says, for
 * people, what is wrong: file, place in the file, what was expected, and the name probably meant.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ErrorObject, Options, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { isIpv4, isIpv6 } from '../wire/index.ts';
import { closest } from './closest.ts';

/** Where the schemas lie. */
export const schemaDirectory = fileURLToPath(new URL('../../vectors/schema/', import.meta.url));

/** One thing wrong in a data file. `path` is where: `clauses[3].level`, or '' for the file as a whole. */
export interface Problem {
  path: string;
  /** What was expected, what is there instead, and how to mend it. */
  message: string;
}

/** A data file that cannot be used; the message lists every problem with file and place. */
export class DataError extends Error {
  readonly code = 'BAD_DATA';
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super(
      problems.map(({ path, message }) => `${file}${path === '' ? '' : `: ${path}`}: ${message}`).join('\n'),
    );
    this.name = 'DataError';
    this.file = file;
    this.problems = problems;
  }
}

/**
 * Reads a JSON file.
 *
 * @throws {DataError} when it cannot be read or is not JSON.
 */
export function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const message = missing ? 'no such file' : `cannot be read: ${String(error)}`;
    throw new DataError(file, [{ path: '', message }]);
  }
  return parseJson(text, file);
}

/**
 * Parses the text of a JSON file.
 *
 * @throws {DataError} when it is not JSON.
 */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(file, [{ path: '', message: `not JSON: ${syntaxProblem(error as Error, text)}` }]);
  }
}

/** What JSON.parse says, with the line instead of the position, or of the octets around the place, as those may be of a key. */
function syntaxProblem({ message }: Error, text: string): string {
  const lineAt = (place: number): number => text.slice(0, place).split('\n').length;
  const counting = /^(.*) in JSON at position (\d+)/s.exec(message);
  if (counting !== null) {
    // A comma is missed at the next word: it belongs behind the one before.
    const [, problem = '', position] = counting;
    const before = text.slice(0, Number(position)).trimEnd().length;
    return `${problem} in line ${lineAt(problem.startsWith("Expected ','") ? before : Number(position))}`;
  }
  const quoting = /^(.*?), (\.\.\.)?"(.*)"(?:\.\.\.)? is not valid JSON$/s.exec(message);
  if (quoting === null) return message;
  const [, problem = '', before, around = ''] = quoting;
  // Ten characters before the place are quoted.
  const place = text.indexOf(around) + (before === undefined ? 0 : 10);
  return `${problem} in line ${lineAt(place)}`;
}

/**
 * Reads a JSON file and checks it. The type is the caller's word for what the schema enforces.
 *
 * @throws {DataError} when it cannot be read, is not JSON or does not follow the schema.
 */
export function readValid<T>(schemaFile: string, file: string): T {
  const data = readJson(file);
  validate(schemaFile, data, file);
  return data as T;
}

/**
 * Checks `data`, read from `fileName`, against the schema `schemaFile` (a name within vectors/schema,
 * such as `clauses.schema.json`; `home-agent.schema.json#/$defs/node` for a part of one).
 *
 * @throws {DataError} with every problem found.
 */
export function validate(schemaFile: string, data: unknown, fileName: string): void {
  const problems = problemsOf(schemaFile, data);
  if (problems.length > 0) throw new DataError(fileName, problems);
}

/** Like {@link validate}, but returns the problems (none: an empty list). */
export function problemsOf(schemaFile: string, data: unknown): Problem[] {
  if (compiled(quick, schemaFile)(data)) return [];
  const check = compiled(explaining, schemaFile);
  check(data);
  const problems = explain([...(check.errors ?? [])], data, '');
  if (problems.length === 0) throw new Error(`${schemaFile} refuses data and does not say why`);
  return problems;
}

// Compiling: each schema file is read when it is first needed, with the files it refers to.

type JsonSchema = { [keyword: string]: unknown };

function isPrefix(text: string, isAddress: (address: string) => boolean, longest: number): boolean {
  const [address = '', length = '', ...rest] = text.split('/');
  return isAddress(address) && /^\d{1,3}$/.test(length) && Number(length) <= longest && rest.length === 0;
}

const common: Options = {
  strict: true,
  // Ours, and a test checks them.
  validateSchema: false,
  // What it would save in running is less than it takes.
  code: { optimize: false },
  strictRequired: false,
  allowUnionTypes: true,
  formats: {
    ipv4: isIpv4,
    ipv6: isIpv6,
    'ipv4-prefix': (text: string) => isPrefix(text, isIpv4, 32),
    'ipv6-prefix': (text: string) => isPrefix(text, isIpv6, 128),
    'ip-address': (text: string) => isIpv4(text) || isIpv6(text),
    'ip-prefix': (text: string) => isPrefix(text, isIpv4, 32) || isPrefix(text, isIpv6, 128),
  },
};
/** Says whether data follows a schema: several times as fast to compile and to run as one that can tell why not. */
const quick = new Ajv2020(common);
const explaining = new Ajv2020({ ...common, allErrors: true, verbose: true });
const sources = new Map<string, JsonSchema>();
/** Where each part of a schema stands. The paths in ajv's own errors start anew at every reference. */
const places = new Map<unknown, { file: string; pointer: string }>();

function compiled(ajv: Ajv2020, reference: string): ValidateFunction {
  load(fileOf(reference));
  const check = ajv.getSchema(reference);
  if (check === undefined) throw new Error(`no schema at ${reference}`);
  return check;
}

function fileOf(reference: string): string {
  return reference.split('#')[0] ?? '';
}

function load(file: string): void {
  if (sources.has(file)) return;
  const schema = readJson(join(schemaDirectory, basename(file))) as JsonSchema;
  sources.set(file, schema);
  quick.addSchema(schema, file);
  explaining.addSchema(schema, file);
  place(schema, file, '');
}

function place(schema: unknown, file: string, pointer: string): void {
  if (typeof schema !== 'object' || schema === null) return;
  places.set(schema, { file, pointer });
  for (const [key, part] of Object.entries(schema)) {
    if (key === '$ref' && typeof part === 'string' && !part.startsWith('#')) load(fileOf(part));
    place(part, file, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}

/** The schema itself, or the one it refers to. */
function resolved(schema: JsonSchema): JsonSchema {
  if (typeof schema.$ref !== 'string') return schema;
  const [file = '', pointer = ''] = schema.$ref.split('#');
  let target: unknown = sources.get(file === '' ? (places.get(schema)?.file ?? '') : file);
  for (const part of pointer.split('/').slice(1).map(unescaped))
    target = (target as JsonSchema | undefined)?.[part];
  return (target as JsonSchema | undefined) ?? schema;
}

function unescaped(part: string): string {
  return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
}

// Explaining

/**
 * Problems in the words of this project. `verbose` gives every error the schema around the failed keyword
 * and the data at its place. `data` is the whole file, `base` the place in it that was checked.
 */
function explain(errors: readonly ErrorObject[], data: unknown, base: string): Problem[] {
  const choices = errors.filter(isChoice).map((choice) => ({ choice, parts: partsOf(choice) }));
  const problems = errors.flatMap((error): Problem[] => {
    // The errors below a choice are those of all its branches at once; the choice is explained by its best branch.
    const isBelow = choices.some(
      ({ choice, parts }) =>
        choice !== error &&
        isInside(error.instancePath, choice.instancePath) &&
        parts.has(error.parentSchema),
    );
    if (error.keyword === 'if' || isBelow) return [];
    if (isChoice(error)) return explainChoice(error, data, base);
    const place = base + error.instancePath;
    return [{ path: pathText(place, data), message: messageOf(error, isKey(place)) }];
  });
  const slips = new Set(
    problems.map(({ path, message }) => path + (/did you mean ("[^"]+")/.exec(message)?.[1] ?? '')),
  );
  const isSlip = ({ path, message }: Problem) => slips.has(path + message.replace(/^missing field /, ''));
  const seen = new Set<string>();
  return problems.filter((problem) => {
    const key = problem.path + problem.message;
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew && !(problem.message.startsWith('missing field ') && isSlip(problem));
  });
}

function isChoice({ keyword }: ErrorObject): boolean {
  return keyword === 'oneOf' || keyword === 'anyOf';
}

/** A field named key, or something in it: the values there are never shown. */
function isKey(pointer: string): boolean {
  return pointer.split('/').includes('key');
}

function isInside(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}/`);
}

/** Every schema that the branches of a choice consist of, references followed. */
function partsOf(choice: ErrorObject): Set<unknown> {
  const parts = new Set<unknown>();
  const visit = (part: unknown): void => {
    if (typeof part !== 'object' || part === null || parts.has(part)) return;
    parts.add(part);
    visit(resolved(part as JsonSchema));
    for (const inner of Object.values(part)) visit(inner);
  };
  visit(choice.schema);
  return parts;
}

interface Attempt {
  name: string;
  problems: Problem[];
  /** How badly the shape itself is missed: wrong kind of value, fields missing or unknown at this very place. */
  distance: number;
}

/** Explains a failed oneOf/anyOf by the branch that comes nearest; by the names of all of them if none is near. */
function explainChoice(choice: ErrorObject, data: unknown, base: string): Problem[] {
  const path = pathText(base + choice.instancePath, data);
  const actual = got(choice.data, isKey(base + choice.instancePath));
  const branches = choice.schema as JsonSchema[];
  const attempts = branches.map((branch) => attempt(choice, branch, data, base));
  const names = [...new Set(attempts.map(({ name }) => name))].join('; ');
  if (attempts.some(({ distance }) => distance < 0)) {
    return [{ path, message: `expected exactly one of: ${names}${actual}` }];
  }
  attempts.sort((a, b) => a.distance - b.distance || a.problems.length - b.problems.length);
  const [best, second] = attempts;
  const isObject = typeof choice.data === 'object' && choice.data !== null;
  const isNear =
    best !== undefined && (isObject ? best.distance < (second?.distance ?? Infinity) : best.distance === 0);
  if (isNear || best?.distance === 0) return best.problems;
  return [{ path, message: `expected one of: ${names}${actual}` }];
}

function attempt(choice: ErrorObject, branch: JsonSchema, data: unknown, base: string): Attempt {
  const name = nameOf(branch);
  const place = places.get(branch);
  if (place === undefined) return { name, problems: [], distance: Infinity };
  const check = compiled(explaining, `${place.file}#${place.pointer}`);
  if (check(choice.data)) return { name, problems: [], distance: -1 };
  const errors = [...(check.errors ?? [])];
  const distance = errors.reduce((sum, error) => sum + shapeDistance(error), 0);
  return { name, problems: explain(errors, data, base + choice.instancePath), distance };
}

const shapeKeywords = new Set(['type', 'required', 'const', 'enum', 'pattern']);

/** A field that is probably a slip of a known one weighs less than an unknown or a missing field. */
function shapeDistance(error: ErrorObject): number {
  const depth = error.instancePath.split('/').length - 1;
  if (depth === 1 && error.keyword === 'const') return 1;
  if (depth > 0) return 0;
  if (isUnknownField(error)) return closest(unknownField(error), knownFields(error)) === undefined ? 1 : 0.5;
  return shapeKeywords.has(error.keyword) ? 1 : 0;
}

function isUnknownField({ keyword }: ErrorObject): boolean {
  return keyword === 'additionalProperties' || keyword === 'unevaluatedProperties';
}

function unknownField({ params }: ErrorObject): string {
  return String(params.additionalProperty ?? params.unevaluatedProperty);
}

function knownFields({ parentSchema }: ErrorObject): string[] {
  const properties = ((parentSchema ?? {}) as JsonSchema).properties ?? {};
  return Object.keys(properties as object).filter((key) => key !== '$schema');
}

/** What a schema calls the value it describes. */
function nameOf(schema: JsonSchema): string {
  const target = resolved(schema);
  if (typeof schema.title === 'string') return schema.title;
  if (typeof target.title === 'string') return target.title;
  if ('const' in target) return JSON.stringify(target.const);
  if (Array.isArray(target.enum)) return target.enum.map((value) => JSON.stringify(value)).join(', ');
  if (typeof target.description === 'string') return target.description;
  if (Array.isArray(target.required) && target.required.length > 0)
    return `an object with ${list(target.required)}`;
  return typeof target.type === 'string' ? typeText(target.type) : 'another form';
}

function messageOf(error: ErrorObject, isSecret: boolean): string {
  const actual = got(error.data, isSecret);
  const parent = (error.parentSchema ?? {}) as JsonSchema;
  const described =
    typeof parent.description === 'string' ? ` (${parent.description.replace(/\.$/, '')})` : '';
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = unknownField(error);
      const known = knownFields(error);
      const meant = closest(name, known);
      if (meant !== undefined) return `unknown field "${name}"; did you mean "${meant}"?`;
      return `unknown field${isSecret ? '' : ` "${name}"`}${known.length > 0 ? `; the fields here are ${known.join(', ')}` : ''}`;
    }
    case 'required':
      return `missing field "${String(error.params.missingProperty)}"`;
    case 'enum': {
      const allowed = (error.params.allowedValues as unknown[]).map((value) => JSON.stringify(value));
      const meant = typeof error.data === 'string' ? closest(JSON.stringify(error.data), allowed) : undefined;
      return `expected ${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}${actual}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
    }
    case 'const':
      return `expected ${JSON.stringify(error.params.allowedValue)}${actual}`;
    case 'type': {
      const types = [error.params.type as string | string[]].flat().map(typeText);
      return `expected ${types.join(' or ')}${described}${actual}`;
    }
    case 'pattern':
    case 'format':
      return `expected ${typeof parent.description === 'string' ? parent.description.replace(/\.$/, '') : `text matching ${String(error.params[error.keyword])}`}${actual}`;
    case 'uniqueItems':
      return `items ${String(error.params.j)} and ${String(error.params.i)} are equal; each may stand once`;
    case 'propertyNames':
      return `the field name "${String(error.params.propertyName)}" is not allowed here${described}`;
    case 'not':
      return `not allowed here${described}${actual}`;
    case 'dependentRequired':
      return `"${String(error.params.property)}" needs the field "${String(error.params.missingProperty)}" beside it`;
    default:
      return `${error.message ?? error.keyword}${described}${actual}`;
  }
}

function typeText(type: string): string {
  return (
    {
      object: 'an object',
      array: 'a list',
      integer: 'a whole number',
      string: 'a text',
      boolean: 'true or false',
    }[type] ?? `a ${type}`
  );
}

function list(names: unknown[]): string {
  return names.map((name) => `"${String(name)}"`).join(', ');
}

function got(value: unknown, isSecret: boolean): string {
  if (isSecret) return '';
  const text = JSON.stringify(value, (name, inner) => (name === 'key' ? '...' : inner)) ?? 'nothing';
  return `, got ${text.length > 60 ? `${text.slice(0, 57)}...` : text}`;
}

/** JSON pointer to the way people write it, naming an item by its "id" where it has one: `clauses[3] (2.1-a).level`. */
function pathText(pointer: string, data: unknown): string {
  let text = '';
  let value = data;
  for (const part of pointer.split('/').slice(1).map(unescaped)) {
    const isItem = Array.isArray(value);
    value = typeof value === 'object' && value !== null ? (value as JsonSchema)[part] : undefined;
    if (isItem) {
      const id = typeof value === 'object' && value !== null ? (value as JsonSchema).id : undefined;
      text += `[${part}]${typeof id === 'string' ? ` (${id})` : ''}`;
    } else if (/^[A-Za-z$_][\w$-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}
