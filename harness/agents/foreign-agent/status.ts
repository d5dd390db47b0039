import { formatMac } from '../../wire/index.ts';
import { ipv4Text, ipv6Text } from '../common/addresses.ts';
import { type Counters, remaining } from '../common/status.ts';
import type { VisitorList } from './visitors.ts';

/** What the agent says of itself: visitors, pending requests and counters, never a key. Times in milliseconds. */
export function statusOf(visitors: VisitorList, pending: number, counters: Counters, now: number): object {
  return {
    visitors: visitors.all().map((visitor) => ({
      nai: visitor.nai,
      homeAddress: ipv4Text(visitor.homeAddress),
      linkLayerAddress: formatMac(visitor.mac, 0),
      homeAgent: ipv4Text(visitor.homeAgent),
      careOfAddress: ipv4Text(visitor.careOfAddress),
      colocated: visitor.isColocated,
      remainingMilliseconds: remaining(visitor.expiresAt, now),
      reverseTunneling: visitor.reverseTunneling,
      encapsulatingDelivery: visitor.encapsulatingDelivery,
      ipv6: visitor.ipv6 && {
        address: `${ipv6Text(visitor.ipv6.address)}/${visitor.ipv6.prefixLength}`,
        mode: visitor.ipv6.reverseTunnel ? 'deliver-and-reverse-tunnel' : 'deliver',
        remainingMilliseconds: remaining(visitor.ipv6.expiresAt, now),
      },
    })),
    pending,
    counters,
  };
}
