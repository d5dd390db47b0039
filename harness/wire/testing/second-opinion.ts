/** What our decoder read, under the names of tshark's fields, so that the two can be compared. */
import type {
  AdvertisementExtension,
  Decoded,
  ExtensionTypes,
  Layer,
  NeighborOption,
  RegistrationReply,
  RegistrationRequest,
} from '../index.ts';
import { cutHere, type Expected, extensionFields } from './second-opinion-extensions.ts';

/** What is to be compared; `cut` says why tshark does not read the rest as the RFCs have it. */
export interface Opinion {
  fields: Expected[];
  cut?: string;
}

/** Where checksums are judged: tshark's `status` fields are 1 (good), 0 (bad) or 2 (not judged). */
function checksumStatus(decoded: Decoded, index: number): boolean {
  return !decoded.findings.some(({ layer, field }) => layer === index && field === 'checksum');
}

/** tshark's protocol for each of our layers, so that the places of headers are compared; none for payload. */
const protocols: Readonly<Record<string, string>> = {
  ethernet: 'eth',
  arp: 'arp',
  ipv4: 'ip',
  ipv6: 'ipv6',
  udp: 'udp',
  icmp: 'icmp',
  icmpEcho: 'icmp',
  routerSolicitation: 'icmp',
  routerAdvertisement: 'icmp',
  icmpv6: 'icmpv6',
  icmpv6Echo: 'icmpv6',
  neighborSolicitation: 'icmpv6',
  neighborAdvertisement: 'icmpv6',
  ipv6RouterSolicitation: 'icmpv6',
  ipv6RouterAdvertisement: 'icmpv6',
  gre: 'gre',
  udpTunnelData: 'mip',
  registrationRequest: 'mip',
  registrationReply: 'mip',
};

/** The expected fields of a whole decoded frame, in the order of its octets. */
export function expectedFields(decoded: Decoded, types: ExtensionTypes): Opinion {
  const headers = decoded.extents.filter(({ path }) => !path.includes('['));
  const fields = decoded.layers.flatMap((layer, index): Expected[] => {
    const header = headers[index];
    const protocol = protocols[header?.path ?? ''];
    const start: Expected[] = protocol === undefined ? [] : [[protocol, undefined, header?.offset ?? -1]];
    return [...start, ...layerFields(layer, decoded, index, types)];
  });
  const cut = fields.findIndex(([name]) => name === cutHere);
  return cut < 0 ? { fields } : { fields: fields.slice(0, cut), cut: String(fields[cut]?.[1]) };
}

