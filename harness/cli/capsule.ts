/** `dsmip capsule`: one test of a run, for the vendor to take home. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { capsule, capsuleName } from '../../reports/capsule/capsule.ts';
import type { Verifies } from '../../reports/capsule/stimuli.ts';
import type { TestResult } from '../../reports/model/results.ts';
import { type DeviceRun, readRun } from '../../reports/model/run.ts';
import { closest } from '../vectors/closest.ts';
import { projectRoot } from '../vectors/load.ts';
import type { Profile } from '../vectors/profile.ts';
import { type SecurityAssociation, verifyAuthenticator } from '../wire/index.ts';
import { isForPeople, UsageError } from './errors.ts';
import { profileOf } from './rejudge.ts';

/** Run the command. Throws ResultsError, CaptureError or UsageError. */
export function capsuleCommand(
  folder: string,
  wanted: string,
  options: { out?: string; iut?: string },
): void {
  const { device, test } = find(readRun(folder).devices, wanted);
  const profile = profileAtHand(device, options.iut);
  const associations = profile === undefined ? [] : associationsOf(profile);
  const verifies: Verifies = (message, offset, _name, spi) =>
    profile === undefined
      ? undefined
      : associations.some(
          (association) => association.spi === spi && verifyAuthenticator(message, offset, association),
        );
  const octets = capsule({
    device,
    test,
    vector: vectorText(test),
    verifies,
    algorithms: Object.fromEntries(associations.map(({ spi, algorithm }) => [String(spi), algorithm])),
    nonces: (profile?.mobileNodes ?? [])
      .filter(({ replay }) => replay === 'nonces')
      .map(({ ipv4HomeAddress }) => ipv4HomeAddress),
  });
  const file = options.out ?? `${capsuleName(test.id)}.zip`;
  if (existsSync(file)) throw new UsageError(`${file} is there already: name another with --out`);
  writeFileSync(file, octets);
  process.stdout.write(`${file}: ${test.id} ${test.verdict}\n`);
}

/** The test that is meant. Throws UsageError with what might be. */
function find(devices: readonly DeviceRun[], wanted: string): { device: DeviceRun; test: TestResult } {
  const all = devices.flatMap((device) => device.results.outcomes.map((test) => ({ device, test })));
  const exact = all.find(({ test }) => test.id === wanted);
  if (exact !== undefined) return exact;
  const of = all.filter(({ test: { id } }) => id.startsWith(`${wanted}/`) || id.startsWith(`${wanted}@`));
  const failed = of.filter(({ test }) => test.verdict === 'FAIL');
  const candidates = failed.length > 0 ? failed : of;
  const [only, ...more] = candidates;
  if (only !== undefined && more.length === 0) return only;
  if (only !== undefined)
    throw new UsageError(
      `${wanted} is the vector of several tests: name one of ${candidates.map(({ test }) => test.id).join(', ')}`,
    );
  const meant = closest(
    wanted,
    all.map(({ test }) => test.id),
  );
  throw new UsageError(
    `${wanted} is no test of this run${meant === undefined ? '' : `; did you mean "${meant}"?`} (its results.json lists them)`,
  );
}

/** Whether an authenticator was right is known by the profile alone. */
function profileAtHand({ results }: DeviceRun, iut: string | undefined): Profile | undefined {
  try {
    return profileOf(results, iut);
  } catch (error) {
    if (iut !== undefined || !isForPeople(error)) throw error;
    process.stderr.write(
      `dsmip: ${basename(results.profile.file)} is not at hand (--iut names it): its script will send registration messages as they were recorded\n`,
    );
    return undefined;
  }
}

function associationsOf({ mobileNodes, foreignAgents, homeAgents }: Profile): SecurityAssociation[] {
  return [
    ...mobileNodes.flatMap(({ association, foreignAssociation }) => [association, foreignAssociation]),
    ...[...foreignAgents, ...homeAgents].map(({ association }) => association),
  ].filter((one) => one !== undefined);
}

/** The vector's file, if it is one of ours. */
function vectorText({ file }: TestResult): string {
  const path = resolve(projectRoot, file);
  const isOurs = path.startsWith(join(projectRoot, 'vectors/')) && path.endsWith('.json');
  return isOurs && existsSync(path) ? readFileSync(path, 'utf8') : '{}\n';
}
