import type { SecurityAssociation } from '../../wire/index.ts';
import type { Ipv6Key } from '../common/addresses.ts';
import { createTimers } from '../common/timers.ts';
import type { MobileNodeSettings } from './config.ts';
import type { Deviates } from './deviations.ts';

/** The draft's tunnelling modes (section 4.3): cases 1, 2 and 3. */
export type Ipv6Mode = 'home-address' | 'care-of-address' | 'care-of-address-and-reverse';

export interface Ipv6Binding {
  address: Ipv6Key;
  /** 64 when the mobile node was given a subnet (section 4.6). */
  prefixLength: 64 | 128;
  mode: Ipv6Mode;
  careOfAddress: number;
  /** On the agent's monotonic clock, in milliseconds. */
  expiresAt: number;
}

/** A mobility binding (RFC 3344 3.8.1) with the IPv6 state of the draft's section 4.3. */
export interface Binding {
  careOfAddress: number;
  /** On the agent's monotonic clock, in milliseconds; infinite for a lifetime of 65535. */
  expiresAt: number;
  /** Where IPv4 is tunnelled to, if not to the care-of address; for a deviation. */
  ipv4CareOfAddress?: number;
  reverseTunneling: boolean;
  encapsulation: 'ip-in-ip' | 'gre' | 'minimal';
  viaForeignAgent: boolean;
  /** RFC 3344 4.3: broadcasts of the home network are wanted. */
  broadcasts: boolean;
  /** RFC 3519: where the UDP tunnel of this binding ends. */
  udpTunnel?: { address: number; port: number };
  ipv6?: Ipv6Binding;
}

/** A mobile node that the agent serves, with what it has learnt of it. */
export interface MobileNode {
  nai?: string;
  /** The configured home address, or the one assigned while bound. */
  homeAddress?: number;
  configuredHomeAddress?: number;
  configuredIpv6HomeAddress?: Ipv6Key;
  association: SecurityAssociation;
  replay: 'timestamps' | 'nonces';
  /** The highest Identification accepted (timestamps). */
  lastIdentification: bigint;
  /** The high 32 bits expected next (nonces). */
  nonce: number;
  bindings: Binding[];
  /** Link-layer address it was last seen with on the home link. */
  homeMac?: Buffer;
}

/** What must happen outside the table when interception starts or stops for an address. */
export interface InterceptionHooks {
  ipv4Started(address: number, mobile: MobileNode): void;
  ipv4Stopped(address: number, mobile: MobileNode): void;
  ipv6Started(address: Ipv6Key, prefixLength: 64 | 128): void;
  ipv6Stopped(address: Ipv6Key, prefixLength: 64 | 128): void;
  changed(): void;
}

export type Change =
  | { kind: 'register'; mobile: MobileNode; homeAddress: number; binding: Binding; keepOthers: boolean }
  | {
      kind: 'deregister';
      mobile: MobileNode;
      /** Undefined: all bindings. */
      careOfAddress?: number;
      /** The family that a deviation forgets. */
      leaves?: 'ipv4' | 'ipv6';
    };

export interface BindingTable {
  mobiles: MobileNode[];
  byNai: Map<string, MobileNode>;
  byHomeAddress: Map<number, MobileNode>;
  /** Mobile nodes whose IPv4 / IPv6 packets are intercepted now. */
  ipv4: Map<number, MobileNode>;
  ipv6: Map<Ipv6Key, MobileNode>;
  /** Subnets of /64, keyed by their first eight octets. */
  ipv6Subnets: Map<string, MobileNode>;
  apply(change: Change): void;
  /** Remove what has expired; cheap when nothing has. */
  expire(mobile: MobileNode): void;
  /** The mobile node bound to, or configured with, this IPv6 address. */
  ownerOfIpv6(address: Ipv6Key): MobileNode | undefined;
  clear(): void;
}

