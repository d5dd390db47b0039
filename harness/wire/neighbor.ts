import { formatIpv6, formatMac } from './address.ts';
import type { Cursor } from './cursor.ts';
import { EncodeError } from './errors.ts';
import { checkFields, listOf, onlyKey } from './layers.ts';
import type {
  Ipv6RouterAdvertisement,
  Ipv6RouterSolicitation,
  NeighborAdvertisement,
  NeighborOption,
  NeighborSolicitation,
} from './types.ts';
import { checkRange, type Writer } from './writer.ts';

/** ICMPv6 types (RFC 2461 4.1 to 4.4), and the octets before the options. */
const messages = {
  ipv6RouterSolicitation: { type: 133, fixed: 8 },
  ipv6RouterAdvertisement: { type: 134, fixed: 16 },
  neighborSolicitation: { type: 135, fixed: 24 },
  neighborAdvertisement: { type: 136, fixed: 24 },
} as const;
type NeighborMessage = keyof typeof messages;

/** RFC 2461 4.6. */
const optionType = {
  sourceLinkLayerAddress: 1,
  targetLinkLayerAddress: 2,
  prefixInformation: 3,
  mtu: 5,
} as const;

/** RFC 2461 4.1; the checksum is set by `finishIcmpv6`. */
export function encodeIpv6RouterSolicitation(w: Writer, message: Ipv6RouterSolicitation): void {
  encodeStart(w, 'ipv6RouterSolicitation', message);
  w.u32(message.reserved ?? 0, 'ipv6RouterSolicitation.reserved');
  encodeRest(w, message);
}

/** RFC 2461 4.2; the checksum is set by `finishIcmpv6`. */
export function encodeIpv6RouterAdvertisement(w: Writer, message: Ipv6RouterAdvertisement): void {
  encodeStart(w, 'ipv6RouterAdvertisement', message);
  w.u8(message.currentHopLimit ?? 64, 'ipv6RouterAdvertisement.currentHopLimit');
  w.u8(message.flags ?? 0, 'ipv6RouterAdvertisement.flags');
  w.u16(message.lifetimeSeconds ?? 1800, 'ipv6RouterAdvertisement.lifetimeSeconds');
  w.u32(message.reachableTimeMilliseconds ?? 0, 'ipv6RouterAdvertisement.reachableTimeMilliseconds');
  w.u32(message.retransTimerMilliseconds ?? 0, 'ipv6RouterAdvertisement.retransTimerMilliseconds');
  encodeRest(w, message);
}

/** RFC 2461 4.3; the checksum is set by `finishIcmpv6`. */
export function encodeNeighborSolicitation(w: Writer, message: NeighborSolicitation): void {
  encodeStart(w, 'neighborSolicitation', message);
  w.u32(message.reserved ?? 0, 'neighborSolicitation.reserved');
  w.ipv6(message.target ?? '::', 'neighborSolicitation.target');
  encodeRest(w, message);
}

/** RFC 2461 4.4; the checksum is set by `finishIcmpv6`. */
export function encodeNeighborAdvertisement(w: Writer, message: NeighborAdvertisement): void {
  encodeStart(w, 'neighborAdvertisement', message);
  const reserved = message.reserved ?? 0;
  checkRange(reserved, 0x1fffffff, 'neighborAdvertisement.reserved');
  const flags = (message.router ? 4 : 0) + (message.solicited ? 2 : 0) + (message.override ? 1 : 0);
  w.u32(flags * 0x20000000 + reserved, 'neighborAdvertisement.reserved');
  w.ipv6(message.target ?? '::', 'neighborAdvertisement.target');
  encodeRest(w, message);
}

function encodeStart(w: Writer, name: NeighborMessage, message: { code?: number; checksum?: number }): void {
  w.u8(messages[name].type, name);
  w.u8(message.code ?? 0, `${name}.code`);
  w.u16(message.checksum ?? 0, `${name}.checksum`);
}

function encodeRest(w: Writer, message: { options?: NeighborOption[]; trailing?: string }): void {
  for (const option of listOf(message.options, 'options')) encodeOption(w, option);
  if (message.trailing !== undefined) w.hex(message.trailing, 'trailing');
}

function encodeOption(w: Writer, option: NeighborOption): void {
  const name = onlyKey(option, 'neighbor discovery option');
  checkFields((option as unknown as Record<string, unknown>)[name], name);
  const header = w.at;
  if ('sourceLinkLayerAddress' in option || 'targetLinkLayerAddress' in option) {
    const isSource = 'sourceLinkLayerAddress' in option;
    const fields = isSource ? option.sourceLinkLayerAddress : option.targetLinkLayerAddress;
    const type = isSource ? optionType.sourceLinkLayerAddress : optionType.targetLinkLayerAddress;
    w.u16(type << 8, 'linkLayerAddress');
    w.mac(fields.address ?? '00:00:00:00:00:00', 'linkLayerAddress.address');
    finishOption(w, header, fields.length);
  } else if ('prefixInformation' in option) {
    const prefix = option.prefixInformation;
    w.u16(optionType.prefixInformation << 8, 'prefixInformation');
    w.u8(prefix.prefixLength ?? 64, 'prefixInformation.prefixLength');
    w.u8(prefix.flags ?? 0, 'prefixInformation.flags');
    w.u32(prefix.validLifetimeSeconds ?? 0, 'prefixInformation.validLifetimeSeconds');
    w.u32(prefix.preferredLifetimeSeconds ?? 0, 'prefixInformation.preferredLifetimeSeconds');
    w.u32(prefix.reserved ?? 0, 'prefixInformation.reserved');
    w.ipv6(prefix.prefix ?? '::', 'prefixInformation.prefix');
    finishOption(w, header, prefix.length);
  } else if ('mtu' in option) {
    w.u16(optionType.mtu << 8, 'mtu');
    w.u16(option.mtu.reserved ?? 0, 'mtu.reserved');
    w.u32(option.mtu.mtu ?? 0, 'mtu.mtu');
    finishOption(w, header, option.mtu.length);
  } else if ('unknown' in option) {
    w.u8(option.unknown.type, 'unknown.type');
    w.u8(0, 'unknown.length');
    w.hex(option.unknown.data ?? '', 'unknown.data');
    // With a length of its own the option is written as it is; otherwise it is padded to whole units of 8.
    if (option.unknown.length === undefined) w.zeros((8 - ((w.at - header) % 8)) % 8);
    finishOption(w, header, option.unknown.length);
  } else {
    throw new EncodeError('WIRE_NAME', `there is no neighbor discovery option '${name}'`);
  }
}

