/** The registration messages that the harness has sent, and which frames answer or relay them. */
import type { SendStep } from '../vectors/types.ts';
import {
  type Decoded,
  decodePacket,
  type EncodeOptions,
  type Extension,
  type ExtensionTypes,
  type Packet,
} from '../wire/index.ts';
import type { Outgoing, PortName, SeenFrame } from './bench.ts';
import { replyIdentification, requestIdentification, udpDestination } from './frames.ts';

/** A registration request or reply as it went out: what an answer to it has to look like. */
export interface SentMessage {
  kind: 'request' | 'reply';
  by: string;
  port: PortName;
  timeNs: number;
  identification: string;
  sourcePort: number;
  /** The step that sent it: a repetition answers as well as the first. */
  step: SendStep;
  sent: Outgoing;
}

const lowHalf = (identification: string): string => identification.slice(8);

/** The octets of a registration message from its type to the end of its first mobile-home authentication extension. */
export function throughMobileHome(octets: Uint8Array, decoded: Decoded): Uint8Array | undefined {
  const message = decoded.extents.find(
    ({ path }) => path === 'registrationRequest' || path === 'registrationReply',
  );
  const layer = decoded.layers.find((one) => 'registrationRequest' in one || 'registrationReply' in one);
  if (message === undefined || layer === undefined) return undefined;
  const body =
    'registrationRequest' in layer
      ? layer.registrationRequest
      : 'registrationReply' in layer
        ? layer.registrationReply
        : {};
  const at = (body.extensions ?? []).findIndex((extension) => 'mobileHomeAuthentication' in extension);
  const last = decoded.extents.find(({ path }) => path === `${message.path}.extensions[${at}]`);
  const end = last === undefined ? message.offset + message.length : last.offset + last.length;
  return octets.subarray(message.offset, end);
}

/**
 * A mobile node or agent that shares no key with a foreign agent sends no authentication extension for it: those that a vector leaves
 * to be computed are left out where there is no association.
 */
export function withKeysAtHand(
  packet: Packet,
  associations: NonNullable<EncodeOptions['associations']>,
): Packet {
  const isComputable = (extension: Extension): boolean =>
    !(
      ('mobileForeignAuthentication' in extension &&
        extension.mobileForeignAuthentication.authenticator === undefined &&
        associations.mobileForeign === undefined) ||
      ('foreignHomeAuthentication' in extension &&
        extension.foreignHomeAuthentication.authenticator === undefined &&
        associations.foreignHome === undefined)
    );
  return packet.map((layer) => {
    if ('registrationRequest' in layer) {
      const { extensions = [] } = layer.registrationRequest;
      return {
        registrationRequest: { ...layer.registrationRequest, extensions: extensions.filter(isComputable) },
      };
    }
    if ('registrationReply' in layer) {
      const { extensions = [] } = layer.registrationReply;
      return {
        registrationReply: { ...layer.registrationReply, extensions: extensions.filter(isComputable) },
      };
    }
    return layer;
  });
}

export class SentMessages {
  private readonly list: SentMessage[] = [];
  private readonly types: ExtensionTypes;

  constructor(types: ExtensionTypes) {
    this.types = types;
  }

  /** Remember what was sent; undefined when it is no registration message. */
  note(
    packet: Packet,
    message: Omit<SentMessage, 'kind' | 'identification' | 'sourcePort'>,
  ): SentMessage | undefined {
    let sourcePort = 0;
    for (const layer of packet) {
      if ('udp' in layer) sourcePort = layer.udp.sourcePort ?? 0;
      const identification =
        'registrationRequest' in layer
          ? (layer.registrationRequest.identification ?? '')
          : 'registrationReply' in layer
            ? (layer.registrationReply.identification ?? '')
            : undefined;
      if (identification === undefined) continue;
      const kind = 'registrationRequest' in layer ? 'request' : 'reply';
      const noted = { ...message, kind, identification, sourcePort } as const;
      this.list.push(noted);
      return noted;
    }
    return undefined;
  }

