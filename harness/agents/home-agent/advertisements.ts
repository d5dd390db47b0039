import { agentFlag } from '../../wire/index.ts';
import { ipv4Text } from '../common/addresses.ts';
import { type Advertiser, createAdvertiser } from '../common/advertiser.ts';
import type { Link } from '../common/port.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';

/** Advertises the home agent on its home link (RFC 3344 2.3, and section 2 of the draft). */
export function advertiseHomeAgent(settings: Settings, link: Link, deviates: Deviates): Advertiser {
  function flags(): number {
    const isCapable = settings.ipv6Extensions
      ? !deviates('advertises-without-a-flag')
      : deviates('legacy-advertises-a-flag');
    const isMisplaced = deviates('a-flag-at-wrong-bit');
    return (
      (deviates('advertises-neither-agent') ? 0 : agentFlag.homeAgent) |
      (deviates('advertises-foreign-agent-without-care-of-address') ? agentFlag.foreignAgent : 0) |
      (settings.minimalEncapsulation ? agentFlag.minimalEncapsulation : 0) |
      (settings.greEncapsulation ? agentFlag.greEncapsulation : 0) |
      (settings.reverseTunneling === 'refused' ? 0 : agentFlag.reverseTunneling) |
      (isCapable ? (isMisplaced ? 0x0010 : agentFlag.ipv6Extensions) : 0) |
      (deviates('reserved-advertisement-bits-set') ? 0x001f : 0)
    );
  }

  return createAdvertiser({
    settings: settings.advertisements,
    source: ipv4Text(settings.homeAgent),
    link,
    code: 0,
    ttl: deviates('advertisement-with-ttl-2') ? 2 : 1,
    sequenceStep: deviates('advertisement-sequence-does-not-advance') ? 0 : 1,
    extensions: (sequenceNumber) => [
      {
        mobilityAgentAdvertisement: {
          length: deviates('advertisement-with-wrong-length') ? 4 : undefined,
          sequenceNumber,
          registrationLifetimeSeconds: settings.advertisements?.registrationLifetimeSeconds,
          flags: flags(),
          careOfAddresses: [],
        },
      },
    ],
  });
}
