import { authenticatorOctets, computeAuthenticator, type SecurityAssociation } from '../../wire/index.ts';
import { ipv6Octets } from '../common/addresses.ts';
import { extensionType, requestFlag, udpTunnelRequest } from '../common/messages.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Ipv6Request } from './ipv6-policy.ts';

/** What a Registration Request is to say (RFC 3344 3.3 and 3.6.1). */
export interface Ask {
  place: 'home' | 'foreign-agent' | 'co-located';
  /** 0: none yet, the home agent is to assign one (RFC 2794). */
  homeAddress: number;
  homeAgent: number;
  careOfAddress: number;
  /** 0: deregistration. */
  lifetimeSeconds: number;
  identification: bigint;
  reverseTunneling: boolean;
  ipv6: Ipv6Request;
  /** The request before it went unanswered. */
  isAgain: boolean;
  /** RFC 4721, from the foreign agent's advertisement. */
  challenge?: Buffer;
  /** The association with the foreign agent, where there is one. */
  foreignAgent?: SecurityAssociation;
}

/** Encodes the Registration Request, extensions in the order of RFC 3344 3.6.1.3 and section 4.1 of the draft. */
export function createRequestEncoder(settings: Settings, deviates: Deviates): (ask: Ask) => Buffer {
  const { extensionTypes: types, association } = settings;

  function fixedPart(ask: Ask): Buffer {
    const isReturning = ask.place === 'home' && ask.lifetimeSeconds === 0;
    const lifetime =
      isReturning && deviates('deregistration-with-lifetime')
        ? settings.lifetimeSeconds
        : ask.lifetimeSeconds;
    const isCoLocated = ask.place === 'co-located' && !deviates('co-located-without-d');
    const octets = Buffer.alloc(24);
    octets[0] = 1;
    octets[1] =
      (isCoLocated ? requestFlag.decapsulationByMobileNode : 0) |
      (ask.reverseTunneling ? requestFlag.reverseTunneling : 0);
    octets.writeUInt16BE(lifetime, 2);
    octets.writeUInt32BE(ask.homeAddress, 4);
    octets.writeUInt32BE(ask.homeAgent, 8);
    octets.writeUInt32BE(ask.careOfAddress, 12);
    octets.writeBigUInt64BE(ask.identification, 16);
    return octets;
  }

  /** Section 3.1; empty when none is sent. */
  function addressExtension({ address }: Ipv6Request): Buffer {
    if (address === undefined) {
      return Buffer.alloc(0);
    }
    const type = deviates('address-not-skippable') ? types.ipv6HomeAddress & 0x7f : types.ipv6HomeAddress;
    const subType = deviates('address-wrong-sub-type') ? 2 : 1;
    const extension = encodeExtension(type, [
      ...(deviates('address-without-sub-type') ? [] : [subType]),
      ...ipv6Octets(address),
      ...(deviates('address-wrong-length') ? [0] : []),
    ]);
    return deviates('address-twice') ? Buffer.concat([extension, extension]) : extension;
  }

  /** Section 3.2; empty when none is sent. */
  function compatibilityExtension({ compatibility }: Ipv6Request): Buffer {
    if (compatibility === undefined) {
      return Buffer.alloc(0);
    }
    const type = deviates('compatibility-not-skippable')
      ? types.ipv6Compatibility & 0x7f
      : types.ipv6Compatibility;
    const bit = deviates('r-at-lowest-bit') ? 0x0001 : 0x8000;
    const reserved = deviates('compatibility-reserved-set') ? 0x7fff : 0;
    const word = (compatibility.reverseTunnel ? bit : 0) | reserved;
    return encodeExtension(type, [
      ...(deviates('compatibility-with-sub-type') ? [1] : []),
      word >> 8,
      word & 255,
      ...(deviates('compatibility-wrong-length') ? [0, 0] : []),
    ]);
  }

  /** RFC 2794, and section 6 of the draft; empty when none is sent. */
  function naiExtension(ask: Ask): Buffer {
    const isOmitted =
      (ask.ipv6.address !== undefined &&
        (deviates('no-nai-with-address') || (ask.isAgain && deviates('no-nai-in-repeated-requests')))) ||
      (ask.lifetimeSeconds === 0 && deviates('deregistration-with-address-without-nai'));
    return settings.nai === undefined || isOmitted
      ? Buffer.alloc(0)
      : encodeExtension(extensionType.mobileNodeNai, Buffer.from(settings.nai, 'latin1'));
  }

  return (ask) => {
    const nai = naiExtension(ask);
    const address = addressExtension(ask.ipv6);
    const compatibility = compatibilityExtension(ask.ipv6);
    const isNaiLate = deviates('nai-after-authentication');
    const isAddressLate = deviates('address-after-authentication');
    const isCompatibilityEarly =
      deviates('compatibility-before-authentication') ||
      (ask.place === 'foreign-agent' &&
        deviates('compatibility-before-authentication-through-foreign-agent'));
    let message = fixedPart(ask);
    const add = (...extensions: Buffer[]) => {
      message = Buffer.concat([message, ...extensions]);
    };
    const addMobileHome = () => {
      if (!deviates('no-mhae')) {
        const isPartial = deviates('mhae-without-address');
        add(
          authentication(message, extensionType.mobileHomeAuthentication, association, {
            without: isPartial ? address : undefined,
            isWrong: deviates('mhae-wrong'),
          }),
        );
      }
    };
    const addMobileForeign = () => {
      if (ask.foreignAgent !== undefined && !deviates('mfae-missing')) {
        const isPartial = deviates('mfae-without-address');
        add(
          authentication(message, extensionType.mobileForeignAuthentication, ask.foreignAgent, {
            without: isPartial ? address : undefined,
            isWrong: deviates('mfae-wrong'),
          }),
        );
      }
    };

    if (!isNaiLate) {
      add(nai);
    }
    if (!isAddressLate) {
      add(address);
    }
    if (isCompatibilityEarly) {
      add(compatibility);
    }
    if (ask.place === 'co-located' && deviates('asks-for-udp-tunnel')) {
      add(udpTunnelRequest);
    }
    if (deviates('mfae-before-mhae')) {
      addMobileForeign();
    }
    addMobileHome();
    if (deviates('two-mhae')) {
      addMobileHome();
    }
    if (isNaiLate) {
      add(nai);
    }
    if (isAddressLate) {
      add(address);
    }
    if (!isCompatibilityEarly) {
      add(compatibility);
    }
    if (ask.challenge !== undefined) {
      add(encodeExtension(extensionType.mobileForeignChallenge, ask.challenge));
    }
    if (!deviates('mfae-before-mhae')) {
      addMobileForeign();
    }
    return message;
  };
}

function encodeExtension(type: number, data: ArrayLike<number>): Buffer {
  return Buffer.from([type, data.length, ...Array.from(data)]);
}

/**
 * The authentication extension that goes behind `message` (RFC 3344 3.5). For deviations: computed as if the octets `without`
 * were not in it, or wrong.
 */
function authentication(
  message: Buffer,
  type: number,
  association: SecurityAssociation,
  { without, isWrong }: { without: Buffer | undefined; isWrong: boolean },
): Buffer {
  const length = authenticatorOctets(association.algorithm);
  const extension = Buffer.alloc(6 + length);
  extension[0] = type;
  extension[1] = 4 + length;
  extension.writeUInt32BE(association.spi, 2);
  const at = without === undefined ? -1 : message.indexOf(without);
  const covered =
    without === undefined || at < 0
      ? message
      : Buffer.concat([message.subarray(0, at), message.subarray(at + without.length)]);
  if (!isWrong) {
    extension.set(computeAuthenticator(Buffer.concat([covered, extension]), covered.length, association), 6);
  }
  return extension;
}
