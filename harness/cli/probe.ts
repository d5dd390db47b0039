/** `dsmip probe`: drafts the ICS of a device from what it does, each entry with the observation behind it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { claimValue } from '../../reports/model/claims.ts';
import { probe, vendors } from '../bench/claims/probe.ts';
import { ClaimRecord } from '../bench/claims/record.ts';
import { examine } from '../bench/doctor/examine.ts';
import type { Finding } from '../bench/doctor/finding.ts';
import { openBench } from '../bench/open.ts';
import { Schedule } from '../bench/schedule.ts';
import { icsNames } from '../vectors/ics.ts';
import { loadProfile, type Profile, type ProfileFile } from '../vectors/profile.ts';
import { positionsOf } from '../vectors/types.ts';
import { suiteOf } from './catalogue.ts';
import { sayProgress } from './doctor.ts';
import { UsageError } from './errors.ts';
import { inPrivateWorld } from './isolation.ts';
import { requireMachine } from './machine.ts';

export interface ProbeOptions {
  iut: string;
  out?: string;
  write?: boolean;
  json?: boolean;
}

/** An entry of the draft; without a value it is the vendor's to claim, and `because` tells why. */
export interface Drafted {
  entry: string;
  claimed: string | boolean;
  value?: string | boolean;
  because: string;
}

/** How many tests a mobile node is put through in each position, to see what it does. */
const testsEach = 2;

/** Run the command. Exit status 0 drafted, 1 the profile claims otherwise, 2 the device cannot be probed. */
export async function probeCommand(options: ProbeOptions): Promise<void> {
  const profile = loadProfile(options.iut);
  if (profile.role === 'scenario')
    throw new UsageError(
      'dsmip probe drafts the ICS of one device: name the profile of a home agent, foreign agent or mobile node',
    );
  requireMachine([profile.role]);
  if ('lab' in profile.bench && (await inPrivateWorld())) return;
  const tell = options.json === true ? () => {} : sayProgress;
  const { drafted, spoiled } = await draftOf(profile, tell);
  if (spoiled !== undefined) {
    process.stderr.write(`dsmip: the device cannot be probed: ${spoiled.found}; ${spoiled.mend ?? ''}\n`);
    process.exitCode = 2;
    return;
  }
  const seen = drafted.filter((one) => one.value !== undefined);
  const ics = Object.fromEntries(seen.map(({ entry, value }) => [entry, value]));
  const document = { device: profile.device, role: profile.role, ics, observations: drafted };
  process.stdout.write(options.json === true ? `${JSON.stringify(document, null, 2)}\n` : text(drafted));
  if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(document, null, 2)}\n`);
  if (options.write === true) writeIcs(options.iut, ics as { [entry: string]: string | boolean });
  process.exitCode = seen.some(({ value, claimed }) => value !== claimed) ? 1 : 0;
}

/** What was observed goes into the profile; what was not stays as it is. */
function writeIcs(file: string, ics: { [entry: string]: string | boolean }): void {
  const data = JSON.parse(readFileSync(file, 'utf8')) as ProfileFile;
  data.ics = { ...data.ics, ...ics };
  writeFileSync(file, `${JSON.stringify(data, null, 2)}\n`);
  process.stdout.write(`written to "ics" of ${file}: ${Object.keys(ics).join(', ')}\n`);
}

async function draftOf(
  profile: Profile,
  tell: (line: string) => void,
): Promise<{ drafted: Drafted[]; spoiled?: Finding }> {
  tell('opening the bench');
  const open = await openBench(profile);
  let schedule: Schedule | undefined;
  try {
    const { ledger, tests } = suiteOf('draft');
    const own = tests.filter(({ role }) => role === profile.role);
    schedule = new Schedule({ profile, ledger, bench: open.bench });
    tell('trying to reach the device');
    await schedule.warmUp(own);
    const record = new ClaimRecord(profile, schedule.facts.originNs);
    record.look(schedule.warmUpFrames);
    const common = { profile, bench: open.bench, facts: schedule.facts, tell };
    const findings = await examine({
      ...common,
      frames: schedule.warmUpFrames,
      heard: (frames) => record.look(frames),
      thorough: true,
    });
    const spoiled = findings.find(({ spoiler }) => spoiler?.spoils === 'everything');
    if (spoiled !== undefined) return { drafted: [], spoiled };
    const { unreachable } = schedule.facts;
    if (unreachable !== undefined)
      return {
        drafted: [],
        spoiled: {
          check: 'registration',
          state: 'spoils',
          found: unreachable,
          mend: 'dsmip doctor --iut looks closer',
        },
      };
    if (profile.role === 'mobile-node') await watchMobileNode(schedule, own, record, tell);
    else await probe({ ...common, record, findings });
    return { drafted: icsNames(profile.role).map((entry) => drafted(profile, record, entry)) };
  } finally {
    await schedule?.leave();
    await open.close();
  }
}

function drafted({ ics, role }: Profile, record: ClaimRecord, entry: string): Drafted {
  const seen = record.observed(entry);
  const claimed = ics[entry] as string | boolean;
  if (seen !== undefined) return { entry, claimed, value: seen.value, because: seen.because };
  return {
    entry,
    claimed,
    because: vendors[role]?.[entry] ?? 'nothing that it did shows it: the vendor has to say',
  };
}

/** A mobile node cannot be asked: it is put into each kind of network, and what it asks for is looked at. */
async function watchMobileNode(
  schedule: Schedule,
  tests: Parameters<Schedule['warmUp']>[0],
  record: ClaimRecord,
  tell: (line: string) => void,
): Promise<void> {
  for (const position of positionsOf['mobile-node']) {
    tell(`what it does ${position.replaceAll('-', ' ')}`);
    const own = tests
      .filter((test) => test.position === position && schedule.applies(test))
      .slice(0, testsEach);
    for (const test of own) record.look((await schedule.run(test)).frames, test.id);
  }
}

function text(all: readonly Drafted[]): string {
  const width = Math.max(...all.map(({ entry, value }) => `${entry} = ${claimValue(value ?? '?')}`.length));
  const lines = all.map(({ entry, value, claimed, because }) => {
    const kind = value === undefined ? "vendor's" : value === claimed ? 'observed' : 'differs ';
    const words = `${entry} = ${claimValue(value ?? '?')}`.padEnd(width);
    const profile =
      value !== undefined && value !== claimed ? ` (the profile claims ${claimValue(claimed)})` : '';
    return `${kind}  ${words}  ${because}${profile}`;
  });
  return `${lines.join('\n')}\n`;
}
