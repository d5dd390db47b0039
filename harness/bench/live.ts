/** The bench over real links: packets by raw socket, frames by packet capture, sorted to the vectors they concern. */
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
} from '../engine/bench.ts';
import { requestPorts } from '../engine/identities.ts';
import { drainPorts, type Frame, realtimeNs } from '../net/index.ts';
import type { PortLink, Profile } from '../vectors/profile.ts';
import type { HookName } from '../vectors/types.ts';
import { type Decoded, decodePacket, type ExtensionTypes, encodePacket } from '../wire/index.ts';
import { type DhcpServer, startDhcp } from './dhcp.ts';
import { frameKeys, owedTo, registrationKeyOf } from './frame-keys.ts';
import { type BenchPort, openLocalPort, type Sink } from './local-port.ts';
import { isFrameOf } from './own-frames.ts';
import { RemotePort } from './remote-port.ts';
import { TimeOrder } from './time-order.ts';
import type { Transfers } from './transfers.ts';
import type { Turns } from './turns.ts';

/** How long after its end a window stays open for frames the kernel has stamped but not yet handed over, ns. */
const deliveryNs = 2_000_000;

const leaseSeconds = 3600;

/** The link of one mobile node under test: all of it belongs to the test that it is in. */
const linkName = (mobileNode: number): string => `link ${mobileNode}`;

/** A test that gets more frames than this is flooded: they would fill the memory, and looking through them takes too long. */
const mostFrames = 20_000;

/** How the reason begins when the kernel had to drop frames: a test that they are missing from is worth another try. */
export const framesLost = 'frames were lost';

/** Packets that may be between the socket and the capture at once. */
const mostUnderWay = 4096;

/** Where a port is: a device of this machine, or on another one. */
export type PortPlace = PortLink | RemotePort;

class LiveFrame implements SeenFrame {
  readonly port: PortName;
  readonly timeNs: number;
  readonly outgoing: boolean;
  readonly octets: Uint8Array;
  readonly decoded: Decoded;

  constructor(port: PortName, timeNs: number, frame: Frame, types: ExtensionTypes) {
    this.port = port;
    this.timeNs = timeNs;
    this.outgoing = frame.outgoing;
    this.octets = frame.octets;
    this.decoded = decodePacket(frame.octets, 'ethernet', { types, requestPorts });
  }
}

export interface LiveBenchOptions {
  /** Where each port is. */
  ports: { readonly [name in Exclude<PortName, 'link'>]?: PortPlace };
  /** The port "link" of each mobile node under test, in the order of the profile. */
  links?: readonly PortPlace[];
  extensionTypes: ExtensionTypes;
  /** Carries out a hook of the profile on a mobile node, or on the device; throws HookMissing when there is none. */
  hook(name: HookName, mobileNode: number): Promise<void>;
  /** Plugs a mobile node into another network; throws HookMissing when there is no such network. */
  move?(network: string, mobileNode: number): Promise<void>;
  /** Has the device begin anew; throws HookMissing when nothing can. */
  reset?(): Promise<void>;
  /** Has the device treat a mobile node in another way; throws HookMissing when nothing can. */
  reconfigure?(setting: string, mobileNode: number): Promise<void>;
  /** TCP of the correspondent node. */
  transfers?: Transfers;
  /** Whose turn it is to send a registration request; without it there is no limit. */
  turns?: Turns;
  /** IPv6 addresses of the mobile nodes that the harness plays behind a foreign agent; it answers for them at port "mn". */
  visitors?: readonly string[];
  /** The harness plays no mobile node and no agent here: kernels may answer for what comes. */
  beside?: boolean;
}

/** What a session sees and uses. */
export interface SessionOptions {
  /** Frames with any of these keys are its own; see frameKeys. */
  keys: readonly string[];
  /** Kept from answering "port unreachable". */
  udpPorts: readonly number[];
  /** Number of its mobile node in the profile. */
  mobileNode: number;
}

/** Connections belong to the mobile node's test. */
const connectionName = (mobileNode: number, name = ''): string => `${mobileNode} ${name}`;

/** UDP ports for which the kernel keeps silent: where packets of tests go, and Mobile IPv4's where the harness is an agent. */
const sinkPorts = (name: string): number[] => (name === 'ha' || name === 'link' ? [9, 434] : [9]);

