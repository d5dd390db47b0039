import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../vectors/load.ts';

/** Version of this program, from package.json. */
export function version(): string {
  return (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string }).version;
}
