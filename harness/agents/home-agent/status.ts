import { renameSync, writeFileSync } from 'node:fs';
import { ipv4Text, ipv6Text } from './addresses.ts';
import type { BindingTable } from './bindings.ts';

export type Counters = Record<string, number>;

/** What the agent says of itself: bindings and counters, never a key. Times in milliseconds. */
export function statusOf(table: BindingTable, counters: Counters, now: number): object {
  return {
    bindings: table.mobiles.flatMap((mobile) =>
      mobile.bindings.map((binding) => ({
        nai: mobile.nai,
        homeAddress: mobile.homeAddress === undefined ? undefined : ipv4Text(mobile.homeAddress),
        careOfAddress: ipv4Text(binding.careOfAddress),
        remainingMilliseconds: remaining(binding.expiresAt, now),
        reverseTunneling: binding.reverseTunneling,
        encapsulation: binding.udpTunnel === undefined ? binding.encapsulation : 'udp',
        ipv6: binding.ipv6 && {
          address: `${ipv6Text(binding.ipv6.address)}/${binding.ipv6.prefixLength}`,
          mode: binding.ipv6.mode,
          careOfAddress: ipv4Text(binding.ipv6.careOfAddress),
          remainingMilliseconds: remaining(binding.ipv6.expiresAt, now),
        },
      })),
    ),
    counters,
  };
}

function remaining(expiresAt: number, now: number): number | 'infinite' {
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
