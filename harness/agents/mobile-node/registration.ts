import { remaining } from '../common/status.ts';
import { type Clock, createAlarm } from './clock.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { parseReply, type Reply, replyCode } from './message.ts';
import { type Ask, createRequestEncoder } from './request.ts';
import {
  createIdentifications,
  isForeignAgentAuthenticated,
  isHomeAgentAuthenticated,
  isReplyTo,
} from './security.ts';

/** A request but for what the registrar fills in; `lifetimeSeconds` is the longest that may be asked for. */
export type Composition = Omit<Ask, 'identification' | 'isAgain'>;

/** What the home agent has accepted. */
export interface Registration {
  ask: Ask;
  reply: Reply;
  expiresAt: number;
}

export interface RegistrarOptions {
  settings: Settings;
  clock: Clock;
  deviates: Deviates;
  /** The request for where the mobile node is now; undefined: it is nowhere. */
  compose(isDeregistration: boolean): Composition | undefined;
  transmit(message: Buffer, ask: Ask): void;
  accepted(registration: Registration): void;
  deregistered(): void;
  denied(code: number, ask: Ask): void;
  /** The granted lifetime is over. */
  expired(): void;
  count(name: string): void;
  log(event: string, details: object): void;
}

export interface Registrar {
  /** Register, or register again, as soon as RFC 3344 3.6.3 lets it. */
  register(): void;
  deregister(): void;
  /** The mobile node has left: what is pending or granted does not hold any more. */
  leave(): void;
  /** Forget everything, replay protection and back-off too. */
  forget(): void;
  /** A UDP payload that came for a request's source port. */
  onReply(payload: Buffer): void;
  status(): object | undefined;
}

/** RFC 3344 3.6.3: never more than one request a second, with room for timers and clocks that are not exact. */
const shortestInterval = 1020;
const longestInterval = 60_000;
const infiniteLifetime = 0xffff;
/** Which part of its lifetime a registration is old when it is renewed. */
const renewalAge = 0.75;

interface Pending {
  ask: Ask;
  message: Buffer;
  sentAt: number;
  isDeregistration: boolean;
}

