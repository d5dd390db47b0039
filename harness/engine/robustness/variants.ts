/**
 * What hostile input is made of one valid packet: a list of inputs for each kind, always the same for the same packet, so that a recorded
 * run is made of the same ones when it is judged again.
 */

import type { VariantName } from '../../vectors/types.ts';
import { type Extension, encodePacket, type Layer, type Packet } from '../../wire/index.ts';
import { type Datagram, datagramOf, isUdp, linkLength, withBody, withHeader } from './datagram.ts';

/** One thing that is done to a device: a packet, or several that belong together. */
export interface Input {
  /** What is wrong with it, in a few words. */
  name: string;
  /**
   * The octets of its packets in the order in which they leave, made of the valid packet as it would be sent now. Throws EncodeError for
   * what cannot be written at all.
   */
  make(datagram: Datagram, packet: Packet): Uint8Array[];
}

/** Largest packet that is sent, octets from the IP header on: whole on any link, also within a tunnel. */
const mostOctets = 1400;
const repetitions = 50;
const burstPackets = 500;
const incompletes = 100;
/** Types that RFC 3344 and its kin, or the draft's profile, give a meaning are found by decoding; padding is no extension. */
const types = Array.from({ length: 255 }, (_, at) => at + 1);

type Kinds = { readonly [name in VariantName]: (example: Datagram, packet: Packet) => Input[] };

const one = (name: string, make: (datagram: Datagram, packet: Packet) => Uint8Array): Input => ({
  name,
  make: (datagram, packet) => [make(datagram, packet)],
});

type Fields = { [name: string]: unknown };
type Body = { extensions?: Extension[] };

/** The packet with other extensions in its registration message, signed anew by whoever signs. */
function withExtensions(packet: Packet, change: (extensions: Extension[]) => Extension[]): Packet {
  return packet.map((layer): Layer => {
    if ('registrationRequest' in layer)
      return { registrationRequest: changed(layer.registrationRequest, change) };
    if ('registrationReply' in layer) return { registrationReply: changed(layer.registrationReply, change) };
    return layer;
  });
}

const changed = <T extends Body>(message: T, change: (extensions: Extension[]) => Extension[]): T => ({
  ...message,
  extensions: change(message.extensions ?? []),
});

const extensionsOf = (packet: Packet): Extension[] => {
  for (const layer of packet) {
    if ('registrationRequest' in layer) return layer.registrationRequest.extensions ?? [];
    if ('registrationReply' in layer) return layer.registrationReply.extensions ?? [];
  }
  return [];
};

const nameOf = (extension: Extension): string => Object.keys(extension)[0] ?? '';

const isAuthentication = (extension: Extension): boolean => nameOf(extension).endsWith('Authentication');

const encoded = ({ options }: Datagram, packet: Packet): Uint8Array =>
  Uint8Array.from(encodePacket(packet, options));

/** Every extension at each place with its Length octet saying something else. */
function lengths(example: Datagram, packet: Packet): Input[] {
  return extensionsOf(packet).flatMap((extension, at) => {
    const name = nameOf(extension);
    if (name === 'padding') return [];
    const extent = example.extensions[at];
    const right = extent === undefined ? 0 : extent.length - 2;
    const wrong = [0, 1, 2, 3, 4, right - 1, right + 1, right + 2, right * 2, 127, 128, 254, 255];
    return [...new Set(wrong)]
      .filter((length) => length !== right && length >= 0 && length <= 255)
      .map((length) =>
        one(`${name} (number ${at + 1}) with length ${length} instead of ${right}`, (datagram, now) =>
          encoded(
            datagram,
            withExtensions(now, (extensions) =>
              extensions.map((each, index) =>
                index === at
                  ? ({
                      [name]: { ...(each as unknown as { [key: string]: Fields })[name], length },
                    } as unknown as Extension)
                  : each,
              ),
            ),
          ),
        ),
      );
  });
}

