import { type Clock, createAlarm } from './clock.ts';
import type { CareOfAddress, Settings } from './config.ts';

/** A care-of address as DHCP gives it. */
export interface Lease extends CareOfAddress {
  leaseSeconds?: number;
}

export interface CareOfOptions {
  settings: Settings;
  clock: Clock;
  /** Ask for a lease; `take` is called once, with none when nobody gave one. Returns how to stop asking. */
  requestLease(take: (lease: Lease | undefined) => void): () => void;
  /** There is a care-of address, or another than before. */
  found(careOf: CareOfAddress): void;
  /** The care-of address cannot be used any more: the lease has ended or its router is gone. */
  lost(reason: string): void;
  /** Ask the router whether it is there. */
  probe(router: number): void;
}

/** Co-located care-of addresses: where they come from and when they end. */
export interface CareOf {
  /** Find a care-of address; again and again when there is none. */
  find(): void;
  /** A frame of the router has come. */
  routerHeard(): void;
  /** The care-of address is not needed any more. */
  drop(): void;
}

/** How long to wait before DHCP is tried again that gave nothing. */
const askAgainMs = 10_000;
/** Probes without an answer after which a router is taken for gone. */
const probesUnanswered = 3;

export function createCareOf(options: CareOfOptions): CareOf {
  const { settings, clock } = options;
  const asking = createAlarm(clock);
  const probing = createAlarm(clock);
  const probeEvery = settings.routerProbeSeconds * 1000;
  let stopAsking: (() => void) | undefined;
  let current: CareOfAddress | undefined;
  let heardAt = 0;
  let leaseEndsAt = Number.POSITIVE_INFINITY;

  function use(careOf: CareOfAddress): void {
    const isSame = current?.address === careOf.address && current.router === careOf.router;
    current = careOf;
    if (!isSame) {
      heardAt = clock.now();
      if (probeEvery > 0) {
        probing.set(probeEvery, probe);
      }
      options.found(careOf);
    }
  }

  function probe(): void {
    if (current === undefined) {
      return;
    }
    const silence = clock.now() - heardAt;
    if (silence > (probesUnanswered + 0.5) * probeEvery) {
      lose('router-lost');
      return;
    }
    if (silence >= probeEvery) {
      options.probe(current.router);
    }
    probing.set(probeEvery, probe);
  }

  function lose(reason: string): void {
    drop();
    options.lost(reason);
  }

  function ask(): void {
    stopAsking ??= options.requestLease((lease) => {
      stopAsking = undefined;
      if (lease === undefined) {
        if (current !== undefined && clock.now() >= leaseEndsAt) {
          lose('lease-lost');
        } else {
          asking.set(Math.min(askAgainMs, leaseEndsAt - clock.now()), ask);
        }
        return;
      }
      if (lease.leaseSeconds !== undefined) {
        // RFC 2131 4.4.5: T1 is half of the lease.
        asking.set(lease.leaseSeconds * 500, ask);
        leaseEndsAt = clock.now() + lease.leaseSeconds * 1000;
      }
      use(lease);
    });
  }

  function drop(): void {
    stopAsking?.();
    stopAsking = undefined;
    asking.clear();
    probing.clear();
    current = undefined;
    leaseEndsAt = Number.POSITIVE_INFINITY;
  }

  return {
    drop,
    find() {
      if (settings.careOf === 'dhcp') {
        ask();
      } else if (settings.careOf !== 'none') {
        use(settings.careOf);
      }
    },
    routerHeard() {
      heardAt = clock.now();
    },
  };
}
