import { EncodeError } from './errors.ts';

/** The items of a list of extensions, options or addresses; none when it is left out. Throws EncodeError `WIRE_NAME`. */
export function listOf<T>(items: readonly T[] | undefined, field: string): readonly T[] {
  if (items === undefined) return [];
  if (!Array.isArray(items)) throw new EncodeError('WIRE_NAME', `${field}: a list is wanted`);
  return items;
}

/** Throws EncodeError `WIRE_NAME` unless there is an object of fields. */
export function checkFields(fields: unknown, name: string): void {
  if (typeof fields !== 'object' || fields === null) {
    throw new EncodeError('WIRE_NAME', `${name}: an object of fields is wanted`);
  }
}

/** The one key of a layer, extension or option object. Throws EncodeError `WIRE_NAME` when it has none or several. */
export function onlyKey(object: object, what: string): string {
  checkFields(object, what);
  let found: string | undefined;
  for (const key in object) {
    if (found !== undefined) {
      throw new EncodeError('WIRE_NAME', `one key is wanted in a ${what}, not '${found}' and '${key}'`);
    }
    found = key;
  }
  if (found === undefined) throw new EncodeError('WIRE_NAME', `an empty object is no ${what}`);
  return found;
}
