/** Registration exchanges of the doctor: one request at a time, its answer, and whatever came of it on the other ports. */
import type { PortName, SeenFrame } from '../../engine/bench.ts';
import { Context } from '../../engine/context.ts';
import { replyIdentification, requestIdentification } from '../../engine/frames.ts';
import { careOfAddressOf, identityKeys, type Surroundings, udpPortOf } from '../../engine/identities.ts';
import type { MobileNode } from '../../vectors/pool.ts';
import type { Profile } from '../../vectors/profile.ts';
import type { Position } from '../../vectors/types.ts';
import {
  type EncodeOptions,
  type Extension,
  encodePacket,
  type Packet,
  type RegistrationReply,
  type RegistrationRequest,
  type SecurityAssociation,
} from '../../wire/index.ts';
import type { LiveBench } from '../live.ts';
import { patientTimers, paceOf as waitsOf } from '../pace.ts';
import { type RunFacts, surroundings } from '../surroundings.ts';
import { warmUpPosition } from '../warm-up.ts';
import { messageOf } from './authenticators.ts';

export const secondNs = 1_000_000_000;
/** NTP time (RFC 1305) at the beginning of 1970, seconds. */
export const ntpOffsetSeconds = 2_208_988_800;

const registrationPort = 434;

/** RFC 3344 3.6.3: a mobile node sends at most one request a second. */
const requestPaceMs = 1050;
/** For agents of ours in a lab. */
const labPaceMs = 20;

/** How long a mobile node waits between requests, ms: as the profile allows. */
function paceOf({ requestsPerSecond, bench }: Profile): number {
  if (requestsPerSecond !== undefined) return 1000 / requestsPerSecond.perMobileNode + labPaceMs;
  return 'lab' in bench ? labPaceMs : requestPaceMs;
}

/** What is other than in an ordinary request. */
export interface Ask {
  association?: SecurityAssociation;
  foreignAssociation?: SecurityAssociation;
  /** Before the mobile-home authentication extension. */
  extensions?: Extension[];
  /** Behind it. */
  following?: Extension[];
  fields?: Partial<RegistrationRequest>;
  /** High 32 bits of Identification, eight hex digits: a nonce. */
  nonce?: string;
  /** Of a foreign agent: what the home agent puts into its reply. */
  replyExtensions?: Extension[];
  /** How long an answer is waited for, seconds; the profile's timer unless given. */
  seconds?: number;
  nai?: boolean;
}

/** What came of a request. */
export interface Answer {
  node: MobileNode;
  identification: string;
  /** Our request as it left the port; undefined when it did not: its next hop was not found. */
  left?: SeenFrame;
  reply?: { frame: SeenFrame; message: RegistrationReply };
  /** Of a foreign agent: the request as it came to the home agent. */
  relayed?: SeenFrame;
  /** What came from the registration port in place of a reply to this request: garbage, or a reply to another. */
  instead?: SeenFrame;
  /** ICMP errors that came for it. */
  errors: { type: number; code: number; from: string }[];
  frames: readonly SeenFrame[];
}

export const isAccepted = ({ reply }: Answer): boolean =>
  reply?.message.code === 0 || reply?.message.code === 1;

const isFromRegistrationPort = ({ decoded }: SeenFrame): boolean =>
  decoded.layers.some((layer) => 'udp' in layer && layer.udp.sourcePort === registrationPort);

/** Somebody says that it cannot be delivered (RFC 792, type 3). */
const isRefused = ({ errors }: Answer): boolean => errors.some(({ type }) => type === 3);

/** Speaks with the device as the mobile nodes of a profile, and as their home agent. */
export class Talk {
  readonly profile: Profile;
  readonly bench: LiveBench;
  readonly position: Position;
  readonly facts: RunFacts;
  private readonly paceMs: number;
  /** As long as the round trips ask for; before there are any, patiently. */
  private readonly replySeconds: number;
  /** When each mobile node sent its last request, ms. */
  private readonly last = new Map<number, number>();
  private readonly registered = new Set<MobileNode>();
  private lastTimestamp = 0n;
  /** Called with the frames of each exchange. */
  private readonly heard: (frames: readonly SeenFrame[]) => void;

