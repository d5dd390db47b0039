import { agentFlag } from '../../wire/index.ts';
import { type Ipv6Key, zeroIpv6 } from '../common/addresses.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { ipv6Code, type Reply } from './message.ts';

/** Where the mobile node is, as far as the IPv6 extensions depend on it. */
export type Place =
  | { kind: 'home' }
  | { kind: 'foreign-agent'; hasIpv6Flag: boolean }
  | { kind: 'co-located'; localIpv6?: Ipv6Key };

/** What a request asks for IPv6: section 4.1. */
export interface Ipv6Request {
  /** Address of the IPv6 home address extension; none is sent without it. */
  address?: Ipv6Key;
  /** The compatibility extension and its R flag. */
  compatibility?: { reverseTunnel: boolean };
}

/** How IPv6 travels while the registration lasts; it says how it is sent. */
export type Ipv6Use =
  | 'none'
  /** Bare to and from the foreign agent (section 5.1.1). */
  | 'foreign-agent'
  /** [home address -> home agent p41]; what comes has the same tunnel (section 5.1.4). */
  | 'home-address-tunnel'
  /** [care-of address -> home agent p41] (section 5.1.5). */
  | 'care-of-tunnel'
  /** Natively to the local router; what comes is tunnelled to the care-of address (section 4.3 case 2). */
  | 'local-router';

/** What was learnt since the start about who has the IPv6 extensions. */
export interface Knowledge {
  /** The A flag of the home agent's advertisements; undefined: none was heard. */
  homeAgentFlag?: boolean;
  /** In this network a reply without a code extension has come: the home agent has them not (section 3.3). */
  isLegacyHere: boolean;
}

/** Section 2: A as it stands in the flags word. */
export function hasIpv6Flag(flags: number, deviates: Deviates): boolean {
  return (flags & (deviates('a-flag-read-at-wrong-bit') ? 0x0010 : agentFlag.ipv6Extensions)) !== 0;
}

/** Whether the extensions are attempted at all: section 2.3 with reading A24. */
export function isAttempted(settings: Settings, { homeAgentFlag, isLegacyHere }: Knowledge): boolean {
  const { ipv6Extensions, ipv6Home, homeAgentSupport, attemptWhenUnknown } = settings;
  const isSupported =
    homeAgentSupport === 'learn' ? (homeAgentFlag ?? attemptWhenUnknown) : homeAgentSupport === 'yes';
  return ipv6Extensions && ipv6Home !== undefined && isSupported && !isLegacyHere;
}

/** Whether the home agent is taken not to have them: by provisioning or by its A flag (section 2.3). */
export function isHomeAgentWithout(settings: Settings, { homeAgentFlag }: Knowledge): boolean {
  const { ipv6Extensions, ipv6Home, homeAgentSupport } = settings;
  return ipv6Extensions && ipv6Home !== undefined && homeAgentSupport === 'learn' && homeAgentFlag === false;
}

/** What a registration at this place asks for IPv6 (sections 2.3, 4.5.1, 4.5.2). Nothing at home. */
export function planIpv6(
  place: Place,
  settings: Settings,
  knowledge: Knowledge,
  eui64: Ipv6Key,
  deviates: Deviates,
): Ipv6Request {
  const isOverridden =
    isHomeAgentWithout(settings, knowledge) &&
    (deviates('home-agent-a-flag-ignored') ||
      (deviates('foreign-agent-a-flag-overrides-home-agent') &&
        place.kind === 'foreign-agent' &&
        place.hasIpv6Flag));
  if (place.kind === 'home' || !(isAttempted(settings, knowledge) || isOverridden)) {
    return {};
  }
  const address = askedAddress(settings, eui64, deviates);
  if (place.kind === 'foreign-agent') {
    const isOmitted = deviates(place.hasIpv6Flag ? 'no-address-with-a-set' : 'no-address-with-a-clear');
    const isCompatible =
      deviates('compatibility-through-foreign-agent') ||
      deviates('compatibility-before-authentication-through-foreign-agent');
    return isOmitted ? {} : { address, compatibility: isCompatible ? { reverseTunnel: false } : undefined };
  }
  const { localIpv6 } = place;
  const hasLocal = localIpv6 !== undefined;
  const isOmitted = deviates(hasLocal ? 'no-address-with-local-ipv6' : 'no-address-without-local-ipv6');
  const isRegisteringLocal = hasLocal && deviates('local-address-registered');
  return {
    address: isOmitted ? undefined : isRegisteringLocal ? localIpv6 : address,
    compatibility: compatibilityAt(hasLocal, settings, deviates),
  };
}

