/** The set-ups of the reference agents in the embedded labs: the first is the ordinary one, and the others what it cannot show. */
import type { Role } from '../vectors/types.ts';

export const labProfiles: { readonly [role in Role]: readonly string[] } = {
  'home-agent': ['home-agent', 'home-agent-legacy', 'home-agent-alternative'],
  'foreign-agent': ['foreign-agent', 'foreign-agent-legacy', 'foreign-agent-alternative'],
  'mobile-node': ['mobile-node', 'mobile-node-legacy', 'mobile-node-alternative'],
  scenario: ['scenario'],
};