  constructor(
    profile: Profile,
    bench: LiveBench,
    facts: RunFacts,
    heard: (frames: readonly SeenFrame[]) => void = () => {},
    position?: Position,
  ) {
    this.heard = heard;
    this.profile = profile;
    this.bench = bench;
    this.facts = facts;
    this.position = position ?? warmUpPosition(profile);
    this.paceMs = paceOf(profile);
    this.replySeconds =
      facts.roundTripsNs.length === 0
        ? patientTimers(profile.timers).replySeconds
        : waitsOf(profile, facts.roundTripsNs).timers.replySeconds;
  }

  around(node: MobileNode): Surroundings {
    return surroundings(this.profile, this.facts, { position: this.position }, node, undefined);
  }

  /** The port that the requests leave by. */
  get port(): PortName {
    return this.position.startsWith('foreign-agent') ? 'fa' : 'mn';
  }

  /** Frames that concern a mobile node, while `during` goes on; `keys` of others besides. */
  async watch<T>(
    node: MobileNode,
    during: (session: ReturnType<LiveBench['session']>) => Promise<T>,
    keys: readonly string[] = [],
    udpPorts: readonly number[] = [udpPortOf(node, this.position)],
  ): Promise<T> {
    const around = this.around(node);
    const session = this.bench.session({
      keys: [...identityKeys(around, new Context(around, 'doctor').tokenPrefix), ...keys],
      udpPorts,
      mobileNode: node.index,
    });
    try {
      return await during(session);
    } finally {
      session.close();
      this.heard(session.frames);
    }
  }

  /** Send a request and wait for what comes of it. */
  async ask(node: MobileNode, ask: Ask = {}): Promise<Answer> {
    const wait = (this.last.get(node.index) ?? 0) + this.paceMs - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    this.last.set(node.index, Date.now());
    return this.watch(node, async (session) => {
      const around = this.around(node);
      let identification = '';
      const sent = await session.send(this.port, (nowNs) => {
        identification = this.identification(nowNs, ask.nonce);
        return { kind: 'ip', octets: this.request(node, around, identification, ask) };
      });
      const low = identification.slice(8);
      const answer: Answer = { node, identification, errors: [], frames: session.frames };
      const untilNs = sent.timeNs + (ask.seconds ?? this.replySeconds) * secondNs;
      for (let at = 0; ; ) {
        for (; at < session.frames.length; at += 1) {
          const frame = session.frames[at] as SeenFrame;
          this.note(answer, frame, low);
          if (answer.relayed === frame) await session.send('ha', () => this.reply(node, frame, around, ask));
        }
        if (answer.reply !== undefined || isRefused(answer) || !(await session.more(at, untilNs))) break;
      }
      if (isAccepted(answer) && ask.fields?.lifetimeSeconds !== 0) this.registered.add(node);
      return answer;
    });
  }

  /** Take back what was registered, so that no binding of the doctor's is in anybody's way. */
  async leave(): Promise<void> {
    for (const node of this.registered) await this.ask(node, { fields: { lifetimeSeconds: 0 } });
    this.registered.clear();
  }

  private note(answer: Answer, frame: SeenFrame, low: string): void {
    const { decoded, port, outgoing } = frame;
    if (outgoing) {
      if (port === this.port && requestIdentification(decoded)?.slice(8) === low) answer.left ??= frame;
      return;
    }
    const message = messageOf(frame);
    if (
      port === this.port &&
      message?.name === 'registrationReply' &&
      replyIdentification(decoded)?.slice(8) === low
    )
      answer.reply ??= { frame, message: message.message };
    else if (port === this.port && isFromRegistrationPort(frame)) answer.instead ??= frame;
    if (port === 'ha' && requestIdentification(decoded)?.slice(8) === low) answer.relayed ??= frame;
    const [ip, icmp] = decoded.layers.slice(1);
    if (ip !== undefined && 'ipv4' in ip && icmp !== undefined && 'icmp' in icmp)
      answer.errors.push({
        type: icmp.icmp.type ?? 0,
        code: icmp.icmp.code ?? 0,
        from: ip.ipv4.source ?? '',
      });
  }

