/** What the results say of a run besides its outcomes. */
import { createHash } from 'node:crypto';
import type {
  AddressFacts,
  ClauseFacts,
  Lane,
  MeasuredFacts,
  ReadingFacts,
  ResultsHeader,
} from '../../reports/model/results.ts';
import type { BenchRequest, RunRequest } from '../../reports/runner/request.ts';
import type { RunFacts } from '../bench/surroundings.ts';
import { requestPorts } from '../engine/identities.ts';
import type { Ledger, Role } from '../vectors/ledger.ts';
import type { HostAddresses, Profile } from '../vectors/profile.ts';
import type { TestCase } from '../vectors/types.ts';
import { addressPlus } from '../wire/index.ts';
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
  return hashOf(
    sorted.map(({ kills: _kills, file: _file, withoutPrelude = false, prelude, ...test }) => ({
      ...test,
      prelude: withoutPrelude ? { mn: [], other: [] } : prelude,
    })),
  );
}

export const ledgerHash = (ledger: Ledger): string =>
  hashOf([[...ledger.clauses.values()], [...ledger.readings.values()]]);

export function header(
  request: Pick<RunRequest, 'strict' | 'selection' | 'readings'> & Pick<BenchRequest, 'profileName'>,
  profile: Profile,
  ledger: Ledger,
  all: readonly TestCase[],
  tests: readonly TestCase[],
  facts: RunFacts,
  start: Date,
): ResultsHeader {
  return {
    format: 'dsmip-conformance results 2',
    tool: version(),
    document: ledger.document,
    device: profile.device,
    ...(profile.seats === undefined ? {} : { seats: profile.seats }),
    role: profile.role,
    ics: profile.ics,
    profile: { file: request.profileName, hash: profileHash(profile) },
    vectors: vectorsHash(tests),
    suite: vectorsHash(all.filter(({ role }) => role === profile.role)),
    ledger: ledgerHash(ledger),
    strict: request.strict,
    selection: request.selection,
    readings: request.readings,
    readingFacts: readingsOf(ledger, clausesOfRole(ledger, profile.role, all), request.readings),
    extensionTypes: profile.extensionTypes,
    requestPorts,
    addresses: addressesOf(profile),
    ...measuredIn(facts),
    start: start.toISOString(),
  };
}

/** What is measured when a run begins, and when one that was broken off goes on. */
export const measuredIn = (facts: RunFacts): MeasuredFacts => ({
  originNs: facts.originNs.toString(),
  seed: facts.seed,
  graceNs: facts.graceNs,
  roundTripsNs: facts.roundTripsNs,
  ...(facts.homeHostMac === undefined ? {} : { homeHostMac: facts.homeHostMac }),
  ...(facts.visitedHostMac === undefined ? {} : { visitedHostMac: facts.visitedHostMac }),
  ...(facts.linkMacs === undefined ? {} : { linkMacs: facts.linkMacs }),
  ...(facts.unreachable === undefined ? {} : { unreachable: facts.unreachable }),
  ...(facts.spoilers === undefined ? {} : { spoilers: facts.spoilers }),
  ...(facts.generator === undefined ? {} : { generator: facts.generator }),
});

/** The readings on which the clauses rest, with the words of the one that is in force. */
export function readingsOf(
  ledger: Ledger,
  clauses: readonly ClauseFacts[],
  switched: { [reading: string]: string },
): ReadingFacts[] {
  const named = new Set(
    clauses.flatMap(({ readings, aspects }) => [
      ...readings,
      ...Object.values(aspects).flatMap((aspect) => aspect.readings ?? []),
    ]),
  );
  return [...ledger.readings.values()]
    .filter(({ id }) => named.has(id))
    .map(({ id, where, problem, reading, successor, alternatives }) => ({
      id,
      where,
      problem,
      reading,
      successor,
      inForce: switched[id] ?? 'settled',
      alternatives: alternatives.map(({ name, reading: words }) => ({ name, reading: words })),
    }));
}

/** Whose each address of a profile is. Of an address with several owners the first counts. */
export function addressesOf(profile: Profile): AddressFacts[] {
  const found = new Map<string, AddressFacts>();
  const add = (lane: Lane, name: string, ...addresses: (string | undefined)[]): void => {
    for (const address of addresses)
      if (address !== undefined && !found.has(address)) found.set(address, { address, lane, name });
  };
  const both = (host: HostAddresses | undefined): (string | undefined)[] => [
    host?.address,
    host?.ipv6Address,
  ];
  add('HA', 'home agent', ...both(profile.homeAgent));
  for (const [at, { address }] of profile.homeAgents.entries()) add('HA', `home agent ${at + 1}`, address);
  for (const agent of [profile.foreignAgent, profile.plainForeignAgent]) {
    add('FA', 'foreign agent', agent?.address);
    add('FA', 'care-of address of the foreign agent', agent?.careOfAddress);
  }
  for (const [at, { address }] of profile.foreignAgents.entries())
    add('FA', `foreign agent ${at + 1}`, address);
  add('CN', 'correspondent node', ...both(profile.correspondentNode));
  add('host', 'host on the home link', ...both(profile.homeHost));
  add('MN', 'host on the visited link', ...both(profile.visitedHost));
  const { visitedNetwork, careOfAddresses } = profile;
  add('host', 'router of the visited network', visitedNetwork?.router, visitedNetwork?.ipv6Router);
  if (visitedNetwork !== undefined)
    for (const n of [0, 1]) add('MN', 'care-of address', addressPlus(visitedNetwork.careOfAddress, n));
  for (const { index, ipv4HomeAddress, ipv6HomeAddress } of profile.mobileNodes) {
    const who = `mobile node ${index + 1}`;
    add('MN', `home address of ${who}`, ipv4HomeAddress);
    add('MN', `IPv6 home address of ${who}`, ipv6HomeAddress);
    if (careOfAddresses !== undefined)
      for (const n of [0, 1])
        add('MN', `care-of address of ${who}`, addressPlus(careOfAddresses.first, index * 2 + n));
  }
  add('MN', 'IPv6 home address that is to be refused', profile.refusedIpv6Address);
  return [...found.values()];
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

/** Names a set of tests, so that results of different vectors are never mixed: SHA-256 over what they do and expect. */
function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
