/**
 * Journals of changes to links, in /run/dsmip/links: one file for each process, with what takes every change back, written before the
 * change is made. The process holds a lock on its file for as long as it lives, so that a journal without one is that of a process that
 * was killed, whatever process has its number now. A machine that is booted has forgotten its links, and /run with them.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { NetError } from './errors.ts';
import { LOCK_EX, LOCK_NB, libc } from './libc.ts';
import type { Place } from './place.ts';
import { takeBack, type Undo, undoText } from './undo.ts';

export const journalFolder = '/run/dsmip/links';

/** Who wrote a journal. */
export interface Writer {
  pid: number;
  /** When the process began, in clock ticks since the machine did (proc(5), starttime). */
  startTicks: string;
  began: string;
  what: string;
}

/** A device that belongs to one run at a time: its index in the namespace that it is in. */
export interface Claim {
  place: Place;
  index: number;
  device: string;
}

type Line = { writer: Writer } | { claim: Claim } | { undo: Undo } | { done: number };

/** A journal as it is read. */
export interface JournalFile {
  file: string;
  writer: Writer;
  /** Its process is there. */
  living: boolean;
  claims: Claim[];
  /** Changes that have not been taken back, in the order they were made. */
  undos: Map<number, Undo>;
}

/** What became of the journal of a process that was killed. */
export interface Restored {
  file: string;
  writer: Writer;
  /** What was put back, for people. */
  done: string[];
  /** What could not be. */
  problems: string[];
}

const lockFile = 'lock';
const ending = '.jsonl';
const lockSeconds = 20;
const pauseMs = 20;

export class Journal {
  private readonly file: string;
  private readonly fd: number;
  private readonly undos = new Map<number, Undo>();
  private count = 0;
  private open = true;

  /**
   * Begin the journal of this process. `claims` are devices that no other run may have; throws a NetError when a living one has, or
   * when the folder cannot be written. Call it within `exclusively`.
   */
  constructor(what: string, claims: readonly Claim[]) {
    const writer: Writer = {
      pid: process.pid,
      startTicks: startTicksOf('self') ?? '',
      began: new Date().toISOString(),
      what,
    };
    this.file = nameFor(writer);
    const temporary = `${this.file}.new`;
    this.fd = fs.openSync(temporary, 'wx', 0o600);
    if (!tryLock(this.fd)) throw new NetError('LINKS', `cannot lock ${temporary}`);
    this.write({ writer });
    for (const claim of claims) this.write({ claim });
    fs.renameSync(temporary, this.file);
  }

  /** Make a change, of which `undo` is written down before. When `make` throws, it has changed nothing. */
  change(undo: Undo, make: () => void): void {
    const number = this.count;
    this.count += 1;
    this.write({ undo });
    this.undos.set(number, undo);
    try {
      make();
    } catch (error) {
      this.undos.delete(number);
      this.write({ done: number });
      throw error;
    }
  }

  /** Take every change back, the last one first. Returns what could not be; that stays in the journal. */
  close(): string[] {
    if (!this.open) return [];
    this.open = false;
    const problems = takeAllBack(this.undos, (number) => this.write({ done: number }));
    if (problems.length === 0) fs.rmSync(this.file, { force: true });
    fs.closeSync(this.fd);
    return problems;
  }

  private write(line: Line): void {
    fs.writeSync(this.fd, `${JSON.stringify(line)}\n`);
  }
}

/** A second bench of one process has a journal of its own. */
function nameFor({ pid, startTicks }: Writer): string {
  for (let n = 1; ; n += 1) {
    const file = join(journalFolder, `${pid}-${startTicks}${n === 1 ? '' : `-${n}`}${ending}`);
    if (!fs.existsSync(file)) return file;
  }
}

