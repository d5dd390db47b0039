import { type Ipv6Key, ipv6Octets } from '../common/addresses.ts';
import type { Visitor, VisitorList } from './visitors.ts';

/** For a deviation: the visitor of a home agent whose IPv6 home address has most leading bits in common, at least a /64. */
export function nearestVisitor(
  visitors: VisitorList,
  address: Ipv6Key,
  homeAgent: number,
): Visitor | undefined {
  let nearest: Visitor | undefined;
  let most = 64;
  for (const visitor of visitors.all()) {
    const common =
      visitor.ipv6 === undefined || visitor.homeAgent !== homeAgent
        ? -1
        : commonBits(visitor.ipv6.address, address);
    if (common >= most) {
      nearest = visitor;
      most = common;
    }
  }
  return nearest;
}

function commonBits(a: Ipv6Key, b: Ipv6Key): number {
  const other = ipv6Octets(b);
  const differing = ipv6Octets(a).map((octet, index) => octet ^ (other[index] ?? 0));
  const first = differing.findIndex((octet) => octet !== 0);
  return first < 0 ? 128 : first * 8 + Math.clz32(differing[first] ?? 0) - 24;
}