function layerFields(layer: Layer, decoded: Decoded, index: number, types: ExtensionTypes): Expected[] {
  const good = checksumStatus(decoded, index);
  if ('ethernet' in layer) {
    const { destination = '', source = '', etherType = 0 } = layer.ethernet;
    return [
      ['eth.dst', destination],
      ['eth.src', source],
      ['eth.type', etherType],
    ];
  }
  if ('arp' in layer) {
    const {
      operation = 0,
      senderMac = '',
      senderAddress = '',
      targetMac = '',
      targetAddress = '',
    } = layer.arp;
    return [
      ['arp.opcode', operation],
      ['arp.src.hw_mac', senderMac],
      ['arp.src.proto_ipv4', senderAddress],
      ['arp.dst.hw_mac', targetMac],
      ['arp.dst.proto_ipv4', targetAddress],
    ];
  }
  if ('ipv4' in layer) {
    const ip = layer.ipv4;
    return [
      ['ip.version', ip.version ?? 0],
      ['ip.hdr_len', (ip.headerLength ?? 0) * 4],
      ['ip.dsfield', ip.typeOfService ?? 0],
      ['ip.len', ip.totalLength ?? 0],
      ['ip.id', ip.identification ?? 0],
      ['ip.flags.rb', ip.reservedFlag ?? false],
      ['ip.flags.df', ip.dontFragment ?? false],
      ['ip.flags.mf', ip.moreFragments ?? false],
      ['ip.frag_offset', ip.fragmentOffset ?? 0],
      ['ip.ttl', ip.ttl ?? 0],
      ['ip.proto', ip.protocol ?? 0],
      ['ip.checksum', ip.checksum ?? 0],
      ['ip.checksum.status', good],
      ['ip.src', ip.source ?? ''],
      ['ip.dst', ip.destination ?? ''],
    ];
  }
  if ('ipv6' in layer) {
    const ip = layer.ipv6;
    return [
      ['ipv6.version', ip.version ?? 0],
      ['ipv6.tclass', ip.trafficClass ?? 0],
      ['ipv6.flow', ip.flowLabel ?? 0],
      ['ipv6.plen', ip.payloadLength ?? 0],
      ['ipv6.nxt', ip.nextHeader ?? 0],
      ['ipv6.hlim', ip.hopLimit ?? 0],
      ['ipv6.src', ip.source ?? ''],
      ['ipv6.dst', ip.destination ?? ''],
    ];
  }
  if ('udp' in layer) {
    const udp = layer.udp;
    return [
      ['udp.srcport', udp.sourcePort ?? 0],
      ['udp.dstport', udp.destinationPort ?? 0],
      ['udp.length', udp.length ?? 0],
      ['udp.checksum', udp.checksum ?? 0],
      // Without a checksum, and in a fragment, there is nothing to judge: tshark's status is then not 0 or 1.
      ...(udp.checksum === 0 || isFragment(decoded) ? [] : ([['udp.checksum.status', good]] as const)),
    ];
  }
  if ('icmp' in layer || 'icmpEcho' in layer) {
    const icmp = 'icmp' in layer ? layer.icmp : layer.icmpEcho;
    const fields: Expected[] = icmpStart('icmp', icmp, good);
    if ('icmpEcho' in layer) {
      fields.push(
        ['icmp.ident', layer.icmpEcho.identifier ?? 0],
        ['icmp.seq', layer.icmpEcho.sequenceNumber ?? 0],
      );
    }
    return fields;
  }
  if ('icmpv6' in layer || 'icmpv6Echo' in layer) {
    const icmp = 'icmpv6' in layer ? layer.icmpv6 : layer.icmpv6Echo;
    const fields: Expected[] = icmpStart('icmpv6', icmp, good);
    if ('icmpv6Echo' in layer) {
      const { identifier = 0, sequenceNumber = 0 } = layer.icmpv6Echo;
      fields.push(['icmpv6.echo.identifier', identifier], ['icmpv6.echo.sequence_number', sequenceNumber]);
    }
    return fields;
  }
  if ('routerSolicitation' in layer)
    return icmpStart('icmp', { type: 10, ...layer.routerSolicitation }, good);
  if ('routerAdvertisement' in layer) {
    const message = layer.routerAdvertisement;
    return [
      ...icmpStart('icmp', { type: 9, ...message }, good),
      ['icmp.num_addrs', message.addressCount ?? 0],
      ['icmp.addr_entry_size', message.addressEntrySize ?? 0],
      ['icmp.lifetime', message.lifetimeSeconds ?? 0],
      ...(message.routers ?? []).flatMap(({ address, preference }): Expected[] => [
        ['icmp.router_address', address],
        ['icmp.pref_level', preference | 0],
      ]),
      ...(message.extensions ?? []).flatMap(advertisementFields),
    ];
  }
  if ('neighborSolicitation' in layer) {
    const message = layer.neighborSolicitation;
    return [
      ...icmpStart('icmpv6', { type: 135, ...message }, good),
      ['icmpv6.nd.ns.target_address', message.target ?? ''],
      ...(message.options ?? []).flatMap(neighborFields),
    ];
  }
  if ('neighborAdvertisement' in layer) {
    const message = layer.neighborAdvertisement;
    return [
      ...icmpStart('icmpv6', { type: 136, ...message }, good),
      ['icmpv6.nd.na.flag.r', message.router ?? false],
      ['icmpv6.nd.na.flag.s', message.solicited ?? false],
      ['icmpv6.nd.na.flag.o', message.override ?? false],
      ['icmpv6.nd.na.flag.rsv', message.reserved ?? 0],
      ['icmpv6.nd.na.target_address', message.target ?? ''],
      ...(message.options ?? []).flatMap(neighborFields),
    ];
  }
  if ('ipv6RouterSolicitation' in layer) {
    const message = layer.ipv6RouterSolicitation;
    return [
      ...icmpStart('icmpv6', { type: 133, ...message }, good),
      ...(message.options ?? []).flatMap(neighborFields),
    ];
  }
  if ('ipv6RouterAdvertisement' in layer) {
    const message = layer.ipv6RouterAdvertisement;
    return [
      ...icmpStart('icmpv6', { type: 134, ...message }, good),
      ['icmpv6.nd.ra.cur_hop_limit', message.currentHopLimit ?? 0],
      ['icmpv6.nd.ra.flag', message.flags ?? 0],
      ['icmpv6.nd.ra.router_lifetime', message.lifetimeSeconds ?? 0],
      ['icmpv6.nd.ra.reachable_time', message.reachableTimeMilliseconds ?? 0],
      ['icmpv6.nd.ra.retrans_timer', message.retransTimerMilliseconds ?? 0],
      ...(message.options ?? []).flatMap(neighborFields),
    ];
  }
  if ('gre' in layer) {
    const gre = layer.gre;
    const fields: Expected[] = [
      ['gre.flags.checksum', gre.checksum !== undefined],
      ['gre.flags.key', gre.key !== undefined],
      ['gre.flags.sequence_number', gre.sequenceNumber !== undefined],
      ['gre.flags.version', gre.version ?? 0],
      ['gre.proto', gre.protocolType ?? 0],
    ];
    if (gre.checksum !== undefined) {
      fields.push(
        ['gre.checksum', gre.checksum],
        ['gre.checksum.status', good],
        ['gre.offset', gre.reserved1 ?? 0],
      );
    }
    if (gre.key !== undefined) fields.push(['gre.key', gre.key]);
    if (gre.sequenceNumber !== undefined) fields.push(['gre.sequence_number', gre.sequenceNumber]);
    return fields;
  }
  if ('minimalEncapsulation' in layer) return [[cutHere, 'minimal encapsulation is not dissected']];
  if ('udpTunnelData' in layer) {
    const { nextHeader = 0, reserved = 0 } = layer.udpTunnelData;
    const fields: Expected[] = [
      ['mip.type', 4],
      ['mip.nattt.nexthdr', nextHeader],
      ['mip.nattt.reserved', reserved],
    ];
    if (nextHeader === 47)
      fields.push([cutHere, 'a UDP tunnel is taken to hold IP whatever its next header']);
    return fields;
  }
  if ('registrationRequest' in layer || 'registrationReply' in layer) {
    const message = 'registrationRequest' in layer ? layer.registrationRequest : layer.registrationReply;
    const start =
      'registrationRequest' in layer ? requestFields(layer.registrationRequest) : replyFields(message);
    const places = decoded.extents.filter(({ path }) => path.includes('.extensions['));
    const extensions = (message.extensions ?? []).flatMap((extension, nth) =>
      extensionFields(extension, types, places[nth]?.offset ?? -1),
    );
    return [...start, ...extensions];
  }
  return [];
}

