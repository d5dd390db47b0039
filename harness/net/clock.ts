import { libc } from './libc.ts';

const CLOCK_REALTIME = 0;
const timespec = new BigInt64Array(2);

/** The wall clock in nanoseconds since 1970, the clock that the kernel's frame timestamps are taken from. */
export function realtimeNs(): bigint {
  libc().clock_gettime(CLOCK_REALTIME, timespec);
  return (timespec[0] as bigint) * 1_000_000_000n + (timespec[1] as bigint);
}
