/**
 * Devices as one meets them, each played by a reference home agent behind a middle box that spoils what it says, or by one that the
 * profile describes wrongly.
 */
import type { Profile } from '../../vectors/profile.ts';
import { addressPlus, type Decoded, decodePacket, encodePacket, type Layer } from '../../wire/index.ts';
import type { Behaviour, MiddleBox, Treatment } from './middle-box.ts';

export interface StandIn {
  behaviour?(box: MiddleBox, profile: Profile): Behaviour;
  /** It behaves so from the first test on, and is as it should be while it is warmed up and examined. */
  fromFirstTest?: boolean;
  /** What the profile says of it. */
  profile?(right: Profile): Profile;
  /** Packets a second that it sends of its own accord, and to whom. */
  flood?: { packetsPerSecond: number; to(profile: Profile): string };
}

const mobileIpPort = 434;
const hourSeconds = 3600;

type Message = Extract<Layer, { registrationRequest: unknown } | { registrationReply: unknown }>;

const decode = (frame: Uint8Array): Decoded => decodePacket(frame, 'ethernet');

const isReply = ({ layers }: Decoded): boolean => layers.some((layer) => 'registrationReply' in layer);

/** The payload of a UDP datagram from the registration port begins here; undefined for anything else. */
function payloadOffset({ layers, extents }: Decoded): number | undefined {
  const isFromAgent = layers.some((layer) => 'udp' in layer && layer.udp.sourcePort === mobileIpPort);
  const udp = extents.find(({ path }) => path === 'udp');
  return isFromAgent && udp !== undefined ? udp.offset + udp.length : undefined;
}

/** For replies alone. */
const replies =
  (treatment: Treatment): Treatment =>
  (frame, pass, answer) =>
    isReply(decode(frame)) ? treatment(frame, pass, answer) : pass(frame);

/** A registration message with other fields, signed anew where it was rightly signed; any other frame as it is. */
function changed(frame: Uint8Array, profile: Profile, change: (message: Message) => Message): Uint8Array {
  const { layers } = decode(frame);
  const at = layers.findIndex((layer) => 'registrationRequest' in layer || 'registrationReply' in layer);
  if (at < 0) return frame;
  const message = layers[at] as Message;
  const fields = 'registrationRequest' in message ? message.registrationRequest : message.registrationReply;
  const node = profile.mobileNodes.find(({ ipv4HomeAddress }) => ipv4HomeAddress === fields.homeAddress);
  if (node === undefined) return frame;
  const types = profile.extensionTypes;
  const write = (written: Message): Uint8Array =>
    encodePacket([...layers.slice(0, at).map(uncomputed), unsigned(written)], {
      types,
      associations: { mobileHome: node.association },
    });
  const isRight = Buffer.compare(write(message), frame) === 0;
  const wanted = change(message);
  return isRight ? write(wanted) : encodePacket([...layers.slice(0, at).map(uncomputed), wanted], { types });
}

/** Lengths and checksums are to be computed anew. */
function uncomputed(layer: Layer): Layer {
  if ('ipv4' in layer) {
    const { totalLength: _length, checksum: _checksum, ...ipv4 } = layer.ipv4;
    return { ipv4 };
  }
  if ('udp' in layer) {
    const { length: _length, checksum: _checksum, ...udp } = layer.udp;
    return { udp };
  }
  return layer;
}

function unsigned(message: Message): Message {
  const without = <T extends NonNullable<ReturnType<typeof extensionsOf>>>(extensions: T): T =>
    extensions.map((extension) =>
      'mobileHomeAuthentication' in extension
        ? { mobileHomeAuthentication: { spi: extension.mobileHomeAuthentication.spi } }
        : extension,
    ) as T;
  const extensions = without(extensionsOf(message) ?? []);
  return 'registrationRequest' in message
    ? { registrationRequest: { ...message.registrationRequest, extensions } }
    : { registrationReply: { ...message.registrationReply, extensions } };
}

const extensionsOf = (message: Message) =>
  'registrationRequest' in message
    ? message.registrationRequest.extensions
    : message.registrationReply.extensions;

/** RFC 3344 5.7.1: the high 32 bits of a timestamp are seconds. */
function shifted(identification: string | undefined, seconds: number): string {
  const high = (Number.parseInt((identification ?? '').slice(0, 8) || '0', 16) + seconds) >>> 0;
  return high.toString(16).padStart(8, '0') + (identification ?? '').slice(8);
}

