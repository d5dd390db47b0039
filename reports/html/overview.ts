/** The first screen: who was tested, the verdict, the totals, what to beware of, what was broken. */
import { type Verdict, verdictOrder } from '../../harness/engine/outcome.ts';
import { type RankCount, selected } from '../model/clauses.ts';
import { exitStatusOf, type Results, type TestResult } from '../model/results.ts';
import { plural } from '../text/layout.ts';
import { rankWords } from '../text/summary.ts';
import { visibleWithin } from '../text/visible.ts';
import { html, type Markup } from './markup.ts';
import { anchorOf, badge, clauseLink, deviceWords, has, type Subject, told } from './parts.ts';
import type { Shared } from './test-evidence.ts';

const listed = (...counts: [number, string][]): string =>
  counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(', ');

const failedWords = ({ results: { totals, outcomes }, label }: Subject): string => {
  const clauses = listed(...totals.clauses.map(({ name, failed }): [number, string] => [failed, name]));
  return `${label}: ${totals.tests.FAIL} of ${plural(outcomes.length, 'test')} failed${clauses === '' ? '' : ` (clauses: ${clauses})`}`;
};

const openWords = ({ results: { totals, incomplete }, label }: Subject): string[] => {
  const open = listed(
    [totals.tests.INCONCLUSIVE, 'inconclusive'],
    [totals.tests.ERROR, 'errors of the harness'],
  );
  const parts = [
    ...(open === '' ? [] : [open]),
    ...(incomplete === undefined ? [] : ['the run is not whole']),
  ];
  return parts.length === 0 ? [] : [`${label}: ${parts.join(', ')}`];
};

/** The verdict in one line, for the whole run. */
export function verdictWords(subjects: readonly Subject[]): {
  verdict: Verdict;
  head: string;
  words: string;
} {
  const warned = subjects.filter(({ results }) => results.totals.tests.WARN > 0);
  const warnings = warned.map(
    ({ results, label }) => `${label}: ${plural(results.totals.tests.WARN, 'warning')}`,
  );
  switch (exitStatusOf(subjects.map(({ results }) => results))) {
    case 1: {
      const failed = subjects.filter(({ results }) => results.totals.tests.FAIL > 0);
      return { verdict: 'FAIL', head: 'Failed', words: failed.map(failedWords).join('; ') };
    }
    case 2:
      return {
        verdict: 'INCONCLUSIVE',
        head: 'Open',
        words: `no failure, but not everything could be judged. ${subjects.flatMap(openWords).join('; ')}`,
      };
    case 3:
      return { verdict: 'NOT APPLICABLE', head: 'Nothing was judged', words: '' };
    default:
      return warned.length > 0
        ? { verdict: 'WARN', head: 'Nothing failed', words: warnings.join('; ') }
        : { verdict: 'PASS', head: 'Nothing failed', words: 'no warnings either' };
  }
}

const shares: readonly [string, (rank: RankCount) => number][] = [
  ['failed', ({ failed }) => failed],
  ['warned', ({ warned }) => warned],
  ['held', ({ observed, failed, warned }) => observed - failed - warned],
  ['open', ({ inconclusive }) => inconclusive],
];

/** What became of a rank as a bar; the words say the same. */
function bar(rank: RankCount): Markup {
  let at = 0;
  const parts = shares.map(([name, count]) => {
    const width = count(rank);
    at += width;
    return width === 0 ? '' : html`<rect class="${name}" x="${at - width}" width="${width}" height="1"/>`;
  });
  return html`<svg class="bar" viewBox="0 0 ${rank.total} 1" preserveAspectRatio="none" aria-hidden="true" focusable="false">${parts}</svg>`;
}

const rankEntry = (rank: RankCount): Markup =>
  html`<li${rank.failed > 0 ? html` class="failed"` : ''}><strong>${rank.name}</strong>${rankWords(rank).slice(rank.name.length)}${bar(rank)}</li>`;

