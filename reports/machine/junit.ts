/**
 * JUnit XML for continuous integration: a testsuite per device, a testcase per test. FAIL is a failure; ERROR and INCONCLUSIVE are
 * errors, for nothing was learned of the device; NOT APPLICABLE is skipped, with the expression that said so; WARN and INFO pass and say
 * so in their output. A run that was broken off has one more testsuite with an error, so that it is never green.
 */
import { html } from 'hono/html';
import { type Verdict, verdictOrder } from '../../harness/engine/outcome.ts';
import { type Results, subjectName, type TestResult } from '../model/results.ts';
import type { Run } from '../model/run.ts';
import { type ClauseTable, clauseTable, findingLines } from '../text/finding.ts';
import { plain, plural } from '../text/layout.ts';
import { rankWords } from '../text/summary.ts';
import { visible } from '../text/visible.ts';
import { deviceName, differenceOf, secondsOf } from './words.ts';

/** Escaped for XML; what XML 1.0 forbids is spelt out by `visible` before. */
type Markup = ReturnType<typeof html>;

/** The file. */
export function junitReport({ devices }: Run): string {
  const all = devices.map(({ results }) => results);
  const broken = all.filter(({ incomplete }) => incomplete !== undefined);
  const sum = (...verdicts: Verdict[]): number =>
    all.reduce((total, results) => total + count(results, ...verdicts), 0);
  const times = all.map(({ start, end }) => [Date.parse(start), Date.parse(end)] as const);
  const seconds =
    (Math.max(...times.map(([, end]) => end)) - Math.min(...times.map(([start]) => start))) / 1000;
  const text = html`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="dsmip-conformance" tests="${sum(...verdictOrder) + broken.length}" failures="${sum('FAIL')}" errors="${sum('ERROR', 'INCONCLUSIVE') + broken.length}" time="${seconds.toFixed(3)}">
${devices.map(({ results, path }, n) => suite(results, path, n))}${broken.length === 0 ? '' : wholeness(broken, all.length)}</testsuites>
`;
  return String(text);
}

const count = ({ totals }: Results, ...verdicts: Verdict[]): number =>
  verdicts.reduce((sum, verdict) => sum + totals.tests[verdict], 0);

/** Local time is not asked for: UTC, without a zone, as the format wants it. */
const stamp = (instant: string): string => instant.slice(0, 19);

function suite(results: Results, path: string, n: number): Markup {
  const clauses = clauseTable(results.clauses);
  const seconds = (Date.parse(results.end) - Date.parse(results.start)) / 1000;
  const properties = propertiesOf(results);
  const beware = results.findings.map((finding) => `Beware: ${visible(finding)}`);
  return html`  <testsuite id="${n}" name="${`${deviceName(results)} (${subjectName(results)})`}" package="${results.role}" tests="${count(results, ...verdictOrder)}" failures="${count(results, 'FAIL')}" errors="${count(results, 'ERROR', 'INCONCLUSIVE')}" skipped="${count(results, 'NOT APPLICABLE')}" time="${seconds.toFixed(3)}" timestamp="${stamp(results.start)}">
    <properties>
${properties.map(
  ([name, value]) => html`      <property name="${name}" value="${value}"/>
`,
)}    </properties>
${results.outcomes.map((outcome) => testcase(outcome, results, path, clauses))}${
  beware.length === 0
    ? ''
    : html`    <system-err>${beware.join('\n')}</system-err>
`
}  </testsuite>
`;
}

