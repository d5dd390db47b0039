/** A capture that is written while its frames arrive, and gets its comments when all is judged. */
import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { type CapturedFrame, pcapngPacket, pcapngStart, readPcapng, writePcapng } from './pcapng.ts';

/** Between two writes, ms: what a crash may cost. */
const flushMs = 250;
/** What may wait for the disk, octets; a flood beyond that is counted and left out. */
const mostWaiting = 64 * 1024 * 1024;
/** Larger captures are left without comments, octets. */
const mostAnnotated = 256 * 1024 * 1024;

/** Appends to a file without ever waiting for it: the clocks of the tests must not be disturbed. */
export class CaptureFile {
  readonly path: string;
  /** Frames that were left out, as the disk was too slow. */
  lost = 0;
  frames = 0;
  private readonly ports: readonly string[];
  private readonly file: Promise<FileHandle>;
  private waiting: Buffer[];
  private size = 0;
  private writing: Promise<void> = Promise.resolve();
  private problem: Error | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(path: string, ports: readonly string[], comment: string) {
    this.path = path;
    this.ports = ports;
    this.waiting = [pcapngStart(ports, comment)];
    this.file = open(path, 'w');
    this.file.catch((error: Error) => {
      this.problem = error;
    });
    this.timer = setInterval(() => this.flush(), flushMs);
    this.timer.unref();
  }

  add(frame: CapturedFrame): void {
    if (this.size > mostWaiting) {
      this.lost += 1;
      return;
    }
    const block = pcapngPacket(this.ports, frame);
    this.waiting.push(block);
    this.size += block.length;
    this.frames += 1;
  }

  /** Everything is in the file. Rejects when it could not be written. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    this.flush();
    await this.writing;
    await (await this.file).close();
    if (this.problem !== undefined) throw this.problem;
  }

  /** Close it and take it away. */
  async discard(): Promise<void> {
    await this.close().catch(() => {});
    await rm(this.path, { force: true });
  }

  private flush(): void {
    if (this.waiting.length === 0) return;
    const blocks = Buffer.concat(this.waiting);
    this.waiting = [];
    this.writing = this.writing
      .then(async () => {
        await (await this.file).appendFile(blocks);
        this.size -= blocks.length;
      })
      .catch((error: Error) => {
        this.problem ??= error;
      });
  }
}

/** What names a frame in every capture of a run. */
export const frameKey = ({ port, timeNs }: Pick<CapturedFrame, 'port' | 'timeNs'>): string =>
  `${port} ${timeNs}`;

/**
 * Give the packets of a capture their comments, by frameKey; the file is replaced as a whole. Returns its new content; undefined, and
 * the file as it was, when it is too large for that.
 */
export async function annotate(
  path: string,
  ports: readonly string[],
  comment: string,
  comments: ReadonlyMap<string, string[]>,
): Promise<{ octets: Buffer; frames: number } | undefined> {
  if ((await stat(path)).size > mostAnnotated) return undefined;
  const plain = await readFile(path);
  const frames = readPcapng(plain, path).map((frame): CapturedFrame => {
    const own = comments.get(frameKey(frame));
    return own === undefined ? frame : { ...frame, comments: own };
  });
  const octets = writePcapng(ports, frames, comment);
  await writeFile(`${path}.part`, octets);
  await rename(`${path}.part`, path);
  return { octets, frames: frames.length };
}
