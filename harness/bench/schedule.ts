/** Runs many tests on a bench: each with mobile nodes of its own, side by side as far as the pool goes. */
import { createHash, randomBytes } from 'node:crypto';
import { type Reconfiguration, reconfigurationsIn, type SeenFrame } from '../engine/bench.ts';
import { Context } from '../engine/context.ts';
import { identityKeys, type Surroundings, udpPortOf } from '../engine/identities.ts';
import type { Outcome, Verdict } from '../engine/outcome.ts';
import { harnessFailed, run } from '../engine/run.ts';
import { alone } from '../vectors/alone.ts';
import { type Ics, icsHolds } from '../vectors/ics.ts';
import type { Ledger } from '../vectors/ledger.ts';
import type { MobileNode } from '../vectors/pool.ts';
import type { Profile } from '../vectors/profile.ts';
import type { MobileNodeNeeds, Position, Role, TestCase } from '../vectors/types.ts';
import { BenchError } from './agent-process.ts';
import { causeOf, type Spoiler, spoilerOf } from './doctor/finding.ts';
import { framesLost, type LiveBench } from './live.ts';
import { paceOf, patientTimers, roundTripOf } from './pace.ts';

export interface RunSettings {
  profile: Profile;
  ledger: Ledger;
  bench: LiveBench;
  strict?: boolean;
  /** Most tests under way at once. */
  concurrency?: number;
  /** A test in which an answer did not come is not tried once more. */
  once?: boolean;
  /** Anything that was not used before on this bench; random when left out. */
  seed?: string;
}

/** What the engine needs to judge a run again, besides the frames. */
export interface RunFacts {
  originNs: bigint;
  seed: string;
  graceNs: number;
  /** Round trips measured before the first test, ns. */
  roundTripsNs: number[];
  /** The harness's MAC address on the home link, on the visited link, and on the link of each mobile node under test. */
  homeHostMac?: string;
  visitedHostMac?: string;
  linkMacs?: string[];
  /** Why nothing can be judged: the device answered no valid registration at the start. */
  unreachable?: string;
  /** What of the surroundings spoils some tests. */
  spoilers?: Spoiler[];
}

export type Finished = { outcome: Outcome; frames: readonly SeenFrame[] };

/** Who looks on while a test runs. */
export interface Watch {
  /** The test has its place on the bench. */
  begins?(): void;
  /** It is tried (once more); gets the frames of this try as they come. */
  tries?(): (frame: SeenFrame) => void;
}

const standardConcurrency = 32;
const controls = 5;
const controlsOfSlow = 3;
const slowNs = 1_000_000_000;
/** How long an answer may be under way beyond the round trips measured. */
const stragglingNs = 20_000_000;
/** How often a test is tried in which the harness was late. */
const attempts = 3;

