/** `dsmip doctor`: what this machine needs; with a profile also what stands between the harness and the device. One line each, with its mend. */

import { examine, spoilersOf } from '../bench/doctor/examine.ts';
import type { Finding } from '../bench/doctor/finding.ts';
import { mendSettings } from '../bench/doctor/mend.ts';
import { openBench } from '../bench/open.ts';
import { Schedule } from '../bench/schedule.ts';
import { loadProfile, type Profile } from '../vectors/profile.ts';
import { suiteOf } from './catalogue.ts';
import { isForPeople, UsageError } from './errors.ts';
import { inPrivateWorld } from './isolation.ts';
import { machineOnly, requireMachine } from './machine.ts';

export interface DoctorOptions {
  iut?: string;
  fix?: boolean;
  json?: boolean;
}

/** What is said while something goes on, on standard error. */
export const sayProgress = (line: string): void => {
  process.stderr.write(`  ... ${line}\n`);
};

/** Run the command. Exit status 0 all is well, 1 something spoils verdicts, 64 something is missing on this machine. */
export async function doctorCommand(options: DoctorOptions): Promise<void> {
  if (options.iut === undefined) {
    if (options.fix === true)
      throw new UsageError('--fix mends settings of the ports of a profile: name it with --iut');
    machineOnly(options.json === true);
    return;
  }
  const profile = loadProfile(options.iut);
  requireMachine([profile.role]);
  if ('lab' in profile.bench && (await inPrivateWorld())) return;
  const tell = options.json === true ? () => {} : sayProgress;
  const findings = await findingsOf(profile, tell, options.fix === true);
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ profile: options.iut, findings }, null, 2)}\n`
      : text(findings),
  );
  process.exitCode = findings.some(({ state }) => state === 'spoils') ? 1 : 0;
}

/** Open the bench of a profile and look at everything. */
async function findingsOf(profile: Profile, tell: (line: string) => void, fix: boolean): Promise<Finding[]> {
  try {
    tell('opening the bench');
    const open = await openBench(profile);
    let schedule: Schedule | undefined;
    try {
      const mended = fix && !('lab' in profile.bench) ? mendSettings(profile, open.bench.places()) : [];
      const { ledger, tests } = suiteOf('draft');
      schedule = new Schedule({ profile, ledger, bench: open.bench });
      tell('trying to reach the device');
      await schedule.warmUp(tests.filter(({ role }) => role === profile.role));
      const examined = await examine({
        profile,
        bench: open.bench,
        facts: schedule.facts,
        frames: schedule.warmUpFrames,
        tell,
        whole: true,
      });
      const findings = [...mended, ...examined];
      const { unreachable } = schedule.facts;
      const isExplained = spoilersOf(findings).some(({ spoils }) => spoils === 'everything');
      return unreachable === undefined || isExplained ? findings : [...findings, lastResort(unreachable)];
    } finally {
      await schedule?.leave();
      await open.close();
    }
  } catch (error) {
    if (!isForPeople(error)) throw error;
    return [
      {
        check: 'bench',
        state: 'spoils',
        found: error.message,
        mend: 'mend that first: nothing else can be looked at',
      },
    ];
  }
}

/** Nothing that was looked at explains it. */
const lastResort = (unreachable: string): Finding => ({
  check: 'registration',
  state: 'spoils',
  found: unreachable,
  mend: 'nothing that was looked at explains it: read the log of the device',
});

const labels: { readonly [state in Finding['state']]: string } = {
  ok: 'ok       ',
  note: 'note     ',
  spoils: 'spoils   ',
  unknown: 'unknown  ',
};

const scopeWords: { readonly [scope: string]: string } = {
  everything: 'every test is INCONCLUSIVE until then',
  extensions: "tests of the draft's extensions are INCONCLUSIVE until then",
  advertisements: 'tests of advertisements are INCONCLUSIVE until then',
  checksums: 'tests of transport checksums are INCONCLUSIVE until then',
  transfers: 'tests of whole traffic are INCONCLUSIVE until then',
  ports: 'tests that use the port are INCONCLUSIVE until then',
  'mobile nodes': 'tests run with the other mobile nodes, and are INCONCLUSIVE where there are none',
};

function text(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ check, state, found, mend, spoiler }) => [
    `${labels[state]}${check}: ${found}`,
    ...(mend === undefined ? [] : [`         mend: ${mend}`]),
    ...(spoiler === undefined ? [] : [`         (${scopeWords[spoiler.spoils]})`]),
  ]);
  const spoiling = findings.filter(({ state }) => state === 'spoils').length;
  const result =
    spoiling === 0
      ? 'Nothing was found that would spoil a verdict.'
      : `${spoiling} of these spoil${spoiling === 1 ? 's' : ''} verdicts: mend and look again.`;
  return `${[...lines, result].join('\n')}\n`;
}
