/** Reads a file that anybody may have put there: a pipe or a device in its place would never end. */
import { readFileSync, statSync } from 'node:fs';

/** Throws as `readFileSync` does; for what is no regular file an error with the code `EINVAL`. */
export function readRegularFile(path: string): Buffer {
  if (!statSync(path).isFile())
    throw Object.assign(new Error(`${path}: is no regular file`), { code: 'EINVAL' });
  return readFileSync(path);
}
