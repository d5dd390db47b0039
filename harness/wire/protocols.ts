import type { LayerName } from './types.ts';

/** EtherType values (IEEE 802 numbers). */
export const etherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;

/** IP protocol / next header values (assigned internet protocol numbers). */
export const ipProtocol = {
  icmp: 1,
  ipv4: 4,
  udp: 17,
  ipv6: 41,
  gre: 47,
  minimalEncapsulation: 55,
  icmpv6: 58,
  /** RFC 2460 4.7. */
  noNextHeader: 59,
  /** RFC 3692: what a bare payload is sent as. */
  experiment: 253,
} as const;

/** RFC 3344 3.1. */
export const mobileIpPort = 434;

/** The EtherType that announces a layer; 0xffff (reserved) for one that has none. */
export function etherTypeOf(layer: LayerName | undefined): number {
  if (layer === 'ipv4') return etherType.ipv4;
  if (layer === 'ipv6') return etherType.ipv6;
  if (layer === 'arp') return etherType.arp;
  return 0xffff;
}

/** The IP protocol number that announces a layer. */
export function ipProtocolOf(layer: LayerName | undefined): number {
  switch (layer) {
    case 'ipv4':
    case 'ipv6':
    case 'udp':
    case 'gre':
    case 'minimalEncapsulation':
      return ipProtocol[layer];
    case 'icmp':
    case 'icmpEcho':
    case 'routerSolicitation':
    case 'routerAdvertisement':
      return ipProtocol.icmp;
    case 'icmpv6':
    case 'icmpv6Echo':
    case 'neighborSolicitation':
    case 'neighborAdvertisement':
    case 'ipv6RouterSolicitation':
    case 'ipv6RouterAdvertisement':
      return ipProtocol.icmpv6;
    case undefined:
      return ipProtocol.noNextHeader;
    default:
      return ipProtocol.experiment;
  }
}
