/** What the results say of a run besides its outcomes. */

import type { BenchRequest, RunRequest } from '../../reports/request.ts';
import type { ClauseFacts, ResultsHeader } from '../../reports/results.ts';
import { hashOf, type RunFacts } from '../bench/schedule.ts';
import type { Ledger, Role } from '../vectors/ledger.ts';
import type { Profile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { version } from './version.ts';

/** What is not secret in a profile. */
export function profileHash(profile: Profile): string {
  const { file: _file, bench: _bench, ...rest } = profile;
  // A key is the one thing that is octets.
  const open = (_name: string, value: unknown): unknown => (value instanceof Uint8Array ? null : value);
  return hashOf(JSON.parse(JSON.stringify(rest, open)));
}

/** Of what the tests do and expect, whatever their order. */
export function vectorsHash(tests: readonly TestCase[]): string {
  const sorted = [...tests].sort((a, b) => (a.id < b.id ? -1 : 1));
  return hashOf(sorted.map(({ kills: _kills, file: _file, ...test }) => test));
}

export const ledgerHash = (ledger: Ledger): string =>
  hashOf([[...ledger.clauses.values()], [...ledger.readings.values()]]);

export function header(
  request: Pick<RunRequest, 'strict' | 'selection' | 'readings'> & Pick<BenchRequest, 'profileName'>,
  profile: Profile,
  ledger: Ledger,
  tests: readonly TestCase[],
  facts: RunFacts,
  start: Date,
): ResultsHeader {
  return {
    format: 'dsmip-conformance results 1',
    tool: version(),
    document: ledger.document,
    device: profile.device,
    ...(profile.seats === undefined ? {} : { seats: profile.seats }),
    role: profile.role,
    ics: profile.ics,
    profile: { file: request.profileName, hash: profileHash(profile) },
    vectors: vectorsHash(tests),
    ledger: ledgerHash(ledger),
    strict: request.strict,
    selection: request.selection,
    readings: request.readings,
    originNs: facts.originNs.toString(),
    seed: facts.seed,
    graceNs: facts.graceNs,
    roundTripsNs: facts.roundTripsNs,
    ...(facts.homeHostMac === undefined ? {} : { homeHostMac: facts.homeHostMac }),
    ...(facts.visitedHostMac === undefined ? {} : { visitedHostMac: facts.visitedHostMac }),
    ...(facts.linkMacs === undefined ? {} : { linkMacs: facts.linkMacs }),
    ...(facts.unreachable === undefined ? {} : { unreachable: facts.unreachable }),
    start: start.toISOString(),
  };
}

/** The clauses that bind a role, as a whole or in an aspect; of scenarios those that they judge. */
export function clausesOfRole(ledger: Ledger, role: Role, tests: readonly TestCase[]): ClauseFacts[] {
  const judged = new Set(tests.flatMap((test) => (test.role === role ? test.clauses : [])));
  return [...ledger.clauses.values()]
    .filter(
      ({ id, roles, aspects }) =>
        roles.includes(role) ||
        Object.values(aspects).some((aspect) => aspect.roles?.includes(role) === true) ||
        (role === 'scenario' && judged.has(id)),
    )
    .map((clause) => ({
      id: clause.id,
      section: clause.section,
      level: clause.level,
      class: clause.class,
      verdict: clause.verdict,
      requires: clause.requires,
      lines: clause.lines,
      sources: clause.sources,
      positions: clause.positions,
      governedBy: clause.governedBy,
      readings: clause.readings,
      aspects: clause.aspects,
      ...(clause.note === undefined ? {} : { note: clause.note }),
      ...(clause.unseen === undefined ? {} : { unseen: clause.unseen }),
    }));
}
