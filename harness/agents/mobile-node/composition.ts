import { agentFlag } from '../../wire/index.ts';
import type { Ipv6Key } from '../common/addresses.ts';
import type { CareOfAddress, Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { HomeAddresses } from './forwarding.ts';
import { hasIpv6Flag, isHomeAgentWithout, type Knowledge, type Place, planIpv6 } from './ipv6-policy.ts';
import type { HeardAgent } from './movement.ts';
import type { Composition } from './registration.ts';

/** Where the mobile node is attached. */
export type Attachment =
  | { kind: 'searching' }
  | { kind: 'home'; agent: HeardAgent }
  | { kind: 'foreign-agent'; agent: HeardAgent }
  | { kind: 'co-located'; careOf: CareOfAddress };

/** All that a request depends on. */
export interface Situation {
  attachment: Attachment;
  knowledge: Knowledge;
  addresses: HomeAddresses;
  localIpv6: Ipv6Key | undefined;
  /** ::EUI64 (section 4.6) and fe80::EUI64 of the link device. */
  eui64: Ipv6Key;
  linkLocal: Ipv6Key;
}

/** The place as far as the IPv6 extensions depend on it; `home` also while there is none. */
export function placeOf({ attachment, localIpv6 }: Situation, deviates: Deviates): Place {
  switch (attachment.kind) {
    case 'foreign-agent':
      return {
        kind: 'foreign-agent',
        hasIpv6Flag: hasIpv6Flag(attachment.agent.advertisement.flags, deviates),
      };
    case 'co-located':
      return { kind: 'co-located', localIpv6 };
    default:
      return { kind: 'home' };
  }
}

/** The fields of the request that the situation asks for (RFC 3344 3.6.1.2); undefined when there is none to send. */
export function composeRequest(
  situation: Situation,
  isDeregistration: boolean,
  settings: Settings,
  deviates: Deviates,
): Composition | undefined {
  const { attachment, addresses, knowledge, eui64 } = situation;
  const place = placeOf(situation, deviates);
  const isAddressSent = isDeregistration && deviates('deregistration-with-address-without-nai');
  const common = {
    homeAddress: addresses.ipv4 ?? 0,
    homeAgent: settings.homeAgent,
    lifetimeSeconds: settings.lifetimeSeconds,
    reverseTunneling: settings.reverseTunneling,
    ipv6: isDeregistration
      ? { address: isAddressSent ? addresses.ipv6 : undefined }
      : planIpv6(place, settings, knowledge, eui64, deviates),
  };
  switch (attachment.kind) {
    case 'home':
      // The home address as care-of address deregisters all.
      return isDeregistration && addresses.ipv4 !== undefined
        ? { ...common, place: 'home', careOfAddress: addresses.ipv4, reverseTunneling: false }
        : undefined;
    case 'co-located':
      return { ...common, place: 'co-located', careOfAddress: attachment.careOf.address };
    case 'foreign-agent': {
      const { flags, address, careOfAddresses, challenge, registrationLifetimeSeconds } =
        attachment.agent.advertisement;
      const isForced =
        hasIpv6Flag(flags, deviates) &&
        isHomeAgentWithout(settings, knowledge) &&
        deviates('foreign-agent-a-flag-changes-request');
      const mayReverse = (flags & agentFlag.reverseTunneling) !== 0;
      return {
        ...common,
        place: 'foreign-agent',
        careOfAddress: (careOfAddresses[0] ?? 0) + (deviates('another-care-of-address') ? 1 : 0),
        // RFC 3344 3.6.1.2: no longer than the agent takes.
        lifetimeSeconds: Math.min(settings.lifetimeSeconds, registrationLifetimeSeconds),
        reverseTunneling: (settings.reverseTunneling && mayReverse) || isForced,
        challenge,
        foreignAgent: settings.foreignAgents.get(address),
      };
    }
    default:
      return undefined;
  }
}
