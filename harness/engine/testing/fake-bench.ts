/** A bench without a network: a device that is a function, and a clock that moves only when somebody waits. */
import { readSteps } from '../../vectors/expand.ts';
import { type Json, judgedBy, type Position, type TestCase } from '../../vectors/types.ts';
import {
  type Decoded,
  decodePacket,
  encodePacket,
  type Packet,
  type SecurityAssociation,
} from '../../wire/index.ts';
import {
  type Action,
  BenchInterrupted,
  type BenchSession,
  HookMissing,
  type Outgoing,
  type Performed,
  type PortName,
  type SeenFrame,
  type Sent,
} from '../bench.ts';
import type { Surroundings } from '../identities.ts';

export const milliseconds = 1_000_000;

/** Something that arrives at a port, so long after what caused it. */
export interface Arrival {
  port: PortName;
  afterMs: number;
  /** Layers from IPv4 or IPv6 on, or octets of the whole frame. */
  packet: Packet | Uint8Array;
}

/** What a device does with a packet that was sent: `count` is how many were sent before it. */
export type Device = (packet: Decoded, at: { port: PortName; count: number }) => Arrival[];

const homeKey = Uint8Array.from(Buffer.from('00112233445566778899aabbccddeeff', 'hex'));

export function association(spi: number): SecurityAssociation {
  return { spi, key: homeKey, algorithm: 'hmac-md5' };
}

/** The profile of an imaginary device: two mobile nodes, an association with one foreign agent. */
export function imaginary(changes: Partial<Surroundings> = {}): Surroundings {
  const mobileNode = (index: number): Surroundings['mn'] => ({
    index,
    nai: `mn${index}@example.net`,
    ipv4HomeAddress: `10.1.1.${index}`,
    ipv6HomeAddress: `2001:db8:1::1:${index}`,
    association: association(1000 + index),
    replay: 'timestamps',
  });
  return {
    role: 'home-agent',
    position: 'co-located' as Position,
    mn: mobileNode(1),
    other: mobileNode(2),
    homeAgent: { address: '10.1.0.1', ipv6Address: '2001:db8:1::1' },
    correspondentNode: { address: '10.12.0.2', ipv6Address: '2001:db8:c::2' },
    ipv6Extensions: true,
    reverseTunnelingRequired: false,
    ipv4HomePrefix: '10.1.0.0/16',
    ipv6HomePrefix: '2001:db8:1::/64',
    firstCareOfAddress: '10.10.128.1',
    foreignHome: association(2000),
    foreignAgents: [{ address: '10.11.0.2', association: association(2000) }],
    extensionTypes: { ipv6HomeAddress: 200, ipv6Compatibility: 201, ipv6Code: 202 },
    timers: {
      replySeconds: 2,
      silenceSeconds: 1,
      shortLifetimeSeconds: 2,
      lifetimeToleranceSeconds: 0.5,
      lifetimeSeconds: 300,
      advertisementSeconds: 3,
      pendingSeconds: 1,
      maximumLifetimeSeconds: 600,
      registrationSeconds: 2,
      transferSeconds: 1,
    },
    originNs: 1_700_000_000_123_456_789n,
    seed: 'fake',
    graceNs: 20 * milliseconds,
    ...changes,
  };
}

class FakeFrame implements SeenFrame {
  readonly port: PortName;
  readonly timeNs: number;
  readonly outgoing: boolean;
  readonly octets: Uint8Array;
  readonly decoded: Decoded;

  constructor(port: PortName, timeNs: number, outgoing: boolean, octets: Uint8Array) {
    this.port = port;
    this.timeNs = timeNs;
    this.outgoing = outgoing;
    this.octets = octets;
    this.decoded = decodePacket(octets, 'ethernet');
  }
}