function repeated(example: Datagram, packet: Packet): Input[] {
  const room = mostOctets + linkLength(example) - example.octets.length;
  return extensionsOf(packet).map((extension, at) => {
    const own = example.extensions[at]?.length ?? 1;
    const times = Math.max(2, Math.min(repetitions, 1 + Math.floor(room / own)));
    return one(`${nameOf(extension)} ${times} times`, (datagram, now) =>
      encoded(
        datagram,
        withExtensions(now, (extensions) =>
          extensions.flatMap((each, index) => (index === at ? Array<Extension>(times).fill(each) : [each])),
        ),
      ),
    );
  });
}

/** Ahead of the authentication, and behind it. */
function unknownTypes(example: Datagram): Input[] {
  const known = new Set(example.extensions.map(({ type }) => type));
  const isKnown = (type: number): boolean => known.has(type);
  return types
    .filter((type) => !isKnown(type))
    .flatMap((type) => {
      const extension = { unknown: { type, data: 'ffffffff' } } as Extension;
      return [
        one(`an extension of type ${type} before the authentication`, (datagram, now) =>
          encoded(
            datagram,
            withExtensions(now, (extensions) => {
              const from = extensions.findIndex(isAuthentication);
              return from < 0
                ? [...extensions, extension]
                : [...extensions.slice(0, from), extension, ...extensions.slice(from)];
            }),
          ),
        ),
        one(`an empty extension of type ${type} at the end`, (datagram, now) =>
          encoded(
            datagram,
            withExtensions(now, (extensions) => [
              ...extensions,
              { unknown: { type, data: '' } } as Extension,
            ]),
          ),
        ),
      ];
    });
}

function orders(): Input[] {
  const ordered = (name: string, change: (extensions: Extension[]) => Extension[]): Input =>
    one(name, (datagram, now) => encoded(datagram, withExtensions(now, change)));
  return [
    ordered('its extensions in reverse order', (extensions) => [...extensions].reverse()),
    ordered('no extension at all', () => []),
    ordered('no authentication', (extensions) => extensions.filter((each) => !isAuthentication(each))),
    ordered('authentication alone', (extensions) => extensions.filter(isAuthentication)),
    ordered('authentication first', (extensions) => [
      ...extensions.filter(isAuthentication),
      ...extensions.filter((each) => !isAuthentication(each)),
    ]),
    ordered('all extensions twice', (extensions) => [...extensions, ...extensions]),
    ordered('padding between all extensions', (extensions) =>
      extensions.flatMap((each): Extension[] => [{ padding: {} }, each, { padding: {} }]),
    ),
  ];
}

/** Cut short after every octet: with lengths that say so, and with those of the whole. */
function truncated(example: Datagram): Input[] {
  return Array.from({ length: example.body.length }, (_, octets) => [
    one(`cut to ${octets} octets`, (datagram) => withBody(datagram, datagram.body.subarray(0, octets))),
    ...(isUdp(example)
      ? [
          one(`cut to ${octets} octets, while its UDP header says ${example.body.length}`, (datagram) =>
            withHeader(
              datagram,
              'udp',
              { length: 8 + datagram.body.length },
              datagram.body.subarray(0, octets),
            ),
          ),
        ]
      : []),
  ]).flat();
}

