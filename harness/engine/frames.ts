/** Small questions about decoded frames and patterns. */
import type { Json, JsonObject, Pattern } from '../vectors/types.ts';
import type { Decoded } from '../wire/index.ts';
import type { SeenFrame } from './bench.ts';

export function replyIdentification(decoded: Decoded): string | undefined {
  for (const layer of decoded.layers)
    if ('registrationReply' in layer) return layer.registrationReply.identification;
  return undefined;
}

export function requestIdentification(decoded: Decoded): string | undefined {
  for (const layer of decoded.layers)
    if ('registrationRequest' in layer) return layer.registrationRequest.identification;
  return undefined;
}

export function replyCode(decoded: Decoded): number | undefined {
  for (const layer of decoded.layers) if ('registrationReply' in layer) return layer.registrationReply.code;
  return undefined;
}

export const isRequest = (decoded: Decoded): boolean => requestIdentification(decoded) !== undefined;

/** Identification and UDP port of the newest request that came: `c3a1b2c3d4e5f601:49153`. */
export function newestRequest(frames: readonly SeenFrame[]): string | undefined {
  for (let at = frames.length - 1; at >= 0; at -= 1) {
    const { outgoing, decoded } = frames[at] as SeenFrame;
    const identification = outgoing ? undefined : requestIdentification(decoded);
    if (identification === undefined) continue;
    const udp = decoded.layers.find((layer) => 'udp' in layer);
    return `${identification}:${udp !== undefined && 'udp' in udp ? udp.udp.sourcePort : 0}`;
  }
  return undefined;
}

/** Whether an accepting reply to this request has been seen, wherever: the low half of their Identification is the same (RFC 3344 5.7). */
export function isAccepted(frames: readonly SeenFrame[], request: SeenFrame): boolean {
  const low = requestIdentification(request.decoded)?.slice(8);
  if (low === undefined) return false;
  return frames.some(({ timeNs, decoded }) =>
    decoded.layers.some(
      (layer) =>
        timeNs >= request.timeNs &&
        'registrationReply' in layer &&
        (layer.registrationReply.code === 0 || layer.registrationReply.code === 1) &&
        layer.registrationReply.identification?.slice(8) === low,
    ),
  );
}

export function udpDestination(decoded: Decoded): number | undefined {
  for (const layer of decoded.layers) if ('udp' in layer) return layer.udp.destinationPort;
  return undefined;
}

/** The same, to the same link-layer address, but for what routers change in the outer IP header. ARP and the like: the same octets. */
export function sameDatagram(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < 6; at += 1) if (a[at] !== b[at]) return false;
  const etherType = ((a[12] ?? 0) << 8) | (a[13] ?? 0);
  // IPv4: from the protocol on, less the header checksum; IPv6: from the addresses on.
  const skip = etherType === 0x0800 ? [23, 24, 26] : etherType === 0x86dd ? [20, 21, 22] : [0, 0, 0];
  const [first = 0, hole = 0, rest = 0] = skip;
  for (let at = first; at < a.length; at += 1) {
    if (at >= hole && at < rest) continue;
    if (a[at] !== b[at]) return false;
  }
  return true;
}

/** The same packet once more: whoever encapsulates it numbers it anew, whoever forwards it counts down. */
export function isSamePacket(a: Decoded, b: Decoded): boolean {
  const kept = ({ layers }: Decoded): string =>
    JSON.stringify(
      layers.map((layer) => {
        if ('ipv4' in layer) return { ipv4: { ...layer.ipv4, identification: 0, ttl: 0, checksum: 0 } };
        if ('ipv6' in layer) return { ipv6: { ...layer.ipv6, hopLimit: 0 } };
        return layer;
      }),
    );
  return kept(a) === kept(b);
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const asksForReply = (pattern: Pattern): boolean =>
  pattern.some((layer) => isObject(layer) && 'registrationReply' in layer);

export const asksForRequest = (pattern: Pattern): boolean =>
  pattern.some((layer) => isObject(layer) && 'registrationRequest' in layer);

export const asksForIcmp = (pattern: Pattern): boolean =>
  pattern.some((layer) => isObject(layer) && ('icmp' in layer || 'icmpv6' in layer));

/** Whether it is an ICMP message other than those that have a layer of their own (echo, discovery). */
export const isIcmpError = (decoded: Decoded): boolean =>
  decoded.layers.some((layer) => 'icmp' in layer || 'icmpv6' in layer);

/** What tells a packet of a test from all others: the payload that its pattern names, or has to contain. */
export function tokenOf(pattern: Pattern): string | undefined {
  for (const layer of pattern) {
    const payload = isObject(layer) ? layer.payload : undefined;
    if (typeof payload === 'string') return payload;
    if (isObject(payload) && typeof payload.contains === 'string') return payload.contains;
  }
  return undefined;
}

export function payloadOf(decoded: Decoded): string | undefined {
  const last = decoded.layers.at(-1);
  return last !== undefined && 'payload' in last ? last.payload : undefined;
}

/** Payloads of the frames at each port, whichever way they went; for what TCP carries its checksum is left out, as interfaces fill it in. */
export class SeenPayloads {
  private readonly ports = new Map<string, Set<string>>();
  private looked = 0;

  has(frames: readonly SeenFrame[], port: string, payload: string): boolean {
    for (; this.looked < frames.length; this.looked += 1) {
      const frame = frames[this.looked] as SeenFrame;
      const seen = payloadOf(frame.decoded);
      if (seen === undefined) continue;
      const set = this.ports.get(frame.port) ?? new Set();
      this.ports.set(frame.port, set.add(withoutTcpChecksum(seen)));
    }
    return this.ports.get(port)?.has(withoutTcpChecksum(payload)) === true;
  }
}

/** RFC 793 3.1: the 17th and 18th octet of a header of 20 at least. */
const withoutTcpChecksum = (hex: string): string =>
  hex.length < 40 ? hex : `${hex.slice(0, 32)}${hex.slice(36)}`;

/** `registrationReply.lifetimeSeconds`, `registrationReply.extensions.ipv6HomeAddress.address`. */
export function valueAt(decoded: Decoded, path: string): Json | undefined {
  const [name, ...rest] = path.split('.') as [string, ...string[]];
  const layer = decoded.layers.find((one) => name in one) as unknown as JsonObject | undefined;
  let value: Json | undefined = layer?.[name];
  for (const part of rest) {
    if (Array.isArray(value))
      value = (value.find((entry) => isObject(entry) && part in entry) as JsonObject | undefined)?.[part];
    else value = isObject(value) ? value[part] : undefined;
  }
  return value;
}