/** Surroundings of one test: the profile's identities in the test's position. */
export function surroundings(
  profile: Profile,
  facts: RunFacts,
  test: Pick<TestCase, 'position'>,
  mn: MobileNode,
  other: MobileNode | undefined,
): Surroundings {
  const { position } = test;
  const { role } = profile;
  const secured = position === 'foreign-agent-secured' || position === 'visited-link-secured';
  const partners = role === 'foreign-agent' ? profile.homeAgents : profile.foreignAgents;
  const partner = partners.find((agent) => (agent.association !== undefined) === secured) ?? partners[0];
  const foreignHome = secured ? partner?.association : undefined;
  const homeAgent =
    role === 'foreign-agent' && partner !== undefined
      ? { ...profile.homeAgent, address: partner.address }
      : profile.homeAgent;
  const linkMac = facts.linkMacs?.[mn.index];
  const pace = paceOf(profile, facts.roundTripsNs);
  return {
    role,
    position,
    mn,
    ...(other === undefined ? {} : { other }),
    homeAgent,
    correspondentNode: profile.correspondentNode,
    ipv4HomePrefix: profile.ipv4HomePrefix,
    ipv6HomePrefix: profile.ipv6HomePrefix,
    ipv6Extensions: profile.ics.ipv6Extensions,
    reverseTunnelingRequired: profile.ics.reverseTunnelingRequired === true,
    extensionTypes: profile.extensionTypes,
    timers: pace.timers,
    slowestNs: pace.slowestNs,
    repeatSeconds: pace.repeatSeconds,
    ...(foreignHome === undefined ? {} : { foreignHome }),
    ...(profile.homeHost === undefined || facts.homeHostMac === undefined
      ? {}
      : { homeHost: { ...profile.homeHost, mac: facts.homeHostMac } }),
    ...(profile.careOfAddresses === undefined ? {} : { firstCareOfAddress: profile.careOfAddresses.first }),
    ...(profile.refusedIpv6Address === undefined ? {} : { refusedIpv6Address: profile.refusedIpv6Address }),
    foreignAgents: role === 'home-agent' ? (partner === undefined ? [] : [partner]) : profile.foreignAgents,
    ...(profile.foreignAgent === undefined ? {} : { foreignAgent: profile.foreignAgent }),
    ...(profile.plainForeignAgent === undefined ? {} : { plainForeignAgent: profile.plainForeignAgent }),
    ...(profile.visitedHost === undefined || facts.visitedHostMac === undefined
      ? {}
      : { visitedHost: { ...profile.visitedHost, mac: facts.visitedHostMac } }),
    ...(profile.visitedNetwork === undefined ? {} : { visitedNetwork: profile.visitedNetwork }),
    ...(linkMac === undefined ? {} : { linkMac }),
    originNs: facts.originNs,
    seed: facts.seed,
    graceNs: facts.graceNs,
  };
}

/** Numbers of the mobile nodes that a test is to run with, as it did before. */
type Pinned = readonly number[];

const handlingOf = ({ index }: MobileNode, handling: string): Reconfiguration => ({
  setting: `ipv6Handling=${handling}`,
  mobileNode: index,
});

/** Mobile nodes that a test has to itself while it runs. */
interface Lease {
  mn: MobileNode;
  other?: MobileNode;
}

/** Tests side by side on the bench of one device. */
export class Schedule {
  readonly facts: RunFacts;
  private readonly settings: RunSettings;
  /** Mobile nodes not in use, the least recently used first. */
  private readonly free: MobileNode[];
  private readonly queue: (() => void)[] = [];
  /** Tests in which an answer did not come the first time, and came the second. */
  readonly unsteady: string[] = [];
  /** Mobile nodes that the device has heard of since it began. */
  private used = new Set<MobileNode>();
  /** A test is under way that suffers no other beside it. */
  private exclusive = false;
  /** How the device was told to treat mobile nodes, where that is not as the profile says. */
  private readonly handlings = new Map<MobileNode, string>();
  /** Mobile nodes for which it could not be told so again in the end. */
  readonly unrestored: string[] = [];
  /** Until when answers to what a mobile node sent may come, ns. */
  private readonly resting = new Map<MobileNode, number>();
  /** What came during the warm-up. */
  readonly warmUpFrames: SeenFrame[] = [];
  private running = 0;
  private readonly most: number;
  /** The mobile nodes are themselves under test, each on a link of its own. */
  private readonly own: boolean;

  constructor(settings: RunSettings) {
    const { profile, bench } = settings;
    this.settings = settings;
    this.free = [...profile.mobileNodes];
    this.own = profile.role === 'mobile-node' || profile.role === 'scenario';
    const together = this.own ? this.free.length : Math.floor(this.free.length / 2);
    this.most = Math.max(1, Math.min(settings.concurrency ?? standardConcurrency, together));
    const homeHostMac = bench.mac('home');
    const visitedHostMac = profile.role === 'foreign-agent' ? bench.mac('mn') : undefined;
    this.facts = {
      originNs: bench.originNs,
      seed: settings.seed ?? randomBytes(8).toString('hex'),
      graceNs: 0,
      roundTripsNs: [],
      ...(homeHostMac === undefined ? {} : { homeHostMac }),
      ...(visitedHostMac === undefined ? {} : { visitedHostMac }),
      ...(this.own ? { linkMacs: bench.linkMacs() } : {}),
    };
  }

