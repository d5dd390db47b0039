/** Where each field of a decoded packet stands in its octets: for showing a packet octet by octet. */
import { toHex } from './hex.ts';
import type { Decoded, LayerName } from './types.ts';

/** One field of a layer, an extension or an option. */
export interface FieldExtent {
  /** Index into `layers`. */
  layer: number;
  /** `ttl`, or `extensions[1].ipv6HomeAddress.address`. */
  path: string;
  /** As decoded; hex digits of what the decoder does not give a name of its own. */
  value: unknown;
  offset: number;
  /** Octets, those included of which only some bits are its own. */
  length: number;
  /** Of a field that is not made of whole octets: the first bit, counted from the most significant of the first octet, and how many. */
  bits?: { first: number; count: number };
}

/** Fields in their order: `name:octets`, `name/bits`, `name:*` for what is left, `name:4*` for as many of 4 octets as there are. */
type Layout = string;

const registrationFlags =
  'simultaneousBindings/1 broadcastDatagrams/1 decapsulationByMobileNode/1 minimalEncapsulation/1 greEncapsulation/1 reserved/1 reverseTunneling/1 reservedX/1';
const icmp = 'type:1 code:1 checksum:2';
const echo = `${icmp} identifier:2 sequenceNumber:2`;

const layers: { readonly [K in LayerName]: Layout } = {
  ethernet: 'destination:6 source:6 etherType:2',
  arp: 'hardwareType:2 protocolType:2 hardwareLength:1 protocolLength:1 operation:2 senderMac:6 senderAddress:4 targetMac:6 targetAddress:4',
  ipv4: 'version/4 headerLength/4 typeOfService:1 totalLength:2 identification:2 reservedFlag/1 dontFragment/1 moreFragments/1 fragmentOffset/13 ttl:1 protocol:1 checksum:2 source:4 destination:4 options:*',
  ipv6: 'version/4 trafficClass/8 flowLabel/20 payloadLength:2 nextHeader:1 hopLimit:1 source:16 destination:16',
  udp: 'sourcePort:2 destinationPort:2 length:2 checksum:2',
  icmpEcho: echo,
  icmpv6Echo: echo,
  icmp,
  icmpv6: icmp,
  routerSolicitation: `${icmp} reserved:4`,
  routerAdvertisement: `${icmp} addressCount:1 addressEntrySize:1 lifetimeSeconds:2 routers:8*`,
  neighborSolicitation: `${icmp} reserved:4 target:16`,
  neighborAdvertisement: `${icmp} router/1 solicited/1 override/1 reserved/29 target:16`,
  ipv6RouterSolicitation: `${icmp} reserved:4`,
  ipv6RouterAdvertisement: `${icmp} currentHopLimit:1 flags:1 lifetimeSeconds:2 reachableTimeMilliseconds:4 retransTimerMilliseconds:4`,
  gre: 'checksumPresent/1 routingPresent/1 keyPresent/1 sequenceNumberPresent/1 reserved/9 version/3 protocolType:2',
  minimalEncapsulation: 'protocol:1 sourcePresent/1 reserved/7 checksum:2 destination:4 source:*',
  udpTunnelData: 'type:1 nextHeader:1 reserved:2',
  registrationRequest: `type:1 ${registrationFlags} lifetimeSeconds:2 homeAddress:4 homeAgent:4 careOfAddress:4 identification:8`,
  registrationReply: 'type:1 code:1 lifetimeSeconds:2 homeAddress:4 homeAgent:4 identification:8',
  payload: 'octets:*',
};

const authentication = 'type:1 length:1 spi:4 authenticator:*';
const long = (second: string, rest: string): Layout => `type:1 ${second}:1 length:2 ${rest}`;

