/** Packets, patterns and steps in protocol words: the same sentences in verdicts, reports and `dsmip explain`. */
import type { Json, JsonObject, Step } from '../vectors/types.ts';
import type { Decoded, Layer } from '../wire/index.ts';
import { expectedWords, layerName } from './match.ts';

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Layers in words; those of other names are called by them. */
export const layerNames: { readonly [layer: string]: string } = {
  ethernet: 'Ethernet',
  arp: 'ARP',
  ipv4: 'IPv4',
  ipv6: 'IPv6',
  udp: 'UDP',
  icmpEcho: 'ICMP echo',
  icmp: 'ICMP',
  icmpv6Echo: 'ICMPv6 echo',
  icmpv6: 'ICMPv6',
  routerSolicitation: 'ICMP router solicitation',
  routerAdvertisement: 'ICMP router advertisement',
  neighborSolicitation: 'neighbor solicitation',
  neighborAdvertisement: 'neighbor advertisement',
  ipv6RouterSolicitation: 'IPv6 router solicitation',
  ipv6RouterAdvertisement: 'IPv6 router advertisement',
  gre: 'GRE',
  minimalEncapsulation: 'minimal encapsulation',
  udpTunnelData: 'UDP tunnel data',
  registrationRequest: 'registration request',
  registrationReply: 'registration reply',
  payload: 'payload',
};

/** Octets from a device may be anything: only printable ASCII is shown as it is. */
export function harmless(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

function fieldWords(value: Json): string {
  if (isObject(value)) {
    const parts = setWords(value);
    return parts ?? expectedWords(value);
  }
  if (Array.isArray(value)) return `[${value.map(elementWords).join(', ')}]`;
  return harmless(expectedWords(value));
}

/** An extension in a list of them, or one of several alternatives. */
function elementWords(element: Json): string {
  if (!isObject(element)) return fieldWords(element);
  const values = Object.values(element);
  return values.length === 1 && isObject(values[0]) ? entryWords(element) : `{${fieldList(element)}}`;
}

function setWords(value: JsonObject): string | undefined {
  const known = ['has', 'none', 'lacks', 'once', 'order'];
  if (Object.keys(value).length === 0 || !Object.keys(value).every((key) => known.includes(key)))
    return undefined;
  const parts: string[] = [];
  for (const [name, fields] of Object.entries((value.has ?? {}) as JsonObject))
    parts.push(entryWords({ [name]: fields }));
  for (const [name, fields] of Object.entries((value.none ?? {}) as JsonObject)) {
    parts.push(`no ${entryWords({ [name]: fields })}`);
  }
  for (const name of (value.lacks ?? []) as string[]) parts.push(`no ${name}`);
  for (const name of (value.once ?? []) as string[]) parts.push(`${name} exactly once`);
  if (value.order !== undefined) parts.push(`in the order ${(value.order as string[]).join(' < ')}`);
  return `{${parts.join('; ')}}`;
}

function entryWords(entry: JsonObject): string {
  const name = Object.keys(entry)[0] as string;
  const fields = entry[name] as Json;
  if (!isObject(fields) || Object.keys(fields).length === 0) return name;
  return `${name}(${fieldList(fields)})`;
}

const fieldList = (fields: JsonObject): string =>
  Object.entries(fields)
    .filter(([field, value]) => value !== undefined && !(field === 'trailing' && value === ''))
    .map(([field, value]) =>
      field === 'verified'
        ? value === true
          ? 'verifies'
          : 'does not verify'
        : field === 'relayOf'
          ? `the octets of "${String(value)}" up to the mobile-home authentication`
          : `${field} ${fieldWords(value)}`,
    )
    .join(', ');

/** One layer, of a packet or of a pattern. */
export function layerWords(layer: Json): string {
  if (!isObject(layer)) return layer === '...' ? 'any layers' : String(layer);
  const name = Object.keys(layer)[0] as string;
  const fields = layer[name] as Json;
  const shown = layerNames[name] ?? name;
  if (!isObject(fields)) return `${shown} ${fieldWords(fields)}`;
  const { source, destination, ...rest } = fields;
  const ends =
    source === undefined && destination === undefined
      ? ''
      : ` ${source === undefined ? 'any' : fieldWords(source)} > ${destination === undefined ? 'any' : fieldWords(destination)}`;
  const list = fieldList(rest);
  return `${shown}${ends}${list === '' ? '' : ` ${list}`}`;
}

/** A pattern or packet, a line a layer. */
export function packetWords(packet: readonly Json[]): string[] {
  return packet.map(layerWords);
}

const shownFields: { readonly [layer: string]: readonly string[] } = {
  ipv4: ['source', 'destination', 'protocol', 'ttl'],
  ipv6: ['source', 'destination', 'nextHeader', 'hopLimit'],
  udp: ['sourcePort', 'destinationPort'],
};

/** A frame that was seen: its main fields, and where decoding stopped if it did. */
export function seenWords(decoded: Decoded): string[] {
  const lines = decoded.layers
    .filter((layer) => !('ethernet' in layer) || 'arp' in (decoded.layers[1] ?? {}))
    .map((layer: Layer) => {
      const name = layerName(layer);
      const fields = (layer as unknown as JsonObject)[name] as Json;
      const wanted = shownFields[name];
      if (wanted === undefined || !isObject(fields)) return layerWords(layer as unknown as Json);
      return layerWords({
        [name]: Object.fromEntries(wanted.map((field) => [field, fields[field] ?? null])),
      });
    });
  if (decoded.stop !== undefined)
    lines.push(
      `(decoding stopped in ${decoded.stop.layer} at octet ${decoded.stop.offset}: ${harmless(decoded.stop.reason)})`,
    );
  return lines;
}

const joined = (packet: readonly Json[]): string => packetWords(packet).join(' / ');

/** What a step of a vector does, references unfilled: for `dsmip explain` and the steps of a report. */
export function stepWords(step: Step): string {
  switch (step.kind) {
    case 'send':
      return `at ${place(step.at)} send ${joined(step.packet)}${step.tamper.length > 0 ? ` with ${tamperWords(step.tamper)}` : ''}`;
    case 'expect':
      return `at ${place(step.at)} expect ${joined(step.checks[0]?.pattern ?? [])}`;
    case 'silence':
      return `at ${place(step.at)} expect none of: ${step.of.map(joined).join(' | ')}`;
    case 'record':
      return `at ${place(step.at)} record which comes: ${Object.keys(step.options).join(', ')}`;
    case 'wait':
      return `wait until ${fieldWords(step.seconds)} s (and ${fieldWords(step.plus)} s) after "${step.since}"`;
    case 'hook':
      return `have the device ${step.name}`;
    case 'move':
      return `plug the mobile node into another network: ${step.to}`;
    case 'transfer':
      return `transfer ${step.octets} octets by TCP to ${String(step.to)} and back (connection ${step.connection})`;
    case 'survive':
      return `at ${place(step.at)} send hostile input (${step.variants.join(', ')}) made of ${step.packets.map(joined).join(' | ')}, and expect a valid registration to be answered all the same`;
    case 'every':
      return `at ${place(step.at)} expect every packet of ${joined(step.of)} to be ${joined(step.checks[0]?.pattern ?? [])}`;
  }
}

const place = (at: Json): string => (Array.isArray(at) ? at.map(place).join(' and ') : String(at));

const tamperWords = (tamper: JsonObject[]): string =>
  tamper
    .map(
      (one) =>
        `octet ${String(one.octet)} of ${String(one.extension ?? 'the message')} changed by mask ${String(one.mask)}`,
    )
    .join(', ');
