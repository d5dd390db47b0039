/**
 * The small language of `requires` and `if`: names, `and`, `or`, `not`, `==`, `!=`, parentheses, quoted words, numbers,
 * true and false. Names are checked against what is known, so that a mistyped one is an error and never a silent "no".
 */
export type Value = string | number | boolean | null;

export type Expression =
  | { kind: 'value'; value: Value }
  | { kind: 'name'; name: string }
  | { kind: 'not'; of: Expression }
  | { kind: 'and' | 'or' | 'equal' | 'unequal'; left: Expression; right: Expression };

/** The expression cannot be read, or uses a name that is not known. */
export class ExpressionError extends Error {
  readonly code = 'BAD_EXPRESSION';
}

const tokenPattern = /\s*(?:('[^']*')|(\d+)|([A-Za-z][A-Za-z0-9_.-]*)|(==|!=|\(|\)))/y;

function tokens(text: string): string[] {
  const found: string[] = [];
  tokenPattern.lastIndex = 0;
  let at = 0;
  while (at < text.trimEnd().length) {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(text);
    if (match === null) throw new ExpressionError(`"${text}": cannot read from "${text.slice(at)}"`);
    found.push((match[1] ?? match[2] ?? match[3] ?? match[4]) as string);
    at = tokenPattern.lastIndex;
  }
  return found;
}

/** The same few stand in many vectors. */
const parsed = new Map<string, Expression>();

/** Parse an expression. Throws ExpressionError naming the text and the place. */
export function parseExpression(text: string): Expression {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const list = tokens(text);
  let at = 0;
  const fail = (what: string): never => {
    throw new ExpressionError(`"${text}": ${what}${at < list.length ? ` at "${list[at]}"` : ' at the end'}`);
  };
  const primary = (): Expression => {
    const token = list[at];
    if (token === undefined) return fail('a name or value is missing');
    at += 1;
    if (token === '(') {
      const inner = either();
      if (list[at] !== ')') return fail('")" is missing');
      at += 1;
      return inner;
    }
    if (token === 'not') return { kind: 'not', of: comparison() };
    if (token === 'true' || token === 'false') return { kind: 'value', value: token === 'true' };
    if (token.startsWith("'")) return { kind: 'value', value: token.slice(1, -1) };
    if (/^\d/.test(token)) return { kind: 'value', value: Number(token) };
    if (token === 'and' || token === 'or' || /^[=!)]/.test(token)) {
      at -= 1;
      return fail('a name or value is missing');
    }
    return { kind: 'name', name: token };
  };
  const comparison = (): Expression => {
    const left = primary();
    if (list[at] !== '==' && list[at] !== '!=') return left;
    const kind = list[at] === '==' ? 'equal' : 'unequal';
    at += 1;
    return { kind, left, right: primary() };
  };
  const both = (): Expression => {
    let left = comparison();
    while (list[at] === 'and') {
      at += 1;
      left = { kind: 'and', left, right: comparison() };
    }
    return left;
  };
  const either = (): Expression => {
    let left = both();
    while (list[at] === 'or') {
      at += 1;
      left = { kind: 'or', left, right: both() };
    }
    return left;
  };
  const expression = either();
  if (at < list.length) fail('something is left over');
  parsed.set(text, expression);
  return expression;
}

/** All names an expression uses. */
export function namesOf(expression: Expression): string[] {
  switch (expression.kind) {
    case 'value':
      return [];
    case 'name':
      return [expression.name];
    case 'not':
      return namesOf(expression.of);
    default:
      return [...namesOf(expression.left), ...namesOf(expression.right)];
  }
}

/** Evaluate; `lookup` gives the value of a name or undefined, which is an error. */
export function evaluate(expression: Expression, lookup: (name: string) => Value | undefined): Value {
  switch (expression.kind) {
    case 'value':
      return expression.value;
    case 'name': {
      const value = lookup(expression.name);
      if (value === undefined) throw new ExpressionError(`the name "${expression.name}" is not known here`);
      return value;
    }
    case 'not':
      return !evaluate(expression.of, lookup);
    case 'and':
      return Boolean(evaluate(expression.left, lookup)) && Boolean(evaluate(expression.right, lookup));
    case 'or':
      return Boolean(evaluate(expression.left, lookup)) || Boolean(evaluate(expression.right, lookup));
    case 'equal':
      return evaluate(expression.left, lookup) === evaluate(expression.right, lookup);
    case 'unequal':
      return evaluate(expression.left, lookup) !== evaluate(expression.right, lookup);
  }
}
