/** The form that chooses what of clauses and tests is shown. */
import { verdictOrder } from '../../harness/engine/outcome.ts';
import { ranks } from '../model/clauses.ts';
import { compareIds } from '../text/summary.ts';
import { html, type Markup } from './markup.ts';
import type { Subject } from './parts.ts';

const option = (value: string, words: string): Markup => html`<option value="${value}">${words}</option>`;

const choice = (name: string, words: string, options: Markup[]): Markup =>
  html`<label><span>${words}</span><select name="${name}"><option value="">all</option>${options}</select></label>`;

function levelOptions(present: ReadonlySet<string>): Markup[] {
  return ranks.flatMap(({ name, levels }) => {
    const own = levels.filter((level) => present.has(level));
    if (own.length === 0) return [];
    const single = own.map((level) => option(level, level));
    const whole = own.length === 1 ? [] : [option(`${levels[0]}*`, own.join(', '))];
    return [html`<optgroup label="${name}">${whole}${single}</optgroup>`];
  });
}

/** `4` before `4.2`, and each section with those below it. */
function sectionOptions(sections: ReadonlySet<string>): Markup[] {
  const all = new Set<string>();
  for (const section of sections)
    for (
      let name = section;
      name !== '';
      name = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : ''
    )
      all.add(name);
  return [...all]
    .sort((a, b) => Number(a === 'base') - Number(b === 'base') || compareIds(a, b))
    .map((name) => option(name, name === 'base' ? 'base checks (RFCs)' : name));
}

export function filters(subjects: readonly Subject[]): Markup {
  const clauses = subjects.flatMap(({ results }) => results.clauses);
  const levels = new Set<string>([
    ...clauses.map(({ level }) => level),
    ...subjects.flatMap(({ results }) =>
      results.outcomes.flatMap(({ judgements }) => judgements.map(({ level }) => level)),
    ),
  ]);
  return html`<form id="filters" hidden role="search" aria-label="Filter clauses and tests">
<label class="search"><span>Search <kbd>/</kbd></span><input type="search" name="q" autocomplete="off" spellcheck="false" placeholder="id, title, clause, reason" aria-keyshortcuts="/"></label>
${choice(
  'role',
  'Role',
  subjects.map(({ key, label }) => option(key, label)),
)}
${choice('level', 'Level', levelOptions(levels))}
${choice(
  'verdict',
  'Verdict',
  [...verdictOrder, 'not observed'].map((verdict) => option(verdict, verdict)),
)}
${choice('section', 'Section', sectionOptions(new Set(clauses.map(({ section }) => section))))}
<div class="buttons"><button type="reset">Clear</button><button type="button" id="expand" aria-pressed="false">Expand failures</button></div>
<p id="shown" role="status"></p>
</form>`;
}
