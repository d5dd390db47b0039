import {
  agentFlag,
  type Decoded,
  decodePacket,
  type Extension,
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
import type { Lease } from '../mobile-node/care-of.ts';
import { parseConfiguration } from '../mobile-node/config.ts';
import type { MobileNodeDeviation } from '../mobile-node/deviations.ts';
import type { HomeAddresses } from '../mobile-node/forwarding.ts';
import { createMobileNode } from '../mobile-node/node.ts';

export const homeAgent = '10.1.0.1';
export const homeAddress = '10.1.1.1';
export const ipv6Home = '2001:db8:1::1:1';
export const correspondent = '2001:db8:c::2';
export const ipv4Correspondent = '10.12.0.2';
export const careOf = '10.30.0.50';
export const foreignAgent = { address: '10.20.0.1', careOf: '10.9.0.2', mac: '02:00:00:00:00:fa' };
export const otherForeignAgent = { address: '10.21.0.1', careOf: '10.9.0.3', mac: '02:00:00:00:00:fb' };
export const homeMac = '02:00:00:00:00:aa';
export const routerMac = '02:00:00:00:00:bb';
export const ownMac = '02:00:00:00:00:01';
export const sourcePort = 49153;

export const keys = {
  mobileHome: { spi: 1000, key: fromHex('0b'.repeat(16)), algorithm: 'hmac-md5' },
  mobileForeign: { spi: 3000, key: fromHex('0d'.repeat(16)), algorithm: 'hmac-md5' },
} satisfies Record<string, SecurityAssociation>;

export const baseConfiguration = {
  solicitation: { count: 2, intervalSeconds: 0.1 },
  ipv6WaitSeconds: 0.2,
  mobileNodes: [
    {
      device: 'eth0',
      nai: 'mn{n}@example.net',
      ipv4HomeAddress: homeAddress,
      ipv6HomeAddress: ipv6Home,
      ipv4HomePrefix: '10.1.0.0/16',
      ipv6HomePrefix: '2001:db8:1::/64',
      homeAgent,
      spi: 1000,
      key: { hex: '0b'.repeat(16) },
      foreignAgents: [{ address: otherForeignAgent.address, spi: 3000, key: { hex: '0d'.repeat(16) } }],
    },
  ],
};

/** What is said of an agent's advertisement beside its address. */
export interface Heard {
  flags?: number;
  sequenceNumber?: number;
  lifetimeSeconds?: number;
  registrationLifetimeSeconds?: number;
  prefixLength?: number;
  careOfAddresses?: string[];
  challenge?: string;
}

/** A Registration Reply to the last request. */
export interface Answer {
  reply?: RegistrationReply;
  ipv6Code?: number;
  before?: Extension[];
  after?: Extension[];
  mobileHome?: Extension[];
  mobileForeign?: boolean;
  tamper?: Tamper[];
  /** XORed into the low 32 bits of the Identification. */
  lowBits?: number;
  association?: SecurityAssociation;
  checksum?: number;
}

export interface Sent {
  time: number;
  octets: Uint8Array;
  layers: Packet;
  findings: Decoded['findings'];
}

export type World = ReturnType<typeof createWorld>;

/** A mobile node without a network: time passes when told, frames are collected. */
export function createWorld(changes: object = {}, names: MobileNodeDeviation[] = [], entry: object = {}) {
  const [first] = baseConfiguration.mobileNodes;
  const configuration = { ...baseConfiguration, mobileNodes: [{ ...first, ...entry }], ...changes };
  const [settings] = parseConfiguration(configuration, 'test.json');
  if (settings === undefined) {
    throw new Error('no mobile node');
  }
  let time = 0;
  let appointments: { at: number; work(): void }[] = [];
  const sent: Sent[] = [];
  const delivered: Packet[] = [];
  let take: ((lease: Lease | undefined) => void) | undefined;
  let lastRequest: { request: RegistrationRequest; source: string } | undefined;
  let used: HomeAddresses | undefined;
  const events: string[] = [];
  const received: Uint8Array[] = [];
  let sequenceNumber = 300;

  const node = createMobileNode({
    settings,
    clock: {
      now: () => time,
      ntp: () => (0xe9000000n << 32n) + (BigInt(Math.round(time * 1000)) << 32n) / 1000000n,
      after(milliseconds, work) {
        const appointment = { at: time + milliseconds, work };
        appointments.push(appointment);
        return () => {
          appointments = appointments.filter((other) => other !== appointment);
        };
      },
    },
    deviates: createDeviates(names),
    link: {
      mac: ownMac,
      send(octets) {
        const { layers, findings } = decodePacket(octets, 'ethernet');
        sent.push({ time, octets, layers, findings });
        const request = fieldsOf(layers, 'registrationRequest');
        if (request !== undefined) {
          lastRequest = { request, source: fieldsOf(layers, 'ipv4')?.source ?? '' };
        }
      },
    },
    deliver: (packet) =>
      delivered.push(decodePacket(packet, (packet[0] ?? 0) >> 4 === 6 ? 'ipv6' : 'ipv4').layers),
    requestLease(taking) {
      take = taking;
      return () => {
        take = undefined;
      };
    },
    useAddresses(addresses) {
      used = addresses;
    },
    log: (event) => events.push(event),
    changed: () => undefined,
  });

  function run(milliseconds: number): void {
    const end = time + milliseconds;
    for (;;) {
      const due = appointments.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) {
        break;
      }
      appointments = appointments.filter((other) => other !== due);
      time = Math.max(time, due.at);
      due.work();
    }
    time = end;
  }

  function receiveFrame(octets: Uint8Array): void {
    received.push(octets);
    node.onFrame(Buffer.from(octets), ((octets[0] ?? 0) & 1) === 1);
    run(0);
  }

  /** A packet from `mac` for this node, or for a group. */
  function receive(packet: Packet, mac: string, destination = ownMac): void {
    receiveFrame(encodePacket([{ ethernet: { destination, source: mac } }, ...packet]));
  }

  function hearAgent(
    address: string,
    mac: string,
    defaultFlags: number,
    careOfAddresses: string[],
    heard: Heard,
  ) {
    sequenceNumber += 1;
    receive(
      [
        { ipv4: { source: address, destination: '224.0.0.1', ttl: 1 } },
        {
          routerAdvertisement: {
            lifetimeSeconds: heard.lifetimeSeconds ?? 3,
            routers: [{ address, preference: 0 }],
            extensions: [
              {
                mobilityAgentAdvertisement: {
                  sequenceNumber: heard.sequenceNumber ?? sequenceNumber,
                  registrationLifetimeSeconds: heard.registrationLifetimeSeconds ?? 600,
                  flags: heard.flags ?? defaultFlags,
                  careOfAddresses: heard.careOfAddresses ?? careOfAddresses,
                },
              },
              ...(heard.prefixLength === undefined
                ? []
                : [{ prefixLengths: { lengths: [heard.prefixLength] } }]),
              ...(heard.challenge === undefined ? [] : [{ unknown: { type: 24, data: heard.challenge } }]),
            ],
          },
        },
      ],
      mac,
      '01:00:5e:00:00:01',
    );
  }

  const foreignFlags = agentFlag.foreignAgent | agentFlag.reverseTunneling | agentFlag.ipv6Extensions;

  return {
    node,
    run,
    receive,
    receiveFrame,
    events,
    received,
    now: () => time,
    used: () => used,
    /** What was sent since this was last asked. */
    take: () => sent.splice(0),
    taken: () => delivered.splice(0),
    lastRequest: () => lastRequest?.request,
    status: () => node.status() as Record<string, unknown> & { counters: Record<string, number> },
    hearHome: (heard: Heard = {}) =>
      hearAgent(homeAgent, homeMac, agentFlag.homeAgent | agentFlag.ipv6Extensions, [], heard),
    hearForeign: (heard: Heard = {}, agent = foreignAgent) =>
      hearAgent(agent.address, agent.mac, foreignFlags, [agent.careOf], heard),
    isLeaseAsked: () => take !== undefined,
    lease(address = careOf, seconds = 3600) {
      const own = ipv4Number(address);
      // As the DHCP server is heard, whose hardware address is then known.
      receive(
        [
          { ipv4: { source: '10.30.0.1', destination: '255.255.255.255', ttl: 64 } },
          { udp: { sourcePort: 67, destinationPort: 68 } },
          { payload: '00' },
        ],
        routerMac,
        'ff:ff:ff:ff:ff:ff',
      );
      const taking = take;
      take = undefined;
      taking?.({
        address: own,
        router: ipv4Number('10.30.0.1'),
        leaseSeconds: seconds,
      });
    },
    noLease() {
      const taking = take;
      take = undefined;
      taking?.(undefined);
    },
    hearRouter: (lifetimeSeconds = 1800, prefix: string | undefined = '2001:db8:30::') =>
      receive(
        [
          { ipv6: { source: 'fe80::1', destination: 'ff02::1', hopLimit: 255 } },
          {
            ipv6RouterAdvertisement: {
              lifetimeSeconds,
              options:
                prefix === undefined
                  ? []
                  : [
                      {
                        prefixInformation: {
                          prefixLength: 64,
                          flags: 0xc0,
                          validLifetimeSeconds: 3600,
                          prefix,
                        },
                      },
                    ],
            },
          },
        ],
        routerMac,
        '33:33:00:00:00:01',
      ),
    /** Nothing, when there was no request. */
    answer(answer: Answer = {}, from: { mac: string } = foreignAgent) {
      const request = lastRequest?.request;
      if (lastRequest === undefined || request === undefined) {
        return;
      }
      const identification = BigInt(`0x${request.identification}`) ^ BigInt(answer.lowBits ?? 0);
      const codePart: Extension[] =
        answer.ipv6Code === undefined ? [] : [{ ipv6Code: { code: answer.ipv6Code } }];
      const association = answer.association ?? keys.mobileHome;
      const isOtherAgent = from.mac === otherForeignAgent.mac;
      const packet = encodePacket(
        [
          { ethernet: { destination: ownMac, source: from.mac } },
          {
            ipv4: {
              source: homeAgent,
              destination:
                lastRequest.source === '0.0.0.0'
                  ? (answer.reply?.homeAddress ?? '255.255.255.255')
                  : lastRequest.source,
              ttl: 64,
            },
          },
          { udp: { sourcePort: 434, destinationPort: sourcePort, checksum: answer.checksum } },
          {
            registrationReply: {
              code: 0,
              lifetimeSeconds: request.lifetimeSeconds,
              homeAddress: request.homeAddress,
              homeAgent,
              identification: identification.toString(16).padStart(16, '0'),
              ...answer.reply,
              extensions: [
                ...codePart,
                ...(answer.before ?? []),
                ...(answer.mobileHome ?? [{ mobileHomeAuthentication: { spi: association.spi } }]),
                ...(answer.after ?? []),
                ...((answer.mobileForeign ?? isOtherAgent)
                  ? [{ mobileForeignAuthentication: { spi: keys.mobileForeign.spi } }]
                  : []),
              ],
            },
          },
        ],
        {
          associations: { mobileHome: association, mobileForeign: keys.mobileForeign },
          tamper: answer.tamper,
        },
      );
      receiveFrame(packet);
    },
    /** A packet of the mobile node's own stack. */
    sendOwn: (packet: Packet) => node.onOwnPacket(Buffer.from(encodePacket(packet))),
    sendIpv6: () => node.onOwnPacket(Buffer.from(encodePacket([...echo(ipv6Home, correspondent)]))),
    sendIpv4: () => node.onOwnPacket(Buffer.from(encodePacket(ipv4Echo(homeAddress, ipv4Correspondent)))),
  };
}

