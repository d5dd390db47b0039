import {
  type AuthenticationExtension,
  type Extension,
  encodePacket,
  type Hex,
  type Packet,
  toHex,
} from '../../wire/index.ts';
import { type Ipv6Key, ipv4Text, ipv6Octets, ipv6Text, otherAddress } from '../common/addresses.ts';
import { extensionType } from '../common/messages.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Arrival } from './message.ts';
import { keepaliveSeconds } from './nat-traversal.ts';
import type { Decision } from './registration.ts';

const replyTtl = 64;
const zeroAuthenticator: Hex = '00'.repeat(16);

/** Encodes the Registration Reply, with its IP and UDP headers (RFC 3344 3.8.3). */
export function createReplyEncoder(
  settings: Settings,
  deviates: Deviates,
): (decision: Decision, arrival: Arrival) => Uint8Array {
  const types = settings.extensionTypes;
  const homeAgent = ipv4Text(settings.homeAgent);

  function codeExtension(code: number): Extension {
    if (deviates('code-extension-wrong-length')) {
      return unknown(types.ipv6Code, Uint8Array.of(code, 0, 0, 0));
    }
    if (deviates('code-extension-with-sub-type')) {
      return unknown(types.ipv6Code, Uint8Array.of(1, code, 0));
    }
    if (deviates('code-extension-not-skippable')) {
      return unknown(types.ipv6Code & 0x7f, Uint8Array.of(code, 0));
    }
    return { ipv6Code: { code, reserved: deviates('code-extension-reserved-set') ? 0xff : 0 } };
  }

  function addressExtension(key: Ipv6Key): Extension {
    const octets = ipv6Octets(key);
    if (deviates('returned-address-wrong-length')) {
      return unknown(types.ipv6HomeAddress, Uint8Array.of(1, ...octets, 0));
    }
    if (deviates('returned-address-without-sub-type')) {
      return unknown(types.ipv6HomeAddress, octets);
    }
    if (deviates('returned-address-not-skippable')) {
      return unknown(types.ipv6HomeAddress & 0x7f, Uint8Array.of(1, ...octets));
    }
    const subType = deviates('returned-address-wrong-sub-type') ? 2 : 1;
    return { ipv6HomeAddress: { subType, address: ipv6Text(key) } };
  }

  function extensions(decision: Decision): Extension[] {
    const { nai, returnedAddress, ipv6Code, natTraversal, association } = decision;
    // Echoed octet by octet, whatever characters a hostile or unlucky request had in it.
    const naiPart: Extension[] =
      nai === undefined ? [] : [unknown(extensionType.mobileNodeNai, Buffer.from(nai, 'latin1'))];
    const addressPart: Extension[] = returnedAddress === undefined ? [] : [addressExtension(returnedAddress)];
    const isCodeSent = ipv6Code !== undefined && !deviates('omits-code-extension');
    const isUnasked =
      ipv6Code === undefined && decision.code <= 1 && deviates('code-extension-without-address');
    const codePart: Extension[] = isCodeSent
      ? [codeExtension(ipv6Code)]
      : isUnasked
        ? [codeExtension(0)]
        : [];
    const natPart: Extension[] =
      natTraversal === undefined || decision.code > 1
        ? []
        : [
            {
              udpTunnelReply: {
                subType: 0,
                replyCode: natTraversal.tunnel === undefined ? 64 : 0,
                force: natTraversal.force,
                keepaliveSeconds,
              },
            },
          ];
    const wrong: AuthenticationExtension = { spi: association?.spi ?? 0, authenticator: zeroAuthenticator };
    const mobileHome: Extension[] =
      association === undefined ||
      deviates('reply-without-mhae') ||
      (decision.code > 1 && deviates('denial-without-mhae'))
        ? []
        : [{ mobileHomeAuthentication: deviates('reply-mhae-wrong') ? wrong : { spi: association.spi } }];
    const isFromMobileNode = natTraversal?.isFromMobileNode ?? true;
    return [
      ...(deviates('nai-not-echoed') || deviates('nai-after-authentication') ? [] : naiPart),
      ...(deviates('returned-address-after-authentication') ? [] : addressPart),
      ...(deviates('code-extension-after-authentication') ? [] : codePart),
      ...(isFromMobileNode ? natPart : []),
      ...(deviates('fhae-before-mhae') ? foreignHome(decision) : []),
      ...mobileHome,
      ...(deviates('reply-with-two-mhae') ? mobileHome : []),
      ...(deviates('nai-after-authentication') ? naiPart : []),
      ...(deviates('returned-address-after-authentication') ? addressPart : []),
      ...(deviates('code-extension-after-authentication') ? codePart : []),
      ...(isFromMobileNode ? [] : natPart),
      ...(deviates('fhae-before-mhae') ? [] : foreignHome(decision)),
    ];
  }

  function foreignHome({ foreignAssociation }: Decision): Extension[] {
    if (foreignAssociation === undefined || deviates('fhae-not-added')) {
      return [];
    }
    const { spi } = foreignAssociation;
    return [
      {
        foreignHomeAuthentication: deviates('fhae-wrong')
          ? { spi, authenticator: zeroAuthenticator }
          : { spi },
      },
    ];
  }

  function identification(decision: Decision): Hex {
    let value = decision.identification;
    if (deviates('identification-low-bits-not-copied')) {
      value ^= 1n;
    }
    if (deviates('accepted-identification-high-bits-changed') && decision.code <= 1) {
      value ^= 1n << 32n;
    }
    return value.toString(16).padStart(16, '0');
  }

  return (decision, arrival) => {
    const isUnicast = arrival.destination === settings.homeAgent;
    const source = isUnicast ? arrival.destination : settings.homeAgent;
    const packet: Packet = [
      {
        ipv4: {
          source: ipv4Text(deviates('reply-from-wrong-address') ? otherAddress(source) : source),
          destination: ipv4Text(arrival.source),
          ttl: replyTtl,
        },
      },
      {
        udp: {
          sourcePort: deviates('reply-from-wrong-port')
            ? arrival.destinationPort + 1
            : arrival.destinationPort,
          destinationPort: deviates('reply-to-registration-port') ? 434 : arrival.sourcePort,
        },
      },
      {
        registrationReply: {
          code:
            decision.code > 127 && deviates('denies-with-foreign-agent-code')
              ? decision.code - 64
              : decision.code,
          lifetimeSeconds: decision.lifetimeSeconds,
          homeAddress: ipv4Text(
            deviates('reply-home-address-zero') ||
              (decision.isAssigned && deviates('assigned-home-address-not-returned'))
              ? 0
              : decision.homeAddress,
          ),
          homeAgent: deviates('reply-home-agent-wrong')
            ? ipv4Text(otherAddress(settings.homeAgent))
            : homeAgent,
          identification: identification(decision),
          extensions: extensions(decision),
          ...(deviates('reply-with-octets-left-over') && { trailing: 'c8' }),
        },
      },
    ];
    return encodePacket(packet, {
      types,
      associations: { mobileHome: decision.association, foreignHome: decision.foreignAssociation },
    });
  };
}

function unknown(type: number, data: Uint8Array): Extension {
  return { unknown: { type, format: 'simple', length: data.length, data: toHex(data) } };
}
