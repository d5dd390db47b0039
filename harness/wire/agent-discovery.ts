import { formatIpv4 } from './address.ts';
import type { Cursor } from './cursor.ts';
import { EncodeError } from './errors.ts';
import { checkFields, listOf, onlyKey } from './layers.ts';
import type {
  AdvertisementExtension,
  MobilityAgentAdvertisement,
  RouterAdvertisement,
  RouterSolicitation,
} from './types.ts';
import { checkRange, type Writer } from './writer.ts';

/** Extensions of ICMP router advertisements: a number space of their own (RFC 3344 2.1). */
const extensionType = { onePadding: 0, mobilityAgentAdvertisement: 16, prefixLengths: 19 } as const;
/** RFC 1256: 32-bit words per router entry. */
const entryWords = 2;
/** Sequence number, lifetime and flags: what stands before the care-of addresses. */
const agentFixedOctets = 6;

/** RFC 1256; the checksum is set by `finishIcmp`. */
export function encodeRouterSolicitation(w: Writer, solicitation: RouterSolicitation): void {
  w.u8(10, 'routerSolicitation');
  w.u8(solicitation.code ?? 0, 'routerSolicitation.code');
  w.u16(solicitation.checksum ?? 0, 'routerSolicitation.checksum');
  w.u32(solicitation.reserved ?? 0, 'routerSolicitation.reserved');
}

/** RFC 1256 with the extensions of RFC 3344 2.1; the checksum is set by `finishIcmp`. */
export function encodeRouterAdvertisement(w: Writer, advertisement: RouterAdvertisement): void {
  const routers = listOf(advertisement.routers, 'routerAdvertisement.routers');
  w.u8(9, 'routerAdvertisement');
  w.u8(advertisement.code ?? 0, 'routerAdvertisement.code');
  w.u16(advertisement.checksum ?? 0, 'routerAdvertisement.checksum');
  w.u8(advertisement.addressCount ?? routers.length, 'routerAdvertisement.addressCount');
  w.u8(advertisement.addressEntrySize ?? entryWords, 'routerAdvertisement.addressEntrySize');
  w.u16(advertisement.lifetimeSeconds ?? 1800, 'routerAdvertisement.lifetimeSeconds');
  for (const router of routers) {
    checkFields(router, 'routerAdvertisement.routers');
    w.ipv4(router.address, 'routerAdvertisement.routers');
    // Preferences are two's-complement (RFC 1256 3); they are given as they stand, unsigned.
    w.u32(router.preference, 'routerAdvertisement.routers');
  }
  for (const extension of listOf(advertisement.extensions, 'routerAdvertisement.extensions')) {
    encodeExtension(w, extension);
  }
  if (advertisement.trailing !== undefined) w.hex(advertisement.trailing, 'routerAdvertisement.trailing');
}

function encodeExtension(w: Writer, extension: AdvertisementExtension): void {
  const name = onlyKey(extension, 'router advertisement extension');
  checkFields((extension as unknown as Record<string, unknown>)[name], name);
  if ('onePadding' in extension) {
    w.u8(extensionType.onePadding, 'onePadding');
    return;
  }
  const header = w.at;
  let length: number | undefined;
  if ('mobilityAgentAdvertisement' in extension) {
    const agent = extension.mobilityAgentAdvertisement;
    length = agent.length;
    w.u16(extensionType.mobilityAgentAdvertisement << 8, 'mobilityAgentAdvertisement');
    w.u16(agent.sequenceNumber ?? 0, 'mobilityAgentAdvertisement.sequenceNumber');
    w.u16(agent.registrationLifetimeSeconds ?? 0, 'mobilityAgentAdvertisement.registrationLifetimeSeconds');
    w.u16(agent.flags ?? 0, 'mobilityAgentAdvertisement.flags');
    for (const address of listOf(agent.careOfAddresses, 'careOfAddresses')) {
      w.ipv4(address, 'mobilityAgentAdvertisement.careOfAddresses');
    }
  } else if ('prefixLengths' in extension) {
    length = extension.prefixLengths.length;
    w.u16(extensionType.prefixLengths << 8, 'prefixLengths');
    for (const prefix of listOf(extension.prefixLengths.lengths, 'prefixLengths.lengths')) {
      w.u8(prefix, 'prefixLengths.lengths');
    }
  } else if ('unknown' in extension) {
    length = extension.unknown.length;
    w.u8(extension.unknown.type, 'unknown.type');
    w.u8(0, 'unknown.length');
    w.hex(extension.unknown.data ?? '', 'unknown.data');
  } else {
    throw new EncodeError('WIRE_NAME', `there is no router advertisement extension '${name}'`);
  }
  const written = length ?? w.at - header - 2;
  checkRange(written, 0xff, 'routerAdvertisement.extensions.length');
  w.setU8(header + 1, written, 'routerAdvertisement.extensions.length');
}

