/** `dsmip matrix`: the results of an event, collated. */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { collate, type Found, type NameOf, realName, seatRoles } from '../../reports/matrix/collate.ts';
import { matrixCsv } from '../../reports/matrix/csv.ts';
import { matrixPage } from '../../reports/matrix/page.ts';
import { ResultsError, readResults } from '../../reports/model/read-results.ts';
import { UsageError } from './errors.ts';
import { makeFolder } from './request.ts';

export interface MatrixOptions {
  out?: string;
  since: string[];
  anonymous?: boolean;
  names?: string;
}

/** Folders of runs lie no deeper than this below a folder that is named. */
const deepest = 4;

/** Run the command. Throws ResultsError or UsageError. */
export function matrixCommand(folders: readonly string[], options: MatrixOptions): void {
  const found = readAll(folders);
  const since = options.since.length === 0 ? [] : readAll(options.since);
  const anonymous = options.anonymous === true;
  if (options.names !== undefined && !anonymous)
    throw new UsageError('--names FILE keeps which name stands for whom, and belongs to --anonymous');
  const nameOf = anonymous ? anonymousNames(found, options.names) : realName;
  const matrix = collate(found, { since, nameOf, anonymous });
  const out = makeFolder('matrix', options.out);
  for (const [name, text] of [
    ['matrix.html', matrixPage(matrix)],
    ['matrix.csv', matrixCsv(matrix)],
  ] as const) {
    writeFileSync(join(out, name), text);
    process.stdout.write(`${relative(process.cwd(), join(out, name))}\n`);
  }
  for (const text of matrix.missing) process.stdout.write(`missing: ${text.replace(/[^\x20-\x7e]/g, '?')}\n`);
}

/** All results in these folders; what cannot be read is named, all of it, and nothing is left out in silence. */
function readAll(folders: readonly string[]): Found[] {
  const files = folders.flatMap((folder) => {
    if (!existsSync(folder) || !statSync(folder).isDirectory())
      throw new UsageError(`${folder}: there is no such folder`);
    const own = resultsBelow(folder, deepest);
    if (own.length === 0) throw new ResultsError(`${folder} holds no results.json, nor do the folders in it`);
    return own;
  });
  const problems: string[] = [];
  const found = [...new Set(files)].flatMap((file): Found[] => {
    try {
      return [{ results: readResults(file).results, folder: file }];
    } catch (error) {
      if (!(error instanceof ResultsError)) throw error;
      problems.push(error.message);
      return [];
    }
  });
  if (problems.length > 0)
    throw new ResultsError(
      `${problems.join('\n')}\nTake them out of the folders that are named, and run it again.`,
    );
  return found;
}

/** Links are not followed: they may lead anywhere. */
function resultsBelow(folder: string, depth: number): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isFile() && entry.name === 'results.json') return [path];
    return entry.isDirectory() && depth > 0 ? resultsBelow(path, depth - 1) : [];
  });
}

const short: { readonly [role: string]: string } = {
  'home-agent': 'HA',
  'foreign-agent': 'FA',
  'mobile-node': 'MN',
};

/**
 * "HA 1" and so on, in an order that tells nothing; a file of names, if there is one, keeps them the same from matrix to matrix.
 */
function anonymousNames(found: readonly Found[], file: string | undefined): NameOf {
  const kept = file === undefined || !existsSync(file) ? {} : readNames(file);
  const names = new Map(Object.entries(kept));
  const salt = randomBytes(16);
  const key = (device: Found['results']['device'], role: string): string =>
    `${role}: ${realName(device, role)}`;
  const all = found.flatMap(({ results }) =>
    results.seats === undefined
      ? [{ role: results.role, key: key(results.device, results.role) }]
      : Object.entries(results.seats).map(([seat, device]) => {
          const role = seatRoles[seat] ?? seat;
          return { role, key: key(device, role) };
        }),
  );
  const order = (text: string): string => createHash('sha256').update(salt).update(text).digest('hex');
  for (const one of [...all].sort((a, b) => (order(a.key) < order(b.key) ? -1 : 1))) {
    if (names.has(one.key)) continue;
    const used = new Set(names.values());
    let n = 1;
    while (used.has(`${short[one.role] ?? 'device'} ${n}`)) n += 1;
    names.set(one.key, `${short[one.role] ?? 'device'} ${n}`);
  }
  if (file !== undefined)
    writeFileSync(file, `${JSON.stringify(Object.fromEntries(names), null, 2)}\n`, { mode: 0o600 });
  return (device, role) => names.get(key(device, role)) ?? 'device';
}

function readNames(file: string): { [key: string]: string } {
  try {
    const data: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (
      typeof data === 'object' &&
      data !== null &&
      Object.values(data).every((name) => /^\w+ \d+$/.test(String(name)))
    )
      return data as { [key: string]: string };
  } catch {
    // Said below.
  }
  throw new UsageError(`${file}: is no file of names that dsmip matrix has written`);
}