/** The registration procedure of a mobile node: RFC 3344 3.6. */
export function createRegistrar(options: RegistrarOptions): Registrar {
  const { settings, clock, deviates, count, log } = options;
  const encode = createRequestEncoder(settings, deviates);
  const identifications = createIdentifications(settings.replay, clock, deviates);
  const types = settings.ipv6Extensions ? settings.extensionTypes : undefined;
  const next = createAlarm(clock);
  const expiry = createAlarm(clock);
  const minimum = deviates('more-than-one-request-a-second') ? 300 : shortestInterval;
  let isDeregistering = false;
  let pending: Pending | undefined;
  let lastSentAt = Number.NEGATIVE_INFINITY;
  let timeout = minimum;
  let denials = 0;
  /** The longest lifetime that the foreign agent has said it takes (code 69). */
  let longestLifetime = infiniteLifetime;

  function begin(deregister: boolean): void {
    isDeregistering = deregister;
    pending = undefined;
    timeout = minimum;
    denials = 0;
    schedule(0);
  }

  function schedule(delay: number): void {
    const at = Math.max(clock.now() + delay, lastSentAt + minimum);
    next.set(at - clock.now(), send);
  }

  function send(): void {
    const composition = options.compose(isDeregistering);
    if (composition === undefined) {
      return;
    }
    pending = prepare(composition);
    lastSentAt = pending.sentAt;
    count('registrationRequests');
    options.transmit(pending.message, pending.ask);
    const longest = pending.ask.lifetimeSeconds === 0 ? longestInterval : pending.ask.lifetimeSeconds * 1000;
    next.set(timeout, () => {
      timeout = Math.max(minimum, Math.min(timeout * 2, longest, longestInterval));
      send();
    });
  }

  function prepare(composition: Composition): Pending {
    const sentAt = clock.now();
    // RFC 3344 3.6.3: with nonces an unanswered request is repeated unchanged.
    if (pending !== undefined && settings.replay === 'nonces') {
      return { ...pending, sentAt };
    }
    const lifetimeSeconds = isDeregistering ? 0 : Math.min(composition.lifetimeSeconds, longestLifetime);
    const ask: Ask = {
      ...composition,
      lifetimeSeconds,
      identification: identifications.next(),
      isAgain: pending !== undefined,
    };
    return { ask, message: encode(ask), sentAt, isDeregistration: isDeregistering };
  }

  /** RFC 3344 3.6.2.1: the request that this reply answers; undefined when it is to be discarded. */
  function answered(reply: Reply): Pending | undefined {
    const discard = (reason: string) => {
      count(reason);
      return undefined;
    };
    // RFC 3344 1.8.
    if (reply.trailing || reply.unknownNonSkippable.length > 0) {
      return discard('malformedReplies');
    }
    if (deviates('unknown-extension-drops-reply') && reply.unknownSkippable.length > 0) {
      return undefined;
    }
    if (pending === undefined || !isReplyTo(reply, pending.ask.identification, deviates)) {
      return discard('unexpectedReplies');
    }
    const { ask } = pending;
    const isForeignAgents = reply.code >= 64 && reply.code < 128;
    const isAccepting = reply.code <= replyCode.acceptedWithoutSimultaneousBindings;
    if (!isAccepting && reply.code < 64) {
      return discard('undefinedReplyCodes');
    }
    if (isAccepting && ask.homeAddress !== 0 && reply.homeAddress !== ask.homeAddress) {
      return discard('unexpectedReplies');
    }
    const isTrusted =
      isForeignAgentAuthenticated(reply, ask.foreignAgent, deviates) &&
      (isForeignAgents || isHomeAgentAuthenticated(reply, settings.association, deviates));
    if (!isTrusted) {
      log('security-exception', { code: reply.code });
      return discard('securityExceptions');
    }
    if (!isForeignAgents) {
      identifications.learn(reply.identification, reply.code === replyCode.identificationMismatch);
    }
    return pending;
  }

  function accept(reply: Reply, { ask, sentAt, isDeregistration }: Pending): void {
    next.clear();
    expiry.clear();
    if (isDeregistration) {
      options.deregistered();
      return;
    }
    const granted = Math.min(reply.lifetimeSeconds, ask.lifetimeSeconds);
    if (granted === 0) {
      deny(reply, ask);
      return;
    }
    denials = 0;
    timeout = minimum;
    // RFC 3344 3.6.2.2: counted from when the request was sent.
    const milliseconds = granted === infiniteLifetime ? Number.POSITIVE_INFINITY : granted * 1000;
    const expiresAt = sentAt + milliseconds;
    if (granted !== infiniteLifetime) {
      expiry.set(expiresAt - clock.now(), options.expired);
      schedule(sentAt + milliseconds * renewalAge - clock.now());
    }
    options.accepted({ ask, reply, expiresAt });
  }

  function deny(reply: Reply, ask: Ask): void {
    denials += 1;
    timeout = minimum;
    options.denied(reply.code, ask);
    const isLifetime =
      reply.code === replyCode.lifetimeTooLong &&
      reply.lifetimeSeconds > 0 &&
      reply.lifetimeSeconds < ask.lifetimeSeconds;
    if (isLifetime) {
      longestLifetime = reply.lifetimeSeconds;
    }
    const canMend = isLifetime || reply.code === replyCode.identificationMismatch;
    schedule(canMend && denials <= 2 ? 0 : Math.min(1000 * 2 ** denials, longestInterval));
  }

  function leave(): void {
    next.clear();
    expiry.clear();
    pending = undefined;
    longestLifetime = infiniteLifetime;
  }

  return {
    register: () => begin(false),
    deregister: () => begin(true),
    leave,
    forget() {
      leave();
      lastSentAt = Number.NEGATIVE_INFINITY;
      identifications.forget();
    },
    onReply(payload) {
      const reply = parseReply(payload, types);
      if (reply === undefined) {
        count('malformedReplies');
        return;
      }
      const request = answered(reply);
      if (request === undefined) {
        if (pending !== undefined && deviates('asks-again-at-once-after-bad-reply')) {
          next.set(20, send);
        }
        return;
      }
      pending = undefined;
      count(`code${reply.code}`);
      if (reply.code <= replyCode.acceptedWithoutSimultaneousBindings) {
        accept(reply, request);
      } else {
        deny(reply, request.ask);
      }
    },
    status: () =>
      pending && {
        isDeregistration: pending.isDeregistration,
        lifetimeSeconds: pending.ask.lifetimeSeconds,
        nextRequestMilliseconds: remaining(pending.sentAt + timeout, clock.now()),
      },
  };
}