/** RFC 1256; at least eight octets must be left. */
export function decodeRouterSolicitation(c: Cursor): void {
  const solicitation = { code: c.u8(1), checksum: c.u16(2), reserved: c.u32(4) };
  c.push('routerSolicitation', { routerSolicitation: solicitation }, 8);
  c.next = 'payload';
}

/** RFC 1256 with the extensions of RFC 3344 2.1; at least eight octets must be left. */
export function decodeRouterAdvertisement(c: Cursor): void {
  const start = c.at;
  const { octets, end } = c;
  const addressCount = c.u8(4);
  const addressEntrySize = c.u8(5);
  const advertisement: RouterAdvertisement = {
    code: c.u8(1),
    checksum: c.u16(2),
    addressCount,
    addressEntrySize,
    lifetimeSeconds: c.u16(6),
    routers: [],
    extensions: [],
  };
  c.push('routerAdvertisement', { routerAdvertisement: advertisement }, 8);
  const extent = c.extents[c.extents.length - 1];
  if (extent !== undefined) extent.length = end - start;
  c.next = 'payload';
  if (addressCount > 0 && addressEntrySize !== entryWords) {
    stopAdvertisement(c, advertisement, `an address entry size of ${addressEntrySize} words is not read`);
  } else if (c.at + addressCount * 8 > end) {
    stopAdvertisement(c, advertisement, `${end - c.at} octets are too few for ${addressCount} routers`);
  } else {
    for (let index = 0; index < addressCount; index++, c.at += 8) {
      advertisement.routers?.push({ address: formatIpv4(octets, c.at), preference: c.u32(4) });
    }
    decodeExtensions(c, advertisement);
  }
}

function stopAdvertisement(c: Cursor, advertisement: RouterAdvertisement, reason: string): void {
  c.stop = { offset: c.at, layer: 'routerAdvertisement', reason };
  if (c.at < c.end) advertisement.trailing = c.hex(c.at, c.end);
  c.at = c.end;
}

function decodeExtensions(c: Cursor, advertisement: RouterAdvertisement): void {
  const extensions: AdvertisementExtension[] = [];
  advertisement.extensions = extensions;
  while (c.at < c.end) {
    const type = c.u8(0);
    let length = 1;
    if (type === extensionType.onePadding) extensions.push({ onePadding: {} });
    else {
      const left = c.end - c.at - 2;
      if (left < 0 || c.u8(1) > left) {
        stopAdvertisement(c, advertisement, `extension type ${type} runs past the end`);
        return;
      }
      length = 2 + c.u8(1);
      const field = `extensions[${extensions.length}]`;
      extensions.push(decodeExtension(c, type, field));
    }
    const path = `routerAdvertisement.extensions[${extensions.length - 1}]`;
    c.extents.push({ path, offset: c.at, length });
    c.at += length;
  }
}

function decodeExtension(c: Cursor, type: number, field: string): AdvertisementExtension {
  const data = c.at + 2;
  const length = c.u8(1);
  if (type === extensionType.mobilityAgentAdvertisement) {
    if (length >= agentFixedOctets && (length - agentFixedOctets) % 4 === 0) {
      return { mobilityAgentAdvertisement: decodeAgent(c, length) };
    }
    c.find(field, `type ${type} with length ${length} is no mobility agent advertisement`);
  } else if (type === extensionType.prefixLengths) {
    return { prefixLengths: { length, lengths: Array.from(c.octets.subarray(data, data + length)) } };
  }
  return { unknown: { type, length, data: c.hex(data, data + length) } };
}

function decodeAgent(c: Cursor, length: number): MobilityAgentAdvertisement {
  const careOfAddresses: string[] = [];
  for (let at = c.at + 8; at < c.at + 2 + length; at += 4) careOfAddresses.push(formatIpv4(c.octets, at));
  return {
    length,
    sequenceNumber: c.u16(2),
    registrationLifetimeSeconds: c.u16(4),
    flags: c.u16(6),
    careOfAddresses,
  };
}
