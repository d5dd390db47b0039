/** The layout of registration messages as all agents read it. */

/** Flag bits of the Registration Request (RFC 3344 3.3, RFC 3024 3.2). */
export const requestFlag = {
  simultaneousBindings: 0x80,
  broadcastDatagrams: 0x40,
  decapsulationByMobileNode: 0x20,
  minimalEncapsulation: 0x10,
  greEncapsulation: 0x08,
  reverseTunneling: 0x02,
} as const;

export const extensionType = {
  padding: 0,
  mobileHomeAuthentication: 32,
  mobileForeignAuthentication: 33,
  foreignHomeAuthentication: 34,
  encapsulatingDeliveryStyle: 130,
  mobileNodeNai: 131,
  mobileForeignChallenge: 132,
  udpTunnelRequest: 144,
} as const;

/** An extension at its place in a message. */
export interface Found {
  type: number;
  offset: number;
  /** Octets, type and length included. */
  length: number;
}

/**
 * The extensions behind the fixed part (RFC 3344 1.8: type, length, data; type 0 is one octet of padding). `trailing`: octets are
 * left over that make no extension.
 */
export function walkExtensions(
  octets: Buffer,
  fixedPartLength: number,
): { found: Found[]; trailing: boolean } {
  const found: Found[] = [];
  let offset = fixedPartLength;
  while (offset < octets.length) {
    const type = octets[offset] ?? 0;
    if (type === extensionType.padding) {
      found.push({ type, offset, length: 1 });
      offset += 1;
      continue;
    }
    const length = 2 + (octets[offset + 1] ?? octets.length);
    if (offset + length > octets.length) {
      return { found, trailing: true };
    }
    found.push({ type, offset, length });
    offset += length;
  }
  return { found, trailing: false };
}
