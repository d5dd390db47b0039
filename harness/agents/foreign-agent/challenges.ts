import { randomBytes } from 'node:crypto';
import type { Found } from '../common/messages.ts';
import { type ForeignAgentCode, replyCode } from './message.ts';

/** RFC 4721 9: how many of the advertised challenges may be used. */
const challengeWindow = 2;
const challengeOctets = 8;
/** Mobile nodes whose challenges are remembered; the one not seen for longest is forgotten first. */
const rememberedMobileNodes = 4096;

/** Challenges that were handed out and used (RFC 4721 3.2). Challenges are hex digits. */
export interface Challenges {
  /** A new challenge for an advertisement to all. */
  advertise(): string;
  /** The challenge for an advertisement to one link-layer address (RFC 4721 2.1). */
  solicit(mac: string): string;
  /** Why the challenge of a request may not be used, or undefined. It is not used up by asking. */
  check(
    mobileNode: string,
    mac: string,
    challenge: string,
    isRetransmission: boolean,
  ): ForeignAgentCode | undefined;
  /** The mobile node has used this challenge. */
  use(mobileNode: string, mac: string, challenge: string): void;
  /** An unused challenge for a reply to the mobile node (RFC 4721 3.3). */
  forReply(mobileNode: string): string;
}

interface Remembered {
  /** The challenge it used last. */
  used?: string;
  /** The one that its last reply held. */
  given?: string;
}

export function createChallenges(): Challenges {
  const advertised: string[] = [];
  const mobileNodes = new Map<string, Remembered>();
  const solicited = new Map<string, string>();

  function fresh(): string {
    return randomBytes(challengeOctets).toString('hex');
  }

  function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
    map.delete(key);
    map.set(key, value);
    const [oldest] = map.keys();
    if (map.size > rememberedMobileNodes && oldest !== undefined) {
      map.delete(oldest);
    }
  }

  return {
    advertise() {
      const challenge = fresh();
      advertised.push(challenge);
      if (advertised.length > challengeWindow) {
        advertised.shift();
      }
      return challenge;
    },
    solicit(mac) {
      const challenge = solicited.get(mac) ?? fresh();
      remember(solicited, mac, challenge);
      return challenge;
    },
    check(mobileNode, mac, challenge, isRetransmission) {
      const { used, given } = mobileNodes.get(mobileNode) ?? {};
      if (challenge === used) {
        return isRetransmission ? undefined : replyCode.staleChallenge;
      }
      if (challenge === given || challenge === solicited.get(mac)) {
        return undefined;
      }
      const place = advertised.indexOf(challenge);
      if (place < 0) {
        return replyCode.unknownChallenge;
      }
      // RFC 4721 4: none that was advertised before the one used last.
      return used !== undefined && place < advertised.indexOf(used) ? replyCode.staleChallenge : undefined;
    },
    use(mobileNode, mac, challenge) {
      const { given } = mobileNodes.get(mobileNode) ?? {};
      remember(mobileNodes, mobileNode, { used: challenge, given: given === challenge ? undefined : given });
      if (solicited.get(mac) === challenge) {
        solicited.delete(mac);
      }
    },
    forReply(mobileNode) {
      const before = mobileNodes.get(mobileNode) ?? {};
      const latest = advertised.at(-1);
      const challenge = latest !== undefined && latest !== before.used ? latest : (before.given ?? fresh());
      remember(mobileNodes, mobileNode, { ...before, given: challenge });
      return challenge;
    },
  };
}

/** The challenge in an extension of type 132. */
export function challengeIn(octets: Buffer, { offset, length }: Found): string {
  return octets.toString('hex', offset + 2, offset + length);
}
