/** Network namespaces as a journal names them, so that they are found again by another process. */
import fs from 'node:fs';
import { AF_INET, check, int32, libc, SOCK_CLOEXEC, SOCK_DGRAM, SOL_SOCKET } from './libc.ts';
import { inNamespace, type Namespace, namespaceDirectory, openNamespace } from './namespace.ts';

/** A namespace by what tells it from all others, and where it was found. */
export interface Place {
  inode: number;
  /** Of the kernel, for this namespace alone (inodes are used again); left out where it has none (before Linux 5.14). */
  cookie?: string;
  /** Left out: the namespace of the process that wrote this. */
  path?: string;
}

const ownPath = '/proc/thread-self/ns/net';
const SO_NETNS_COOKIE = 71;

/** The place of a namespace (undefined: the process's own). */
export function placeOf(namespace: Namespace | undefined): Place {
  const inode = namespace === undefined ? fs.statSync(ownPath).ino : fs.fstatSync(namespace.fd).ino;
  const cookie = cookieOf(namespace);
  return {
    inode,
    ...(cookie === undefined ? {} : { cookie }),
    ...(namespace === undefined ? {} : { path: namespace.path }),
  };
}

function cookieOf(namespace: Namespace | undefined): string | undefined {
  return inNamespace(namespace, () => {
    const fd = check(libc().socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open a socket');
    try {
      const value = new BigUint64Array(1);
      const result = libc().getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, value, int32(8));
      return result === 0 ? String(value[0]) : undefined;
    } finally {
      libc().close(fd);
    }
  });
}

/** Whether two places are one namespace. */
export const isSamePlace = (a: Place, b: Place): boolean => a.inode === b.inode && a.cookie === b.cookie;

/** Opens the namespace of a place, wherever it is bound or lived in now; undefined when it exists no more. */
export function openPlace(place: Place): Namespace | undefined {
  const candidates = function* (): Iterable<string> {
    yield ownPath;
    if (place.path !== undefined) yield place.path;
    for (const name of entries(namespaceDirectory)) yield `${namespaceDirectory}/${name}`;
    for (const name of entries('/proc')) if (/^\d+$/.test(name)) yield `/proc/${name}/ns/net`;
  };
  for (const candidate of candidates()) {
    try {
      if (fs.statSync(candidate).ino !== place.inode) continue;
      const namespace = openNamespace(candidate);
      if (isSamePlace(placeOf(namespace), place)) return namespace;
      namespace.close();
    } catch {
      // Gone, or not for us to see.
    }
  }
  return undefined;
}

function entries(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

/** Run work in the namespace of a place; returns undefined when it exists no more, and what is in it went with it. */
export function atPlace<T>(place: Place, work: (namespace: Namespace) => T): T | undefined {
  const namespace = openPlace(place);
  if (namespace === undefined) return undefined;
  try {
    return work(namespace);
  } finally {
    namespace.close();
  }
}