function isFragment(decoded: Decoded): boolean {
  return decoded.layers.some((layer) => 'ipv4' in layer && layer.ipv4.moreFragments === true);
}

function icmpStart(
  name: 'icmp' | 'icmpv6',
  { type = 0, code = 0, checksum = 0 }: { type?: number; code?: number; checksum?: number },
  good: boolean,
): Expected[] {
  return [
    [`${name}.type`, type],
    [`${name}.code`, code],
    [`${name}.checksum`, checksum],
    [`${name}.checksum.status`, good],
  ];
}

function advertisementFields(extension: AdvertisementExtension): Expected[] {
  if ('onePadding' in extension) return [['icmp.mip.type', 0]];
  if ('prefixLengths' in extension) {
    const { length = 0, lengths = [] } = extension.prefixLengths;
    return [
      ['icmp.mip.type', 19],
      ['icmp.mip.length', length],
      ...lengths.map((prefix): Expected => ['icmp.mip.prefixlength', prefix]),
    ];
  }
  if ('unknown' in extension) {
    const { type, length = 0 } = extension.unknown;
    const fields: Expected[] = [
      ['icmp.mip.type', type],
      ['icmp.mip.length', length],
    ];
    if (type === 16) fields.push([cutHere, 'half a care-of address is read as further extensions']);
    return fields;
  }
  const agent = extension.mobilityAgentAdvertisement;
  const flags = agent.flags ?? 0;
  const names = ['r', 'b', 'h', 'f', 'm', 'g', 'v', 'rt', 'u', 'x'];
  return [
    ['icmp.mip.type', 16],
    ['icmp.mip.length', agent.length ?? 0],
    ['icmp.mip.seq', agent.sequenceNumber ?? 0],
    ['icmp.mip.life', agent.registrationLifetimeSeconds ?? 0],
    ['icmp.mip.flags', flags],
    ...names.map((name, bit): Expected => [`icmp.mip.${name}`, (flags & (0x8000 >> bit)) !== 0]),
    ...(agent.careOfAddresses ?? []).map((address): Expected => ['icmp.mip.coa', address]),
  ];
}

