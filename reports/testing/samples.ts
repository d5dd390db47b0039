/** Results as runs write them, made by hand: for the tests of everything that is made from results. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Judgement, Verdict } from '../../harness/engine/outcome.ts';
import { encodePacket, type Packet } from '../../harness/wire/index.ts';
import { type CapturedFrame, writePcapng } from '../evidence/pcapng.ts';
import {
  assemble,
  type ClauseFacts,
  captureFacts,
  captureFile,
  type Results,
  type ResultsHeader,
  type TestResult,
  withOutcomes,
} from '../model/results.ts';
import { writeResults } from '../model/write-results.ts';

export function clause(id: string, changes: Partial<ClauseFacts> = {}): ClauseFacts {
  const section = id.startsWith('B') ? 'base' : (id.split('-')[0] as string);
  return {
    id,
    section,
    level: 'MUST',
    class: 'T',
    verdict: 'FAIL',
    requires: `What clause ${id} asks for.`,
    lines: [[10, 12]],
    sources: [],
    positions: ['H1'],
    governedBy: [],
    readings: [],
    aspects: {},
    ...changes,
  };
}

export function outcome(id: string, verdict: Verdict, changes: Partial<TestResult> = {}): TestResult {
  return {
    id,
    title: `The title of ${id}`,
    file: 'x.json',
    role: 'home-agent',
    position: 'co-located',
    clauses: [],
    verdict,
    judgements: [],
    steps: [],
    mobileNodes: [0],
    stimuli: [],
    startNs: 0,
    endNs: 0,
    ...changes,
  };
}

export const judgement = (name: string, verdict: Verdict, changes: Partial<Judgement> = {}): Judgement => ({
  clause: name,
  level: 'MUST',
  verdict,
  step: 'body[1]',
  expected: ['IPv4 10.1.0.1 > 10.10.128.1 protocol 41', 'IPv6 2001:db8:c::2 > 2001:db8:1::1'],
  actual: ['IPv4 10.1.0.1 > 10.1.1.1 protocol 41', 'IPv6 2001:db8:c::2 > 2001:db8:1::1'],
  difference: { path: 'ipv4.destination', expected: '10.10.128.1', actual: '10.1.1.1' },
  frames: [3],
  ...changes,
});

export const header: ResultsHeader = {
  format: 'dsmip-conformance results 2',
  tool: '0.1.0',
  document: 'draft-tsirtsis-v4v6-mipv4-00',
  device: { vendor: 'Acme', product: 'HA \u001b[31mred', version: '1' },
  role: 'home-agent',
  ics: { ipv6Extensions: true },
  profile: { file: 'acme.json', hash: '0000111122223333' },
  vectors: '0123456789abcdef',
  suite: 'fedcba9876543210',
  ledger: '00112233445566aa',
  strict: false,
  selection: {},
  readings: { A04: 'literal' },
  readingFacts: [
    {
      id: 'A04',
      where: ['4.2'],
      problem: 'What is unclear there.',
      reading: 'What the settled words are.',
      successor: 'What RFC 5454 did.',
      inForce: 'literal',
      alternatives: [{ name: 'literal', reading: 'What the literal words are.' }],
    },
  ],
  extensionTypes: { ipv6HomeAddress: 200, ipv6Compatibility: 201, ipv6Code: 202 },
  requestPorts: [20_000, 39_999],
  addresses: [
    { address: '10.1.0.1', lane: 'HA', name: 'home agent' },
    { address: '2001:db8:c::2', lane: 'CN', name: 'correspondent node' },
    { address: '10.10.128.1', lane: 'MN', name: 'care-of address of mobile node 1' },
    { address: '2001:db8:1::1', lane: 'MN', name: 'IPv6 home address of mobile node 1' },
  ],
  originNs: '1700000000000000000',
  seed: '00',
  graceNs: 1,
  roundTripsNs: [1],
  start: '2026-01-01T00:00:00.000Z',
};

/** One of everything that a run may find. */
export const sampleResults: Results = assemble(header, {
  end: '2026-01-01T00:00:05.500Z',
  findings: ['the kernel dropped 2 frames'],
  outcomes: [
    outcome('ha-good@co-located', 'PASS', { clauses: ['4.3-a'], judgements: [judgement('4.3-a', 'PASS')] }),
    outcome('ha-bad@co-located', 'FAIL', {
      clauses: ['4.3-a', '4.3-b', '4.3-c'],
      judgements: [
        judgement('4.3-a', 'FAIL'),
        judgement('4.3-b#part', 'FAIL', { reading: 'A11' }),
        judgement('4.3-c', 'WARN', {
          level: 'SHOULD',
          step: 'body[2]',
          actual: ['nothing'],
          silence: 'barrier',
          frames: [],
        }),
      ],
      steps: [
        {
          part: 'preamble',
          step: 'preamble[0]',
          text: 'at mn sent something earlier',
          ok: true,
          timeNs: 1,
          frames: [],
        },
        {
          part: 'body',
          step: 'body[0]',
          text: 'at cn sent IPv6 2001:db8:c::2 > 2001:db8:1::1, trailing ',
          ok: true,
          timeNs: 2,
          frames: [],
        },
        { part: 'body', step: 'body[1]', text: 'at mn came IPv4', ok: false, timeNs: 3, frames: [3] },
      ],
    }),
    outcome('ha-open@co-located', 'INCONCLUSIVE', { clauses: ['4.3-d'], reason: 'preamble[1]: no answer' }),
    outcome('ha-open-too@co-located', 'INCONCLUSIVE', {
      clauses: ['4.3-d'],
      reason: 'preamble[1]: no answer',
    }),
    outcome('ha-claim@co-located', 'NOT APPLICABLE', {
      clauses: ['4.3-e'],
      reason: 'the ICS says no to: advertises',
    }),
    outcome('ha-may@co-located', 'INFO', { clauses: ['1-a'], judgements: [judgement('1-a', 'INFO')] }),
  ],
  clauses: [
    clause('1-a', { level: 'MAY', verdict: 'INFO' }),
    clause('4.3-a'),
    clause('4.3-b', { aspects: { part: { verdict: 'FAIL', requires: 'What a part of it asks for.' } } }),
    clause('4.3-c', { level: 'SHOULD', verdict: 'WARN' }),
    clause('4.3-d'),
    clause('4.3-e'),
    clause('4.3-f', { class: 'X', unseen: 'It is inside.' }),
    clause('4.3-g', { governedBy: ['4.3-a'] }),
    clause('B1', { level: 'MUST (base)', lines: [], sources: ['RFC 3344 3.2'] }),
  ],
});

