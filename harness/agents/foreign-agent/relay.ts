import {
  extensionType,
  type Found,
  requestFixedPartLength,
  requestFlag,
  udpTunnelRequest,
} from '../common/messages.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Request } from './message.ts';
import type { Ipv6Intent } from './pending.ts';
import type { Policy } from './policies.ts';
import { withAuthentication } from './security.ts';

/** What a relayed request says of IPv6, and what the agent then does when it is accepted. */
export interface Ipv6Treatment {
  /** The compatibility extension to attach (section 3.2). */
  compatibility?: { reverseTunnel: boolean };
  intent?: Ipv6Intent;
}

/**
 * The draft's three choices for a request with an IPv6 home address extension (section 4.4). A mobile node with a
 * co-located care-of address ends its tunnels itself, so nothing is attached for it.
 */
export function chooseIpv6(
  settings: Settings,
  request: Request,
  policy: Policy,
  deviates: Deviates,
): Ipv6Treatment {
  const { ipv6HomeAddress: requested } = request;
  if (!settings.ipv6Extensions) {
    const isAttached = deviates('legacy-attaches-compatibility') && hasDraftExtension(settings, request);
    return isAttached ? { compatibility: { reverseTunnel: false } } : {};
  }
  const isOdd = requested === undefined && hasAddressExtension(settings, request);
  if (isOdd && policy.ipv6 !== 'ignore' && deviates('odd-address-handled')) {
    return { compatibility: { reverseTunnel: policy.ipv6 === 'deliver-and-reverse-tunnel' } };
  }
  if (requested === undefined || (request.flags & requestFlag.decapsulationByMobileNode) !== 0) {
    return {};
  }
  switch (policy.ipv6) {
    case 'ignore':
      return {
        compatibility:
          deviates('compatibility-though-ignoring') ||
          (policy.ipv6Code !== undefined && deviates('compatibility-though-refusing'))
            ? { reverseTunnel: false }
            : undefined,
        intent: deviates('ipv6-state-though-ignoring') ? { requested, reverseTunnel: false } : undefined,
      };
    case 'deliver':
      return deviates('no-compatibility-though-delivering')
        ? {}
        : {
            compatibility: { reverseTunnel: deviates('r-set-though-delivering') },
            intent: { requested, reverseTunnel: false },
          };
    case 'deliver-and-reverse-tunnel':
      return deviates('no-compatibility-though-reverse-tunneling')
        ? {}
        : {
            compatibility: { reverseTunnel: !deviates('r-clear-though-reverse-tunneling') },
            intent: { requested, reverseTunnel: true },
          };
  }
}

/** Whether a request carries an IPv6 home address extension, of whatever length and sub-type. */
function hasAddressExtension(settings: Settings, request: Request): boolean {
  return request.extensions.some(({ type }) => type === settings.extensionTypes.ipv6HomeAddress);
}

/** Whether a request carries one of the draft's extensions, known or not. */
export function hasDraftExtension(settings: Settings, request: Request): boolean {
  const types: number[] = Object.values(settings.extensionTypes);
  return request.extensions.some(({ type }) => types.includes(type));
}

/**
 * The UDP payload by which a request is relayed (RFC 3344 3.7.2.2): everything up to and with the authorization-
 * enabling extension octet for octet, nothing of what follows it but what RFC 4721 3.2 wants kept, then the
 * compatibility extension, and the FHAE if a key is shared with the home agent (section 4.1 of the draft).
 */
