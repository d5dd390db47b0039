import { stoppingDeviations } from '../common/deafness.ts';
import type { Deviates as DeviatesOf, Deviation } from '../common/deviates.ts';
import { baseDeviations } from './deviations-base.ts';

/** Ways in which the reference home agent can be made to break a clause of the draft. */
const ofDraft = {
  // Advertisements (section 2).
  'advertises-without-a-flag': {
    clause: '2.1-a',
    breaks: 'Advertises A=0 although it supports IPv6 for mobile nodes.',
  },
  'a-flag-at-wrong-bit': {
    clause: '2-a',
    breaks: 'Puts the A flag at bit 11 of the flags word instead of bit 10.',
  },
  'a-flag-without-support': {
    clause: '2-b',
    breaks: 'Advertises A=1 but takes no notice of an IPv6 home address extension.',
  },
  'legacy-advertises-a-flag': {
    clause: '2-b',
    breaks: 'Without IPv6 support, advertises A=1 all the same.',
  },
  'reserved-advertisement-bits-set': {
    clause: '2-c',
    breaks: 'Sets the five bits behind the A flag, which stay reserved.',
  },
  'advertisement-with-ttl-2': { clause: 'B16', breaks: 'Sends its advertisements with TTL 2.' },
  'advertisement-with-wrong-length': {
    clause: 'B16',
    breaks: 'Writes Length 4 into the mobility agent advertisement extension, which has six octets.',
  },
  'advertisement-sequence-does-not-advance': {
    clause: 'B16',
    breaks: 'Sends every advertisement with the same sequence number.',
  },
  'advertises-foreign-agent-without-care-of-address': {
    clause: 'B16',
    breaks: 'Advertises F=1 without a care-of address.',
  },
  'advertises-neither-agent': { clause: 'B16', breaks: 'Advertises with neither F nor H set.' },

  // The extensions on the wire (section 3).
  'returned-address-not-skippable': {
    clause: '3.1-a',
    breaks: 'Returns an allocated IPv6 home address under an extension type below 128.',
  },
  'legacy-drops-ipv6-extensions': {
    clause: '3.1-a',
    also: ['B5'],
    breaks: 'Without IPv6 support, drops a request with one of the extensions instead of skipping it.',
  },
  'legacy-drops-compatibility-extension': {
    clause: '3.2-a',
    breaks: 'Without IPv6 support, drops a request with a compatibility extension instead of skipping it.',
  },
  'returned-address-without-sub-type': {
    clause: '3.1-b',
    breaks: 'Returns an allocated IPv6 home address without the sub-type octet.',
  },
  'static-address-returned-altered': {
    clause: '3.1-c',
    breaks: 'Returns another IPv6 home address than the static one that was asked for and bound.',
  },
  'returned-address-wrong-length': {
    clause: '3.1-d',
    breaks: 'Returns an allocated IPv6 home address in an extension of Length 18.',
  },
  'returned-address-wrong-sub-type': {
    clause: '3.1-e',
    breaks: 'Returns an allocated IPv6 home address under sub-type 2.',
  },
  'compatibility-ignored': {
    clause: '3.2-b',
    also: ['4.3-i', '4.3-j'],
    breaks: 'Takes no notice of the compatibility extension: code 2 and the tunnel to the home address.',
  },
  'compatibility-alone-binds-ipv6': {
    clause: '3.2-b',
    breaks: 'Binds the provisioned IPv6 home address on a compatibility extension alone.',
  },
  'code-extension-wrong-length': {
    clause: '3.3-a',
    breaks: 'Sends the code extension with Length 4.',
  },
  'code-extension-with-sub-type': {
    clause: '3.3-a',
    breaks: 'Sends the code extension with a sub-type octet before the code.',
  },
  'code-extension-not-skippable': {
    clause: '3.3-a',
    breaks: 'Sends the code extension under a type below 128.',
  },
  'code-extension-reserved-set': {
    clause: '3.3-a',
    breaks: 'Sends the code extension with the reserved octet set.',
  },
  'accepted-ipv6-reported-as-denied': {
    clause: '3.3-b',
    breaks: 'With a compatibility extension, answers IPv6 code 128 although it binds and tunnels.',
  },
  'code-0-without-tunnel': {
    clause: '3.3-c',
    also: ['4.2-b'],
    breaks: 'Answers IPv6 code 0 but makes no IPv6 binding.',
  },
  'code-2-with-compatibility': {
    clause: '3.3-c',
    also: ['5.1.1-c', '5.1.2-b', '5.1.5-e'],
    breaks: 'Answers IPv6 code 2 to a compatibility extension and tunnels to the care-of address.',
  },
  'code-0-without-compatibility': {
    clause: '3.3-d',
    also: ['5.1.3-b', '5.1.4-g'],
    breaks: 'Answers IPv6 code 0 without a compatibility extension and tunnels to the home address.',
  },
  'answers-foreign-agent-ipv6-code': {
    clause: '3.3-e',
    breaks: "Refuses an IPv6 home address with IPv6 code 65, a foreign agent's.",
  },
  'refused-address-tunnelled': {
    clause: '3.3-f',
    breaks: 'Intercepts and tunnels an IPv6 home address that it has refused.',
  },
  'undefined-ipv6-code': { clause: '3.3-g', breaks: 'Reports success by IPv6 code 1, which is not defined.' },
  'legacy-refuses-ipv6-extensions': {
    clause: '3.3-i',
    breaks: 'Without IPv6 support, answers 134 to a request with one of the extensions.',
  },

  // Registration (sections 4.1 and 4.2).
  'accepts-altered-ipv6-home-address': {
    clause: '4.1-d',
    breaks: 'Accepts an IPv6 home address that was altered after the MHAE was computed.',
  },
  'accepts-altered-compatibility': {
    clause: '4.1-h',
    breaks: 'Accepts a compatibility extension that was altered after the FHAE was computed.',
  },
  'refused-ipv6-changes-header-code': {
    clause: '4.2-c',
    breaks: 'Denies the whole registration when it refuses IPv6 though a compatibility extension is there.',
  },
  'omits-code-extension': {
    clause: '4.2-d',
    also: ['3.3-b'],
    breaks: 'Binds and tunnels IPv6 but sends no code extension.',
  },
  'code-extension-after-authentication': {
    clause: '4.2-d',
    breaks: 'Puts the code extension behind the MHAE, where a foreign agent removes it (reading A63).',
  },
  'denial-carries-success-code': {
    clause: '4.2-e',
    breaks: 'Puts IPv6 code 0 or 2 into denials.',
  },

  // Interception and tunnels (section 4.3).
  'tunnels-neighbouring-addresses': {
    clause: '4.3-a',
    breaks: 'Tunnels an address that differs in one bit from a registered IPv6 home address.',
  },
  'keeps-care-of-address-after-reregistration': {
    clause: '4.3-b',
    also: ['1-b'],
    breaks: 'Goes on tunnelling IPv6 to the old care-of address after a re-registration from a new one.',
  },
  'ipv4-keeps-care-of-address-after-reregistration': {
    clause: '4.3-c',
    also: ['1-b'],
    breaks: 'Goes on tunnelling IPv4 to the old care-of address after a re-registration from a new one.',
  },
  'keeps-ipv6-mode-after-reregistration': {
    clause: '4.3-b',
    breaks: 'Keeps the old IPv6 tunnelling mode when a re-registration asks for another.',
  },
  'no-ipv4-interception': {
    clause: '4.3-c',
    also: ['5.1.1-d', '1-a', '5-b'],
    breaks: 'Does not tunnel IPv4 packets for a registered mobile node.',
  },
  'no-interception-from-home-link': {
    clause: '4.3-d',
    also: ['4.3-c'],
    breaks: 'Draws the packets of the home link to itself, but tunnels only what comes from elsewhere.',
  },
  'no-proxy-arp': { clause: '4.3-c', breaks: 'Does not answer ARP requests for a registered home address.' },
  'proxy-arp-with-wrong-mac': {
    clause: '4.3-c',
    breaks: 'Answers ARP requests for a registered home address with a link-layer address not its own.',
  },
  'no-gratuitous-arp': {
    clause: '4.3-c',
    breaks: 'Sends no gratuitous ARP when a mobile node registers first.',
  },
  'no-gratuitous-arp-at-deregistration': {
    clause: '4.3-c',
    also: ['4.7-b'],
    breaks: 'Sends no gratuitous ARP when a mobile node has come home and deregistered.',
  },
  'ttl-not-decremented': {
    clause: '4.3-c',
    breaks: 'Tunnels IPv4 packets without lowering their TTL.',
  },
  'ttl-decremented-twice': { clause: '4.3-c', breaks: 'Lowers the TTL of IPv4 packets by two.' },
  'no-ipv6-interception': {
    clause: '4.3-d',
    also: ['5.1.1-d', '1-a', '5-b'],
    breaks: 'Does not tunnel IPv6 packets for a registered mobile node.',
  },
  'no-proxy-neighbor-discovery': {
    clause: '4.3-d',
    breaks: 'Does not answer Neighbor Solicitations for a registered IPv6 home address.',
  },
  'proxy-neighbor-discovery-with-wrong-mac': {
    clause: '4.3-d',
    breaks: 'Answers Neighbor Solicitations for a registered address with a link-layer address not its own.',
  },
  'proxy-neighbor-discovery-with-router-flag': {
    clause: '4.3-d',
    breaks: 'Answers Neighbor Solicitations for a registered address with R=1.',
  },
  'no-unsolicited-neighbor-advertisement': {
    clause: '4.3-d',
    breaks: 'Sends no unsolicited Neighbor Advertisement when an IPv6 home address is registered first.',
  },
  'neighbor-advertisement-without-override': {
    clause: '4.3-d',
    breaks: 'Sends the unsolicited Neighbor Advertisement with O=0.',
  },
  'neighbor-advertisement-with-solicited-flag': {
    clause: '4.3-d',
    breaks: 'Sends the unsolicited Neighbor Advertisement with S=1.',
  },
  'neighbor-advertisement-with-router-flag': {
    clause: '4.3-d',
    breaks: 'Sends the unsolicited Neighbor Advertisement with R=1.',
  },
  'neighbor-advertisement-with-wrong-mac': {
    clause: '4.3-d',
    breaks: 'Announces a link-layer address not its own in the unsolicited Neighbor Advertisement.',
  },
  'intercepted-packets-onto-home-link': {
    clause: '4.3-e',
    breaks: 'Puts a copy of each intercepted packet, untunnelled, onto the home link.',
  },
  'ipv6-tunnel-depends-on-t': {
    clause: '4.3-e',
    breaks: 'With a compatibility extension and T=1, tunnels IPv6 to the home address.',
  },
  'case-1-tunnels-to-care-of-address': {
    clause: '4.3-f',
    also: ['5.1.4-e', '3.3-d'],
    breaks: 'Without a compatibility extension, tunnels IPv6 in one header to the care-of address.',
  },
  'case-1-via-foreign-agent-tunnels-to-care-of-address': {
    clause: '4.4-e',
    breaks: "As case-1-tunnels-to-care-of-address, but only for a foreign agent's care-of address (D=0).",
  },
  'drops-home-address-reverse-tunnel': {
    clause: '4.3-g',
    also: ['5.1.4-c'],
    breaks: 'Drops IPv6 that comes tunnelled from the home address in case 1.',
  },
  'drops-nested-reverse-tunnel': {
    clause: '4.3-g',
    breaks: 'Drops IPv6 tunnelled from the home address when the care-of address tunnels it once more.',
  },
  'reverse-ipv6-needs-t': {
    clause: '4.3-g',
    also: ['4.3-k'],
    breaks: 'Takes IPv6 out of tunnels only when the registration had T=1.',
  },
  'coupled-refusal-binds-ipv4': {
    clause: '4.3-h',
    breaks:
      'Denies a request without a compatibility extension for its IPv6 address, and binds the IPv4 one all the same.',
  },
  // What the ledger only records: told by another record.
  'tunnels-ipv6-udp-only': {
    clause: '4.3-d',
    breaks: 'Tunnels no IPv6 but UDP.',
  },
  'tunnels-ipv6-of-hop-limit-1': {
    clause: '4.3-d',
    breaks: 'Tunnels IPv6 whose hop limit is used up.',
  },
  'case-2-takes-reverse-tunnel': {
    clause: '4.3-k',
    breaks: 'With R=0, takes reverse-tunnelled IPv6 from the care-of address and the home address.',
  },
  'code-extension-without-address': {
    clause: '4.2-d',
    breaks: 'Answers a request without an IPv6 home address with a code extension, too.',
  },
  're-registration-keeps-ipv6': {
    clause: '4.7-a',
    breaks: 'Keeps the IPv6 binding when a re-registration has no IPv6 home address.',
  },
  'nat-traversal-ignored': {
    clause: '4.8-a',
    breaks: 'Takes no notice of a UDP tunnel request.',
  },
  'accepts-ipv4-though-ipv6-refused': {
    clause: '4.3-h',
    breaks: 'Without a compatibility extension, accepts IPv4 while it refuses IPv6.',
  },
  'r0-tunnels-to-home-address': {
    clause: '4.3-i',
    also: ['5.1.1-g', '3.3-c'],
    breaks: 'With R=0, answers code 0 but tunnels IPv6 in two headers by way of the home address.',
  },
  'r1-tunnels-to-home-address': {
    clause: '4.3-j',
    also: ['5.1.2-g', '5.1.5-d', '3.3-c'],
    breaks: 'With R=1, answers code 0 but tunnels IPv6 in two headers by way of the home address.',
  },
  'drops-care-of-reverse-tunnel': {
    clause: '4.3-k',
    also: ['5.1.2-c', '5.1.2-f', '5.1.5-b'],
    breaks: 'With R=1, drops IPv6 that comes tunnelled from the care-of address.',
  },
  'refused-request-adds-care-of-address': {
    clause: '4.3-l',
    also: ['6-a', 'B3'],
    breaks: 'Sends what is for a mobile node to the care-of address of a refused request as well.',
  },
  'bad-authenticator-moves-ipv6': {
    clause: '4.3-l',
    also: ['6-a'],
    breaks: 'Moves the IPv6 binding to the care-of address of a request that it refuses with 131.',
  },
  'replay-moves-ipv6': {
    clause: '4.3-l',
    also: ['6-a'],
    breaks: 'Moves the IPv6 binding to the care-of address of a request that it refuses with 133.',
  },
  'bad-foreign-home-moves-ipv6': {
    clause: '4.3-l',
    also: ['6-a'],
    breaks: 'Moves the IPv6 binding to the care-of address of a request that it refuses with 132.',
  },
  'ipv6-tunnelled-in-both-modes': {
    clause: '4.3-b',
    breaks: 'Tunnels each IPv6 packet twice, to the care-of address and by way of the home address.',
  },
  'ipv6-tunnelled-by-gre': {
    clause: '4.3-i',
    also: ['4.3-j', '5.1.1-g', '5.1.5-d'],
    breaks: 'Tunnels IPv6 to the care-of address by GRE though the request had G=0 (reading A43).',
  },
  'ipv6-payload-altered': {
    clause: '4.3-f',
    also: ['4.3-i', '4.3-j'],
    breaks: 'Alters the last octet of the IPv6 packets that it tunnels.',
  },
  'hop-limit-not-decremented': {
    clause: '4.3-f',
    also: ['4.3-i', '4.3-j'],
    breaks: 'Tunnels IPv6 packets without lowering their hop limit.',
  },
  'hop-limit-decremented-twice': {
    clause: '4.3-f',
    also: ['4.3-i', '4.3-j'],
    breaks: 'Lowers the hop limit of IPv6 packets by two.',
  },
  'tunnel-from-another-address': {
    clause: '5.1.1-g',
    also: ['5.1.2-g', '5.1.5-d', '5.1.4-e', '4.3-c'],
    breaks: 'Tunnels from an address that is not the Home Agent field of the reply (reading A58).',
  },
  'inner-tunnel-from-another-address': {
    clause: '5.1.4-e',
    breaks: 'In case 1, gives the inner tunnel header a source that is not the home agent.',
  },
  'ipv6-needs-foreign-agent': {
    clause: '4.2-d',
    also: ['5-c'],
    breaks: 'Takes no notice of an IPv6 home address extension from a co-located mobile node (D=1).',
  },

  // Dynamic addresses (section 4.6).
  'dynamic-address-returned-as-zero': {
    clause: '4.6-b',
    breaks: 'Returns the zero address instead of the one it allocated.',
  },
  'dynamic-address-not-returned': {
    clause: '4.6-b',
    breaks: 'Allocates an IPv6 home address but does not return it.',
  },
  'dynamic-address-duplicate': {
    clause: '4.6-b',
    breaks: 'Allocates one address to two mobile nodes.',
  },
  'dynamic-address-outside-prefix': {
    clause: '4.6-b',
    breaks: 'Allocates addresses outside of the home network.',
  },
  'dynamic-address-not-tunnelled': {
    clause: '4.6-b',
    breaks: 'Returns an allocated address but does not bind it.',
  },
  'returned-address-after-authentication': {
    clause: '4.6-b',
    breaks: 'Returns the allocated address behind the MHAE (reading A31).',
  },
  'eui64-bits-changed': {
    clause: '4.6-d',
    breaks: 'Alters the interface identifier of ::EUI64 when it fills in the prefix.',
  },
  'subnet-outside-home-network': {
    clause: '4.6-e',
    breaks: 'Answers ::EUI64 with PREFIX:: of a network that is not the home network.',
  },

  // Lifetimes and deregistration (section 4.7).
  'ipv6-outlives-lifetime': { clause: '4.7-a', breaks: 'Tunnels IPv6 beyond the granted lifetime.' },
  'ipv4-outlives-lifetime': { clause: '4.7-a', breaks: 'Tunnels IPv4 beyond the granted lifetime.' },
  'ipv4-stops-early': { clause: '4.7-a', breaks: 'Ends the IPv4 binding after half the granted lifetime.' },
  'reregistration-does-not-prolong-ipv4': {
    clause: '4.7-a',
    breaks: 'Lets the IPv4 binding end when its first lifetime does, whatever re-registrations there were.',
  },
  'ipv6-stops-early': { clause: '4.7-a', breaks: 'Ends the IPv6 binding after half the granted lifetime.' },
  'reregistration-does-not-prolong-ipv6': {
    clause: '4.7-a',
    breaks: 'Lets the IPv6 binding end when its first lifetime does, whatever re-registrations there were.',
  },
  'deregistration-leaves-ipv6': { clause: '4.7-b', breaks: 'Goes on tunnelling IPv6 after deregistration.' },
  'deregistration-leaves-ipv4': { clause: '4.7-b', breaks: 'Goes on tunnelling IPv4 after deregistration.' },
  'deregistration-without-ipv6-address-leaves-ipv6': {
    clause: '4.7-b',
    breaks: 'Ends the IPv6 binding only when the deregistration has an IPv6 home address extension.',
  },
  'care-of-deregistration-leaves-ipv6': {
    clause: '4.7-b',
    breaks: 'Goes on tunnelling IPv6 after the deregistration of the only care-of address.',
  },
  'deregistration-leaves-proxy-arp': {
    clause: '4.7-b',
    breaks: 'Goes on answering ARP for the home address after deregistration.',
  },
  'deregistration-leaves-proxy-neighbor-discovery': {
    clause: '4.7-b',
    breaks: 'Goes on answering Neighbor Solicitations after deregistration.',
  },

  // Security (section 6).
  'duplicate-address-accepted': {
    clause: '6-a',
    breaks: 'Gives an IPv6 home address to a second mobile node while the first is registered with it.',
  },
  'inner-source-of-another-mobile-accepted': {
    clause: '6-b',
    breaks: 'Forwards reverse-tunnelled IPv6 that has the address of another registered mobile node.',
  },
  'spoofed-inner-source-accepted': {
    clause: '6-b',
    breaks: 'Forwards reverse-tunnelled IPv6 whatever its inner source.',
  },
  'spoofed-outer-source-accepted': {
    clause: '6-b',
    breaks: 'Forwards reverse-tunnelled IPv6 whatever the source of the tunnel.',
  },
  'key-found-by-home-address-only': {
    clause: '6-e',
    breaks: 'Finds the key by the Home Address field only, never by the NAI.',
  },

  // Base checks (RFC 3344, RFC 2794).
  'mhae-not-checked': { clause: 'B1', breaks: 'Accepts any authenticator in the MHAE.' },
  'mhae-spi-not-checked': { clause: 'B1', breaks: 'Accepts an MHAE under any SPI, if the key is right.' },
  'missing-mhae-accepted': { clause: 'B1', breaks: 'Accepts a request without an MHAE.' },
  'accepts-altered-header': {
    clause: 'B1',
    breaks: 'Accepts a fixed part that was altered after the MHAE was computed.',
  },
  'accepts-altered-nai': {
    clause: 'B1',
    breaks: 'Accepts a NAI that was altered after the MHAE was computed.',
  },
  'bad-authenticator-not-answered': {
    clause: 'B1',
    breaks: 'Says nothing to a request that fails authentication.',
  },
  'bad-authenticator-binds': {
    clause: 'B1',
    also: ['4.1-d', '6-a'],
    breaks: 'Makes the binding of a request although it refuses it with 131.',
  },
  'two-mhae-accepted': { clause: 'B2', breaks: 'Accepts a request with two MHAEs.' },
  'replay-binds': {
    clause: 'B3',
    also: ['6-a'],
    breaks: 'Makes the binding of a request although it refuses it with 133.',
  },
  'replay-accepted': {
    clause: 'B3',
    breaks: 'Accepts an Identification that is not greater than those before.',
  },
  'timestamp-not-compared-with-clock': {
    clause: 'B3',
    breaks: 'Accepts a timestamp that is far from its own clock.',
  },
  'mismatch-without-clock': {
    clause: 'B3',
    breaks: 'Answers 133 without its own clock in the high 32 bits.',
  },
  'identification-low-bits-not-copied': {
    clause: 'B4',
    breaks: 'Does not copy the low 32 bits of the Identification into the reply.',
  },
  'accepted-identification-high-bits-changed': {
    clause: 'B4',
    breaks: 'Alters the high 32 bits of the Identification in an accepting reply.',
  },
  'unknown-non-skippable-processed': {
    clause: 'B5',
    breaks: 'Processes a request in spite of an unknown extension of type below 128.',
  },
  'unknown-non-skippable-answered': {
    clause: 'B5',
    breaks: 'Answers 134 to an unknown extension of type below 128 instead of saying nothing.',
  },
  'unknown-skippable-drops-message': {
    clause: 'B5',
    breaks: 'Drops a request with an unknown extension of type 128 or above.',
  },
  'unknown-skippable-disables-ipv6': {
    clause: 'B5',
    breaks: 'Takes no notice of the IPv6 home address beside an unknown extension of type 128 or above.',
  },
  'lifetime-raised': {
    clause: 'B6',
    breaks: 'Grants thirty seconds more than was asked for or than it may.',
  },
  'reply-from-wrong-port': {
    clause: 'B7',
    breaks: 'Replies from another UDP port than the request was sent to.',
  },
  'reply-from-wrong-address': {
    clause: 'B7',
    breaks: 'Replies from another address than the request was sent to.',
  },
  'reply-to-registration-port': {
    clause: 'B7',
    breaks: 'Replies to UDP port 434 instead of the port that the request came from.',
  },
  'reply-without-mhae': { clause: 'B7', breaks: 'Sends replies without an MHAE.' },
  'reply-with-two-mhae': { clause: 'B7', breaks: 'Sends replies with two MHAEs.' },
  'reply-mhae-wrong': { clause: 'B7', breaks: 'Sends replies with a wrong authenticator in the MHAE.' },
  'nai-not-echoed': { clause: 'B8', breaks: 'Leaves the NAI out of the reply.' },
  'nai-after-authentication': { clause: 'B8', breaks: 'Puts the NAI of the reply behind the MHAE.' },
  'fhae-not-demanded': {
    clause: 'B9',
    breaks: 'Accepts a request without an FHAE though it shares a key with the foreign agent.',
  },
  'fhae-not-checked': { clause: 'B9', breaks: 'Accepts any authenticator in the FHAE.' },
  'bad-foreign-home-binds': {
    clause: 'B9',
    also: ['4.1-h', '6-a'],
    breaks: 'Makes the binding of a request although it refuses it with 132.',
  },
  'fhae-not-added': {
    clause: 'B9',
    breaks: 'Sends no FHAE to a foreign agent that it shares a key with.',
  },
  'fhae-wrong': { clause: 'B9', breaks: 'Sends a wrong authenticator in the FHAE.' },
} satisfies Record<string, Deviation>;

/** Every way in which it can be made to break a clause; the names lack the role. */
const table = { ...ofDraft, ...baseDeviations, ...stoppingDeviations };

export type HomeAgentDeviation = keyof typeof table;
export const homeAgentDeviations: Readonly<Record<HomeAgentDeviation, Deviation>> = table;

/** Whether a deviation is switched on. */
export type Deviates = DeviatesOf<HomeAgentDeviation>;
