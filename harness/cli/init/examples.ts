/** The ready profiles in docs/examples, from which `dsmip init` takes its defaults. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { closest } from '../../vectors/closest.ts';
import { projectRoot } from '../../vectors/load.ts';
import type { ProfileFile } from '../../vectors/profile.ts';
import type { Role } from '../../vectors/types.ts';
import { UsageError } from '../errors.ts';

interface Example {
  role: Role;
  title: string;
}

/** By name; the first of a role is taken where only the role is known. */
export const examples: { readonly [name: string]: Example } = {
  'dual-stack-home-agent': {
    role: 'home-agent',
    title: 'a home agent that knows the extensions of the draft, its home network a link',
  },
  'legacy-home-agent': {
    role: 'home-agent',
    title: 'a home agent of RFC 3344 alone, its links VLANs on one card',
  },
  'home-agent-one-mobile-node': {
    role: 'home-agent',
    title: 'a home agent that knows one mobile node only',
  },
  'home-agent-behind-router': {
    role: 'home-agent',
    title: 'a home agent reached through a router, all roles macvlans on one card',
  },
  'foreign-agent': {
    role: 'foreign-agent',
    title: 'a foreign agent that shares no key with the home agent',
  },
  'foreign-agent-secured': {
    role: 'foreign-agent',
    title: 'a foreign agent that shares a key with one of two home agents',
  },
  'mobile-node': { role: 'mobile-node', title: 'a mobile node, restarted by a command' },
};

export const exampleFile = (name: string): string => join(projectRoot, 'docs/examples', `${name}.json`);

/** The example of this name, or the first of a role. Throws UsageError for a name that there is not. */
export function exampleOf(name: string | undefined, role: string | undefined): string {
  const names = Object.keys(examples);
  if (name !== undefined) {
    const found = examples[name];
    const meant = closest(name, names);
    if (found === undefined)
      throw new UsageError(
        `--example ${name}: there are ${names.join(', ')}${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
      );
    if (role !== undefined && found.role !== role)
      throw new UsageError(`--example ${name} is that of a ${found.role}, not of a ${role}`);
    return name;
  }
  const first = names.find((one) => examples[one]?.role === (role ?? 'home-agent'));
  if (first === undefined)
    throw new UsageError(
      `--role ${role}: there are home-agent, foreign-agent, mobile-node (for scenarios begin with harness/bench/lab/scenario.profile.json)`,
    );
  return first;
}

/** A copy of an example to be filled in. */
export function readExample(name: string): ProfileFile {
  const { $schema: _schema, ...profile } = JSON.parse(
    readFileSync(exampleFile(name), 'utf8'),
  ) as ProfileFile & {
    $schema: string;
  };
  return profile;
}
