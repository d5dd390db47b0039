import type { ExtensionTypes } from '../../wire/index.ts';
import type { Ipv6Key } from '../common/addresses.ts';
import {
  extensionType,
  type Found,
  ipv6HomeAddressIn,
  naiIn,
  type RequestFixedPart,
  readRequestFixedPart,
  requestFixedPartLength,
  walkExtensions,
} from '../common/messages.ts';

/** Codes of the Registration Reply that a home agent gives (RFC 3344 3.4, RFC 3024 3.4, RFC 3519 3.5). */
export const replyCode = {
  accepted: 0,
  acceptedWithoutSimultaneousBindings: 1,
  administrativelyProhibited: 129,
  insufficientResources: 130,
  mobileNodeFailedAuthentication: 131,
  foreignAgentFailedAuthentication: 132,
  identificationMismatch: 133,
  poorlyFormedRequest: 134,
  tooManyBindings: 135,
  unknownHomeAgent: 136,
  reverseTunnelUnavailable: 137,
  reverseTunnelMandatory: 138,
  encapsulationUnavailable: 139,
  udpEncapsulationUnavailable: 142,
} as const;

/** A UDP datagram for port 434 as it arrived. */
export interface Arrival {
  source: number;
  sourcePort: number;
  destination: number;
  destinationPort: number;
  payload: Buffer;
}

/** RFC 3519 3.1, as far as the home agent needs it. */
export interface UdpTunnelRequest {
  offset: number;
  force: boolean;
  encapsulation: number;
  reserved3: number;
}

/** A Registration Request as it was received; offsets count from its first octet. */
export interface Request extends RequestFixedPart {
  octets: Buffer;
  extensions: Found[];
  /** All mobile-home authentication extensions, in order. */
  mobileHome: Found[];
  foreignHome: Found[];
  nai?: string;
  ipv6HomeAddress?: Ipv6Key;
  /** Present when a compatibility extension is to be honoured: behind the MHAE and before the FHAE, if there is one. */
  compatibility?: { reverseTunnel: boolean; offset: number };
  udpTunnelRequest?: UdpTunnelRequest;
  /** Types below 128 that the agent does not know (RFC 3344 1.8). */
  unknownNonSkippable: number[];
  unknownSkippable: number[];
  /** Octets are left over that make no extension. */
  trailing: boolean;
}

export interface ParseOptions {
  /** Undefined: an agent that knows nothing of the draft. */
  types?: ExtensionTypes;
  natTraversal: boolean;
}

/** Parse the UDP payload; undefined when it is no Registration Request or too short for the fixed part. */
export function parseRequest(octets: Buffer, options: ParseOptions): Request | undefined {
  const fixedPart = readRequestFixedPart(octets);
  if (fixedPart === undefined) {
    return undefined;
  }
  const { found, trailing } = walkExtensions(octets, requestFixedPartLength);
  const request: Request = {
    octets,
    ...fixedPart,
    extensions: found,
    mobileHome: found.filter((item) => item.type === extensionType.mobileHomeAuthentication),
    foreignHome: found.filter((item) => item.type === extensionType.foreignHomeAuthentication),
    unknownNonSkippable: [],
    unknownSkippable: [],
    trailing,
  };
  for (const item of found) {
    interpret(request, item, options);
  }
  return request;
}

function interpret(request: Request, item: Found, options: ParseOptions): void {
  const { octets } = request;
  const { types } = options;
  const { type, offset, length } = item;
  const authenticated = offset < (request.mobileHome[0]?.offset ?? Number.POSITIVE_INFINITY);
  if (type === extensionType.mobileNodeNai) {
    if (authenticated) {
      request.nai ??= naiIn(octets, item);
    }
  } else if (types !== undefined && type === types.ipv6HomeAddress) {
    if (authenticated) {
      request.ipv6HomeAddress ??= ipv6HomeAddressIn(octets, item);
    }
  } else if (types !== undefined && type === types.ipv6Compatibility) {
    // Section 4.1: only behind the MHAE and before the FHAE. Of several the last holds: the foreign agent's.
    const end = request.foreignHome[0]?.offset ?? Number.POSITIVE_INFINITY;
    if (!authenticated && length === 4 && offset < end) {
      request.compatibility = { reverseTunnel: ((octets[offset + 2] ?? 0) & 0x80) !== 0, offset };
    }
  } else if (options.natTraversal && type === extensionType.udpTunnelRequest && length === 8) {
    request.udpTunnelRequest = {
      offset,
      force: ((octets[offset + 4] ?? 0) & 0x80) !== 0,
      encapsulation: octets[offset + 5] ?? 0,
      reserved3: octets.readUInt16BE(offset + 6),
    };
  } else if (type >= 128) {
    request.unknownSkippable.push(type);
  } else if (type !== extensionType.padding && (type < 32 || type > 34)) {
    request.unknownNonSkippable.push(type);
  }
}
