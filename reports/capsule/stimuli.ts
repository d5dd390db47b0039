/** What has to be known of a test's stimuli to send them again elsewhere: their octets, when they went out, and what in them has to be fresh. */
import { harmless } from '../../harness/engine/describe.ts';
import { type Decoded, toHex } from '../../harness/wire/index.ts';
import { type EvidenceFrame, evidenceFrames } from '../evidence/frames.ts';
import { measuredFor, type TestResult } from '../model/results.ts';
import type { DeviceRun } from '../model/run.ts';

/** An authentication extension: where it begins within the packet, and whether a right authenticator is to be put in. */
export interface StimulusAuthentication {
  name: string;
  offset: number;
  spi: number;
  /** It was right when it was sent; one that was wrong on purpose stays as it was. Null when nobody knows: the message stays as it was. */
  recompute: boolean | null;
}

export interface ReplayStimulus {
  step: string;
  port: string;
  kind: 'ip' | 'ethernet';
  /** ms since the first. */
  afterMs: number;
  /** Hex digits: the IP packet, or the whole frame. */
  octets: string;
  /** What it is, in words. */
  words: string;
  /** Of a registration message: where in the octets it begins and its Identification is. */
  message?: { offset: number; identification: number; isRequest: boolean; sentNtp: string };
  authentications: StimulusAuthentication[];
  /** Towards a mobile node: Identification and port of the request that it answers. */
  known?: string;
}

export interface ReplayExpectation {
  step: string;
  port: string;
  clause: string;
  verdict: string;
  expected: string[];
  recorded: string[];
}

/** Whether an authenticator was right when it was sent: undefined when nobody knows the key. */
export type Verifies = (
  message: Uint8Array,
  offset: number,
  name: string,
  spi: number,
) => boolean | undefined;

const ntpSeconds = 2_208_988_800n;

/** 64-bit NTP timestamp of a moment (RFC 1305), as 16 hex digits. */
export function ntpOf(timeNs: bigint): string {
  const seconds = timeNs / 1_000_000_000n + ntpSeconds;
  const fraction = ((timeNs % 1_000_000_000n) << 32n) / 1_000_000_000n;
  return ((seconds << 32n) | fraction).toString(16).padStart(16, '0');
}

const etherLength = 14;

function messageOf(
  { decoded }: EvidenceFrame,
  skipped: number,
): { offset: number; length: number; isRequest: boolean } | undefined {
  const extent = decoded.extents.find(
    ({ path }) => path === 'registrationRequest' || path === 'registrationReply',
  );
  if (extent === undefined) return undefined;
  return {
    offset: extent.offset - skipped,
    length: extent.length,
    isRequest: extent.path === 'registrationRequest',
  };
}

function authenticationsOf(
  decoded: Decoded,
  packet: Uint8Array,
  message: { offset: number; length: number },
  skipped: number,
  verifies: Verifies,
): StimulusAuthentication[] {
  const layer = decoded.layers.find((one) => 'registrationRequest' in one || 'registrationReply' in one);
  const fields = layer === undefined ? undefined : (Object.values(layer)[0] as { extensions?: object[] });
  return (fields?.extensions ?? []).flatMap((extension, at) => {
    const [entry] = Object.entries(extension) as [string, { spi?: number }][];
    const extent = decoded.extents.find(({ path }) => path.endsWith(`.extensions[${at}]`));
    if (
      entry === undefined ||
      extent === undefined ||
      !/^(mobileHome|mobileForeign|foreignHome)Authentication$/.test(entry[0])
    )
      return [];
    const [name, { spi = 0 }] = entry;
    const offset = extent.offset - skipped;
    const octets = packet.subarray(message.offset, message.offset + message.length);
    return [{ name, offset, spi, recompute: verifies(octets, offset - message.offset, name, spi) ?? null }];
  });
}

/** The stimuli of a test in their order; those whose frame is in no capture are left out. Throws CaptureError. */
export function stimuliOf(device: DeviceRun, test: TestResult, verifies: Verifies): ReplayStimulus[] {
  const frames = evidenceFrames(device, test);
  const first = test.stimuli[0]?.timeNs ?? 0;
  const origin = BigInt(measuredFor(device.results, test.part).originNs);
  return test.stimuli.flatMap(({ frame: number, timeNs, port, kind, known }): ReplayStimulus[] => {
    const frame = number === undefined ? undefined : frames[number - 1];
    if (frame === undefined) return [];
    const skipped = kind === 'ip' ? etherLength : 0;
    const octets = frame.octets.subarray(skipped);
    const message = messageOf(frame, skipped);
    return [
      {
        step: harmless(frame.sentBy?.step ?? ''),
        port,
        kind,
        afterMs: (timeNs - first) / 1e6,
        octets: toHex(octets),
        words: harmless(frame.lines.join(' / ')),
        ...(message === undefined
          ? {}
          : {
              message: {
                offset: message.offset,
                identification: message.offset + (message.isRequest ? 16 : 12),
                isRequest: message.isRequest,
                sentNtp: ntpOf(origin + BigInt(Math.round(timeNs))),
              },
            }),
        authentications:
          message === undefined ? [] : authenticationsOf(frame.decoded, octets, message, skipped, verifies),
        ...(known === undefined ? {} : { known }),
      },
    ];
  });
}

/** What the device had to be told, or was moved. */
export interface ReplayAction {
  name: string;
  afterMs: number;
}

export function actionsOf({ actions = [], stimuli, startNs }: TestResult): ReplayAction[] {
  const first = stimuli[0]?.timeNs ?? startNs;
  return actions.map(({ name, beganNs }) => ({ name: harmless(name), afterMs: (beganNs - first) / 1e6 }));
}

/** What the body expected, and what came then. */
export function expectationsOf({ judgements, steps }: TestResult): ReplayExpectation[] {
  return judgements.map(({ step, clause, verdict, expected, actual }) => {
    const record = steps.find((one) => one.step === step && !/ sent /.test(one.text));
    return {
      step: harmless(step),
      port: /^at (\w+)/.exec(record?.text ?? '')?.[1] ?? '',
      clause: harmless(clause),
      verdict,
      expected: expected.map(harmless),
      recorded: actual.map(harmless),
    };
  });
}
