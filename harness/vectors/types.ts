/** Vectors as they stand after loading: tables and fragments expanded, references of the run (`$mn...`) still in place. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** What a device may be. */
export const deviceRoles = ['home-agent', 'foreign-agent', 'mobile-node'] as const;
export type DeviceRole = (typeof deviceRoles)[number];

/** What is under test: one device, or in a scenario all of them together. */
export const roles = [...deviceRoles, 'scenario'] as const;
export type Role = (typeof roles)[number];

/** Who the harness plays towards the IUT (the positions of the clause catalogue in words), by the role of the IUT. */
export const positionsOf = {
  'home-agent': [
    /** H1: a mobile node with a co-located care-of address. */
    'co-located',
    /** H2: a foreign agent without a security association with the home agent, the mobile node behind it. */
    'foreign-agent',
    /** H2 with a foreign-home security association. */
    'foreign-agent-secured',
    /** P: a listener on the home link. */
    'home-link',
  ],
  'foreign-agent': [
    /** F1: the mobile node on the visited link, its home agent without a security association with the foreign agent. */
    'visited-link',
    /** F1 with a foreign-home security association. */
    'visited-link-secured',
    /** P: a listener on the visited link. */
    'listener',
  ],
  'mobile-node': [
    /** M0: the home agent on the home link, where the mobile node is. */
    'at-home',
    /** M1: a foreign agent on the visited link, and the home agent behind it. */
    'behind-foreign-agent',
    /** M2: a visited network without a foreign agent, which gives an address by DHCP, and the home agent behind it. */
    'without-foreign-agent',
  ],
  scenario: [
    /** The harness is the correspondent node; otherwise it watches every link. */
    'beside',
  ],
} as const;
export type Position = (typeof positionsOf)[Role][number];
export const positions: readonly Position[] = roles.flatMap((role) => positionsOf[role]);

/** A packet pattern: layers outermost first, fields literal or matchers; the string "..." stands for any layers. */
export type Pattern = Json[];

/** One judged statement about a packet. */
export interface Check {
  /** Clause ids, or `clause#aspect`. */
  clauses: string[];
  pattern: Pattern;
  reading?: string;
}

export interface SendStep {
  kind: 'send';
  path: string;
  at: Json;
  packet: Json[];
  tamper: JsonObject[];
  /** Whose security association signs: `mn`, `other`. */
  by: string;
  as?: string;
}

export interface ExpectStep {
  kind: 'expect';
  path: string;
  at: Json;
  /** Judged against the frame, in order; the first one is `expect` itself. */
  checks: Check[];
  /** Label of the send step whose answer this is; default the last one by the same mobile node. */
  answers?: string;
  /** Label from which on frames count, for patterns with neither payload nor registration reply. */
  since?: string;
  /** The first check is a positive control: broken, the vector is INCONCLUSIVE. Further checks judge. */
  control: boolean;
  /** In a preamble: what the test is about; where the device does otherwise, the test is NOT APPLICABLE. */
  applies: boolean;
  within?: Json;
  /** Seconds after which the sends before it are sent again, for as long as it waits. */
  again?: Json;
  /** Of several registration requests the one that is accepted, in the end; the first one where none is. */
  accepted: boolean;
  as?: string;
  capture: { [name: string]: string };
}

export interface SilenceStep {
  kind: 'silence';
  path: string;
  at: Json;
  /** Nothing that fits any of these may arrive. */
  of: Pattern[];
  clauses: string[];
  reading?: string;
  control: boolean;
  /** Sent twice; what must not cause anything. */
  stimulus: Step[];
  /** Steps whose last expectation must hold, on the same path; empty: time alone. */
  barrier: Step[];
  /** Seconds that the window stays open at least, for answers that may be put off. */
  linger?: Json;
  since?: string;
  /** The window is one that the clause itself names: so many seconds from the step of that label, whatever else happens. */
  until?: { since: string; seconds: Json };
}

export interface RecordStep {
  kind: 'record';
  path: string;
  at: Json;
  clauses: string[];
  reading?: string;
  /** Named outcomes, tried in order on the first frame that answers. */
  options: { [name: string]: Pattern };
  /** Names (or "nothing") that are right under a reading by which the clause is judged after all. */
  wanted?: string[];
  stimulus: Step[];
  barrier: Step[];
  answers?: string;
  /** Label from which on frames count; default the first stimulus. */
  since?: string;
  /** What the device does of its own accord is waited for so long after the step of that label. */
  until?: { since: string; seconds: Json };
}

export interface WaitStep {
  kind: 'wait';
  path: string;
  /** Label of the step it counts from. */
  since: string;
  seconds: Json;
  plus: Json;
}

/** Something that is done to the device, by the profile's hook of that name. */
export interface HookStep {
  kind: 'hook';
  path: string;
  name: HookName;
  as?: string;
}

/** The mobile node is plugged into another network. */
export interface MoveStep {
  kind: 'move';
  path: string;
  to: NetworkName;
  as?: string;
}

