/**
 * Checks the project's data files against the closed JSON Schemas in vectors/schema and says, for
 * people, what is wrong: file, place in the file, what was expected, and the name probably meant.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
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
    throw new DataError(file, [{ path: '', message: `not JSON: ${(error as Error).message}` }]);
  }
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
  const check = compiled(schemaFile);
  if (check(data)) return [];
  return explain(check.errors ?? [], schemaFile.split('#')[0] ?? schemaFile, data, '');
}

// Compiling: each schema file is read when it is first needed, with the files it refers to.

type JsonSchema = { [keyword: string]: unknown };

const ajv = new Ajv2020({
  allErrors: true,
  verbose: true,
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
});
const sources = new Map<string, JsonSchema>();

function compiled(reference: string): ValidateFunction {
  load(reference.split('#')[0] ?? reference);
  const check = ajv.getSchema(reference);
  if (check === undefined) throw new Error(`no schema at ${reference}`);
  return check;
}

function load(schemaFile: string): void {
  if (sources.has(schemaFile)) return;
  const schema = readJson(join(schemaDirectory, basename(schemaFile))) as JsonSchema;
  sources.set(schemaFile, schema);
  ajv.addSchema(schema, schemaFile);
  for (const [, other] of JSON.stringify(schema).matchAll(/"\$ref":"([^"#]+)(?:#[^"]*)?"/g))
    load(other as string);
}

// Explaining

/** `verbose` puts the schema around the failed keyword and the data at the place into every error. */
function explain(errors: readonly ErrorObject[], root: string, data: unknown, base: string): Problem[] {
  const choices = errors.filter(({ keyword }) => keyword === 'oneOf' || keyword === 'anyOf');
  // The errors below a choice are those of every branch at once; the choice itself is explained by its best branch.
  const below = (error: ErrorObject) =>
    choices.some(
      (choice) =>
        choice !== error && isInside(error.instancePath, choice.instancePath) && isOfBranch(error, choice),
    );
  const problems: Problem[] = [];
  for (const error of errors) {
    if (error.keyword === 'if' || below(error)) continue;
    const path = pathText(base + error.instancePath, data);
    if (choices.includes(error)) problems.push(...explainChoice(error, root, data, base));
    else problems.push({ path, message: messageOf(error) });
  }
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => !seen.has(path + message) && seen.add(path + message));
}

function isInside(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}/`);
}

/** Whether the error comes from within one of the choice's branches: found there by its own schema object. */
function isOfBranch(error: ErrorObject, choice: ErrorObject): boolean {
  if (error.schemaPath.startsWith(`${choice.schemaPath}/`)) return true;
  return (choice.schema as JsonSchema[]).some((branch) => mentions(branch, error.parentSchema, 0, new Set()));
}

function mentions(schema: unknown, wanted: unknown, depth: number, visited: Set<unknown>): boolean {
  if (schema === wanted) return true;
  if (typeof schema !== 'object' || schema === null || visited.has(schema) || depth > 40) return false;
  visited.add(schema);
  const reference = (schema as JsonSchema).$ref;
  if (
    typeof reference === 'string' &&
    resolveAll(reference).some((target) => mentions(target, wanted, depth + 1, visited))
  ) {
    return true;
  }
  return Object.values(schema).some((value) => mentions(value, wanted, depth + 1, visited));
}

/** What a reference may stand for; a local one ("#/...") does not say in which file it was written. */
function resolveAll(reference: string): unknown[] {
  const [file = '', pointer = ''] = reference.split('#');
  const candidates = file === '' ? [...sources.values()] : [sources.get(file)];
  return candidates.map((schema) => atPointer(schema, pointer)).filter((schema) => schema !== undefined);
}

function atPointer(schema: unknown, pointer: string): unknown {
  let value = schema;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as JsonSchema)[unescaped(part)];
  }
  return value;
}

function unescaped(part: string): string {
  return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
}

interface Attempt {
  problems: Problem[];
  /** How badly the shape itself is missed: wrong kind of value, fields missing or unknown at this very place. */
  distance: number;
  name: string;
}

/** Explains a failed oneOf/anyOf by the branch that comes nearest; by the names of all of them if none is near. */
function explainChoice(choice: ErrorObject, root: string, data: unknown, base: string): Problem[] {
  const path = pathText(base + choice.instancePath, data);
  const branches = choice.schema as JsonSchema[];
  const attempts = branches.map((branch, index) => attempt(choice, branch, index, root, data, base));
  const names = attempts.map(({ name }) => name);
  if (attempts.some(({ distance }) => distance < 0))
    return [{ path, message: `expected exactly one of: ${names.join('; ')}` }];
  attempts.sort((a, b) => a.distance - b.distance || a.problems.length - b.problems.length);
  const [best, second] = attempts;
  const isObject = typeof choice.data === 'object' && choice.data !== null;
  const isClear =
    best !== undefined && (best.distance === 0 || (isObject && best.distance < (second?.distance ?? 99)));
  if (isClear) return best.problems;
  return [{ path, message: `expected one of: ${names.join('; ')}${got(choice.data)}` }];
}

function attempt(
  choice: ErrorObject,
  branch: JsonSchema,
  index: number,
  root: string,
  data: unknown,
  base: string,
): Attempt {
  const [file = '', pointer = ''] = choice.schemaPath.split('#');
  const candidates = file === '' ? [root, ...sources.keys()] : [file];
  const home = candidates.find((name) =>
    isDeepStrictEqual(atPointer(sources.get(name), pointer), choice.schema),
  );
  const name = nameOf(branch);
  if (home === undefined) return { problems: [], distance: 99, name };
  const check = compiled(`${home}#${pointer}/${index}`);
  if (check(choice.data)) return { problems: [], distance: -1, name };
  const errors = check.errors ?? [];
  const distance = errors.filter((error) => isOfShape(error)).length;
  return { problems: explain(errors, home, data, base + choice.instancePath), distance, name };
}

