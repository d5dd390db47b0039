/** The frames of a test's capture, decoded, with what the test made of each. */
import { seenWords } from '../../harness/engine/describe.ts';
import { type Judgement, type StepRecord, type Verdict, worst } from '../../harness/engine/outcome.ts';
import { type Decoded, decodePacket, type FieldExtent, fieldExtents } from '../../harness/wire/index.ts';
import { measuredFor, type TestResult } from '../model/results.ts';
import type { DeviceRun } from '../model/run.ts';
import { isMissed } from './asides.ts';

export interface EvidenceFrame {
  /** From 1, as judgements name it. */
  number: number;
  port: string;
  /** It left through the port. */
  outgoing: boolean;
  /** ms since the test began. */
  timeMs: number;
  octets: Uint8Array;
  decoded: Decoded;
  /** A line a layer. */
  lines: string[];
  /** The step that sent it, and those that took it for an answer. */
  sentBy?: StepRecord;
  steps: StepRecord[];
  judgements: Judgement[];
  /** The worst of its judgements. */
  verdict?: Verdict;
}

/** Throws CaptureError when the capture cannot be read. Of a test without a capture there are none. */
export function evidenceFrames({ results, frames }: DeviceRun, test: TestResult): EvidenceFrame[] {
  if (test.capture === undefined) return [];
  const origin = BigInt(measuredFor(results, test.part).originNs);
  const sends = new Map(
    test.steps.filter(({ text }) => / sent /.test(text)).map((step) => [step.timeNs, step]),
  );
  const sentBy = new Map(
    test.stimuli.flatMap(({ frame, timeNs }) => {
      const step = sends.get(timeNs);
      return frame === undefined || step === undefined ? [] : [[frame, step] as const];
    }),
  );
  const { extensionTypes: types, requestPorts } = results;
  return frames(test.capture).map(({ port, outgoing, timeNs, octets }, at): EvidenceFrame => {
    const number = at + 1;
    const decoded = decodePacket(octets, 'ethernet', { types, requestPorts });
    const judgements = test.judgements.filter(
      (judgement) => judgement.frames.includes(number) && !isMissed(judgement),
    );
    const verdict = worst(judgements.map((judgement) => judgement.verdict));
    const sender = sentBy.get(number);
    return {
      number,
      port,
      outgoing,
      timeMs: (Number(timeNs - origin) - test.startNs) / 1e6,
      octets,
      decoded,
      lines: seenWords(decoded),
      ...(sender === undefined ? {} : { sentBy: sender }),
      steps: test.steps.filter((step) => step.frames.includes(number)),
      judgements,
      ...(verdict === undefined ? {} : { verdict }),
    };
  });
}

export const fieldsOf = ({ octets, decoded }: EvidenceFrame): FieldExtent[] => fieldExtents(octets, decoded);
