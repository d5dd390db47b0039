/** What `dsmip validate` says of a profile beyond what its values are. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../vectors/load.ts';
import { loadProfile } from '../vectors/profile.ts';
import type { DeviceRole } from '../vectors/types.ts';
import { loadCatalogue } from './catalogue.ts';
import { checkProfile, warningsOf } from './validate.ts';

const folder = mkdtempSync(join(tmpdir(), 'dsmip-validate-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const { tests } = loadCatalogue();

interface ProfileFile {
  $schema?: string;
  ixit: { mobileNodes: object[] };
  bench: object;
}

/** The lab's profile of a role, changed and put elsewhere. */
function profileFile(role: DeviceRole, change: (profile: ProfileFile) => void): string {
  const source = join(projectRoot, `harness/bench/lab/${role}.profile.json`);
  const { $schema: _schema, ...profile } = JSON.parse(readFileSync(source, 'utf8')) as ProfileFile;
  change(profile);
  const file = join(folder, `${role}.json`);
  writeFileSync(file, JSON.stringify(profile));
  return file;
}

t.test('a configuration that is not there', async (t) => {
  const file = profileFile('home-agent', () => {});
  t.throws(() => checkProfile(file), {
    message:
      /bench\.lab\.configuration: there is no file home-agent\.config\.json, from the profile's folder on/,
  });
});

t.test('one mobile node of a kind where tests need two', async (t) => {
  const warnings = (count: number): string[] => {
    const file = profileFile('home-agent', ({ ixit }) => {
      ixit.mobileNodes = [{ ...ixit.mobileNodes[0], count }];
    });
    return warningsOf(loadProfile(file), tests);
  };
  const expected =
    /ixit\.mobileNodes: \d+ tests \(such as (?:rfc3344-)?ha-\S+\) need two mobile nodes, and there is one/;
  t.match(warnings(1).join('\n'), expected);
  t.same(warnings(2), []);
});