  /**
   * Register a few times before anything is judged: shows that the device is there and how long its round trips are. The grace
   * behind a barrier follows from it: two round trips and 20 ms.
   */
  async warmUp(tests: readonly TestCase[]): Promise<void> {
    const position = warmUpPosition(this.settings.profile);
    const test = tests.find((one) => one.position === position) ?? tests[0];
    if (test === undefined) throw new Error('there is no test to run');
    const control: TestCase = {
      ...test,
      id: 'warm-up',
      position,
      requires: 'true',
      needs: {},
      preamble: test.warmUp,
      body: [],
      postamble: [],
    };
    for (let n = 0; n < controls; n += 1) {
      let { outcome, frames } = await this.inSession({ ...control, id: `warm-up-${n}` });
      for (let again = 1; worthAnother(outcome) && again < attempts; again += 1)
        ({ outcome, frames } = await this.inSession({ ...control, id: `warm-up-${n}` }));
      // Something of before may be in the way of one mobile node, not of the next one.
      if (isRefused(outcome))
        ({ outcome, frames } = await this.inSession({ ...control, id: `warm-up-${n}` }));
      this.warmUpFrames.push(...frames);
      // The last one that answers counts: before it neighbours may have been looked for.
      const roundTripNs = roundTripOf(outcome, frames);
      // A profile with which not even that can be sent is none.
      if (outcome.reason?.startsWith(harnessFailed)) throw new BenchError(outcome.reason);
      if (roundTripNs === undefined || isRefused(outcome)) {
        this.facts.unreachable = this.whyUnanswered(control, outcome);
        return;
      }
      this.facts.roundTripsNs.push(roundTripNs);
      // A slow device says so soon.
      if (n + 1 >= controlsOfSlow && this.facts.roundTripsNs.every((ns) => ns > slowNs)) break;
    }
    const sorted = [...this.facts.roundTripsNs].sort((a, b) => a - b);
    this.facts.graceNs = 2 * (sorted[Math.floor(sorted.length / 2)] ?? 0) + 20_000_000;
  }

  /** What the doctor found from here on counts: tests that it touches are not run, and spoiled mobile nodes not used. */
  spoil(spoilers: Spoiler[]): void {
    const whole = spoilers.find(({ spoils }) => spoils === 'everything');
    if (whole !== undefined) {
      const { unreachable } = this.facts;
      this.facts.unreachable = causeOf(whole) + (unreachable === undefined ? '' : ` (${unreachable})`);
    }
    const some = spoilers.filter(({ spoils }) => spoils !== 'everything');
    if (some.length === 0) return;
    this.facts.spoilers = some;
    const usable = usableNodes(this.settings.profile, this.facts);
    this.free.splice(0, this.free.length, ...this.free.filter((node) => usable.includes(node)));
  }

  /** What was tried in a warm-up that nothing came of, and what of the profile to look at; else what the bench lacks. */
  private whyUnanswered(control: TestCase, outcome: Outcome): string {
    const { profile } = this.settings;
    const { reason = 'nothing was seen', steps, actions = [] } = outcome;
    const lacking = actions.some(({ missing }) => missing !== undefined);
    const unmet = steps.findLast(({ ok }) => !ok);
    const sent = steps.findLast(({ text }) => / sent /.test(text));
    const mn = profile.mobileNodes[outcome.mobileNodes[0] ?? -1];
    if (lacking || outcome.breakdown !== undefined || outcome.late === true) return reason;
    if (unmet === undefined || sent === undefined || mn === undefined) return reason;
    const { nothing, refused, fields } = warmUps[control.role];
    const [, from = '', packet = ''] = /^at (\S+) sent (.*)/.exec(sent.text) ?? [];
    const headers = packet.split(' / ').filter((layer) => /^(IPv4|IPv6|UDP) /.test(layer));
    const expectation = [...control.prelude.mn, ...control.preamble].find(
      (step) => step.kind === 'expect' && step.path === unmet.step,
    );
    const around = surroundings(profile, this.facts, control, mn, undefined);
    const at =
      expectation?.kind === 'expect' ? new Context(around, control.id).port(expectation.at) : undefined;
    const ports = [...new Set([from, at ?? from])].map((port) => `bench.ports.${port}`);
    // A lab has no ports and no hooks to be wrong.
    const check = [...fields, ...ports].filter(
      (field) => !('lab' in profile.bench) || !field.startsWith('bench.'),
    );
    return [
      `before the first test ${unmet.frames.length === 0 ? nothing : (refused ?? nothing)}`,
      `sent at port ${from}: ${headers.join(' / ')}`,
      `at port ${at ?? from} ${unmet.text.replace(/^at \S+ /, '')}`,
      `check ${check.join(', ')} of the profile`,
    ].join('; ');
  }

