/** What the devices claim, the readings of the draft in force, and what the words of the report mean. */
import { claimsOf, claimValue, seenWords } from '../model/claims.ts';
import type { ClaimFacts, ReadingFacts } from '../model/results.ts';
import { classWords } from './clause-table.ts';
import { html, type Markup } from './markup.ts';
import { badge, code, inForceWords, readingAnchor, type Subject, told } from './parts.ts';

function claimTable({ results, label, key }: Subject, several: boolean): Markup {
  const { profile } = results;
  const all = claimsOf(results);
  const isSeen = all.some(({ observed }) => observed !== undefined);
  const rows = all.map(
    ({ entry, value, observed }) =>
      html`<tr><th scope="row">${code(entry)}</th><td>${told(claimValue(value))}</td>${isSeen ? html`<td>${observed === undefined ? '' : seen(observed)}</td>` : ''}</tr>`,
  );
  return html`<section class="claim"><h3 id="claims-${key}">${several ? `${label}: ` : ''}claims of ${told(profile.file)}</h3>
<table aria-labelledby="claims-${key}"><thead><tr><th scope="col">Claim</th><th scope="col">Value</th>${isSeen ? html`<th scope="col">What was seen</th>` : ''}</tr></thead><tbody>${rows}</tbody></table></section>`;
}

/** A contradiction says so in words, not by colour alone. */
const seen = (claim: ClaimFacts): Markup =>
  claim.contradicts ? html`<strong>${told(seenWords(claim))}</strong>` : told(seenWords(claim));

/** The implementation conformance statements, as the profiles make them. */
export const claims = (subjects: readonly Subject[]): Markup =>
  html`<section id="claims" aria-labelledby="claims-title"><h2 id="claims-title">Claims of the devices (ICS)</h2>
<p class="lead">Where a test needs what a device does not claim, it is NOT APPLICABLE and names the claim.</p>
<div class="columns">${subjects.map((subject) => claimTable(subject, subjects.length > 1))}</div></section>`;

function readingEntry(
  id: string,
  held: readonly { subject: Subject; facts: ReadingFacts }[],
  several: boolean,
): Markup {
  const [first] = held;
  if (first === undefined) return html``;
  const { facts } = first;
  const inForce = new Map<string, string[]>();
  for (const one of held) {
    const words = inForceWords(one.facts);
    inForce.set(words, [...(inForce.get(words) ?? []), one.subject.label]);
  }
  const words = [...inForce]
    .map(([what, labels]) => (several ? `${what} (${labels.join(', ')})` : what))
    .join('; ');
  const isOther = held.some((one) => one.facts.inForce !== 'settled');
  return html`<details class="reading-entry${isOther ? ' other' : ''}" id="${readingAnchor(id)}"><summary><span class="id">${id}</span> <span>section ${facts.where.join(', ')}: ${words}</span></summary>
<dl><dt>What is unclear</dt><dd>${facts.problem}</dd><dt>The settled reading</dt><dd>${facts.reading}</dd>
${facts.alternatives.map(({ name, reading }) => html`<dt>Alternative "${name}"</dt><dd>${reading}</dd>`)}
<dt>What the successor of the draft did</dt><dd>${facts.successor}</dd></dl></details>`;
}

/** Each reading, with what is in force for whom; those that were switched are open. */
export function readings(subjects: readonly Subject[]): Markup {
  const held = new Map<string, { subject: Subject; facts: ReadingFacts }[]>();
  for (const subject of subjects)
    for (const facts of subject.results.readingFacts)
      held.set(facts.id, [...(held.get(facts.id) ?? []), { subject, facts }]);
  const order = [...held].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
  return html`<section id="readings" aria-labelledby="readings-title"><h2 id="readings-title">Readings of open places in the draft</h2>
<p class="lead">Where the draft can be read in more than one way, verdicts rest on the reading that is in force.</p>
${order.map(([id, entries]) => readingEntry(id, entries, subjects.length > 1))}</section>`;
}

const verdicts = [
  ['PASS', 'every expectation held'],
  ['FAIL', 'a MUST, a required format or code value, or a behaviour stated in sections 2 to 4 was broken'],
  ['WARN', 'a SHOULD was broken, or an example of section 5.1 alone; FAIL in strict mode'],
  ['INFO', 'a MAY or an open point of the draft: what was seen is recorded'],
  ['INCONCLUSIVE', 'the preamble or a positive control did not hold, so nothing can be said of the clause'],
  ['NOT APPLICABLE', 'the ICS says so'],
  ['ERROR', 'the harness itself failed; never blamed on the device'],
  ['not observed', 'no test judged the clause'],
] as const;

/** What the words mean, and by which digests two reports can be compared. */
export function about(subjects: readonly Subject[]): Markup {
  return html`<section id="about" aria-labelledby="about-title"><h2 id="about-title">How to read this report</h2>
<div class="columns"><dl class="legend">${verdicts.map(([verdict, words]) => html`<dt>${badge(verdict)}</dt><dd>${words}</dd>`)}</dl>
<div><h3>Levels</h3><p>MUST, SHOULD and MAY are the draft's own words; "(base)" marks checks of the RFCs beneath it. REQ, FMT and BEHAV are what the draft asks for without such a word: a requirement, a format, a behaviour. INFO and NONE are recorded only.</p>
<h3>Classes</h3><dl class="legend">${Object.entries(classWords).map(([name, words]) => html`<dt>${name}</dt><dd>${words}</dd>`)}</dl></div></div>
<h3 id="digests">Digests</h3>
<div class="scroll" tabindex="0" role="region" aria-labelledby="digests"><table><thead><tr><th scope="col">Device</th><th scope="col">Profile</th><th scope="col">Tests run</th><th scope="col">Suite of the role</th><th scope="col">Ledger</th></tr></thead><tbody>${subjects.map(({ label, results }) => html`<tr><th scope="row">${label}</th>${[results.profile.hash, results.vectors, results.suite, results.ledger].map((digest) => html`<td><code>${digest}</code></td>`)}</tr>`)}</tbody></table></div></section>`;
}