/** What the verdicts rest on, and the totals by verdict and by levels of clauses. */
function propertiesOf(results: Results): [name: string, value: string][] {
  const { device, profile, seats = {} } = results;
  const entries = (prefix: string, values: { [name: string]: string | boolean | number }) =>
    Object.entries(values).map(([name, value]): [string, string] => [`${prefix}.${name}`, String(value)]);
  const listed: [string, string][] = [
    ['tool', `dsmip-conformance ${results.tool}`],
    ['role', results.role],
    ['document', results.document],
    ...entries('device', { ...device }),
    ...Object.entries(seats).flatMap(([seat, seated]) => entries(`seat.${seat}`, { ...seated })),
    ['profile', `${profile.file} (${profile.hash})`],
    ['vectors', results.vectors],
    ['suite', results.suite],
    ['ledger', results.ledger],
    ['strict', String(results.strict)],
    ...entries('selection', results.selection),
    ...entries('ics', results.ics),
    ...entries('reading', results.readings),
    ...entries('tests', results.totals.tests),
    ...results.totals.clauses.map((rank): [string, string] => [`clauses.${rank.name}`, rankWords(rank)]),
    ['exitStatus', String(results.totals.exitStatus)],
  ];
  if (results.incomplete !== undefined) listed.push(['incomplete', results.incomplete]);
  return listed.map(([name, value]) => [visible(name), visible(value)]);
}

function testcase(outcome: TestResult, results: Results, path: string, clauses: ClauseTable): Markup {
  const [vector = ''] = outcome.id.split(/[/@]/);
  return html`    <testcase classname="${visible(`${results.role}.${vector}`)}" name="${visible(outcome.id)}" time="${secondsOf(outcome)}">
${verdictElement(outcome, clauses)}      <system-out>${output(outcome, path, clauses).join('\n')}</system-out>
    </testcase>
`;
}

function verdictElement(outcome: TestResult, clauses: ClauseTable): Markup | string {
  const { verdict, judgements, reason = '' } = outcome;
  const text = (): string => findingLines(outcome, verdict, clauses, plain).map(visible).join('\n');
  if (verdict === 'FAIL') {
    const broken = judgements.filter((judgement) => judgement.verdict === 'FAIL');
    const names = [...new Set(broken.map(({ clause }) => visible(clause)))].join(', ');
    const [first] = broken;
    const message = `${names}${first === undefined ? '' : `: ${differenceOf(first)}`}`;
    return html`      <failure type="FAIL" message="${message}">${text()}</failure>
`;
  }
  if (verdict === 'ERROR' || verdict === 'INCONCLUSIVE')
    return html`      <error type="${verdict}" message="${visible(reason)}">${text()}</error>
`;
  if (verdict === 'NOT APPLICABLE')
    return html`      <skipped>${visible(reason)}</skipped>
`;
  return '';
}

/** What the format has no element for. */
function output(outcome: TestResult, path: string, clauses: ClauseTable): string[] {
  const { verdict, capture } = outcome;
  const judged = outcome.clauses.map((id) => {
    const level = clauses.get(id)?.level;
    return level === undefined ? id : `${id} (${level})`;
  });
  const more = (['WARN', 'INFO'] as const).filter((one) =>
    outcome.judgements.some((judgement) => judgement.verdict === one),
  );
  return [
    `Verdict: ${verdict}`,
    `Title: ${outcome.title}`,
    `Clauses: ${judged.join(', ')}`,
    `Vector: ${outcome.file}`,
    ...(capture === undefined ? [] : [`Capture: ${path}${capture.file}`]),
    ...more.flatMap((one) => ['', one, ...findingLines(outcome, one, clauses, plain)]),
  ].map(visible);
}

/** The testsuite of a run that is not whole. */
function wholeness(broken: readonly Results[], devices: number): Markup {
  const cases = broken.map((results) => {
    const message = `${results.incomplete}; ${plural(results.notRun?.length ?? 0, 'test')} without outcome`;
    return html`    <testcase classname="run" name="${`the run of the ${results.role} is whole`}" time="0.000">
      <error type="INCOMPLETE" message="${visible(message)}">${(results.notRun ?? []).map(visible).join('\n')}</error>
    </testcase>
`;
  });
  return html`  <testsuite id="${devices}" name="the run" package="run" tests="${cases.length}" failures="0" errors="${cases.length}" skipped="0" time="0.000">
${cases}  </testsuite>
`;
}
