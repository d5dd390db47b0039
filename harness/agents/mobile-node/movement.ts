import { agentFlag } from '../../wire/index.ts';
import { inIpv4Prefix } from '../common/addresses.ts';
import { type Advertisement, isForeignAgent } from './advertisement.ts';
import type { Clock } from './clock.ts';
import type { Settings } from './config.ts';

/** An agent whose advertisement has not run out. */
export interface HeardAgent {
  advertisement: Advertisement;
  expiresAt: number;
  /** Its advertisements since the last one of the agent that is used. */
  heardSinceCurrent: number;
}

/** What an advertisement means for the mobile node. */
export type Movement =
  /** Register with this agent, or come home. */
  | { kind: 'move'; agent: HeardAgent }
  /** The agent that is used has started anew, or offers another thing: register again (RFC 3344 2.4.4). */
  | { kind: 'register-again'; agent: HeardAgent }
  | { kind: 'stay'; agent: HeardAgent };

export interface Agents {
  /** Take note of an advertisement and say what follows from it. */
  hear(advertisement: Advertisement): Movement;
  /** The agent that is used from now on; undefined: none. */
  use(agent: HeardAgent | undefined): void;
  current(): HeardAgent | undefined;
  /** The current agent's advertisement has run out: forget it and name another whose has not (RFC 3344 2.4.2.1). */
  loseCurrent(): HeardAgent | undefined;
  isHome(advertisement: Advertisement): boolean;
  forget(): void;
}

/** More agents than any link has; a flood of forged ones costs no more memory than this. */
const maximumAgents = 64;

/** Agents heard on the link and movement detection: RFC 3344 2.4.2 to 2.4.4. */
export function createAgents(settings: Settings, clock: Pick<Clock, 'now'>): Agents {
  const heard = new Map<number, HeardAgent>();
  let current: HeardAgent | undefined;

  function isHome({ flags, address, routers, prefixes }: Advertisement): boolean {
    const { homeAgent, homePrefix } = settings;
    return (
      (flags & agentFlag.homeAgent) !== 0 &&
      (address === homeAgent ||
        routers.includes(homeAgent) ||
        prefixes.some(
          (prefix) => prefix.network === homePrefix.network && prefix.length === homePrefix.length,
        ))
    );
  }

  function isUsable({ advertisement }: HeardAgent): boolean {
    const isBusy = (advertisement.flags & agentFlag.busy) !== 0;
    return isHome(advertisement) || (isForeignAgent(advertisement) && !isBusy);
  }

  function isLive({ expiresAt }: HeardAgent): boolean {
    return expiresAt > clock.now();
  }

  /** RFC 3344 2.4.2.2: both say their prefixes, and one is the same. */
  function isOnSameNetwork(one: Advertisement, other: Advertisement): boolean {
    return one.prefixes.some(({ network, length }) =>
      other.prefixes.some((prefix) => prefix.length === length && inIpv4Prefix(network, prefix)),
    );
  }

  function note(advertisement: Advertisement): { agent: HeardAgent; isNew: boolean } {
    const known = heard.get(advertisement.address);
    const expiresAt = clock.now() + advertisement.lifetimeSeconds * 1000;
    const isNew = known === undefined || !isLive(known);
    const agent = known ?? { advertisement, expiresAt, heardSinceCurrent: 0 };
    heard.delete(advertisement.address);
    if (heard.size >= maximumAgents) {
      const oldest = [...heard].find(([, other]) => other !== current);
      heard.delete(oldest?.[0] ?? 0);
    }
    heard.set(advertisement.address, agent);
    Object.assign(agent, { advertisement, expiresAt });
    return { agent, isNew };
  }

  return {
    isHome,
    current: () => current,
    use(agent) {
      current = agent;
      for (const other of heard.values()) {
        other.heardSinceCurrent = 0;
      }
    },
    forget() {
      heard.clear();
      current = undefined;
    },
    hear(advertisement) {
      const before = heard.get(advertisement.address)?.advertisement;
      const { agent, isNew } = note(advertisement);
      if (agent === current && isLive(agent)) {
        for (const other of heard.values()) {
          other.heardSinceCurrent = 0;
        }
        const isChanged = before !== undefined && mustRegisterAgain(before, advertisement);
        return { kind: isChanged ? 'register-again' : 'stay', agent };
      }
      agent.heardSinceCurrent += 1;
      if (!isLive(agent) || !isUsable(agent)) {
        return { kind: 'stay', agent };
      }
      if (current === undefined || isHome(advertisement)) {
        return { kind: 'move', agent };
      }
      // An agent heard twice since the current one stands on another link than that one, or the current one is silent.
      const isEager = settings.movement === 'eager' && (isNew || agent.heardSinceCurrent >= 2);
      const isMoving = isEager && !isOnSameNetwork(current.advertisement, advertisement);
      return { kind: isMoving ? 'move' : 'stay', agent };
    },
    loseCurrent() {
      if (current !== undefined) {
        heard.delete(current.advertisement.address);
      }
      current = undefined;
      const live = [...heard.values()].filter((agent) => isLive(agent) && isUsable(agent)).reverse();
      return live.find(({ advertisement }) => isHome(advertisement)) ?? live[0];
    },
  };
}

/** The agent has started anew, or what a request rests on has changed. */
function mustRegisterAgain(before: Advertisement, now: Advertisement): boolean {
  const hasRestarted = now.sequenceNumber < before.sequenceNumber && now.sequenceNumber < 256;
  const watched = agentFlag.foreignAgent | agentFlag.homeAgent | agentFlag.ipv6Extensions;
  return (
    hasRestarted ||
    ((before.flags ^ now.flags) & watched) !== 0 ||
    before.careOfAddresses[0] !== now.careOfAddresses[0] ||
    !before.mac.equals(now.mac)
  );
}