/** What a device, a profile or a packet may hold to disturb a report: markup, control characters, direction marks, rubbish of 255 octets. */
export const hostileTexts: readonly string[] = [
  '<script>window.attacked = true</script>',
  '"><img src=x onerror="window.attacked=true">',
  "'; DROP TABLE devices; --",
  '=HYPERLINK("http://192.0.2.1/","click")',
  '\u001b[2J\u001b]0;title\u0007',
  '\u202e\u2066gnp.exe\u2069\u200f',
  '# skip | **bold** [link](javascript:alert(1)) <!-- -->',
  ']]></failure></testcase>',
  '../../../../etc/passwd',
  'line one\r\nline two\n...\nnot ok 99',
  Array.from({ length: 255 }, (_, at) => String.fromCharCode(at)).join(''),
  '\ud800 lone surrogate, \ufffe, \u0000',
];

/** Results in which everything that comes from elsewhere is hostile. */
export function hostileResults(): Results {
  const text = hostileTexts.join(' ');
  const at = (n: number): string => hostileTexts[n % hostileTexts.length] as string;
  const { end, findings: _findings, totals: _totals, clauses, outcomes: _outcomes, ...known } = sampleResults;
  return assemble(
    {
      ...known,
      device: { vendor: at(0), product: at(1), version: text },
      profile: { ...known.profile, file: at(8) },
      ics: { ipv6Extensions: true, [at(0)]: at(2) },
      selection: { vector: at(6) },
    },
    {
      end,
      findings: [text],
      clauses: clauses.map(({ state: _state, ...clause }) => clause),
      outcomes: hostileTexts.map((words, n) =>
        outcome(`ha-hostile-${n}@co-located`, n % 2 === 0 ? 'FAIL' : 'INCONCLUSIVE', {
          title: `The title: ${words}`,
          clauses: ['4.3-a'],
          ...(n % 2 === 0 ? {} : { reason: words }),
          judgements:
            n % 2 === 0
              ? [
                  judgement('4.3-a', 'FAIL', {
                    expected: [words],
                    actual: [words, text],
                    difference: { path: words, expected: words, actual: text },
                    frames: [1],
                  }),
                ]
              : [],
          steps: [
            { part: 'body', step: 'body[0]', text: `at mn sent ${words}`, ok: true, timeNs: 1, frames: [] },
            { part: 'body', step: 'body[1]', text: `at mn came ${words}`, ok: false, timeNs: 2, frames: [1] },
          ],
          stimuli: [{ port: 'mn', timeNs: 1, kind: 'ip' }],
        }),
      ),
    },
  );
}

