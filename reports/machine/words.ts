/** Words that the formats for machines share; whatever they hold of others' texts is visible (see text/visible.ts) and on one line. */
import type { Judgement } from '../../harness/engine/outcome.ts';
import type { Results, TestResult } from '../model/results.ts';
import { type ClauseTable, placeOf } from '../text/finding.ts';
import { visible, visibleWithin } from '../text/visible.ts';

/** Vendor, product and version of the device. */
export const deviceName = ({ device }: Pick<Results, 'device'>): string =>
  visibleWithin(`${device.vendor} ${device.product} ${device.version}`, 200);

/** What a judgement judged. */
export interface Requirement {
  /** Of the clause alone. */
  id: string;
  /** With the aspect, if it is one. */
  name: string;
  level: string;
  /** Section and lines of the draft, or the RFCs. */
  place: string;
  requires: string;
}

/** The requirement behind a judgement, as the ledger of the run has it. */
export function requirementOf(judgement: Judgement, clauses: ClauseTable): Requirement {
  const [id = '', aspect] = judgement.clause.split('#');
  const clause = clauses.get(id);
  const own = aspect === undefined ? undefined : clause?.aspects[aspect]?.requires;
  return {
    id: visible(id),
    name: visible(judgement.clause),
    level: visible(judgement.level),
    place: clause === undefined ? '' : visible(placeOf(clause)),
    requires: visible(own ?? clause?.requires ?? ''),
  };
}

/** `ipv4.destination: expected 10.10.128.1, actual 10.1.1.1`; without a field that differs, what was seen. */
export function differenceOf({ difference, actual }: Judgement): string {
  return visible(
    difference === undefined
      ? `came: ${actual.join(' / ')}`
      : `${difference.path}: expected ${difference.expected}, actual ${difference.actual}`,
  );
}

/** How long a test took, in seconds with three places. */
export const secondsOf = ({ startNs, endNs }: TestResult): string =>
  (Math.max(0, endNs - startNs) / 1e9).toFixed(3);

/** What proved that nothing came. */
export const silenceWords = {
  barrier: 'a barrier that was answered closed the window',
  time: 'time alone closed the window',
} as const;
