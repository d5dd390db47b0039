import { stoppingDeviations } from '../common/deafness.ts';
import type { Deviates as DeviatesOf, Deviation } from '../common/deviates.ts';
import { baseDeviations } from './deviations-base.ts';
import { dataDeviations } from './deviations-data.ts';

/** Every way in which the foreign agent's signalling can be made to break a clause; the names lack the role. */
const signalling = {
  // Advertisements (section 2).
  'advertises-without-a-flag': {
    clause: '2.2-a',
    breaks: 'Advertises A=0 although it is prepared to support mobile nodes with IPv6 home addresses.',
  },
  'a-flag-at-wrong-bit': {
    clause: '2-a',
    breaks: 'Puts the A flag at bit 11 of the flags word instead of bit 10.',
  },
  'a-flag-but-requests-dropped': {
    clause: '2-b',
    also: ['4.4-c'],
    breaks: 'Advertises A=1 but drops every request with an IPv6 home address extension.',
  },
  'legacy-advertises-a-flag': {
    clause: '2-b',
    also: ['2.2-a'],
    breaks: 'Without the IPv6 extensions, advertises A=1 all the same.',
  },
  'reserved-advertisement-bits-set': {
    clause: '2-c',
    also: ['rfc3344-2.1.1-f11'],
    breaks: 'Sets the five bits behind the A flag, which stay reserved.',
  },
  'advertisement-with-ttl-2': {
    clause: 'B16',
    also: ['rfc3344-2.1-f3'],
    breaks: 'Sends its advertisements with TTL 2.',
  },
  'advertisement-with-wrong-length': {
    clause: 'B16',
    also: ['rfc3344-2.1.1-f1', 'rfc3344-2.1-f1'],
    breaks: 'Writes a Length into the mobility agent advertisement extension that is two too small.',
  },
  'advertisement-sequence-does-not-advance': {
    clause: 'B16',
    also: ['rfc3344-2.3.2-f2'],
    breaks: 'Sends every advertisement with the same sequence number.',
  },
  'advertises-without-care-of-address': {
    clause: 'B16',
    also: ['rfc3344-2.1.1-f8'],
    breaks: 'Advertises F=1 without a care-of address.',
  },
  'advertises-neither-agent': {
    clause: 'B16',
    also: ['rfc3344-2.1.1-f7', 'rfc3344-2.1.1-f9'],
    breaks: 'Advertises with neither F nor H set.',
  },

  // The IPv6 home address extension on its way through (sections 3.1, 4.4).
  'legacy-drops-ipv6-extensions': {
    clause: '3.1-a',
    also: ['B5', '5.1.4-b'],
    breaks: 'Without the IPv6 extensions, drops a request that has one instead of skipping it.',
  },
  'legacy-denies-ipv6-extensions': {
    clause: '3.1-a',
    also: ['B5', '5.1.4-b'],
    breaks: 'Without the IPv6 extensions, denies a request that has one with code 70.',
  },
  'legacy-attaches-compatibility': {
    clause: '4.4-d',
    also: ['3.2-b', '5.1.4-b'],
    breaks: 'Without the IPv6 extensions, attaches a compatibility extension all the same.',
  },
  'relayed-address-not-skippable': {
    clause: '3.1-a',
    also: ['B10'],
    breaks: 'Relays the IPv6 home address extension under a type below 128.',
  },
  'relayed-address-without-sub-type': {
    clause: '3.1-b',
    also: ['B10'],
    breaks: 'Relays the IPv6 home address extension without its sub-type octet.',
  },
  'relayed-address-wrong-length': {
    clause: '3.1-d',
    also: ['B10'],
    breaks: 'Relays the IPv6 home address extension with Length 18, an octet added.',
  },
  'relayed-address-wrong-sub-type': {
    clause: '3.1-e',
    also: ['B10'],
    breaks: 'Relays the IPv6 home address extension under sub-type 2.',
  },
  'relayed-address-altered': {
    clause: '4.4-d',
    also: ['B10'],
    breaks: 'Turns over one bit of the IPv6 home address that it relays.',
  },
  'relayed-address-stripped': {
    clause: '4.4-d',
    also: ['B10'],
    breaks: 'Takes the IPv6 home address extension out of the request that it relays.',
  },
  'relayed-address-behind-authentication': {
    clause: '4.4-d',
    also: ['B10'],
    breaks: 'Moves the IPv6 home address extension behind the MHAE.',
  },

  // The compatibility extension (sections 3.2, 4.1, 4.4).
  'compatibility-not-skippable': {
    clause: '3.2-a',
    breaks: 'Attaches the compatibility extension under a type below 128.',
  },
  'compatibility-with-sub-type': {
    clause: '3.2-a',
    also: ['3.2-c', '4.4-c'],
    breaks: 'Attaches the compatibility extension with a sub-type octet before its word, Length 3.',
  },
  'compatibility-wrong-length': {
    clause: '3.2-c',
    also: ['4.4-c'],
    breaks: 'Attaches the compatibility extension with Length 4, two octets added.',
  },
  'compatibility-r-at-lowest-bit': {
    clause: '3.2-d',
    breaks: 'Puts R at the lowest bit of the word of the compatibility extension.',
  },
  'compatibility-reserved-set': {
    clause: '3.2-d',
    breaks: 'Sets the reserved bits of the compatibility extension, all but the lowest.',
  },
  'compatibility-before-authentication': {
    clause: '4.1-f',
    also: ['4.4-c', 'B10'],
    breaks: 'Puts the compatibility extension before the MHAE.',
  },
  'compatibility-behind-foreign-home': {
    clause: '4.1-f',
    also: ['4.1-g'],
    breaks: 'Puts the compatibility extension behind the FHAE.',
  },
  'two-compatibility-extensions': {
    clause: '4.4-c',
    breaks: 'Attaches the compatibility extension twice.',
  },
  'keeps-mobile-compatibility-when-attaching': {
    clause: '4.4-c',
    also: ['B10'],
    breaks: "Leaves a mobile node's own compatibility extension in place and attaches its own behind it.",
  },
  'keeps-mobile-compatibility-when-ignoring': {
    clause: '4.4-d',
    also: ['B10', '5.1.3-a'],
    breaks: "Refuses IPv6 by its policy, yet relays a mobile node's own compatibility extension.",
  },
  'compatibility-though-ignoring': {
    clause: '4.4-d',
    also: ['5.1.3-a'],
    breaks: 'Attaches a compatibility extension although its policy is to ignore IPv6 of this mobile node.',
  },
  'refuses-requests-for-ipv6': {
    clause: '2-b',
    also: ['B10', '4.4-c'],
    breaks: 'Advertises A and denies requests with an IPv6 home address extension with code 65.',
  },
  'compatibility-though-refusing': {
    clause: '4.4-d',
    also: ['5.1.3-a'],
    breaks:
      'Attaches a compatibility extension for a mobile node whose IPv6 it refuses with a code of its own.',
  },
  'r-set-though-delivering': {
    clause: '4.4-f',
    also: ['5.1.1-b'],
    breaks: 'Attaches R=1 although its policy is delivery without reverse tunnel; it forwards natively.',
  },
  'no-compatibility-though-delivering': {
    clause: '4.4-f',
    also: ['5.1.1-b'],
    breaks: 'Attaches no compatibility extension although its policy is delivery.',
  },
  'r-clear-though-reverse-tunneling': {
    clause: '4.4-h',
    also: ['5.1.2-a'],
    breaks: 'Attaches R=0 although its policy is to reverse-tunnel; it does reverse-tunnel.',
  },
  'no-compatibility-though-reverse-tunneling': {
    clause: '4.4-h',
    also: ['5.1.2-a'],
    breaks: 'Attaches no compatibility extension although its policy is to reverse-tunnel.',
  },

  // What the FHAE covers (section 4.1).
  'fhae-computed-without-address': {
    clause: '4.1-c',
    also: ['B10'],
    breaks: 'Computes the FHAE as if there were no IPv6 home address extension.',
  },
  'fhae-computed-without-compatibility': {
    clause: '4.1-g',
    also: ['B10'],
    breaks: 'Computes the FHAE as if there were no compatibility extension.',
  },
  'fhae-computed-over-fixed-part': {
    clause: 'B10',
    also: ['4.1-c', '4.1-g', 'rfc3344-3.5.1-f1'],
    breaks: 'Computes the FHAE over the fixed part of the request alone.',
  },

  // The code extension (section 3.3, readings A09 and A63).
  'code-extension-wrong-length': {
    clause: '3.3-a',
    breaks: 'Appends its own IPv6 code extension with Length 4.',
  },
  'code-extension-reserved-set': {
    clause: '3.3-a',
    breaks: 'Appends its own IPv6 code extension with the reserved octet set.',
  },
  'code-extension-not-skippable': {
    clause: '3.3-a',
    breaks: 'Appends its own IPv6 code extension under a type below 128.',
  },
  'code-extension-of-home-agent': {
    clause: '3.3-e',
    breaks: "Refuses IPv6 of a mobile node with IPv6 code 128, a home agent's.",
  },
  'code-extension-undefined': {
    clause: '3.3-e',
    breaks: 'Refuses IPv6 of a mobile node with IPv6 code 66, which is not defined.',
  },
  'code-extension-before-authentication': {
    clause: 'B11',
    also: ['3.3-e'],
    breaks: 'Puts its own IPv6 code extension before the MHAE of the reply.',
  },
  'delivering-reported-as-refused': {
    clause: '4.2-b',
    breaks: 'Appends IPv6 code 65 to the reply of a mobile node whose IPv6 it delivers.',
  },

  // The base protocol: requests (RFC 3344 3.7.2, RFC 3024 4.2).
  'unknown-non-skippable-relayed': {
    clause: 'B5',
    also: ['rfc3344-1.8-f1'],
    breaks: 'Relays a request although an extension that may not be skipped is unknown.',
  },
  'unknown-non-skippable-answered': {
    clause: 'B5',
    also: ['rfc3344-1.8-f1'],
    breaks:
      'Denies a request with an unknown extension that may not be skipped with 70 instead of saying nothing.',
  },
  'unknown-skippable-drops-message': {
    clause: 'B5',
    also: ['rfc3344-1.8-f2'],
    breaks: "Drops a request with an unknown extension above 127, the draft's excepted.",
  },
  'unknown-non-skippable-reply-relayed': {
    clause: 'B5',
    also: ['rfc3344-1.8-f1'],
    breaks: 'Relays a reply although an extension that may not be skipped is unknown.',
  },
  'relayed-lifetime-changed': {
    clause: 'B10',
    also: ['rfc3344-3.7.2.2-b'],
    breaks: 'Relays a request with half the lifetime that was asked for.',
  },
  'relayed-flags-changed': {
    clause: 'B10',
    also: ['rfc3344-3.7.2.2-b'],
    breaks: 'Sets the flag S in the request that it relays.',
  },
  'relayed-nai-stripped': {
    clause: 'B10',
    also: ['rfc3344-3.7.2.2-b'],
    breaks: 'Takes the NAI extension out of the request that it relays.',
  },
  'keeps-what-follows-authentication': {
    clause: 'B10',
    also: ['rfc3344-3.7.2.2-c', 'rfc3024-3.3-a'],
    breaks: 'Relays the extensions behind the MHAE, which are for the foreign agent alone.',
  },
  'fhae-not-appended': {
    clause: 'B10',
    also: ['rfc3344-3.7.2.2-e'],
    breaks: 'Appends no FHAE for a home agent that it shares a key with.',
  },
  'fhae-wrong': {
    clause: 'B10',
    also: ['rfc3344-3.5.1-f1'],
    breaks: 'Appends an FHAE with a wrong authenticator.',
  },
  'foreign-care-of-address-accepted': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.1-c'],
    breaks: 'Relays a request for a care-of address that it does not offer.',
  },
  'care-of-address-denied-with-64': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.1-c'],
    breaks: 'Denies a care-of address that it does not offer with code 64 instead of 77.',
  },
  'long-lifetime-denied-with-64': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.3-b'],
    breaks: 'Denies a lifetime that is too long with code 64 instead of 69.',
  },
  'long-lifetime-without-longest': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.3-b', 'rfc3344-3.7.2.3-c'],
    breaks:
      'Denies a lifetime that is too long without telling the longest one: it copies the one asked for.',
  },
  'distant-request-relayed': {
    clause: 'B12',
    also: ['rfc3024-4.2.1-c'],
    breaks: 'Relays a request with T that did not come with TTL 255.',
  },
  'distant-request-denied-with-64': {
    clause: 'B12',
    also: ['rfc3024-4.2.1-c'],
    breaks: 'Denies a request with T that did not come with TTL 255 with code 64 instead of 76.',
  },
  'denials-not-sent': {
    clause: 'B12',
    also: ['rfc3344-3.7.2-b', 'rfc3344-3.7.2.1-e'],
    breaks: 'Says nothing when it denies a request.',
  },
  'denial-low-identification-not-copied': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.3-a'],
    breaks: 'Denies with another Identification than that of the request.',
  },
  'denial-high-identification-not-copied': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.3-a'],
    breaks: 'Denies with zero in the high half of Identification.',
  },
  'denial-from-another-port': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.3-g'],
    breaks: 'Sends denials from UDP port 435.',
  },
  'poorly-formed-relayed': {
    clause: 'B12',
    also: ['rfc3344-3.4-f6'],
    breaks: 'Relays requests without an MHAE, or with octets behind the extensions that make none.',
  },
  'zero-home-address-without-nai-relayed': {
    clause: 'B12',
    also: ['rfc2794-3-d'],
    breaks: 'Relays a request for home address 0.0.0.0 that has no NAI instead of denying it with 96.',
  },
  'zero-home-address-reply-dropped': {
    clause: 'B12',
    also: ['rfc2794-3-a'],
    breaks: 'Finds no pending request for the reply when the home address of the request was 0.0.0.0.',
  },
  'missing-nai-not-told': {
    clause: 'B12',
    also: ['rfc2794-3-b', 'rfc2794-3-c'],
    breaks: 'Relays a reply without NAI, home agent or home address as it came, without 97, 98 or 99.',
  },
  'refused-reverse-tunnel-relayed': {
    clause: 'B12',
    also: ['rfc3024-3.2-f1'],
    breaks: 'Relays a request with T although it offers no reverse tunnels.',
  },
  'refused-reverse-tunnel-denied-with-64': {
    clause: 'B12',
    also: ['rfc3024-3.2-f1'],
    breaks: 'Denies T with code 64 instead of 74 where it offers no reverse tunnels.',
  },
  'missing-reverse-tunnel-relayed': {
    clause: 'B12',
    also: ['rfc3024-3.4-f3'],
    breaks: 'Relays a request without T although it demands reverse tunnels.',
  },
  'mfae-not-demanded': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.1-d'],
    breaks: 'Relays a request without an MFAE though it shares a key with the mobile node.',
  },
  'mfae-not-checked': {
    clause: 'B12',
    also: ['rfc3344-3.7.2.1-d'],
    breaks: 'Relays a request whatever authenticator its MFAE has.',
  },
  'timeout-not-told': {
    clause: 'B12',
    breaks: 'Says nothing (78) to the mobile node when the home agent stays silent.',
  },
  'unreachable-network-not-told': {
    clause: 'B12',
    also: ['rfc3344-3.7.3-a'],
    breaks: 'Says nothing (80) when the home network is reported unreachable.',
  },
  'unreachable-host-not-told': {
    clause: 'B12',
    also: ['rfc3344-3.7.3-a'],
    breaks: 'Says nothing (81) when the home agent is reported unreachable.',
  },
  'unreachable-port-not-told': {
    clause: 'B12',
    also: ['rfc3344-3.7.3-a'],
    breaks: "Says nothing (82) when the home agent's port is reported unreachable.",
  },
  'unreachable-otherwise-not-told': {
    clause: 'B12',
    also: ['rfc3344-3.7.3-a'],
    breaks: 'Says nothing (80 to 95) when the home agent is reported unreachable for another reason.',
  },
  'unreachable-told-as-88': {
    clause: 'B12',
    also: ['rfc3344-3.7.3-a'],
    breaks: 'Tells the mobile node 88 whatever the ICMP unreachable message was.',
  },

  // The base protocol: replies (RFC 3344 3.7.3).
  'reply-matched-by-whole-identification': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.2-a'],
    breaks: 'Relays no reply whose high half of Identification is not that of the request.',
  },
  'relays-reply-for-another-address': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.1-b'],
    breaks: 'Relays a reply whose home address is not that of the pending request with its Identification.',
  },
  'mfae-without-key': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.2-i'],
    breaks: 'Appends an MFAE to a reply for a mobile node that it shares no key with.',
  },
  'asks-for-udp-tunnel': {
    clause: '4.8-a',
    breaks: 'Asks for a UDP tunnel (RFC 3519) in every relayed request.',
  },
  'odd-address-handled': {
    clause: '3.1-d#received-length',
    also: ['3.1-e#received-sub-type'],
    breaks: 'Handles IPv6 for a request whose IPv6 home address extension has another Length or Sub-Type.',
  },
  'relays-mismatched-reply': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.1-c'],
    breaks: 'Relays a reply whose low 32 bits of Identification are not those of the pending request.',
  },
  'relays-reply-twice': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.1-b', 'rfc3344-3.7.3.2-e', 'rfc3344-3.7-c'],
    breaks: 'Relays a second copy of a reply though nothing is pending any more.',
  },
  'relayed-reply-altered': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.2-f'],
    breaks: 'Relays a reply with one second less of lifetime.',
  },
  'keeps-what-follows-authentication-of-reply': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.2-g'],
    breaks: 'Relays the extensions behind the MHAE of a reply, which are for the foreign agent alone.',
  },
  'mfae-not-appended': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.2-i'],
    breaks: 'Appends no MFAE for a mobile node that it shares a key with.',
  },
  'mfae-wrong': {
    clause: 'B11',
    also: ['rfc3344-3.5.1-f1'],
    breaks: 'Appends an MFAE with a wrong authenticator.',
  },
  'relayed-reply-from-another-port': {
    clause: 'B11',
    also: ['rfc3344-3.7.2.3-g'],
    breaks: 'Relays replies from another UDP port than 434.',
  },
  'relayed-reply-to-another-port': {
    clause: 'B11',
    also: ['rfc3344-3.7.2.3-g'],
    breaks: 'Relays replies to UDP port 434 instead of the port that the request came from.',
  },
  'relayed-reply-from-care-of-address': {
    clause: 'B11',
    also: ['rfc3344-3.7.2.3-e'],
    breaks: 'Relays replies from its care-of address instead of the address that the request went to.',
  },
  'relayed-reply-to-everybody': {
    clause: 'B11',
    also: ['rfc3344-3.7.2.3-f'],
    breaks: 'Relays replies to 255.255.255.255 although they hold a home address.',
  },
  'relayed-reply-by-broadcast': {
    clause: 'B11',
    also: ['rfc3344-1.7-f1'],
    breaks: "Relays replies to the link's broadcast address instead of the mobile node's.",
  },
  'unauthentic-reply-not-told': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.1-f'],
    breaks: 'Says nothing (68) when the FHAE of a reply is missing or wrong.',
  },
  'fhae-of-reply-not-demanded': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.1-d'],
    breaks: 'Relays a reply without an FHAE though it shares a key with the home agent.',
  },
  'fhae-of-reply-not-checked': {
    clause: 'B11',
    also: ['rfc3344-3.7.3.1-d'],
    breaks: 'Relays a reply whatever authenticator its FHAE has.',
  },
} satisfies Record<string, Deviation>;

const table = { ...signalling, ...dataDeviations, ...baseDeviations, ...stoppingDeviations };

export type ForeignAgentDeviation = keyof typeof table;
export const foreignAgentDeviations: Readonly<Record<ForeignAgentDeviation, Deviation>> = table;

/** Whether a deviation is switched on. */
export type Deviates = DeviatesOf<ForeignAgentDeviation>;
