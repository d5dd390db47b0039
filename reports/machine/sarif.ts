/**
 * SARIF 2.1.0 for code scanning: a run per device, a rule per clause, a result for each clause that a test judged, at the vector's file. A
 * broken clause is of kind `fail`, level `error` or (WARN) `warning`; INFO is `informational`, NOT APPLICABLE `notApplicable`. What could
 * not be judged is `open` and stands among the invocation's notifications, too.
 */
import { createHash } from 'node:crypto';
import type { Judgement, Verdict } from '../../harness/engine/outcome.ts';
import { type ClauseResult, type Results, subjectName, type TestResult } from '../model/results.ts';
import type { DeviceRun, Run } from '../model/run.ts';
import { type ClauseTable, clauseTable, placeOf } from '../text/finding.ts';
import { statusMeanings } from '../text/summary.ts';
import { visible } from '../text/visible.ts';
import { VectorLines, vectorFile } from './vector-line.ts';
import { deviceName, differenceOf, requirementOf, silenceWords } from './words.ts';

/** The file. */
export function sarifReport({ devices }: Run): string {
  const lines = new VectorLines();
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: devices.map((device) => runOf(device, lines)),
  };
  return `${JSON.stringify(log, null, 1)}\n`;
}

type Fields = { [key: string]: unknown };

function runOf(device: DeviceRun, lines: VectorLines): Fields {
  const { results } = device;
  const clauses = clauseTable(results.clauses);
  const ruleIndex = new Map(results.clauses.map(({ id }, at) => [id, at]));
  const version = visible(results.tool);
  return {
    tool: {
      driver: {
        name: 'dsmip-conformance',
        version,
        ...(/^\d+\.\d+\.\d+$/.test(version) ? { semanticVersion: version } : {}),
        rules: results.clauses.map(ruleOf),
      },
    },
    automationDetails: { id: `dsmip-conformance/${subjectName(results)}/` },
    originalUriBaseIds: {
      SRCROOT: text('description', 'The folder of dsmip-conformance'),
      RUN: text('description', "The run's folder"),
    },
    invocations: [invocationOf(results, lines)],
    columnKind: 'utf16CodeUnits',
    properties: propertiesOf(results),
    results: results.outcomes.flatMap((outcome) => resultsOf(outcome, { device, clauses, ruleIndex, lines })),
  };
}

/**
 * A message. Braces hold placeholders and are doubled where they are meant as such; square brackets before round ones are links, and
 * nothing here links anywhere.
 */
const message = (words: string): { text: string } => ({
  text: visible(words).replace(/[{}]/g, '$&$&').replaceAll('](', '] (') || '(nothing)',
});

const text = (name: string, words: string): Fields => ({ [name]: { text: words } });

const levels: { readonly [verdict in Verdict]: 'error' | 'warning' | 'note' | 'none' } = {
  FAIL: 'error',
  WARN: 'warning',
  INFO: 'note',
  PASS: 'none',
  INCONCLUSIVE: 'none',
  'NOT APPLICABLE': 'none',
  ERROR: 'none',
};

const kinds: { readonly [verdict in Verdict]: string } = {
  FAIL: 'fail',
  WARN: 'fail',
  INFO: 'informational',
  PASS: 'pass',
  INCONCLUSIVE: 'open',
  'NOT APPLICABLE': 'notApplicable',
  ERROR: 'open',
};

function ruleOf(clause: ClauseResult): Fields {
  const requires = visible(clause.requires);
  const place = visible(placeOf(clause));
  const aspects = Object.entries(clause.aspects).map(([name, { requires: own }]) => `${name}: ${own ?? ''}`);
  const words = [`${clause.level}: ${requires}`, place, ...aspects.map(visible)].join('\n');
  return {
    id: visible(clause.id),
    shortDescription: message(requires),
    help: { text: words.replace(/[{}]/g, '$&$&').replaceAll('](', '] (') },
    defaultConfiguration: { level: levels[clause.verdict] },
    properties: {
      level: clause.level,
      section: visible(clause.section),
      class: clause.class,
      verdict: clause.state.verdict,
      tags: ['conformance', visible(clause.level)],
    },
  };
}

function propertiesOf(results: Results): Fields {
  const { role, profile, document, suite, ledger, strict, selection, readings, totals } = results;
  const shown = (values: { [name: string]: string }): Fields =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [visible(name), visible(value)]));
  return {
    device: deviceName(results),
    role,
    document: visible(document),
    profile: visible(profile.file),
    profileHash: profile.hash,
    suite,
    ledger,
    strict,
    selection: shown(selection),
    readings: shown(readings),
    totals,
  };
}

