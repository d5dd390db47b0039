import type { Situation } from './composition.ts';
import type { Ownership } from './neighbours.ts';

/** Which addresses are answered for depends on where the mobile node is: RFC 3344 4.6. */
export function createOwnership(situation: () => Situation): Ownership {
  return {
    ownsIpv4(target, asker, isUnicast) {
      const { attachment, addresses } = situation();
      switch (attachment.kind) {
        case 'home':
          return target === addresses.ipv4;
        case 'co-located':
          return target === attachment.careOf.address;
        case 'foreign-agent':
          // Only to its foreign agent, which asks by unicast.
          return target === addresses.ipv4 && isUnicast && attachment.agent.advertisement.mac.equals(asker);
        default:
          return false;
      }
    },
    ownsIpv6(target, asker) {
      const { attachment, addresses, localIpv6, linkLocal } = situation();
      switch (attachment.kind) {
        case 'home':
          return target === addresses.ipv6 || target === linkLocal;
        case 'co-located':
          return target === localIpv6 || target === linkLocal;
        case 'foreign-agent':
          return target === addresses.ipv6 && attachment.agent.advertisement.mac.equals(asker);
        default:
          return false;
      }
    },
    ipv4Source() {
      const { attachment, addresses } = situation();
      return attachment.kind === 'co-located' ? attachment.careOf.address : (addresses.ipv4 ?? 0);
    },
    ipv6Source() {
      const { attachment, addresses, linkLocal } = situation();
      return (attachment.kind === 'home' ? addresses.ipv6 : undefined) ?? linkLocal;
    },
  };
}
