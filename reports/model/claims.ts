/** Claims of a device (ICS) beside what was observed of it, in words. */
import type { ClaimFacts, Results } from './results.ts';

/** Words for the value of an entry. */
export const claimValue = (value: string | boolean): string =>
  value === true ? 'yes' : value === false ? 'no' : value;

/** What was observed of an entry. */
export const seenWords = ({ observed, because, test, contradicts }: ClaimFacts): string =>
  `${contradicts ? `contradicted: ${claimValue(observed)}; ` : ''}${because}${test === undefined ? '' : ` (${test})`}`;

/** A contradiction as a finding of the run. */
export const claimFinding = (claim: ClaimFacts): string =>
  `the ICS says ${claimValue(claim.claimed)} to ${claim.entry}, and what was seen says ${claimValue(claim.observed)}: ${claim.because}${
    claim.test === undefined ? '' : ` (${claim.test})`
  }; correct the ICS, or the device`;

/** Every entry of the ICS, with what was observed of it where something was. */
export function claimsOf({ ics, observedClaims = [] }: Results): {
  entry: string;
  value: string | boolean;
  observed?: ClaimFacts;
}[] {
  return Object.entries(ics).map(([entry, value]) => {
    const observed = observedClaims.find((one) => one.entry === entry);
    return { entry, value, ...(observed === undefined ? {} : { observed }) };
  });
}
