import { encodeRouterAdvertisement, encodeRouterSolicitation } from './agent-discovery.ts';
import type { NetworkAddresses } from './checksum.ts';
import { Cursor, type Next } from './cursor.ts';
import { EncodeError } from './errors.ts';
import { decodeArp, decodeEthernet, encodeArp, encodeEthernet } from './ethernet.ts';
import { defaultExtensionTypes } from './extension-types.ts';
import { decodeIcmp, decodeIcmpv6, encodeEcho, encodeIcmp, finishIcmp, finishIcmpv6 } from './icmp.ts';
import { decodeIpv4, decodeIpv6, encodeIpv4, encodeIpv6, finishIpv4, finishIpv6 } from './ip.ts';
import { checkFields, listOf, onlyKey } from './layers.ts';
import {
  encodeIpv6RouterAdvertisement,
  encodeIpv6RouterSolicitation,
  encodeNeighborAdvertisement,
  encodeNeighborSolicitation,
} from './neighbor.ts';
import {
  decodeRegistrationReply,
  decodeRegistrationRequest,
  encodeRegistrationReply,
  encodeRegistrationRequest,
  messageType,
} from './registration.ts';
import {
  decodeGre,
  decodeMinimalEncapsulation,
  decodeUdpTunnelData,
  encodeGre,
  encodeMinimalEncapsulation,
  encodeUdpTunnelData,
  finishGre,
  finishMinimalEncapsulation,
} from './tunnel.ts';
import type { Decoded, DecodeOptions, EncodeOptions, Layer, LayerName, Packet } from './types.ts';
import { decodeUdp, encodeUdp, finishUdp } from './udp.ts';
import { Writer } from './writer.ts';

const decoders: { readonly [K in Exclude<Next, 'message' | 'payload'>]: (c: Cursor) => void } = {
  ethernet: decodeEthernet,
  arp: decodeArp,
  ipv4: decodeIpv4,
  ipv6: decodeIpv6,
  udp: decodeUdp,
  icmp: decodeIcmp,
  icmpv6: decodeIcmpv6,
  gre: decodeGre,
  minimalEncapsulation: decodeMinimalEncapsulation,
};

/** More layers than any tunnel here has; deeper nesting is somebody's attempt to exhaust the decoder. */
export const maximumLayers = 16;

type LayerOf<K extends LayerName> = Extract<Layer, Record<K, unknown>>[K];

/** How one layer is written: its own octets first, then, innermost first, what depends on those behind it. */
interface LayerCodec<Fields> {
  encode(
    w: Writer,
    fields: Fields,
    following: LayerName | undefined,
    network: NetworkAddresses | undefined,
    options: EncodeOptions,
    // biome-ignore lint/suspicious/noConfusingVoidType: a codec without addresses of its own returns nothing.
  ): NetworkAddresses | undefined | void;
  finish?(w: Writer, fields: Fields, start: number, network: NetworkAddresses | undefined): void;
}

const codecs: { readonly [K in LayerName]: LayerCodec<LayerOf<K>> } = {
  ethernet: { encode: encodeEthernet },
  arp: { encode: encodeArp },
  ipv4: { encode: encodeIpv4, finish: finishIpv4 },
  ipv6: { encode: encodeIpv6, finish: finishIpv6 },
  udp: { encode: encodeUdp, finish: finishUdp },
  icmpEcho: { encode: (w, fields) => encodeEcho(w, fields, 8, 'icmpEcho'), finish: finishIcmp },
  icmp: { encode: (w, fields) => encodeIcmp(w, fields, 'icmp'), finish: finishIcmp },
  routerSolicitation: { encode: encodeRouterSolicitation, finish: finishIcmp },
  routerAdvertisement: { encode: encodeRouterAdvertisement, finish: finishIcmp },
  icmpv6Echo: { encode: (w, fields) => encodeEcho(w, fields, 128, 'icmpv6Echo'), finish: finishIcmpv6 },
  icmpv6: { encode: (w, fields) => encodeIcmp(w, fields, 'icmpv6'), finish: finishIcmpv6 },
  neighborSolicitation: { encode: encodeNeighborSolicitation, finish: finishIcmpv6 },
  neighborAdvertisement: { encode: encodeNeighborAdvertisement, finish: finishIcmpv6 },
  ipv6RouterSolicitation: { encode: encodeIpv6RouterSolicitation, finish: finishIcmpv6 },
  ipv6RouterAdvertisement: { encode: encodeIpv6RouterAdvertisement, finish: finishIcmpv6 },
  gre: { encode: encodeGre, finish: finishGre },
  minimalEncapsulation: { encode: encodeMinimalEncapsulation, finish: finishMinimalEncapsulation },
  udpTunnelData: { encode: encodeUdpTunnelData },
  registrationRequest: {
    encode: (w, fields, _following, _network, options) => encodeRegistrationRequest(w, fields, options),
  },
  registrationReply: {
    encode: (w, fields, _following, _network, options) => encodeRegistrationReply(w, fields, options),
  },
  payload: { encode: (w, octets) => w.hex(octets, 'payload') },
};
/** By names from outside, so without a prototype: there is no layer `constructor`. */
const anyCodecs: { readonly [name: string]: LayerCodec<unknown> | undefined } = Object.assign(
  Object.create(null),
  codecs,
);

