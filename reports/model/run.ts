/** A run in its folder: the devices it tested, with their results, and their captures as they are asked for. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type CapturedFrame, CaptureError, readPcapng } from '../evidence/pcapng.ts';
import { ResultsError, readResults } from './read-results.ts';
import { readRegularFile } from './regular-file.ts';
import { type CaptureFacts, captureFacts, type Results } from './results.ts';

/** One device of a run. */
export interface DeviceRun {
  results: Results;
  /** Its folder. */
  folder: string;
  /** From the run's folder to its own, ending in a slash: '' or 'home-agent/'. What reports link to begins with it. */
  path: string;
  /**
   * The frames of one of its captures, numbered from 1 in judgements. Throws CaptureError when the file is not there, is damaged, or is
   * not the one that was written with the results.
   */
  frames(capture: CaptureFacts): CapturedFrame[];
}

/** A run. */
export interface Run {
  folder: string;
  devices: readonly DeviceRun[];
}

/** The folders that hold results.json: the folder itself, or those just below. Throws ResultsError when there are none. */
export function runFoldersOf(folder: string): string[] {
  const holds = (path: string): boolean => existsSync(join(path, 'results.json'));
  if (holds(folder)) return [folder];
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  const below = isFolder
    ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [join(folder, entry.name)] : [],
      )
    : [];
  const found = below.filter(holds).sort();
  if (found.length === 0)
    throw new ResultsError(
      isFolder
        ? existsSync(join(folder, 'request.json'))
          ? `${folder} has no results.json, as the run was broken off: dsmip run --resume ${folder} goes on with it`
          : `${folder} is no folder of a run: it has no results.json`
        : `${folder} is no folder of a run: there is no such folder`,
    );
  return found;
}

/** Read a run; see readResults for what is refused. */
export function readRun(folder: string, version?: string): Run {
  const devices = runFoldersOf(folder).map((own): DeviceRun => {
    const { results } = readResults(join(own, 'results.json'), version);
    const path = own === folder ? '' : `${own.slice(folder.length).replace(/^\/+/, '')}/`;
    return { results, folder: own, path, frames: (capture) => framesOf(own, capture) };
  });
  return { folder, devices };
}

/** Throws CaptureError; see DeviceRun.frames. */
export function framesOf(folder: string, capture: CaptureFacts): CapturedFrame[] {
  const path = join(folder, capture.file);
  let octets: Buffer;
  try {
    octets = readRegularFile(path);
  } catch (error) {
    throw new CaptureError(
      `the capture ${path} ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is missing' : 'cannot be read'}`,
    );
  }
  const frames = readPcapng(octets, path);
  if (captureFacts(capture.file, octets, frames.length).sha256 !== capture.sha256)
    throw new CaptureError(
      `the captures do not belong to these results: ${path} is not the file that was written with them`,
    );
  return frames;
}
