import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inNamespace, type Namespace } from '../../net/index.ts';
import { ipv4Number } from '../common/addresses.ts';
import type { Lease } from './care-of.ts';

export interface DhcpOptions {
  namespace: Namespace | undefined;
  device: string;
  /** The address to ask for: that of the lease to be renewed. */
  wanted?: string;
  /** Called once, unless stopped before; with a reason when there is no lease. */
  take(lease: Lease | undefined, reason?: string): void;
}

const script = fileURLToPath(new URL('./lease.sh', import.meta.url));
/** Some servers look for three seconds whether the address is in use before they offer it. */
const discovers = 6;
const secondsBetween = 1;

/** Asks for a lease with busybox's DHCP client, which touches no device here. Returns how to stop asking. */
export function askForLease({ namespace, device, wanted, take }: DhcpOptions): () => void {
  const client = findClient();
  if (client === undefined) {
    const timer = setImmediate(() => take(undefined, 'there is no udhcpc; install the package udhcpc'));
    return () => clearImmediate(timer);
  }
  const options = ['-f', '-q', '-n', '-i', device, '-s', script];
  const patience = ['-t', String(discovers), '-T', String(secondsBetween), '-A', '1'];
  const [command, ...first] = client;
  const child: ChildProcess = inNamespace(namespace, () =>
    spawn(command, [...first, ...options, ...patience, ...(wanted === undefined ? [] : ['-r', wanted])], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  );
  let text = '';
  let isOver = false;
  const end = (reason: string) => {
    if (!isOver) {
      isOver = true;
      const lease = parseLease(text);
      take(lease, lease === undefined ? reason : undefined);
    }
  };
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text = (text + part).slice(-4096);
    if (parseLease(text) !== undefined) {
      end('');
    }
  });
  child.once('error', (error) => end(error.message)).once('close', () => end('no lease was given'));
  return () => {
    isOver = true;
    child.kill('SIGKILL');
  };
}

/** `lease ADDRESS ROUTER SECONDS`; without a router the address is of no use. */
export function parseLease(text: string): Lease | undefined {
  const found = /^lease (\S+) (\S+) (\d+)$/m.exec(text);
  if (found === null) {
    return undefined;
  }
  const [, address = '', router = '', seconds = ''] = found;
  try {
    return { address: ipv4Number(address), router: ipv4Number(router), leaseSeconds: Number(seconds) };
  } catch {
    return undefined;
  }
}

let foundClient: readonly [string, ...string[]] | undefined;

/** `udhcpc`, or busybox that holds it. */
function findClient(): readonly [string, ...string[]] | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
  const find = (name: string) => folders.map((folder) => join(folder, name)).find(isExecutable);
  if (foundClient === undefined) {
    const own = find('udhcpc');
    const busybox = find('busybox');
    foundClient = own !== undefined ? [own] : busybox !== undefined ? [busybox, 'udhcpc'] : undefined;
  }
  return foundClient;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
