/** Neighbour discovery on a visited link: the harness answers for the mobile nodes that it is, and for nobody else. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isolated } from '../net/index.ts';

const probe = fileURLToPath(new URL('./visitors-probe.ts', import.meta.url));

t.test('a kernel finds a visitor, and no stranger', (t) => {
  const { command, args } = isolated([process.execPath, '--import', 'tsx', probe]);
  const found = JSON.parse(execFileSync(command, args, { encoding: 'utf8', timeout: 50_000 }));
  t.match(found.mac, /^[0-9a-f:]{17}$/);
  t.equal(found.visitor, found.mac);
  t.equal(found.stranger, 'FAILED');
  t.end();
});
