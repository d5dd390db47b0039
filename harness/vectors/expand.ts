/**
 * From a vector file to tests: positions and table rows multiplied out, `$with` parameters filled in, fragments and
 * conditions spliced. Pure: no file is read here.
 */

import { fault } from './errors.ts';
import { ExpressionError, evaluate, parseExpression, type Value } from './expression.ts';
import type { Check, HookName, Json, JsonObject, MoveStep, Position, Step, VariantName } from './types.ts';

export interface Fragment {
  title: string;
  /** Default of each parameter; null: has to be given. */
  parameters: { [name: string]: Json };
  /** One of these: what `use` is replaced by. */
  steps?: Json[];
  layers?: Json[];
  extensions?: Json[];
  checks?: Json[];
}
export type Fragments = ReadonlyMap<string, Fragment>;

/** Where an expansion happens: for messages, for `$with`, and for what conditions may ask. */
export interface Scope {
  file: string;
  parameters: JsonObject;
  position: Position;
  /** Fragments being expanded, outermost first, to find circles. */
  within: string[];
  /** Told every fragment that is used. */
  used: (name: string) => void;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function positionFacts(position: Position): { [name: string]: Value } {
  return {
    position,
    'coa.colocated': position === 'co-located' || position === 'home-link',
    'coa.secured': position === 'foreign-agent-secured' || position === 'visited-link-secured',
  };
}

/** Names a condition (`if`) may use: `with.x`, `position`, `coa.colocated`, `coa.secured`. */
function conditionHolds(text: string, scope: Scope, path: string): boolean {
  const facts = positionFacts(scope.position);
  const lookup = (name: string): Value | undefined => {
    if (name.startsWith('with.')) {
      const value = scope.parameters[name.slice(5)];
      return value === undefined || typeof value === 'object' ? (value === null ? null : undefined) : value;
    }
    return facts[name];
  };
  try {
    return Boolean(evaluate(parseExpression(text), lookup));
  } catch (error) {
    if (error instanceof ExpressionError) throw fault(scope.file, path, `condition ${error.message}`);
    throw error;
  }
}

function parameter(name: string, scope: Scope, path: string): Json {
  const value = scope.parameters[name];
  if (value === undefined) {
    const known = Object.keys(scope.parameters).join(', ') || 'none';
    throw fault(scope.file, path, `$with.${name} is not a parameter here (known: ${known})`);
  }
  return value;
}

function expandString(text: string, scope: Scope, path: string): Json {
  if (text.startsWith('$with.')) return parameter(text.slice(6), scope, path);
  return text.replace(/\$\{with\.([A-Za-z0-9]+)\}/g, (_, name: string) =>
    String(parameter(name, scope, path)),
  );
}

function expandFragment(element: JsonObject, fragments: Fragments, scope: Scope, path: string): Json[] {
  const name = String(element.use);
  const fragment = fragments.get(name);
  if (fragment === undefined) throw fault(scope.file, path, `there is no fragment "${name}"`);
  if (scope.within.includes(name)) {
    throw fault(
      scope.file,
      path,
      `fragments use each other in a circle: ${[...scope.within, name].join(' > ')}`,
    );
  }
  scope.used(name);
  const given: JsonObject = {};
  const parts = Array.isArray(element.with) ? element.with : element.with === undefined ? [] : [element.with];
  for (const part of parts) Object.assign(given, expandJson(part, fragments, scope, `${path}.with`));
  for (const key of Object.keys(given)) {
    if (!(key in fragment.parameters)) {
      const known = Object.keys(fragment.parameters).join(', ') || 'none';
      throw fault(
        scope.file,
        `${path}.with.${key}`,
        `fragment "${name}" has no such parameter (it has: ${known})`,
      );
    }
  }
  const parameters: JsonObject = {};
  for (const [key, standard] of Object.entries(fragment.parameters)) {
    // A default may build on the parameters declared before it.
    const value =
      given[key] ?? expandJson(standard, fragments, { ...scope, parameters }, `${path}<${name}>.${key}`);
    if (value === null && given[key] === undefined) {
      throw fault(scope.file, `${path}.with`, `fragment "${name}" needs the parameter "${key}"`);
    }
    parameters[key] = value;
  }
  const inner: Scope = { ...scope, parameters, within: [...scope.within, name] };
  const content = fragment.steps ?? fragment.layers ?? fragment.extensions ?? fragment.checks ?? [];
  return expandJson(content, fragments, inner, `${path}<${name}>`) as Json[];
}

/** Replace parameters, fragments (`use`) and conditions (`if`/`then`/`else`) anywhere in a value. */
export function expandJson(value: Json, fragments: Fragments, scope: Scope, path: string): Json {
  if (typeof value === 'string') return expandString(value, scope, path);
  if (Array.isArray(value)) {
    const out: Json[] = [];
    for (const [index, element] of value.entries()) {
      const at = `${path}[${index}]`;
      if (isObject(element) && typeof element.use === 'string') {
        out.push(...expandFragment(element, fragments, scope, at));
      } else if (isObject(element) && typeof element.if === 'string') {
        const branch = conditionHolds(element.if, scope, `${at}.if`) ? element.then : element.else;
        if (branch !== undefined) out.push(...(expandJson(branch, fragments, scope, at) as Json[]));
      } else if (typeof element === 'string' && element.startsWith('$with.')) {
        const given = parameter(element.slice(6), scope, at);
        if (Array.isArray(given)) out.push(...given);
        else out.push(given);
      } else {
        out.push(expandJson(element, fragments, scope, at));
      }
    }
    return out;
  }
  if (isObject(value)) {
    const out: JsonObject = {};
    for (const [key, inner] of Object.entries(value))
      out[key] = expandJson(inner, fragments, scope, `${path}.${key}`);
    return out;
  }
  return value;
}

const asList = (value: Json | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];

const optionalText = (value: Json | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

/** Turn expanded JSON steps into typed ones. `part` decides whether expectations need a clause. */
export function readSteps(
  list: Json[],
  file: string,
  path: string,
  part: 'preamble' | 'body' | 'postamble',
): Step[] {
  return list.map((raw, index) => readStep(raw as JsonObject, file, `${path}[${index}]`, part));
}

function readStep(
  step: JsonObject,
  file: string,
  path: string,
  part: 'preamble' | 'body' | 'postamble',
): Step {
  const control = part !== 'body' || step.control === true;
  const clauses = asList(step.clause);
  const needClause = (): void => {
    if (!control && clauses.length === 0) {
      throw fault(
        file,
        path,
        'an expectation in the body needs a "clause" (or "control": true when it judges nothing)',
      );
    }
    if (part !== 'body' && clauses.length > 0) {
      throw fault(file, path, 'only an expectation in the body may name a clause');
    }
    if (step.control === true && clauses.length > 0) {
      throw fault(file, path, 'a control judges nothing: take "clause" or "control" away');
    }
  };
  if (step.applies === true && part !== 'preamble') {
    throw fault(file, path, '"applies" has its place in the preamble');
  }
  const reading = optionalText(step.reading);
  if (Array.isArray(step.send)) {
    return {
      kind: 'send',
      path,
      at: step.at ?? null,
      packet: step.send,
      tamper: (step.tamper as JsonObject[] | undefined) ?? [],
      by: String(step.by ?? 'mn'),
      ...(step.as === undefined ? {} : { as: String(step.as) }),
    };
  }
  if (Array.isArray(step.every)) {
    needClause();
    return {
      kind: 'every',
      path,
      at: step.at ?? null,
      of: step.every,
      since: String(step.since),
      needed: step.needed !== false,
      ...(step.within === undefined ? {} : { within: step.within }),
      control,
      checks: [
        {
          clauses,
          pattern: (step.expect ?? []) as Json[],
          ...(reading === undefined ? {} : { reading }),
        },
      ],
    };
  }
  if (Array.isArray(step.expect)) {
    needClause();
    const checks: Check[] = [
      { clauses, pattern: step.expect, ...(reading === undefined ? {} : { reading }) },
    ];
    for (const more of (step.checks as JsonObject[] | undefined) ?? []) {
      const moreReading = optionalText(more.reading);
      const moreClauses = asList(more.clause);
      if (part !== 'body') throw fault(file, path, 'only an expectation in the body may have "checks"');
      checks.push({
        clauses: moreClauses,
        pattern: more.expect as Json[],
        ...(moreReading === undefined ? {} : { reading: moreReading }),
      });
    }
    return {
      kind: 'expect',
      path,
      at: step.at ?? null,
      checks,
      control,
      applies: step.applies === true,
      accepted: step.accepted === true,
      ...(step.again === undefined ? {} : { again: step.again }),
      ...(step.answers === undefined ? {} : { answers: String(step.answers) }),
      ...(step.since === undefined ? {} : { since: String(step.since) }),
      ...(step.within === undefined ? {} : { within: step.within }),
      ...(step.as === undefined ? {} : { as: String(step.as) }),
      capture: (step.capture as { [name: string]: string } | undefined) ?? {},
    };
  }
  if (isObject(step.silence)) {
    needClause();
    const silence = step.silence;
    return {
      kind: 'silence',
      path,
      at: silence.at ?? null,
      of: silence.of as Json[][],
      clauses,
      control,
      stimulus: readSteps(
        (silence.stimulus as Json[] | undefined) ?? [],
        file,
        `${path}.silence.stimulus`,
        'preamble',
      ),
      barrier: readSteps(
        (silence.barrier as Json[] | undefined) ?? [],
        file,
        `${path}.silence.barrier`,
        'preamble',
      ),
      ...(reading === undefined ? {} : { reading }),
      ...(silence.linger === undefined ? {} : { linger: silence.linger }),
      ...(silence.since === undefined ? {} : { since: String(silence.since) }),
      ...(isObject(silence.until)
        ? { until: { since: String(silence.until.since), seconds: silence.until.seconds ?? 0 } }
        : {}),
    };
  }
  if (isObject(step.record)) {
    needClause();
    const record = step.record;
    return {
      kind: 'record',
      path,
      at: record.at ?? null,
      clauses,
      options: record.options as { [name: string]: Json[] },
      ...(record.wanted === undefined ? {} : { wanted: record.wanted as string[] }),
      stimulus: readSteps(
        (record.stimulus as Json[] | undefined) ?? [],
        file,
        `${path}.record.stimulus`,
        'preamble',
      ),
      barrier: readSteps(
        (record.barrier as Json[] | undefined) ?? [],
        file,
        `${path}.record.barrier`,
        'preamble',
      ),
      ...(record.answers === undefined ? {} : { answers: String(record.answers) }),
      ...(record.since === undefined ? {} : { since: String(record.since) }),
      ...(isObject(record.until)
        ? { until: { since: String(record.until.since), seconds: record.until.seconds ?? 0 } }
        : {}),
      ...(reading === undefined ? {} : { reading }),
    };
  }
  if (isObject(step.survive)) {
    needClause();
    const { at, packets, variants, by } = step.survive;
    return {
      kind: 'survive',
      path,
      at: at ?? null,
      packets: packets as Json[][],
      variants: variants as VariantName[],
      by: String(by ?? 'mn'),
      clauses,
    };
  }
  if (isObject(step.wait)) {
    return {
      kind: 'wait',
      path,
      since: String(step.wait.since),
      seconds: step.wait.seconds ?? 0,
      plus: step.wait.plus ?? 0,
    };
  }
  if (typeof step.hook === 'string') {
    return {
      kind: 'hook',
      path,
      name: step.hook as HookName,
      ...(step.as === undefined ? {} : { as: String(step.as) }),
    };
  }
  if (typeof step.move === 'string') {
    return {
      kind: 'move',
      path,
      to: step.move as MoveStep['to'],
      ...(step.as === undefined ? {} : { as: String(step.as) }),
    };
  }
  if (isObject(step.transfer)) {
    if (part === 'body') needClause();
    const { to, connection, octets } = step.transfer;
    return {
      kind: 'transfer',
      path,
      to: to ?? null,
      connection: String(connection),
      octets: Number(octets),
      clauses,
      ...(step.as === undefined ? {} : { as: String(step.as) }),
    };
  }
  throw fault(
    file,
    path,
    'a step has one of "send", "expect", "silence", "record", "survive", "wait", "hook", "move", "transfer" or "use"',
  );
}