  /** Whether a test is run at all with this profile, after what was found so far. */
  applies(test: TestCase): boolean {
    return notRun(test, this.settings.profile, this.facts) === undefined;
  }

  /** Run one test as soon as there is room. */
  async run(test: TestCase, watch: Watch = {}, pinned?: Pinned): Promise<Finished> {
    const outcome = notRun(test, this.settings.profile, this.facts);
    if (outcome !== undefined) return { outcome, frames: [] };
    while (this.running >= this.mostFor(test) || !this.hasRoom(test, pinned))
      await new Promise<void>((resolve) => this.queue.push(resolve));
    this.running += 1;
    this.exclusive = this.needsReset(test);
    watch.begins?.();
    try {
      let finished = await this.inSession(test, watch, pinned);
      for (let again = 1; worthAnother(finished.outcome) && again < attempts; again += 1)
        finished = await this.inSession(test, watch, pinned);
      // Whole exchanges may be lost that no repetition of one message mends: an answer has to stay away in two runs.
      if (finished.outcome.missing === true && this.settings.once !== true) {
        const first = finished.outcome.verdict;
        finished = await this.inSession(test, watch, pinned);
        if (finished.outcome.verdict !== first) this.unsteady.push(test.id);
      }
      return finished;
    } finally {
      this.running -= 1;
      this.exclusive = false;
      // Whoever waits looks again whether its kind of mobile node is free.
      for (const wake of this.queue.splice(0)) wake();
    }
  }

  /** The device has to begin anew for the test, as it knows of every mobile node that suits. */
  private needsReset(test: TestCase): boolean {
    const { profile } = this.settings;
    return test.needs.unused === true && mobileNodesFor(test, profile).every((node) => this.used.has(node));
  }

  /** How many tests may be under way together with it: a device that begins anew spoils all others. */
  private mostFor(test: TestCase): number {
    if (this.exclusive) return 0;
    return this.needsReset(test) ? 1 : this.most;
  }

  /** Whether there are mobile nodes for the test: two where there are as many of the kind; those under test come alone. */
  private hasRoom(test: TestCase, pinned?: Pinned): boolean {
    if (pinned !== undefined)
      return pinned.every((index) =>
        this.free.includes(this.settings.profile.mobileNodes[index] as MobileNode),
      );
    const mobileNodes = usableNodes(this.settings.profile, this.facts);
    const suits = (node: MobileNode): boolean => this.suits(node, test);
    return hasMany(this.free, suits, this.own || !hasMany(mobileNodes, suits, 2) ? 1 : 2);
  }

  private suits(node: MobileNode, test: TestCase): boolean {
    return suits(node, test, this.settings.profile);
  }

  private lease(test: TestCase, pinned?: Pinned): Lease {
    if (pinned !== undefined) {
      const [mn, other] = pinned.map((index) => this.settings.profile.mobileNodes[index] as MobileNode);
      for (const node of [mn, other]) if (node !== undefined) this.free.splice(this.free.indexOf(node), 1);
      if (mn === undefined) throw new Error('a test runs with one mobile node at least');
      return { mn, ...(other === undefined ? {} : { other }) };
    }
    const take = (): MobileNode | undefined => {
      const isBest = (node: MobileNode): boolean => this.suits(node, test) && !this.used.has(node);
      const best = test.needs.unused === true ? this.free.findIndex(isBest) : -1;
      const at = best >= 0 ? best : this.free.findIndex((node) => this.suits(node, test));
      return at < 0 ? undefined : this.free.splice(at, 1)[0];
    };
    const mn = take();
    if (mn === undefined) throw new Error('no mobile node is free');
    const other = this.own ? undefined : take();
    return { mn, ...(other === undefined ? {} : { other }) };
  }

