import { addressIn, type Ipv6Key, zeroIpv6 } from '../common/addresses.ts';
import type { Advertisement } from './advertisement.ts';
import type { CareOfAddress, Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Service } from './forwarding.ts';
import { ipv6UseOf, type Place } from './ipv6-policy.ts';
import type { Reply } from './message.ts';
import type { Registration } from './registration.ts';

/** Whether home or foreign agent has refused IPv6 in so many words (section 3.3). */
export function isRefused({ ipv6Code, foreignIpv6Code }: Reply): boolean {
  const code = ipv6Code ?? foreignIpv6Code;
  return code !== undefined && code >= 64;
}

/**
 * What an accepted registration gives the mobile node's traffic (sections 3.3, 4.2, 4.5). The code extension says nothing of
 * IPv4 (section 4.2).
 */
export function serviceOf(
  { ask, reply }: Registration,
  place: Place,
  at: { careOf?: CareOfAddress | undefined; agent?: Advertisement | undefined },
  deviates: Deviates,
): Service {
  const ipv6 = ipv6UseOf(reply, ask.ipv6, place, deviates);
  const isWithoutCode = ask.ipv6.address !== undefined && reply.ipv6Code === undefined;
  const isIpv4GivenUp =
    (isRefused(reply) && deviates('refused-ipv6-denies-registration')) ||
    (isWithoutCode && deviates('no-ipv4-without-code-extension'));
  // RFC 3024 4.1.2: the tunnel's other end is the Home Agent field of the reply.
  const common = { homeAgent: reply.homeAgent || ask.homeAgent, ipv6, hasIpv4: !isIpv4GivenUp };
  if (place.kind === 'foreign-agent' && at.agent !== undefined) {
    return {
      ...common,
      kind: 'foreign-agent',
      agentAddress: at.agent.address,
      agentMac: at.agent.mac,
      careOfAddress: ask.careOfAddress,
      hasIpv6Flag: place.hasIpv6Flag,
    };
  }
  if (place.kind === 'co-located' && at.careOf !== undefined) {
    return {
      ...common,
      kind: 'co-located',
      careOf: at.careOf,
      reverseTunneling: ask.reverseTunneling,
      hasCompatibility: ask.ipv6.compatibility !== undefined,
      localIpv6: place.localIpv6,
    };
  }
  return { kind: 'none' };
}

/**
 * The IPv6 home address that the home agent has returned to a mobile node that asked for one (section 4.6); of PREFIX:: one is
 * formed (reading A32: 64 bits).
 */
export function returnedAddress(reply: Reply, { ipv6Home }: Settings, mac: Buffer): Ipv6Key | undefined {
  const returned = reply.ipv6HomeAddress;
  const isAsked = ipv6Home === 'zero' || ipv6Home === 'eui64';
  if (returned === undefined || returned === zeroIpv6 || !isAsked || isRefused(reply)) {
    return undefined;
  }
  return returned.endsWith(zeroIpv6.slice(8)) ? addressIn(returned, mac) : returned;
}
