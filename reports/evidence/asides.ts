/** Which steps are beside the test itself, and which judgements are of what never came. */
import type { Judgement, StepRecord } from '../../harness/engine/outcome.ts';

/** Whether a step only proves that the device is there, or a silence, or makes room for the test. */
export const isAside = ({ part, step }: StepRecord): boolean =>
  part === 'liveness' || step.includes('.barrier[') || step.startsWith('prelude');

/** Whether nothing answered; the frames of such a judgement are only the nearest to what was expected. */
export const isMissed = ({ actual, silence, verdict }: Judgement): boolean =>
  silence === undefined && verdict !== 'PASS' && actual[0]?.startsWith('nothing that answers') === true;
