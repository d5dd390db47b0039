import { requestFlag } from '../common/messages.ts';
import { type Arrival, type Request, replyCode } from './message.ts';

/** The outcome of RFC 3519 4.6: a UDP tunnel agreed or declined, or the code that denies the registration. */
export interface NatTraversal {
  denial?: number;
  tunnel?: { address: number; port: number };
  force: boolean;
  /** The UDP Tunnel Reply stands where the request stood: before the MHAE for the mobile node, behind it for the agent. */
  isFromMobileNode: boolean;
}

/** Proposed to the other end (RFC 3519 3.2). */
export const keepaliveSeconds = 110;

/** Judge the UDP Tunnel Request of a registration request, if it has one. */
export function negotiateNatTraversal(arrival: Arrival, request: Request): NatTraversal | undefined {
  const asked = request.udpTunnelRequest;
  if (asked === undefined) {
    return undefined;
  }
  const isFromMobileNode = asked.offset < (request.mobileHome[0]?.offset ?? 0);
  const isCoLocated = (request.flags & requestFlag.decapsulationByMobileNode) !== 0;
  const result = { force: asked.force, isFromMobileNode };
  if (isFromMobileNode !== isCoLocated || asked.reserved3 !== 0) {
    return { ...result, denial: replyCode.poorlyFormedRequest };
  }
  // 0 and 4: IP-in-IP; GRE and minimal encapsulation inside UDP are not done.
  if (asked.encapsulation !== 0 && asked.encapsulation !== 4) {
    return { ...result, denial: replyCode.udpEncapsulationUnavailable };
  }
  const isTranslated = arrival.source !== request.careOfAddress;
  return isTranslated || asked.force
    ? { ...result, tunnel: { address: arrival.source, port: arrival.sourcePort } }
    : result;
}
