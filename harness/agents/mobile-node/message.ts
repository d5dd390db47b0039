import type { ExtensionTypes } from '../../wire/index.ts';
import type { Ipv6Key } from '../common/addresses.ts';
import {
  extensionType,
  type Found,
  ipv6HomeAddressIn,
  type ReplyFixedPart,
  readReplyFixedPart,
  replyFixedPartLength,
  walkExtensions,
} from '../common/messages.ts';

/** Codes of the Registration Reply that the mobile node does something of its own about (RFC 3344 3.6.2.3). */
export const replyCode = {
  accepted: 0,
  acceptedWithoutSimultaneousBindings: 1,
  lifetimeTooLong: 69,
  identificationMismatch: 133,
} as const;

/** IPv6 codes (section 3.3). */
export const ipv6Code = { careOfAddress: 0, homeAddress: 2 } as const;

/** A Registration Reply as it was received; offsets count from its first octet. */
export interface Reply extends ReplyFixedPart {
  octets: Buffer;
  extensions: Found[];
  mobileHome: Found[];
  mobileForeign: Found[];
  /** IPv6 code of the home agent: before the MHAE (reading A63). */
  ipv6Code?: number;
  /** IPv6 code 64 or 65 that a foreign agent has put behind the MHAE (reading A09). */
  foreignIpv6Code?: number;
  /** The address that the home agent returns (section 4.6), before the MHAE. */
  ipv6HomeAddress?: Ipv6Key;
  /** RFC 4721: the challenge for the next request. */
  challenge?: Buffer;
  unknownNonSkippable: number[];
  unknownSkippable: number[];
  /** Octets are left over that make no extension. */
  trailing: boolean;
}

/** Parse the UDP payload; undefined when it is no Registration Reply or too short for the fixed part. */
export function parseReply(octets: Buffer, types: ExtensionTypes | undefined): Reply | undefined {
  const fixed = readReplyFixedPart(octets);
  if (fixed === undefined) {
    return undefined;
  }
  const { found, trailing } = walkExtensions(octets, replyFixedPartLength);
  const reply: Reply = {
    ...fixed,
    octets,
    extensions: found,
    mobileHome: found.filter((item) => item.type === extensionType.mobileHomeAuthentication),
    mobileForeign: found.filter((item) => item.type === extensionType.mobileForeignAuthentication),
    unknownNonSkippable: [],
    unknownSkippable: [],
    trailing,
  };
  for (const item of found) {
    interpret(reply, item, types);
  }
  return reply;
}

function interpret(reply: Reply, item: Found, types: ExtensionTypes | undefined): void {
  const { octets } = reply;
  const { type, offset, length } = item;
  const isAuthenticated = offset < (reply.mobileHome[0]?.offset ?? Number.POSITIVE_INFINITY);
  if (types !== undefined && type === types.ipv6Code) {
    // Another length is not understood and skipped.
    if (length !== 4) {
      return;
    }
    const code = octets[offset + 2] ?? 0;
    if (isAuthenticated) {
      reply.ipv6Code ??= code;
    } else if (code === 64 || code === 65) {
      reply.foreignIpv6Code ??= code;
    }
  } else if (types !== undefined && type === types.ipv6HomeAddress) {
    if (isAuthenticated) {
      reply.ipv6HomeAddress ??= ipv6HomeAddressIn(octets, item);
    }
  } else if (type === extensionType.mobileForeignChallenge) {
    reply.challenge ??= Buffer.from(octets.subarray(offset + 2, offset + length));
  } else if (type >= 128) {
    if (type !== extensionType.mobileNodeNai) {
      reply.unknownSkippable.push(type);
    }
  } else if (type !== extensionType.padding && (type < 32 || type > 34)) {
    reply.unknownNonSkippable.push(type);
  }
}
