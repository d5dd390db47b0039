import {
  type Decoded,
  decodePacket,
  type Extension,
  encodeMessage,
  encodePacket,
  fromHex,
  type Packet,
  type RegistrationReply,
  type RegistrationRequest,
  type SecurityAssociation,
  type Tamper,
} from '../../wire/index.ts';
import { ipv4Number } from '../common/addresses.ts';
import { createDeviates } from '../common/deviates.ts';
import { createChallenges } from '../foreign-agent/challenges.ts';
import { parseConfiguration } from '../foreign-agent/config.ts';
import type { ForeignAgentDeviation } from '../foreign-agent/deviations.ts';
import { createForwarder } from '../foreign-agent/forwarding.ts';
import { createRegistration } from '../foreign-agent/registration.ts';
import { createVisitorList } from '../foreign-agent/visitors.ts';

export const baseConfiguration = {
  visitedLink: { device: 'visited0', address: '10.20.0.1', prefixLength: 16 },
  devices: ['core0'],
  careOfAddresses: ['10.9.0.2'],
  ipv6Address: '2001:db8:9::2',
  ipv6: 'ignore',
  policies: [
    { nai: 'mn{n}@example.net', firstNumber: 1, count: 2, ipv6: 'deliver' },
    { nai: 'mn3@example.net', ipv6: 'deliver-and-reverse-tunnel' },
    { nai: 'mn{n}@example.net', firstNumber: 5, count: 1, ipv6: 'ignore', ipv6Code: 65 },
    { nai: 'mn6@example.net', refused: true },
  ],
  maximumLifetimeSeconds: 600,
  pendingTimeoutSeconds: 7,
  denialIntervalSeconds: 0,
  homeAgents: [{ address: '10.8.0.3', spi: 2000, key: { hex: '0c'.repeat(16) } }],
  mobileNodes: [
    {
      firstNumber: 2,
      count: 1,
      nai: 'mn{n}@example.net',
      ipv4HomeAddress: '10.1.1.2',
      spi: 3001,
      key: { hex: '0d'.repeat(16) },
    },
  ],
};

export const keys = {
  mobileHome: { spi: 1000, key: fromHex('0b'.repeat(16)), algorithm: 'hmac-md5' },
  foreignHome: { spi: 2000, key: fromHex('0c'.repeat(16)), algorithm: 'hmac-md5' },
  mobileForeign: { spi: 3001, key: fromHex('0d'.repeat(16)), algorithm: 'hmac-md5' },
} satisfies Record<string, SecurityAssociation>;

export const relayPorts = [50000, 50001];
export const plainHomeAgent = '10.8.0.2';
export const securedHomeAgent = '10.8.0.3';

/** A Registration Request of the mobile node `index`, over the visited link. */
export interface Ask {
  request?: RegistrationRequest;
  nai?: string | null;
  before?: Extension[];
  mobileHome?: Extension[];
  after?: Extension[];
  mobileForeign?: boolean;
  tamper?: Tamper[];
  append?: number[];
  ttl?: number;
  to?: string;
  mac?: string;
}

/** A Registration Reply of the home agent to what was relayed. */
export interface Answer {
  reply?: RegistrationReply;
  nai?: string | null;
  before?: Extension[];
  mobileHome?: Extension[];
  after?: Extension[];
  foreignHome?: boolean;
  tamper?: Tamper[];
  append?: number[];
}

/** A packet that the agent sent: upstream, or over the visited link to `mac`. */
export interface Sent {
  mac?: string;
  octets: Buffer;
  decoded: Decoded;
}

export const address = (text: string): Extension => ({ ipv6HomeAddress: { address: text } });
export const compatibility = (reverseTunnel: boolean): Extension => ({
  ipv6Compatibility: { reverseTunnel },
});
export const code = (value: number): Extension => ({ ipv6Code: { code: value } });
export const macOf = (index: number): string => `0200000000${index.toString(16).padStart(2, '0')}`;
export const ipv6Of = (index: number): string => `2001:db8:1::1:${index.toString(16)}`;

