/** What our decoder read in the extensions of registration messages, under the names of tshark's fields. */
import type { Extension, ExtensionTypes } from '../index.ts';

/** A field's name and what it must hold: a number, a flag, text as shown, octets, or nothing (a protocol). */
export type Expected = readonly [
  name: string,
  value: number | boolean | string | { hex: string } | undefined,
  /** Where it begins in the frame, where that is compared. */
  position?: number,
];

/** Stands in a list of fields where tshark stops reading as the RFCs have it, with the reason. */
export const cutHere = 'cut';

const assignedTypes: Readonly<Record<string, number>> = {
  mobileHomeAuthentication: 32,
  mobileForeignAuthentication: 33,
  foreignHomeAuthentication: 34,
  generalizedAuthentication: 36,
  criticalVendor: 38,
  udpTunnelReply: 44,
  foreignAgentError: 45,
  gfaAddress: 46,
  greKey: 48,
  encapsulatingDeliveryStyle: 130,
  mobileNodeNai: 131,
  mobileForeignChallenge: 132,
  normalVendor: 134,
  naiCarrying: 136,
  revocationSupport: 137,
  dynamicHomeAgent: 139,
  udpTunnelRequest: 144,
  messageString: 145,
  dualStack: 152,
};

/** In the long format or with contents of their own, and yet walked by tshark 4.0 as type, length, data. */
const walkedOtherwise = new Set([37, 40, 41, 42, 43, 48, 50, 127, 133]);

/** The expected fields of one extension that begins at `position` of the frame. */
export function extensionFields(extension: Extension, types: ExtensionTypes, position: number): Expected[] {
  if ('padding' in extension) return [[cutHere, 'a lone pad octet is called malformed']];
  const [name, value] = Object.entries(extension)[0] as [string, { type?: number; length?: number }];
  const type = value.type ?? types[name as keyof ExtensionTypes] ?? assignedTypes[name] ?? -1;
  const start: Expected = ['mip.ext.type', type, position];
  if (walkedOtherwise.has(type)) return [start, [cutHere, `type ${type} is walked in the simple format`]];
  if ('unknown' in extension && type >= 32 && type <= 36) {
    return [start, [cutHere, `type ${type} without room for an SPI is not read past`]];
  }
  return [start, ['mip.ext.len', value.length ?? 0], ...insideFields(extension)];
}

/** What tshark reads inside an extension; nothing of those that it shows as octets. */
function insideFields(extension: Extension): Expected[] {
  const authentication = Object.values(extension)[0] as { spi?: number; authenticator?: string };
  if (authentication.spi !== undefined && authentication.authenticator !== undefined) {
    const fields: Expected[] = [
      ['mip.auth.spi', authentication.spi],
      ['mip.auth.auth', { hex: authentication.authenticator }],
    ];
    if ('generalizedAuthentication' in extension) {
      fields.unshift(['mip.ext.auth.subtype', extension.generalizedAuthentication.subType ?? 0]);
    }
    return fields;
  }
  if ('mobileNodeNai' in extension) {
    return [['mip.nai', { hex: Buffer.from(extension.mobileNodeNai.nai ?? '', 'utf8').toString('hex') }]];
  }
  if ('unknown' in extension && extension.unknown.type === assignedTypes.mobileNodeNai) {
    return [['mip.nai', { hex: extension.unknown.data ?? '' }]];
  }
  if ('revocationSupport' in extension) {
    const { flags = 0, timestamp = 0 } = extension.revocationSupport;
    return [
      ['mip.ext.rev.flags', flags],
      ['mip.ext.rev.tstamp', timestamp],
    ];
  }
  if ('dynamicHomeAgent' in extension) {
    const { subType = 0, address = '' } = extension.dynamicHomeAgent;
    return [
      ['mip.ext.dynha.subtype', subType],
      ['mip.ext.dynha.ha', address],
    ];
  }
  if ('messageString' in extension) {
    const { subType = 0, text = '' } = extension.messageString;
    return [
      ['mip.ext.msgstr.subtype', subType],
      ['mip.ext.msgstr.text', text],
    ];
  }
  if ('udpTunnelRequest' in extension) {
    const tunnel = extension.udpTunnelRequest;
    return [
      ['mip.ext.utrq.subtype', tunnel.subType ?? 0],
      ['mip.ext.utrq.reserved1', tunnel.reserved1 ?? 0],
      ['mip.ext.utrq.f', tunnel.force ?? false],
      ['mip.ext.utrq.r', tunnel.registrationRequired ?? false],
      ['mip.ext.utrq.reserved2', tunnel.reserved2 ?? 0],
      ['mip.ext.utrq.encaptype', tunnel.encapsulation ?? 0],
      ['mip.ext.utrq.reserved3', tunnel.reserved3 ?? 0],
    ];
  }
  if ('udpTunnelReply' in extension) {
    const tunnel = extension.udpTunnelReply;
    return [
      ['mip.ext.utrp.subtype', tunnel.subType ?? 0],
      ['mip.ext.utrp.code', tunnel.replyCode ?? 0],
      ['mip.ext.utrp.f', tunnel.force ?? false],
      ['mip.ext.utrp.reserved', tunnel.reserved ?? 0],
      ['mip.ext.utrp.keepalive', tunnel.keepaliveSeconds ?? 0],
    ];
  }
  if ('criticalVendor' in extension && extension.criticalVendor.type === undefined) {
    const { reserved = 0, vendor = 0, vendorType = 0, value = '' } = extension.criticalVendor;
    return [
      ['mip.ext.cvse.reserved', reserved],
      ['mip.ext.cvse.vendor_id', vendor],
      ['mip.ext.cvse.vendor_type', vendorType],
      ['mip.ext.cvse.vendor_value', { hex: value }],
    ];
  }
  if ('normalVendor' in extension && extension.normalVendor.type === undefined) {
    const { reserved = 0, vendor = 0, vendorType = 0, value = '' } = extension.normalVendor;
    return [
      ['mip.ext.nvse.reserved', reserved],
      ['mip.ext.nvse.vendor_id', vendor],
      ['mip.ext.nvse.vendor_type', vendorType],
      ['mip.ext.nvse.vendor_value', { hex: value }],
    ];
  }
  return [];
}
