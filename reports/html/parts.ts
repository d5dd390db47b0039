/** What the rooms of the report share: who was tested, anchors, verdicts, texts from elsewhere. */
import type { Verdict } from '../../harness/engine/outcome.ts';
import type { ClauseState } from '../model/clauses.ts';
import type { Device, ReadingFacts, Results, TestResult } from '../model/results.ts';
import type { DeviceRun } from '../model/run.ts';
import { visibleWithin } from '../text/visible.ts';
import { html, type Markup } from './markup.ts';

/** A device of the run, and what it is called on the page. */
export interface Subject {
  device: DeviceRun;
  results: Results;
  /** Its role; where several devices have it, with a number. */
  key: string;
  /** The same in words. */
  label: string;
  /** Element id of each of its tests. */
  anchors: ReadonlyMap<string, string>;
}

const roleWords: { readonly [role: string]: string } = { scenario: 'scenarios' };

/** Of an id that a results file holds, what may stand in an address. */
const safe = (id: string): string => id.replace(/[^\w@/.#-]/g, '_');

/** The devices of a run, each with a key and anchors of its own. */
export function subjectsOf(devices: readonly DeviceRun[]): Subject[] {
  const used = new Set<string>();
  const unused = (wanted: string): string => {
    let name = wanted;
    for (let n = 2; used.has(name); n += 1) name = `${wanted}-${n}`;
    used.add(name);
    return name;
  };
  return devices.map((device): Subject => {
    const { results } = device;
    const of = results.document.startsWith('draft-') ? '' : `, ${results.document}`;
    const name = `${results.role}${of.replace(/\W+/g, '-')}`;
    const key = unused(name);
    const number = key.slice(name.length).replace('-', ' ');
    return {
      device,
      results,
      key,
      label: `${roleWords[results.role] ?? results.role.replaceAll('-', ' ')}${of}${number}`,
      anchors: new Map(results.outcomes.map(({ id }) => [id, unused(`test:${safe(id)}`)])),
    };
  });
}

export const anchorOf = ({ anchors }: Subject, test: string): string => anchors.get(test) ?? '';
export const clauseAnchor = (id: string): string => `clause:${safe(id.split('#')[0] ?? '')}`;
export const readingAnchor = (id: string): string => `reading:${safe(id)}`;

/** A text from elsewhere within a line: shown as it is, its direction its own. */
export const told = (text: string): Markup => html`<bdi>${text}</bdi>`;

/** An identifier, packet or command from elsewhere. */
export const code = (text: string): Markup => html`<code><bdi>${text}</bdi></code>`;

export const deviceWords = ({ vendor, product, version }: Device): string =>
  visibleWithin(`${vendor} ${product} ${version}`.trim(), 300);

/** The verdict as a word in its colour. */
export const badge = (verdict: ClauseState['verdict']): Markup =>
  html`<span class="${verdictClass(verdict)}">${verdict}</span>`;

const verdictClass = (verdict: string): string => `v v-${verdict.replace(/\W/g, '-')}`;

export const clauseLink = (id: string): Markup => html`<a class="id" href="#${clauseAnchor(id)}">${id}</a>`;

export const readingLink = (id: string): Markup => html`<a class="id" href="#${readingAnchor(id)}">${id}</a>`;

/** What is in force, in words: "settled", or the name of an alternative. */
export const inForceWords = ({ inForce }: Pick<ReadingFacts, 'inForce'>): string =>
  inForce === 'settled' ? 'the settled reading' : `the alternative "${inForce}"`;

/** Whether a test is among those of a verdict: by its own, or by one of its judgements. */
export const has = (test: TestResult, verdict: Verdict): boolean =>
  test.verdict === verdict || test.judgements.some((judgement) => judgement.verdict === verdict);

/** Tests whose evidence is on the page as it is, for print and where no script runs. */
export const isBroken = (test: TestResult): boolean => has(test, 'FAIL') || has(test, 'WARN');

/** Tests that say nothing, and should. */
export const isOpen = ({ verdict }: TestResult): boolean => verdict === 'INCONCLUSIVE' || verdict === 'ERROR';

/** Address of a file in the folder of a device, for a link: never outside the folder, never another scheme. */
export const linkTo = ({ device }: Subject, file: string): string =>
  `./${`${device.path}${file}`.split('/').map(segment).join('/')}`;

const segment = (name: string): string =>
  name === '..' ? '' : encodeURIComponent(name.replace(/\p{Surrogate}/gu, '\ufffd'));
