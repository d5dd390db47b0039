/** A test with one mobile node only: what of it can be left out, and whether it then still is the test. */
import type { Step, TestCase } from './types.ts';

const isOthers = (value: unknown): boolean =>
  /"by":"other"|"\$other\.|\$\{other\./.test(JSON.stringify(value));

/** Names that a step leaves behind for later ones. */
function namesLeft(step: Step): string[] {
  const label = 'as' in step && step.as !== undefined ? [step.as] : [];
  return step.kind === 'expect' ? [...label, ...Object.keys(step.capture)] : label;
}

/** Whether a later step goes by such a name: a label, or a captured value. */
function uses(step: Step, name: string): boolean {
  const text = JSON.stringify(step);
  return text.includes(`"${name}"`) || text.includes(`captured.${name}`);
}

/**
 * The steps of a preamble without those of the second mobile node: what it sends, and what is expected to come of that. It registers
 * for barriers, mostly, in the place of which time alone closes a silence.
 */
function withoutOther(steps: readonly Step[]): { left: Step[]; out: Step[] } {
  const left: Step[] = [];
  const out: Step[] = [];
  const gone = new Set<string>();
  let before: Step | undefined;
  for (const step of steps) {
    const answersIt =
      step.kind === 'expect' &&
      (step.answers === undefined ? before !== undefined && out.includes(before) : gone.has(step.answers));
    if (isOthers(withoutBarrier(step)) || answersIt) {
      out.push(step);
      if (step.kind === 'send' && step.as !== undefined) gone.add(step.as);
    } else {
      left.push(step);
    }
    before = step;
  }
  return { left, out };
}

/** A step as it is judged where there is no second mobile node: barriers are not gone through then. */
const withoutBarrier = (step: Step): Step =>
  (step.kind === 'silence' || step.kind === 'record') && isOthers(step.barrier)
    ? { ...step, barrier: [] }
    : step;

const known = new WeakMap<TestCase, { preamble: Step[]; possible: boolean }>();

/** What of a test is left with one mobile node only; not `possible`: it is about two. */
export function alone(test: TestCase): { preamble: Step[]; possible: boolean } {
  const before = known.get(test);
  if (before !== undefined) return before;
  const { left, out } = withoutOther(test.preamble);
  const body = test.body.map(withoutBarrier);
  const names = out.flatMap(namesLeft);
  // What the second one left behind under a name that the first one leaves behind as well is not missed.
  const missed = names.filter((name) => !left.some((step) => namesLeft(step).includes(name)));
  const possible =
    !body.some(isOthers) && ![...left, ...body].some((step) => missed.some((name) => uses(step, name)));
  const found = { preamble: left, possible };
  known.set(test, found);
  return found;
}
