/** `dsmip validate`: every data file by its schema and by what a schema cannot say; or the profiles given. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readConfiguration } from '../agents/home-agent/config.ts';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import { readValid, schemaDirectory } from '../vectors/schema.ts';
import { loadCatalogue } from './catalogue.ts';
import { rehearse } from './rehearsal.ts';
import { standardProfile } from './request.ts';

const filesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(projectRoot, folder))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(projectRoot, folder, name));

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
  const configurations = filesIn('harness/bench/lab', '.config.json');
  for (const file of configurations) readConfiguration(file);
  const packets = rehearse(vectors.tests, loadProfile(join(projectRoot, standardProfile)));
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