export function createRelayEncoder(
  settings: Settings,
  deviates: Deviates,
): (request: Request, treatment: Ipv6Treatment) => Buffer {
  const types = settings.extensionTypes;

  function compatibilityOctets({ reverseTunnel }: { reverseTunnel: boolean }): Buffer {
    const r = deviates('compatibility-r-at-lowest-bit') ? 0x0001 : 0x8000;
    const reserved = deviates('compatibility-reserved-set') ? 0x7ffe : 0;
    const word = (reverseTunnel ? r : 0) | reserved;
    const type = deviates('compatibility-not-skippable')
      ? types.ipv6Compatibility & 0x7f
      : types.ipv6Compatibility;
    const octets = deviates('compatibility-with-sub-type')
      ? Buffer.of(type, 3, 1, word >> 8, word & 255)
      : deviates('compatibility-wrong-length')
        ? Buffer.of(type, 4, word >> 8, word & 255, 0, 0)
        : Buffer.of(type, 2, word >> 8, word & 255);
    return deviates('two-compatibility-extensions') ? Buffer.concat([octets, octets]) : octets;
  }

  /** For deviations: an IPv6 home address extension as it is passed on. */
  function addressOctets(octets: Buffer): Buffer {
    if (deviates('relayed-address-stripped') || deviates('relayed-address-behind-authentication')) {
      return Buffer.alloc(0);
    }
    if (deviates('relayed-address-without-sub-type')) {
      return Buffer.concat([Buffer.of(octets[0] ?? 0, 16), octets.subarray(3)]);
    }
    if (deviates('relayed-address-wrong-length')) {
      return Buffer.concat([Buffer.of(octets[0] ?? 0, 18), octets.subarray(2), Buffer.of(0)]);
    }
    const altered = Buffer.from(octets);
    if (deviates('relayed-address-altered')) {
      altered[10] = (altered[10] ?? 0) ^ 0x40;
    }
    if (deviates('relayed-address-wrong-sub-type')) {
      altered[2] = 2;
    }
    if (deviates('relayed-address-not-skippable')) {
      altered[0] = (altered[0] ?? 0) & 0x7f;
    }
    return altered;
  }

  function fixedPart(request: Request): Buffer {
    const octets = Buffer.from(request.octets.subarray(0, requestFixedPartLength));
    if (deviates('relayed-lifetime-changed')) {
      octets.writeUInt16BE(request.lifetimeSeconds >> 1, 2);
    }
    if (deviates('relayed-lifetime-longer')) {
      octets.writeUInt16BE(Math.min(request.lifetimeSeconds + 1, 0xffff), 2);
    }
    if (deviates('relayed-flags-changed')) {
      octets[1] = (octets[1] ?? 0) ^ requestFlag.simultaneousBindings;
    }
    return octets;
  }

  function isAddress({ type, length }: Found): boolean {
    return type === types.ipv6HomeAddress && length === 19;
  }

  function octetsOf(request: Request, { offset, length }: Found): Buffer {
    return request.octets.subarray(offset, offset + length);
  }

  /** From the fixed part up to and with the authorization-enabling extension, in pieces. */
  function headOf(request: Request, compatibility: Buffer, withAddress: boolean): Buffer[] {
    const last = request.authorization;
    const pieces: Buffer[] = [fixedPart(request)];
    let end = requestFixedPartLength;
    for (const item of request.extensions) {
      if (item === last && deviates('compatibility-before-authentication')) {
        pieces.push(compatibility);
      }
      const octets = octetsOf(request, item);
      const isStripped = item.type === extensionType.mobileNodeNai && deviates('relayed-nai-stripped');
      if (!isStripped && (withAddress || !isAddress(item))) {
        pieces.push(isAddress(item) ? addressOctets(octets) : octets);
      }
      end = item.offset + item.length;
      if (item === last) {
        break;
      }
    }
    // Only a deviation relays what has no authorization-enabling extension: then as it came.
    return last === undefined ? [...pieces, request.octets.subarray(end)] : pieces;
  }

  /** What stays of the extensions behind the authorization-enabling one. */
  function keptOf(request: Request, isAttaching: boolean): Buffer[] {
    const after = request.authorization?.offset ?? request.octets.length;
    const isKept = isAttaching
      ? deviates('keeps-mobile-compatibility-when-attaching')
      : deviates('keeps-mobile-compatibility-when-ignoring');
    const { challenge, mobileAaa } = request;
    const pieces: Buffer[] = [];
    for (const item of request.extensions) {
      if (item.offset <= after) {
        if (isAddress(item) && deviates('relayed-address-behind-authentication')) {
          pieces.push(octetsOf(request, item));
        }
        continue;
      }
      // RFC 4721 3.2: a mobile-AAA extension is for the home agent, too, with the challenge that it is an answer to.
      const isForHomeAgent = mobileAaa !== undefined && (item === mobileAaa || item === challenge);
      if (
        isForHomeAgent ||
        deviates('keeps-what-follows-authentication') ||
        (item.type === types.ipv6Compatibility && isKept)
      ) {
        pieces.push(octetsOf(request, item));
      }
    }
    return pieces;
  }

  return (request, { compatibility: attached }) => {
    const compatibility = attached === undefined ? Buffer.alloc(0) : compatibilityOctets(attached);
    const isEarly = deviates('compatibility-before-authentication');
    const kept = keptOf(request, attached !== undefined);
    const put = (withAddress: boolean, withCompatibility: boolean) =>
      Buffer.concat([
        ...headOf(request, compatibility, withAddress),
        ...kept,
        ...(deviates('asks-for-udp-tunnel') ? [udpTunnelRequest] : []),
        ...(withCompatibility && !isEarly ? [compatibility] : []),
      ]);
    const association = settings.homeAgents.get(request.homeAgent);
    if (association === undefined || deviates('fhae-not-appended')) {
      return put(true, true);
    }
    const isLate = deviates('compatibility-behind-foreign-home');
    const message = put(true, !isLate);
    const covered = deviates('fhae-computed-without-address')
      ? put(false, true)
      : deviates('fhae-computed-without-compatibility')
        ? put(true, false)
        : deviates('fhae-computed-over-fixed-part')
          ? fixedPart(request)
          : message;
    const authenticated = withAuthentication(message, extensionType.foreignHomeAuthentication, association, {
      covered,
      wrong: deviates('fhae-wrong'),
    });
    return isLate ? Buffer.concat([authenticated, compatibility]) : authenticated;
  };
}
