import { ipv4Text, ipv6Text } from '../common/addresses.ts';
import { type Counters, remaining } from '../common/status.ts';
import type { BindingTable } from './bindings.ts';

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