/** RFC 791 3.2. The payload of each fragment but the last is a multiple of eight octets. */
function fragments(example: Datagram): Input[] {
  // An Identification of its own for each, so that no two are put together; never zero, which the kernel would fill in.
  const pieces = (
    { octets, head, options }: Datagram,
    identification: number,
    list: { from: number; to: number; at?: number; more?: boolean; junk?: boolean }[],
  ): Uint8Array[] => {
    const link = linkLength(example);
    const payload = octets.subarray(link + 20);
    const outer = head.findIndex((layer) => 'ipv4' in layer);
    return list.map(({ from, to, at = from, more = to < payload.length, junk = false }) => {
      const own = junk ? new Uint8Array(to - from).fill(0xff) : payload.subarray(from, to);
      const layers = head.slice(0, outer + 1).map(
        (layer): Layer =>
          'ipv4' in layer
            ? {
                ipv4: {
                  ...layer.ipv4,
                  protocol: octets[link + 9] ?? 0,
                  identification,
                  moreFragments: more,
                  fragmentOffset: Math.floor(at / 8),
                },
              }
            : layer,
      );
      return Uint8Array.from(
        encodePacket([...layers, { payload: Buffer.from(own).toString('hex') }], options),
      );
    });
  };
  const length = example.octets.length - linkLength(example) - 20;
  const eights = Array.from({ length: Math.ceil(length / 8) }, (_, at) => ({
    from: at * 8,
    to: Math.min(at * 8 + 8, length),
  }));
  const half = Math.max(8, Math.floor(length / 16) * 8);
  const end = { from: half, to: length };
  const kinds: [string, (datagram: Datagram) => Uint8Array[]][] = [
    ['in fragments of eight octets', (datagram) => pieces(datagram, 0x4001, eights)],
    [
      'in fragments of eight octets, the last one first',
      (datagram) => pieces(datagram, 0x4002, [...eights].reverse()),
    ],
    [
      'in fragments, each of them twice',
      (datagram) =>
        pieces(
          datagram,
          0x4003,
          eights.flatMap((each) => [each, each]),
        ),
    ],
    [
      'in fragments that overlap and say the same',
      (datagram) => pieces(datagram, 0x4004, [{ from: 0, to: half + 8, more: true }, end]),
    ],
    [
      'in fragments that overlap and say something else',
      (datagram) =>
        pieces(datagram, 0x4005, [
          { from: 0, to: half, more: true },
          { from: 8, to: half + 8, more: true, junk: true },
          end,
        ]),
    ],
    [
      'in two fragments of which the second lies within the first',
      (datagram) =>
        pieces(datagram, 0x4006, [
          { from: 0, to: half + 8, more: true },
          { from: 8, to: 12, more: false },
        ]),
    ],
    ['its first fragment alone', (datagram) => pieces(datagram, 0x4007, [{ from: 0, to: half, more: true }])],
    ['its last fragment alone', (datagram) => pieces(datagram, 0x4008, [end])],
    ['an empty fragment', (datagram) => pieces(datagram, 0x4009, [{ from: 0, to: 0, more: true }])],
    [
      'in fragments that end beyond 65535 octets',
      (datagram) =>
        pieces(datagram, 0x400a, [
          { from: 0, to: half, more: true },
          { from: half, to: length, at: 65_528, more: false },
        ]),
    ],
    [
      `first fragments of ${incompletes} packets that are never completed`,
      (datagram) =>
        Array.from({ length: incompletes }, (_, at) =>
          pieces(datagram, 0x5000 + at, [{ from: 0, to: half, more: true }]),
        ).flat(),
    ],
  ];
  return kinds.map(([name, make]) => ({ name, make: (datagram) => make(datagram) }));
}

/** Wrong in UDP's header; where the link header is ours, in IP's as well: elsewhere the kernel of the harness mends that. */
function checksums(example: Datagram): Input[] {
  const header = (
    name: string,
    layer: 'ipv4' | 'udp',
    fields: { [field: string]: number | boolean },
  ): Input => one(name, (datagram) => withHeader(datagram, layer, fields));
  const udp = isUdp(example)
    ? [
        one('with a wrong UDP checksum', (datagram) => {
          const octets = Uint8Array.from(datagram.octets);
          const at = datagram.headLength - 1;
          octets[at] = (octets[at] ?? 0) ^ 0x55;
          return octets;
        }),
        header('without a UDP checksum', 'udp', { checksum: 0 }),
        ...[0, 1, 7, 8, 9, 65_535].map((length) => header(`with UDP length ${length}`, 'udp', { length })),
        header('from UDP port 0', 'udp', { sourcePort: 0 }),
      ]
    : [];
  if (linkLength(example) === 0) return udp;
  return [
    ...udp,
    header('with a wrong IP header checksum', 'ipv4', { checksum: 0x5555 }),
    header('with IP header checksum zero', 'ipv4', { checksum: 0 }),
    ...[0, 19, 20, 27, 65_535].map((totalLength) =>
      header(`with IP total length ${totalLength}`, 'ipv4', { totalLength }),
    ),
    ...[0, 1, 4, 6, 15].map((headerLength) =>
      header(`with IP header length ${headerLength}`, 'ipv4', { headerLength }),
    ),
    ...[0, 5, 6, 15].map((version) => header(`with IP version ${version}`, 'ipv4', { version })),
    header('with TTL 0', 'ipv4', { ttl: 0 }),
    header('with the reserved flag', 'ipv4', { reservedFlag: true }),
  ];
}

