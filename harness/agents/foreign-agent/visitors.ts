import {
  type Ipv6Key,
  isInterfaceIdentifierOnly,
  isUnusableHomeAddress,
  zeroIpv6,
} from '../common/addresses.ts';
import { requestFlag } from '../common/messages.ts';
import { createTimers } from '../common/timers.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Reply } from './message.ts';
import type { Pending } from './pending.ts';

/** The draft's additional state (section 4.4): the IPv6 home address and the tunnelling mode. */
export interface VisitorIpv6 {
  address: Ipv6Key;
  /** 64 when the mobile node was given a subnet (section 4.6, reading A32). */
  prefixLength: 64 | 128;
  /** R=1: IPv6 of the mobile node goes through the tunnel to the home agent, too. */
  reverseTunnel: boolean;
  /** On the agent's monotonic clock, in milliseconds. */
  expiresAt: number;
}

/** An entry of the visitor list (RFC 3344 3.7.1) whose registration was accepted. */
export interface Visitor {
  nai?: string;
  homeAddress: number;
  /** Link-layer address that the registration came from. */
  mac: Buffer;
  homeAgent: number;
  careOfAddress: number;
  /** The care-of address is the mobile node's own (flag D): this agent is not the end of its tunnel. */
  isColocated: boolean;
  reverseTunneling: boolean;
  encapsulatingDelivery: boolean;
  /** On the agent's monotonic clock, in milliseconds; 0: there is no IPv4 state. */
  expiresAt: number;
  ipv6?: VisitorIpv6;
}

export interface VisitorList {
  readonly size: number;
  all(): Visitor[];
  /** The visitor with this home address that has IPv4 state. */
  byHomeAddress(address: number): Visitor | undefined;
  /** The visitor whose co-located care-of address this is. */
  byColocatedAddress(address: number): Visitor | undefined;
  byIpv6(address: Ipv6Key): Visitor | undefined;
  has(homeAddress: number, nai: string | undefined): boolean;
  /** Do what an accepting reply says (RFC 3344 3.7.3.2, section 4.4 of the draft). */
  accept(pending: Pending, reply: Reply): void;
  /** IPv6 state without an accepted registration; for deviations. */
  admitIpv6(pending: Pending): void;
  /** The visit is over; for deviations. */
  end(homeAddress: number): void;
  /** Remove what is over. */
  expire(visitor: Visitor): void;
  clear(): void;
}

const infinite = 0xffff;

