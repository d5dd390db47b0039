import type { Pending } from './pending.ts';

/** What an ICMP error about a relayed request will quote of it. */
export type Quotable = Pick<Pending, 'relayPort' | 'ipIdentification'>;

/**
 * Chooses the UDP source port (RFC 3344 3.7.2.2: variable) and the IP identification of each relayed request: as long
 * as there are ports enough, a port that no pending request has.
 */
export function createQuotable(ports: readonly number[], pending: () => readonly Pending[]): () => Quotable {
  let turn = 0;
  let identification = Math.floor(Math.random() * 0xffff);

  return () => {
    const used = new Set(pending().map(({ relayPort }) => relayPort));
    const inTurn = [...ports.slice(turn), ...ports.slice(0, turn)];
    const relayPort = inTurn.find((port) => !used.has(port)) ?? inTurn[0] ?? 0;
    turn = (ports.indexOf(relayPort) + 1) % ports.length;
    // Never 0, for which the kernel would put one of its own.
    identification = (identification % 0xffff) + 1;
    return { relayPort, ipIdentification: identification };
  };
}
