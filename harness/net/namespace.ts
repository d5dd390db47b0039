import fs from 'node:fs';
import path from 'node:path';
import { KernelError, NetError } from './errors.ts';
import { CLONE_NEWNET, check, libc, MNT_DETACH, MS_BIND } from './libc.ts';

/** An open network namespace. `close` gives the descriptor back; the namespace itself lives on. */
export interface Namespace {
  readonly fd: number;
  readonly path: string;
  close(): void;
}

/** Where `ip netns` looks for names, so that `ip -n NAME` and `nsenter --net=PATH` see ours too. */
export const namespaceDirectory = '/run/netns';

/** The calling thread's own namespace: of the thread and not of the process, or a worker would see another one. */
const ownPath = '/proc/thread-self/ns/net';

let own: number | undefined;
let entered: number | undefined;

/** Opens the network namespace bound to `path`. Throws a KernelError, ENOENT when there is none. */
export function openNamespace(namespacePath: string): Namespace {
  const fd = openFile(namespacePath);
  let open = true;
  return {
    fd,
    path: namespacePath,
    close() {
      if (open) fs.closeSync(fd);
      open = false;
    },
  };
}

function openFile(namespacePath: string): number {
  try {
    return fs.openSync(namespacePath, 'r');
  } catch (error) {
    const { code = 'error', message } = error as NodeJS.ErrnoException;
    throw new KernelError(`open the network namespace ${namespacePath}`, code, message);
  }
}

/**
 * Runs `work` with the thread inside `namespace` (undefined: the process's own) and comes back, whatever happens.
 * `work` must be synchronous: anything that runs later runs outside. Sockets opened and programs started by `work`
 * belong to the namespace for good. Calls may be nested.
 */
export function inNamespace<T>(namespace: Namespace | undefined, work: () => T): T {
  if (namespace === undefined) return work();
  own ??= fs.openSync(ownPath, 'r');
  const before = entered ?? own;
  check(libc().setns(namespace.fd, CLONE_NEWNET), `enter the network namespace ${namespace.path}`);
  entered = namespace.fd;
  try {
    const result = work();
    if (result instanceof Promise)
      throw new NetError('NOT_SYNCHRONOUS', 'inNamespace: the work must be synchronous');
    return result;
  } finally {
    check(libc().setns(before, CLONE_NEWNET), 'go back to the former network namespace');
    entered = before === own ? undefined : before;
  }
}

/**
 * Runs `work` with the namespace bound to `path` open, and closes it whatever happens (undefined: none is opened, for the process's own).
 * What `work` opens within it stays. Throws as openNamespace does.
 */
export function withNamespace<T>(path: string | undefined, work: (namespace: Namespace | undefined) => T): T {
  const namespace = path === undefined ? undefined : openNamespace(path);
  try {
    return work(namespace);
  } finally {
    namespace?.close();
  }
}

/**
 * Makes a network namespace and binds it to /run/netns/NAME, as `ip netns add` does but without starting a program.
 * Needs a writable /run: see `mountPrivateRun`.
 */
export function createNamespace(name: string): string {
  const target = path.join(namespaceDirectory, name);
  fs.mkdirSync(namespaceDirectory, { recursive: true });
  fs.closeSync(fs.openSync(target, 'wx', 0o444));
  own ??= fs.openSync(ownPath, 'r');
  try {
    check(libc().unshare(CLONE_NEWNET), `make the network namespace ${name}`);
    try {
      check(
        libc().mount(ownPath, target, null, MS_BIND, null),
        `bind the network namespace ${name} to ${target}`,
      );
    } finally {
      check(libc().setns(entered ?? own, CLONE_NEWNET), 'go back to the former network namespace');
    }
  } catch (error) {
    fs.unlinkSync(target);
    throw error;
  }
  return target;
}

/** Removes what `createNamespace` made; it disappears with its last socket and process. A missing one is no error. */
export function deleteNamespace(namespacePath: string): void {
  libc().umount2(namespacePath, MNT_DETACH);
  fs.rmSync(namespacePath, { force: true });
}

/**
 * Writes sysctls of a network namespace. Names are paths below /proc/sys/net, for instance `ipv4/ip_forward`; they
 * are written in the order given. Names that start with `?` are skipped where the kernel does not have them.
 */
export function writeSysctls(
  namespace: Namespace | undefined,
  values: Record<string, string | number>,
): void {
  inNamespace(namespace, () => {
    for (const [name, value] of Object.entries(values)) {
      const file = path.join('/proc/sys/net', name.replace(/^\?/, ''));
      try {
        fs.writeFileSync(file, String(value));
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'error';
        if (name.startsWith('?') && code === 'ENOENT') continue;
        const advice = code === 'EROFS' ? '; in a container, start it with the option --privileged' : '';
        throw new NetError(code, `cannot write ${value} to ${file}: ${code}${advice}`);
      }
    }
  });
}
