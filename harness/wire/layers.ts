import { EncodeError } from './errors.ts';

/** The one key of a layer, extension or option object. Throws EncodeError `WIRE_NAME` when it has none or several. */
export function onlyKey(object: object, what: string): string {
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
