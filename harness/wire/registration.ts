import { formatIpv4 } from './address.ts';
import type { Cursor } from './cursor.ts';
import { EncodeError } from './errors.ts';
import { defaultExtensionTypes } from './extension-types.ts';
import { decodeExtensions, type ExtensionExtent, encodeExtensions, walkExtensions } from './extensions.ts';
import type {
  DecodeOptions,
  EncodeOptions,
  RegistrationReply,
  RegistrationRequest,
  Tamper,
} from './types.ts';
import type { Writer } from './writer.ts';

/** The first octet of what travels on UDP port 434 (RFC 3344 3.3 and 3.4, RFC 3519 3.3). */
export const messageType = { registrationRequest: 1, registrationReply: 3, udpTunnelData: 4 } as const;

const requestOctets = 24;
const replyOctets = 20;
const identificationOctets = 8;

/** RFC 3344 3.3, extensions and authenticators included. */
export function encodeRegistrationRequest(
  w: Writer,
  request: RegistrationRequest,
  options: EncodeOptions,
): void {
  const start = w.at;
  const flags =
    (request.simultaneousBindings ? 0x80 : 0) |
    (request.broadcastDatagrams ? 0x40 : 0) |
    (request.decapsulationByMobileNode ? 0x20 : 0) |
    (request.minimalEncapsulation ? 0x10 : 0) |
    (request.greEncapsulation ? 0x08 : 0) |
    (request.reserved ? 0x04 : 0) |
    (request.reverseTunneling ? 0x02 : 0) |
    (request.reservedX ? 0x01 : 0);
  w.u8(messageType.registrationRequest, 'registrationRequest');
  w.u8(flags, 'registrationRequest');
  w.u16(request.lifetimeSeconds ?? 0, 'registrationRequest.lifetimeSeconds');
  w.ipv4(request.homeAddress ?? '0.0.0.0', 'registrationRequest.homeAddress');
  w.ipv4(request.homeAgent ?? '0.0.0.0', 'registrationRequest.homeAgent');
  w.ipv4(request.careOfAddress ?? '0.0.0.0', 'registrationRequest.careOfAddress');
  encodeIdentification(w, request.identification, 'registrationRequest.identification');
  finishMessage(w, request, start, options);
}

/** RFC 3344 3.4, extensions and authenticators included. */
export function encodeRegistrationReply(w: Writer, reply: RegistrationReply, options: EncodeOptions): void {
  const start = w.at;
  w.u8(messageType.registrationReply, 'registrationReply');
  w.u8(reply.code ?? 0, 'registrationReply.code');
  w.u16(reply.lifetimeSeconds ?? 0, 'registrationReply.lifetimeSeconds');
  w.ipv4(reply.homeAddress ?? '0.0.0.0', 'registrationReply.homeAddress');
  w.ipv4(reply.homeAgent ?? '0.0.0.0', 'registrationReply.homeAgent');
  encodeIdentification(w, reply.identification, 'registrationReply.identification');
  finishMessage(w, reply, start, options);
}

function encodeIdentification(w: Writer, identification: string | undefined, field: string): void {
  if (identification === undefined) w.zeros(identificationOctets);
  else w.hexExactly(identification, identificationOctets, field);
}

function finishMessage(
  w: Writer,
  message: RegistrationRequest | RegistrationReply,
  start: number,
  options: EncodeOptions,
): void {
  if (message.extensions !== undefined) encodeExtensions(w, message.extensions, start, options);
  if (message.trailing !== undefined) w.hex(message.trailing, 'trailing');
  if (options.tamper !== undefined) tamperWith(w, start, options.tamper, options);
}