const link: Packet[number] = { ethernet: { destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02' } };

export class FakeSession implements BenchSession {
  readonly frames: SeenFrame[] = [];
  private readonly device: Device;
  private clockNs = 0;
  private due: SeenFrame[] = [];
  private sends = 0;
  /** The bench breaks down at the send of this number. */
  interruptAt: number | undefined;
  /** The harness itself fails at the send of this number, once. */
  failAt: number | undefined;
  /** How much later than asked for a wait ends: a busy machine. */
  oversleepNs = 0;

  constructor(device: Device) {
    this.device = device;
  }

  now(): number {
    return this.clockNs;
  }

  /** Something arrives without having been asked for. */
  arrive({ port, afterMs, packet }: Arrival): void {
    const octets =
      packet instanceof Uint8Array
        ? packet
        : encodePacket([link, ...packet], {
            associations: { mobileHome: association(1001), foreignHome: association(2000) },
          });
    this.due.push(new FakeFrame(port, this.clockNs + afterMs * milliseconds, false, octets));
    this.due.sort((a, b) => a.timeNs - b.timeNs);
  }

  async send(port: PortName, build: (nowNs: number, known?: string) => Outgoing): Promise<Sent> {
    if (this.interruptAt !== undefined && this.sends >= this.interruptAt)
      throw new BenchInterrupted('the device is gone');
    if (this.failAt === this.sends) {
      this.failAt = undefined;
      throw new Error('no buffer space');
    }
    const outgoing = build(this.clockNs);
    const octets =
      outgoing.kind === 'ethernet'
        ? outgoing.octets
        : Uint8Array.from([...encodePacket([link, { payload: '' }]), ...outgoing.octets]);
    if (outgoing.kind === 'ip')
      octets.set((outgoing.octets[0] ?? 0) >> 4 === 6 ? [0x86, 0xdd] : [0x08, 0x00], 12);
    const frame = new FakeFrame(port, this.clockNs, true, octets);
    this.frames.push(frame);
    for (const arrival of this.device(frame.decoded, { port, count: this.sends })) this.arrive(arrival);
    this.sends += 1;
    const timeNs = this.clockNs;
    // No two packets leave at once.
    this.clockNs += 1000;
    return { ...outgoing, port, timeNs };
  }

  async more(count: number, untilNs: number): Promise<boolean> {
    if (this.frames.length > count) return true;
    const next = this.due[0];
    if (next !== undefined && next.timeNs <= untilNs) {
      this.due.shift();
      this.clockNs = Math.max(this.clockNs, next.timeNs);
      this.frames.push(next);
      return true;
    }
    this.clockNs = Math.max(this.clockNs, untilNs + this.oversleepNs);
    return false;
  }

  /** Actions that were carried out; without means they are missing. */
  readonly actions: Action[] = [];
  canAct = true;
  /** What went wrong with every one. */
  problem: string | undefined;
  /** What comes of one. */
  reacts: (action: Action) => Arrival[] = () => [];

  async perform(action: Action): Promise<Performed> {
    if (!this.canAct) throw new HookMissing(`no ${action.kind}`);
    this.actions.push(action);
    for (const arrival of this.reacts(action)) this.arrive(arrival);
    const performed = { beganNs: this.clockNs, endedNs: this.clockNs };
    return this.problem === undefined ? performed : { ...performed, problem: this.problem };
  }

  close(): void {}
}

/** Steps as a vector writes them, fragments aside. */
export function steps(part: 'preamble' | 'body' | 'postamble', ...list: Json[]): TestCase['body'] {
  return readSteps(list, 'test.json', part, part);
}

/** A registration request of `mn` or `other`, as layers. */
export function request(who: 'mn' | 'other', more: Json[] = []): Json[] {
  return [
    { ipv4: { source: `$${who}.careOfAddress`, destination: '$ha.address', ttl: 64 } },
    { udp: { sourcePort: `$${who}.udpPort`, destinationPort: 434 } },
    {
      registrationRequest: {
        lifetimeSeconds: 300,
        homeAddress: `$${who}.homeAddress`,
        homeAgent: '$ha.address',
        careOfAddress: `$${who}.careOfAddress`,
        identification: '$identification.fresh',
        extensions: [...more, { mobileHomeAuthentication: {} }],
      },
    },
  ];
}

/** Send a request and control that it was accepted. */
export function register(who: 'mn' | 'other', as: string): Json[] {
  return [
    { at: 'mn', send: request(who), by: who, as },
    {
      at: 'mn',
      expect: ['...', { registrationReply: { code: { oneOf: [0, 1] } } }],
      control: true,
      answers: as,
    },
  ];
}

/** A test around a body. The clauses are those it names. */
export function testOf(body: TestCase['body'], changes: Partial<TestCase> = {}): TestCase {
  const clauses = body.flatMap(judgedBy);
  const alive = {
    mn: steps('preamble', ...register('mn', 'liveness')),
    other: steps('preamble', ...register('other', 'liveness')),
  };
  return {
    id: 'ha-fake@co-located',
    file: 'test.json',
    title: 'A test of the engine',
    role: 'home-agent',
    position: 'co-located',
    requires: 'true',
    clauses: [...new Set(clauses)],
    kills: [],
    needs: {},
    preamble: [],
    body,
    postamble: [],
    warmUp: [],
    liveness: [alive, alive],
    prelude: { mn: [], other: [] },
    ...changes,
  };
}
