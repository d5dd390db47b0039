/** What the doctor finds, and which tests it spoils. Pure: a recorded run is judged again by the same rules. */
import { namesOf, parseExpression } from '../../vectors/expression.ts';
import { type Ics, icsHolds } from '../../vectors/ics.ts';
import type { Profile } from '../../vectors/profile.ts';
import type { Step, TestCase } from '../../vectors/types.ts';

/** What a spoiler spoils; `ports` and `mobile nodes` name which. */
export const scopes = [
  /** No test says anything of the device. */
  'everything',
  /** Tests that need the draft's extensions, or send or look for one. */
  'extensions',
  /** Tests that look for advertisements. */
  'advertisements',
  /** Tests that want a transport checksum to be right. */
  'checksums',
  /** Tests that move octets by TCP or look at every packet of some traffic. */
  'transfers',
  /** Tests that use all of the ports named. */
  'ports',
  /** Some mobile nodes cannot be used: tests that can have no other. */
  'mobile nodes',
] as const;
export type Scope = (typeof scopes)[number];

/** Something that makes verdicts worthless: tests that it touches are INCONCLUSIVE with it as the reason. */
export interface Spoiler {
  /** Which check found it. */
  check: string;
  /** What was found, a sentence without its end. */
  found: string;
  /** How to mend it. */
  mend: string;
  spoils: Scope;
  ports?: string[];
  mobileNodes?: number[];
}

/** One line of the doctor's report. */
export interface Finding {
  check: string;
  /** `ok`: as it should be; `note`: worth knowing, spoils nothing; `spoils`: see `spoiler`; `unknown`: could not be found out. */
  state: 'ok' | 'note' | 'spoils' | 'unknown';
  found: string;
  mend?: string;
  spoiler?: Spoiler;
  /** Settings of the harness's own port devices by which `--fix` mends it. */
  fix?: Fix;
}

/** A setting of a port's device that may be changed while the harness uses it. */
export type Fix =
  | { port: string; kind: 'sysctl'; name: string; value: string }
  | { port: string; kind: 'offloads' };

export const ok = (check: string, found: string): Finding => ({ check, state: 'ok', found });
export const note = (check: string, found: string, mend?: string, fix?: Fix): Finding => ({
  check,
  state: 'note',
  found,
  ...(mend === undefined ? {} : { mend }),
  ...(fix === undefined ? {} : { fix }),
});
export const unknown = (check: string, found: string, mend?: string): Finding => ({
  ...note(check, found, mend),
  state: 'unknown',
});

/** A finding that spoils tests. */
export function spoiled(
  check: string,
  found: string,
  mend: string,
  spoils: Scope,
  more: { ports?: string[]; mobileNodes?: number[]; fix?: Fix } = {},
): Finding {
  const { fix, ...which } = more;
  return {
    check,
    state: 'spoils',
    found,
    mend,
    spoiler: { check, found, mend, spoils, ...which },
    ...(fix === undefined ? {} : { fix }),
  };
}

/** A spoiler as the reason of an INCONCLUSIVE. */
export const causeOf = ({ found, mend }: Pick<Spoiler, 'found' | 'mend'>): string => `${found}; ${mend}`;

/** Why a test says nothing of the device: the first spoiler that touches it. */
export function spoilerOf(
  test: Pick<TestCase, 'requires' | 'needs' | 'position' | 'preamble' | 'body' | 'postamble'>,
  profile: Profile,
  spoilers: readonly Spoiler[] = [],
): Spoiler | undefined {
  return spoilers.find((spoiler) => touches(spoiler, test, profile));
}

/** Whether a test is one of those that a spoiler spoils. */
export function touches(
  { spoils, ports = [] }: Pick<Spoiler, 'spoils' | 'ports'>,
  test: Pick<TestCase, 'requires' | 'position' | 'preamble' | 'body' | 'postamble'>,
  profile: Profile,
): boolean {
  const text = (): string => textOf(test);
  switch (spoils) {
    case 'everything':
      return true;
    case 'extensions':
      return (
        needsExtensions(test.requires, profile.ics) ||
        /"(ipv6HomeAddress|ipv6Compatibility|ipv6Code)"/.test(text())
      );
    case 'advertisements':
      return text().includes('"routerAdvertisement"');
    case 'checksums':
      return text().includes('"checksum":"valid"');
    case 'transfers':
      return /"kind":"(transfer|every)"/.test(text());
    case 'ports': {
      const used = portsOf(text(), profile.role, test.position);
      return ports.length > 0 && ports.every((port) => used.has(port));
    }
    case 'mobile nodes':
      // Who chooses the mobile nodes of a test knows whether others are left.
      return false;
  }
}

const texts = new WeakMap<object, string>();

function textOf(test: Pick<TestCase, 'preamble' | 'body' | 'postamble'>): string {
  const known = texts.get(test.body);
  if (known !== undefined) return known;
  const all: Step[] = [...test.preamble, ...test.body, ...test.postamble];
  const text = JSON.stringify(all);
  texts.set(test.body, text);
  return text;
}

/** The expression holds because the extensions are claimed. */
function needsExtensions(requires: string, ics: Ics): boolean {
  if (!namesOf(parseExpression(requires)).includes('ipv6Extensions')) return false;
  return icsHolds(requires, ics) && !icsHolds(requires, { ...ics, ipv6Extensions: false });
}

/** Ports that steps name; the one of the care-of address depends on who the harness is (see valuesOf). */
function portsOf(text: string, role: Profile['role'], position: TestCase['position']): Set<string> {
  const found = new Set<string>();
  for (const [, at = ''] of text.matchAll(/"at":(\[[^\]]*\]|"[^"]*")/g))
    for (const [, name = ''] of at.matchAll(/"([^"]*)"/g)) found.add(name);
  if (!found.delete('$coa.port')) return found;
  const isOwn = role === 'mobile-node' || role === 'scenario';
  return found.add(isOwn ? 'link' : position.startsWith('foreign-agent') ? 'fa' : 'mn');
}