/** The packet within more and more headers of IP in IP (RFC 2003) and of IPv6 in IPv4 on top, all to the device. */
function nested(example: Datagram): Input[] {
  const room = Math.floor((mostOctets + linkLength(example) - example.octets.length) / 20);
  const depths = [1, 2, 3, 4, 8, 16, 17, 32, 64].filter((depth) => depth <= room);
  const outerOf = (packet: Packet): number => packet.findIndex((layer) => 'ipv4' in layer);
  const within = (packet: Packet, depth: number, fields: object = {}): Packet => {
    const at = outerOf(packet);
    const outer = packet[at];
    if (outer === undefined || !('ipv4' in outer)) return packet;
    const { source, destination } = outer.ipv4;
    const more = Array.from(
      { length: depth },
      (): Layer => ({
        ipv4: {
          ...(source === undefined ? {} : { source }),
          ...(destination === undefined ? {} : { destination }),
          ttl: 64,
          ...fields,
        },
      }),
    );
    return [...packet.slice(0, at), ...more, ...packet.slice(at)];
  };
  return [
    ...depths.map((depth) =>
      one(`within ${depth} ${depth === 1 ? 'tunnel' : 'tunnels'}`, (datagram, now) =>
        encoded(datagram, within(now, depth)),
      ),
    ),
    ...[41, 47, 55, 4].map((protocol) =>
      one(`within a tunnel that says protocol ${protocol}`, (datagram) => {
        const { octets, head, options } = datagram;
        const at = outerOf(head);
        const layers = head
          .slice(0, at + 1)
          .map((layer): Layer => ('ipv4' in layer ? { ipv4: { ...layer.ipv4, protocol } } : layer));
        // What follows is the UDP datagram itself, which is nothing of the kind.
        const payload = Buffer.from(octets.subarray(linkLength(datagram) + 20)).toString('hex');
        return Uint8Array.from(encodePacket([...layers, { payload }], options));
      }),
    ),
    one('within a tunnel with nothing in it', (datagram) => {
      const { head, options } = datagram;
      const at = outerOf(head);
      const layers = head
        .slice(0, at + 1)
        .map((layer): Layer => ('ipv4' in layer ? { ipv4: { ...layer.ipv4, protocol: 4 } } : layer));
      return Uint8Array.from(encodePacket([...layers, { payload: '' }], options));
    }),
  ];
}

const burst = (): Input[] => [
  {
    name: `${burstPackets} of them at once`,
    make: ({ octets }) => Array<Uint8Array>(burstPackets).fill(octets),
  },
];

const kinds: Kinds = {
  valid: () => [one('as it is', ({ octets }) => octets)],
  truncated,
  lengths,
  repeated,
  'unknown-types': unknownTypes,
  orders,
  fragments,
  checksums,
  nested,
  burst,
  // Made by generate.ts, which is given a seed.
  generated: () => [],
};

/** The inputs of a kind that can be made of a packet like this one. */
export function variantsOf(
  kind: Exclude<VariantName, 'generated'>,
  packet: Packet,
  options: Datagram['options'],
): Input[] {
  const example = datagramOf(packet, options);
  return kinds[kind](example, packet).filter((input) => {
    try {
      return input
        .make(example, packet)
        .every((octets) => octets.length - linkLength(example) <= mostOctets + 20);
    } catch {
      // A field that cannot hold the value.
      return false;
    }
  });
}
