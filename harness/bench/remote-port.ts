/** A port on another machine: `dsmip port-server` there, behind a command such as ssh. */
import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { realtimeNs } from '../net/index.ts';
import { BenchError } from './agent-process.ts';
import { ClockOffset } from './clock-offset.ts';
import type { DhcpServer } from './dhcp.ts';
import type { BenchPort, PortEvents } from './local-port.ts';
import {
  type Dhcp,
  encodeMessage,
  greeting,
  type Hello,
  int64,
  jsonOf,
  kinds,
  MessageReader,
  type Ready,
  uint32,
} from './port-protocol.ts';

const startSeconds = 30;
const endSeconds = 10;
const firstExchanges = 12;
const furtherExchanges = 3;
const measureMs = 1000;
/** So long without an answer, the other machine is gone. */
const silenceMs = 10_000;
/** A shell there may say something before. */
const longestNoise = 65_536;

export class RemotePort {
  readonly name: string;
  readonly clock = new ClockOffset();
  mac = '';
  /** What was put back there that an earlier run had left. */
  told: string[] = [];
  private readonly child: ChildProcess;
  private readonly program: string;
  private readonly reader = new MessageReader((kind, body) => this.receive(kind, body));
  private before: Buffer | undefined = Buffer.alloc(0);
  private said = '';
  private events: PortEvents | undefined;
  private gone: string | undefined;
  private closing = false;
  private numbers = 0;
  private lost = 0;
  private leastRoundTripNs = 0n;
  private heardMs = performance.now();
  private readonly waiting = new Map<number, (problem: string) => void>();
  private readonly pings = new Map<bigint, () => void>();
  private ready: (() => void) | undefined;
  private failed: (reason: string) => void = () => {};
  private timer: NodeJS.Timeout | undefined;