function testCounts({ results: { totals, outcomes }, key }: Subject): Markup {
  const counts = verdictOrder.filter((verdict) => totals.tests[verdict] > 0);
  return html`<p class="counts">${plural(outcomes.length, 'test')}${counts.length === 0 ? '' : ':'} ${counts.map(
    (verdict, n) =>
      html`${n === 0 ? '' : ' '}<a href="#?role=${key}&amp;verdict=${encodeURIComponent(verdict)}&amp;to=tests"><span class="count">${totals.tests[verdict]}</span> ${badge(verdict)}</a>`,
  )}</p>`;
}

/** What the run was told to do otherwise than it does by itself. */
export function modes({ strict, readings, selection }: Results): string[] {
  return [
    ...(strict ? ['strict: a broken SHOULD fails'] : []),
    ...Object.entries(readings).map(([id, name]) => `reading ${id}: ${name}`),
    ...selected(selection).map(([name, value]) => `only ${name} ${value}`),
  ];
}

function card(subject: Subject): Markup {
  const { results, label, key } = subject;
  const seats = Object.entries(results.seats ?? {});
  return html`<section class="device" aria-labelledby="device-${key}">
<h3 id="device-${key}">${label}</h3>
<p class="who">${told(deviceWords(results.device))}</p>
${seats.length === 0 ? '' : html`<dl class="seats">${seats.map(([seat, device]) => html`<dt>${seat}</dt><dd>${told(deviceWords(device))}</dd>`)}</dl>`}
<p class="profile">Profile ${told(results.profile.file)}</p>
${modes(results).map((mode) => html`<p class="mode">${told(mode)}</p>`)}
<h4>Clauses of the ledger</h4>
<ul class="ranks">${results.totals.clauses.map(rankEntry)}</ul>
<h4>Tests</h4>
${testCounts(subject)}
</section>`;
}

function warnings(subjects: readonly Subject[], problems: Shared['problems']): Markup {
  const whose = (label: string): string => (subjects.length === 1 ? '' : `${label}: `);
  const lines = subjects.flatMap((subject) => {
    const { results, label } = subject;
    const { findings, incomplete, notRun = [], unreachable, selection } = results;
    const broken = problems.filter((one) => one.subject === subject);
    return [
      ...(incomplete === undefined ? [] : [`the run is not whole: ${incomplete}`]),
      ...(unreachable === undefined ? [] : [`nothing could be judged: ${unreachable}`]),
      ...(notRun.length === 0 ? [] : [`${plural(notRun.length, 'test')} of the selection not run`]),
      ...(selected(selection).length === 0
        ? []
        : ['only a selection of the tests was run, so most clauses may not be observed']),
      ...findings,
      ...(broken.length === 0
        ? []
        : [`the packets of ${plural(broken.length, 'test')} cannot be shown: ${broken[0]?.message}`]),
    ].map((line) => html`<li>${whose(label)}${told(line)}</li>`);
  });
  return lines.length === 0
    ? html``
    : html`<section id="beware" aria-labelledby="beware-title"><h2 id="beware-title">Beware</h2><ul>${lines}</ul></section>`;
}

function brokenEntry(test: TestResult, verdict: Verdict, subject: Subject): Markup {
  const own = test.judgements.filter((judgement) => judgement.verdict === verdict);
  const clauses = [...new Map(own.map((judgement) => [judgement.clause, judgement])).values()];
  const difference = own.find((judgement) => judgement.difference !== undefined)?.difference;
  const words =
    difference === undefined
      ? own[0] === undefined
        ? (test.reason ?? '')
        : `actual ${own[0].actual.join(' / ')}`
      : `${difference.path}: expected ${difference.expected}, actual ${difference.actual}`;
  return html`<li>${badge(verdict)} <div><a class="id" href="#${anchorOf(subject, test.id)}"><bdi>${test.id}</bdi></a> <span class="title">${told(test.title)}</span>
<p class="broke">${clauses.map(({ clause, level }) => html`<span class="clause">${clauseLink(clause)} ${level}</span> `)}<span class="how">${told(visibleWithin(words, 300))}</span></p></div></li>`;
}

