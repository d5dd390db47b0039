import type { SecurityAssociation } from '../../wire/index.ts';
import type { Ipv6Key } from '../common/addresses.ts';
import { createTimers } from '../common/timers.ts';
import { lowIdentification, type Request } from './message.ts';
import type { Policy } from './policies.ts';

/** What was relayed with a request about IPv6, and is in force once it is accepted with code 0 (section 4.4). */
export interface Ipv6Intent {
  /** The IPv6 home address that was asked for. */
  requested: Ipv6Key;
  reverseTunnel: boolean;
}

/** A relayed request that waits for its reply (RFC 3344 3.7.1). */
export interface Pending {
  request: Request;
  /** Link-layer source address of the mobile node. */
  mac: Buffer;
  /** UDP source port of the request. */
  port: number;
  /** Source of what is sent to the mobile node: the destination of the request, or the agent's own address. */
  replySource: number;
  policy: Policy;
  ipv6?: Ipv6Intent;
  association?: SecurityAssociation;
  /** UDP source port and IP identification of the relayed request: what ICMP errors quote. */
  relayPort: number;
  ipIdentification: number;
  /** A mobile node that is not in the visitor list yet. */
  isNew: boolean;
  /** On the agent's monotonic clock, in milliseconds. */
  expiresAt: number;
  /** A reply was relayed already; for a deviation that keeps the entry. */
  answered: boolean;
}

/** What an ICMP error quotes of the packet that it is about. */
export interface Quoted {
  destination: number;
  port: number;
  ipIdentification: number;
}

export interface PendingTable {
  readonly size: number;
  all(): Pending[];
  /** How many of them are no visitors yet. */
  newcomers(): number;
  /** The entry that a request with the same mobile node and low 32 bits of Identification made. */
  find(request: Request): Pending | undefined;
  /** Adds, or replaces the entry of the same mobile node and Identification. */
  add(pending: Pending): void;
  /**
   * The entry that a reply is for: home address and low 32 bits of Identification agree (RFC 3344 3.7.3.1), or for
   * requests with home address zero the NAI (RFC 2794 3). Two NAIs that differ never match.
   */
  match(reply: { homeAddress: number; nai?: string; identification: bigint }): Pending | undefined;
  /** The entry of a home address whatever the Identification; for a deviation. */
  matchHomeAddress(homeAddress: number): Pending | undefined;
  /** The entry whose relayed request is quoted, if it can be told. */
  matchQuoted(quoted: Quoted): Pending | undefined;
  remove(pending: Pending): void;
  /** Give up the entry, or all entries, whose time is over. */
  expire(pending?: Pending): void;
  clear(): void;
}

/** Pending requests; `now` is a monotonic clock in milliseconds. `onTimeout` is told of entries that got no reply. */
export function createPendingTable(now: () => number, onTimeout: (pending: Pending) => void): PendingTable {
  const entries = new Map<string, Pending>();
  const timers = createTimers<Pending>(now, (pending) => table.expire(pending));

  function remove(pending: Pending): void {
    timers.clear(pending);
    const name = nameOf(pending.request);
    if (entries.get(name) === pending) {
      entries.delete(name);
    }
  }

  function isSameNai(pending: Pending, nai: string | undefined): boolean {
    return nai === undefined || pending.request.nai === undefined || nai === pending.request.nai;
  }

  function matchWithoutAddress(low: number): Pending | undefined {
    const candidates = [...entries.values()].filter(
      ({ request }) => request.homeAddress === 0 && lowIdentification(request.identification) === low,
    );
    // A reply that names nobody is for the one mobile node that it can be for, or for none.
    return candidates.length === 1 ? candidates[0] : undefined;
  }

  const table: PendingTable = {
    get size() {
      return entries.size;
    },
    all: () => [...entries.values()],
    newcomers: () => [...entries.values()].filter(({ isNew }) => isNew).length,
    find: (request) => entries.get(nameOf(request)),
    add(pending) {
      const name = nameOf(pending.request);
      const replaced = entries.get(name);
      if (replaced !== undefined) {
        timers.clear(replaced);
      }
      entries.set(name, pending);
      timers.set(pending, pending.expiresAt);
    },
    match({ homeAddress, nai, identification }) {
      const low = lowIdentification(identification);
      const byAddress = homeAddress === 0 ? undefined : entries.get(`${homeAddress}/${low}`);
      if (byAddress !== undefined && isSameNai(byAddress, nai)) {
        return byAddress;
      }
      return nai === undefined ? matchWithoutAddress(low) : entries.get(`0 ${nai}/${low}`);
    },
    matchHomeAddress: (homeAddress) =>
      [...entries.values()].findLast(({ request }) => request.homeAddress === homeAddress),
    matchQuoted({ destination, port, ipIdentification }) {
      const candidates = table
        .all()
        .filter(({ relayPort, request }) => relayPort === port && request.homeAgent === destination);
      // While there are ports enough, each has one request; translators and some routers change the identification.
      return candidates.length === 1
        ? candidates[0]
        : candidates.find((pending) => pending.ipIdentification === ipIdentification);
    },
    remove,
    expire(pending) {
      if (pending === undefined) {
        for (const each of table.all()) {
          table.expire(each);
        }
        return;
      }
      if (pending.expiresAt > now()) {
        timers.set(pending, pending.expiresAt);
        return;
      }
      remove(pending);
      if (!pending.answered) {
        onTimeout(pending);
      }
    },
    clear() {
      for (const pending of table.all()) {
        remove(pending);
      }
    },
  };
  return table;
}

/** RFC 2794 3: with home address zero the NAI takes its place. */
function nameOf(request: Request): string {
  const low = lowIdentification(request.identification);
  return request.homeAddress === 0 ? `0 ${request.nai ?? ''}/${low}` : `${request.homeAddress}/${low}`;
}
