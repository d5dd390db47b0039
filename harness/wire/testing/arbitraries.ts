/** Generators of packets for property tests: every layer and every extension, with values in range. */
import fc, { type Arbitrary } from 'fast-check';
import {
  type AdvertisementExtension,
  type Extension,
  formatIpv4,
  formatIpv6,
  formatMac,
  type Layer,
  type NeighborOption,
  type Packet,
  toHex,
} from '../index.ts';

const bits = (count: number): Arbitrary<number> => fc.integer({ min: 0, max: 2 ** count - 1 });
const u8 = bits(8);
const u16 = bits(16);
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const flag = fc.boolean();
const octets = (minLength: number, maxLength: number): Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });
const hex = (minLength: number, maxLength: number): Arbitrary<string> =>
  octets(minLength, maxLength).map((value) => toHex(value));
/** Zero runs are what is special about IPv6 addresses, so they are made frequent. */
const ipv6Octets = fc
  .array(fc.oneof(fc.constant(0), u16), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));
export const ipv4Address = octets(4, 4).map((value) => formatIpv4(value, 0));
export const ipv6Address = ipv6Octets.map((value) => formatIpv6(value, 0));
const mac = octets(6, 6).map((value) => formatMac(value, 0));
/** Text of at most 200 octets in UTF-8. */
const text = fc.string({ unit: 'binary', maxLength: 50 });

/** Every member may be left out, as in a vector. */
function some<T>(fields: { [K in keyof T]: Arbitrary<T[K]> }): Arbitrary<Partial<T>> {
  return fc.record(fields, { requiredKeys: [] }) as Arbitrary<Partial<T>>;
}

function named(name: string, fields: Arbitrary<object>): Arbitrary<never> {
  return fields.map((value) => ({ [name]: value })) as unknown as Arbitrary<never>;
}

const authentication = fc.record({ spi: u32, authenticator: hex(0, 30) });
const vendorFields = { vendor: u32, vendorType: u16, value: hex(0, 60) };

/** Extensions with every name; authenticators are given, so that no association is needed. */
export const extension: Arbitrary<Extension> = fc.oneof(
  named('mobileHomeAuthentication', authentication),
  named('mobileForeignAuthentication', authentication),
  named('foreignHomeAuthentication', authentication),
  named('generalizedAuthentication', fc.record({ subType: u8, spi: u32, authenticator: hex(0, 300) })),
  named('criticalVendor', some({ reserved: u8, ...vendorFields })),
  named('criticalVendor', fc.record({ type: fc.constant(37), ...vendorFields })),
  named('normalVendor', some({ reserved: u16, ...vendorFields })),
  named('normalVendor', fc.record({ type: fc.constant(133), ...vendorFields })),
  named(
    'keyGenerationNonce',
    some({ type: fc.constantFrom(40, 41, 42, 43), subType: u8, data: hex(0, 300) }),
  ),
  named(
    'udpTunnelReply',
    some({ subType: u8, replyCode: u8, force: flag, reserved: bits(15), keepaliveSeconds: u16 }),
  ),
  named('foreignAgentError', some({ subType: u8, status: u8 })),
  named('gfaAddress', some({ reserved: u16, address: ipv4Address })),
  named('greKey', some({ subType: u8, key: u32 })),
  named('encapsulatingDeliveryStyle', fc.constant({})),
  named('mobileNodeNai', some({ nai: text })),
  named('mobileForeignChallenge', some({ challenge: hex(0, 255) })),
  named('naiCarrying', some({ subType: u8, data: hex(0, 254) })),
  named('revocationSupport', some({ flags: u16, timestamp: u32 })),
  named('dynamicHomeAgent', some({ subType: u8, address: ipv4Address })),
  named(
    'udpTunnelRequest',
    some({
      subType: u8,
      reserved1: u8,
      force: flag,
      registrationRequired: flag,
      reserved2: bits(6),
      encapsulation: u8,
      reserved3: u16,
    }),
  ),
  named('messageString', some({ subType: u8, text })),
  named('dualStack', some({ subType: u8, data: hex(0, 40) })),
  named('ipv6HomeAddress', some({ subType: u8, address: ipv6Address })),
  named('ipv6Compatibility', some({ reverseTunnel: flag, reserved: bits(15) })),
  named('ipv6Code', some({ code: u8, reserved: u8 })),
  named('padding', fc.constant({})),
  named(
    'unknown',
    fc.record({ type: fc.constantFrom(1, 31, 35, 49, 126, 128, 150, 250), data: hex(0, 255) }),
  ),
  named('unknown', fc.record({ type: fc.constantFrom(47, 50, 127), subType: u8, data: hex(0, 400) })),
);