function brokenList(subjects: readonly Subject[], verdict: Verdict, title: string): Markup {
  const id = title.toLowerCase().replaceAll(' ', '-');
  const lists = subjects.flatMap((subject) => {
    const tests = subject.results.outcomes.filter((test) => has(test, verdict));
    return tests.length === 0
      ? []
      : [
          html`${subjects.length === 1 ? '' : html`<h3>${subject.label}</h3>`}<ul class="broken-list">${tests.map((test) => brokenEntry(test, verdict, subject))}</ul>`,
        ];
  });
  return lists.length === 0
    ? html``
    : html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${lists}</section>`;
}

/** Tests without a judgement, those with the same reason together. */
function openList(subjects: readonly Subject[], verdict: Verdict, title: string): Markup {
  const id = title.toLowerCase().replaceAll(' ', '-');
  const lists = subjects.flatMap((subject) => {
    const reasons = new Map<string, TestResult[]>();
    for (const test of subject.results.outcomes)
      if (test.verdict === verdict)
        reasons.set(test.reason ?? '', [...(reasons.get(test.reason ?? '') ?? []), test]);
    return [...reasons].map(
      ([reason, tests]) =>
        html`<li>${badge(verdict)} <div>${subjects.length === 1 ? '' : `${subject.label}: `}${told(reason)}<p class="broke">${tests.map((test) => html`<a class="id" href="#${anchorOf(subject, test.id)}"><bdi>${test.id}</bdi></a> `)}</p></div></li>`,
    );
  });
  return lists.length === 0
    ? html``
    : html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2><ul class="broken-list">${lists}</ul></section>`;
}

const instant = (text: string): Markup => {
  const at = new Date(text);
  return html`<time datetime="${text}">${Number.isNaN(at.valueOf()) ? text : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`}</time>`;
};

/** What stands above everything. */
export function masthead(subjects: readonly Subject[]): Markup {
  const all = subjects.map(({ results }) => results);
  const { verdict, head, words } = verdictWords(subjects);
  const [only] = subjects;
  const title =
    only !== undefined && subjects.length === 1
      ? html`${told(deviceWords(only.results.device))} <span class="as">as ${only.label}</span>`
      : html`Conformance of ${subjects.map(({ label }) => label).join(', ')}`;
  const start = all.map((results) => results.start).sort()[0] ?? '';
  const end =
    all
      .map((results) => results.end)
      .sort()
      .at(-1) ?? '';
  const seconds = (Date.parse(end) - Date.parse(start)) / 1000;
  const tools = [...new Set(all.map(({ tool }) => tool))].join(', ');
  const documents = [...new Set(all.map((results) => results.document))].join(', ');
  return html`<header class="masthead v-${verdict.replace(' ', '-')}">
<p class="eyebrow">Conformance report <span>${documents}</span></p>
<h1>${title}</h1>
<p class="verdict"><strong>${head}</strong>${words === '' ? '' : html`<span class="unseen">: </span> <span>${words}</span>`}</p>
<p class="when">Tested ${instant(start)}, ${seconds.toFixed(1)} s, with dsmip-conformance ${tools}</p>
</header>`;
}

/** Everything of the first screen below the masthead. */
export function overview(subjects: readonly Subject[], problems: Shared['problems']): Markup {
  return html`<section id="devices" aria-labelledby="devices-title"><h2 id="devices-title" class="unseen">Who was tested, and the totals</h2><div class="devices">${subjects.map(card)}</div></section>
${warnings(subjects, problems)}
${brokenList(subjects, 'FAIL', 'Failures')}
${openList(subjects, 'ERROR', 'Errors of the harness')}
${brokenList(subjects, 'WARN', 'Warnings')}
${openList(subjects, 'INCONCLUSIVE', 'Inconclusive')}`;
}
