/** Golden files: what a report has to be, to the octet. `UPDATE_GOLDEN=1` writes them anew; read the difference before you keep it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const folder = fileURLToPath(new URL('golden/', import.meta.url));

/** The content is that of `reports/testing/golden/<name>`. */
export function assertGolden(t: Test, name: string, content: string): void {
  const file = join(folder, name);
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  t.equal(content, readFileSync(file, 'utf8'), `${name} is the golden one (UPDATE_GOLDEN=1 writes it anew)`);
}