  /** Answers to what a test sent last may still be under way: the next test of the mobile node is not to take them for its own. */
  private rest(nodes: readonly MobileNode[], lastSentNs: number): void {
    const until = lastSentNs + 1.5 * Math.max(0, ...this.facts.roundTripsNs) + stragglingNs;
    for (const node of nodes) this.resting.set(node, until);
  }

  /** Mobile nodes rest only where there are few: those of a large pool have done so before their turn comes again. */
  private async rested(nodes: readonly MobileNode[]): Promise<void> {
    if (this.own) return;
    const until = Math.max(...nodes.map((node) => this.resting.get(node) ?? 0));
    const left = until - this.settings.bench.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left / 1_000_000));
  }

  /** How the device has to treat mobile nodes from now on, where it was told otherwise or never told. */
  private reconfigurations(nodes: readonly MobileNode[], test: TestCase): Reconfiguration[] {
    return nodes.flatMap((node) => {
      const wanted = test.needs.ipv6Handling ?? node.ipv6Handling;
      const isSo = wanted === (this.handlings.get(node) ?? node.ipv6Handling);
      return isSo || wanted === undefined ? [] : [handlingOf(node, wanted)];
    });
  }

  /** The device is left as the profile says it is; best effort. */
  async restore(): Promise<void> {
    for (const node of [...this.handlings.keys()]) {
      const session = this.settings.bench.session({ keys: [], udpPorts: [], mobileNode: node.index });
      try {
        if (node.ipv6Handling !== undefined && this.handlings.get(node) !== node.ipv6Handling)
          await session.perform({ kind: 'reconfigure', ...handlingOf(node, node.ipv6Handling) });
      } catch {
        this.unrestored.push(node.nai);
      } finally {
        session.close();
      }
    }
    this.handlings.clear();
  }

  private async inSession(test: TestCase, watch: Watch = {}, pinned?: Pinned): Promise<Finished> {
    const { profile, ledger, bench } = this.settings;
    const { mn, other } = this.lease(test, pinned);
    const around = surroundings(profile, this.facts, test, mn, other);
    // While it is measured how slow the device is, it is waited for with patience.
    if (this.facts.graceNs === 0) around.timers = patientTimers(around.timers);
    const nodes = other === undefined ? [mn] : [mn, other];
    around.reset = test.needs.unused === true && this.used.has(mn);
    around.reconfigurations = this.reconfigurations(nodes, test);
    for (const node of nodes) this.used.add(node);
    await this.rested(nodes);
    const { tokenPrefix } = new Context(around, test.id);
    const session = bench.session({
      keys: identityKeys(around, tokenPrefix),
      udpPorts: nodes.map((node) => udpPortOf(node, test.position)),
      mobileNode: mn.index,
    });
    const seen = watch.tries?.();
    if (seen !== undefined) session.onFrame = seen;
    let service: { close(): Promise<void> } | undefined;
    try {
      if (test.position === 'without-foreign-agent') service = await bench.startDhcp(profile, mn.index);
      const outcome = await run(test, session, around, ledger, { strict: this.settings.strict === true });
      session.close();
      // Of the others it knows no more.
      if (outcome.actions?.some(({ name, missing }) => name === 'reset' && missing === undefined))
        this.used = new Set(nodes);
      for (const { name, missing } of outcome.actions ?? [])
        for (const { setting, mobileNode } of missing === undefined ? reconfigurationsIn([name]) : [])
          this.handlings.set(profile.mobileNodes[mobileNode] as MobileNode, setting.replace(/^.*=/, ''));
      return { outcome: withSentFrames(outcome, session.sentFrames), frames: session.frames };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return { outcome: unjudged(test, 'INCONCLUSIVE', reason), frames: [] };
    } finally {
      session.close();
      await service?.close();
      this.rest(nodes, session.lastSentNs);
      this.free.push(...nodes);
    }
  }
}

/** An outcome whose stimuli name their frames. */
export const withSentFrames = (outcome: Outcome, frames: ReadonlyMap<number, number>): Outcome => ({
  ...outcome,
  stimuli: outcome.stimuli.map((stimulus, at) => {
    const frame = frames.get(at);
    return frame === undefined ? stimulus : { ...stimulus, frame };
  }),
});