const agent = named(
  'mobilityAgentAdvertisement',
  some({
    sequenceNumber: u16,
    registrationLifetimeSeconds: u16,
    flags: u16,
    careOfAddresses: fc.array(ipv4Address, { maxLength: 5 }),
  }),
);
const advertisementExtension: Arbitrary<AdvertisementExtension> = fc.oneof(
  agent,
  named('prefixLengths', some({ lengths: fc.array(u8, { maxLength: 9 }) })),
  named('onePadding', fc.constant({})),
  named('unknown', fc.record({ type: fc.constantFrom(1, 24, 255), data: hex(0, 40) })),
);

const unitsOf8 = fc.integer({ min: 1, max: 4 }).chain((units) => hex(units * 8 - 2, units * 8 - 2));
const neighborOption: Arbitrary<NeighborOption> = fc.oneof(
  named('sourceLinkLayerAddress', some({ address: mac })),
  named('targetLinkLayerAddress', some({ address: mac })),
  named(
    'prefixInformation',
    some({
      prefixLength: u8,
      flags: u8,
      validLifetimeSeconds: u32,
      preferredLifetimeSeconds: u32,
      reserved: u32,
      prefix: ipv6Address,
    }),
  ),
  named('mtu', some({ reserved: u16, mtu: u32 })),
  named('unknown', fc.record({ type: fc.constantFrom(4, 8, 14, 200), data: unitsOf8 })),
);

const extensions = fc.array(extension, { maxLength: 6 });
const options = fc.array(neighborOption, { maxLength: 4 });
const lifetimeSeconds = u16;
const identification = hex(8, 8);

const request: Arbitrary<Layer> = named(
  'registrationRequest',
  some({
    simultaneousBindings: flag,
    broadcastDatagrams: flag,
    decapsulationByMobileNode: flag,
    minimalEncapsulation: flag,
    greEncapsulation: flag,
    reserved: flag,
    reverseTunneling: flag,
    reservedX: flag,
    lifetimeSeconds,
    homeAddress: ipv4Address,
    homeAgent: ipv4Address,
    careOfAddress: ipv4Address,
    identification,
    extensions,
  }),
);
const reply: Arbitrary<Layer> = named(
  'registrationReply',
  some({
    code: u8,
    lifetimeSeconds,
    homeAddress: ipv4Address,
    homeAgent: ipv4Address,
    identification,
    extensions,
  }),
);
/** A registration message alone. */
export const registration: Arbitrary<Layer> = fc.oneof(request, reply);

const payload: Arbitrary<Packet> = hex(1, 60).map((value) => [{ payload: value }]);
const echoFields = { code: u8, identifier: u16, sequenceNumber: u16 };
const icmp: Arbitrary<Packet> = fc.oneof(
  join(named('icmpEcho', some({ type: fc.constantFrom(0, 8), ...echoFields })), payload),
  join(named('icmp', fc.record({ type: fc.constantFrom(3, 5, 11, 30), code: u8 })), payload),
  alone(named('routerSolicitation', some({ code: u8, reserved: u32 }))),
  alone(
    named(
      'routerAdvertisement',
      some({
        code: u8,
        lifetimeSeconds,
        routers: fc.array(fc.record({ address: ipv4Address, preference: u32 }), { maxLength: 3 }),
        extensions: fc.array(advertisementExtension, { maxLength: 4 }),
      }),
    ),
  ),
);
const icmpv6: Arbitrary<Packet> = fc.oneof(
  join(named('icmpv6Echo', some({ type: fc.constantFrom(128, 129), ...echoFields })), payload),
  join(named('icmpv6', fc.record({ type: fc.constantFrom(1, 2, 3, 143), code: u8 })), payload),
  alone(named('neighborSolicitation', some({ code: u8, reserved: u32, target: ipv6Address, options }))),
  alone(
    named(
      'neighborAdvertisement',
      some({
        code: u8,
        router: flag,
        solicited: flag,
        override: flag,
        reserved: bits(29),
        target: ipv6Address,
        options,
      }),
    ),
  ),
  alone(named('ipv6RouterSolicitation', some({ code: u8, reserved: u32, options }))),
  alone(
    named(
      'ipv6RouterAdvertisement',
      some({
        code: u8,
        currentHopLimit: u8,
        flags: u8,
        lifetimeSeconds,
        reachableTimeMilliseconds: u32,
        retransTimerMilliseconds: u32,
        options,
      }),
    ),
  ),
);

