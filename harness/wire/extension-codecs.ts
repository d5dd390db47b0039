import { formatIpv4, formatIpv6 } from './address.ts';
import { readU16, readU32 } from './cursor.ts';
import { toHex } from './hex.ts';
import type { AuthenticationExtension, Extension, ExtensionTypes, VendorExtension } from './types.ts';
import { checkRange, type Writer } from './writer.ts';

type KeysOf<T> = T extends unknown ? keyof T : never;
/** The names of the extensions of registration messages. */
export type ExtensionName = KeysOf<Extension>;
/** The fields of the extension of this name. */
export type ExtensionValue<K extends ExtensionName> = Extract<Extension, Record<K, unknown>>[K];

/** What stands before the data of an extension. */
export interface ExtensionHeader {
  type: number;
  /** The octet after the type in the long format: the sub-type, reserved in the vendor extension. */
  second: number;
  length: number;
}

/** How the data of one extension is written and read. */
export interface ExtensionCodec<Fields> {
  /** The assigned number; `undefined` for the draft's three, which are configuration. */
  readonly type?: number;
  /** Older numbers or siblings with the same layout; the decoder tells them by `type`. */
  readonly otherTypes?: readonly number[];
  /** In the long format (RFC 3344 1.10), the octet after the type. */
  second?(fields: Fields): number;
  write(w: Writer, fields: Fields): void;
  /** The fields, or undefined when `header.length` octets at `at` are not laid out as this extension. */
  read(octets: Uint8Array, at: number, header: ExtensionHeader): Fields | undefined;
}

type Codecs = {
  readonly [K in Exclude<ExtensionName, 'unknown' | 'padding'>]: ExtensionCodec<ExtensionValue<K>>;
};