/** The last one first. Returns what could not be taken back. */
function takeAllBack(
  undos: ReadonlyMap<number, Undo>,
  onDone: (number: number, undo: Undo) => void,
): string[] {
  const problems: string[] = [];
  /** Namespaces in which something of somebody's is left. */
  const kept = new Set<string | undefined>();
  for (const [number, undo] of [...undos].reverse()) {
    try {
      if (undo.kind === 'namespace' && kept.has(undo.path))
        throw new NetError('LINKS', 'a card is still in it, and would go with it');
      takeBack(undo);
      onDone(number, undo);
    } catch (error) {
      if (undo.kind === 'taken') kept.add(undo.place.path);
      problems.push(`could not ${undoText(undo)}: ${(error as Error).message}`);
    }
  }
  return problems;
}

const tryLock = (fd: number): boolean => libc().flock(fd, LOCK_EX | LOCK_NB) === 0;

/**
 * Run work while no other process begins or restores links. Throws a NetError when the folder cannot be written, or when another
 * process does not let go of it.
 */
export async function exclusively<T>(work: () => T): Promise<T> {
  let fd: number;
  try {
    fs.mkdirSync(journalFolder, { recursive: true, mode: 0o755 });
    fd = fs.openSync(join(journalFolder, lockFile), 'a', 0o600);
  } catch (error) {
    throw new NetError(
      'LINKS',
      `cannot write ${journalFolder}, where changes to links are noted so that they can be taken back (${(error as Error).message}): run as root`,
    );
  }
  try {
    const deadline = Date.now() + lockSeconds * 1000;
    while (!tryLock(fd)) {
      if (Date.now() > deadline)
        throw new NetError(
          'LINKS',
          `another dsmip is setting up links for more than ${lockSeconds} s: see dsmip links`,
        );
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    return work();
  } finally {
    fs.closeSync(fd);
  }
}

/** Every journal there is, the oldest first. Lines that cannot be read are passed over: the last one may be cut short. */
export function readJournals(): JournalFile[] {
  let names: string[];
  try {
    names = fs.readdirSync(journalFolder).filter((name) => name.endsWith(ending));
  } catch {
    return [];
  }
  return names
    .flatMap((name) => readJournal(join(journalFolder, name)) ?? [])
    .sort((a, b) => (a.writer.began < b.writer.began ? -1 : 1));
}

function readJournal(file: string): JournalFile | undefined {
  let fd: number;
  try {
    fd = fs.openSync(file, 'r');
  } catch {
    // Closed in the meantime.
    return undefined;
  }
  try {
    // Ours again as soon as it is closed: a descriptor of our own is another open file, so that our own journal counts as living.
    const living = !tryLock(fd);
    let writer: Writer = { pid: 0, startTicks: '', began: '', what: 'somebody' };
    const claims: Claim[] = [];
    const undos = new Map<number, Undo>();
    let count = 0;
    for (const text of fs.readFileSync(fd, 'utf8').split('\n')) {
      const line = parsed(text);
      if (line === undefined) continue;
      if ('writer' in line) writer = line.writer;
      else if ('claim' in line) claims.push(line.claim);
      else if ('done' in line) undos.delete(line.done);
      else {
        undos.set(count, line.undo);
        count += 1;
      }
    }
    return { file, writer, living, claims, undos };
  } finally {
    fs.closeSync(fd);
  }
}

function parsed(text: string): Line | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as Line);
  } catch {
    return undefined;
  }
}

/**
 * Take back what processes left that were killed. Call it within `exclusively`. What could not be taken back stays in the journal,
 * unless `forget` has it dropped.
 */
export function restoreAbandoned({ forget = false } = {}): Restored[] {
  return readJournals()
    .filter(({ living }) => !living)
    .map(({ file, writer, undos }) => {
      const done: string[] = [];
      const problems = takeAllBack(undos, (number, undo) => {
        done.push(undoText(undo));
        // The last line may have been cut short.
        fs.appendFileSync(file, `\n${JSON.stringify({ done: number })}\n`);
      });
      if (problems.length === 0 || forget) fs.rmSync(file, { force: true });
      return { file, writer, done, problems };
    });
}

/** The start time of a process in clock ticks since boot; undefined when there is none. */
function startTicksOf(pid: number | 'self'): string | undefined {
  try {
    // Behind the name, which may hold spaces and parentheses.
    return fs
      .readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
}