/** Results of a run with so many tests, of every verdict, each with a dozen steps: for measures of size and time. */
export function manyResults(tests: number, changes: Partial<ResultsHeader> = {}): Results {
  const verdicts: Verdict[] = [
    'PASS',
    'PASS',
    'PASS',
    'PASS',
    'INFO',
    'PASS',
    'PASS',
    'FAIL',
    'PASS',
    'NOT APPLICABLE',
  ];
  const clauses = Array.from({ length: 85 }, (_, n) =>
    clause(`${2 + (n % 4)}.${1 + (n % 3)}-${String.fromCharCode(97 + (n % 26))}${n}`),
  );
  const step = (n: number): TestResult['steps'][number] => ({
    part: n < 8 ? 'preamble' : 'body',
    step: `${n < 8 ? 'preamble' : 'body'}[${n % 8}]`,
    text: 'at mn sent IPv4 10.10.128.254 > 10.1.0.1 ttl 64 / UDP sourcePort 20253, destinationPort 434 / registration request lifetimeSeconds 300, homeAddress 10.1.1.127, homeAgent 10.1.0.1, careOfAddress 10.11.0.2, identification eeb0d85dbc57a5b6, extensions [mobileNodeNai(nai mn127@example.net), ipv6HomeAddress(address 2001:db8:1::1:7f), mobileHomeAuthentication]',
    ok: true,
    timeNs: n,
    frames: n % 2 === 0 ? [] : [1 + (n % 4)],
  });
  return assemble(
    { ...header, ...changes },
    {
      end: '2026-01-01T00:00:05.500Z',
      findings: [],
      clauses,
      outcomes: Array.from({ length: tests }, (_, n) => {
        const verdict = verdicts[n % verdicts.length] as Verdict;
        const name = (clauses[n % clauses.length] as ClauseFacts).id;
        const isJudged = verdict !== 'NOT APPLICABLE';
        return outcome(`ha-many-${n}@co-located`, verdict, {
          clauses: [name],
          ...(isJudged ? {} : { reason: 'the ICS says no to: advertises' }),
          judgements: isJudged ? [judgement(name, verdict)] : [],
          steps: isJudged ? Array.from({ length: 12 }, (_, at) => step(at)) : [],
        });
      }),
    },
  );
}

/** Four frames of a registration and of what the correspondent node sends, by the codec. */
export function sampleFrames(originNs: bigint): CapturedFrame[] {
  const mac = { destination: '02:00:00:00:00:01', source: '02:00:00:00:00:02' };
  const keys = {
    associations: { mobileHome: { spi: 256, key: new Uint8Array(16), algorithm: 'hmac-md5' as const } },
  };
  const request = {
    homeAddress: '10.1.1.1',
    homeAgent: '10.1.0.1',
    lifetimeSeconds: 300,
    identification: 'c3a1b2c3d4e5f601',
  };
  const nai = { mobileNodeNai: { nai: 'mn1@example.net' } };
  const data: Packet = [
    { ipv6: { source: '2001:db8:c::2', destination: '2001:db8:1::1', hopLimit: 63 } },
    { udp: { sourcePort: 4000, destinationPort: 9 } },
    { payload: '0e9b77a73a6eb079' },
  ];
  const packets: [string, boolean, Packet][] = [
    [
      'mn',
      true,
      [
        { ipv4: { source: '10.10.128.1', destination: '10.1.0.1', ttl: 64 } },
        { udp: { sourcePort: 20000, destinationPort: 434 } },
        {
          registrationRequest: {
            ...request,
            careOfAddress: '10.10.128.1',
            extensions: [
              nai,
              { ipv6HomeAddress: { address: '2001:db8:1::1' } },
              { ipv6Compatibility: { reverseTunnel: false } },
              { mobileHomeAuthentication: {} },
            ],
          },
        },
      ],
    ],
    [
      'mn',
      false,
      [
        { ipv4: { source: '10.1.0.1', destination: '10.10.128.1', ttl: 63 } },
        { udp: { sourcePort: 434, destinationPort: 20000 } },
        {
          registrationReply: {
            ...request,
            code: 0,
            extensions: [nai, { ipv6Code: { code: 0 } }, { mobileHomeAuthentication: {} }],
          },
        },
      ],
    ],
    ['cn', true, data],
    [
      'mn',
      false,
      [{ ipv4: { source: '10.1.0.1', destination: '10.1.1.1', ttl: 63, protocol: 41 } }, ...data],
    ],
  ];
  return packets.map(([port, outgoing, packet], n) => ({
    port,
    timeNs: originNs + BigInt(n + 1) * 1_000_000n,
    outgoing,
    octets: encodePacket([{ ethernet: mac }, ...packet], keys),
  }));
}

/**
 * Write a folder as a run does: results.json, and for every outcome that has steps a capture with the sample's frames. Returns the
 * results as written.
 */
export function writeSampleRun(folder: string, results: Results): Results {
  mkdirSync(join(folder, 'captures'), { recursive: true });
  const frames = sampleFrames(BigInt(results.originNs));
  const outcomes = results.outcomes.map((one): TestResult => {
    if (one.steps.length === 0) return one;
    const octets = writePcapng(['mn', 'cn'], frames, one.id);
    const file = captureFile(one.id);
    writeFileSync(join(folder, file), octets);
    return { ...one, capture: captureFacts(file, octets, frames.length) };
  });
  const whole = withOutcomes(results, outcomes);
  writeResults(folder, whole);
  return whole;
}
