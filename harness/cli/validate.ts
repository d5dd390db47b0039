/** `dsmip validate`: every data file by its schema and by what a schema cannot say; or the profiles given. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { readConfiguration as readForeignAgent } from '../agents/foreign-agent/config.ts';
import { readConfiguration as readHomeAgent } from '../agents/home-agent/config.ts';
import { readConfiguration as readMobileNode } from '../agents/mobile-node/config.ts';
import { mobileNodesFor } from '../bench/applicability.ts';
import { type PlannedPort, planPorts } from '../bench/port-plan.ts';
import { alone } from '../vectors/alone.ts';
import { fault } from '../vectors/errors.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile, type Profile, type Seat, seats } from '../vectors/profile.ts';
import { readValid, schemaDirectory } from '../vectors/schema.ts';
import type { DeviceRole, TestCase } from '../vectors/types.ts';
import { loadCatalogue } from './catalogue.ts';
import { rehearse } from './rehearsal.ts';
import { standardProfiles } from './request.ts';

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(projectRoot, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(projectRoot, folder, name));

/** Each agent checks its own configuration file. */
const readers: { readonly [role in DeviceRole]: (path: string) => unknown } = {
  'home-agent': readHomeAgent,
  'foreign-agent': readForeignAgent,
  'mobile-node': (path) => readMobileNode(path),
};

interface NamedConfiguration {
  agent: DeviceRole;
  configuration: string;
  /** Where the profile names it. */
  place: string;
}

/** The configuration files of reference agents that a profile names. */
function configurationsOf({ bench }: Profile): NamedConfiguration[] {
  const seated = (taken: [string, string][], placeOf: (seat: string) => string): NamedConfiguration[] =>
    taken.map(([seat, configuration]) => ({
      agent: seats[seat as Seat],
      configuration,
      place: placeOf(seat),
    }));
  if (!('lab' in bench)) {
    const taken = Object.entries(bench.seats ?? {}).map(([seat, { configuration }]): [string, string] => [
      seat,
      configuration,
    ]);
    return seated(taken, (seat) => `bench.seats.${seat}.configuration`);
  }
  if ('agent' in bench.lab) return [{ ...bench.lab, place: 'bench.lab.configuration' }];
  return seated(Object.entries(bench.lab.seats), (seat) => `bench.lab.seats.${seat}`);
}

/**
 * Checks a profile and the configuration files it names, before anything is started; what makes a run worth little is told on standard
 * error. Throws DataError and ConfigurationError.
 */
export function checkProfile(file: string, tests: readonly TestCase[] = []): Profile {
  const profile = loadProfile(file);
  checkDevices(profile, planPorts(profile));
  for (const { agent, configuration, place } of configurationsOf(profile)) {
    if (!existsSync(configuration)) {
      const name = relative(dirname(file), configuration);
      throw fault(file, place, `there is no file ${name}, from the profile's folder on: name one`);
    }
    readers[agent](configuration);
  }
  for (const warning of warningsOf(profile, tests)) process.stderr.write(`dsmip: ${file}: ${warning}\n`);
  return profile;
}

/** Each port sees what passes on its device: two on one device would see each other's. */
function checkDevices({ file }: Profile, planned: readonly PlannedPort[]): void {
  const seen = new Map<string, string>();
  for (const { key, plan, via = [] } of planned) {
    if (plan.kind !== 'there') continue;
    const place = JSON.stringify([via, plan.namespace, plan.device]);
    const before = seen.get(place);
    if (before !== undefined)
      throw fault(
        file,
        `$.bench.ports.${key}`,
        `${plan.device} is the device of the port ${before} as well: each needs one of its own, such as a macvlan on it ("macvlanOn" in place of "device" for both)`,
      );
    seen.set(place, key);
  }
}

/** What the profile lacks, so that tests will be INCONCLUSIVE. */
export function warningsOf(profile: Profile, tests: readonly TestCase[]): string[] {
  const { role } = profile;
  // Under test, mobile nodes come alone.
  if (role === 'home-agent' || role === 'foreign-agent') return tooFew(profile, tests);
  return [];
}

/** Kinds of mobile nodes of which there is one, and tests need two. */
function tooFew(profile: Profile, tests: readonly TestCase[]): string[] {
  const lacking = new Map<string, string[]>();
  for (const test of tests) {
    if (test.role !== profile.role || alone(test).possible || mobileNodesFor(test, profile).length !== 1)
      continue;
    const needs = Object.entries(test.needs).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
    const kind = needs.length === 0 ? '' : ` with ${needs.join(' and ')}`;
    lacking.set(kind, [...(lacking.get(kind) ?? []), test.id]);
  }
  return [...lacking].map(
    ([kind, ids]) =>
      `ixit.mobileNodes: ${ids.length} tests (such as ${ids[0]}) need two mobile nodes${kind}, and there is one: raise its "count"`,
  );
}

/** Run the command. Throws DataError naming file, place and mend. */
export function validateCommand(profiles: readonly string[]): void {
  if (profiles.length > 0) {
    const { tests } = loadCatalogue();
    for (const file of profiles) {
      const profile = checkProfile(file, tests);
      const { vendor, product, version } = profile.device;
      process.stdout.write(
        `${file}: ${profile.role} ${vendor} ${product} ${version}, ${profile.mobileNodes.length} mobile nodes\n`,
      );
    }
    return;
  }
  const { ledger, tests, suites } = loadCatalogue();
  const goldens = filesIn('vectors/wire', '.json');
  let messages = 0;
  for (const file of goldens)
    messages += readValid<{ messages: unknown[] }>('wire.schema.json', file).messages.length;
  const labProfiles = filesIn('harness/bench/lab', '.profile.json').map((file) => checkProfile(file));
  const configurations = labProfiles.flatMap(configurationsOf);
  let packets = 0;
  for (const name of standardProfiles) {
    const profile = loadProfile(join(projectRoot, name));
    packets += rehearse(
      tests.filter(({ role }) => role === profile.role),
      profile,
    );
  }
  const files = new Set(tests.map(({ file }) => file));
  const fragments = suites.reduce((sum, one) => sum + one.fragments, 0);
  const lines = [
    `suites: ${suites.map(({ suite, ledger: own }) => `${suite.name} (${own.clauses.size} clauses)`).join(', ')}`,
    `${ledger.clauses.size} clauses, ${ledger.readings.size} readings, ${ledger.keywords.length} keywords`,
    `${files.size} vector files, ${tests.length} tests, ${fragments} fragments; ${packets} packets rehearsed`,
    `${goldens.length} files of golden octets, ${messages} messages`,
    `${labProfiles.length} profiles and ${configurations.length} configurations of the lab`,
    `${readdirSync(schemaDirectory).length} schemas (${relative(process.cwd(), schemaDirectory)})`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
