/** A packet taken apart into what carries it and what it carries, so that the inside can be spoilt and the outside still be right. */
import {
  type EncodeOptions,
  type ExtensionExtent,
  encodePacket,
  extensionExtents,
  type Layer,
  type Packet,
} from '../../wire/index.ts';

export interface Datagram {
  /** The whole of it, as it would be sent unspoilt. */
  octets: Uint8Array;
  /** Layers up to the one that carries the body. */
  head: Packet;
  /** Octets of these layers. */
  headLength: number;
  /** The registration message; of any other packet what its outer IP header carries. */
  body: Uint8Array;
  /** Extensions of a registration message; of anything else none. */
  extensions: ExtensionExtent[];
  options: EncodeOptions;
}

const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

export const isMessage = (layer: Layer): boolean =>
  'registrationRequest' in layer || 'registrationReply' in layer;

/** Throws EncodeError for what cannot be written at all. */
export function datagramOf(packet: Packet, options: EncodeOptions): Datagram {
  const octets = Uint8Array.from(encodePacket(packet, options));
  const message = packet.findIndex(isMessage);
  const carrier = packet.findIndex((layer) => 'ipv4' in layer || 'ipv6' in layer);
  const from = message >= 0 ? message : carrier + 1;
  const head = packet.slice(0, from);
  const headLength = encodePacket([...head, { payload: '' }]).length;
  const body = octets.subarray(headLength);
  return {
    octets,
    head: message >= 0 ? head : withProtocol(head, octets, headLength),
    headLength,
    body,
    extensions:
      message >= 0 ? extensionExtents(body, options.types === undefined ? {} : { types: options.types }) : [],
    options,
  };
}

/** An IP header says itself what follows, where that can no longer be told. */
function withProtocol(head: Packet, octets: Uint8Array, headLength: number): Packet {
  return head.map((layer, at): Layer => {
    if (at !== head.length - 1) return layer;
    if ('ipv4' in layer) return { ipv4: { protocol: octets[headLength - 20 + 9] ?? 0, ...layer.ipv4 } };
    if ('ipv6' in layer) return { ipv6: { nextHeader: octets[headLength - 40 + 6] ?? 0, ...layer.ipv6 } };
    return layer;
  });
}

/** The datagram with another body, its lengths and checksums right. */
export const withBody = ({ head, options }: Datagram, body: Uint8Array): Uint8Array =>
  Uint8Array.from(encodePacket([...head, { payload: hexOf(body) }], options));

/** With other fields in the header that carries the body: wrong ones are written as they are. */
export function withHeader(
  { head, options, body }: Datagram,
  name: 'ipv4' | 'udp',
  fields: { [field: string]: number | boolean },
  own: Uint8Array = body,
): Uint8Array {
  const changed = head.map((layer) =>
    name in layer
      ? ({
          [name]: { ...(layer as unknown as { [name: string]: object })[name], ...fields },
        } as unknown as Layer)
      : layer,
  );
  return Uint8Array.from(encodePacket([...changed, { payload: hexOf(own) }], options));
}

/** Octets before the IP header: those of a link header, where there is one. */
export const linkLength = ({ head }: Pick<Datagram, 'head'>): number =>
  head[0] !== undefined && 'ethernet' in head[0] ? 14 : 0;

/** Whether UDP carries the body. */
export const isUdp = ({ head }: Pick<Datagram, 'head'>): boolean => head.some((layer) => 'udp' in layer);
