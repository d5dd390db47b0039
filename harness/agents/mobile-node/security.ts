import { randomInt } from 'node:crypto';
import { type SecurityAssociation, verifyAuthenticator } from '../../wire/index.ts';
import type { Clock } from './clock.ts';
import type { Deviates } from './deviations.ts';
import type { Reply } from './message.ts';

const lowBits = 0xffffffffn;

/** Where the Identification of requests comes from (RFC 3344 5.7). */
export interface Identifications {
  next(): bigint;
  /** An authenticated reply to the request of this Identification has come. */
  learn(reply: bigint, isMismatch: boolean): void;
  forget(): void;
}

/** The style of replay protection that the mobile node shares with its home agent. */
export function createIdentifications(
  replay: 'timestamps' | 'nonces',
  clock: Pick<Clock, 'ntp'>,
  deviates: Deviates,
): Identifications {
  const style = replay === 'nonces' ? createNonces() : createTimestamps(clock);
  let first: bigint | undefined;
  let count = 0n;
  return {
    ...style,
    next() {
      const identification = style.next();
      first ??= identification;
      if (deviates('identification-repeated')) {
        return first;
      }
      if (deviates('identification-decreases')) {
        return BigInt.asUintN(64, first - count++);
      }
      return identification;
    },
    forget() {
      first = undefined;
      count = 0n;
      style.forget();
    },
  };
}

/** RFC 3344 5.7.1: the time of day as the home agent has it, each greater than the one before. */
function createTimestamps(clock: Pick<Clock, 'ntp'>): Identifications {
  let offset = 0n;
  let last = 0n;
  return {
    next() {
      const time = BigInt.asUintN(64, clock.ntp() + offset);
      last = time > last ? time : last + 1n;
      return last;
    },
    learn(reply, isMismatch) {
      if (isMismatch) {
        // The high 32 bits are the home agent's clock; with it begins a new sequence.
        offset = ((reply >> 32n) << 32n) - (clock.ntp() & ~lowBits);
        last = 0n;
      }
    },
    forget() {
      offset = 0n;
      last = 0n;
    },
  };
}

/** RFC 3344 5.7.2: the high 32 bits are the nonce of the last reply, the low ones our own. */
function createNonces(): Identifications {
  let nonce = 0n;
  let own = 0;
  return {
    next() {
      const fresh = randomInt(1, 0x100000000);
      own = fresh === own ? own ^ 1 : fresh;
      return (nonce << 32n) | BigInt(own);
    },
    learn(reply) {
      nonce = reply >> 32n;
    },
    forget() {
      nonce = 0n;
    },
  };
}

/** Whether the low 32 bits of the reply are those of the request (RFC 3344 3.6.2.1). */
export function isReplyTo(reply: Reply, identification: bigint, deviates: Deviates): boolean {
  return (reply.identification & lowBits) === (identification & lowBits) || deviates('low-bits-not-checked');
}

/** RFC 3344 3.6.2.1 b: exactly one valid MHAE. */
export function isHomeAgentAuthenticated(
  reply: Reply,
  association: SecurityAssociation,
  deviates: Deviates,
): boolean {
  const [first, second] = reply.mobileHome;
  if (first === undefined) {
    return deviates('reply-without-mhae-taken');
  }
  if (second !== undefined && !deviates('reply-with-two-mhae-taken')) {
    return false;
  }
  return verifyAuthenticator(reply.octets, first.offset, association) || deviates('reply-mhae-not-checked');
}

/** RFC 3344 3.6.2.1 a: exactly one valid MFAE, where a key is shared. */
export function isForeignAgentAuthenticated(
  reply: Reply,
  association: SecurityAssociation | undefined,
  deviates: Deviates,
): boolean {
  if (association === undefined || deviates('reply-mfae-not-checked')) {
    return true;
  }
  const [first, second] = reply.mobileForeign;
  return (
    first !== undefined &&
    second === undefined &&
    verifyAuthenticator(reply.octets, first.offset, association)
  );
}
