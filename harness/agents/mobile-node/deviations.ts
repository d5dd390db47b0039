import type { Deviates as DeviatesOf, Deviation } from '../common/deviates.ts';

/** Every way in which the reference mobile node can be made to break a clause; the names lack the role. */
const table = {
  // Advertisements (section 2).
  'ignores-advertisements-with-reserved-bits': {
    clause: '2-c',
    breaks: 'Takes no notice of an advertisement in which one of the five bits behind the A flag is set.',
  },
  'a-flag-read-at-wrong-bit': {
    clause: '2.3-d',
    also: ['4.5.1-e', '5.1.1-a', '5.1.1-e'],
    breaks: 'Reads the A flag at bit 11 of the flags word instead of bit 10.',
  },
  'home-agent-a-flag-ignored': {
    clause: '2.3-c',
    also: ['2.3-b'],
    breaks: 'Attempts the IPv6 extensions although its home agent advertised A=0.',
  },
  'foreign-agent-a-flag-overrides-home-agent': {
    clause: '2.3-b',
    also: ['2.3-c'],
    breaks:
      'Attempts the IPv6 extensions where the foreign agent has A=1 although its home agent advertised A=0.',
  },
  'foreign-agent-a-flag-changes-request': {
    clause: '2.3-b',
    breaks: 'With a home agent of A=0, asks for a reverse tunnel (T) where the foreign agent has A=1.',
  },
  'another-care-of-address': {
    clause: '5.1.1-a',
    breaks: 'Names a care-of address that the foreign agent does not advertise.',
  },
  'no-address-with-a-set': {
    clause: '2.3-d',
    also: ['4.5.1-e', '5.1.1-a'],
    breaks: 'Registers without the IPv6 home address extension through a foreign agent of A=1.',
  },
  'no-address-with-a-clear': {
    clause: '2.3-e',
    also: ['4.5.1-b', '5.1.4-a'],
    breaks: 'Registers without the IPv6 home address extension through a foreign agent of A=0.',
  },
  'native-ipv6-with-a-clear': {
    clause: '2.3-f',
    also: ['4.5.1-d', '5.1.4-d'],
    breaks: 'Sends IPv6 natively to a foreign agent of A=0 after code 2.',
  },

  // The extensions on the wire (section 3).
  'address-not-skippable': {
    clause: '3.1-a',
    breaks: 'Sends the IPv6 home address extension under a type below 128.',
  },
  'asks-for-udp-tunnel': {
    clause: '4.8-a',
    breaks: 'Asks for a UDP tunnel (RFC 3519) in every request with a co-located care-of address.',
  },
  'unknown-extension-drops-reply': {
    clause: '3.1-a',
    breaks: 'Drops a reply that holds a skippable extension which it does not know.',
  },
  'address-without-sub-type': {
    clause: '3.1-b',
    breaks: 'Sends the IPv6 home address extension without the sub-type octet.',
  },
  'another-address': {
    clause: '3.1-c',
    breaks: 'Registers another IPv6 home address than its own.',
  },
  'address-wrong-length': {
    clause: '3.1-d',
    breaks: 'Sends the IPv6 home address extension with Length 18 and an octet more.',
  },
  'address-wrong-sub-type': {
    clause: '3.1-e',
    breaks: 'Sends the IPv6 home address extension under sub-type 2.',
  },
  'compatibility-not-skippable': {
    clause: '3.2-a',
    breaks: 'Sends the compatibility extension under a type below 128.',
  },
  'compatibility-with-sub-type': {
    clause: '3.2-a',
    also: ['3.2-c'],
    breaks: 'Sends the compatibility extension with a sub-type octet in front of its word.',
  },
  'compatibility-wrong-length': {
    clause: '3.2-c',
    breaks: 'Sends the compatibility extension with Length 4.',
  },
  'r-at-lowest-bit': {
    clause: '3.2-d',
    breaks: 'Writes R into the lowest bit of the compatibility extension instead of the highest.',
  },
  'compatibility-reserved-set': {
    clause: '3.2-d#reserved',
    breaks: 'Sets the 15 reserved bits of the compatibility extension.',
  },
  'native-ipv6-with-r-set': {
    clause: '3.2-e',
    also: ['5.1.5-c'],
    breaks: 'Having registered R=1, sends IPv6 natively onto the visited link.',
  },
  'ipv6-without-code-extension': {
    clause: '3.3-h',
    also: ['4.2-a'],
    breaks: 'Goes on tunnelling IPv6 after a reply without a code extension.',
  },
  'no-ipv4-without-code-extension': {
    clause: '3.3-h',
    also: ['4.2-a'],
    breaks: 'Gives up IPv4 too after a reply without a code extension.',
  },

  // Registration (sections 4.1 and 4.2).
  'address-twice': {
    clause: '4.1-a',
    breaks: 'Sends the IPv6 home address extension twice in one request.',
  },
  'compatibility-through-foreign-agent': {
    clause: '4.1-e',
    breaks: 'Sends a compatibility extension of its own through a foreign agent (reading A62).',
  },
  'compatibility-before-authentication-through-foreign-agent': {
    clause: '4.1-f',
    also: ['4.1-e'],
    breaks: 'Sends a compatibility extension through a foreign agent, in front of the MHAE.',
  },
  'address-after-authentication': {
    clause: '4.1-b',
    breaks: 'Puts the IPv6 home address extension behind the MHAE.',
  },
  'mhae-without-address': {
    clause: '4.1-c',
    also: ['B14'],
    breaks: 'Computes the MHAE as if the IPv6 home address extension were not there.',
  },
  'mfae-without-address': {
    clause: '4.1-c',
    breaks: 'Computes the MFAE as if the IPv6 home address extension were not there.',
  },
  'compatibility-before-authentication': {
    clause: '4.1-f',
    breaks: 'Puts the compatibility extension before the MHAE.',
  },
  'ipv6-after-128': {
    clause: '4.2-b#mobile-node',
    breaks: 'Tunnels IPv6 from its IPv4 home address after IPv6 code 128.',
  },
  'ipv6-after-129': {
    clause: '4.2-b#mobile-node',
    breaks: 'Tunnels IPv6 from its IPv4 home address after IPv6 code 129.',
  },
  'no-ipv6-after-0': {
    clause: '4.2-b#mobile-node',
    breaks: 'Uses no IPv6 after IPv6 code 0.',
  },
  'no-ipv6-after-2': {
    clause: '4.5.1-c',
    also: ['4.5.2-g', '5.1.3-c', '4.6-f'],
    breaks: 'Uses no IPv6 after IPv6 code 2.',
  },
  'bare-ipv6-not-taken': {
    clause: '4.2-b#mobile-node',
    breaks: 'After code 0 through a foreign agent, takes no IPv6 that the foreign agent delivers.',
  },
  'no-decapsulation-at-care-of-address': {
    clause: '4.2-b#mobile-node',
    also: ['3.2-b'],
    breaks: 'After code 0 with a co-located care-of address, decapsulates no IPv6 that comes to it.',
  },
  'refused-ipv6-denies-registration': {
    clause: '4.2-c#mobile-node',
    breaks: 'Takes a refused IPv6 address for the refusal of the whole registration and uses no IPv4.',
  },

  // With a foreign agent (sections 4.5.1 and 5.1.1 to 5.1.4).
  'no-decapsulation-at-home-address': {
    clause: '4.5.1-c',
    breaks: 'Behind a foreign agent of A=0, decapsulates no IPv6 that is tunnelled to its IPv4 home address.',
  },
  'tunnel-from-care-of-address': {
    clause: '4.5.1-d',
    also: ['5.1.4-d'],
    breaks: "Behind a foreign agent of A=0, tunnels IPv6 with the foreign agent's care-of address as source.",
  },
  'tunnel-by-ip-in-ip': {
    clause: '4.5.1-d',
    also: ['5.1.4-d'],
    breaks: 'Behind a foreign agent of A=0, tunnels IPv6 under protocol 4 instead of 41.',
  },
  'tunnel-to-foreign-agent': {
    clause: '4.5.1-d',
    also: ['5.1.4-d'],
    breaks: 'Behind a foreign agent of A=0, tunnels IPv6 to the foreign agent instead of the home agent.',
  },
  'tunnels-with-code-0': {
    clause: '5.1.1-e',
    also: ['5.1.2-d'],
    breaks: 'After code 0 through a foreign agent, tunnels IPv6 from its home address.',
  },
  'native-ipv6-with-code-2': {
    clause: '5.1.3-c',
    breaks: 'After code 2 through a foreign agent of A=1, sends IPv6 natively.',
  },
  'no-decapsulation-with-code-2': {
    clause: '5.1.3-c',
    breaks:
      'After code 2 through a foreign agent of A=1, decapsulates no IPv6 that is tunnelled to its IPv4 home address.',
  },

  // With a co-located care-of address (sections 4.5.2 and 5.1.5).
  'co-located-without-d': {
    clause: '4.5.2-a',
    breaks: 'Registers a co-located care-of address without the D flag.',
  },
  'co-located-from-home-address': {
    clause: '4.5.2-a',
    breaks: 'Sends the request for a co-located care-of address from its home address.',
  },
  'co-located-to-all-agents': {
    clause: '4.5.2-a',
    breaks: 'Sends the request for a co-located care-of address to 224.0.0.11 on the visited link.',
  },
  'no-address-with-local-ipv6': {
    clause: '4.5.2-c',
    breaks: 'Having a local IPv6 address, registers without the IPv6 home address extension.',
  },
  'r-set-with-local-ipv6': {
    clause: '4.5.2-d',
    breaks: 'Having a local IPv6 address, registers R=1, and tunnels.',
  },
  'no-compatibility-with-local-ipv6': {
    clause: '4.5.2-d',
    breaks: 'Having a local IPv6 address, sends no compatibility extension.',
  },
  'no-address-without-local-ipv6': {
    clause: '4.5.2-e',
    also: ['5.1.5-a'],
    breaks: 'Without a local IPv6 address, registers without the IPv6 home address extension.',
  },
  'r-clear-without-local-ipv6': {
    clause: '4.5.2-f',
    also: ['5.1.5-a'],
    breaks: 'Without a local IPv6 address, registers R=0, and tunnels all the same.',
  },
  'no-compatibility-without-local-ipv6': {
    clause: '4.5.2-f',
    also: ['5.1.5-a'],
    breaks: 'Without a local IPv6 address, sends no compatibility extension.',
  },
  'no-double-decapsulation': {
    clause: '4.5.2-g',
    breaks: 'Having sent no compatibility extension, decapsulates no IPv6 that comes in two IPv4 headers.',
  },
  'native-ipv6-without-compatibility': {
    clause: '4.5.2-h',
    breaks: 'Having sent no compatibility extension, sends IPv6 natively onto the visited link.',
  },
  'care-of-tunnel-without-compatibility': {
    clause: '4.5.2-h',
    breaks: 'Having sent no compatibility extension, tunnels IPv6 from its care-of address.',
  },
  'local-address-registered': {
    clause: '4.5.2-i',
    also: ['3.1-c'],
    breaks: 'Registers its local IPv6 address as its IPv6 home address.',
  },
  'local-address-as-source': {
    clause: '4.5.2-i',
    breaks: 'Sends its IPv6 with the local IPv6 address as source instead of the home address.',
  },
  'tunnel-from-another-address': {
    clause: '5.1.5-c',
    breaks: 'With R=1, tunnels IPv6 from an address that is neither its care-of nor its home address.',
  },
  'tunnel-from-home-address-with-r-set': {
    clause: '5.1.5-c#from-home-address',
    breaks: 'With R=1, tunnels IPv6 from its IPv4 home address instead of its care-of address.',
  },

  // Dynamic addresses and deregistration (sections 4.6 and 4.7).
  'asks-with-interface-identifier': {
    clause: '4.6-a',
    also: ['4.6-c'],
    breaks: 'Asks for an IPv6 home address with ::EUI64 where it was to send zero.',
  },
  'asks-with-zero': {
    clause: '4.6-c',
    also: ['4.6-a'],
    breaks: 'Asks for an IPv6 home address with zero where it was to send ::EUI64.',
  },
  'returned-address-ignored': {
    clause: '4.6-f',
    breaks: 'Takes no IPv6 home address that the home agent returns.',
  },
  'no-deregistration-at-home': {
    clause: '4.7-c',
    breaks: 'Comes home without deregistering.',
  },
  'deregistration-with-lifetime': {
    clause: '4.7-c',
    breaks: 'Comes home and sends its request with a lifetime that is not zero.',
  },
  'tunnels-at-home': {
    clause: '4.7-c',
    breaks: 'At home, goes on tunnelling its IPv6 to the home agent.',
  },

  // Movement (section 1).
  'does-not-follow': {
    clause: '1-b',
    breaks: 'Once registered, takes no notice of any other foreign agent.',
  },
  'stays-with-old-care-of-address': {
    clause: '1-b',
    breaks: 'Registers at the new place and goes on sending as at the old one.',
  },
  'ipv6-lost-by-moving': {
    clause: '1-b',
    breaks: 'Uses no IPv6 from its second care-of address on.',
  },

  // Security (section 6) and the base checks.
  'no-nai-with-address': {
    clause: '6-c',
    breaks: 'Sends no NAI with an IPv6 home address extension.',
  },
  'no-nai-in-repeated-requests': {
    clause: '6-c',
    breaks: 'Repeats an unanswered request with an IPv6 home address extension and without a NAI.',
  },
  'nai-after-authentication': { clause: '6-c', breaks: 'Puts the NAI behind the MHAE.' },
  'deregistration-with-address-without-nai': {
    clause: '6-c',
    breaks: 'Deregisters with an IPv6 home address extension and without a NAI.',
  },
  'mhae-wrong': { clause: 'B14', breaks: 'Sends a wrong authenticator in the MHAE.' },
  'two-mhae': { clause: 'B14', breaks: 'Sends two MHAEs.' },
  'no-mhae': { clause: 'B14', breaks: 'Sends requests without an MHAE.' },
  'identification-repeated': {
    clause: 'B14',
    breaks: 'Sends every request with the Identification of the first.',
  },
  'identification-decreases': {
    clause: 'B14',
    breaks: 'Sends every request with a smaller Identification than the one before.',
  },
  'more-than-one-request-a-second': {
    clause: 'B14',
    breaks: 'Repeats an unanswered request after 0.3 seconds and again.',
  },
  'asks-again-at-once-after-bad-reply': {
    clause: 'B14',
    breaks: 'Sends a new request 20 ms after a reply that it discards.',
  },
  'mfae-before-mhae': { clause: 'B14', breaks: 'Puts the MFAE before the MHAE.' },
  'mfae-missing': {
    clause: 'B14',
    breaks: 'Sends no MFAE to a foreign agent that it shares a key with.',
  },
  'mfae-wrong': { clause: 'B14', breaks: 'Sends a wrong authenticator in the MFAE.' },
  'low-bits-not-checked': {
    clause: 'B15',
    breaks: 'Takes a reply whose low 32 bits of the Identification are not those of its request.',
  },
  'reply-mhae-not-checked': {
    clause: 'B15',
    also: ['6-a'],
    breaks: 'Takes a reply with any authenticator in the MHAE.',
  },
  'reply-without-mhae-taken': { clause: 'B15', breaks: 'Takes a reply of the home agent without an MHAE.' },
  'reply-with-two-mhae-taken': { clause: 'B15', breaks: 'Takes a reply with two MHAEs.' },
  'reply-mfae-not-checked': {
    clause: 'B15',
    breaks: 'Takes a reply without a right MFAE from a foreign agent that it shares a key with.',
  },
} satisfies Record<string, Deviation>;

export type MobileNodeDeviation = keyof typeof table;
export const mobileNodeDeviations: Readonly<Record<MobileNodeDeviation, Deviation>> = table;

/** Whether a deviation is switched on. */
export type Deviates = DeviatesOf<MobileNodeDeviation>;