/** An ICMPv6 echo request. */
export function echo(source: string, destination: string): Packet {
  return [
    { ipv6: { source, destination, hopLimit: 64 } },
    { icmpv6Echo: { type: 128 } },
    { payload: 'c0ffee' },
  ];
}

export function ipv4Echo(source: string, destination: string): Packet {
  return [{ ipv4: { source, destination, ttl: 64 } }, { icmpEcho: { type: 8 } }, { payload: 'c0ffee' }];
}

/** The fields of the first layer of this name. */
export function fieldsOf<Name extends string>(
  layers: Packet,
  name: Name,
): Extract<Packet[number], Record<Name, unknown>>[Name] | undefined {
  for (const layer of layers) {
    if (name in layer) {
      return (layer as Extract<Packet[number], Record<Name, unknown>>)[name];
    }
  }
  return undefined;
}

/** `ipv4 10.1.1.1>10.1.0.1 p41, ipv6 ...`: the layers of a frame behind its Ethernet header, in short. */
export function shapeOf(layers: Packet): string {
  return layers
    .slice(1)
    .map((layer) => {
      if ('ipv4' in layer) {
        const { source, destination, protocol } = layer.ipv4;
        return `${source}>${destination} p${protocol}`;
      }
      return 'ipv6' in layer ? `${layer.ipv6.source}>${layer.ipv6.destination}` : Object.keys(layer)[0];
    })
    .join(', ');
}

/** Names of a request's extensions, in order. */
export function namesOf(request: RegistrationRequest | undefined): string[] {
  return (request?.extensions ?? []).map((extension) => Object.keys(extension)[0] ?? '');
}
