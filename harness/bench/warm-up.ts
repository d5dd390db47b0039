/** The registrations before the first test: where they are made, what they are, and what to say when nothing comes of them. */
import { Context } from '../engine/context.ts';
import type { Outcome } from '../engine/outcome.ts';
import type { Profile } from '../vectors/profile.ts';
import type { Position, Role, TestCase } from '../vectors/types.ts';
import { lacks } from './applicability.ts';
import { type RunFacts, surroundings } from './surroundings.ts';

/** Where the warm-up registers: with a foreign agent that shares a key with every home agent, there alone is one to be had. */
export function warmUpPosition(profile: Profile): Position {
  const { position, secured } = warmUps[profile.role];
  return lacks(profile, position) === undefined ? position : secured;
}

/** The places where a warm-up may register, what to call it when nothing comes of it, and what it rests on. */
const warmUps: {
  readonly [role in Role]: {
    position: Position;
    secured: Position;
    nothing: string;
    /** What to call it when something else came than was to come. */
    refused?: string;
    fields: string[];
  };
} = {
  'home-agent': {
    position: 'co-located',
    secured: 'foreign-agent-secured',
    nothing: 'the device answered no valid registration',
    refused: 'the device accepted no valid registration',
    fields: ['ixit.homeAgent.address', 'ixit.careOfAddresses', 'ixit.mobileNodes'],
  },
  'foreign-agent': {
    position: 'visited-link',
    secured: 'visited-link-secured',
    nothing: 'no valid registration came through the device',
    refused: 'no valid registration was accepted by way of the device',
    fields: ['ixit.foreignAgent', 'ixit.homeAgents', 'ixit.mobileNodes'],
  },
  'mobile-node': {
    position: 'behind-foreign-agent',
    secured: 'behind-foreign-agent',
    nothing: 'the device asked for no registration',
    fields: ['ixit.foreignAgents', 'ixit.mobileNodes', 'bench.hooks.restart'],
  },
  scenario: {
    position: 'beside',
    secured: 'beside',
    nothing: 'the mobile node answered no ping at home',
    fields: ['ixit.homeAgent', 'ixit.correspondentNode', 'ixit.mobileNodes', 'bench.hooks.move'],
  },
};

/** One of them, as a test that judges nothing; of the tests of a run. Throws Error when there is none. */
export function warmUpOf(tests: readonly TestCase[], profile: Profile): TestCase {
  const position = warmUpPosition(profile);
  const test = tests.find((one) => one.position === position) ?? tests[0];
  if (test === undefined) throw new Error('there is no test to run');
  return {
    ...test,
    id: 'warm-up',
    position,
    requires: 'true',
    needs: {},
    withoutPrelude: false,
    preamble: test.warmUp,
    body: [],
    postamble: [],
  };
}

/** A control of it did not hold; mobile nodes and scenarios have others before it that tell as much. */
export const isRefused = ({ role, verdict }: Outcome): boolean =>
  (role === 'home-agent' || role === 'foreign-agent') && verdict === 'INCONCLUSIVE';

/** What was tried in a warm-up that nothing came of, and what of the profile to look at; else what the bench lacks. */
export function whyUnanswered(
  control: TestCase,
  outcome: Outcome,
  profile: Profile,
  facts: RunFacts,
): string {
  const { reason = 'nothing was seen', steps, actions = [] } = outcome;
  const lacking = actions.some(({ missing }) => missing !== undefined);
  const unmet = steps.findLast(({ ok }) => !ok);
  const sent = steps.findLast(({ text }) => / sent /.test(text));
  const mn = profile.mobileNodes[outcome.mobileNodes[0] ?? -1];
  if (lacking || outcome.breakdown !== undefined || outcome.late === true) return reason;
  if (unmet === undefined || sent === undefined || mn === undefined) return reason;
  const { nothing, refused, fields } = warmUps[control.role];
  const [, from = '', packet = ''] = /^at (\S+) sent (.*)/.exec(sent.text) ?? [];
  const headers = packet.split(' / ').filter((layer) => /^(IPv4|IPv6|UDP) /.test(layer));
  const expectation = [...control.prelude.mn, ...control.preamble].find(
    (step) => step.kind === 'expect' && step.path === unmet.step,
  );
  const around = surroundings(profile, facts, control, mn, undefined);
  const at =
    expectation?.kind === 'expect' ? new Context(around, control.id).port(expectation.at) : undefined;
  const ports = [...new Set([from, at ?? from])].map((port) => `bench.ports.${port}`);
  // A lab has no ports and no hooks to be wrong.
  const check = [...fields, ...ports].filter(
    (field) => !('lab' in profile.bench) || !field.startsWith('bench.'),
  );
  return [
    `before the first test ${unmet.frames.length === 0 ? nothing : (refused ?? nothing)}`,
    `sent at port ${from}: ${headers.join(' / ')}`,
    `at port ${at ?? from} ${unmet.text.replace(/^at \S+ /, '')}`,
    `check ${check.join(', ')} of the profile`,
  ].join('; ');
}
