import {
  type Ipv6Key,
  inIpv6Prefix,
  ipv6Octets,
  ipv6Plus,
  isInterfaceIdentifierOnly,
  isUnusableHomeAddress,
  zeroIpv6,
} from '../common/addresses.ts';
import type { BindingTable, MobileNode } from './bindings.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';

/** The IPv6 half of a registration: an address to bind, or the code that refuses it (section 3.3). */
export type Ipv6Choice =
  | { refused: 128 | 129 }
  | {
      refused?: undefined;
      address: Ipv6Key;
      prefixLength: 64 | 128;
      /** The request left the choice to the home agent, which must return the address (section 4.6). */
      isDynamic: boolean;
    };

const reasonUnspecified = 128;
const administrativelyProhibited = 129;
/** Documentation prefix that is no home network of anybody, for deviations. */
const foreignPrefix = Buffer.from('20010db8dead0000', 'hex').toString('latin1');

export interface Allocator {
  /** Judge or allocate the IPv6 home address that a request asks for. */
  chooseIpv6(asked: Ipv6Key, mobile: MobileNode): Ipv6Choice;
  /** The IPv4 home address for a request with Home Address 0.0.0.0; undefined when none is left. */
  chooseIpv4(mobile: MobileNode): number | undefined;
  /** Whether this Home Address may be used by this mobile node. */
  mayUseIpv4(address: number, mobile: MobileNode): boolean;
}

export function createAllocator(settings: Settings, table: BindingTable, deviates: Deviates): Allocator {
  let nextIpv6 = 0n;
  let nextIpv4 = 0;
  const { dynamicIpv4Pool, dynamicIpv6Pool } = settings;

  function isTaken(address: Ipv6Key, mobile: MobileNode): boolean {
    const owner = table.ownerOfIpv6(address);
    const isAnothers = owner !== undefined && owner !== mobile && !deviates('duplicate-address-accepted');
    return isAnothers || address === settings.ipv6Address;
  }

  function judge(address: Ipv6Key, mobile: MobileNode, isDynamic: boolean): Ipv6Choice {
    const { ipv6Prefix } = settings.homeLink;
    if (isUnusableHomeAddress(address) || ipv6Prefix === undefined || !inIpv6Prefix(address, ipv6Prefix)) {
      return { refused: reasonUnspecified };
    }
    if (settings.refusedIpv6Addresses.has(address) || isTaken(address, mobile)) {
      return { refused: administrativelyProhibited };
    }
    return { address, prefixLength: 128, isDynamic };
  }

  /** What the mobile node already holds of the pool stays its own while it is bound. */
  function held(mobile: MobileNode, prefixLength: 64 | 128): Ipv6Key | undefined {
    return mobile.bindings.find(
      ({ ipv6 }) =>
        ipv6 !== undefined &&
        ipv6.prefixLength === prefixLength &&
        dynamicIpv6Pool !== undefined &&
        inIpv6Prefix(ipv6.address, dynamicIpv6Pool),
    )?.ipv6?.address;
  }

  function allocateAddress(mobile: MobileNode): Ipv6Choice {
    const base = settings.dynamicIpv6 === 'address' ? dynamicIpv6Pool : settings.homeLink.ipv6Prefix;
    if (base === undefined) {
      return { refused: administrativelyProhibited };
    }
    if (deviates('dynamic-address-duplicate')) {
      // One address for each pair of mobile nodes, so that not all of them fight for a single one.
      const pair = BigInt((((mobile.configuredHomeAddress ?? 0) - 1) >>> 1) & 0xffff);
      return { address: ipv6Plus(base.network, 1n + pair), prefixLength: 128, isDynamic: true };
    }
    if (deviates('dynamic-address-outside-prefix')) {
      nextIpv6 += 1n;
      const address = foreignPrefix + ipv6Plus(base.network, nextIpv6).slice(8);
      return { address, prefixLength: 128, isDynamic: true };
    }
    const own = held(mobile, 128);
    if (own !== undefined) {
      return { address: own, prefixLength: 128, isDynamic: true };
    }
    // A subnet-allocating agent takes single addresses far from those that people configure.
    const start = settings.dynamicIpv6 === 'address' ? 0n : 0x0d00000000000000n;
    const size = 1n << BigInt(Math.min(128 - base.length, 32));
    for (let tries = 0n; tries < size && tries < 0x10000n; tries++) {
      nextIpv6 = (nextIpv6 % (size - 1n)) + 1n;
      const choice = judge(ipv6Plus(base.network, start + nextIpv6), mobile, true);
      if (choice.refused === undefined) {
        return choice;
      }
    }
    return { refused: reasonUnspecified };
  }

  function allocateSubnet(mobile: MobileNode): Ipv6Choice {
    if (dynamicIpv6Pool === undefined) {
      return { refused: administrativelyProhibited };
    }
    const own = held(mobile, 64);
    const count = 1 << Math.min(64 - dynamicIpv6Pool.length, 16);
    for (let index = 0; own === undefined && index < count; index++) {
      const address = ipv6Plus(dynamicIpv6Pool.network, BigInt(index) << 64n);
      if (!table.ipv6Subnets.has(address.slice(0, 8))) {
        return { address, prefixLength: 64, isDynamic: true };
      }
    }
    return own === undefined
      ? { refused: reasonUnspecified }
      : { address: own, prefixLength: 64, isDynamic: true };
  }

  function fillInPrefix(asked: Ipv6Key, mobile: MobileNode): Ipv6Choice {
    const { ipv6Prefix } = settings.homeLink;
    if (deviates('subnet-outside-home-network')) {
      return { address: foreignPrefix + zeroIpv6.slice(8), prefixLength: 64, isDynamic: true };
    }
    if (settings.dynamicIpv6 === 'subnet') {
      return allocateSubnet(mobile);
    }
    if (ipv6Prefix === undefined) {
      return { refused: administrativelyProhibited };
    }
    const octets = ipv6Octets(asked);
    octets.write(ipv6Prefix.network.slice(0, 8), 0, 'latin1');
    if (deviates('eui64-bits-changed')) {
      octets[15] = (octets[15] ?? 0) ^ 0x40;
    }
    return judge(octets.toString('latin1'), mobile, true);
  }

  return {
    chooseIpv6(asked, mobile) {
      const isDynamic = asked === zeroIpv6 || isInterfaceIdentifierOnly(asked);
      if (!isDynamic) {
        return judge(asked, mobile, false);
      }
      if (settings.dynamicIpv6 === 'none') {
        return { refused: administrativelyProhibited };
      }
      return asked === zeroIpv6 ? allocateAddress(mobile) : fillInPrefix(asked, mobile);
    },
    chooseIpv4(mobile) {
      if (mobile.homeAddress !== undefined || dynamicIpv4Pool === undefined) {
        return mobile.homeAddress;
      }
      for (let tries = 0; tries < dynamicIpv4Pool.count; tries++) {
        const address = (dynamicIpv4Pool.first + (nextIpv4++ % dynamicIpv4Pool.count)) >>> 0;
        if (!table.byHomeAddress.has(address)) {
          return address;
        }
      }
      return undefined;
    },
    mayUseIpv4(address, mobile) {
      if (mobile.configuredHomeAddress !== undefined) {
        return address === mobile.configuredHomeAddress;
      }
      const owner = table.byHomeAddress.get(address);
      const offset = address - (dynamicIpv4Pool?.first ?? 0);
      const isInPool = dynamicIpv4Pool !== undefined && offset >= 0 && offset < dynamicIpv4Pool.count;
      return owner === mobile || (owner === undefined && isInPool);
    },
  };
}