function invocationOf(results: Results, lines: VectorLines): Fields {
  const { outcomes, totals, incomplete, findings, start, end } = results;
  const unjudged = outcomes
    .filter(({ verdict }) => verdict === 'ERROR' || verdict === 'INCONCLUSIVE')
    .map((outcome) => ({
      level: outcome.verdict === 'ERROR' ? 'error' : 'warning',
      message: message(`${outcome.verdict} ${outcome.id}: ${outcome.reason ?? ''}`),
      locations: [locationOf(outcome, lines)],
    }));
  const notes = [
    ...unjudged,
    ...findings.map((finding) => ({ level: 'warning', message: message(`Beware: ${finding}`) })),
    ...(incomplete === undefined
      ? []
      : [{ level: 'error', message: message(`The run is not whole: ${incomplete}`) }]),
  ];
  return {
    startTimeUtc: start,
    endTimeUtc: end,
    exitCode: totals.exitStatus,
    exitCodeDescription: statusMeanings[totals.exitStatus],
    executionSuccessful: incomplete === undefined && totals.tests.ERROR === 0,
    ...(notes.length === 0 ? {} : { toolExecutionNotifications: notes }),
  };
}

interface Context {
  device: DeviceRun;
  clauses: ClauseTable;
  ruleIndex: ReadonlyMap<string, number>;
  lines: VectorLines;
}

/** A result for each judgement; of a test without one, a result for itself, so that each test is there. */
function resultsOf(outcome: TestResult, context: Context): Fields[] {
  if (outcome.judgements.length === 0) {
    const words = `${outcome.verdict}: ${outcome.reason ?? 'nothing was judged'}`;
    return [resultOf(outcome, outcome.verdict, outcome.clauses[0] ?? 'test', words, {}, 0, context)];
  }
  const seen = new Map<string, number>();
  return outcome.judgements.map((judgement) => {
    const { verdict, clause, step } = judgement;
    const place = `${clause} ${step}`;
    const before = seen.get(place) ?? 0;
    seen.set(place, before + 1);
    const tells = verdict !== 'PASS';
    const { level, requires } = requirementOf(judgement, context.clauses);
    const words = tells
      ? `${verdict} ${clause} (${level}): ${requires} ${differenceOf(judgement)}`
      : `PASS ${clause}`;
    return resultOf(outcome, verdict, clause, words, evidenceOf(judgement, tells), before, context);
  });
}

function evidenceOf(judgement: Judgement, tells: boolean): Fields {
  const { step, expected, actual, frames, reading, silence, recorded, input } = judgement;
  return {
    step: visible(step),
    ...(tells ? { expected: expected.map(visible), actual: actual.map(visible) } : {}),
    ...(recorded === undefined ? {} : { recorded: visible(recorded) }),
    ...(reading === undefined ? {} : { reading: visible(reading) }),
    ...(silence === undefined ? {} : { silence: silenceWords[silence] }),
    ...(frames.length === 0 ? {} : { frames }),
    ...(input === undefined ? {} : { input: { port: visible(input.port), packets: input.packets } }),
  };
}

function resultOf(
  outcome: TestResult,
  verdict: Verdict,
  clause: string,
  words: string,
  evidence: Fields,
  nth: number,
  { device, ruleIndex, lines }: Context,
): Fields {
  const id = clause.split('#')[0] as string;
  const index = ruleIndex.get(id);
  const { capture } = outcome;
  const print = createHash('sha256')
    .update(JSON.stringify([outcome.id, clause, evidence.step ?? '', nth]))
    .digest('hex')
    .slice(0, 32);
  const broken = kinds[verdict] === 'fail';
  return {
    ruleId: visible(id),
    ...(index === undefined ? {} : { ruleIndex: index }),
    kind: kinds[verdict],
    level: broken ? levels[verdict] : 'none',
    message: message(words),
    locations: [locationOf(outcome, lines, clause)],
    // The second is what GitHub knows a result by.
    partialFingerprints: { 'testAndClause/v1': print, primaryLocationLineHash: `${print}:1` },
    ...(broken && capture !== undefined
      ? {
          attachments: [
            {
              description: { text: 'The packets of the test' },
              artifactLocation: { uri: asUri(`${device.path}${capture.file}`), uriBaseId: 'RUN' },
            },
          ],
        }
      : {}),
    properties: {
      test: visible(outcome.id),
      testVerdict: outcome.verdict,
      clause: visible(clause),
      verdict,
      ...evidence,
    },
  };
}

const asUri = (path: string): string =>
  path
    .split('/')
    .map((part) => encodeURIComponent(visible(part)))
    .join('/');

function locationOf(outcome: TestResult, lines: VectorLines, clause?: string): Fields {
  const file = vectorFile(outcome.file);
  return {
    ...(file === undefined
      ? {}
      : {
          physicalLocation: {
            artifactLocation: { uri: asUri(file), uriBaseId: 'SRCROOT' },
            region: { startLine: lines.lineOf(file, outcome.id, clause) },
          },
        }),
    logicalLocations: [{ fullyQualifiedName: visible(outcome.id), kind: 'test' }],
  };
}