/** What the kernel of a port keeps silent about. */
export const sinkOf = (name: string): Sink => ({ udpPorts: sinkPorts(name), protocols: [4, 41, 47, 55] });

class LiveSession implements BenchSession {
  readonly frames: SeenFrame[] = [];
  /** The number of the frame of each message that was sent, as far as it has come by. */
  readonly sentFrames = new Map<number, number>();
  /** Messages that were sent, and when the last one was. */
  sent = 0;
  lastSentNs = 0;
  /** Called with each frame as it comes. */
  onFrame: (frame: SeenFrame) => void = () => {};
  private closed = false;
  private readonly bench: LiveBench;
  readonly mobileNode: number;
  private readonly release: () => void;
  private wake: (() => void) | undefined;
  private readonly lostBefore: number;
  private flooded = false;

  constructor(bench: LiveBench, mobileNode: number, release: () => void) {
    this.bench = bench;
    this.mobileNode = mobileNode;
    this.release = release;
    this.lostBefore = bench.dropped();
  }

  now(): number {
    return this.bench.now();
  }

  async send(port: PortName, build: (nowNs: number) => Outgoing): Promise<Sent> {
    this.checkFlood();
    const sent = await this.bench.send(port, build, this);
    this.lastSentNs = sent.timeNs;
    return sent;
  }

  turn(mobileNode: number): Promise<void> {
    return this.bench.turn(mobileNode);
  }

  /** Called by the bench for each frame of this session. */
  add(frame: SeenFrame): void {
    if (this.frames.length >= mostFrames) {
      this.flooded = true;
      this.wake?.();
      return;
    }
    this.frames.push(frame);
    this.onFrame(frame);
    this.wake?.();
  }

  private checkFlood(): void {
    if (this.flooded)
      throw new BenchInterrupted(
        `this test was flooded: more than ${mostFrames} frames came for its addresses, the last ones at port ${this.frames.at(-1)?.port}`,
      );
  }

  /** That something did not come says nothing when frames were dropped meanwhile. */
  private checkLost(): void {
    const lost = this.bench.dropped() - this.lostBefore;
    if (lost > 0)
      throw new BenchInterrupted(
        `${framesLost}: the kernel dropped ${lost} of them while this test ran, as this machine could not read them in time; what was waited for may have been among them`,
      );
  }

  /** Called by the bench when it is interrupted. */
  interrupted(): void {
    this.wake?.();
  }

