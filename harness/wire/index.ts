/** Octets <-> typed packets of Dual-Stack Mobile IPv4: pure, no I/O. Everything public is exported here. */
export {
  addressPlus,
  canonicalAddress,
  formatAddress,
  formatIpv4,
  formatIpv6,
  formatMac,
  inPrefix,
  isIpv4,
  isIpv6,
  parseAddress,
  parseIpv4,
  parseIpv6,
  parsePrefix,
} from './address.ts';
export { authenticatorOctets, computeAuthenticator, verifyAuthenticator } from './authentication.ts';
export { internetChecksum } from './checksum.ts';
export { EncodeError, type EncodeErrorCode } from './errors.ts';
export type { ExtensionName } from './extension-codecs.ts';
export { checkExtensionTypes, defaultExtensionTypes } from './extension-types.ts';
export type { ExtensionExtent } from './extensions.ts';
export { fromHex, toHex } from './hex.ts';
export { type FieldExtent, fieldExtents } from './layout.ts';
export { decodeMessage, decodePacket, encodeMessage, encodePacket, maximumLayers } from './packet.ts';
export { etherType, ipProtocol, mobileIpPort } from './protocols.ts';
export { extensionExtents, messageType } from './registration.ts';
export * from './types.ts';
