/** What a vendor claims of a device (ISO/IEC 9646: ICS): the names that `requires` may use, by role. */
import { ExpressionError, evaluate, namesOf, parseExpression, type Value } from './expression.ts';
import type { Role } from './types.ts';

/** Types and defaults of every entry. */
export const icsDefaults = {
  'home-agent': {
    /** Knows the extensions of the draft at all. */
    ipv6Extensions: true,
    /** Hands out IPv6 home addresses (section 4.6): none, one address, or a subnet. */
    dynamicIpv6HomeAddress: 'none' as 'none' | 'address' | 'subnet',
    /** Assigns an IPv4 home address by the NAI (RFC 2794). */
    dynamicIpv4HomeAddress: false,
    /** Takes reverse tunnels when the request has T (RFC 3024). */
    reverseTunneling: true,
    /** Answers 138 to a request without T. */
    reverseTunnelingRequired: false,
    /** Has a security association with the foreign agent marked so in the IXIT. */
    foreignHomeSecurity: false,
    /** Sends agent advertisements on the home link. */
    advertises: false,
    /** The home network is a link with ARP and neighbour discovery on it, or only routed to the home agent. */
    homeNetwork: 'link' as 'link' | 'routed',
    /** There is an IPv6 address that its policy refuses (IXIT refusedIpv6Address). */
    refusesIpv6Address: false,
    /** Finds the mobile-home association by the NAI. */
    keyByNai: false,
    /** Replay protection is by nonces, not timestamps, for the mobile nodes of the IXIT. */
    nonces: false,
    /** Traverses NATs (RFC 3519). */
    natTraversal: false,
  },
  'foreign-agent': {
    /** Knows the extensions of the draft at all. */
    ipv6Extensions: true,
    /** Sends agent advertisements on the visited link. */
    advertises: true,
    /** Takes reverse tunnels when the request has T (RFC 3024). */
    reverseTunneling: true,
    /** Answers 75 to a request without T. */
    reverseTunnelingRequired: false,
    /** Has a security association with the home agent marked so in the IXIT. */
    foreignHomeSecurity: false,
    /** Assigns home addresses by the NAI: takes requests with home address zero (RFC 2794). */
    nai: true,
    /** Adds a code extension of its own where it does not handle a mobile node's IPv6 (reading A09). */
    ipv6Codes: false,
    /** Replay protection is by nonces, not timestamps, for the mobile nodes of the IXIT. */
    nonces: false,
  },
  'mobile-node': {
    /** Knows the extensions of the draft at all. */
    ipv6Extensions: true,
    /** Registers through foreign agents. */
    foreignAgents: true,
    /** Takes co-located care-of addresses by DHCP. */
    colocated: true,
    /** How it knows what its home agent supports: from the A flag at home, or because it was told so (reading A24). */
    homeAgentSupport: 'learnt' as 'learnt' | 'known',
    /** Sends a compatibility extension with a co-located care-of address (section 4.5.2). */
    compatibility: 'always' as 'always' | 'never',
    /** Asks for its IPv6 home address (section 4.6): no, with zero, or with an interface identifier. */
    dynamicIpv6HomeAddress: 'none' as 'none' | 'zero' | 'eui64',
    /** Asks for its IPv4 home address with zero (RFC 2794). */
    dynamicIpv4HomeAddress: false,
    /** Sets T in its requests (RFC 3024). */
    reverseTunneling: false,
    /** Shares a key with the foreign agent marked so in the IXIT. */
    mobileForeignSecurity: false,
    /** Replay protection is by nonces, not timestamps. */
    nonces: false,
  },
  scenario: {
    /** All devices but the plain foreign agent know the extensions of the draft. */
    ipv6Extensions: true,
    /** There is a foreign agent that sets the A flag. */
    foreignAgent: true,
    /** There is a foreign agent that does nothing for IPv6, and does not set the A flag. */
    plainForeignAgent: true,
    /** There is a network without a foreign agent, and the mobile node takes a co-located care-of address there. */
    colocated: true,
    /** The mobile node serves TCP echo (RFC 862) on the port of the IXIT. */
    tcpEcho: true,
    /** Replay protection is by nonces, not timestamps. */
    nonces: false,
  },
};
/** What the entries that are words may be. */
export const icsValues: { readonly [role in Role]?: { readonly [name: string]: readonly string[] } } = {
  'home-agent': {
    dynamicIpv6HomeAddress: ['none', 'address', 'subnet'],
    homeNetwork: ['link', 'routed'],
  },
  'mobile-node': {
    homeAgentSupport: ['learnt', 'known'],
    compatibility: ['always', 'never'],
    dynamicIpv6HomeAddress: ['none', 'zero', 'eui64'],
  },
};

export type Ics = { [name: string]: string | boolean } & { ipv6Extensions: boolean; nonces: boolean };

/** Names an ICS expression of a role may use. */
export function icsNames(role: Role): string[] {
  return Object.keys(icsDefaults[role]);
}

/** Check an ICS expression. Throws ExpressionError naming what is unknown. */
export function checkIcsExpression(text: string, role: Role): void {
  for (const name of namesOf(parseExpression(text))) {
    if (!(name in icsDefaults[role])) {
      throw new ExpressionError(
        `"${text}": the ICS of a ${role} has no entry "${name}" (it has: ${icsNames(role).join(', ')})`,
      );
    }
  }
}

const answers = new WeakMap<Ics, Map<string, boolean>>();

/** Whether the device claims what an expression asks for; it is asked for every mobile node of a pool, so answers are kept. */
export function icsHolds(text: string, ics: Ics): boolean {
  const known = answers.get(ics) ?? new Map<string, boolean>();
  answers.set(ics, known);
  const answer =
    known.get(text) ?? Boolean(evaluate(parseExpression(text), (name): Value | undefined => ics[name]));
  known.set(text, answer);
  return answer;
}