  /** Timestamps of the doctor's are never ahead of the clock: a device remembers the newest (RFC 3344 5.7.1). */
  private identification(nowNs: number, nonce: string | undefined): string {
    const ns = this.facts.originNs + BigInt(Math.round(nowNs));
    const seconds = ns / BigInt(secondNs) + BigInt(ntpOffsetSeconds);
    let timestamp = (seconds << 32n) | (((ns % BigInt(secondNs)) << 32n) / BigInt(secondNs));
    if (timestamp <= this.lastTimestamp) timestamp = this.lastTimestamp + 1n;
    this.lastTimestamp = timestamp;
    const text = timestamp.toString(16).padStart(16, '0');
    return nonce === undefined ? text : nonce + text.slice(8);
  }

  private request(node: MobileNode, around: Surroundings, identification: string, ask: Ask): Uint8Array {
    const { profile } = this;
    const isVisitor = profile.role === 'foreign-agent';
    const careOfAddress = isVisitor
      ? (profile.foreignAgent?.careOfAddress ?? '0.0.0.0')
      : (careOfAddressOf(node, around) ?? '0.0.0.0');
    const mobileForeign = ask.foreignAssociation ?? node.foreignAssociation;
    const relayer = this.position === 'foreign-agent-secured';
    const colocated = !isVisitor && this.port === 'mn';
    const packet: Packet = [
      {
        ipv4: {
          source: isVisitor ? node.ipv4HomeAddress : careOfAddress,
          destination: isVisitor ? (profile.foreignAgent?.address ?? '') : around.homeAgent.address,
          ttl: isVisitor ? 255 : 64,
        },
      },
      { udp: { sourcePort: udpPortOf(node, this.position), destinationPort: 434 } },
      {
        registrationRequest: {
          decapsulationByMobileNode: colocated,
          reverseTunneling: around.reverseTunnelingRequired,
          lifetimeSeconds: profile.timers.lifetimeSeconds,
          homeAddress: node.ipv4HomeAddress,
          homeAgent: around.homeAgent.address,
          careOfAddress,
          identification,
          ...ask.fields,
          extensions: [
            ...(ask.nai === false ? [] : [{ mobileNodeNai: { nai: node.nai } }]),
            ...(ask.extensions ?? []),
            { mobileHomeAuthentication: {} },
            ...(ask.following ?? []),
            ...(isVisitor && mobileForeign !== undefined ? [{ mobileForeignAuthentication: {} }] : []),
            ...(relayer && around.foreignHome !== undefined ? [{ foreignHomeAuthentication: {} }] : []),
          ],
        },
      },
    ];
    return encodePacket(packet, this.encoding(node, around, ask));
  }

  private encoding(node: MobileNode, around: Surroundings, ask: Ask): EncodeOptions {
    const mobileForeign = ask.foreignAssociation ?? node.foreignAssociation;
    return {
      types: this.profile.extensionTypes,
      associations: {
        mobileHome: ask.association ?? node.association,
        ...(mobileForeign === undefined ? {} : { mobileForeign }),
        ...(around.foreignHome === undefined ? {} : { foreignHome: around.foreignHome }),
      },
    };
  }

  /** The home agent accepts what was relayed to it. */
  private reply(
    node: MobileNode,
    relayed: SeenFrame,
    around: Surroundings,
    ask: Ask,
  ): { kind: 'ip'; octets: Uint8Array } {
    const request = messageOf(relayed)?.message;
    let source = '0.0.0.0';
    let port = 434;
    for (const layer of relayed.decoded.layers) {
      if ('ipv4' in layer) source = layer.ipv4.source ?? source;
      if ('udp' in layer) port = layer.udp.sourcePort ?? port;
    }
    const packet: Packet = [
      { ipv4: { source: around.homeAgent.address, destination: source, ttl: 64 } },
      { udp: { sourcePort: 434, destinationPort: port } },
      {
        registrationReply: {
          code: 0,
          lifetimeSeconds: request?.lifetimeSeconds ?? 0,
          homeAddress: node.ipv4HomeAddress,
          homeAgent: around.homeAgent.address,
          identification: request?.identification ?? '0000000000000000',
          extensions: [
            ...(ask.nai === false ? [] : [{ mobileNodeNai: { nai: node.nai } }]),
            ...(ask.replyExtensions ?? []),
            { mobileHomeAuthentication: {} },
            ...(around.foreignHome === undefined ? [] : [{ foreignHomeAuthentication: {} }]),
          ],
        },
      },
    ];
    return { kind: 'ip', octets: encodePacket(packet, this.encoding(node, around, {})) };
  }
}
