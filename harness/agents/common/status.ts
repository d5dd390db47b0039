import { renameSync, writeFileSync } from 'node:fs';

/** How often each thing has happened, by name. */
export type Counters = Record<string, number>;

/** Milliseconds until an instant of the same clock. */
export function remaining(expiresAt: number, now: number): number | 'infinite' {
  return expiresAt === Number.POSITIVE_INFINITY ? 'infinite' : Math.max(0, Math.round(expiresAt - now));
}

/** Rewrites a file as a whole: a reader sees the old or the new one. At most once per turn of the event loop. */
export function createStatusFile(path: string, current: () => object): { changed(): void } {
  let isPending = false;
  return {
    changed() {
      if (isPending) {
        return;
      }
      isPending = true;
      setImmediate(() => {
        isPending = false;
        const draft = `${path}.${process.pid}.new`;
        writeFileSync(draft, `${JSON.stringify(current(), undefined, 2)}\n`);
        renameSync(draft, path);
      });
    },
  };
}
