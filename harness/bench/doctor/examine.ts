/** The doctor's rounds: before a run what bears on verdicts, and by itself all there is to look at. */
import type { SeenFrame } from '../../engine/bench.ts';
import type { MobileNode } from '../../vectors/pool.ts';
import type { Profile } from '../../vectors/profile.ts';
import type { TestCase } from '../../vectors/types.ts';
import type { LiveBench } from '../live.ts';
import type { RunFacts } from '../surroundings.ts';
import { checksumFindings } from './checksums.ts';
import { type Finding, type Scope, type Spoiler, spoiled, touches } from './finding.ts';
import { linkFindings, mtuFindings, pathFindings } from './link.ts';
import { requestFindings } from './mobile-node.ts';
import { numberFindings } from './numbers.ts';
import { portFindings } from './ports.ts';
import { registration } from './registration.ts';
import { Talk } from './talk.ts';

export interface Examined {
  profile: Profile;
  bench: LiveBench;
  facts: RunFacts;
  /** What came while the device was tried for the first time. */
  frames: readonly SeenFrame[];
  /** Told what is being done, for people who wait. */
  tell?: (line: string) => void;
  /** Also what costs time and spoils nothing: the path's MTU, translators, the extensions of a device that does not claim them. */
  whole?: boolean;
  /** On a lab as well, and the extensions of a device that does not claim them, but nothing else that spoils nothing. */
  thorough?: boolean;
  /** Called with what was sent and came, exchange by exchange. */
  heard?: (frames: readonly SeenFrame[]) => void;
  /** The tests that are to be run: what bears on none of them is not looked at. */
  tests?: readonly TestCase[];
}

/**
 * Find out what is wrong around a device. When it answered nothing so far (`facts.unreachable`), why; on links that are there, also what
 * spoils verdicts although it answers. Rejects with KernelError or NetError where a port cannot be looked at, BenchInterrupted when the
 * device or a port is gone.
 */
export async function examine(examined: Examined): Promise<Finding[]> {
  const { profile, bench, facts, frames, tests, whole = false, thorough = whole, tell = () => {} } = examined;
  const isLab = 'lab' in profile.bench;
  const unanswered = facts.unreachable !== undefined;
  if (isLab && !unanswered && !thorough) return [];
  const talk = new Talk(profile, bench, facts, examined.heard);
  const [first] = profile.mobileNodes;
  const bears = (spoils: Scope): boolean =>
    tests === undefined || tests.some((test) => touches({ spoils }, test, profile));
  tell('addresses, routes and settings of the ports');
  const ofPorts = portFindings(profile, isLab ? [] : bench.places(), !unanswered);
  if (first === undefined) return ofPorts;
  const isListening = thorough || profile.role === 'mobile-node' || bears('advertisements');
  tell('who else is on the links');
  const [ofLinks, ofDevice] = await Promise.all([
    isLab && !thorough ? [] : linkFindings(talk, first, isListening),
    deviceFindings(talk, thorough || (profile.ics.ipv6Extensions && bears('extensions')), tell),
  ]);
  const findings = [
    ...ofPorts,
    ...ofLinks,
    ...checksumFindings(frames),
    ...requestFindings(profile, frames, facts.originNs),
    ...ofDevice,
  ];
  if (!whole) return findings;
  tell('paths between the ports');
  return [...findings, ...(await pathFindings(talk, first)), ...(await mtuFindings(talk, first))];
}

/** What the device answers; its registrations are taken back. */
async function deviceFindings(
  talk: Talk,
  extensions: boolean,
  tell: (line: string) => void,
): Promise<Finding[]> {
  const { role, mobileNodes } = talk.profile;
  const [first] = mobileNodes;
  if (first === undefined || (role !== 'home-agent' && role !== 'foreign-agent')) return [];
  tell('registrations');
  const findings = await registrations(talk);
  const isBroken = findings.some(({ spoiler }) => spoiler?.spoils === 'everything');
  if (!isBroken && extensions && role === 'home-agent') {
    tell('type numbers of the extensions');
    findings.push(...(await numberFindings(talk, usable(talk.profile, findings) ?? first, tell)));
  }
  await talk.leave();
  return findings;
}

/** What makes tests worthless, once each. */
export const spoilersOf = (findings: readonly Finding[]): Spoiler[] => {
  const seen = new Set<string>();
  return findings.flatMap(({ spoiler }) => {
    if (spoiler === undefined || seen.has(`${spoiler.spoils} ${spoiler.found}`)) return [];
    seen.add(`${spoiler.spoils} ${spoiler.found}`);
    return [spoiler];
  });
};

/** A mobile node that the device takes. */
function usable({ mobileNodes }: Profile, findings: readonly Finding[]): MobileNode | undefined {
  const bad = new Set(findings.flatMap(({ spoiler }) => spoiler?.mobileNodes ?? []));
  return mobileNodes.find(({ index }) => !bad.has(index));
}

/** Register the first mobile node of every entry of the profile; what is wrong with some of them alone spoils those. */
async function registrations(talk: Talk): Promise<Finding[]> {
  const results: { group: MobileNode[]; findings: Finding[] }[] = [];
  for (const group of groupsOf(talk.profile.mobileNodes)) {
    const [node] = group;
    if (node === undefined) continue;
    const findings = await registration(talk, node);
    results.push({ group, findings });
    // Where nobody is, the others need not be asked for.
    if (findings.some(({ check, state }) => state === 'spoils' && notOfOne.has(check))) return findings;
  }
  const isBroken = ({ findings }: { findings: Finding[] }): boolean =>
    findings.some(({ state }) => state === 'spoils');
  if (results.every(isBroken)) return results[0]?.findings ?? [];
  return results.flatMap(({ group, findings }) =>
    findings.map((finding) =>
      finding.spoiler === undefined
        ? finding
        : spoiled(
            finding.check,
            `${finding.found} (${group.length === 1 ? 'this one alone' : `and so, it is taken, the ${group.length - 1} behind it in its entry`})`,
            finding.mend ?? '',
            'mobile nodes',
            { mobileNodes: group.map(({ index }) => index) },
          ),
    ),
  );
}

/** Checks whose findings are of the device and not of a mobile node. */
const notOfOne = new Set(['reachability', 'firewall', 'silence', 'clock']);

/** Mobile nodes that count up from each other, as those of one entry of the profile do. */
export function groupsOf(nodes: readonly MobileNode[]): MobileNode[][] {
  const groups: MobileNode[][] = [];
  let before: MobileNode | undefined;
  for (const node of nodes) {
    const isNext =
      before !== undefined &&
      before.association.spi + 1 === node.association.spi &&
      before.association.algorithm === node.association.algorithm &&
      before.replay === node.replay &&
      before.ipv6Handling === node.ipv6Handling &&
      (before.foreignAssociation === undefined) === (node.foreignAssociation === undefined);
    if (isNext) groups.at(-1)?.push(node);
    else groups.push([node]);
    before = node;
  }
  return groups;
}