/** The visitor list; `now` is a monotonic clock in milliseconds. */
export function createVisitorList(
  settings: Settings,
  now: () => number,
  changed: () => void,
  deviates: Deviates,
  /** Told of a visit whose lifetime is over; for deviations. */
  atEnd: (visitor: Visitor) => void = () => undefined,
): VisitorList {
  const visitors = new Map<number, Visitor>();
  const colocated = new Map<number, Visitor>();
  const ipv6 = new Map<Ipv6Key, Visitor>();
  /** Keyed by the first eight octets. */
  const subnets = new Map<string, Visitor>();
  const timers = createTimers<Visitor>(now, (visitor) => list.expire(visitor));

  function forget<Key>(map: Map<Key, Visitor>, key: Key, visitor: Visitor): void {
    if (map.get(key) === visitor) {
      map.delete(key);
    }
  }

  function remove(visitor: Visitor): void {
    timers.clear(visitor);
    forget(visitors, visitor.homeAddress, visitor);
    forget(colocated, visitor.careOfAddress, visitor);
    removeIpv6(visitor);
  }

  function removeIpv6(visitor: Visitor): void {
    if (visitor.ipv6 !== undefined) {
      forget(ipv6, visitor.ipv6.address, visitor);
      forget(subnets, visitor.ipv6.address.slice(0, 8), visitor);
    }
  }

  function add(visitor: Visitor): void {
    const before = visitors.get(visitor.homeAddress);
    if (before !== undefined) {
      remove(before);
    }
    visitors.set(visitor.homeAddress, visitor);
    if (visitor.isColocated) {
      colocated.set(visitor.careOfAddress, visitor);
    }
    if (visitor.ipv6 !== undefined) {
      // An address that another visitor had belongs to the last mobile node that a home agent gave it to.
      if (visitor.ipv6.prefixLength === 64) {
        subnets.set(visitor.ipv6.address.slice(0, 8), visitor);
      } else {
        ipv6.set(visitor.ipv6.address, visitor);
      }
    }
    schedule(visitor);
    changed();
  }

  function schedule(visitor: Visitor): void {
    const ends = [visitor.expiresAt, visitor.ipv6?.expiresAt ?? 0].filter((end) => end > 0);
    timers.set(visitor, Math.min(...ends));
  }

  function isIpv6Accepted(code: number | undefined, pending: Pending): boolean {
    switch (code) {
      case 0:
        return true;
      case 2:
        return deviates(
          pending.policy.ipv6 === 'ignore' ? 'ipv6-state-though-ignoring' : 'ipv6-state-after-code-2',
        );
      case undefined:
        return deviates('ipv6-state-without-code');
      default:
        return deviates('ipv6-state-after-ipv6-denial') && code >= 128;
    }
  }

  /** Section 4.6: the address that the reply returns; else the one asked for, if it was one. */
  function ipv6Of(
    pending: Pending,
    returned: Ipv6Key | undefined,
    expiresAt: number,
  ): VisitorIpv6 | undefined {
    const intent = pending.ipv6;
    if (intent === undefined) {
      return undefined;
    }
    const { requested, reverseTunnel } = intent;
    const isDynamic = requested === zeroIpv6 || isInterfaceIdentifierOnly(requested);
    const learnt = deviates('returned-address-not-learnt') ? undefined : returned;
    const address = learnt ?? (isDynamic ? undefined : requested);
    if (address === undefined || isUnusableHomeAddress(address)) {
      return undefined;
    }
    const isSubnet = isDynamic && address.endsWith('\0'.repeat(8));
    return { address, prefixLength: isSubnet ? 64 : 128, reverseTunnel, expiresAt };
  }

  function visitorOf(pending: Pending, homeAddress: number, homeAgent: number): Visitor {
    const { request } = pending;
    return {
      nai: request.nai,
      homeAddress,
      mac: pending.mac,
      homeAgent,
      careOfAddress: request.careOfAddress,
      isColocated: (request.flags & requestFlag.decapsulationByMobileNode) !== 0,
      reverseTunneling: (request.flags & requestFlag.reverseTunneling) !== 0,
      encapsulatingDelivery: request.encapsulatingDelivery,
      expiresAt: 0,
    };
  }

  function end(lifetimeSeconds: number, share = 1): number {
    return lifetimeSeconds === infinite ? Number.POSITIVE_INFINITY : now() + lifetimeSeconds * 1000 * share;
  }

  function register(pending: Pending, reply: Reply): void {
    const told = deviates('requested-lifetime-used')
      ? pending.request.lifetimeSeconds
      : reply.lifetimeSeconds;
    // RFC 3344 3.4: never longer than the mobile node asked for; 3.7.3.2: nor than this agent accepts.
    const asked = deviates('longer-lifetime-of-reply-used') ? infinite : pending.request.lifetimeSeconds;
    const granted = Math.min(told, asked, settings.maximumLifetimeSeconds);
    const before = visitors.get(reply.homeAddress);
    const visitor = visitorOf(pending, reply.homeAddress, reply.homeAgent);
    visitor.expiresAt = deviates('ipv4-outlives-lifetime')
      ? Number.POSITIVE_INFINITY
      : deviates('ipv4-stops-early')
        ? end(granted, 0.5)
        : end(granted);
    const ipv6End = deviates('ipv6-outlives-lifetime')
      ? Number.POSITIVE_INFINITY
      : deviates('ipv6-stops-early')
        ? end(granted, 0.5)
        : end(granted);
    if (isIpv6Accepted(reply.ipv6Code, pending)) {
      visitor.ipv6 = ipv6Of(pending, reply.ipv6HomeAddress, ipv6End);
    }
    if (before !== undefined && before.expiresAt > 0 && deviates('renewal-does-not-prolong-ipv4')) {
      visitor.expiresAt = before.expiresAt;
    }
    if (before?.ipv6 && visitor.ipv6 && deviates('renewal-does-not-prolong-ipv6')) {
      visitor.ipv6.expiresAt = before.ipv6.expiresAt;
    }
    add(visitor);
  }

  function deregister(visitor: Visitor): void {
    remove(visitor);
    if (visitor.ipv6 !== undefined && deviates('deregistration-leaves-ipv6')) {
      add({ ...visitor, expiresAt: 0 });
    } else if (deviates('deregistration-leaves-ipv4')) {
      add({ ...visitor, ipv6: undefined });
    }
    changed();
  }

  function live(visitor: Visitor | undefined): Visitor | undefined {
    return visitor !== undefined && visitor.expiresAt > now() ? visitor : undefined;
  }

  const list: VisitorList = {
    get size() {
      return visitors.size;
    },
    all: () => [...visitors.values()],
    byHomeAddress: (address) => live(visitors.get(address)),
    byColocatedAddress: (address) => live(colocated.get(address)),
    byIpv6(address) {
      const visitor = ipv6.get(address) ?? subnets.get(address.slice(0, 8));
      return visitor?.ipv6 !== undefined && visitor.ipv6.expiresAt > now() ? visitor : undefined;
    },
    has: (homeAddress, nai) =>
      homeAddress === 0
        ? nai !== undefined && [...visitors.values()].some((visitor) => visitor.nai === nai)
        : visitors.has(homeAddress),
    accept(pending, reply) {
      if (reply.lifetimeSeconds > 0) {
        register(pending, reply);
        return;
      }
      const visitor = visitors.get(reply.homeAddress);
      if (visitor !== undefined) {
        deregister(visitor);
      }
    },
    admitIpv6(pending) {
      const { request } = pending;
      const six = ipv6Of(pending, undefined, end(request.lifetimeSeconds));
      if (six !== undefined && request.homeAddress !== 0 && !visitors.has(request.homeAddress)) {
        add({ ...visitorOf(pending, request.homeAddress, request.homeAgent), ipv6: six });
      }
    },
    end(homeAddress) {
      const visitor = visitors.get(homeAddress);
      if (visitor !== undefined) {
        remove(visitor);
        changed();
      }
    },
    expire(visitor) {
      const time = now();
      const hasIpv4 = visitor.expiresAt > time;
      const hasIpv6 = visitor.ipv6 !== undefined && visitor.ipv6.expiresAt > time;
      if (hasIpv4 || hasIpv6) {
        if (!hasIpv6 && visitor.ipv6 !== undefined) {
          removeIpv6(visitor);
          visitor.ipv6 = undefined;
        }
        if (!hasIpv4) {
          visitor.expiresAt = 0;
        }
        schedule(visitor);
      } else {
        remove(visitor);
        atEnd(visitor);
      }
      changed();
    },
    clear() {
      for (const visitor of [...visitors.values()]) {
        remove(visitor);
      }
    },
  };
  return list;
}
