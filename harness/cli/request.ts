/** From the command line, or from the environment alone, to a run as it is asked for. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type RunRequest, requestVariable } from '../../reports/request.ts';
import { isolated } from '../net/isolate.ts';
import { projectRoot } from '../vectors/load.ts';
import { readJson } from '../vectors/schema.ts';
import { UsageError } from './errors.ts';

/** The embedded lab with the reference home agent. */
export const standardProfile = 'harness/bench/lab/home-agent.profile.json';
const program = join(projectRoot, 'harness/cli/dsmip.mjs');

/** Profiles are named from where the command is given; our own from the project's root. */
export function profilePath(given: string | undefined): { profile: string; profileName: string } {
  if (given === undefined)
    return { profile: join(projectRoot, standardProfile), profileName: standardProfile };
  return { profile: resolve(given), profileName: given };
}

/**
 * The request of this run: as `dsmip run` left it in the environment; for `npx playwright test` the standard profile, or the one that
 * DSMIP_IUT names, with the reporters of DSMIP_REPORTERS.
 */
export function requestFromEnvironment(environment: NodeJS.ProcessEnv = process.env): RunRequest {
  const text = environment[requestVariable];
  if (text !== undefined) return JSON.parse(text) as RunRequest;
  const { profile, profileName } = profilePath(environment.DSMIP_IUT);
  const bench = (readJson(profile) as { bench?: object } | null)?.bench;
  return {
    profile,
    profileName,
    lab: bench !== undefined && 'lab' in bench,
    strict: environment.DSMIP_STRICT === '1',
    readings: {},
    selection: {},
    reporters: (environment.DSMIP_REPORTERS ?? 'list').split(',').filter((name) => name !== ''),
  };
}

/** The bench server's command; the lab is built in private namespaces, a bench of real links where it is started. */
export function serverCommand(request: Pick<RunRequest, 'lab'>): string[] {
  const own = [process.execPath, program, 'bench-server'];
  if (!request.lab) return own;
  const { command, args } = isolated(own);
  return [command, ...args];
}

/** A new folder for a report: the one asked for, or reports/out/<time>-<product>. Throws UsageError when it is in use. */
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
