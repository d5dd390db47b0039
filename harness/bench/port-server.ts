/** `dsmip port-server`: one port of a run that goes on on another machine, served over standard input and output. */
import { Socket } from 'node:net';
import { drainPorts, type OpenLinks, openLinks, realtimeNs } from '../net/index.ts';
import { startDhcp } from './dhcp.ts';
import { type BenchPort, openLocalPort } from './local-port.ts';
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
import { restoredText } from './restored.ts';

/** Octets that may wait for a slow connection; frames beyond that are lost, and counted. */
const mostWaiting = 64 * 1024 * 1024;

/** Of tests alone: seconds that this machine's clock is to look ahead. */
const clockShift = 'DSMIP_TEST_CLOCK_SHIFT';

class PortServer {
  private readonly output = new Socket({ fd: 1, readable: false, writable: true });
  private readonly shiftNs = BigInt(Math.round(Number(process.env[clockShift] ?? 0) * 1e9));
  private readonly opened = new Map<number, { close(): unknown }>();
  private links: OpenLinks | undefined;
  private device: { namespace?: string; device: string } | undefined;
  private port: BenchPort | undefined;
  private lost = 0;
  private ended = false;
  private starting: Promise<void> | undefined;

  constructor() {
    // Whoever listened is gone; the end of our input says so too.
    this.output.on('error', () => {});
    this.output.write(greeting);
  }

  receive(kind: number, body: Buffer): void {
    const number = (): number => body.readUInt32BE(0);
    switch (kind) {
      case kinds.ping:
        this.say(kinds.pong, body, int64(realtimeNs() + this.shiftNs));
        return;
      case kinds.hello:
        this.starting = this.start(jsonOf<Hello>(body)).catch((error: Error) => this.fail(error.message));
        return;
      case kinds.ip:
      case kinds.ethernet:
        this.port?.send({
          kind: kind === kinds.ip ? 'ip' : 'ethernet',
          octets: Buffer.from(body.subarray(4)),
        });
        drainPorts();
        this.done(number());
        return;
      case kinds.drain:
        drainPorts();
        this.done(number());
        return;
      case kinds.sink: {
        const sink = this.port?.sink(jsonOf<number[]>(body.subarray(4)));
        if (sink !== undefined) this.opened.set(number(), sink);
        return;
      }
      case kinds.dhcp:
        this.startDhcp(number(), jsonOf<Dhcp>(body.subarray(4)));
        return;
      case kinds.end:
        this.opened.get(number())?.close();
        this.opened.delete(number());
        return;
    }
  }

  private async start({ plan, sink }: Hello): Promise<void> {
    this.links = await openLinks(`dsmip port-server, port ${plan.name}`, [plan]);
    const [device] = this.links.links;
    if (device === undefined) throw new Error('there is no link');
    this.device = device;
    this.port = openLocalPort(device, sink, {
      onFrame: ({ outgoing, timeNs, wireLength, octets }) => {
        if (this.output.writableLength > mostWaiting) this.lost += 1;
        else
          this.say(
            kinds.frame,
            Uint8Array.of(outgoing ? 1 : 0),
            int64(timeNs + this.shiftNs),
            uint32(wireLength),
            octets,
          );
      },
      onError: (reason) => this.fail(reason),
    });
    const ready: Ready = { mac: this.port.mac, told: this.links.restored.flatMap(restoredText) };
    this.say(kinds.ready, JSON.stringify(ready));
  }

  private startDhcp(number: number, { network, leaseSeconds, addresses }: Dhcp): void {
    if (this.device === undefined) return;
    startDhcp(this.device, network, { leaseSeconds, addresses }).then(
      (server) => {
        if (this.ended) server.close();
        else this.opened.set(number, server);
        this.done(number);
      },
      (error: Error) => this.done(number, error.message),
    );
  }

  private done(number: number, problem = ''): void {
    const lost = this.lost + (this.port?.dropped() ?? 0);
    this.say(kinds.done, uint32(number), uint32(lost), problem);
  }

  private say(kind: number, ...parts: (Uint8Array | string)[]): void {
    if (!this.output.destroyed) this.output.write(encodeMessage(kind, ...parts));
  }

  /** Say why and end. */
  fail(message: string): void {
    this.say(kinds.failed, JSON.stringify(message));
    void this.end(1);
  }

  /** Everything is taken back, then the process ends. */
  async end(status: number): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await this.starting;
    for (const one of this.opened.values()) await one.close();
    this.port?.close();
    const problems = this.links?.close() ?? [];
    for (const problem of problems) process.stderr.write(`dsmip: ${problem}\n`);
    await new Promise<void>((resolve) => {
      this.output.once('close', () => resolve());
      this.output.end(() => resolve());
      setTimeout(resolve, 2000).unref();
    });
    process.exit(problems.length > 0 ? 2 : status);
  }
}

/** Serve until standard input ends. */
export function servePort(): void {
  const server = new PortServer();
  const reader = new MessageReader((kind, body) => server.receive(kind, body));
  process.stdin.on('data', (chunk: Buffer) => {
    try {
      reader.read(chunk);
    } catch (error) {
      server.fail((error as Error).message);
    }
  });
  process.stdin.once('end', () => void server.end(0));
  process.stdin.on('error', () => void server.end(0));
  for (const [signal, number] of [
    ['SIGHUP', 1],
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.on(signal, () => void server.end(128 + number));
}
