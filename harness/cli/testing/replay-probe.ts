/**
 * Sends a capsule's stimuli once more to a reference home agent in a lab of its own. Run in a private world by capsule.test.ts with the
 * path of the script and, if need be, a deviation; writes what the script wrote.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { openBench } from '../../bench/open.ts';
import { projectRoot } from '../../vectors/load.ts';
import { loadProfile } from '../../vectors/profile.ts';
import { toHex } from '../../wire/index.ts';

const [, , script = '', deviation] = process.argv;
const profile = loadProfile(join(projectRoot, 'harness/bench/lab/home-agent.profile.json'));
const open = await openBench(profile, { deviations: deviation === undefined ? [] : [deviation] });
try {
  const keys = profile.mobileNodes.map(({ association: { spi, key } }) => [`DSMIP_KEY_${spi}`, toHex(key)]);
  const ports = ['mn', 'cn'].flatMap((port) => [
    '--port',
    `${port}=${port}0`,
    '--netns',
    `${port}=/run/netns/lab1-${port}`,
  ]);
  const child = spawn('python3', [script, ...ports, '--wait', '0.5'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...Object.fromEntries(keys) },
  });
  await new Promise((resolve) => child.once('close', resolve));
} finally {
  await open.close();
}
