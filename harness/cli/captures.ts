/** The captures of a run while it goes on: one of every test, one of all. */
import { readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, CaptureFile, frameKey } from '../../reports/evidence/capture-file.ts';
import { commentsOf } from '../../reports/evidence/comments.ts';
import { type CapturedFrame, writePcapng } from '../../reports/evidence/pcapng.ts';
import { type CaptureFacts, captureFacts, captureFile } from '../../reports/model/results.ts';
import { portNames, type SeenFrame } from '../engine/bench.ts';
import type { Outcome } from '../engine/outcome.ts';
import type { TestCase } from '../vectors/types.ts';

/** Of the first part of a run, and of further ones where it was broken off and resumed. */
const runCapture = (part: number): string => (part === 1 ? 'run.pcapng' : `run-${part}.pcapng`);
const runComment = 'every packet of the run';

/** Take away what tests that were broken off have left behind. */
export function removeHalfWritten(folder: string): void {
  for (const name of readdirSync(folder)) if (name.endsWith('.part')) rmSync(join(folder, name));
}

/** The capture of one test. */
export interface TestCapture {
  /** The test begins, or begins once more: what was seen before does not count. Gets the frames as they come. */
  tries(): (frame: SeenFrame) => void;
  /** Write it with its comments. Undefined when there is nothing to write. */
  finish(outcome: Outcome, frames: readonly SeenFrame[]): Promise<CaptureFacts | undefined>;
}

export class RunCaptures {
  private readonly folder: string;
  private originNs = 0n;
  private readonly file: string;
  /** What is wrong with the capture of the run. */
  readonly findings: string[] = [];
  private readonly whole: CaptureFile;
  /** Of the frames of all tests, by frameKey. */
  private readonly comments = new Map<string, string[]>();
  private readonly writes: Promise<unknown>[] = [];
  private tried = 0;
  private isOver = false;

  constructor(folder: string, part: number) {
    this.folder = folder;
    this.file = runCapture(part);
    this.whole = new CaptureFile(join(folder, this.file), portNames, runComment);
  }

  /** Every frame of a bench from now on: those before the first test as well, which show why there may be none. */
  follow(bench: { readonly originNs: bigint; onFrame: (frame: SeenFrame) => void }): void {
    this.originNs = bench.originNs;
    bench.onFrame = (frame) => {
      if (!this.isOver) this.whole.add(this.captured(frame));
    };
  }

  /** There is nothing to be kept. */
  async discard(): Promise<void> {
    this.isOver = true;
    await this.whole.discard();
  }

  /** Until the test has ended, its capture grows under a name of its own, so that a crash leaves what was seen. */
  of({ id, title }: Pick<TestCase, 'id' | 'title'>): TestCapture {
    const file = captureFile(id);
    const comment = `${id}: ${title}`;
    let growing: CaptureFile | undefined;
    return {
      tries: () => {
        if (growing !== undefined) this.writes.push(growing.discard());
        growing = undefined;
        this.tried += 1;
        const path = join(this.folder, `${file}.${this.tried}.part`);
        return (frame) => {
          growing ??= new CaptureFile(path, portNames, comment);
          growing.add(this.captured(frame));
        };
      },
      finish: async (outcome, frames) => {
        const isEmpty = outcome.steps.length === 0 && frames.length === 0;
        const write = isEmpty ? undefined : this.write(file, outcome, comment, frames);
        this.writes.push(write ?? Promise.resolve());
        const facts = await write;
        await growing?.discard();
        return facts;
      },
    };
  }

  /** All is written, and the capture of the run has the comments of every test; undefined when it could not be made. */
  async finish(): Promise<CaptureFacts | undefined> {
    this.isOver = true;
    await Promise.all(this.writes);
    try {
      await this.whole.close();
      const { path, lost } = this.whole;
      if (lost > 0) this.findings.push(`${this.file} lacks ${lost} frames, as the disk was too slow`);
      const done = await annotate(path, portNames, runComment, this.comments);
      if (done !== undefined) return captureFacts(this.file, done.octets, done.frames);
      this.findings.push(`${this.file} is too large to be given comments`);
    } catch (error) {
      this.findings.push(`${this.file} could not be written: ${(error as Error).message}`);
    }
    return undefined;
  }

  private async write(
    file: string,
    outcome: Outcome,
    comment: string,
    frames: readonly SeenFrame[],
  ): Promise<CaptureFacts> {
    const comments = commentsOf(outcome);
    const captured = frames.map((frame, at): CapturedFrame => {
      const plain = this.captured(frame);
      const own = comments.get(at + 1);
      if (own === undefined) return plain;
      const key = frameKey(plain);
      this.comments.set(key, [...(this.comments.get(key) ?? []), ...own]);
      return { ...plain, comments: own };
    });
    const octets = writePcapng(portNames, captured, comment);
    await writeFile(join(this.folder, file), octets);
    return captureFacts(file, octets, frames.length);
  }

  private captured({ port, timeNs, outgoing, octets }: SeenFrame): CapturedFrame {
    return { port, timeNs: this.originNs + BigInt(timeNs), outgoing, octets };
  }
}
