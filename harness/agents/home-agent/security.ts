import { randomInt } from 'node:crypto';
import { type SecurityAssociation, verifyAuthenticator } from '../../wire/index.ts';
import type { Found } from '../common/messages.ts';
import type { MobileNode } from './bindings.ts';
import type { Deviates } from './deviations.ts';
import type { Request } from './message.ts';

const lowBits = 0xffffffffn;
/** RFC 3344 3.8.2.1 a: exactly one valid MHAE. */
export function isMobileAuthenticated(
  request: Request,
  association: SecurityAssociation,
  deviates: Deviates,
): boolean {
  const [first, second] = request.mobileHome;
  if (first === undefined) {
    return deviates('missing-mhae-accepted');
  }
  if (second !== undefined && !deviates('two-mhae-accepted')) {
    return false;
  }
  if (verifyAuthenticator(request.octets, first.offset, association) || deviates('mhae-not-checked')) {
    return true;
  }
  if (deviates('mhae-spi-not-checked')) {
    const spi = request.octets.readUInt32BE(first.offset + 2);
    if (first.length === 22 && verifyAuthenticator(request.octets, first.offset, { ...association, spi })) {
      return true;
    }
  }
  return alteredRegions(request, first, deviates).some(([start, end]) =>
    isValidWithOneOctetRestored(request.octets, first.offset, association, start, end),
  );
}

/** The regions of the request that a deviation leaves out of the check: from the first octet up to the second. */
function alteredRegions(request: Request, mhae: Found, deviates: Deviates): [number, number][] {
  const regions: [number, number][] = [];
  if (deviates('accepts-altered-header')) {
    regions.push([1, 24]);
  }
  for (const item of request.extensions) {
    if (item.offset < mhae.offset && item.length > 2) {
      const isNai = item.type === 131;
      const isAddress = item.length === 19 && item.type >= 128 && !isNai;
      if (
        (isNai && deviates('accepts-altered-nai')) ||
        (isAddress && deviates('accepts-altered-ipv6-home-address'))
      ) {
        regions.push([item.offset + 2, item.offset + item.length]);
      }
    }
  }
  return regions;
}

/**
 * Whether the authenticator fits once some octet of the region is changed: how a deviation that does not protect the
 * region still tells an altered region from a wrong key. Runs on requests that failed only.
 */
function isValidWithOneOctetRestored(
  octets: Buffer,
  offset: number,
  association: SecurityAssociation,
  start: number,
  end: number,
): boolean {
  const copy = Buffer.from(octets);
  const masks = [1, 2, 4, 8, 16, 32, 64, 128, 255];
  const others = Array.from({ length: 254 }, (_, index) => index + 1).filter((mask) => !masks.includes(mask));
  return [...masks, ...others].some((mask) => {
    for (let index = start; index < end; index++) {
      copy[index] = (octets[index] ?? 0) ^ mask;
      const fits = verifyAuthenticator(copy, offset, association);
      copy[index] = octets[index] ?? 0;
      if (fits) {
        return true;
      }
    }
    return false;
  });
}

/** RFC 3344 3.8.2.1 c: exactly one valid FHAE, behind the MHAE. */
export function isForeignAgentAuthenticated(
  request: Request,
  association: SecurityAssociation,
  deviates: Deviates,
): boolean {
  const [first, second] = request.foreignHome;
  if (first === undefined) {
    return deviates('fhae-not-demanded');
  }
  if (deviates('fhae-not-checked')) {
    return true;
  }
  if (second !== undefined || first.offset < (request.mobileHome[0]?.offset ?? 0)) {
    return false;
  }
  if (verifyAuthenticator(request.octets, first.offset, association)) {
    return true;
  }
  const start = request.compatibility?.offset;
  return (
    start !== undefined &&
    deviates('accepts-altered-compatibility') &&
    isValidWithOneOctetRestored(request.octets, first.offset, association, start + 2, start + 4)
  );
}

/** What the Identification field of the reply becomes, and whether the request's was right (RFC 3344 5.7). */
export interface IdentificationResult {
  accepted: boolean;
  reply: bigint;
}

/** Check the Identification of an authenticated request and remember it. */
export function checkIdentification(
  request: Request,
  mobile: MobileNode,
  ntpNow: bigint,
  toleranceSeconds: number,
  deviates: Deviates,
): IdentificationResult {
  return mobile.replay === 'nonces'
    ? checkNonce(request, mobile, deviates)
    : checkTimestamp(request, mobile, ntpNow, toleranceSeconds, deviates);
}

function checkTimestamp(
  request: Request,
  mobile: MobileNode,
  ntpNow: bigint,
  toleranceSeconds: number,
  deviates: Deviates,
): IdentificationResult {
  const { identification } = request;
  const difference = identification > ntpNow ? identification - ntpNow : ntpNow - identification;
  const isClose =
    difference <= (BigInt(Math.round(toleranceSeconds * 1000)) * 0x100000000n) / 1000n ||
    deviates('timestamp-not-compared-with-clock');
  const isNew = identification > mobile.lastIdentification || deviates('replay-accepted');
  if (isClose && isNew) {
    mobile.lastIdentification = identification;
    return { accepted: true, reply: identification };
  }
  return { accepted: false, reply: mismatchReply(identification, ntpNow, deviates) };
}

/** The low 32 bits of the request under the agent's clock, or as a deviation has it. */
function mismatchReply(identification: bigint, ntpNow: bigint, deviates: Deviates): bigint {
  return deviates('mismatch-without-clock')
    ? identification
    : (ntpNow & ~lowBits) | (identification & lowBits);
}

/** RFC 3344 5.7.2. The first request of a mobile node has no nonce to repeat and is told one with code 133. */
function checkNonce(request: Request, mobile: MobileNode, deviates: Deviates): IdentificationResult {
  const accepted = mobile.nonce !== 0 && Number(request.identification >> 32n) === mobile.nonce;
  if (!accepted && mobile.nonce !== 0 && deviates('mismatch-without-nonce')) {
    return { accepted, reply: request.identification };
  }
  if (mobile.nonce === 0 || request.ipv6HomeAddress !== undefined || !deviates('nonce-not-renewed')) {
    mobile.nonce = freshNonce(mobile.nonce);
  }
  return { accepted, reply: (BigInt(mobile.nonce) << 32n) | (request.identification & lowBits) };
}

function freshNonce(previous: number): number {
  const nonce = randomInt(1, 0x100000000);
  return nonce === previous ? freshNonce(previous) : nonce;
}

/** The Identification of a reply to a request that was not authenticated: nothing is remembered of it. */
export function unauthenticatedIdentification(
  request: Request,
  mobile: MobileNode | undefined,
  ntpNow: bigint,
): bigint {
  const high = mobile?.replay === 'nonces' ? BigInt(mobile.nonce) << 32n : ntpNow & ~lowBits;
  return high | (request.identification & lowBits);
}