const withIdentification = (message: Message, seconds: number): Message =>
  'registrationRequest' in message
    ? {
        registrationRequest: {
          ...message.registrationRequest,
          identification: shifted(message.registrationRequest.identification, seconds),
        },
      }
    : {
        registrationReply: {
          ...message.registrationReply,
          identification: shifted(message.registrationReply.identification, seconds),
        },
      };

export const standIns: { readonly [name: string]: StandIn } = {
  right: {},
  silent: { behaviour: () => ({ fromDevice: replies(() => {}) }) },
  slow: {
    behaviour: (box) => ({ fromDevice: replies((frame, pass) => box.later(2000, () => pass(frame))) }),
  },
  duplicating: {
    behaviour: () => ({
      fromDevice: (frame, pass) => {
        pass(frame);
        pass(frame);
      },
    }),
  },
  reordering: {
    behaviour: (box) => {
      let held: (() => void) | undefined;
      const release = (): void => {
        held?.();
        held = undefined;
      };
      return {
        // Every other frame waits until the next one has overtaken it, or nothing comes.
        fromDevice: (frame, pass) => {
          if (held !== undefined) {
            pass(frame);
            release();
            return;
          }
          held = () => pass(frame);
          box.later(40, release);
        },
      };
    },
  },
  garbage: {
    behaviour: () => {
      let state = 1;
      return {
        fromDevice: (frame, pass) => {
          const from = payloadOffset(decode(frame));
          if (from === undefined) return pass(frame);
          const octets = Uint8Array.from(frame);
          for (let at = from; at < octets.length; at += 1) {
            state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
            octets[at] = state >>> 24;
          }
          pass(octets);
        },
      };
    },
  },
  'for-another-mobile-node': {
    behaviour: (_box, profile) => ({
      fromDevice: (frame, pass) =>
        pass(
          changed(frame, profile, (message) =>
            'registrationReply' in message
              ? {
                  registrationReply: {
                    ...message.registrationReply,
                    homeAddress: addressPlus(message.registrationReply.homeAddress ?? '', 1),
                  },
                }
              : message,
          ),
        ),
    }),
  },
  'dies-half-way': {
    fromFirstTest: true,
    behaviour: () => {
      let left = 15;
      return {
        fromDevice: (frame, pass) => {
          if (isReply(decode(frame))) left -= 1;
          if (left >= 0) pass(frame);
        },
      };
    },
  },
  // One of the mobile nodes that the tests take turns with.
  floods: {
    profile: (right) => ({ ...right, mobileNodes: right.mobileNodes.slice(0, 2) }),
    flood: { packetsPerSecond: 50_000, to: ({ careOfAddresses }) => careOfAddresses?.first ?? '' },
  },
  'floods-a-stranger': { flood: { packetsPerSecond: 50_000, to: () => '10.10.0.2' } },
  'floods-and-is-silent': {
    behaviour: () => ({ fromDevice: replies(() => {}) }),
    flood: { packetsPerSecond: 50_000, to: ({ careOfAddresses }) => careOfAddresses?.first ?? '' },
  },
  'clock-one-hour-off': {
    behaviour: (_box, profile) => ({
      toDevice: (frame, pass) =>
        pass(changed(frame, profile, (message) => withIdentification(message, -hourSeconds))),
      fromDevice: (frame, pass) =>
        pass(changed(frame, profile, (message) => withIdentification(message, hourSeconds))),
    }),
  },
  'keys-wrong': {
    profile: (right) => ({
      ...right,
      mobileNodes: right.mobileNodes.map((node) => ({
        ...node,
        association: { ...node.association, key: new Uint8Array(16).fill(0x55) },
      })),
    }),
  },
  'type-numbers-wrong': {
    profile: (right) => ({
      ...right,
      extensionTypes: { ipv6HomeAddress: 210, ipv6Compatibility: 211, ipv6Code: 212 },
    }),
  },
  'addresses-swapped': {
    profile: (right) => ({
      ...right,
      homeAgent: { ...right.homeAgent, address: right.correspondentNode.address },
      correspondentNode: { ...right.correspondentNode, address: right.homeAgent.address },
    }),
  },
};
