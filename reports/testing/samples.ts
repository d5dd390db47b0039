/** Results as runs write them, made by hand: for the tests of everything that is made from results. */
import type { Judgement, Verdict } from '../../harness/engine/outcome.ts';
import {
  assemble,
  type ClauseFacts,
  type Results,
  type ResultsHeader,
  type TestResult,
} from '../model/results.ts';

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
  document: 'draft',
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
          text: 'at cn sent IPv6 2001:db8:c::2 > 2001:db8:1::1',
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
