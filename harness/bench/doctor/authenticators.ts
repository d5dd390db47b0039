/** Whose authenticators a message carries: by which algorithm does it verify (RFC 3344 3.5.1, 5.1; RFC 2002 keyed MD5). */
import type { SeenFrame } from '../../engine/bench.ts';
import {
  type AuthenticationAlgorithm,
  type Extension,
  type RegistrationReply,
  type RegistrationRequest,
  type SecurityAssociation,
  verifyAuthenticator,
} from '../../wire/index.ts';

export const algorithms: readonly AuthenticationAlgorithm[] = [
  'hmac-md5',
  'hmac-sha1',
  'keyed-md5',
  'keyed-md5-spi-covered',
];

/** Names of the algorithms for people. */
export const algorithmWords: { readonly [name in AuthenticationAlgorithm]: string } = {
  'hmac-md5': 'hmac-md5',
  'hmac-sha1': 'hmac-sha1',
  'keyed-md5': 'keyed-md5 (prefix+suffix, SPI not covered)',
  'keyed-md5-spi-covered': 'keyed-md5-spi-covered (prefix+suffix)',
};

export type AuthenticationName =
  | 'mobileHomeAuthentication'
  | 'mobileForeignAuthentication'
  | 'foreignHomeAuthentication';

/** The registration message of a frame. */
export function messageOf(
  frame: SeenFrame,
):
  | { name: 'registrationRequest' | 'registrationReply'; message: RegistrationRequest & RegistrationReply }
  | undefined {
  for (const layer of frame.decoded.layers) {
    if ('registrationRequest' in layer)
      return { name: 'registrationRequest', message: layer.registrationRequest };
    if ('registrationReply' in layer) return { name: 'registrationReply', message: layer.registrationReply };
  }
  return undefined;
}

/** What an authentication extension of a message shows. */
export type Authenticity =
  /** There is no such extension. */
  | { kind: 'none' }
  /** It has another SPI. */
  | { kind: 'spi'; spi: number }
  /** It verifies with the key, by this algorithm. */
  | { kind: 'verified'; algorithm: AuthenticationAlgorithm }
  /** By no algorithm known here. */
  | { kind: 'wrong' };

/** By which algorithm the first extension of a name verifies with the key of an association. */
export function authenticityOf(
  frame: SeenFrame,
  name: AuthenticationName,
  association: SecurityAssociation,
): Authenticity {
  const found = messageOf(frame);
  const extensions: Extension[] = found?.message.extensions ?? [];
  const at = extensions.findIndex((extension) => name in extension);
  const { extents } = frame.decoded;
  const whole = extents.find(({ path }) => path === found?.name);
  const part = extents.find(({ path }) => path === `${found?.name}.extensions[${at}]`);
  const extension = extensions[at] as { [of: string]: { spi?: number } } | undefined;
  if (whole === undefined || part === undefined || extension === undefined) return { kind: 'none' };
  const spi = extension[name]?.spi;
  if (spi !== undefined && spi !== association.spi) return { kind: 'spi', spi };
  const octets = frame.octets.subarray(whole.offset, whole.offset + whole.length);
  const ordered = [association.algorithm, ...algorithms.filter((one) => one !== association.algorithm)];
  for (const algorithm of ordered)
    if (verifyAuthenticator(octets, part.offset - whole.offset, { ...association, algorithm }))
      return { kind: 'verified', algorithm };
  return { kind: 'wrong' };
}
