import {
  authenticatorOctets,
  computeAuthenticator,
  type SecurityAssociation,
  verifyAuthenticator,
} from '../../wire/index.ts';
import type { extensionType } from '../common/messages.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import type { Reply, Request } from './message.ts';

/** The mobility security association that is shared with the mobile node of a request, if there is one. */
export function mobileAssociation(
  settings: Settings,
  request: { nai?: string; homeAddress: number },
): SecurityAssociation | undefined {
  const { byNai, byHomeAddress } = settings.mobileNodes;
  const byName = request.nai === undefined ? undefined : byNai.get(request.nai);
  return byName ?? byHomeAddress.get(request.homeAddress);
}

/** RFC 3344 3.7.2.1: exactly one valid MFAE. */
export function isMobileAuthenticated(
  request: Request,
  association: SecurityAssociation,
  deviates: Deviates,
): boolean {
  const [first, second] = request.mobileForeign;
  if (first === undefined) {
    return deviates('mfae-not-demanded');
  }
  return (
    deviates('mfae-not-checked') ||
    (second === undefined && verifyAuthenticator(request.octets, first.offset, association))
  );
}

/** RFC 3344 3.7.3.1: exactly one valid FHAE. */
export function isHomeAgentAuthenticated(
  reply: Reply,
  association: SecurityAssociation,
  deviates: Deviates,
): boolean {
  const [first, second] = reply.foreignHome;
  if (first === undefined) {
    return deviates('fhae-of-reply-not-demanded');
  }
  return (
    deviates('fhae-of-reply-not-checked') ||
    (second === undefined && verifyAuthenticator(reply.octets, first.offset, association))
  );
}

export type AuthenticationType =
  | typeof extensionType.mobileForeignAuthentication
  | typeof extensionType.foreignHomeAuthentication;

/**
 * The message with an authentication extension behind it (RFC 3344 3.5.1). For deviations, `covered` is what the
 * authenticator is computed over instead of the message; `wrong`: it is turned over.
 */
export function withAuthentication(
  message: Buffer,
  type: AuthenticationType,
  association: SecurityAssociation,
  { covered = message, wrong = false }: { covered?: Buffer; wrong?: boolean } = {},
): Buffer {
  const extension = Buffer.alloc(6 + authenticatorOctets(association.algorithm));
  extension[0] = type;
  extension[1] = extension.length - 2;
  extension.writeUInt32BE(association.spi, 2);
  const authenticator = computeAuthenticator(
    Buffer.concat([covered, extension]),
    covered.length,
    association,
  );
  extension.set(wrong ? authenticator.map((octet) => octet ^ 0xff) : authenticator, 6);
  return Buffer.concat([message, extension]);
}