const ports = {
  sourcePort: fc.integer({ min: 435, max: 0xffff }),
  destinationPort: u16.filter((port) => port !== 434),
};
const ipv4Fields = {
  typeOfService: u8,
  identification: u16,
  dontFragment: flag,
  ttl: u8,
  source: ipv4Address,
  destination: ipv4Address,
  options: fc.constantFrom('94040000', '0101010100000000'),
};
const ipv6Fields = {
  trafficClass: u8,
  flowLabel: bits(20),
  hopLimit: u8,
  source: ipv6Address,
  destination: ipv6Address,
};
const ipv4 = named('ipv4', some(ipv4Fields));
const ipv6 = named('ipv6', some(ipv6Fields));
const udpTo434 = named('udp', some({ sourcePort: u16, destinationPort: fc.constant(434) }));

function alone(layer: Arbitrary<Layer>): Arbitrary<Packet> {
  return layer.map((value) => [value]);
}

function join(layer: Arbitrary<Layer>, rest: Arbitrary<Packet>): Arbitrary<Packet> {
  return fc.tuple(layer, rest).map(([first, following]) => [first, ...following]);
}

/** IP packets: everything that stands on IP, in up to some four tunnels one in another. */
export const { ipPacket } = fc.letrec<{
  ipPacket: Packet;
  ipv4Packet: Packet;
  ipv6Packet: Packet;
  tunnel: Packet;
}>((tie) => ({
  ipPacket: fc.oneof(tie('ipv4Packet'), tie('ipv6Packet')),
  ipv4Packet: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    join(ipv4, join(named('udp', some(ports)), payload)),
    join(ipv4, join(udpTo434, alone(registration))),
    join(ipv4, icmp),
    join(ipv4, payload),
    join(
      named('ipv4', fc.record({ fragmentOffset: fc.integer({ min: 1, max: 0x1fff }), protocol: u8 })),
      payload,
    ),
    join(ipv4, tie('tunnel')),
  ),
  ipv6Packet: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    join(ipv6, join(named('udp', some(ports)), payload)),
    join(ipv6, icmpv6),
    join(ipv6, payload),
    join(ipv6, tie('tunnel')),
  ),
  tunnel: fc.oneof(
    { depthSize: 'small' },
    tie('ipPacket'),
    join(
      named('gre', some({ checksum: u16, reserved1: u16, key: u32, sequenceNumber: u32, reserved: bits(9) })),
      tie('ipPacket'),
    ),
    join(
      named(
        'minimalEncapsulation',
        some({ reserved: bits(7), destination: ipv4Address, source: ipv4Address }),
      ),
      join(named('udp', some(ports)), payload),
    ),
    join(udpTo434, join(named('udpTunnelData', some({ reserved: u16 })), tie('ipPacket'))),
  ),
}));

/** Frames: ARP and IP packets in Ethernet. */
export const frame: Arbitrary<Packet> = join(
  named('ethernet', some({ destination: mac, source: mac })),
  fc.oneof(
    ipPacket,
    alone(
      named(
        'arp',
        some({
          operation: u16,
          senderMac: mac,
          senderAddress: ipv4Address,
          targetMac: mac,
          targetAddress: ipv4Address,
        }),
      ),
    ),
  ),
);
