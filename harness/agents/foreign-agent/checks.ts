import { requestFlag } from '../common/messages.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { type ForeignAgentCode, type Request, replyCode } from './message.ts';
import type { Policy } from './policies.ts';
import { hasDraftExtension } from './relay.ts';
import { isMobileAuthenticated, mobileAssociation } from './security.ts';

/** RFC 3344 3.3: r and x, sent as zero and ignored. */
const reservedFlags = 0x05;

/** Why a request is not relayed: it is dropped without a word, or denied with a code. */
export type Objection = { dropped: string } | { dropped?: undefined; code: number; lifetimeSeconds?: number };

/** What a request is checked against besides the configuration. */
export interface Circumstances {
  /** TTL of the IP header it came in. */
  ttl: number;
  policy: Policy;
  /** One more request, or one more visitor, would be too many. */
  isFull: boolean;
  isOwnAddress(address: number): boolean;
  /** What RFC 4721 objects to, asked when the authentication was right. */
  challenge(): Objection | undefined;
}

/** Checks of the base protocol in the order in which RFC 3344 3.7.2 and RFC 3024 4.2.1 state them. */
export function createRequestCheck(
  settings: Settings,
  deviates: Deviates,
): (request: Request, circumstances: Circumstances) => Objection | undefined {
  const maximumLifetime = settings.maximumLifetimeSeconds;

  /** RFC 3344 1.8, and what deviations make of it. */
  function silentlyDiscarded(request: Request): string | undefined {
    const isUnknown = request.unknownNonSkippable.length > 0;
    if (
      isUnknown &&
      !deviates('unknown-non-skippable-relayed') &&
      !deviates('unknown-non-skippable-answered')
    ) {
      return 'unknown extension that may not be skipped';
    }
    const draftTypes: number[] = Object.values(settings.extensionTypes);
    if (
      deviates('unknown-skippable-drops-message') &&
      request.unknownSkippable.some((type) => !draftTypes.includes(type))
    ) {
      return 'unknown extension';
    }
    if (
      request.lifetimeSeconds === 0 &&
      request.unknownSkippable.length > 0 &&
      deviates('deregistrations-not-relayed')
    ) {
      return 'deregistration';
    }
    const isUnwanted = settings.ipv6Extensions
      ? request.ipv6HomeAddress !== undefined && deviates('a-flag-but-requests-dropped')
      : deviates('legacy-drops-ipv6-extensions') && hasDraftExtension(settings, request);
    return isUnwanted ? 'unwanted extension' : undefined;
  }

  function isPoorlyFormed(request: Request): boolean {
    const { homeAgent } = request;
    const isNoHomeAgent = homeAgent === 0 || homeAgent >>> 28 >= 0xe || homeAgent >>> 24 === 127;
    const isUnaskedDelivery =
      request.encapsulatingDelivery && (request.flags & requestFlag.reverseTunneling) === 0;
    const isBroken =
      (request.trailing || request.authorization === undefined) && !deviates('poorly-formed-relayed');
    const isLegacyDenial =
      !settings.ipv6Extensions &&
      deviates('legacy-denies-ipv6-extensions') &&
      hasDraftExtension(settings, request);
    const isAnswered = request.unknownNonSkippable.length > 0 && deviates('unknown-non-skippable-answered');
    const isReserved = (request.flags & reservedFlags) !== 0 && deviates('reserved-bits-denied');
    return isNoHomeAgent || isUnaskedDelivery || isBroken || isLegacyDenial || isAnswered || isReserved;
  }

  /**
   * RFC 3344 3.7.2.1. A request with lifetime zero may name the home address instead, which removes all bindings
   * (3.6.1.2; RFC 5944 says so of code 77).
   */
  function isCareOfAddressOffered(request: Request): boolean {
    const { careOfAddress, homeAddress, lifetimeSeconds } = request;
    return (
      settings.careOfAddresses.includes(careOfAddress) ||
      (lifetimeSeconds === 0 && careOfAddress === homeAddress) ||
      deviates('foreign-care-of-address-accepted')
    );
  }

  /** RFC 3024 4.2.1, for mobile nodes whose tunnel this agent ends. */
  function tunnelObjection(request: Request, ttl: number): ForeignAgentCode | undefined {
    const { flags, lifetimeSeconds } = request;
    const isRegistration = lifetimeSeconds > 0;
    const isReverse = (flags & requestFlag.reverseTunneling) !== 0;
    if (isRegistration && (flags & (requestFlag.minimalEncapsulation | requestFlag.greEncapsulation)) !== 0) {
      return deviates('encapsulation-denied-with-64')
        ? replyCode.unspecified
        : replyCode.encapsulationUnavailable;
    }
    const isStyleRefused =
      !settings.encapsulatingDeliveryStyle ||
      deviates('delivery-style-not-supported') ||
      deviates('delivery-style-denied-with-64');
    if (isRegistration && request.encapsulatingDelivery && isStyleRefused) {
      return deviates('delivery-style-denied-with-64')
        ? replyCode.unspecified
        : replyCode.deliveryStyleNotSupported;
    }
    if (
      isRegistration &&
      !isReverse &&
      settings.reverseTunneling === 'required' &&
      !deviates('missing-reverse-tunnel-relayed')
    ) {
      return deviates('missing-reverse-tunnel-denied-with-64')
        ? replyCode.unspecified
        : replyCode.reverseTunnelMandatory;
    }
    if (isReverse && ttl !== 255 && !deviates('distant-request-relayed')) {
      return deviates('distant-request-denied-with-64') ? replyCode.unspecified : replyCode.tooDistant;
    }
    const isRefused = settings.reverseTunneling === 'refused' && !deviates('refused-reverse-tunnel-relayed');
    if (isRegistration && isReverse && isRefused) {
      return deviates('refused-reverse-tunnel-denied-with-64')
        ? replyCode.unspecified
        : replyCode.reverseTunnelUnavailable;
    }
    return undefined;
  }

  function lifetimeObjection(request: Request): Objection | undefined {
    const isRefused = request.lifetimeSeconds === maximumLifetime && deviates('advertised-lifetime-refused');
    if (request.lifetimeSeconds <= maximumLifetime && !isRefused) {
      return undefined;
    }
    return {
      code: deviates('long-lifetime-denied-with-64') ? replyCode.unspecified : replyCode.lifetimeTooLong,
      // RFC 3344 3.7.2.3: the longest one that is accepted.
      lifetimeSeconds: deviates('long-lifetime-without-longest')
        ? undefined
        : deviates('advertised-lifetime-not-told')
          ? maximumLifetime >> 1
          : maximumLifetime,
    };
  }

  return (request, circumstances) => {
    const reason = silentlyDiscarded(request);
    if (reason !== undefined) {
      return { dropped: reason };
    }
    if (isPoorlyFormed(request)) {
      return { code: replyCode.poorlyFormedRequest };
    }
    const isColocated = (request.flags & requestFlag.decapsulationByMobileNode) !== 0;
    if (!isColocated && !isCareOfAddressOffered(request)) {
      return {
        code: deviates('care-of-address-denied-with-64')
          ? replyCode.unspecified
          : replyCode.invalidCareOfAddress,
      };
    }
    const association = mobileAssociation(settings, request);
    if (association !== undefined && !isMobileAuthenticated(request, association, deviates)) {
      return { code: replyCode.mobileNodeFailedAuthentication };
    }
    const challenge = circumstances.challenge();
    if (challenge !== undefined) {
      return challenge;
    }
    if (
      request.homeAddress === 0 &&
      request.nai === undefined &&
      !deviates('zero-home-address-without-nai-relayed')
    ) {
      // RFC 2794 3: without a NAI, no record of the pending request can be kept.
      return { code: replyCode.homeAddressRequired };
    }
    const isIpv6Refused = request.ipv6HomeAddress !== undefined && deviates('refuses-requests-for-ipv6');
    if (circumstances.policy.refused || isIpv6Refused) {
      return { code: replyCode.administrativelyProhibited };
    }
    const lifetime = lifetimeObjection(request);
    if (lifetime !== undefined) {
      return lifetime;
    }
    const code = isColocated ? undefined : tunnelObjection(request, circumstances.ttl);
    if (code !== undefined) {
      return { code };
    }
    if (circumstances.isOwnAddress(request.homeAgent) && !deviates('own-home-agent-address-relayed')) {
      return {
        code: deviates('own-home-agent-address-denied-with-64')
          ? replyCode.unspecified
          : replyCode.unknownHomeAgent,
      };
    }
    return circumstances.isFull ? { code: replyCode.insufficientResources } : undefined;
  };
}