function hasMany<T>(list: readonly T[], fits: (one: T) => boolean, count: number): boolean {
  let found = 0;
  for (const one of list) {
    if (fits(one)) found += 1;
    if (found >= count) return true;
  }
  return false;
}

/** Where the warm-up registers: with a foreign agent that shares a key with every home agent, there alone is one to be had. */
export function warmUpPosition(profile: Profile): Position {
  const { position, secured } = warmUps[profile.role];
  return lacks(profile, position) === undefined ? position : secured;
}

/** The places where a warm-up may register, what to call it when nothing comes of it, and what it rests on. */
const warmUps: {
  readonly [role in Role]: {
    position: Position;
    secured: Position;
    nothing: string;
    /** What to call it when something else came than was to come. */
    refused?: string;
    fields: string[];
  };
} = {
  'home-agent': {
    position: 'co-located',
    secured: 'foreign-agent-secured',
    nothing: 'the device answered no valid registration',
    refused: 'the device accepted no valid registration',
    fields: ['ixit.homeAgent.address', 'ixit.careOfAddresses', 'ixit.mobileNodes'],
  },
  'foreign-agent': {
    position: 'visited-link',
    secured: 'visited-link-secured',
    nothing: 'no valid registration came through the device',
    refused: 'no valid registration was accepted by way of the device',
    fields: ['ixit.foreignAgent', 'ixit.homeAgents', 'ixit.mobileNodes'],
  },
  'mobile-node': {
    position: 'behind-foreign-agent',
    secured: 'behind-foreign-agent',
    nothing: 'the device asked for no registration',
    fields: ['ixit.foreignAgents', 'ixit.mobileNodes', 'bench.hooks.restart'],
  },
  scenario: {
    position: 'beside',
    secured: 'beside',
    nothing: 'the mobile node answered no ping at home',
    fields: ['ixit.homeAgent', 'ixit.correspondentNode', 'ixit.mobileNodes', 'bench.hooks.move'],
  },
};

/** Mobile nodes of a profile with which a test may run. */
export function mobileNodesFor(test: Pick<TestCase, 'requires' | 'needs'>, profile: Profile): MobileNode[] {
  return profile.mobileNodes.filter((node) => suits(node, test, profile));
}

function suits(
  node: MobileNode,
  { requires, needs }: Pick<TestCase, 'requires' | 'needs'>,
  profile: Profile,
): boolean {
  return isOrBecomes(node, needs, profile) && icsHolds(requires, icsOf(profile, node));
}

/** What the device can be told to do with any mobile node, need not be provisioned for one. */
function isOrBecomes(node: MobileNode, needs: MobileNodeNeeds, { mobileNodes, bench }: Profile): boolean {
  if (isAsNeeded(node, needs)) return true;
  const { ipv6Handling, ...others } = needs;
  const canBeTold = 'hooks' in bench && bench.hooks?.reconfigure !== undefined && ipv6Handling !== undefined;
  return canBeTold && isAsNeeded(node, others) && !mobileNodes.some((one) => isAsNeeded(one, needs));
}

const ownClaims = new WeakMap<MobileNode, Ics>();

/** What is claimed: of the device, or of one mobile node of several under test. */
function icsOf(profile: Profile, node: MobileNode): Ics {
  if (node.ics === undefined) return profile.ics;
  const claims = ownClaims.get(node) ?? ({ ...profile.ics, ...node.ics } as Ics);
  ownClaims.set(node, claims);
  return claims;
}

/** Whether a mobile node is what a test needs. */
export function isAsNeeded(node: MobileNode, needs: MobileNodeNeeds): boolean {
  const { ipv6Handling, mobileForeignSecurity } = needs;
  return (
    (ipv6Handling === undefined || node.ipv6Handling === ipv6Handling) &&
    (mobileForeignSecurity === undefined || (node.foreignAssociation !== undefined) === mobileForeignSecurity)
  );
}

/** A control of a warm-up did not hold; mobile nodes and scenarios have others before it that tell as much. */
const isRefused = ({ role, verdict }: Outcome): boolean =>
  (role === 'home-agent' || role === 'foreign-agent') && verdict === 'INCONCLUSIVE';

