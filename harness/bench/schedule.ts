/** Runs many tests on one bench: each with mobile nodes of its own, side by side as far as the pool goes. */
import { createHash, randomBytes } from 'node:crypto';
import type { SeenFrame } from '../engine/bench.ts';
import { Context, identityKeys, type Surroundings, udpPortOf } from '../engine/context.ts';
import type { Outcome, Verdict } from '../engine/outcome.ts';
import { run } from '../engine/run.ts';
import type { Ledger } from '../vectors/ledger.ts';
import type { MobileNode } from '../vectors/pool.ts';
import { icsHolds, type Profile } from '../vectors/profile.ts';
import type { Position, TestCase } from '../vectors/types.ts';
import type { LiveBench } from './live.ts';

export interface RunSettings {
  profile: Profile;
  ledger: Ledger;
  bench: LiveBench;
  strict?: boolean;
  /** Most tests under way at once. */
  concurrency?: number;
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
  homeHostMac?: string;
  /** Why nothing can be judged: the device answered no valid registration at the start. */
  unreachable?: string;
}

export type Finished = { outcome: Outcome; frames: readonly SeenFrame[] };

const standardConcurrency = 32;
const controls = 5;
/** How often a test is tried in which the harness was late. */
const attempts = 3;

/** Surroundings of one test: the profile's identities in the test's position. */
export function surroundings(
  profile: Profile,
  facts: RunFacts,
  position: Position,
  mn: MobileNode,
  other: MobileNode | undefined,
): Surroundings {
  const secured = position === 'foreign-agent-secured';
  const foreignAgent = profile.foreignAgents.find((agent) => (agent.association !== undefined) === secured);
  return {
    position,
    mn,
    ...(other === undefined ? {} : { other }),
    homeAgent: profile.homeAgent,
    correspondentNode: profile.correspondentNode,
    ...(profile.homeHost === undefined || facts.homeHostMac === undefined
      ? {}
      : { homeHost: { ...profile.homeHost, mac: facts.homeHostMac } }),
    ipv4HomePrefix: profile.ipv4HomePrefix,
    ipv6HomePrefix: profile.ipv6HomePrefix,
    firstCareOfAddress: profile.careOfAddresses.first,
    ...(foreignAgent === undefined ? {} : { foreignAgent }),
    ...(profile.refusedIpv6Address === undefined ? {} : { refusedIpv6Address: profile.refusedIpv6Address }),
    ipv6Extensions: profile.ics.ipv6Extensions,
    extensionTypes: profile.extensionTypes,
    timers: profile.timers,
    originNs: facts.originNs,
    seed: facts.seed,
    graceNs: facts.graceNs,
  };
}

/** Tests side by side on one bench. */
export class Schedule {
  readonly facts: RunFacts;
  private readonly settings: RunSettings;
  /** Mobile nodes not in use, the least recently used first. */
  private readonly free: MobileNode[];
  private readonly queue: (() => void)[] = [];
  private running = 0;
  private readonly most: number;

  constructor(settings: RunSettings) {
    this.settings = settings;
    this.free = [...settings.profile.mobileNodes];
    this.most = Math.max(
      1,
      Math.min(settings.concurrency ?? standardConcurrency, Math.floor(this.free.length / 2)),
    );
    const homeHostMac = settings.bench.mac('home');
    this.facts = {
      originNs: settings.bench.originNs,
      seed: settings.seed ?? randomBytes(8).toString('hex'),
      graceNs: 0,
      roundTripsNs: [],
      ...(homeHostMac === undefined ? {} : { homeHostMac }),
    };
  }

  /**
   * Register a few times before anything is judged: shows that the device is there and how long its round trips are. The grace
   * behind a barrier follows from it: two round trips and 20 ms.
   */
  async warmUp(test: TestCase): Promise<void> {
    const control: TestCase = {
      ...test,
      id: 'warm-up',
      position: 'co-located',
      preamble: test.warmUp,
      body: [],
      postamble: [],
    };
    for (let n = 0; n < controls; n += 1) {
      const { outcome } = await this.inSession(control);
      const sent = outcome.stimuli[0]?.timeNs;
      const answered = outcome.steps.find((step) => step.ok && step.frames.length > 0)?.timeNs;
      if (sent === undefined || answered === undefined) {
        this.facts.unreachable = `before the first test the device answered no valid registration: ${outcome.reason ?? 'nothing was seen'}`;
        return;
      }
      this.facts.roundTripsNs.push(answered - sent);
    }
    const sorted = [...this.facts.roundTripsNs].sort((a, b) => a - b);
    this.facts.graceNs = 2 * (sorted[Math.floor(sorted.length / 2)] ?? 0) + 20_000_000;
  }

  /** Run one test as soon as there is room. */
  async run(test: TestCase, begins: () => void = () => {}): Promise<Finished> {
    const outcome = notRun(test, this.settings.profile, this.facts);
    if (outcome !== undefined) return { outcome, frames: [] };
    while (this.running >= this.most) await new Promise<void>((resolve) => this.queue.push(resolve));
    this.running += 1;
    begins();
    try {
      let finished = await this.inSession(test);
      for (let again = 1; worthAnother(finished.outcome) && again < attempts; again += 1)
        finished = await this.inSession(test);
      return finished;
    } finally {
      this.running -= 1;
      this.queue.shift()?.();
    }
  }

  private async inSession(test: TestCase): Promise<Finished> {
    const { profile, bench, ledger } = this.settings;
    const mn = this.free.shift() as MobileNode;
    const other = this.free.shift();
    const around = surroundings(profile, this.facts, test.position, mn, other);
    const nodes = other === undefined ? [mn] : [mn, other];
    const ports = nodes.map((node) => udpPortOf(node, test.position));
    const session = bench.session(identityKeys(new Context(around, test.id)), ports);
    try {
      const outcome = await run(test, session, around, ledger, { strict: this.settings.strict === true });
      return { outcome, frames: [...session.frames] };
    } finally {
      session.close();
      this.free.push(...nodes);
    }
  }
}

/** The harness missed a moment, and nothing was found before that. */
const worthAnother = ({ late, verdict }: Outcome): boolean => late === true && verdict === 'INCONCLUSIVE';

/** The outcome of a test that is not run: not claimed, or nothing could come of it. Undefined when it is to be run. */
export function notRun(
  test: TestCase,
  profile: Profile,
  facts: Pick<RunFacts, 'unreachable'>,
): Outcome | undefined {
  if (!icsHolds(test.requires, profile.ics))
    return unjudged(test, 'NOT APPLICABLE', `the ICS says no to: ${test.requires}`);
  const missing = lacks(profile, test.position) ?? facts.unreachable;
  return missing === undefined ? undefined : unjudged(test, 'INCONCLUSIVE', missing);
}

/** What the bench has not, that the position needs. */
function lacks(profile: Profile, position: Position): string | undefined {
  if (
    position === 'foreign-agent' &&
    profile.foreignAgents.every((agent) => agent.association !== undefined)
  ) {
    return 'the profile names no foreign agent without a security association';
  }
  return undefined;
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
