/**
 * The kernel of a foreign agent's lab asks who has the IPv6 address of a visitor, as a foreign agent may that leaves delivery to its
 * kernel. Run in a private world by visitors.test.ts; writes what the kernel found as one JSON object.
 */
import { join } from 'node:path';
import { ipBatch } from '../net/index.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { spawnIn } from './lab.ts';
import { openBench } from './open.ts';

const device = 'visited0';
const namespace = '/run/netns/lab1-iut';
const profile = loadProfile(join(projectRoot, 'harness/bench/lab/foreign-agent.profile.json'));
const open = await openBench(profile);
const session = open.bench.session({ keys: [], udpPorts: [], mobileNode: 0 });

/** Run a command in the foreign agent's namespace to its end; what it wrote. */
async function output(...argv: string[]): Promise<string> {
  const child = spawnIn(namespace, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return text;
}

/** The MAC address that the kernel finds for a neighbour, or how far it has come. */
async function resolved(address: string): Promise<string> {
  const probe = spawnIn(namespace, [
    process.execPath,
    '-e',
    `require('dgram').createSocket('udp6').send('x', 9, '${address}', () => process.exit())`,
  ]);
  await new Promise((resolve) => probe.once('close', resolve));
  for (;;) {
    const [entry] = JSON.parse(await output('ip', '-6', '-j', 'neigh', 'show', address, 'dev', device));
    if (entry?.lladdr !== undefined) return entry.lladdr;
    if (entry?.state?.[0] === 'FAILED') return 'FAILED';
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

try {
  ipBatch([['route', 'replace', '2001:db8:1::/64', 'dev', device]], namespace);
  const visitor = profile.mobileNodes[0]?.ipv6HomeAddress ?? '';
  const found = {
    visitor: await resolved(visitor),
    stranger: await resolved('2001:db8:1::dead'),
    mac: open.bench.mac('mn'),
  };
  process.stdout.write(JSON.stringify(found));
} finally {
  session.close();
  await open.close();
}
