/** Which tests can be run with a profile and which of its mobile nodes suit them: what was claimed, what there is, what was found. */
import type { Outcome, Verdict } from '../engine/outcome.ts';
import { alone } from '../vectors/alone.ts';
import { type Ics, icsHolds } from '../vectors/ics.ts';
import type { MobileNode } from '../vectors/pool.ts';
import type { Profile } from '../vectors/profile.ts';
import type { MobileNodeNeeds, Position, TestCase } from '../vectors/types.ts';
import { causeOf, spoilerOf } from './doctor/finding.ts';
import type { RunFacts } from './surroundings.ts';

/** Mobile nodes of a profile with which a test may run. */
export function mobileNodesFor(test: Pick<TestCase, 'requires' | 'needs'>, profile: Profile): MobileNode[] {
  return profile.mobileNodes.filter((node) => suits(node, test, profile));
}

/** Whether a mobile node is one of them. */
export function suits(
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
export function usableNodes(
  { mobileNodes }: Profile,
  { spoilers = [] }: Pick<RunFacts, 'spoilers'>,
): MobileNode[] {
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
export function lacks({ role, foreignAgents, homeAgents }: Profile, position: Position): string | undefined {
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