/** Extensions of registration messages and of advertisements, and options of neighbor discovery. */
const parts: { readonly [name: string]: Layout } = Object.assign(Object.create(null), {
  mobileHomeAuthentication: authentication,
  mobileForeignAuthentication: authentication,
  foreignHomeAuthentication: authentication,
  generalizedAuthentication: long('subType', 'spi:4 authenticator:*'),
  criticalVendor: long('reserved', 'vendor:4 vendorType:2 value:*'),
  normalVendor: 'type:1 length:1 reserved:2 vendor:4 vendorType:2 value:*',
  keyGenerationNonce: long('subType', 'data:*'),
  udpTunnelReply: 'type:1 length:1 subType:1 replyCode:1 force/1 reserved/15 keepaliveSeconds:2',
  foreignAgentError: 'type:1 length:1 subType:1 status:1',
  gfaAddress: 'type:1 length:1 reserved:2 address:4',
  greKey: long('subType', 'key:4'),
  encapsulatingDeliveryStyle: 'type:1 length:1',
  mobileNodeNai: 'type:1 length:1 nai:*',
  mobileForeignChallenge: 'type:1 length:1 challenge:*',
  naiCarrying: 'type:1 length:1 subType:1 data:*',
  revocationSupport: 'type:1 length:1 flags:2 timestamp:4',
  dynamicHomeAgent: 'type:1 length:1 subType:1 address:4',
  udpTunnelRequest:
    'type:1 length:1 subType:1 reserved1:1 force/1 registrationRequired/1 reserved2/6 encapsulation:1 reserved3:2',
  messageString: 'type:1 length:1 subType:1 text:*',
  dualStack: 'type:1 length:1 subType:1 data:*',
  ipv6HomeAddress: 'type:1 length:1 subType:1 address:16',
  ipv6Compatibility: 'type:1 length:1 reverseTunnel/1 reserved/15',
  ipv6Code: 'type:1 length:1 code:1 reserved:1',
  padding: 'type:1',
  mobilityAgentAdvertisement:
    'type:1 length:1 sequenceNumber:2 registrationLifetimeSeconds:2 flags:2 careOfAddresses:4*',
  prefixLengths: 'type:1 length:1 lengths:1*',
  onePadding: 'type:1',
  sourceLinkLayerAddress: 'type:1 length:1 address:6',
  targetLinkLayerAddress: 'type:1 length:1 address:6',
  prefixInformation:
    'type:1 length:1 prefixLength:1 flags:1 validLifetimeSeconds:4 preferredLifetimeSeconds:4 reserved:4 prefix:16',
  mtu: 'type:1 length:1 reserved:2 mtu:4',
});

type Fields = { readonly [name: string]: unknown };

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const partOf = (layer: unknown, path: string): [name: string, fields: Fields] | undefined => {
  const [, list = '', index = ''] = /\.(extensions|options)\[(\d+)\]$/.exec(path) ?? [];
  const all = isFields(layer) ? layer[list] : undefined;
  const part: unknown = Array.isArray(all) ? all[Number(index)] : undefined;
  const [entry] = isFields(part) ? Object.entries(part) : [];
  return entry !== undefined && isFields(entry[1]) ? [entry[0], entry[1]] : undefined;
};

/** The optional words of a GRE header (RFC 2890) follow from what was decoded. */
const greLayout = (gre: Fields): Layout =>
  [
    layers.gre,
    ...(gre.checksum === undefined ? [] : ['checksum:2 reserved1:2']),
    ...(gre.key === undefined ? [] : ['key:4']),
    ...(gre.sequenceNumber === undefined ? [] : ['sequenceNumber:4']),
  ].join(' ');

const unknownLayout = (fields: Fields): Layout =>
  fields.format === 'long' ? long('subType', 'data:*') : 'type:1 length:1 data:*';

/**
 * The fields of a packet in the order of its octets, the first layer's first. Nothing reaches beyond the octets, whatever was decoded
 * from them; octets that no field claims (trailing ones, padding) are given as `trailing`.
 */