/** Every extension with a known layout. Those in the long format have a `second`. */
export const extensionCodecs: Codecs = {
  mobileHomeAuthentication: authentication(32),
  mobileForeignAuthentication: authentication(33),
  foreignHomeAuthentication: authentication(34),

  /** RFC 4721. */
  generalizedAuthentication: {
    type: 36,
    second: (fields) => fields.subType ?? 1,
    write: writeAuthentication,
    read: (octets, at, { second, length }) =>
      length < 4
        ? undefined
        : {
            length,
            subType: second,
            spi: readU32(octets, at),
            authenticator: toHex(octets, at + 4, at + length),
          },
  },

  /** RFC 3115 2; 37 is the number of its predecessor, RFC 3025. */
  criticalVendor: {
    type: 38,
    otherTypes: [37],
    second: (fields) => fields.reserved ?? 0,
    write: writeVendor,
    read: (octets, at, { type, second, length }) =>
      length < 6 ? undefined : vendorFields(octets, at, at + length, { type, length, reserved: second }, 38),
  },

  /** RFC 3115 3; 133 is the number of its predecessor, RFC 3025. */
  normalVendor: {
    type: 134,
    otherTypes: [133],
    write(w, fields) {
      w.u16(fields.reserved ?? 0, 'normalVendor.reserved');
      writeVendor(w, fields);
    },
    read: (octets, at, { type, length }) =>
      length < 8
        ? undefined
        : vendorFields(octets, at + 2, at + length, { type, length, reserved: readU16(octets, at) }, 134),
  },

  /** RFC 3957: nonce requests (40, 42) and replies (41, 43). */
  keyGenerationNonce: {
    type: 40,
    otherTypes: [41, 42, 43],
    second: (fields) => fields.subType ?? 1,
    write: (w, fields) => w.hex(fields.data ?? '', 'keyGenerationNonce.data'),
    read: (octets, at, { type, second, length }) => ({
      type,
      length,
      subType: second,
      data: toHex(octets, at, at + length),
    }),
  },

  /** RFC 3519 3.2. */
  udpTunnelReply: {
    type: 44,
    write(w, fields) {
      w.u8(fields.subType ?? 0, 'udpTunnelReply.subType');
      w.u8(fields.replyCode ?? 0, 'udpTunnelReply.replyCode');
      const reserved = fields.reserved ?? 0;
      checkRange(reserved, 0x7fff, 'udpTunnelReply.reserved');
      w.u16((fields.force ? 0x8000 : 0) | reserved, 'udpTunnelReply.reserved');
      w.u16(fields.keepaliveSeconds ?? 0, 'udpTunnelReply.keepaliveSeconds');
    },
    read: (octets, at, { length }) =>
      length !== 6
        ? undefined
        : {
            length,
            subType: octets[at] as number,
            replyCode: octets[at + 1] as number,
            force: readU16(octets, at + 2) >= 0x8000,
            reserved: readU16(octets, at + 2) & 0x7fff,
            keepaliveSeconds: readU16(octets, at + 4),
          },
  },

  /** RFC 4636. */
  foreignAgentError: {
    type: 45,
    write(w, fields) {
      w.u8(fields.subType ?? 0, 'foreignAgentError.subType');
      w.u8(fields.status ?? 0, 'foreignAgentError.status');
    },
    read: (octets, at, { length }) =>
      length !== 2 ? undefined : { length, subType: octets[at] as number, status: octets[at + 1] as number },
  },

  /** RFC 4857. */
  gfaAddress: {
    type: 46,
    write(w, fields) {
      w.u16(fields.reserved ?? 0, 'gfaAddress.reserved');
      w.ipv4(fields.address ?? '0.0.0.0', 'gfaAddress.address');
    },
    read: (octets, at, { length }) =>
      length !== 6
        ? undefined
        : { length, reserved: readU16(octets, at), address: formatIpv4(octets, at + 2) },
  },

  /** RFC 6245 5. */
  greKey: {
    type: 48,
    second: (fields) => fields.subType ?? 0,
    write: (w, fields) => w.u32(fields.key ?? 0, 'greKey.key'),
    read: (octets, at, { second, length }) =>
      length !== 4 ? undefined : { length, subType: second, key: readU32(octets, at) },
  },

  /** RFC 3024 3.3. */
  encapsulatingDeliveryStyle: {
    type: 130,
    write: () => undefined,
    read: (_octets, _at, { length }) => (length !== 0 ? undefined : { length }),
  },

  /** RFC 2794 2. */
  mobileNodeNai: {
    type: 131,
    write: (w, fields) => w.text(fields.nai ?? '', 'mobileNodeNai.nai'),
    read(octets, at, { length }) {
      const nai = readText(octets, at, at + length);
      return nai === undefined ? undefined : { length, nai };
    },
  },

  /** RFC 4721 3. */
  mobileForeignChallenge: {
    type: 132,
    write: (w, fields) => w.hex(fields.challenge ?? '', 'mobileForeignChallenge.challenge'),
    read: (octets, at, { length }) => ({ length, challenge: toHex(octets, at, at + length) }),
  },

  /** RFC 3846. */
  naiCarrying: shortData(136, 'naiCarrying'),

  /** RFC 3543 3.2. */
  revocationSupport: {
    type: 137,
    write(w, fields) {
      w.u16(fields.flags ?? 0, 'revocationSupport.flags');
      w.u32(fields.timestamp ?? 0, 'revocationSupport.timestamp');
    },
    read: (octets, at, { length }) =>
      length !== 6 ? undefined : { length, flags: readU16(octets, at), timestamp: readU32(octets, at + 2) },
  },

  /** RFC 4433. */
  dynamicHomeAgent: {
    type: 139,
    write(w, fields) {
      w.u8(fields.subType ?? 1, 'dynamicHomeAgent.subType');
      w.ipv4(fields.address ?? '0.0.0.0', 'dynamicHomeAgent.address');
    },
    read: (octets, at, { length }) =>
      length !== 5
        ? undefined
        : { length, subType: octets[at] as number, address: formatIpv4(octets, at + 1) },
  },

  /** RFC 3519 3.1. */
  udpTunnelRequest: {
    type: 144,
    write(w, fields) {
      w.u8(fields.subType ?? 0, 'udpTunnelRequest.subType');
      w.u8(fields.reserved1 ?? 0, 'udpTunnelRequest.reserved1');
      const reserved = fields.reserved2 ?? 0;
      checkRange(reserved, 0x3f, 'udpTunnelRequest.reserved2');
      const flags = (fields.force ? 0x80 : 0) | (fields.registrationRequired ? 0x40 : 0);
      w.u8(flags | reserved, 'udpTunnelRequest.reserved2');
      w.u8(fields.encapsulation ?? 0, 'udpTunnelRequest.encapsulation');
      w.u16(fields.reserved3 ?? 0, 'udpTunnelRequest.reserved3');
    },
    read(octets, at, { length }) {
      if (length !== 6) return undefined;
      const flags = octets[at + 2] as number;
      return {
        length,
        subType: octets[at] as number,
        reserved1: octets[at + 1] as number,
        force: (flags & 0x80) !== 0,
        registrationRequired: (flags & 0x40) !== 0,
        reserved2: flags & 0x3f,
        encapsulation: octets[at + 3] as number,
        reserved3: readU16(octets, at + 4),
      };
    },
  },

  /** RFC 4917. */
  messageString: {
    type: 145,
    write(w, fields) {
      w.u8(fields.subType ?? 1, 'messageString.subType');
      w.text(fields.text ?? '', 'messageString.text');
    },
    read(octets, at, { length }) {
      const text = length < 1 ? undefined : readText(octets, at + 1, at + length);
      return text === undefined ? undefined : { length, subType: octets[at] as number, text };
    },
  },

  /** RFC 5454 2: not the draft's layout, and not judged. */
  dualStack: shortData(152, 'dualStack'),

  /** The draft, section 3.1. */
  ipv6HomeAddress: {
    write(w, fields) {
      w.u8(fields.subType ?? 1, 'ipv6HomeAddress.subType');
      w.ipv6(fields.address ?? '::', 'ipv6HomeAddress.address');
    },
    read: (octets, at, { length }) =>
      length !== 17
        ? undefined
        : { length, subType: octets[at] as number, address: formatIpv6(octets, at + 1) },
  },

  /** The draft, section 3.2. */
  ipv6Compatibility: {
    write(w, fields) {
      const reserved = fields.reserved ?? 0;
      checkRange(reserved, 0x7fff, 'ipv6Compatibility.reserved');
      w.u16((fields.reverseTunnel ? 0x8000 : 0) | reserved, 'ipv6Compatibility.reserved');
    },
    read(octets, at, { length }) {
      if (length !== 2) return undefined;
      const word = readU16(octets, at);
      return { length, reverseTunnel: word >= 0x8000, reserved: word & 0x7fff };
    },
  },

  /** The draft, section 3.3. */
  ipv6Code: {
    write(w, fields) {
      w.u8(fields.code ?? 0, 'ipv6Code.code');
      w.u8(fields.reserved ?? 0, 'ipv6Code.reserved');
    },
    read: (octets, at, { length }) =>
      length !== 2 ? undefined : { length, code: octets[at] as number, reserved: octets[at + 1] as number },
  },
};