function tamperWith(w: Writer, start: number, tampers: readonly Tamper[], options: EncodeOptions): void {
  const message = w.octets.subarray(start, w.at);
  // Before the first bit is turned over: a tampered length must not move the extensions that come after it.
  const extents = extensionExtents(message, options);
  for (const { extension, octet, mask } of tampers) {
    let from = 0;
    let length = message.length;
    if (extension !== undefined) {
      const extent = extents.find(({ name }) => name === extension);
      if (extent === undefined) {
        throw new EncodeError('WIRE_TAMPER', `tamper: the message carries no readable '${extension}'`);
      }
      from = extent.offset;
      length = extent.length;
    }
    const index = octet < 0 ? length + octet : octet;
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      const where = extension ?? 'message';
      throw new EncodeError(
        'WIRE_TAMPER',
        `tamper: there is no octet ${octet} in the ${length} of the ${where}`,
      );
    }
    if (!Number.isInteger(mask) || mask < 0 || mask > 255) {
      throw new EncodeError('WIRE_TAMPER', `tamper: the mask ${mask} is not in 0..255`);
    }
    message[from + index] = (message[from + index] as number) ^ mask;
  }
}

/** RFC 3344 3.3. */
export function decodeRegistrationRequest(c: Cursor): void {
  const start = c.at;
  if (c.end - start < requestOctets) {
    c.halt(
      'registrationRequest',
      `${c.end - start} octets are fewer than the fixed part of ${requestOctets}`,
    );
    return;
  }
  const flags = c.u8(1);
  const request: RegistrationRequest = {
    simultaneousBindings: (flags & 0x80) !== 0,
    broadcastDatagrams: (flags & 0x40) !== 0,
    decapsulationByMobileNode: (flags & 0x20) !== 0,
    minimalEncapsulation: (flags & 0x10) !== 0,
    greEncapsulation: (flags & 0x08) !== 0,
    reserved: (flags & 0x04) !== 0,
    reverseTunneling: (flags & 0x02) !== 0,
    reservedX: (flags & 0x01) !== 0,
    lifetimeSeconds: c.u16(2),
    homeAddress: formatIpv4(c.octets, start + 4),
    homeAgent: formatIpv4(c.octets, start + 8),
    careOfAddress: formatIpv4(c.octets, start + 12),
    identification: c.hex(start + 16, start + requestOctets),
  };
  c.push('registrationRequest', { registrationRequest: request }, requestOctets);
  decodeRest(c, start, request, 'registrationRequest');
}

/** RFC 3344 3.4. */
export function decodeRegistrationReply(c: Cursor): void {
  const start = c.at;
  if (c.end - start < replyOctets) {
    c.halt('registrationReply', `${c.end - start} octets are fewer than the fixed part of ${replyOctets}`);
    return;
  }
  const reply: RegistrationReply = {
    code: c.u8(1),
    lifetimeSeconds: c.u16(2),
    homeAddress: formatIpv4(c.octets, start + 4),
    homeAgent: formatIpv4(c.octets, start + 8),
    identification: c.hex(start + 12, start + replyOctets),
  };
  c.push('registrationReply', { registrationReply: reply }, replyOctets);
  decodeRest(c, start, reply, 'registrationReply');
}

function decodeRest(
  c: Cursor,
  start: number,
  message: RegistrationRequest | RegistrationReply,
  name: string,
): void {
  const extent = c.extents[c.extents.length - 1];
  message.extensions = decodeExtensions(c, name, c.layers.length - 1);
  if (c.at < c.end) message.trailing = c.hex(c.at, c.end);
  // The message, unlike a header, reaches to its end: its extensions lie within its extent.
  if (extent !== undefined) extent.length = c.end - start;
  c.at = c.end;
  c.next = 'payload';
}

/**
 * Where each extension stands in a registration request or reply (the octets of a UDP payload), as far as they can be
 * told apart; nothing for any other message.
 */
export function extensionExtents(message: Uint8Array, options: DecodeOptions = {}): ExtensionExtent[] {
  const type = message[0];
  const types = options.types ?? defaultExtensionTypes;
  if (type === messageType.registrationRequest) return walkExtensions(message, requestOctets, types);
  if (type === messageType.registrationReply) return walkExtensions(message, replyOctets, types);
  return [];
}
