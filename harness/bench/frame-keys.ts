/** By what a frame belongs to a test: every frame is given to the sessions that have one of its keys. */
import type { SeenFrame } from '../engine/bench.ts';
import { replyIdentification, requestIdentification } from '../engine/frames.ts';
import { type Decoded, decodePacket, type Extension, type Layer } from '../wire/index.ts';

/** Everything by which a frame can belong to a vector: addresses, UDP ports, NAIs, tokens (see identityKeys). */
export function frameKeys(decoded: Decoded): Set<string> {
  const keys = new Set<string>();
  for (const [at, layer] of decoded.layers.entries()) {
    addKeys(layer, keys);
    // An ICMP error concerns whoever sent the packet that it quotes, behind four octets.
    const quoted = decoded.layers[at + 1];
    if (('icmp' in layer || 'icmpv6' in layer) && quoted !== undefined && 'payload' in quoted)
      for (const key of quotedKeys(quoted.payload.slice(8))) keys.add(key);
  }
  return keys;
}

/** What an ICMP error quotes may be no more than the outer header of a tunnel: its Identification tells whose it was. */
function quotedKeys(hex: string): Set<string> {
  const kind = hex.startsWith('4') ? 'ipv4' : hex.startsWith('6') ? 'ipv6' : undefined;
  if (kind === undefined) return new Set();
  const decoded = decodePacket(Uint8Array.from(Buffer.from(hex, 'hex')), kind);
  const keys = frameKeys(decoded);
  for (const layer of decoded.layers) if ('ipv4' in layer) keys.add(`id:${layer.ipv4.identification}`);
  return keys;
}

/** A registration message and its answers have the low 32 bits of Identification in common. */
const registrationKey = (identification: string | undefined): string =>
  `registration:${identification?.slice(8)}`;

/** The key of the registration message in a frame; undefined where there is none. */
export function registrationKeyOf(decoded: Decoded): string | undefined {
  const identification = requestIdentification(decoded) ?? replyIdentification(decoded);
  return identification === undefined ? undefined : registrationKey(identification);
}

/** Keys of the requests that left and were not answered. */
export function owedTo(frames: readonly SeenFrame[]): Set<string> {
  const owed = new Set<string>();
  for (const { outgoing, decoded } of frames) {
    const asked = outgoing ? requestIdentification(decoded) : undefined;
    const answered = outgoing ? undefined : replyIdentification(decoded);
    if (asked !== undefined) owed.add(registrationKey(asked));
    if (answered !== undefined) owed.delete(registrationKey(answered));
  }
  return owed;
}

const naiKey = (extensions: Extension[] | undefined): string | undefined => {
  for (const extension of extensions ?? [])
    if ('mobileNodeNai' in extension) return `nai:${extension.mobileNodeNai.nai}`;
  return undefined;
};

function addKeys(layer: Layer, keys: Set<string>): void {
  const add = (value: string | undefined): void => {
    if (value !== undefined) keys.add(value);
  };
  if ('ipv4' in layer) {
    add(layer.ipv4.source);
    add(layer.ipv4.destination);
  } else if ('ipv6' in layer) {
    add(layer.ipv6.source);
    add(layer.ipv6.destination);
  } else if ('udp' in layer) {
    add(`udp:${layer.udp.sourcePort}`);
    add(`udp:${layer.udp.destinationPort}`);
  } else if ('payload' in layer) {
    if (layer.payload.length >= 16) add(`token:${layer.payload.slice(0, 8)}`);
  } else if ('registrationRequest' in layer) {
    add(layer.registrationRequest.homeAddress);
    add(layer.registrationRequest.careOfAddress);
    add(naiKey(layer.registrationRequest.extensions));
    add(registrationKey(layer.registrationRequest.identification));
  } else if ('registrationReply' in layer) {
    add(layer.registrationReply.homeAddress);
    add(naiKey(layer.registrationReply.extensions));
    add(registrationKey(layer.registrationReply.identification));
  } else if ('arp' in layer) {
    for (const address of [layer.arp.senderAddress, layer.arp.targetAddress]) {
      add(address);
      add(`arp:${address}`);
    }
  } else if ('neighborSolicitation' in layer) {
    add(layer.neighborSolicitation.target);
  } else if ('neighborAdvertisement' in layer) {
    add(layer.neighborAdvertisement.target);
  } else if ('routerAdvertisement' in layer || 'routerSolicitation' in layer) {
    add('advertisement');
  }
}
