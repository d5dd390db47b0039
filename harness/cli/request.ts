/** From the command line, or from the environment alone, to a run as it is asked for. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchRequest, type RunRequest, requestVariable } from '../../reports/runner/request.ts';
import { isolated } from '../net/isolate.ts';
import { projectRoot } from '../vectors/load.ts';
import { readJson } from '../vectors/schema.ts';
import { allSuites, draftSuite, suiteNamed } from '../vectors/suites.ts';
import { UsageError } from './errors.ts';
import { labProfiles, profileName } from './lab-profiles.ts';

const program = join(projectRoot, 'harness/cli/dsmip.mjs');

/** The embedded labs with the reference agents, one for each role: the ordinary set-up of each. */
export const standardProfiles: readonly string[] = Object.values(labProfiles).flatMap((names) =>
  names.slice(0, 1).map(profileName),
);

/**
 * The benches of a run: that of the profile given, or the embedded labs; for each suite named, or all that are not run on demand only,
 * one after the other. Throws UnknownSuiteError.
 */
export function benchesOf(given: string | undefined, suiteNames?: readonly string[]): BenchRequest[] {
  const suites =
    suiteNames === undefined
      ? allSuites().filter(({ onDemand }) => onDemand !== true)
      : suiteNames.map(suiteNamed).sort((a, b) => a.order - b.order);
  const benches = (profile: string, profileName: string): BenchRequest[] => {
    const { bench, role } = readJson(profile) as { bench?: object; role?: unknown };
    return suites
      .filter(({ directory }) => existsSync(join(directory, String(role))))
      .map(({ name }) => ({
        name: name === draftSuite ? String(role) : `${name}-${String(role)}`,
        role: String(role),
        suite: name,
        profile,
        profileName,
        lab: bench !== undefined && 'lab' in bench,
      }));
  };
  // Profiles are named from where the command is given; our own from the project's root.
  if (given !== undefined) return benches(resolve(given), given);
  return standardProfiles.flatMap((name) => benches(join(projectRoot, name), name));
}

/**
 * The request of this run: as `dsmip run` left it in the environment; for `npx playwright test` the embedded labs, or the profile that
 * DSMIP_IUT names, with the reporters of DSMIP_REPORTERS, narrowed by its own options.
 */
export function requestFromEnvironment(
  environment: NodeJS.ProcessEnv = process.env,
  argv: string[] = process.argv.slice(2),
): RunRequest {
  const text = environment[requestVariable];
  if (text !== undefined) return JSON.parse(text) as RunRequest;
  return {
    benches: benchesOf(environment.DSMIP_IUT),
    strict: environment.DSMIP_STRICT === '1',
    start: processStart(),
    interactive: false,
    readings: {},
    selection: grepOf(argv),
    formats: [],
    reporters: (environment.DSMIP_REPORTERS ?? 'list').split(',').filter((name) => name !== ''),
  };
}

/** When this program was started. */
export const processStart = (): string => new Date(performance.timeOrigin).toISOString();

/** What Playwright was told to filter by; it tells no reporter. */
function grepOf(args: string[]): RunRequest['selection'] {
  const options = { grep: { type: 'string', short: 'g' }, 'grep-invert': { type: 'string' } } as const;
  const { values } = parseArgs({ args, options, strict: false, allowPositionals: true });
  const given = Object.keys(options).flatMap((name): [string, string][] => {
    const value = values[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  return Object.fromEntries(given);
}

/** The bench server's command; the lab is built in private namespaces, a bench of real links where it is started. */
export function serverCommand({ lab }: Pick<BenchRequest, 'lab'>): string[] {
  const own = [process.execPath, program, 'bench-server'];
  if (!lab) return own;
  const { command, args } = isolated(own);
  return [command, ...args];
}

/** A new folder for a report: the one asked for, or reports/out/<time>-<name>. Throws UsageError when it is in use. */
export function makeFolder(product: string, given?: string): string {
  if (given !== undefined) {
    const folder = resolve(given);
    if (existsSync(folder) && readdirSync(folder).length > 0) {
      throw new UsageError(`--out ${given} is not empty: name a folder that is new, reports are never mixed`);
    }
    mkdirSync(folder, { recursive: true });
    return folder;
  }
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-');
  const slug =
    product
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
      .slice(0, 40) || 'device';
  const base = join(projectRoot, 'reports/out', `${stamp}-${slug}`);
  mkdirSync(join(projectRoot, 'reports/out'), { recursive: true });
  for (let n = 1; ; n += 1) {
    const folder = n === 1 ? base : `${base}-${n}`;
    if (existsSync(folder)) continue;
    mkdirSync(folder);
    return folder;
  }
}

/** Where Playwright keeps what it needs while it runs, within a run's folder; taken away afterwards. */
export const playwrightFolder = (out: string): string => join(out, '.playwright');