function neighborFields(option: NeighborOption): Expected[] {
  const fields = (type: number, length = 0, ...rest: Expected[]): Expected[] => [
    ['icmpv6.opt.type', type],
    ['icmpv6.opt.length', length],
    ...rest,
  ];
  if ('sourceLinkLayerAddress' in option) {
    const { length, address = '' } = option.sourceLinkLayerAddress;
    return fields(1, length, ['icmpv6.opt.linkaddr', address]);
  }
  if ('targetLinkLayerAddress' in option) {
    const { length, address = '' } = option.targetLinkLayerAddress;
    return fields(2, length, ['icmpv6.opt.linkaddr', address]);
  }
  if ('mtu' in option) return fields(5, option.mtu.length, ['icmpv6.opt.mtu', option.mtu.mtu ?? 0]);
  if ('unknown' in option) return fields(option.unknown.type, option.unknown.length);
  const prefix = option.prefixInformation;
  return fields(
    3,
    prefix.length,
    ['icmpv6.opt.prefix.length', prefix.prefixLength ?? 0],
    ['icmpv6.opt.prefix.flag', prefix.flags ?? 0],
    ['icmpv6.opt.prefix.valid_lifetime', prefix.validLifetimeSeconds ?? 0],
    ['icmpv6.opt.prefix.preferred_lifetime', prefix.preferredLifetimeSeconds ?? 0],
    ['icmpv6.opt.prefix', prefix.prefix ?? ''],
  );
}

function requestFields(request: RegistrationRequest): Expected[] {
  return [
    ['mip.type', 1],
    ['mip.s', request.simultaneousBindings ?? false],
    ['mip.b', request.broadcastDatagrams ?? false],
    ['mip.d', request.decapsulationByMobileNode ?? false],
    ['mip.m', request.minimalEncapsulation ?? false],
    ['mip.g', request.greEncapsulation ?? false],
    ['mip.v', request.reserved ?? false],
    ['mip.t', request.reverseTunneling ?? false],
    ['mip.x', request.reservedX ?? false],
    ['mip.life', request.lifetimeSeconds ?? 0],
    ['mip.homeaddr', request.homeAddress ?? ''],
    ['mip.haaddr', request.homeAgent ?? ''],
    ['mip.coa', request.careOfAddress ?? ''],
    ['mip.ident', { hex: request.identification ?? '' }],
  ];
}

function replyFields(reply: RegistrationReply): Expected[] {
  return [
    ['mip.type', 3],
    ['mip.code', reply.code ?? 0],
    ['mip.life', reply.lifetimeSeconds ?? 0],
    ['mip.homeaddr', reply.homeAddress ?? ''],
    ['mip.haaddr', reply.homeAgent ?? ''],
    ['mip.ident', { hex: reply.identification ?? '' }],
  ];
}
