import { ipv4Text, ipv6Text } from '../common/addresses.ts';
import { type Counters, remaining } from '../common/status.ts';
import type { Situation } from './composition.ts';
import type { Settings } from './config.ts';
import type { Service } from './forwarding.ts';
import type { Registration } from './registration.ts';

export interface State {
  settings: Settings;
  situation: Situation;
  service: Service;
  registration: Registration | undefined;
  pending: object | undefined;
  counters: Counters;
  now: number;
}

/** What a mobile node says of itself, never a key. Times in milliseconds. */
export function statusOf({
  settings,
  situation,
  service,
  registration,
  pending,
  counters,
  now,
}: State): object {
  const { attachment, addresses, knowledge, localIpv6 } = situation;
  const agent = 'agent' in attachment ? attachment.agent.advertisement : undefined;
  const isAway = service.kind === 'foreign-agent' || service.kind === 'co-located';
  return {
    number: settings.number,
    nai: settings.nai,
    where: attachment.kind,
    agent: agent && ipv4Text(agent.address),
    careOfAddress:
      attachment.kind === 'co-located'
        ? ipv4Text(attachment.careOf.address)
        : registration && ipv4Text(registration.ask.careOfAddress),
    localIpv6: localIpv6 && ipv6Text(localIpv6),
    homeAddress: addresses.ipv4 === undefined ? undefined : ipv4Text(addresses.ipv4),
    ipv6HomeAddress: addresses.ipv6 && ipv6Text(addresses.ipv6),
    homeAgentSupport:
      settings.homeAgentSupport === 'learn'
        ? (knowledge.homeAgentFlag ?? 'unknown')
        : settings.homeAgentSupport === 'yes',
    ipv4: service.kind === 'home' || (isAway && service.hasIpv4),
    ipv6: isAway ? service.ipv6 : service.kind,
    registration: registration && {
      code: registration.reply.code,
      ipv6Code: registration.reply.ipv6Code ?? registration.reply.foreignIpv6Code,
      remainingMilliseconds: remaining(registration.expiresAt, now),
    },
    pending,
    counters,
  };
}
