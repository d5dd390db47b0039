import type { ExtensionTypes } from '../../wire/index.ts';
import type { Ipv6Key } from '../common/addresses.ts';
import {
  extensionType,
  type Found,
  ipv6HomeAddressIn,
  naiIn,
  type ReplyFixedPart,
  type RequestFixedPart,
  readReplyFixedPart,
  readRequestFixedPart,
  replyFixedPartLength,
  requestFixedPartLength,
  walkExtensions,
} from '../common/messages.ts';

/** Codes of the Registration Reply that a foreign agent gives (RFC 3344 3.4, RFC 3024 3.4, RFC 2794 5, RFC 4721 10). */
export const replyCode = {
  unspecified: 64,
  administrativelyProhibited: 65,
  insufficientResources: 66,
  mobileNodeFailedAuthentication: 67,
  homeAgentFailedAuthentication: 68,
  lifetimeTooLong: 69,
  poorlyFormedRequest: 70,
  poorlyFormedReply: 71,
  encapsulationUnavailable: 72,
  reverseTunnelUnavailable: 74,
  reverseTunnelMandatory: 75,
  tooDistant: 76,
  invalidCareOfAddress: 77,
  timeout: 78,
  deliveryStyleNotSupported: 79,
  networkUnreachable: 80,
  hostUnreachable: 81,
  portUnreachable: 82,
  otherIcmpError: 88,
  homeAddressRequired: 96,
  missingNai: 97,
  missingHomeAgent: 98,
  missingHomeAddress: 99,
  unknownChallenge: 104,
  missingChallenge: 105,
  staleChallenge: 106,
  unknownHomeAgent: 136,
} as const;

export type ForeignAgentCode = (typeof replyCode)[keyof typeof replyCode];

/** RFC 4721 5: the extension by which a mobile node may authenticate itself to an AAA server. */
export const generalizedAuthentication = 36;

/** What requests and replies have in common behind the fixed part. */
interface Extensions {
  /** The UDP payload; offsets count from its first octet. */
  octets: Buffer;
  extensions: Found[];
  /** The authorization-enabling extension: an MHAE, or with challenges a mobile-AAA extension in its place. */
  authorization?: Found;
  nai?: string;
  ipv6HomeAddress?: Ipv6Key;
  foreignHome: Found[];
  /** Types below 128 that the agent does not know (RFC 3344 1.8). */
  unknownNonSkippable: number[];
  unknownSkippable: number[];
  /** Octets are left over that make no extension. */
  trailing: boolean;
}

/** A Registration Request as it was received. */
export interface Request extends RequestFixedPart, Extensions {
  mobileForeign: Found[];
  /** RFC 3024 3.3, behind the authorization-enabling extension. */
  encapsulatingDelivery: boolean;
  /** RFC 4721 4. */
  challenge?: Found;
  /** RFC 4721 6, behind the MHAE. */
  mobileAaa?: Found;
}

/** A Registration Reply as it was received. */
export interface Reply extends ReplyFixedPart, Extensions {
  /** The draft's section 3.3, before the MHAE. */
  ipv6Code?: number;
}

export interface ParseOptions {
  /** Undefined: an agent that knows nothing of the draft. */
  types?: ExtensionTypes;
  /** Whether the extensions of RFC 4721 are known. */
  challenges: boolean;
}

const known: readonly number[] = [
  extensionType.padding,
  extensionType.mobileHomeAuthentication,
  extensionType.mobileForeignAuthentication,
  extensionType.foreignHomeAuthentication,
  extensionType.encapsulatingDeliveryStyle,
  extensionType.mobileNodeNai,
];

/** Parse the UDP payload; undefined when it is no Registration Request or too short for the fixed part. */
export function parseRequest(octets: Buffer, options: ParseOptions): Request | undefined {
  const fixedPart = readRequestFixedPart(octets);
  if (fixedPart === undefined) {
    return undefined;
  }
  const parsed = parseExtensions(octets, requestFixedPartLength, options);
  const behind = parsed.extensions.filter(({ offset }) => offset > (parsed.authorization?.offset ?? -1));
  const challenge = options.challenges
    ? parsed.extensions.find(({ type }) => type === extensionType.mobileForeignChallenge)
    : undefined;
  return {
    ...fixedPart,
    ...parsed,
    mobileForeign: parsed.extensions.filter(({ type }) => type === extensionType.mobileForeignAuthentication),
    encapsulatingDelivery: behind.some(({ type }) => type === extensionType.encapsulatingDeliveryStyle),
    challenge,
    mobileAaa: options.challenges ? behind.find(({ type }) => type === generalizedAuthentication) : undefined,
  };
}

/** Parse the UDP payload; undefined when it is no Registration Reply or too short for the fixed part. */
export function parseReply(octets: Buffer, options: ParseOptions): Reply | undefined {
  const fixedPart = readReplyFixedPart(octets);
  if (fixedPart === undefined) {
    return undefined;
  }
  const parsed = parseExtensions(octets, replyFixedPartLength, options);
  const end = parsed.authorization?.offset ?? octets.length;
  const code = parsed.extensions.find(
    ({ type, offset, length }) => type === options.types?.ipv6Code && length === 4 && offset < end,
  );
  return { ...fixedPart, ...parsed, ipv6Code: code && octets[code.offset + 2] };
}

function parseExtensions(octets: Buffer, fixedPartLength: number, options: ParseOptions): Extensions {
  const { types, challenges } = options;
  const long = challenges ? [generalizedAuthentication] : [];
  const { found, trailing } = walkExtensions(octets, fixedPartLength, long);
  const authorization =
    found.find(({ type }) => type === extensionType.mobileHomeAuthentication) ??
    found.find(({ type }) => challenges && type === generalizedAuthentication);
  const end = authorization?.offset ?? octets.length;
  const parsed: Extensions = {
    octets,
    extensions: found,
    authorization,
    foreignHome: found.filter(({ type }) => type === extensionType.foreignHomeAuthentication),
    unknownNonSkippable: [],
    unknownSkippable: [],
    trailing,
  };
  const draftTypes: number[] = types === undefined ? [] : Object.values(types);
  const challengeTypes: number[] = challenges
    ? [generalizedAuthentication, extensionType.mobileForeignChallenge]
    : [];
  for (const item of found) {
    const { type, offset } = item;
    if (type === extensionType.mobileNodeNai && offset < end) {
      parsed.nai ??= naiIn(octets, item);
    } else if (type === types?.ipv6HomeAddress && offset < end) {
      parsed.ipv6HomeAddress ??= ipv6HomeAddressIn(octets, item);
    }
    if (!known.includes(type) && !draftTypes.includes(type) && !challengeTypes.includes(type)) {
      (type >= 128 ? parsed.unknownSkippable : parsed.unknownNonSkippable).push(type);
    }
  }
  return parsed;
}

/** The low 32 bits of the Identification, by which replies are matched (RFC 3344 3.7.3.1). */
export function lowIdentification(identification: bigint): number {
  return Number(identification & 0xffffffffn);
}