  async more(count: number, untilNs: number): Promise<boolean> {
    for (;;) {
      if (this.frames.length > count) return true;
      this.bench.check();
      this.checkFlood();
      const left = untilNs + deliveryNs - this.now();
      if (left <= 0) {
        drainPorts();
        if (this.bench.isSpread) await this.bench.settle();
        if (this.frames.length > count) return true;
        this.checkLost();
        return false;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(Math.ceil(left / 1_000_000), 2 ** 31 - 1));
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
  }

  async perform(action: Action): Promise<Performed> {
    const beganNs = this.now();
    const problem = await this.bench.perform(action, this);
    return { beganNs, endedNs: this.now(), ...(problem === undefined ? {} : { problem }) };
  }

  /** What was sent last is among the frames as well. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    drainPorts();
    this.bench.order.flush();
    this.release();
  }
}

export class LiveBench {
  /** CLOCK_REALTIME at the origin of the run, ns since 1970. */
  readonly originNs: bigint;
  /** By name; those of mobile nodes under test by linkName. */
  private readonly ports = new Map<string, BenchPort>();
  /** Ports on other machines. */
  private readonly remotes: RemotePort[] = [];
  /** Frames of several machines, in the order of their times. */
  readonly order = new TimeOrder(realtimeNs);
  private readonly visitors: ReadonlySet<string>;
  private readonly options: LiveBenchOptions;
  private readonly sessions = new Map<string, Set<LiveSession>>();
  private readonly open = new Set<LiveSession>();
  /** The keys of each session. */
  private readonly keys = new Map<LiveSession, Set<string>>();
  /** Called with every frame of every port while tests run. */
  onFrame: (frame: SeenFrame) => void = () => {};
  /** Keys of requests that had not been answered when their test ended. */
  private readonly owed = new Set<string>();
  private interruption: string | undefined;
  /** Rejects when the bench is interrupted. */
  private readonly gone: Promise<never>;
  private readonly leave: (error: BenchInterrupted) => void;
  private readonly servers = new Set<DhcpServer>();
  /** Packets under way to their port's capture, so that each is among the frames of who sent it, whatever is in it. */
  private readonly sent = new Map<string, { sent: Outgoing; session: LiveSession; index: number }[]>();

  /** Opens all ports. Throws a KernelError or NetError for a device that is not there or may not be opened. */
  constructor(options: LiveBenchOptions) {
    this.options = options;
    this.visitors = new Set(options.visitors);
    this.originNs = realtimeNs();
    let leave: (error: BenchInterrupted) => void = () => {};
    this.gone = new Promise((_, reject) => {
      leave = reject;
    });
    this.leave = leave;
    this.gone.catch(() => {});
    const places: PortPlace[] = [...Object.values(options.ports), ...(options.links ?? [])];
    for (const place of places) if (place instanceof RemotePort) this.remotes.push(place);
    for (const { delayNs } of this.remotes) if (delayNs > this.order.holdNs) this.order.holdNs = delayNs;
    try {
      for (const [name, link] of Object.entries(options.ports) as [PortName, PortPlace][])
        this.ports.set(name, this.openPort(name, name, link));
      for (const [at, link] of (options.links ?? []).entries())
        this.ports.set(linkName(at), this.openPort('link', linkName(at), link));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  private openPort(name: PortName, key: string, place: PortPlace): BenchPort {
    const events = {
      onFrame: (frame: Frame): void => {
        if (!this.isSpread) this.sort(name, key, frame);
        else if (this.open.size > 0) this.order.add(frame.timeNs, () => this.sort(name, key, frame));
      },
      onError: (reason: string): void =>
        this.interrupt(place instanceof RemotePort ? reason : `port ${key}: ${reason}`),
    };
    if (place instanceof RemotePort) return place.attach(events);
    return openLocalPort(place, this.options.beside === true ? undefined : sinkOf(name), events);
  }

  /** Whether some of its ports are on other machines. */
  get isSpread(): boolean {
    return this.remotes.length > 0;
  }

  /** Every frame that was seen anywhere until now is among those of its sessions. Rejects with BenchInterrupted. */
  async settle(): Promise<void> {
    const nowNs = realtimeNs();
    await Promise.race([Promise.all(this.remotes.map((port) => port.drain())), this.gone]);
    drainPorts();
    this.order.settle(nowNs);
  }

  /** MAC address of a port. */
  mac(port: Exclude<PortName, 'link'>): string | undefined {
    return this.ports.get(port)?.mac;
  }

  /** The harness's MAC address on the link of each mobile node under test. */
  linkMacs(): string[] {
    return (this.options.links ?? []).map((_, at) => this.ports.get(linkName(at))?.mac ?? '');
  }

  /** Names of the ports; that of the mobile nodes under test, "link", once. */
  portNames(): PortName[] {
    return [
      ...(Object.keys(this.options.ports) as PortName[]),
      ...((this.options.links ?? []).length === 0 ? [] : (['link'] as const)),
    ];
  }

  /** Where the ports of this machine are, by the names that people use: "mn", "link 1". */
  places(): { name: string; link: PortLink }[] {
    const links = (this.options.links ?? []).map((place, at): [string, PortPlace] => [
      `link ${at + 1}`,
      place,
    ]);
    return [...Object.entries(this.options.ports), ...links].flatMap(([name, link]) =>
      link instanceof RemotePort ? [] : [{ name, link }],
    );
  }

  /** MAC address of a port; of "link" that of a mobile node's. */
  macAt(port: PortName, mobileNode: number): string {
    const key = port === 'link' ? linkName(mobileNode) : port;
    return this.ports.get(key)?.mac ?? '00:00:00:00:00:00';
  }

  /** MAC addresses of all ports. */
  ownMacs(): Set<string> {
    return new Set([...this.ports.values()].map(({ mac }) => mac));
  }

  now(): number {
    return Number(realtimeNs() - this.originNs);
  }

  /** Throws BenchInterrupted once the IUT or a port is gone. */
  check(): void {
    if (this.interruption !== undefined) throw new BenchInterrupted(this.interruption);
  }

  /** Nothing that happens from here on says anything about the IUT: every open session ends with this reason. */
  interrupt(reason: string): void {
    this.interruption ??= reason;
    this.leave(new BenchInterrupted(reason));
    for (const session of this.open) session.interrupted();
  }

  async send(port: PortName, build: (nowNs: number) => Outgoing, session: LiveSession): Promise<Sent> {
    this.check();
    const key = port === 'link' ? linkName(session.mobileNode) : port;
    const at = this.ports.get(key);
    if (at === undefined) throw new Error(`the profile has no port "${key}"`);
    const timeNs = this.now();
    const outgoing = build(timeNs);
    const underWay = this.sent.get(key) ?? [];
    underWay.push({ sent: outgoing, session, index: session.sent });
    session.sent += 1;
    this.sent.set(key, underWay.slice(-mostUnderWay));
    const sending = at.send(outgoing);
    // What is sent next must not be out before it.
    if (sending !== undefined) await Promise.race([sending, this.gone]);
    return { ...outgoing, port, timeNs };
  }

  /** Resolves when a registration request of this mobile node may leave. Rejects with BenchInterrupted. */
  async turn(mobileNode: number): Promise<void> {
    const { turns } = this.options;
    if (turns === undefined) return;
    await Promise.race([turns.of(mobileNode), this.gone]);
    this.check();
  }

  /** Carry out an action; resolves to what went wrong with it. An operator may take long: an interruption is not waited out. */
  perform(action: Action, session: LiveSession): Promise<string | undefined> {
    return Promise.race([this.carryOut(action, session), this.gone]);
  }

  private async carryOut(action: Action, { mobileNode }: LiveSession): Promise<string | undefined> {
    const { hook, move, reconfigure, reset, transfers } = this.options;
    switch (action.kind) {
      case 'hook':
        await hook(action.name, mobileNode);
        return undefined;
      case 'move':
        if (move === undefined) throw new HookMissing('nothing on this bench moves the mobile node');
        await move(action.network, mobileNode);
        return undefined;
      case 'reset':
        if (reset === undefined) throw new HookMissing('nothing on this bench has the device begin anew');
        await reset();
        return undefined;
      case 'reconfigure':
        if (reconfigure === undefined) throw new HookMissing('nothing on this bench reconfigures the device');
        await reconfigure(action.setting, action.mobileNode);
        return undefined;
      case 'transfer':
        if (transfers === undefined) throw new HookMissing('nothing on this bench transfers octets');
        return transfers.transfer({ ...action, connection: connectionName(mobileNode, action.connection) });
    }
  }

  session({ keys, udpPorts, mobileNode }: SessionOptions): LiveSession {
    const sinks = (['mn', 'fa'] as const).flatMap((name) =>
      udpPorts.length === 0 ? [] : (this.ports.get(name)?.sink(udpPorts) ?? []),
    );
    const own = new Set<string>();
    const session = new LiveSession(this, mobileNode, () => {
      this.open.delete(session);
      this.options.transfers?.drop(connectionName(mobileNode));
      for (const sink of sinks) sink.close();
      for (const key of own) {
        const set = this.sessions.get(key);
        set?.delete(session);
        if (set?.size === 0) this.sessions.delete(key);
      }
      this.keys.delete(session);
      for (const key of owedTo(session.frames)) this.owed.add(key);
    });
    this.open.add(session);
    this.keys.set(session, own);
    for (const key of [...keys, linkName(mobileNode)]) this.addKey(session, key);
    return session;
  }

  private addKey(session: LiveSession, key: string): void {
    this.keys.get(session)?.add(key);
    const set = this.sessions.get(key) ?? new Set();
    set.add(session);
    this.sessions.set(key, set);
  }

  /** While it is open, the network of a mobile node under test gives it a care-of address by DHCP. Rejects with BenchError. */
  async startDhcp(profile: Pick<Profile, 'visitedNetwork'>, mobileNode: number): Promise<DhcpServer> {
    const link = this.options.links?.[mobileNode];
    if (link === undefined || profile.visitedNetwork === undefined)
      throw new Error('there is no link of a mobile node');
    const { visitedNetwork: network } = profile;
    const server = await (link instanceof RemotePort
      ? link.startDhcp({ network, leaseSeconds, addresses: 1 })
      : startDhcp(link, network, { leaseSeconds, addresses: 1 }));
    this.servers.add(server);
    return {
      close: async () => {
        this.servers.delete(server);
        await server.close();
      },
    };
  }

  /** Frames the kernel had to drop because the process was too slow: a run with any is not to be trusted. */
  dropped(): number {
    let sum = 0;
    for (const port of this.ports.values()) sum += port.dropped();
    return sum;
  }

  /** What the reader of results has to know of ports on other machines. */
  findings(): string[] {
    const { late } = this.order;
    return [
      ...this.remotes.flatMap((port) => port.findings()),
      ...(late === 0
        ? []
        : [
            `${late} frames came from another machine later than was waited for: see run.pcapng for the order of their times`,
          ]),
    ];
  }

  close(): void {
    for (const port of this.ports.values()) port.close();
    this.ports.clear();
    // Of tests that are broken off.
    for (const server of this.servers) server.close().catch(() => {});
  }

  /** RFC 2461 7.2.4. A foreign agent may ask who has the address, where another delivers to who has registered it. */
  private advertiseNeighbor({ octets, decoded }: SeenFrame): void {
    const [ethernet, ipv6, message] = decoded.layers;
    const port = this.ports.get('mn');
    if (port === undefined || ethernet === undefined || !('ethernet' in ethernet)) return;
    if (ipv6 === undefined || !('ipv6' in ipv6) || ipv6.ipv6.source === '::' || octets.length < 12) return;
    if (message === undefined || !('neighborSolicitation' in message)) return;
    const { target } = message.neighborSolicitation;
    const { source: asker } = ethernet.ethernet;
    if (target === undefined || asker === undefined || !this.visitors.has(target)) return;
    const { mac } = port;
    const advertisement = encodePacket([
      { ethernet: { destination: asker, source: mac } },
      { ipv6: { source: target, destination: ipv6.ipv6.source, hopLimit: 255 } },
      {
        neighborAdvertisement: {
          router: false,
          solicited: true,
          override: true,
          target,
          options: [{ targetLinkLayerAddress: { address: mac } }],
        },
      },
    ]);
    try {
      void port.send({ kind: 'ethernet', octets: advertisement });
    } catch (error) {
      // Without it the device would look silent.
      this.interrupt(`port mn cannot send: ${(error as Error).message}`);
    }
  }

  /** It answers or relays a request of a test that is over: the next one of the mobile node is not to take it for an answer to its own. */
  private isOwed(decoded: Decoded): boolean {
    if (this.owed.size === 0) return false;
    const key = registrationKeyOf(decoded);
    return key !== undefined && this.owed.has(key) && !this.sessions.has(key);
  }

  private sort(port: PortName, key: string, frame: Frame): void {
    if (this.open.size === 0) return;
    const seen = new LiveFrame(
      port,
      Number(frame.timeNs - this.originNs),
      frame,
      this.options.extensionTypes,
    );
    this.onFrame(seen);
    if (port === 'mn' && !frame.outgoing) this.advertiseNeighbor(seen);
    if (!frame.outgoing && this.isOwed(seen.decoded)) return;
    const found = new Set<LiveSession>();
    let claimed: { session: LiveSession; index: number } | undefined;
    for (const each of port === 'link' ? [key] : frameKeys(seen.decoded)) {
      for (const session of this.sessions.get(each) ?? []) found.add(session);
    }
    if (frame.outgoing) {
      const underWay = this.sent.get(key) ?? [];
      const at = underWay.findIndex(({ sent }) => isFrameOf(frame.octets, sent));
      const [own] = at < 0 ? [] : underWay.splice(at, 1);
      if (own !== undefined && this.open.has(own.session)) {
        found.add(own.session);
        claimed = own;
        const message = registrationKeyOf(seen.decoded);
        if (message !== undefined) this.addKey(own.session, message);
      }
    }
    for (const session of found) session.add(seen);
    claimed?.session.sentFrames.set(claimed.index, claimed.session.frames.length);
  }
}
