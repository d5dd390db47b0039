/** Bisection: from much that stops a device to the shortest part of it that does. Pure but for the trials, which somebody else carries out. */

/** There is no trial left, or the device cannot be brought back for another. */
export class NoMoreTrials extends Error {}

/** A part of a list: from, to (not included). */
export interface Part {
  from: number;
  to: number;
}

/**
 * The shortest run of the `count` things of a list that ends the way the whole does: the shortest beginning first, then as little before its
 * last one as suffices. `fine` of them are known to do nothing. Each part that does it is shorter than the one before. Undefined when the
 * whole does not do it again; what `stops` throws is passed on.
 */
export async function shortestRun(
  count: number,
  fine: number,
  stops: (part: Part) => Promise<boolean>,
): Promise<Part | undefined> {
  const tried = (from: number, to: number): Promise<boolean> => stops({ from, to });
  if (!(await tried(0, count))) return undefined;
  let good = fine;
  let to = count;
  while (to - good > 1) {
    const middle = (good + to) >> 1;
    if (await tried(0, middle)) to = middle;
    else good = middle;
  }
  if (await tried(to - 1, to)) return { from: to - 1, to };
  let from = 0;
  let tooFew = to - 1;
  while (tooFew - from > 1) {
    const middle = (from + tooFew) >> 1;
    if (await tried(middle, to)) from = middle;
    else tooFew = middle;
  }
  return { from, to };
}

/**
 * The fewest octets that still do it: as short a beginning as possible, then without whatever can be left out of it. Every step is tried, so
 * that the result is one that did it, whether or not there is a shorter one.
 */
export async function shortestOctets(
  octets: Uint8Array,
  stops: (octets: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = octets;
  const tried = async (candidate: Uint8Array): Promise<boolean> => {
    if (!(await stops(candidate))) return false;
    best = candidate;
    return true;
  };
  let tooShort = 0;
  while (best.length - tooShort > 1) {
    const middle = (tooShort + best.length) >> 1;
    if (!(await tried(best.subarray(0, middle)))) tooShort = middle;
  }
  for (let size = best.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at + size <= best.length; ) {
      const without = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)]);
      if (!(await tried(without))) at += size;
    }
  }
  return best;
}