/** An agent without a network: messages and packets in, packets out, and a clock of its own. */
export function foreignAgent(changes: object = {}, names: ForeignAgentDeviation[] = []) {
  const settings = parseConfiguration({ ...baseConfiguration, ...changes }, 'test.json');
  const deviates = createDeviates(names);
  const clock = { ms: 1000 };
  const now = () => clock.ms;
  const sent: Sent[] = [];
  const counters: Record<string, number> = {};
  const logged: string[] = [];
  const count = (name: string) => {
    counters[name] = (counters[name] ?? 0) + 1;
  };
  const log = (event: string, details: object) => logged.push(JSON.stringify({ event, ...details }));
  const keep = (packet: Uint8Array, mac?: Buffer) => {
    const octets = Buffer.from(packet);
    const first = (octets[0] ?? 0) >> 4 === 6 ? 'ipv6' : 'ipv4';
    sent.push({ mac: mac?.toString('hex'), octets, decoded: decodePacket(octets, first) });
  };
  const output = {
    sendUpstream: (packet: Uint8Array) => keep(packet),
    sendToMobile: (mac: Buffer, packet: Uint8Array) => keep(packet, mac),
  };
  const visitors = createVisitorList(settings, now, () => undefined, deviates);
  const challenges = settings.challenges ? createChallenges() : undefined;
  const registration = createRegistration({
    settings,
    visitors,
    challenges,
    now,
    relayPorts,
    isOwnAddress: (own) => ['10.20.0.1', '10.9.0.2'].some((text) => ipv4Number(text) === own),
    ...output,
    count,
    log,
    changed: () => undefined,
    deviates,
  });
  const forwarder = createForwarder({
    settings,
    visitors,
    ...output,
    count,
    upstreamMtu: 1500,
    visitedMtu: 1500,
    askByArp: () => undefined,
    deviates,
  });
  let sequence = 0x1000;

  /** What the agent sends while `work` runs. */
  function during(work: () => void): Sent[] {
    const start = sent.length;
    work();
    return sent.slice(start);
  }

  function requestOctets(index: number, wanted: Ask): Buffer {
    const nai = wanted.nai === undefined ? `mn${index}@example.net` : wanted.nai;
    sequence += 1;
    const message = encodeMessage(
      {
        registrationRequest: {
          lifetimeSeconds: 300,
          homeAddress: `10.1.1.${index}`,
          homeAgent: plainHomeAgent,
          careOfAddress: '10.9.0.2',
          identification: `e9000000${sequence.toString(16).padStart(8, '0')}`,
          ...wanted.request,
          extensions: [
            ...(nai === null ? [] : [{ mobileNodeNai: { nai } }]),
            ...(wanted.before ?? []),
            ...(wanted.mobileHome ?? [{ mobileHomeAuthentication: { spi: 1000 } }]),
            ...(wanted.after ?? []),
            ...((wanted.mobileForeign ?? index === 2)
              ? [{ mobileForeignAuthentication: { spi: 3001 } }]
              : []),
          ],
        },
      },
      { associations: keys, ...(wanted.tamper && { tamper: wanted.tamper }) },
    );
    return Buffer.from([...message, ...(wanted.append ?? [])]);
  }

  /** Hand in a request. What comes of it: the packets sent, the relayed or denying message, its code. */
  function ask(index: number, wanted: Ask = {}) {
    const octets = requestOctets(index, wanted);
    return submit(index, octets, wanted);
  }

  function submit(index: number, octets: Buffer, { mac, to, ttl }: Ask = {}) {
    const packets = during(() =>
      registration.onRequest({
        mac: Buffer.from(mac ?? macOf(index), 'hex'),
        sourcePort: 4434,
        destination: ipv4Number(to ?? '10.20.0.1'),
        ttl: ttl ?? 255,
        payload: octets,
      }),
    );
    const relayed = packets.find((packet) => packet.mac === undefined);
    const denied = packets.find((packet) => packet.mac !== undefined);
    const reply = denied && replyIn(denied);
    return {
      octets,
      packets,
      relayed: relayed && payloadOf(relayed),
      request: relayed && requestIn(relayed),
      reply,
      code: reply === undefined ? (relayed === undefined ? 'silence' : 'relayed') : reply.code,
    };
  }

  /** The home agent's reply to a request, and what the mobile node gets of it. */
  function answer(request: Buffer, wanted: Answer = {}) {
    const nai = wanted.nai === undefined ? naiOf(request) : wanted.nai;
    const foreignHome = wanted.foreignHome ?? request.readUInt32BE(8) === ipv4Number(securedHomeAgent);
    const message = encodeMessage(
      {
        registrationReply: {
          code: 0,
          lifetimeSeconds: request.readUInt16BE(2),
          homeAddress: [...request.subarray(4, 8)].join('.'),
          homeAgent: [...request.subarray(8, 12)].join('.'),
          identification: request.toString('hex', 16, 24),
          ...wanted.reply,
          extensions: [
            ...(nai === null || nai === undefined ? [] : [{ mobileNodeNai: { nai } }]),
            ...(wanted.before ?? []),
            ...(wanted.mobileHome ?? [{ mobileHomeAuthentication: { spi: 1000 } }]),
            ...(wanted.after ?? []),
            ...(foreignHome ? [{ foreignHomeAuthentication: { spi: 2000 } }] : []),
          ],
        },
      },
      { associations: keys, ...(wanted.tamper && { tamper: wanted.tamper }) },
    );
    const octets = Buffer.from([...message, ...(wanted.append ?? [])]);
    return { octets, ...received(octets) };
  }

  /** What the mobile node gets of a reply. */
  function received(octets: Buffer) {
    const packets = during(() => registration.onReply(Buffer.from(octets)));
    const [packet] = packets;
    return {
      packets,
      packet,
      relayed: packet && payloadOf(packet),
      reply: packet && replyIn(packet),
      code: packet === undefined ? 'silence' : replyIn(packet)?.code,
    };
  }

  /** Register: the request and its reply, with IPv6 code 0 if an address was asked for. */
  function register(index: number, wanted: Ask = {}, reply: Answer = {}) {
    const asked = ask(index, wanted);
    const isIpv6 = wanted.before?.some((extension) => 'ipv6HomeAddress' in extension);
    return answer(asked.octets, { ...(isIpv6 && { before: [code(0)] }), ...reply });
  }

  return {
    settings,
    deviates,
    clock,
    sent,
    counters,
    logged,
    visitors,
    challenges,
    registration,
    forwarder,
    during,
    requestOctets,
    ask,
    submit,
    answer,
    received,
    register,
    /** A packet from upstream for the care-of address, by its layers. */
    tunnel: (packet: Packet) => during(() => forwarder.fromTunnel(Buffer.from(encodePacket(packet)))),
    /** A packet of the mobile node `index` for elsewhere. */
    fromMobile: (index: number, packet: Packet) =>
      during(() => {
        const octets = Buffer.from(encodePacket(packet));
        const mac = Buffer.from(macOf(index), 'hex');
        if ((octets[0] ?? 0) >> 4 === 6) {
          forwarder.fromVisitorIpv6(octets, mac);
        } else {
          forwarder.fromVisitor(octets, mac);
        }
      }),
  };
}

