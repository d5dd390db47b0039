/**
 * The one thing the engine knows of the world. The live bench (raw sockets, packet capture), the
 * recorded bench (a pcapng written earlier) and the fake one of the unit tests implement it alike.
 */
import type { HookName } from '../vectors/types.ts';
import type { Decoded } from '../wire/types.ts';

/**
 * A link the harness stands on: as mobile node, foreign agent, correspondent node or home agent, on a home agent's home link, or on
 * a mobile node's link, where it plays whatever network the mobile node is in. In a scenario it stands beside the devices: at the
 * uplinks of the home agent (ha) and the foreign agents (fa, plainFa), on the home link, the foreign agents' visited links (visited,
 * plainVisited) and that of the network without a foreign agent (network), and on the link that the mobile node moves with.
 */
export const portNames = [
  'mn',
  'fa',
  'cn',
  'home',
  'ha',
  'link',
  'visited',
  'plainFa',
  'plainVisited',
  'network',
] as const;
export type PortName = (typeof portNames)[number];

/** One frame seen at a port, from its Ethernet header on. */
export interface SeenFrame {
  port: PortName;
  /** Kernel timestamp, nanoseconds since the origin of the run. */
  timeNs: number;
  /** True for what left through the port, our own packets among it. */
  outgoing: boolean;
  octets: Uint8Array;
  /** Decoded once, when first asked for. */
  readonly decoded: Decoded;
}

/** What goes out: an IP packet (routed by the port's kernel) or a whole Ethernet frame. */
export interface Outgoing {
  kind: 'ip' | 'ethernet';
  octets: Uint8Array;
}

export interface Sent extends Outgoing {
  port: PortName;
  timeNs: number;
}

/** What is done to a device, or with it, other than sending it a packet. */
export type Action =
  | { kind: 'hook'; name: HookName }
  /** The device begins anew. */
  | { kind: 'reset' }
  /** The mobile node is plugged into another network. */
  | { kind: 'move'; network: string }
  /**
   * The correspondent node sends octets by TCP, and waits so many seconds until they have come back; by the connection of this name,
   * which is made to the address where there is none.
   */
  | { kind: 'transfer'; connection: string; to: string; octets: number; seconds: number };

/** An action in a word or two, as results name it. */
export function actionName(action: Action): string {
  switch (action.kind) {
    case 'hook':
      return action.name;
    case 'reset':
      return 'reset';
    case 'move':
      return `move ${action.network}`;
    case 'transfer':
      return `transfer ${action.connection}`;
  }
}

/** When an action was carried out, and what went wrong with what it was for. */
export interface Performed {
  beganNs: number;
  endedNs: number;
  problem?: string;
}

/** The bench as one vector sees it while it runs: only frames that concern its own mobile nodes. */
export interface BenchSession {
  /** Frames seen since the session was opened, in order of arrival; grows while the engine waits. */
  readonly frames: readonly SeenFrame[];
  /** Nanoseconds since the origin of the run. */
  now(): number;
  /**
   * Send what `build` makes for this instant. The instant is handed in so that a recorded bench can hand in the recorded
   * one and get the identical octets; likewise it hands in what was `known` then (Stimulus.known, null for nothing),
   * which a live one leaves out.
   */
  send(port: PortName, build: (nowNs: number, known?: string | null) => Outgoing): Promise<Sent>;
  /**
   * Resolves true when a frame has been added to `frames` since `count` of them were there, false once every frame up to
   * `untilNs` has been added and the time has passed. Rejects with BenchInterrupted when the IUT or the bench is gone.
   */
  more(count: number, untilNs: number): Promise<boolean>;
  /**
   * Carry out an action; resolves when it is done. Rejects with HookMissing when the profile has no means for it, with
   * BenchInterrupted when they fail.
   */
  perform(action: Action): Promise<Performed>;
  close(): void;
}

/** The profile has no such hook or network, so the test cannot be run. */
export class HookMissing extends Error {
  readonly code = 'HOOK_MISSING';
}

/** The IUT died or the bench was torn down: nothing can be said of what was not yet judged. */
export class BenchInterrupted extends Error {
  readonly code = 'BENCH_INTERRUPTED';
}