  private constructor(name: string, [command = '', ...args]: readonly string[]) {
    this.name = name;
    this.program = basename(command);
    // In a session of its own: Ctrl-C in the terminal is for us, who then take everything back.
    this.child = spawn(command, [...args, 'port-server'], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.child.stdin?.on('error', () => {});
    this.child.stdout?.on('data', (chunk: Buffer) => this.hear(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.said = (this.said + chunk.toString('utf8')).slice(-2000);
    });
    this.child.once('error', (error) => this.lose(`cannot be run: ${error.message}`));
    this.child.once('close', (code, signal) => this.lose(`ended (${signal ?? `status ${code}`})`));
  }

  /** Start the server there, have it set the port up, and measure its clock. Rejects with BenchError. */
  static async connect(name: string, via: readonly string[], hello: Hello): Promise<RemotePort> {
    const port = new RemotePort(name, via);
    try {
      await port.start(hello);
      return port;
    } catch (error) {
      await port.close();
      throw error;
    }
  }

  private async start(hello: Hello): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const fail = (reason: string): void => {
        clearTimeout(timer);
        reject(new BenchError(reason));
      };
      const timer = setTimeout(
        () => fail(this.problem(`did not set the port up within ${startSeconds} s`)),
        startSeconds * 1000,
      );
      this.failed = fail;
      this.ready = () => {
        clearTimeout(timer);
        resolve();
      };
      this.say(kinds.hello, JSON.stringify(hello));
      if (this.gone !== undefined) fail(this.gone);
    });
    await this.measure(firstExchanges);
    const tick = async (): Promise<void> => {
      if (performance.now() - this.heardMs > silenceMs) {
        this.lose(`answers no more for ${silenceMs / 1000} s`);
        return;
      }
      await this.measure(furtherExchanges);
    };
    this.timer = setInterval(() => void tick(), measureMs);
    this.timer.unref();
  }

  /** `port cn: "ssh" ...`, with what the command said. Its arguments stay out of it, as they may hold what nobody else should see. */
  private problem(what: string): string {
    const said = this.said.trim().split('\n').slice(-3).join(' / ');
    const hint =
      this.before === undefined
        ? ''
        : `; try the command of bench.ports.${this.name.replace(/\d+$/, '')}.via by hand, with port-server behind it`;
    return `port ${this.name}: the command "${this.program}" to the other machine ${what}${said === '' ? '' : `: ${said}`}${hint}`;
  }

  private lose(what: string): void {
    if (this.gone !== undefined || this.closing) return;
    this.gone = this.problem(what);
    clearInterval(this.timer);
    this.failed(this.gone);
    this.events?.onError(this.gone);
    const { child } = this;
    child.kill('SIGKILL');
    // What it started may live on, and is told so by that.
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
  }

  private hear(chunk: Buffer): void {
    if (this.gone !== undefined) return;
    try {
      let rest = chunk;
      if (this.before !== undefined) {
        const all = Buffer.concat([this.before, chunk]);
        const at = all.indexOf(greeting);
        if (at < 0) {
          if (all.length > longestNoise)
            this.lose(
              'says something else than port-server does: have its shell say nothing, and dsmip there be of this version',
            );
          this.before = all;
          return;
        }
        this.before = undefined;
        rest = all.subarray(at + greeting.length);
      }
      this.reader.read(rest);
    } catch (error) {
      this.lose(`cannot be understood (${(error as Error).message})`);
    }
  }

  private receive(kind: number, body: Buffer): void {
    this.heardMs = performance.now();
    switch (kind) {
      case kinds.ready: {
        const { mac, told } = jsonOf<Ready>(body);
        this.mac = String(mac);
        this.told = [told].flat().map(String);
        this.ready?.();
        return;
      }
      case kinds.pong: {
        const askedNs = body.readBigInt64BE(0);
        const answeredNs = realtimeNs();
        this.clock.add({ askedNs, thereNs: body.readBigInt64BE(8), answeredNs });
        const roundTrip = answeredNs - askedNs;
        if (this.leastRoundTripNs === 0n || roundTrip < this.leastRoundTripNs)
          this.leastRoundTripNs = roundTrip;
        this.pings.get(askedNs)?.();
        this.pings.delete(askedNs);
        return;
      }
      case kinds.frame:
        this.events?.onFrame({
          outgoing: body.readUInt8(0) === 1,
          timeNs: this.clock.toOurs(body.readBigInt64BE(1)),
          wireLength: body.readUInt32BE(9),
          octets: Uint8Array.from(body.subarray(13)),
        });
        return;
      case kinds.done: {
        const number = body.readUInt32BE(0);
        this.lost = body.readUInt32BE(4);
        this.waiting.get(number)?.(body.subarray(8).toString('utf8'));
        this.waiting.delete(number);
        return;
      }
      case kinds.failed:
        this.lose(`says: ${jsonOf<string>(body)}`);
        return;
    }
  }

  private say(kind: number, ...parts: (Uint8Array | string)[]): void {
    if (this.gone === undefined) this.child.stdin?.write(encodeMessage(kind, ...parts));
  }

  /** Say something with a number of its own; resolves, when it is done, to what went wrong. Never when the connection is lost. */
  private ask(kind: number, part: Uint8Array | string = '', number = this.next()): Promise<string> {
    return new Promise((resolve) => {
      this.waiting.set(number, resolve);
      this.say(kind, uint32(number), part);
    });
  }

  private next(): number {
    this.numbers = (this.numbers + 1) >>> 0;
    return this.numbers;
  }

  /** One after the other, as those that wait for each other would take longer. */
  private async measure(exchanges: number): Promise<void> {
    for (let n = 0; n < exchanges && this.gone === undefined; n += 1) {
      const askedNs = realtimeNs();
      const answered = new Promise<void>((resolve) => {
        this.pings.set(askedNs, resolve);
        setTimeout(resolve, silenceMs).unref();
      });
      this.say(kinds.ping, int64(askedNs));
      await answered;
    }
  }

  /** How long after an instant the frames of that instant are here, as a rule. */
  get delayNs(): bigint {
    return this.leastRoundTripNs * 2n + 10_000_000n;
  }

  /** The port, for the bench; from here on its frames are told, their times by our clock. */
  attach(events: PortEvents): BenchPort {
    this.events = events;
    if (this.gone !== undefined) events.onError(this.gone);
    return {
      mac: this.mac,
      send: async ({ kind, octets }) => {
        const problem = await this.ask(kind === 'ip' ? kinds.ip : kinds.ethernet, octets);
        if (problem !== '') events.onError(problem);
      },
      sink: (udpPorts) => {
        const number = this.next();
        this.say(kinds.sink, uint32(number), JSON.stringify(udpPorts));
        return { close: () => this.say(kinds.end, uint32(number)) };
      },
      dropped: () => this.lost,
      close: () => {
        this.events = undefined;
      },
    };
  }

  /** Resolves when every frame seen there until now has been told. */
  async drain(): Promise<void> {
    await this.ask(kinds.drain);
  }

  /** A DHCP server there, on the link. Rejects with BenchError. */
  async startDhcp(dhcp: Dhcp): Promise<DhcpServer> {
    const number = this.next();
    const problem = await this.ask(kinds.dhcp, JSON.stringify(dhcp), number);
    if (problem !== '') throw new BenchError(`on the other machine ${problem}`);
    return {
      close: async () => this.say(kinds.end, uint32(number)),
    };
  }

  /** What the reader of results has to know of times. */
  findings(): string[] {
    const { offsetNs, firstOffsetNs, uncertaintyNs, steps } = this.clock;
    const apart = (ns: bigint): string =>
      `${(Math.abs(Number(ns)) / 1e9).toFixed(6)} s ${ns < 0n ? 'behind' : 'ahead of'}`;
    const ms = (ns: bigint): string => (Number(ns) / 1e6).toFixed(2);
    return [
      `port ${this.name} is on another machine (by ${this.program}), whose clock is ${apart(offsetNs)} this one's (at the start ${apart(firstOffsetNs)} it), known to within ${ms(uncertaintyNs)} ms: the times of its frames are told by this machine's clock, and their order with frames of other ports is certain only beyond that`,
      ...(steps === 0
        ? []
        : [
            `the clock of the machine of port ${this.name}, or this one's, was set ${steps} times during the run: the order of its frames with those of other ports is not certain around that`,
          ]),
    ];
  }

  /** End the server there, which takes its changes back. */
  async close(): Promise<void> {
    this.closing = true;
    clearInterval(this.timer);
    const { child } = this;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin?.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), endSeconds * 1000);
    await ended;
    clearTimeout(timer);
  }
}
