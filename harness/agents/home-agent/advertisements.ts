import type { AdvertisementExtension } from '../../wire/index.ts';
import { agentFlag } from '../../wire/index.ts';
import { directedBroadcast, inIpv4Prefix, ipv4Text } from '../common/addresses.ts';
import { type Advertiser, createAdvertiser } from '../common/advertiser.ts';
import type { Link } from '../common/port.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { otherMac } from './neighbours.ts';

const allRouters = 0xe0000002;
/** RFC 3344 2.3. */
const mobilityAgents = 0xe000000b;

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
      (deviates('advertises-foreign-agent-bits') ? agentFlag.registrationRequired | agentFlag.busy : 0) |
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
    otherwise: {
      ...(deviates('advertisement-to-subnet-broadcast') && {
        allHosts: ipv4Text(directedBroadcast(settings.homeLink.ipv4Prefix)),
      }),
      ...(deviates('advertisement-lifetime-too-long') && { lifetimeSeconds: 9001 }),
      ...(deviates('advertisement-code-1') && { code: 1 }),
      ...(deviates('advertisement-checksum-wrong') && { checksum: 1 }),
      ...(deviates('advertisement-from-elsewhere') && { source: '192.0.2.1' }),
      ...(deviates('advertisement-to-wrong-link-layer-address') && { answersTo: otherMac }),
      takesInvalid: deviates('invalid-solicitation-answered'),
      hears(source, destination) {
        const isStranger = !inIpv4Prefix(source, settings.homeLink.ipv4Prefix);
        return !(
          (deviates('deaf-to-mobility-agents-group') && destination === mobilityAgents) ||
          (deviates('deaf-to-routers-group') && destination === allRouters) ||
          (deviates('deaf-to-strangers') && isStranger)
        );
      },
    },
    extensions: (sequenceNumber): AdvertisementExtension[] => [
      ...(deviates('advertisement-with-paddings') ? [{ onePadding: {} }] : []),
      {
        mobilityAgentAdvertisement: {
          length: deviates('advertisement-with-wrong-length') ? 4 : undefined,
          sequenceNumber,
          registrationLifetimeSeconds: settings.advertisements?.registrationLifetimeSeconds,
          flags: flags(),
          careOfAddresses: [],
        },
      },
      ...(deviates('advertisement-with-too-many-prefix-lengths')
        ? [{ prefixLengths: { lengths: [16, 16] } }]
        : []),
    ],
  });
}