/** Reused: encoding neither waits nor calls back, so there is never more than one at a time. */
const writer = new Writer();

/**
 * The octets of a packet: layers outermost first, the first of any kind. What a layer leaves out (next protocol, lengths,
 * checksums, authenticators) is computed; what it gives is written as it is, right or wrong.
 * Throws EncodeError for what cannot be written at all.
 */
export function encodePacket(packet: Packet, options: EncodeOptions = {}): Uint8Array {
  const w = writer;
  w.at = 0;
  const count = packet.length;
  const names: LayerName[] = [];
  for (const layer of listOf(packet, 'packet')) names.push(onlyKey(layer, 'layer') as LayerName);
  if (options.tamper !== undefined && !names.some(isRegistration)) {
    throw new EncodeError('WIRE_TAMPER', 'tamper: the packet carries no registration message');
  }
  const starts: number[] = [];
  const networks: (NetworkAddresses | undefined)[] = [];
  let network: NetworkAddresses | undefined;
  for (let index = 0; index < count; index++) {
    const name = names[index] as LayerName;
    const codec = anyCodecs[name];
    if (codec === undefined) throw new EncodeError('WIRE_NAME', `there is no layer '${name}'`);
    starts.push(w.at);
    const fields = (packet[index] as Record<string, unknown>)[name];
    if (name !== 'payload') checkFields(fields, name);
    const own = codec.encode(w, fields, names[index + 1], network, options);
    if (own !== undefined) network = own;
    networks.push(network);
  }
  for (let index = count - 1; index >= 0; index--) {
    const name = names[index] as LayerName;
    const fields = (packet[index] as Record<string, unknown>)[name];
    anyCodecs[name]?.finish?.(w, fields, starts[index] as number, networks[index]);
  }
  return w.result();
}

function isRegistration(name: LayerName): boolean {
  return name === 'registrationRequest' || name === 'registrationReply';
}

/** The octets of a registration message alone, that is, of the UDP payload. Throws EncodeError. */
export function encodeMessage(layer: Layer, options: EncodeOptions = {}): Uint8Array {
  return encodePacket([layer], options);
}

/** Read a packet that begins with the layer `first`. Never throws, whatever the octets. */
export function decodePacket(
  octets: Uint8Array,
  first: 'ethernet' | 'ipv4' | 'ipv6',
  options: DecodeOptions = {},
): Decoded {
  return decode(octets, first, options);
}

/** Read the payload of a UDP datagram on port 434. Never throws, whatever the octets. */
export function decodeMessage(octets: Uint8Array, options: DecodeOptions = {}): Decoded {
  return decode(octets, 'message', options);
}

function decode(octets: Uint8Array, first: Next, options: DecodeOptions): Decoded {
  const c = new Cursor(octets, first, options.types ?? defaultExtensionTypes, options.requestPorts);
  while (c.next !== 'payload') {
    if (c.layers.length >= maximumLayers) c.halt(c.next, `more than ${maximumLayers} layers`);
    else decodeNext(c);
  }
  if (c.at < c.end) c.push('payload', { payload: c.hex(c.at, c.end) }, c.end - c.at);
  return c.result();
}

function decodeNext(c: Cursor): void {
  if (c.next === 'message') decodeMobileIp(c);
  else if (c.next !== 'payload') decoders[c.next](c);
}

/** What travels on UDP port 434 is told apart by its first octet; other messages than these three stay payload. */
function decodeMobileIp(c: Cursor): void {
  const type = c.at < c.end ? c.u8(0) : undefined;
  if (type === messageType.registrationRequest) decodeRegistrationRequest(c);
  else if (type === messageType.registrationReply) decodeRegistrationReply(c);
  else if (type === messageType.udpTunnelData) decodeUdpTunnelData(c);
  else c.next = 'payload';
}
