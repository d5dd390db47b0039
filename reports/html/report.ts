/** The report of a run as one page: opens from a file, asks the network for nothing, and holds the evidence of every verdict. */
import type { Run } from '../model/run.ts';
import { Blocks } from './blocks.ts';
import { about, claims, readings } from './claims.ts';
import { clauseTable } from './clause-table.ts';
import { document } from './document.ts';
import { filters } from './filters.ts';
import { html } from './markup.ts';
import { masthead, overview, verdictWords } from './overview.ts';
import { Layouts } from './packets.ts';
import { deviceWords, subjectsOf } from './parts.ts';
import { testSections } from './test-list.ts';

/** The page. Nothing in it is counted here: totals and what became of clauses are the results' own. */
export function htmlReport(run: Run): string {
  const subjects = subjectsOf(run.devices);
  const shared = { layouts: new Layouts(), problems: [] };
  const blocks = new Blocks();
  const tests = testSections(subjects, { shared, blocks });
  const who = subjects.map(({ results, label }) =>
    subjects.length === 1 ? `${deviceWords(results.device)}, ${label}` : label,
  );
  const links: [string, string][] = [
    ['clauses', 'Clauses'],
    ['tests', 'Tests'],
    ['claims', 'Claims'],
    ['readings', 'Readings'],
    ['about', 'How to read'],
  ];
  return document({
    title: `${verdictWords(subjects).head}: ${who.join(', ')} (conformance report)`,
    styles: ['html/page.css', 'html/report.css', 'html/evidence.css'],
    scripts: ['html/report.js', 'html/evidence.js'],
    body: html`<a class="skip" href="#main">Skip to the report</a>
${masthead(subjects)}
<nav aria-label="Parts of the report"><ul>${links.map(([id, words]) => html`<li><a href="#${id}">${words}</a></li>`)}</ul></nav>
<main id="main">
${overview(subjects, shared.problems)}
${filters(subjects)}
${clauseTable(subjects)}
${tests}
${claims(subjects)}
${readings(subjects)}
${about(subjects)}
</main>
<div hidden>${blocks.markup()}${shared.layouts.markup()}</div>`,
  });
}