/** Networks of the scenarios: at home; behind the foreign agent, and one that does nothing for IPv6; without a foreign agent. */
export const networkNames = ['home', 'visited', 'plainVisited', 'network'] as const;
export type NetworkName = (typeof networkNames)[number];

/** The correspondent node sends octets to the mobile node by TCP, which come back. */
export interface TransferStep {
  kind: 'transfer';
  path: string;
  /** Address it goes to, where there is no connection of this name yet. */
  to: Json;
  connection: string;
  octets: number;
  clauses: string[];
  as?: string;
}

/** Every packet of some traffic that a device has sent at a place. */
export interface EveryStep {
  kind: 'every';
  path: string;
  at: Json;
  /** Which packets. */
  of: Pattern;
  /** Label of the transfer that they are part of, or of the step from which on they count. */
  since: string;
  /** What each of them has to be. */
  checks: Check[];
  /** How long the first of them is waited for, where they are no part of a transfer. */
  within?: Json;
  /** There has to be one at least. */
  needed: boolean;
  /** It judges nothing: broken, the vector is INCONCLUSIVE. */
  control: boolean;
}

/** What hostile input is made of a valid packet; see harness/engine/robustness/variants.ts. */
export const variantNames = [
  'valid',
  'truncated',
  'lengths',
  'repeated',
  'unknown-types',
  'orders',
  'fragments',
  'checksums',
  'nested',
  'burst',
  'generated',
] as const;
export type VariantName = (typeof variantNames)[number];

/** The device is sent hostile input and has to go on answering valid registrations. */
export interface SurviveStep {
  kind: 'survive';
  path: string;
  at: Json;
  /** Valid packets, of each of which every variant is made. */
  packets: Json[][];
  variants: VariantName[];
  /** Whose security association signs: `mn`, `other`. */
  by: string;
  clauses: string[];
}

/** `restart`: forget everything and begin anew. `register`: send a registration request now. */
export const hookNames = ['restart', 'register'] as const;
export type HookName = (typeof hookNames)[number];

/**
 * What a bench tells the device itself. `reset`: begin anew, without bindings or visitors. `reconfigure`: treat a mobile node in another
 * way from now on (`{setting}`: "ipv6Handling=deliver").
 */
export const deviceHookNames = ['reset', 'reconfigure'] as const;
export type DeviceHookName = (typeof deviceHookNames)[number];

export type Step =
  | SendStep
  | ExpectStep
  | SilenceStep
  | RecordStep
  | WaitStep
  | HookStep
  | MoveStep
  | TransferStep
  | EveryStep
  | SurviveStep;

/** What a step judges: clause ids, or `clause#aspect`. */
export function judgedBy(step: Step): string[] {
  switch (step.kind) {
    case 'expect':
    case 'every':
      return step.checks.flatMap(({ clauses }) => clauses);
    case 'silence':
    case 'record':
    case 'transfer':
    case 'survive':
      return step.clauses;
    default:
      return [];
  }
}

/** What the mobile node of a test has to be: how the foreign agent under test treats it, what it shares a key with. */
export interface MobileNodeNeeds {
  ipv6Handling?: Ipv6Handling;
  /** It has a security association with the foreign agent, or has none. */
  mobileForeignSecurity?: boolean;
  /** The device has not heard of it since it began. */
  unused?: true;
}

/** The three choices of section 4.4, in their order; and the first one told to the mobile node by a code extension (reading A09). */
export const ipv6Handlings = ['ignore', 'deliver', 'deliver-and-reverse-tunnel', 'refuse'] as const;
export type Ipv6Handling = (typeof ipv6Handlings)[number];

/** One test: a vector, or one row of its table in one of its positions. */
export interface TestCase {
  id: string;
  /** Path of the file it stands in, from the project's root. */
  file: string;
  title: string;
  role: Role;
  position: Position;
  /** ICS expression; the test is NOT APPLICABLE when it is false. */
  requires: string;
  /** Every clause its body judges or records, without aspects, in order of appearance. */
  clauses: string[];
  kills: string[];
  needs: MobileNodeNeeds;
  preamble: Step[];
  body: Step[];
  postamble: Step[];
  /** A valid registration of plain Mobile IPv4: shows before the first test that there is something to test. */
  warmUp: Step[];
  /**
   * A valid request of either mobile node, answered in whatever way: tells a device that keeps silent from one that is gone. With the
   * IPv6 extensions, so that a binding made before is renewed whole; and without, for a device that answers only that.
   */
  liveness: [withIpv6: ForBoth, plain: ForBoth];
  /** Before the preamble: each mobile node deregisters (or is restarted), so that no binding from before is in the way. */
  prelude: ForBoth;
  /** It is about a device that has not heard of the mobile nodes: they do not deregister first. */
  withoutPrelude?: boolean;
}

/** The same steps for either mobile node. */
export interface ForBoth {
  mn: Step[];
  other: Step[];
}