export type World = ReturnType<typeof foreignAgent>;

/** The UDP payload of a packet. */
export function payloadOf({ octets }: Sent): Buffer {
  return octets.subarray(28);
}

export function requestIn({ decoded }: Sent): RegistrationRequest | undefined {
  return decoded.layers.flatMap((layer) =>
    'registrationRequest' in layer ? layer.registrationRequest : [],
  )[0];
}

export function replyIn({ decoded }: Sent): RegistrationReply | undefined {
  return decoded.layers.flatMap((layer) => ('registrationReply' in layer ? layer.registrationReply : []))[0];
}

/** The names of a message's extensions, in order. */
export function namesOf(message: { extensions?: Extension[] } | undefined): string[] {
  return (message?.extensions ?? []).flatMap((extension) => Object.keys(extension));
}

function naiOf(request: Buffer): string | null {
  const decoded = decodePacket(
    encodePacket([
      { ipv4: { source: '10.1.1.1', destination: '10.1.1.2' } },
      { udp: { destinationPort: 434 } },
      { payload: request.toString('hex') },
    ]),
    'ipv4',
  );
  const message = decoded.layers.flatMap((layer) =>
    'registrationRequest' in layer ? layer.registrationRequest : [],
  )[0];
  for (const extension of message?.extensions ?? []) {
    if ('mobileNodeNai' in extension) {
      return extension.mobileNodeNai.nai ?? null;
    }
  }
  return null;
}
