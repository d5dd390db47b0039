/** The runs in a folder: those that are whole, under way, broken off or unreadable. */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ResultsError, readResults } from '../model/read-results.ts';
import { type Device, subjectName, type Totals } from '../model/results.ts';
import { type Progressed, readProgress } from '../runner/progress-file.ts';

/** A device of a run, as far as its folder tells. */
export interface ListedDevice {
  /** From the run's folder on: '' or 'home-agent'. */
  path: string;
  device?: Device;
  role?: string;
  start?: string;
  totals?: Totals;
  incomplete?: string;
  progress?: Progressed;
  /** Why it cannot be read. */
  problem?: string;
}

export interface ListedRun {
  name: string;
  devices: ListedDevice[];
}

const isPlainFolder = (path: string): boolean => {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
};

const hasAnything = (folder: string): boolean =>
  existsSync(join(folder, 'results.json')) || existsSync(join(folder, 'progress.jsonl'));

/** Read again only when the file is another. */
const known = new Map<string, { mtimeMs: number; size: number; listed: ListedDevice }>();

function listDevice(folder: string, path: string): ListedDevice {
  const file = join(folder, 'results.json');
  if (!existsSync(file)) {
    const progress = readProgress(folder);
    if (progress === undefined) return { path, problem: 'its progress cannot be read' };
    const { device, role, start } = progress;
    return { path, device, role, start, progress };
  }
  const { mtimeMs, size } = lstatSync(file);
  const before = known.get(file);
  if (before !== undefined && before.mtimeMs === mtimeMs && before.size === size) return before.listed;
  const listed = readDevice(file, path);
  known.set(file, { mtimeMs, size, listed });
  return listed;
}

function readDevice(file: string, path: string): ListedDevice {
  try {
    const { results } = readResults(file);
    const { device, start, totals, incomplete } = results;
    const role = subjectName(results);
    return { path, device, role, start, totals, ...(incomplete === undefined ? {} : { incomplete }) };
  } catch (error) {
    if (!(error instanceof ResultsError)) throw error;
    return { path, problem: error.message.replace(file, 'results.json') };
  }
}

/** One run; undefined when there is none of this name. Links are not followed. */
export function listRun(root: string, name: string): ListedRun | undefined {
  const folder = join(root, name);
  if (name === '' || /[/\\\0]/.test(name) || name.startsWith('.') || !isPlainFolder(folder)) return undefined;
  if (hasAnything(folder)) return { name, devices: [listDevice(folder, '')] };
  const devices = readdirSync(folder)
    .sort()
    .map((own) => [own, join(folder, own)] as const)
    .filter(([, path]) => isPlainFolder(path) && hasAnything(path))
    .map(([own, path]) => listDevice(path, own));
  return devices.length === 0 ? undefined : { name, devices };
}

/** All of them, the newest first. */
export function listRuns(root: string): ListedRun[] {
  const start = ({ devices }: ListedRun): string =>
    devices.map((device) => device.start ?? '').sort()[0] ?? '';
  return readdirSync(root)
    .flatMap((name) => listRun(root, name) ?? [])
    .sort((a, b) => (start(a) < start(b) ? 1 : -1));
}

/** Whether a run goes on. */
export const isUnderWay = ({ devices }: ListedRun): boolean =>
  devices.some(({ progress }) => progress !== undefined && !progress.broken);
