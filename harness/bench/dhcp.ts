/** Gives a mobile node under test a co-located care-of address: dnsmasq, on the harness's port, while a test runs. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { administratorEnvironment } from '../net/index.ts';
import type { PortLink, VisitedNetwork } from '../vectors/profile.ts';
import { addressPlus } from '../wire/index.ts';
import { BenchError } from './agent-process.ts';
import { spawnHere, spawnIn } from './lab.ts';

const startSeconds = 5;

/** The server's program, and the Debian package it comes with. */
export const dhcpServer = { program: 'dnsmasq', package: 'dnsmasq-base' } as const;

export interface DhcpServer {
  close(): Promise<void>;
}

/** Start the server of a network on a link, with so many addresses from the first care-of address on. Rejects with BenchError. */
export async function startDhcp(
  link: PortLink,
  { router, careOfAddress, prefixLength }: VisitedNetwork,
  { leaseSeconds, addresses }: { leaseSeconds: number; addresses: number },
): Promise<DhcpServer> {
  const last = addressPlus(careOfAddress, addresses - 1);
  const argv = [
    dhcpServer.program,
    '--no-daemon',
    '--conf-file=/dev/null',
    '--port=0',
    '--no-ping',
    '--dhcp-authoritative',
    '--leasefile-ro',
    '--bind-interfaces',
    `--interface=${link.device}`,
    '--except-interface=lo',
    '--log-dhcp',
    '--user=',
    '--group=',
    '--pid-file=',
    `--dhcp-range=${careOfAddress},${last},${netmask(prefixLength)},${leaseSeconds}`,
    `--dhcp-option=option:router,${router}`,
  ];
  const options = {
    stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'],
    env: administratorEnvironment(),
  };
  const child =
    link.namespace === undefined ? spawnHere(argv, options) : spawnIn(link.namespace, argv, options);
  await started(child);
  return {
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** `255.255.0.0` for 16. */
function netmask(length: number): string {
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return [mask >>> 24, (mask >>> 16) & 255, (mask >>> 8) & 255, mask & 255].join('.');
}

/** It says "started" once it has bound its sockets. */
async function started(child: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new BenchError(`the DHCP server ${why}: ${said.trim().split('\n').slice(-3).join(' / ')}`));
    };
    const timer = setTimeout(() => fail(`was not ready within ${startSeconds} s`), startSeconds * 1000);
    child.once('error', (error: NodeJS.ErrnoException) =>
      fail(error.code === 'ENOENT' ? `is missing: install the package ${dhcpServer.package}` : error.message),
    );
    child.once('exit', () => fail('ended'));
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-4000);
      if (!/started|DHCP, IP range/.test(said)) return;
      clearTimeout(timer);
      resolve();
    });
  });
}
