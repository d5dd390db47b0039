import { type AdvertisementExtension, agentFlag } from '../../wire/index.ts';
import { ipv4Text } from '../common/addresses.ts';
import { type Advertiser, createAdvertiser } from '../common/advertiser.ts';
import type { Link } from '../common/port.ts';
import type { Challenges } from './challenges.ts';
import type { Settings } from './config.ts';
import { deviatingLink } from './deviating.ts';
import type { Deviates } from './deviations.ts';

/** RFC 4721 2, in the number space of ICMP extensions. */
const challengeExtension = 24;
/** RFC 3344 2.1: the agent forwards for its visitors only. */
const noCommonTraffic = 16;
/** RFC 3344 2.1.1: sent as zero. */
const bitR = 0x0200;

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
    const isHomeAgent = deviates('busy-home-agent') || deviates('registration-required-of-home-agent');
    const isForeignAgent = !deviates('advertises-neither-agent') && !isHomeAgent;
    const offersReverseTunnels =
      (settings.reverseTunneling !== 'refused') !== deviates('advertises-opposite-t');
    return (
      (isHomeAgent ? agentFlag.homeAgent : 0) |
      (deviates('busy-home-agent') ? agentFlag.busy : 0) |
      (deviates('registration-required-of-home-agent') ? agentFlag.registrationRequired : 0) |
      (deviates('advertises-bit-r') ? bitR : 0) |
      (isForeignAgent ? agentFlag.foreignAgent : 0) |
      (isForeignAgent && settings.registrationRequired ? agentFlag.registrationRequired : 0) |
      (isForeignAgent && isBusy() ? agentFlag.busy : 0) |
      (offersReverseTunnels ? agentFlag.reverseTunneling : 0) |
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
  const { length } = settings.visitedLink.prefix;
  const prefixLengths = deviates('too-many-prefix-lengths') ? [length, length] : [length];
  const wrongLength = 4 + 4 * careOfAddresses.length;

  return createAdvertiser({
    settings:
      settings.advertisements !== null && deviates('advertisement-lifetime-too-long')
        ? { ...settings.advertisements, lifetimeSeconds: 10_000 }
        : settings.advertisements,
    source: ipv4Text(settings.visitedLink.address),
    link: deviatingLink(settings, link, deviates),
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
      { prefixLengths: { lengths: prefixLengths } },
      ...challengeOf(solicitedBy),
      ...(deviates('two-paddings') ? [{ onePadding: {} }, { onePadding: {} }] : []),
    ],
  });
}