const shapeKeywords = new Set(['type', 'required', 'additionalProperties', 'unevaluatedProperties']);

function isOfShape(error: ErrorObject): boolean {
  const depth = error.instancePath.split('/').length - 1;
  return (
    (depth === 0 && (shapeKeywords.has(error.keyword) || isLiteral(error))) ||
    (depth === 1 && error.keyword === 'const')
  );
}

function isLiteral({ keyword }: ErrorObject): boolean {
  return keyword === 'const' || keyword === 'enum' || keyword === 'pattern';
}

/** What a schema calls the value it describes. */
function nameOf(schema: JsonSchema): string {
  const target =
    typeof schema.$ref === 'string' ? ((resolveAll(schema.$ref)[0] ?? schema) as JsonSchema) : schema;
  if (typeof schema.title === 'string') return schema.title;
  if (typeof target.title === 'string') return target.title;
  if ('const' in target) return JSON.stringify(target.const);
  if (Array.isArray(target.enum)) return target.enum.map((value) => JSON.stringify(value)).join(', ');
  if (typeof target.description === 'string') return target.description;
  if (Array.isArray(target.required) && target.required.length > 0)
    return `an object with ${list(target.required)}`;
  return typeof target.type === 'string' ? typeText(target.type) : 'another form';
}

function messageOf(error: ErrorObject): string {
  const parent = (error.parentSchema ?? {}) as JsonSchema;
  const described =
    typeof parent.description === 'string' ? ` (${parent.description.replace(/\.$/, '')})` : '';
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const name = String(error.params.additionalProperty ?? error.params.unevaluatedProperty);
      const known = Object.keys((parent.properties ?? {}) as object).filter((key) => key !== '$schema');
      const meant = closest(name, known);
      if (meant !== undefined) return `unknown field "${name}"; did you mean "${meant}"?`;
      return `unknown field "${name}"${known.length > 0 ? `; the fields here are ${known.join(', ')}` : ''}`;
    }
    case 'required':
      return `missing field "${String(error.params.missingProperty)}"`;
    case 'enum': {
      const allowed = (error.params.allowedValues as unknown[]).map((value) => JSON.stringify(value));
      const meant = typeof error.data === 'string' ? closest(JSON.stringify(error.data), allowed) : undefined;
      return `expected ${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}${got(error.data)}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
    }
    case 'const':
      return `expected ${JSON.stringify(error.params.allowedValue)}${got(error.data)}`;
    case 'type': {
      const types = [error.params.type as string | string[]].flat().map(typeText);
      return `expected ${types.join(' or ')}${described}${got(error.data)}`;
    }
    case 'pattern':
      return `expected ${typeof parent.description === 'string' ? parent.description.replace(/\.$/, '') : `text matching ${String(error.params.pattern)}`}${got(error.data)}`;
    case 'uniqueItems':
      return `items ${String(error.params.j)} and ${String(error.params.i)} are equal; each may stand once`;
    case 'propertyNames':
      return `the field name "${String(error.params.propertyName)}" is not allowed here${described}`;
    case 'not':
      return `not allowed here${described}${got(error.data)}`;
    case 'dependentRequired':
      return `"${String(error.params.property)}" needs the field "${String(error.params.missingProperty)}" beside it`;
    default:
      return `${error.message ?? error.keyword}${described}${got(error.data)}`;
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

function got(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
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
