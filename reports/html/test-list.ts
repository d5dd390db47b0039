/** Every test, each with its evidence behind it: of what was broken on the page, of the others packed. */
import type { Verdict } from '../../harness/engine/outcome.ts';
import { ranks } from '../model/clauses.ts';
import type { TestResult } from '../model/results.ts';
import { plural } from '../text/layout.ts';
import type { Blocks } from './blocks.ts';
import { html, type Markup } from './markup.ts';
import { anchorOf, badge, isBroken, isOpen, linkTo, type Subject, told } from './parts.ts';
import { againOf, judgementsOf, longEvidence, type Shared, type Tables, tablesOf } from './test-evidence.ts';

/** Evidence on the page as it is takes at most so many characters, so that a device which breaks everything still has a report that opens. */
const mostInline = 600_000;

/** What filters go by: tokens between bars. */
export const tokens = (values: Iterable<string>): string => `|${[...new Set(values)].join('|')}|`;

/** A level, and the rank that it is counted in. */
export function levelTokens(level: string): string[] {
  const rank = ranks.find(({ levels }) => (levels as readonly string[]).includes(level));
  return rank === undefined ? [level] : [level, `${rank.levels[0]}*`];
}

function facts(test: TestResult, { key }: Subject, { clauses }: Tables): Markup {
  const own = test.clauses.flatMap((id) => clauses.get(id.split('#')[0] ?? '') ?? []);
  const verdicts = new Set<Verdict>([test.verdict, ...test.judgements.map(({ verdict }) => verdict)]);
  // A test that passes says so; what it recorded besides is no reason to find it under PASS of something that failed.
  const shown = [...verdicts].filter(
    (verdict) => verdict === test.verdict || verdict === 'FAIL' || verdict === 'WARN',
  );
  const levels = [...own.map(({ level }) => level), ...test.judgements.map(({ level }) => level)];
  return html` data-states="${tokens(shown.map((verdict) => `${key}=${verdict}`))}" data-levels="${tokens(levels.flatMap(levelTokens))}" data-sections="${tokens(own.map(({ section }) => section))}"`;
}

interface Written {
  item: Markup;
  /** Characters of evidence on the page. */
  inline: number;
}

/** A packed part of a test that says nothing. */
const nothing = html``;

function written(
  test: TestResult,
  subject: Subject,
  tables: Tables,
  room: number,
  { shared, blocks }: TestLists,
): Written {
  const anchor = anchorOf(subject, test.id);
  const judged = judgementsOf(test, subject, tables);
  const again = againOf(test, subject);
  const long = longEvidence(test, subject, shared);
  const isBrief = test.steps.length === 0;
  const isInline = isBrief || (isBroken(test) && String(judged).length < room);
  const where =
    test.capture === undefined
      ? ''
      : html` The packets are in <a href="${linkTo(subject, test.capture.file)}">${test.capture.file}</a>.`;
  const rest = (): Markup => {
    const [block, at] = blocks.add(isInline ? [nothing, ...long, nothing] : [judged, ...long, again]);
    return html`<div class="packed" data-block="${block}" data-at="${at}"><p>${isInline ? 'Ladder, steps and packets are' : 'The evidence of this test is'} packed; a script of this page unpacks it, and has not run.${where}</p></div>`;
  };
  const item = html`<details class="test${isBroken(test) ? ' broken' : isOpen(test) ? ' open-ended' : ''}" id="${anchor}"${facts(test, subject, tables)}>
<summary>${badge(test.verdict)} <span class="name"><code class="id"><bdi>${test.id}</bdi></code> <span class="title">${told(test.title)}</span>${test.reason === undefined ? '' : html` <span class="reason">${told(test.reason)}</span>`} <span class="judges">${test.clauses.join(' ')}</span></span></summary>
<div class="evidence">${isInline ? judged : ''}${isBrief ? '' : rest()}${isInline ? again : ''}</div>
</details>
`;
  return { item, inline: isInline ? String(judged).length : 0 };
}

export interface TestLists {
  blocks: Blocks;
  shared: Shared;
}

/** The tests of every device, what was broken first; what they share goes into `lists`. */
export function testSections(subjects: readonly Subject[], lists: TestLists): Markup {
  let room = mostInline;
  const sections = subjects.map((subject) => {
    const { results, label, key } = subject;
    const tables = tablesOf(subject);
    const order = [...results.outcomes].sort((a, b) => Number(isBroken(b)) - Number(isBroken(a)));
    const items = order.map((test) => {
      const { item, inline } = written(test, subject, tables, room, lists);
      room -= inline;
      return item;
    });
    return html`<section class="tests" aria-labelledby="tests-${key}"><h3 id="tests-${key}">${label}: ${plural(results.outcomes.length, 'test')}</h3>
${items}</section>`;
  });
  return html`<section id="tests" aria-labelledby="tests-title"><h2 id="tests-title">Tests</h2>${sections}</section>`;
}
