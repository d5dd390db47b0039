import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readU16, readU32 } from './cursor.ts';
import type { AuthenticationAlgorithm, SecurityAssociation } from './types.ts';

/** The long-format extension among the authentication extensions (RFC 4721). */
const generalizedAuthenticationType = 36;

/** Length in octets of the authenticator that an algorithm gives. */
export function authenticatorOctets(algorithm: AuthenticationAlgorithm): number {
  return algorithm === 'hmac-sha1' ? 20 : 16;
}

/**
 * The authenticator (RFC 3344 3.5.1) of the authentication extension whose type octet stands at `message[offset]`:
 * covered are the octets before the extension and its Type, Length and SPI as they stand. RFC 2002's keyed MD5
 * ends with Type and Length, or with the SPI in the variant `keyed-md5-spi-covered`.
 * The generalized extension (type 36) has two more octets before its SPI.
 */
export function computeAuthenticator(
  message: Uint8Array,
  offset: number,
  association: SecurityAssociation,
): Uint8Array {
  const headerEnd = offset + (message[offset] === generalizedAuthenticationType ? 4 : 2);
  const { algorithm, key } = association;
  switch (algorithm) {
    case 'hmac-md5':
      return createHmac('md5', key)
        .update(message.subarray(0, headerEnd + 4))
        .digest();
    case 'hmac-sha1':
      return createHmac('sha1', key)
        .update(message.subarray(0, headerEnd + 4))
        .digest();
    case 'keyed-md5':
      return createHash('md5').update(key).update(message.subarray(0, headerEnd)).update(key).digest();
    case 'keyed-md5-spi-covered':
      return createHash('md5')
        .update(key)
        .update(message.subarray(0, headerEnd + 4))
        .update(key)
        .digest();
  }
}

/**
 * Whether the authentication extension at `message[offset]` carries the association's SPI and the right authenticator
 * of the right length. False for anything that is not laid out as one, never an exception.
 */
export function verifyAuthenticator(
  message: Uint8Array,
  offset: number,
  association: SecurityAssociation,
): boolean {
  if (!Number.isInteger(offset) || offset < 0 || offset + 2 > message.length) return false;
  const long = message[offset] === generalizedAuthenticationType;
  const data = offset + (long ? 4 : 2);
  if (data > message.length) return false;
  const length = long ? readU16(message, offset + 2) : (message[offset + 1] as number);
  if (length !== 4 + authenticatorOctets(association.algorithm)) return false;
  if (data + length > message.length) return false;
  if (readU32(message, data) !== association.spi) return false;
  return timingSafeEqual(
    message.subarray(data + 4, data + length),
    computeAuthenticator(message, offset, association),
  );
}
