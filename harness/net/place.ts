/** Network namespaces as a journal names them, so that they are found again by another process. */
import fs from 'node:fs';
import { type Namespace, namespaceDirectory, openNamespace } from './namespace.ts';

/** A namespace by its inode, which no other has while it exists, and where it was found. */
export interface Place {
  inode: number;
  /** Left out: the namespace of the process that wrote this. */
  path?: string;
}

const ownPath = '/proc/thread-self/ns/net';

/** The place of a namespace (undefined: the process's own). */
export function placeOf(namespace: Namespace | undefined): Place {
  if (namespace === undefined) return { inode: fs.statSync(ownPath).ino };
  return { inode: fs.fstatSync(namespace.fd).ino, path: namespace.path };
}

/** Opens the namespace of a place, wherever it is bound or lived in now; undefined when it exists no more. */
export function openPlace({ inode, path }: Place): Namespace | undefined {
  const candidates = function* (): Iterable<string> {
    yield ownPath;
    if (path !== undefined) yield path;
    for (const name of entries(namespaceDirectory)) yield `${namespaceDirectory}/${name}`;
    for (const name of entries('/proc')) if (/^\d+$/.test(name)) yield `/proc/${name}/ns/net`;
  };
  for (const candidate of candidates()) {
    try {
      if (fs.statSync(candidate).ino !== inode) continue;
      const namespace = openNamespace(candidate);
      // It may have been another one's by the time it was opened.
      if (fs.fstatSync(namespace.fd).ino === inode) return namespace;
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
