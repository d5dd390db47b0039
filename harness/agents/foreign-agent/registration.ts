import { encodePacket, toHex } from '../../wire/index.ts';
import { ipv4Text } from '../common/addresses.ts';
import { mobileIpPort } from '../common/messages.ts';
import { type Challenges, challengeIn } from './challenges.ts';
import { createRequestCheck, type Objection } from './checks.ts';
import type { Settings } from './config.ts';
import { createDenialLimit } from './denial-limit.ts';
import type { Deviates } from './deviations.ts';
import {
  lowIdentification,
  type ParseOptions,
  parseReply,
  parseRequest,
  type Reply,
  type Request,
  replyCode,
} from './message.ts';
import { createPendingTable, type Pending, type Quoted } from './pending.ts';
import { findPolicy } from './policies.ts';
import { createQuotable } from './quotable.ts';
import { chooseIpv6, createRelayEncoder } from './relay.ts';
import { createReplyEncoder, type Recipient } from './reply.ts';
import { isHomeAgentAuthenticated, mobileAssociation } from './security.ts';
import type { VisitorList } from './visitors.ts';

/** A UDP datagram for port 434 that came over the visited link. */
export interface RequestArrival {
  /** Link-layer source address, six octets. */
  mac: Buffer;
  sourcePort: number;
  destination: number;
  ttl: number;
  payload: Buffer;
}

export interface RegistrationOptions {
  settings: Settings;
  visitors: VisitorList;
  /** Undefined: no challenges are issued. */
  challenges: Challenges | undefined;
  /** Monotonic, milliseconds. */
  now(): number;
  /** UDP source ports for relayed requests. */
  relayPorts: readonly number[];
  isOwnAddress(address: number): boolean;
  /** Send an IPv4 packet upstream / to the mobile node at a link-layer address. */
  sendUpstream(packet: Uint8Array): void;
  sendToMobile(mac: Buffer, packet: Uint8Array): void;
  count(name: string): void;
  log(event: string, details: object): void;
  changed(): void;
  deviates: Deviates;
}

export interface Registration {
  onRequest(arrival: RequestArrival): void;
  /** The payload of a UDP datagram for one of `relayPorts` that came from upstream. */
  onReply(payload: Buffer): void;
  /** An ICMP error that quotes a relayed request; `code` is what it means to the mobile node. */
  onUnreachable(quoted: Quoted, code: number): void;
  readonly pending: number;
  /** Neither a new visitor nor a new request would be served: the flag B (RFC 3344 2.1.1). */
  isBusy(): boolean;
  /** Give up what is due; for tests with a clock of their own. */
  expire(): void;
  close(): void;
}

/** What some deviations go by, so that there still are registrations. */
const isOdd = ({ unknownSkippable }: Request): boolean => unknownSkippable.length > 0;

const relayTtl = 64;
/** RFC 3344 3.4. */
const homeAgentProhibits = 129;
const copyMs = 2000;
const allMobilityAgents = 0xe000000b;

