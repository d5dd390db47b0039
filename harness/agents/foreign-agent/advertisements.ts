import { type AdvertisementExtension, agentFlag } from '../../wire/index.ts';
import { ipv4Text } from '../common/addresses.ts';
import { type Advertiser, createAdvertiser } from '../common/advertiser.ts';
import type { Link } from '../common/port.ts';
import type { Challenges } from './challenges.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';

/** RFC 4721 2, in the number space of ICMP extensions. */
const challengeExtension = 24;
/** RFC 3344 2.1: the agent forwards for its visitors only. */
const noCommonTraffic = 16;

/** Advertises the foreign agent on the visited link (RFC 3344 2.1, 2.3, and section 2 of the draft). */
export function advertiseForeignAgent(
  settings: Settings,
  link: Link,
  isBusy: () => boolean,
  challenges: Challenges | undefined,
  deviates: Deviates,
): Advertiser {
  function flags(): number {
    const isCapable = settings.ipv6Extensions
      ? !deviates('advertises-without-a-flag')
      : deviates('legacy-advertises-a-flag');
    // RFC 3344 2.1.1: R and B only with F.
    const isForeignAgent = !deviates('advertises-neither-agent');
    return (
      (isForeignAgent ? agentFlag.foreignAgent : 0) |
      (isForeignAgent && settings.registrationRequired ? agentFlag.registrationRequired : 0) |
      (isForeignAgent && isBusy() ? agentFlag.busy : 0) |
      (settings.reverseTunneling === 'refused' ? 0 : agentFlag.reverseTunneling) |
      (isCapable ? (deviates('a-flag-at-wrong-bit') ? 0x0010 : agentFlag.ipv6Extensions) : 0) |
      (deviates('reserved-advertisement-bits-set') ? 0x001f : 0)
    );
  }

  function challengeOf(solicitedBy: string | undefined): AdvertisementExtension[] {
    if (challenges === undefined) {
      return [];
    }
    const mac = solicitedBy?.replaceAll(':', '');
    const data = mac === undefined ? challenges.advertise() : challenges.solicit(mac);
    return [{ unknown: { type: challengeExtension, data } }];
  }

  const careOfAddresses = deviates('advertises-without-care-of-address')
    ? []
    : settings.careOfAddresses.map(ipv4Text);
  const wrongLength = 4 + 4 * careOfAddresses.length;

  return createAdvertiser({
    settings: settings.advertisements,
    source: ipv4Text(settings.visitedLink.address),
    link,
    code: noCommonTraffic,
    ttl: deviates('advertisement-with-ttl-2') ? 2 : 1,
    sequenceStep: deviates('advertisement-sequence-does-not-advance') ? 0 : 1,
    extensions: (sequenceNumber, solicitedBy) => [
      {
        mobilityAgentAdvertisement: {
          length: deviates('advertisement-with-wrong-length') ? wrongLength : undefined,
          sequenceNumber,
          registrationLifetimeSeconds: settings.maximumLifetimeSeconds,
          flags: flags(),
          careOfAddresses,
        },
      },
      { prefixLengths: { lengths: [settings.visitedLink.prefix.length] } },
      ...challengeOf(solicitedBy),
    ],
  });
}
