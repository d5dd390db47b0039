/** `dsmip validate`: every data file by its schema and by what a schema cannot say; or the profiles given. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readConfiguration as readForeignAgent } from '../agents/foreign-agent/config.ts';
import { readConfiguration as readHomeAgent } from '../agents/home-agent/config.ts';
import { readConfiguration as readMobileNode } from '../agents/mobile-node/config.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile, type Seat, seats } from '../vectors/profile.ts';
import { readValid, schemaDirectory } from '../vectors/schema.ts';
import type { DeviceRole } from '../vectors/types.ts';
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

/** Run the command. Throws DataError naming file, place and mend. */
export function validateCommand(profiles: readonly string[]): void {
  if (profiles.length > 0) {
    for (const file of profiles) {
      const profile = loadProfile(file);
      const { vendor, product, version } = profile.device;
      process.stdout.write(
        `${file}: ${profile.role} ${vendor} ${product} ${version}, ${profile.mobileNodes.length} mobile nodes\n`,
      );
    }
    return;
  }
  const { ledger, vectors } = loadCatalogue();
  const goldens = filesIn('vectors/wire', '.json');
  let messages = 0;
  for (const file of goldens)
    messages += readValid<{ messages: unknown[] }>('wire.schema.json', file).messages.length;
  const labProfiles = filesIn('harness/bench/lab', '.profile.json').map((file) => loadProfile(file));
  const configurations = labProfiles.flatMap(({ bench }): { agent: DeviceRole; configuration: string }[] => {
    if (!('lab' in bench)) return [];
    if ('agent' in bench.lab) return [bench.lab];
    return Object.entries(bench.lab.seats).map(([seat, configuration]) => ({
      agent: seats[seat as Seat],
      configuration,
    }));
  });
  for (const { agent, configuration } of configurations) readers[agent](configuration);
  let packets = 0;
  for (const name of standardProfiles) {
    const profile = loadProfile(join(projectRoot, name));
    packets += rehearse(
      vectors.tests.filter(({ role }) => role === profile.role),
      profile,
    );
  }
  const files = new Set(vectors.tests.map(({ file }) => file));
  const lines = [
    `${ledger.clauses.size} clauses, ${ledger.readings.size} readings, ${ledger.keywords.length} keywords`,
    `${files.size} vector files, ${vectors.tests.length} tests, ${vectors.fragments} fragments; ${packets} packets rehearsed`,
    `${goldens.length} files of golden octets, ${messages} messages`,
    `${labProfiles.length} profiles and ${configurations.length} configurations of the lab`,
    `${readdirSync(schemaDirectory).length} schemas (${relative(process.cwd(), schemaDirectory)})`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