/** The type number under which an extension is written when it carries none of its own. */
export function extensionType(name: ExtensionName, types: ExtensionTypes): number {
  if (name === 'ipv6HomeAddress' || name === 'ipv6Compatibility' || name === 'ipv6Code') return types[name];
  if (name === 'padding' || name === 'unknown') return 0;
  return extensionCodecs[name].type as number;
}

/** RFC 3344 3.5.2 to 3.5.4. The authenticator that is to be computed is written by the caller. */
function authentication(type: number): ExtensionCodec<AuthenticationExtension> {
  return {
    type,
    write: writeAuthentication,
    read: (octets, at, { length }) =>
      length < 4
        ? undefined
        : { length, spi: readU32(octets, at), authenticator: toHex(octets, at + 4, at + length) },
  };
}

function writeAuthentication(w: Writer, fields: AuthenticationExtension): void {
  w.u32(fields.spi ?? 0, 'authentication.spi');
  w.hex(fields.authenticator ?? '', 'authentication.authenticator');
}

function writeVendor(w: Writer, fields: VendorExtension): void {
  w.u32(fields.vendor ?? 0, 'vendor');
  w.u16(fields.vendorType ?? 0, 'vendorType');
  w.hex(fields.value ?? '', 'value');
}

function vendorFields(
  octets: Uint8Array,
  at: number,
  end: number,
  header: { type: number; length: number; reserved: number },
  usualType: number,
): VendorExtension & { type?: number } {
  const { type, length, reserved } = header;
  const fields = {
    length,
    reserved,
    vendor: readU32(octets, at),
    vendorType: readU16(octets, at + 4),
    value: toHex(octets, at + 6, end),
  };
  return type === usualType ? fields : { type, ...fields };
}

/** The short format of RFC 3344 1.11, its data kept as octets. */
function shortData(
  type: number,
  name: string,
): ExtensionCodec<{ length?: number; subType?: number; data?: string }> {
  return {
    type,
    write(w, fields) {
      w.u8(fields.subType ?? 1, `${name}.subType`);
      w.hex(fields.data ?? '', `${name}.data`);
    },
    read: (octets, at, { length }) =>
      length < 1
        ? undefined
        : { length, subType: octets[at] as number, data: toHex(octets, at + 1, at + length) },
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 text; undefined when the octets are none, so that the text always stands for these very octets. */
function readText(octets: Uint8Array, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) {
    if ((octets[at] as number) > 0x7f) {
      try {
        return utf8.decode(octets.subarray(start, end));
      } catch {
        return undefined;
      }
    }
  }
  return Buffer.from(octets.buffer, octets.byteOffset + start, end - start).toString('latin1');
}
