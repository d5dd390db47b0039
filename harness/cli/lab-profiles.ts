/** The set-ups of the reference agents in the embedded labs: the first is the ordinary one, and the others what it cannot show. */
import { join } from 'node:path';
import { projectRoot } from '../vectors/load.ts';
import type { Role } from '../vectors/types.ts';

export const labProfiles: { readonly [role in Role]: readonly string[] } = {
  'home-agent': ['home-agent', 'home-agent-legacy', 'home-agent-alternative'],
  'foreign-agent': ['foreign-agent', 'foreign-agent-legacy', 'foreign-agent-alternative'],
  'mobile-node': ['mobile-node', 'mobile-node-legacy', 'mobile-node-alternative'],
  scenario: ['scenario'],
};

/** The profile of a set-up, as a path from the project's root, and whole. */
export const profileName = (setUp: string): string => `harness/bench/lab/${setUp}.profile.json`;
export const profileFile = (setUp: string): string => join(projectRoot, profileName(setUp));
