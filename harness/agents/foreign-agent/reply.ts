import { encodePacket, type SecurityAssociation, toHex } from '../../wire/index.ts';
import { ipv4Text } from '../common/addresses.ts';
import { extensionType, mobileIpPort, replyFixedPartLength } from '../common/messages.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { type Reply, replyCode } from './message.ts';
import type { Pending } from './pending.ts';
import { withAuthentication } from './security.ts';

/** Where an answer goes, and what it is made with; a pending entry is one. */
export type Recipient = Pick<Pending, 'request' | 'mac' | 'port' | 'replySource' | 'association'>;

/** `sourcePort`: for deviations, instead of 434. */
type Addressing = Pick<Pending, 'port' | 'replySource'> & { sourcePort?: number };

export interface ReplyEncoder {
  /** The packet that denies a request (RFC 3344 3.7.2.3). `challenge`: hex digits, to be appended (RFC 4721 3.3). */
  deny(to: Recipient, code: number, lifetimeSeconds: number, challenge?: string): Uint8Array;
  /**
   * The packet that relays a reply (RFC 3344 3.7.3.2): octet for octet up to the MHAE, without what follows it.
   * `code` goes in place of the home agent's (RFC 2794 3).
   */
  relay(to: Pending, reply: Reply, code: number | undefined, challenge?: string): Uint8Array;
}

const replyTtl = 64;
const broadcast = 0xffffffff;
/** For a deviation. */
const inventedAssociation: SecurityAssociation = { spi: 4096, key: Buffer.alloc(16), algorithm: 'hmac-md5' };

export function createReplyEncoder(settings: Settings, deviates: Deviates): ReplyEncoder {
  const types = settings.extensionTypes;

  /** RFC 3344 3.7.2.3: to the home address, or to all where there is none yet; the link-layer address is known. */
  function packet(to: Addressing, homeAddress: number, message: Buffer): Uint8Array {
    return encodePacket([
      {
        ipv4: {
          source: ipv4Text(to.replySource),
          destination: ipv4Text(homeAddress === 0 ? broadcast : homeAddress),
          ttl: replyTtl,
        },
      },
      { udp: { sourcePort: to.sourcePort ?? mobileIpPort, destinationPort: to.port } },
      { payload: toHex(message) },
    ]);
  }

  function finish(to: Recipient, message: Buffer, challenge: string | undefined): Buffer {
    const withChallenge =
      challenge === undefined
        ? message
        : Buffer.concat([
            message,
            Buffer.of(extensionType.mobileForeignChallenge, challenge.length / 2),
            Buffer.from(challenge, 'hex'),
          ]);
    const association = to.association ?? (deviates('mfae-without-key') ? inventedAssociation : undefined);
    if (association === undefined || deviates('mfae-not-appended')) {
      return withChallenge;
    }
    const wrong = deviates('mfae-wrong');
    const named = deviates('mfae-under-another-spi')
      ? { ...association, spi: association.spi ^ 1 }
      : association;
    return withAuthentication(withChallenge, extensionType.mobileForeignAuthentication, named, {
      wrong,
    });
  }

  /** Section 3.3; where a foreign agent puts it the draft does not say: behind the MHAE, which it cannot change. */
  function codeExtension(to: Pending): Buffer {
    const isOurs =
      settings.ipv6Extensions &&
      to.request.ipv6HomeAddress !== undefined &&
      (to.policy.ipv6Code !== undefined ||
        (to.policy.ipv6 !== 'ignore' && deviates('delivering-reported-as-refused')));
    if (!isOurs) {
      return Buffer.alloc(0);
    }
    const code = deviates('code-extension-of-home-agent')
      ? 128
      : deviates('code-extension-undefined')
        ? 66
        : (to.policy.ipv6Code ?? 65);
    const type = deviates('code-extension-not-skippable') ? types.ipv6Code & 0x7f : types.ipv6Code;
    if (deviates('code-extension-wrong-length')) {
      return Buffer.of(type, 4, code, 0, 0, 0);
    }
    return Buffer.of(type, 2, code, deviates('code-extension-reserved-set') ? 0xff : 0);
  }

  return {
    deny(to, code, lifetimeSeconds, challenge) {
      const { octets, homeAddress } = to.request;
      const message = Buffer.alloc(replyFixedPartLength);
      message[0] = 3;
      message[1] = code;
      const isLifetimeTold = code === replyCode.lifetimeTooLong || !deviates('denial-lifetime-not-copied');
      message.writeUInt16BE(isLifetimeTold ? lifetimeSeconds : 0, 2);
      octets.copy(message, 4, 4, 12);
      if (deviates('denial-home-agent-not-copied')) {
        message.writeUInt32BE(settings.visitedLink.address, 8);
      }
      octets.copy(message, 12, 16, 24);
      if (deviates('denial-low-identification-not-copied')) {
        message[19] = (message[19] ?? 0) ^ 1;
      }
      if (deviates('denial-high-identification-not-copied')) {
        message.fill(0, 12, 16);
      }
      const sourcePort = deviates('denial-from-another-port') ? mobileIpPort + 1 : undefined;
      const replySource = deviates('denial-from-care-of-address') ? to.request.careOfAddress : to.replySource;
      const recipient = deviates('denial-to-everybody') ? 0 : homeAddress;
      return packet({ ...to, replySource, sourcePort }, recipient, finish(to, message, challenge));
    },
    relay(to, reply, code, challenge) {
      const { octets, authorization } = reply;
      const start = authorization?.offset ?? octets.length;
      const end = start + (authorization?.length ?? 0);
      const head = Buffer.from(octets.subarray(0, end));
      if (code !== undefined) {
        head[1] = code;
      }
      if (deviates('relayed-reply-altered')) {
        head.writeUInt16BE(Math.max(0, reply.lifetimeSeconds - 1), 2);
      }
      const ours = codeExtension(to);
      const kept = deviates('keeps-what-follows-authentication-of-reply')
        ? octets.subarray(end)
        : Buffer.alloc(0);
      const message = deviates('code-extension-before-authentication')
        ? Buffer.concat([head.subarray(0, start), ours, head.subarray(start), kept])
        : Buffer.concat([head, kept, ours]);
      const addressing = {
        replySource: deviates('relayed-reply-from-care-of-address')
          ? to.request.careOfAddress
          : to.replySource,
        port: deviates('relayed-reply-to-another-port') ? mobileIpPort : to.port,
        sourcePort: deviates('relayed-reply-from-another-port') ? mobileIpPort + 1 : undefined,
      };
      const homeAddress = deviates('relayed-reply-to-everybody') ? 0 : reply.homeAddress;
      return packet(addressing, homeAddress, finish(to, message, challenge));
    },
  };
}