/** A table of bindings; `now` is a monotonic clock in milliseconds. */
export function createBindingTable(
  settings: MobileNodeSettings[],
  hooks: InterceptionHooks,
  now: () => number,
  deviates: Deviates,
): BindingTable {
  const mobiles = settings.map(toMobileNode);
  const configuredIpv6 = new Map(mobiles.flatMap((mobile) => pair(mobile.configuredIpv6HomeAddress, mobile)));
  const byHomeAddress = new Map(mobiles.flatMap((mobile) => pair(mobile.homeAddress, mobile)));
  const ipv4 = new Map<number, MobileNode>();
  const ipv6 = new Map<Ipv6Key, MobileNode>();
  const ipv6Subnets = new Map<string, MobileNode>();
  const timers = createTimers<MobileNode>(now, (mobile) => table.expire(mobile));

  function addIpv6(binding: Ipv6Binding, mobile: MobileNode): void {
    const isNew =
      binding.prefixLength === 64
        ? !ipv6Subnets.has(binding.address.slice(0, 8))
        : !ipv6.has(binding.address);
    if (binding.prefixLength === 64) {
      ipv6Subnets.set(binding.address.slice(0, 8), mobile);
    } else {
      ipv6.set(binding.address, mobile);
    }
    if (isNew) {
      hooks.ipv6Started(binding.address, binding.prefixLength);
    }
  }

  function removeIpv6(binding: Ipv6Binding): void {
    if (binding.prefixLength === 64) {
      ipv6Subnets.delete(binding.address.slice(0, 8));
    } else {
      ipv6.delete(binding.address);
    }
    hooks.ipv6Stopped(binding.address, binding.prefixLength);
  }

  /** Replace the mobile node's bindings and start and stop interception accordingly. */
  function update(mobile: MobileNode, homeAddress: number | undefined, next: Binding[]): void {
    const before = mobile.bindings;
    const oldAddress = mobile.homeAddress;
    mobile.bindings = next;
    const hasIpv4 = next.some((binding) => binding.expiresAt > 0);
    if (oldAddress !== undefined && ipv4.has(oldAddress) && (!hasIpv4 || oldAddress !== homeAddress)) {
      ipv4.delete(oldAddress);
      hooks.ipv4Stopped(oldAddress, mobile);
    }
    if (oldAddress !== undefined && oldAddress !== homeAddress) {
      byHomeAddress.delete(oldAddress);
    }
    mobile.homeAddress = next.length === 0 ? mobile.configuredHomeAddress : homeAddress;
    if (next.length === 0 && mobile.configuredHomeAddress === undefined && homeAddress !== undefined) {
      byHomeAddress.delete(homeAddress);
    }
    if (next.length > 0 && homeAddress !== undefined) {
      byHomeAddress.set(homeAddress, mobile);
      if (hasIpv4 && !ipv4.has(homeAddress)) {
        ipv4.set(homeAddress, mobile);
        hooks.ipv4Started(homeAddress, mobile);
      }
    }
    const kept = new Set(
      next.flatMap((binding) => (binding.ipv6 === undefined ? [] : [ipv6Name(binding.ipv6)])),
    );
    for (const { ipv6: old } of before) {
      if (old !== undefined && !kept.has(ipv6Name(old)) && ownerOf(old) === mobile) {
        removeIpv6(old);
      }
    }
    for (const { ipv6: fresh } of next) {
      if (fresh !== undefined) {
        addIpv6(fresh, mobile);
      }
    }
    schedule(mobile);
    hooks.changed();
  }

  function ownerOf(binding: Ipv6Binding): MobileNode | undefined {
    return binding.prefixLength === 64
      ? ipv6Subnets.get(binding.address.slice(0, 8))
      : ipv6.get(binding.address);
  }

  function schedule(mobile: MobileNode): void {
    const next = mobile.bindings.reduce(
      (soonest, { expiresAt, ipv6: six }) =>
        Math.min(soonest, expiresAt > 0 ? expiresAt : Number.POSITIVE_INFINITY, six?.expiresAt ?? soonest),
      Number.POSITIVE_INFINITY,
    );
    timers.set(mobile, next);
  }

  function register(change: Change & { kind: 'register' }): void {
    const { mobile, binding } = change;
    const [replaced] = mobile.bindings;
    if (replaced !== undefined && replaced.expiresAt > 0) {
      if (deviates('ipv4-keeps-care-of-address-after-reregistration')) {
        binding.ipv4CareOfAddress = replaced.ipv4CareOfAddress ?? replaced.careOfAddress;
      }
      if (deviates('reregistration-does-not-prolong-ipv4')) {
        binding.expiresAt = replaced.expiresAt;
      }
    }
    const previous = mobile.bindings.find((old) => old.ipv6 !== undefined)?.ipv6;
    if (previous !== undefined && binding.ipv6 !== undefined) {
      if (deviates('keeps-care-of-address-after-reregistration')) {
        binding.ipv6.careOfAddress = previous.careOfAddress;
      }
      if (deviates('keeps-ipv6-mode-after-reregistration')) {
        binding.ipv6.mode = previous.mode;
      }
      if (deviates('reregistration-does-not-prolong-ipv6')) {
        binding.ipv6.expiresAt = previous.expiresAt;
      }
    }
    const others = change.keepOthers
      ? mobile.bindings.filter((old) => old.careOfAddress !== binding.careOfAddress)
      : [];
    update(mobile, change.homeAddress, [...others, binding]);
  }

  function deregister(change: Change & { kind: 'deregister' }): void {
    const { mobile, careOfAddress } = change;
    const isRemoved = (binding: Binding) =>
      careOfAddress === undefined || binding.careOfAddress === careOfAddress;
    const next = mobile.bindings.flatMap((binding) => {
      if (!isRemoved(binding)) {
        return [binding];
      }
      if (change.leaves === 'ipv6' && binding.ipv6 !== undefined) {
        return [{ ...binding, expiresAt: 0 }];
      }
      return change.leaves === 'ipv4' ? [{ ...binding, ipv6: undefined }] : [];
    });
    update(mobile, mobile.homeAddress, next);
  }

  const table: BindingTable = {
    mobiles,
    byNai: new Map(mobiles.flatMap((mobile) => pair(mobile.nai, mobile))),
    byHomeAddress,
    ipv4,
    ipv6,
    ipv6Subnets,
    apply(change) {
      if (change.kind === 'register') {
        register(change);
      } else {
        deregister(change);
      }
    },
    expire(mobile) {
      const time = now();
      const isOver = mobile.bindings.some(({ expiresAt }) => expiresAt <= time);
      if (isOver && deviates('expiry-ends-all-bindings')) {
        update(mobile, mobile.homeAddress, []);
        return;
      }
      const next = mobile.bindings.flatMap((binding) => {
        const hasIpv4 = binding.expiresAt > time;
        const six = binding.ipv6 !== undefined && binding.ipv6.expiresAt > time ? binding.ipv6 : undefined;
        if (!hasIpv4 && six === undefined) {
          return [];
        }
        return hasIpv4 && six === binding.ipv6
          ? [binding]
          : [{ ...binding, ipv6: six, expiresAt: hasIpv4 ? binding.expiresAt : 0 }];
      });
      const isSame =
        next.length === mobile.bindings.length &&
        next.every((binding, index) => binding === mobile.bindings[index]);
      if (isSame) {
        schedule(mobile);
      } else {
        update(mobile, mobile.homeAddress, next);
      }
    },
    ownerOfIpv6(address) {
      return ipv6.get(address) ?? ipv6Subnets.get(address.slice(0, 8)) ?? configuredIpv6.get(address);
    },
    clear() {
      for (const mobile of mobiles) {
        if (mobile.bindings.length > 0) {
          update(mobile, mobile.homeAddress, []);
        }
      }
    },
  };
  return table;
}

function toMobileNode(settings: MobileNodeSettings): MobileNode {
  return {
    nai: settings.nai,
    homeAddress: settings.homeAddress,
    configuredHomeAddress: settings.homeAddress,
    configuredIpv6HomeAddress: settings.ipv6HomeAddress,
    association: settings.association,
    replay: settings.replay,
    lastIdentification: 0n,
    nonce: 0,
    bindings: [],
  };
}

function pair<K, V>(key: K | undefined, value: V): [K, V][] {
  return key === undefined ? [] : [[key, value]];
}

function ipv6Name(binding: Ipv6Binding): string {
  return `${binding.address}${binding.prefixLength}`;
}