export function fieldExtents(octets: Uint8Array, decoded: Decoded): FieldExtent[] {
  const found: FieldExtent[] = [];
  const extents = decoded.extents;
  let layer = -1;
  for (const [at, extent] of extents.entries()) {
    const end = Math.min(extent.offset + extent.length, octets.length);
    if (/\[\d+\]$/.test(extent.path)) {
      const part = partOf(Object.values(decoded.layers[layer] ?? {})[0], extent.path);
      if (part === undefined) continue;
      const [name, fields] = part;
      const layout = parts[name] ?? unknownLayout(fields);
      const place = `${extent.path.slice(extent.path.indexOf('.') + 1)}.${name}`;
      found.push(...read(octets, layout, { layer, prefix: `${place}.`, fields, at: extent.offset, end }));
      continue;
    }
    layer += 1;
    const [name, fields] = Object.entries(decoded.layers[layer] ?? {})[0] ?? ['payload', ''];
    // A message reaches to its end, with extensions or options within: its own fields end where they begin.
    const inner = extents[at + 1];
    const own = inner?.path.startsWith(`${extent.path}.`) === true ? Math.min(inner.offset, end) : end;
    const layout = name === 'gre' ? greLayout(fields as Fields) : (layers[name as LayerName] ?? 'octets:*');
    found.push(
      ...read(octets, layout, {
        layer,
        prefix: '',
        fields: isFields(fields) ? fields : {},
        at: extent.offset,
        end: own,
      }),
    );
    found.push(...trailing(octets, extents, at, layer));
  }
  return found.sort((a, b) => a.offset - b.offset || (a.bits?.first ?? 0) - (b.bits?.first ?? 0));
}

/** What is left of a message behind its last extension or option. */
function trailing(octets: Uint8Array, extents: Decoded['extents'], at: number, layer: number): FieldExtent[] {
  const extent = extents[at];
  if (extent === undefined) return [];
  const inner = extents
    .slice(at + 1)
    .filter(
      ({ path, offset }) => path.startsWith(`${extent.path}.`) && offset < extent.offset + extent.length,
    );
  const last = inner.at(-1);
  if (last === undefined) return [];
  const offset = last.offset + last.length;
  const length = Math.min(extent.offset + extent.length, octets.length) - offset;
  return length <= 0
    ? []
    : [{ layer, path: 'trailing', value: toHex(octets, offset, offset + length), offset, length }];
}

function read(
  octets: Uint8Array,
  layout: Layout,
  {
    layer,
    prefix,
    fields,
    at,
    end,
  }: { layer: number; prefix: string; fields: Fields; at: number; end: number },
): FieldExtent[] {
  const found: FieldExtent[] = [];
  let bit = at * 8;
  const add = (name: string, bits: number, value: unknown): void => {
    const offset = bit >> 3;
    const length = ((bit + bits + 7) >> 3) - offset;
    if (offset + length > end) return;
    const isWhole = bits % 8 === 0 && bit % 8 === 0;
    found.push({
      layer,
      path: prefix + name,
      value: value ?? (isWhole ? toHex(octets, offset, offset + length) : bitsAt(octets, bit, bits)),
      offset,
      length,
      ...(isWhole ? {} : { bits: { first: bit & 7, count: bits } }),
    });
    bit += bits;
  };
  for (const entry of layout.split(' ')) {
    const [, name = '', unit = ':', size = '*'] = /^(\w+)([:/])(.+)$/.exec(entry) ?? [];
    const left = end - (bit >> 3);
    if (unit === '/') add(name, Number(size), fields[name]);
    else if (size === '*') {
      if (left > 0) add(name, left * 8, fields[name]);
    } else if (size.endsWith('*')) {
      const each = Number.parseInt(size, 10);
      const list = Array.isArray(fields[name]) ? (fields[name] as unknown[]) : [];
      for (const [index, value] of list.entries())
        add(`${name}[${index}]`, each * 8, isFields(value) ? Object.values(value).join(' ') : value);
    } else add(name, Number(size) * 8, fields[name]);
  }
  const left = end - ((bit + 7) >> 3);
  if (left > 0) add('trailing', left * 8, undefined);
  return found;
}

function bitsAt(octets: Uint8Array, first: number, count: number): number {
  let value = 0;
  for (let bit = first; bit < first + count; bit += 1)
    value = value * 2 + (((octets[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
  return value;
}
