import type { Clock } from './clock.ts';

/** Link-layer addresses of neighbours, and packets that wait for one. */
export interface Resolver<Address> {
  /** The frame for this neighbour is handed on as soon as its address is known; dropped when it does not answer. */
  send(neighbour: Address, frameTo: (mac: Buffer) => void): void;
  learn(neighbour: Address, mac: Buffer): void;
  /** As `learn`, but only for a neighbour that has been asked for, or is known. */
  update(neighbour: Address, mac: Buffer): void;
  find(neighbour: Address): Buffer | undefined;
  forget(): void;
}

const askings = 3;
const askEveryMs = 1000;
const lifetimeMs = 60_000;
const maximumNeighbours = 256;
const maximumWaiting = 16;

interface Neighbour {
  mac?: Buffer;
  expiresAt: number;
  waiting: ((mac: Buffer) => void)[];
  cancel?: () => void;
}

/** Address resolution by asking (RFC 826, RFC 2461 7.2); `ask` sends one question for a neighbour. */
export function createResolver<Address>(clock: Clock, ask: (neighbour: Address) => void): Resolver<Address> {
  const table = new Map<Address, Neighbour>();

  function entryFor(neighbour: Address): Neighbour {
    const known = table.get(neighbour);
    if (known !== undefined) {
      return known;
    }
    if (table.size >= maximumNeighbours) {
      const [oldest] = table.keys();
      if (oldest !== undefined) {
        table.get(oldest)?.cancel?.();
        table.delete(oldest);
      }
    }
    const entry: Neighbour = { expiresAt: 0, waiting: [] };
    table.set(neighbour, entry);
    return entry;
  }

  function askFor(neighbour: Address, entry: Neighbour, left: number): void {
    if (left === 0) {
      table.delete(neighbour);
      return;
    }
    ask(neighbour);
    entry.cancel = clock.after(askEveryMs, () => askFor(neighbour, entry, left - 1));
  }

  function learn(neighbour: Address, mac: Buffer): void {
    const entry = entryFor(neighbour);
    entry.cancel?.();
    entry.cancel = undefined;
    entry.mac = mac;
    entry.expiresAt = clock.now() + lifetimeMs;
    for (const frameTo of entry.waiting.splice(0)) {
      frameTo(mac);
    }
  }

  return {
    learn,
    send(neighbour, frameTo) {
      const entry = entryFor(neighbour);
      if (entry.mac !== undefined) {
        frameTo(entry.mac);
        if (entry.expiresAt > clock.now()) {
          return;
        }
        // Stale: still used, but asked for anew.
        entry.expiresAt = clock.now() + lifetimeMs;
        ask(neighbour);
        return;
      }
      if (entry.waiting.length < maximumWaiting) {
        entry.waiting.push(frameTo);
      }
      if (entry.cancel === undefined) {
        askFor(neighbour, entry, askings);
      }
    },
    update(neighbour, mac) {
      if (table.has(neighbour)) {
        learn(neighbour, mac);
      }
    },
    find: (neighbour) => table.get(neighbour)?.mac,
    forget() {
      for (const entry of table.values()) {
        entry.cancel?.();
      }
      table.clear();
    },
  };
}
