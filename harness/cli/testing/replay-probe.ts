/**
 * Sends a capsule's stimuli once more to a reference agent in a lab of its own. Run in a private world by capsule.test.ts with the role, the
 * path of the script and, if need be, a deviation; writes what the script wrote.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { openBench } from '../../bench/open.ts';
import { projectRoot } from '../../vectors/load.ts';
import { loadProfile } from '../../vectors/profile.ts';
import { toHex } from '../../wire/index.ts';

const [, , role = '', script = '', deviation] = process.argv;
const devices: { readonly [role: string]: { readonly [port: string]: string } } = {
  'home-agent': { mn: 'mn0', cn: 'cn0' },
  'foreign-agent': { mn: 'visited0', ha: 'ha0', cn: 'cn0' },
};
const profile = loadProfile(join(projectRoot, `harness/bench/lab/${role}.profile.json`));
const open = await openBench(profile, { deviations: deviation === undefined ? [] : [deviation] });
try {
  const associations = [
    ...profile.mobileNodes.flatMap(({ association, foreignAssociation }) => [
      association,
      foreignAssociation,
    ]),
    ...[...profile.homeAgents, ...profile.foreignAgents].map(({ association }) => association),
  ].filter((one) => one !== undefined);
  const keys = associations.map(({ spi, key }) => [`DSMIP_KEY_${spi}`, toHex(key)]);
  const ports = Object.entries(devices[role] ?? {}).flatMap(([port, device]) => [
    '--port',
    `${port}=${device}`,
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
