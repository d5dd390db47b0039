/** Registration exchanges and advertisements among frames, with what the rules of claims ask of them. */
import type { SeenFrame } from '../../engine/bench.ts';
import {
  agentFlag,
  type Extension,
  type RegistrationReply,
  type RegistrationRequest,
} from '../../wire/index.ts';
import { messageOf } from '../doctor/authenticators.ts';

/** A request and the reply to it at the same port: the same low 32 bits of Identification (RFC 3344 5.7). */
export interface Exchange {
  port: string;
  request: RegistrationRequest;
  /** The device sent the request. */
  isOfDevice: boolean;
  reply?: RegistrationReply;
  /** Of a foreign agent: the request as it came to the home agent's port. */
  relayed?: RegistrationRequest;
}

const lowOf = ({ identification }: RegistrationRequest | RegistrationReply): string | undefined =>
  identification?.slice(8);

/** The exchanges among frames, in the order of the requests. */
export function exchangesIn(frames: readonly SeenFrame[]): Exchange[] {
  const byKey = new Map<string, Exchange>();
  for (const frame of frames) {
    const found = messageOf(frame);
    const low = found === undefined ? undefined : lowOf(found.message);
    if (found === undefined || low === undefined) continue;
    const key = `${frame.port} ${low}`;
    const { message, name } = found;
    const elsewhere = [...byKey.values()].find(
      (one) => one.port !== frame.port && lowOf(one.request) === low && !one.isOfDevice,
    );
    if (name === 'registrationRequest' && !frame.outgoing && elsewhere !== undefined)
      elsewhere.relayed ??= message;
    else if (name === 'registrationRequest' && !byKey.has(key))
      byKey.set(key, { port: frame.port, request: message, isOfDevice: !frame.outgoing });
    const exchange = byKey.get(key);
    // A reply goes the other way than its request.
    if (name === 'registrationReply' && exchange !== undefined && exchange.isOfDevice === frame.outgoing)
      exchange.reply ??= message;
  }
  return [...byKey.values()];
}

export const isAccepted = (reply: RegistrationReply | undefined): boolean =>
  reply?.code === 0 || reply?.code === 1;

/** The first extension of a name. */
export function extensionOf<K extends string>(
  message: RegistrationRequest | RegistrationReply | undefined,
  name: K,
): Extract<Extension, { [name in K]: unknown }>[K] | undefined {
  for (const extension of message?.extensions ?? [])
    if (name in extension) return (extension as unknown as { [name: string]: never })[name];
  return undefined;
}

/** Flags of the agent advertisements (RFC 3344 2.1.1) that came to a port from an address. */
export function advertisedFlags(frames: readonly SeenFrame[], from: string): number | undefined {
  let flags: number | undefined;
  for (const { outgoing, decoded } of frames) {
    const [, ip, message] = decoded.layers;
    if (outgoing || ip === undefined || !('ipv4' in ip) || ip.ipv4.source !== from) continue;
    if (message === undefined || !('routerAdvertisement' in message)) continue;
    for (const extension of message.routerAdvertisement.extensions ?? [])
      if ('mobilityAgentAdvertisement' in extension)
        flags = (flags ?? 0) | (extension.mobilityAgentAdvertisement.flags ?? 0);
  }
  return flags;
}

export const hasFlag = (flags: number, name: keyof typeof agentFlag): boolean =>
  (flags & agentFlag[name]) !== 0;

/** Whether IPv6 in IPv4 came to a port, other than to the correspondent node: a tunnel of the device's. */
export const tunnelsIpv6 = (frames: readonly SeenFrame[]): boolean =>
  frames.some(({ port, outgoing, decoded }) => {
    const [, outer, inner] = decoded.layers;
    return (
      !outgoing &&
      (port === 'mn' || port === 'fa') &&
      outer !== undefined &&
      'ipv4' in outer &&
      inner !== undefined &&
      ('ipv6' in inner || ('ipv4' in inner && decoded.layers.slice(3).some((layer) => 'ipv6' in layer)))
    );
  });