/** Section 4.5.2: R says that there is no local IPv6 to send by. */
function compatibilityAt(
  hasLocal: boolean,
  settings: Settings,
  deviates: Deviates,
): Ipv6Request['compatibility'] {
  const isOmitted = deviates(
    hasLocal ? 'no-compatibility-with-local-ipv6' : 'no-compatibility-without-local-ipv6',
  );
  if (settings.compatibility === 'never' || isOmitted) {
    return undefined;
  }
  const isTurned = deviates(hasLocal ? 'r-set-with-local-ipv6' : 'r-clear-without-local-ipv6');
  return { reverseTunnel: hasLocal === isTurned };
}

/** The address of the extension: its own, or the form of section 4.6 that asks for one. */
function askedAddress({ ipv6Home }: Settings, eui64: Ipv6Key, deviates: Deviates): Ipv6Key | undefined {
  if (ipv6Home === undefined || typeof ipv6Home === 'object') {
    const own = ipv6Home?.address;
    return own !== undefined && deviates('another-address') ? otherAddress(own) : own;
  }
  const isZero =
    ipv6Home === 'zero' ? !deviates('asks-with-interface-identifier') : deviates('asks-with-zero');
  return isZero ? zeroIpv6 : eui64;
}

/** Another address of the same prefix, for a deviation. */
function otherAddress(address: Ipv6Key): Ipv6Key {
  return address.slice(0, 14) + String.fromCharCode(address.charCodeAt(14) ^ 0x40) + address.slice(15);
}

/** How IPv6 travels after this accepting reply to such a request (sections 3.3, 4.2, 4.5). */
export function ipv6UseOf(reply: Reply, asked: Ipv6Request, place: Place, deviates: Deviates): Ipv6Use {
  const hasAsked = asked.address !== undefined;
  if (place.kind === 'home' || !hasAsked) {
    return 'none';
  }
  switch (reply.ipv6Code ?? reply.foreignIpv6Code) {
    case undefined:
      return deviates('ipv6-without-code-extension') ? 'home-address-tunnel' : 'none';
    case ipv6Code.careOfAddress:
      return deviates('no-ipv6-after-0') ? 'none' : useOfCareOfAddress(asked, place, deviates);
    case ipv6Code.homeAddress:
      return deviates('no-ipv6-after-2') ? 'none' : 'home-address-tunnel';
    case 128:
      return deviates('ipv6-after-128') ? 'home-address-tunnel' : 'none';
    case 129:
      return deviates('ipv6-after-129') ? 'home-address-tunnel' : 'none';
    default:
      return 'none';
  }
}

function useOfCareOfAddress(
  asked: Ipv6Request,
  place: Exclude<Place, { kind: 'home' }>,
  deviates: Deviates,
): Ipv6Use {
  if (place.kind === 'foreign-agent') {
    // Section 4.5.1 case 1: behind an agent of A=0 everything is tunnelled, whatever the code.
    return place.hasIpv6Flag && !deviates('tunnels-with-code-0') ? 'foreign-agent' : 'home-address-tunnel';
  }
  if (asked.compatibility === undefined) {
    // Section 4.5.2: without the extension the tunnel starts at the home address.
    return 'home-address-tunnel';
  }
  return asked.compatibility.reverseTunnel || place.localIpv6 === undefined
    ? 'care-of-tunnel'
    : 'local-router';
}
