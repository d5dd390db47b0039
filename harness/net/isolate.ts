import fs from 'node:fs';
import { NetError } from './errors.ts';
import { check, libc, MS_NODEV, MS_NOSUID } from './libc.ts';

/** The arguments of `unshare` that make the private world; the kernel takes it away with its first process. */
export const isolation = ['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--kill-child'];

/**
 * Wraps a command so that it runs as root of private user, network, mount and process namespaces; works for root and
 * for an ordinary user alike. The command becomes process 1 there: the kernel withholds from it every signal that it
 * has no handler for, so it must handle SIGINT and SIGTERM itself (`exitOnSignals`). `unshare` holds those two back
 * while it waits: to end everything from outside, send it SIGKILL.
 */
export function isolated(argv: string[]): { command: string; args: string[] } {
  return { command: 'unshare', args: [...isolation, '--', ...argv] };
}

/** True inside a world made by `isolated`: exactly one user is mapped, and it is root. */
export function isIsolated(): boolean {
  try {
    const map = fs.readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);
    return map.length === 3 && map[0] === '0' && map[2] === '1';
  } catch {
    return false;
  }
}

/** Ends the process on the signals that a terminal or a supervisor sends, with the customary status 128 + number. */
export function exitOnSignals(): void {
  for (const [signal, number] of [
    ['SIGHUP', 1],
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.once(signal, () => process.exit(128 + number));
  }
}

/** Says whose /run it is: a world within a private one has another. */
const marker = '/run/.dsmip-private';

function isCovered(mounts: string): boolean {
  return fs.existsSync(marker) && fs.readFileSync(marker, 'utf8') === mounts;
}

/**
 * Covers /run with an empty file system of our own, so that /run/netns can be written. Refuses outside a private
 * world, where it would hide the system's /run. Doing it twice is no error.
 */
export function mountPrivateRun(): void {
  const mounts = fs.readlinkSync('/proc/self/ns/mnt');
  if (isCovered(mounts)) return;
  if (!isIsolated()) {
    throw new NetError(
      'NOT_ISOLATED',
      'this must run in private namespaces: start the program through isolated()',
    );
  }
  check(
    libc().mount('tmpfs', '/run', 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=755'),
    'cover /run with a private tmpfs',
  );
  fs.writeFileSync(marker, mounts);
}