/** Relays requests and replies (RFC 3344 3.7, with the draft's section 4.4) and keeps the visitor list. */
export function createRegistration(options: RegistrationOptions): Registration {
  const { settings, visitors, challenges, now, count, log, deviates } = options;
  const parseOptions: ParseOptions = {
    types: settings.ipv6Extensions ? settings.extensionTypes : undefined,
    challenges: challenges !== undefined,
  };
  const check = createRequestCheck(settings, deviates);
  const encodeRelay = createRelayEncoder(settings, deviates);
  const encodeReply = createReplyEncoder(settings, deviates);
  const mayDeny = createDenialLimit(now, settings.denialIntervalSeconds * 1000);
  const pendings = createPendingTable(now, onTimeout);
  const nextQuotable = createQuotable(options.relayPorts, () => pendings.all());

  function mobileName(request: Request): string {
    return request.nai ?? ipv4Text(request.homeAddress);
  }

  function challengeFor(request: Request): string | undefined {
    return challenges?.forReply(mobileName(request));
  }

  function deny(to: Recipient, code: number, lifetimeSeconds = to.request.lifetimeSeconds): void {
    count(`code${code}`);
    log('denied', { homeAddress: ipv4Text(to.request.homeAddress), nai: to.request.nai, code });
    options.sendToMobile(to.mac, encodeReply.deny(to, code, lifetimeSeconds, challengeFor(to.request)));
  }

  function forget(pending: Pending): void {
    pendings.remove(pending);
    options.changed();
  }

  function onTimeout(pending: Pending): void {
    options.changed();
    if (!deviates('timeout-not-told')) {
      deny(pending, deviates('timeout-told-as-64') ? replyCode.unspecified : replyCode.timeout);
    }
  }

  /** RFC 4721 3.2. */
  function objectToChallenge(arrival: RequestArrival, request: Request): Objection | undefined {
    if (challenges === undefined) {
      return undefined;
    }
    const { challenge, mobileAaa } = request;
    if (challenge === undefined) {
      const isKeyShared = mobileAssociation(settings, request) !== undefined;
      return isKeyShared ? undefined : { code: replyCode.missingChallenge };
    }
    const isAuthenticated =
      (mobileAaa?.offset ?? 0) > challenge.offset ||
      request.mobileForeign.some(({ offset }) => offset > challenge.offset);
    if (!isAuthenticated) {
      return { dropped: 'challenge without authentication' };
    }
    const isRetransmission = pendings
      .all()
      .some(
        (pending) =>
          pending.request.homeAddress === request.homeAddress &&
          pending.request.nai === request.nai &&
          pending.request.homeAgent === request.homeAgent &&
          pending.request.careOfAddress === request.careOfAddress,
      );
    const value = challengeIn(request.octets, challenge);
    const mac = arrival.mac.toString('hex');
    const code = challenges.check(mobileName(request), mac, value, isRetransmission);
    return code === undefined ? undefined : { code };
  }

  function isFull(isNew: boolean, isRepeated: boolean): boolean {
    const isPendingFull = !isRepeated && pendings.size >= settings.maximumPending;
    const isListFull =
      isNew &&
      visitors.size + pendings.size >= settings.maximumVisitors &&
      visitors.size + pendings.newcomers() >= settings.maximumVisitors;
    return isPendingFull || isListFull;
  }

  function onRequest(arrival: RequestArrival): void {
    count('registrationRequests');
    const request = parseRequest(arrival.payload, parseOptions);
    if (request === undefined) {
      drop('no registration request');
      return;
    }
    const repeated = pendings.find(request);
    if (repeated !== undefined && repeated.mac.compare(arrival.mac) !== 0) {
      // Whoever repeats another's request would be sent what is meant for that mobile node.
      drop('repeated from another link-layer address');
      return;
    }
    const isNew = request.lifetimeSeconds > 0 && !visitors.has(request.homeAddress, request.nai);
    const policy = findPolicy(settings.policies, settings.defaultPolicy, request.nai, request.homeAddress);
    const objection = check(request, {
      ttl: arrival.ttl,
      policy,
      isFull: isFull(isNew, repeated !== undefined),
      isOwnAddress: options.isOwnAddress,
      challenge: () => objectToChallenge(arrival, request),
    });
    const to: Recipient = {
      request,
      mac: arrival.mac,
      port: arrival.sourcePort,
      replySource:
        arrival.destination === allMobilityAgents && !deviates('multicast-address-as-source')
          ? settings.visitedLink.address
          : arrival.destination,
      association: mobileAssociation(settings, request),
    };
    if (objection !== undefined) {
      object(to, objection);
      return;
    }
    if (challenges !== undefined && request.challenge !== undefined) {
      const value = challengeIn(request.octets, request.challenge);
      challenges.use(mobileName(request), arrival.mac.toString('hex'), value);
    }
    const treatment = chooseIpv6(settings, request, policy, deviates);
    relay(
      {
        ...to,
        policy,
        ipv6: treatment.intent,
        ...nextQuotable(),
        isNew,
        expiresAt: now() + pendingSeconds(request) * 1000,
        answered: false,
      },
      encodeRelay(request, treatment),
    );
  }

  function drop(reason: string): void {
    count('droppedRequests');
    log('dropped', { reason });
  }

  function object(to: Recipient, objection: Objection): void {
    if (objection.dropped !== undefined) {
      drop(objection.dropped);
      return;
    }
    const { homeAddress, nai } = to.request;
    // RFC 3344 3.7.2: not more than one denial in a second to the same mobile node.
    const name = `${to.mac.toString('hex')} ${homeAddress} ${nai ?? ''}`;
    if (deviates('denials-not-sent') || !(mayDeny(name) || deviates('denials-unlimited'))) {
      count('unsentDenials');
      log('denied', { homeAddress: ipv4Text(homeAddress), nai, code: objection.code, unsent: true });
      return;
    }
    deny(to, objection.code, objection.lifetimeSeconds);
  }

  /** RFC 3344 3.7.2.2: no longer than the lifetime asked for. */
  function pendingSeconds({ lifetimeSeconds }: Request): number {
    if (deviates('pending-outlives-lifetime')) {
      return 60;
    }
    return lifetimeSeconds === 0
      ? settings.pendingTimeoutSeconds
      : Math.min(lifetimeSeconds, settings.pendingTimeoutSeconds);
  }

  function relay(pending: Pending, message: Buffer): void {
    pendings.add(pending);
    count('relayedRequests');
    if (deviates('ipv6-state-before-reply')) {
      visitors.admitIpv6(pending);
    }
    if (deviates('pending-request-ends-visit')) {
      visitors.end(pending.request.homeAddress);
    }
    options.sendUpstream(
      encodePacket([
        {
          ipv4: {
            source: ipv4Text(
              isOdd(pending.request) && deviates('relayed-from-home-address')
                ? pending.request.homeAddress
                : settings.upstreamAddress,
            ),
            destination: ipv4Text(relayDestination(pending.request)),
            ttl: relayTtl,
            identification: pending.ipIdentification,
          },
        },
        {
          udp: {
            sourcePort: pending.relayPort,
            destinationPort: mobileIpPort,
          },
        },
        { payload: toHex(message) },
      ]),
    );
    options.changed();
  }

  /** RFC 3344 3.7.2.2, and what deviations make of it. */
  function relayDestination({ homeAgent }: Request): number {
    if (deviates('relayed-to-another-home-agent')) {
      return homeAgent + 1;
    }
    const [other] = settings.homeAgents.keys();
    return options.isOwnAddress(homeAgent) ? (other ?? homeAgent) : homeAgent;
  }

  function onReply(payload: Buffer): void {
    count('registrationReplies');
    const reply = parseReply(payload, parseOptions);
    if (reply === undefined) {
      dropReply('no registration reply');
      return;
    }
    if (reply.unknownNonSkippable.length > 0 && !deviates('unknown-non-skippable-reply-relayed')) {
      dropReply('unknown extension that may not be skipped');
      return;
    }
    const pending =
      pendings.match(reply) ??
      (deviates('relays-mismatched-reply') ? pendings.matchHomeAddress(reply.homeAddress) : undefined) ??
      (deviates('relays-reply-for-another-address') ? sameIdentification(reply.identification) : undefined);
    const isLost = pending?.request.homeAddress === 0 && deviates('zero-home-address-reply-dropped');
    const isOther =
      pending?.request.identification !== reply.identification &&
      deviates('reply-matched-by-whole-identification');
    if (pending === undefined || isLost || isOther) {
      dropReply('no pending request');
      return;
    }
    settle(pending, reply);
  }

  /** For a deviation. */
  function sameIdentification(identification: bigint): Pending | undefined {
    const low = lowIdentification(identification);
    return pendings.all().find(({ request }) => lowIdentification(request.identification) === low);
  }

  function dropReply(reason: string): void {
    count('droppedReplies');
    log('dropped-reply', { reason });
  }

  function settle(pending: Pending, reply: Reply): void {
    const association = settings.homeAgents.get(pending.request.homeAgent);
    if (association !== undefined && !isHomeAgentAuthenticated(reply, association, deviates)) {
      // RFC 3344 3.7.3.1: the reply is discarded, and the mobile node's registration rejected.
      dropReply('failed authentication of the home agent');
      forget(pending);
      if (!deviates('unauthentic-reply-not-told')) {
        deny(pending, replyCode.homeAgentFailedAuthentication);
      }
      if (deviates('unauthentic-reply-makes-visitor')) {
        visitors.accept(pending, reply);
      }
      return;
    }
    const isWhole = reply.authorization !== undefined && !reply.trailing;
    if (!isWhole && !deviates('poorly-formed-reply-relayed')) {
      forget(pending);
      deny(pending, replyCode.poorlyFormedReply);
      return;
    }
    if (reply.code === homeAgentProhibits && deviates('prohibitions-not-relayed')) {
      forget(pending);
      return;
    }
    const code = incomplete(pending, reply);
    const isAccepted = reply.code <= 1 && code === undefined;
    if (deviates('relays-reply-twice')) {
      pending.answered = true;
      // Long enough for another copy, and not so long that there are too many.
      setTimeout(() => forget(pending), copyMs).unref();
    } else {
      forget(pending);
    }
    count('relayedReplies');
    const mac = deviates('relayed-reply-by-broadcast') ? Buffer.alloc(6, 0xff) : pending.mac;
    options.sendToMobile(mac, encodeReply.relay(pending, reply, code, challengeFor(pending.request)));
    // The lifetime begins when the reply is forwarded (RFC 3344 3.7.3.2).
    if (isAccepted && !deviates('accepted-registration-makes-no-visitor')) {
      visitors.accept(pending, reply);
    } else if (reply.code > 1) {
      afterDenial(pending, reply);
    }
  }

  /** RFC 3344 3.7.2: the visitor list stays as it was; deviations have it otherwise. */
  function afterDenial(pending: Pending, reply: Reply): void {
    if (deviates('ipv6-state-after-denial')) {
      visitors.admitIpv6(pending);
    }
    if (deviates('denied-registration-makes-visitor')) {
      visitors.accept(pending, reply);
    }
    if (deviates('denied-renewal-ends-visit')) {
      visitors.accept(pending, { ...reply, lifetimeSeconds: 0 });
    }
  }

  /**
   * RFC 2794 3, for a mobile node that sent its NAI: the code to put in place of the home agent's when the reply lacks the
   * NAI or names no home agent or home address. Of a denial nobody expects the two addresses: it may have none to give.
   */
  function incomplete(pending: Pending, reply: Reply): number | undefined {
    const asked = pending.request.homeAddress;
    const isForAnother = asked !== 0 && asked !== reply.homeAddress;
    const isLenient =
      deviates('missing-nai-not-told') || (isForAnother && deviates('relays-reply-for-another-address'));
    if (pending.request.nai === undefined || isLenient) {
      return undefined;
    }
    if (reply.nai === undefined) {
      return replyCode.missingNai;
    }
    if (reply.code > 1) {
      return undefined;
    }
    if (reply.homeAgent === 0) {
      return replyCode.missingHomeAgent;
    }
    return reply.homeAddress === 0 ? replyCode.missingHomeAddress : undefined;
  }

  function isUnreachableTold(code: number): boolean {
    switch (code) {
      case replyCode.networkUnreachable:
        return !deviates('unreachable-network-not-told');
      case replyCode.hostUnreachable:
        return !deviates('unreachable-host-not-told');
      case replyCode.portUnreachable:
        return !deviates('unreachable-port-not-told');
      default:
        return !deviates('unreachable-otherwise-not-told');
    }
  }

  return {
    onRequest,
    onReply,
    onUnreachable(quoted, code) {
      const pending = pendings.matchQuoted(quoted);
      if (pending === undefined) {
        count('unmatchedIcmp');
        return;
      }
      forget(pending);
      if (isUnreachableTold(code)) {
        deny(pending, deviates('unreachable-told-as-88') ? replyCode.otherIcmpError : code);
      }
    },
    get pending() {
      return pendings.size;
    },
    isBusy: () => isFull(true, false),
    expire: () => pendings.expire(),
    close: () => pendings.clear(),
  };
}