function finishOption(w: Writer, header: number, length: number | undefined): void {
  w.setU8(header + 1, length ?? (w.at - header) >> 3, 'options.length');
}

/** Whether an ICMPv6 type is one of the four messages read here. */
export function isNeighborMessage(type: number): boolean {
  return type >= messages.ipv6RouterSolicitation.type && type <= messages.neighborAdvertisement.type;
}

/** Read the message at the cursor; gives the name of the layer when there are too few octets for its fixed part. */
export function decodeNeighborMessage(c: Cursor, type: number): NeighborMessage | undefined {
  const name = messageOfType(type);
  const { fixed } = messages[name];
  const start = c.at;
  if (c.end - start < fixed) return name;
  const message = readFixed(c, name);
  c.push(name, { [name]: message } as never, fixed);
  const extent = c.extents[c.extents.length - 1];
  if (extent !== undefined) extent.length = c.end - start;
  decodeOptions(c, name, message);
  c.next = 'payload';
  return undefined;
}

function messageOfType(type: number): NeighborMessage {
  if (type === messages.ipv6RouterSolicitation.type) return 'ipv6RouterSolicitation';
  if (type === messages.ipv6RouterAdvertisement.type) return 'ipv6RouterAdvertisement';
  return type === messages.neighborSolicitation.type ? 'neighborSolicitation' : 'neighborAdvertisement';
}

type AnyNeighborMessage =
  | Ipv6RouterSolicitation
  | Ipv6RouterAdvertisement
  | NeighborSolicitation
  | NeighborAdvertisement;

function readFixed(c: Cursor, name: NeighborMessage): AnyNeighborMessage {
  const code = c.u8(1);
  const checksum = c.u16(2);
  const word = c.u32(4);
  switch (name) {
    case 'ipv6RouterSolicitation':
      return { code, checksum, reserved: word };
    case 'ipv6RouterAdvertisement':
      return {
        code,
        checksum,
        currentHopLimit: c.u8(4),
        flags: c.u8(5),
        lifetimeSeconds: c.u16(6),
        reachableTimeMilliseconds: c.u32(8),
        retransTimerMilliseconds: c.u32(12),
      };
    case 'neighborSolicitation':
      return { code, checksum, reserved: word, target: formatIpv6(c.octets, c.at + 8) };
    case 'neighborAdvertisement':
      return {
        code,
        checksum,
        router: (word & 0x80000000) !== 0,
        solicited: (word & 0x40000000) !== 0,
        override: (word & 0x20000000) !== 0,
        reserved: word & 0x1fffffff,
        target: formatIpv6(c.octets, c.at + 8),
      };
  }
}

function decodeOptions(c: Cursor, name: NeighborMessage, message: AnyNeighborMessage): void {
  const options: NeighborOption[] = [];
  message.options = options;
  while (c.at < c.end) {
    const left = c.end - c.at;
    const length = left < 2 ? 0 : c.u8(1) * 8;
    if (length === 0 || length > left) {
      const reason = length === 0 ? 'an option without a length' : `an option of ${length} octets`;
      c.stop = { offset: c.at, layer: name, reason: `${reason} where ${left} are left` };
      message.trailing = c.hex(c.at, c.end);
      c.at = c.end;
      return;
    }
    options.push(decodeOption(c, options.length));
    c.extents.push({ path: `${name}.options[${options.length - 1}]`, offset: c.at, length });
    c.at += length;
  }
}

function decodeOption(c: Cursor, index: number): NeighborOption {
  const type = c.u8(0);
  const length = c.u8(1);
  const at = c.at;
  if (length === 1 && type === optionType.sourceLinkLayerAddress) {
    return { sourceLinkLayerAddress: { length, address: formatMac(c.octets, at + 2) } };
  }
  if (length === 1 && type === optionType.targetLinkLayerAddress) {
    return { targetLinkLayerAddress: { length, address: formatMac(c.octets, at + 2) } };
  }
  if (length === 1 && type === optionType.mtu) {
    return { mtu: { length, reserved: c.u16(2), mtu: c.u32(4) } };
  }
  if (length === 4 && type === optionType.prefixInformation) {
    return {
      prefixInformation: {
        length,
        prefixLength: c.u8(2),
        flags: c.u8(3),
        validLifetimeSeconds: c.u32(4),
        preferredLifetimeSeconds: c.u32(8),
        reserved: c.u32(12),
        prefix: formatIpv6(c.octets, at + 16),
      },
    };
  }
  for (const [name, known] of Object.entries(optionType)) {
    if (known === type) c.find(`options[${index}]`, `type ${type} with length ${length} is no ${name}`);
  }
  return { unknown: { type, length, data: c.hex(at + 2, at + length * 8) } };
}