  /** How many so far: `since` takes it. */
  get count(): number {
    return this.list.length;
  }

  lastRequest(): SentMessage | undefined {
    return this.list.findLast(({ kind }) => kind === 'request');
  }

  requestsSince(count: number): SentMessage[] {
    return this.list.slice(count).filter(({ kind }) => kind === 'request');
  }

  /** The request of this mobile node that a reply with this Identification answers. */
  requestBy(by: string, identification: string): SentMessage | undefined {
    return this.list.findLast(
      (one) =>
        one.kind === 'request' && one.by === by && lowHalf(one.identification) === lowHalf(identification),
    );
  }

  /** The message and its repetitions. */
  attemptsOf(message: SentMessage | undefined): SentMessage[] {
    return message === undefined ? [] : this.list.filter((one) => one.step === message.step);
  }

  /** The request, its repetitions, and the replies that the harness itself gave to them as home agent. */
  repliesAndAttempts(request: SentMessage): SentMessage[] {
    const attempts = this.attemptsOf(request);
    const halves = new Set(attempts.map(({ identification }) => lowHalf(identification)));
    return [
      ...attempts,
      ...this.list.filter((one) => one.kind === 'reply' && halves.has(lowHalf(one.identification))),
    ];
  }

  /**
   * A registration reply answers the request whose low 32 bits it copies (RFC 3344 5.7). What comes to the request's
   * UDP port with low bits that were never sent is taken for a wrong answer to it, so that it is judged and not overlooked.
   */
  isReplyTo(frame: SeenFrame, request: SentMessage): boolean {
    const attempts = this.attemptsOf(request);
    if (attempts.some((one) => answers(frame, one, replyIdentification(frame.decoded)))) return true;
    const identification = replyIdentification(frame.decoded);
    const toPort = attempts.some(
      (one) => frame.timeNs >= one.timeNs && udpDestination(frame.decoded) === one.sourcePort,
    );
    return toPort && (identification === undefined || !this.wasSent(request.by, identification));
  }

  /** Likewise for a request that a foreign agent passes on. */
  isRelayOf(frame: SeenFrame, request: SentMessage): boolean {
    const identification = requestIdentification(frame.decoded);
    if (identification === undefined) return false;
    const attempts = this.attemptsOf(request);
    if (attempts.some((one) => answers(frame, one, identification))) return true;
    const first = attempts[0];
    return first !== undefined && frame.timeNs >= first.timeNs && !this.wasSent(undefined, identification);
  }

  /** Of several attempts, the one that the frame answers or relays. */
  attemptOf(frame: SeenFrame, request: SentMessage | undefined): SentMessage | undefined {
    const identification = replyIdentification(frame.decoded) ?? requestIdentification(frame.decoded);
    return this.attemptsOf(request).find((one) => answers(frame, one, identification));
  }

  /** What a relayed message has to repeat: the octets of every attempt of a step, up to the mobile-home authentication. */
  originals(message: SentMessage | undefined): Uint8Array[] {
    return this.attemptsOf(message).flatMap(({ sent }) => {
      const kind = sent.kind === 'ethernet' ? 'ethernet' : (sent.octets[0] ?? 0) >> 4 === 6 ? 'ipv6' : 'ipv4';
      const decoded = decodePacket(sent.octets, kind, { types: this.types });
      return throughMobileHome(sent.octets, decoded) ?? [];
    });
  }

  private wasSent(by: string | undefined, identification: string): boolean {
    return this.list.some(
      (one) =>
        one.kind === 'request' &&
        (by === undefined || one.by === by) &&
        lowHalf(one.identification) === lowHalf(identification),
    );
  }
}

function answers(frame: SeenFrame, sent: SentMessage, identification: string | undefined): boolean {
  if (identification === undefined || frame.timeNs < sent.timeNs) return false;
  return lowHalf(identification) === lowHalf(sent.identification);
}