/** The harness missed a moment, or frames, and nothing was found before that. */
const worthAnother = ({ late, verdict, breakdown }: Outcome): boolean =>
  (late === true || breakdown?.reason.startsWith(framesLost) === true) && verdict === 'INCONCLUSIVE';

/** The outcome of a test that is not run: not claimed, or nothing could come of it. Undefined when it is to be run. */
export function notRun(
  test: TestCase,
  profile: Profile,
  facts: Pick<RunFacts, 'unreachable' | 'spoilers'>,
): Outcome | undefined {
  const excluded = notApplicable(test, profile);
  if (excluded !== undefined) return unjudged(test, 'NOT APPLICABLE', excluded);
  const missing =
    lacks(profile, test.position) ??
    lacksOther(test, profile) ??
    facts.unreachable ??
    spoiledBy(test, profile, facts);
  return missing === undefined ? undefined : unjudged(test, 'INCONCLUSIVE', missing);
}

/** What the doctor found that spoils a test. */
function spoiledBy(
  test: TestCase,
  profile: Profile,
  { spoilers = [] }: Pick<RunFacts, 'spoilers'>,
): string | undefined {
  if (spoilers.length === 0) return undefined;
  const usable = usableNodes(profile, { spoilers });
  const isLeft = mobileNodesFor(test, profile).some((node) => usable.includes(node));
  const spoiler = isLeft
    ? spoilerOf(test, profile, spoilers)
    : spoilers.find(({ spoils }) => spoils === 'mobile nodes');
  return spoiler === undefined ? undefined : causeOf(spoiler);
}

/** The mobile nodes that the device takes. */
function usableNodes({ mobileNodes }: Profile, { spoilers = [] }: Pick<RunFacts, 'spoilers'>): MobileNode[] {
  const bad = new Set(spoilers.flatMap((spoiler) => spoiler.mobileNodes ?? []));
  return bad.size === 0 ? mobileNodes : mobileNodes.filter(({ index }) => !bad.has(index));
}

/** Why a test does not apply to the device of a profile; undefined when it does. */
export function notApplicable(
  { requires, needs }: Pick<TestCase, 'requires' | 'needs'>,
  profile: Profile,
): string | undefined {
  const claims = (node: MobileNode): boolean => icsHolds(requires, icsOf(profile, node));
  if (profile.mobileNodes.some((node) => isOrBecomes(node, needs, profile) && claims(node))) return undefined;
  if (!profile.mobileNodes.some(claims)) return `the ICS says no to: ${requires}`;
  const wanted = Object.entries(needs).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
  return `the IXIT has no mobile node with ${wanted.join(' and ')}`;
}

/** What the bench has not, that the position needs. */
function lacks({ role, foreignAgents, homeAgents }: Profile, position: Position): string | undefined {
  const isSecured = (agent: { association?: unknown }): boolean => agent.association !== undefined;
  if (role === 'home-agent' && position === 'foreign-agent' && foreignAgents.every(isSecured))
    return 'the profile names no foreign agent without a security association; add one to ixit.foreignAgents if there is one';
  if (role === 'foreign-agent' && position === 'visited-link' && homeAgents.every(isSecured))
    return 'the profile names no home agent without a security association; add one to ixit.homeAgents if there is one';
  return undefined;
}

/** Whether a test is about two mobile nodes, and there is one of the kind. */
function lacksOther(test: TestCase, profile: Profile): string | undefined {
  if (profile.role === 'mobile-node' || profile.role === 'scenario') return undefined;
  const suitable = mobileNodesFor(test, profile);
  if (suitable.length > 1 || alone(test).possible) return undefined;
  return 'the test is about two mobile nodes, and the profile has one only of the kind it needs: add another to ixit.mobileNodes if the device can have one';
}

/** The outcome of a test whose steps were not gone through. */
export function unjudged(test: TestCase, verdict: Verdict, reason: string): Outcome {
  return {
    id: test.id,
    title: test.title,
    file: test.file,
    role: test.role,
    position: test.position,
    clauses: test.clauses,
    verdict,
    reason,
    judgements: [],
    steps: [],
    mobileNodes: [],
    stimuli: [],
    startNs: 0,
    endNs: 0,
  };
}

/** Names a set of tests, so that results of different vectors are never mixed: SHA-256 over what they do and expect. */
export function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
