import type { Deviation } from '../common/deviates.ts';

/** Every way in which the foreign agent's visitor list and its forwarding can be made to break a clause. */
export const dataDeviations = {
  // When there is IPv6 state, and for which address (section 4.4, readings A30 to A32 and A51).
  'ipv6-state-before-reply': {
    clause: '4.4-a',
    breaks: 'Delivers tunnelled IPv6 as soon as the request is relayed, before any reply.',
  },
  'ipv6-state-after-denial': {
    clause: '4.4-a',
    also: ['4.4-b'],
    breaks: 'Delivers tunnelled IPv6 after a reply that denied the registration as a whole.',
  },
  'ipv6-state-after-ipv6-denial': {
    clause: '4.4-g',
    also: ['4.4-b', '4.2-b'],
    breaks: 'Delivers tunnelled IPv6 after IPv6 code 128 or 129.',
  },
  'ipv6-state-after-code-2': {
    clause: '4.4-g',
    breaks:
      'Delivers IPv6 tunnelled to the care-of address after IPv6 code 2, which says to the home address.',
  },
  'ipv6-state-without-code': {
    clause: '4.4-g',
    also: ['4.4-b', '4.2-b'],
    breaks: 'Delivers tunnelled IPv6 after an accepting reply without a code extension.',
  },
  'ipv6-state-though-ignoring': {
    clause: '4.4-g',
    also: ['4.4-d'],
    breaks: 'Delivers IPv6 tunnelled to the care-of address though its policy is to ignore IPv6.',
  },
  'denied-renewal-ends-visit': {
    clause: '4.4-a',
    also: ['rfc3344-3.7.2-g'],
    breaks: 'Takes a visitor out of its list when the home agent denies its renewal.',
  },
  'returned-address-not-learnt': {
    clause: '4.4-a',
    breaks: 'Does not take the IPv6 home address that a reply returns for that of the mobile node.',
  },
  'ipv6-delivered-to-everybody-too': {
    clause: '4.4-g',
    also: ['4.4-i', '4.4-a', '5.1.1-h', '5.1.2-h'],
    breaks: 'Delivers IPv6 to the mobile node, and once more to the broadcast address of the link.',
  },
  'ipv6-of-other-home-agent-accepted': {
    clause: '6-a',
    breaks: 'Delivers tunnelled IPv6 whatever address the tunnel comes from.',
  },
  'foreign-ipv6-source-forwarded': {
    clause: '6-a',
    breaks: 'Forwards IPv6 of a visitor that asked for R=0 whatever its source address.',
  },

  // Delivery (4.4-g, 4.4-i).
  'ipv6-not-delivered-without-r': {
    clause: '4.4-g',
    also: ['5.1.1-h', '4.4-a'],
    breaks: 'Drops IPv6 tunnelled to the care-of address when it asked for R=0.',
  },
  'ipv6-not-delivered-with-r': {
    clause: '4.4-i',
    also: ['5.1.2-h', '4.4-a'],
    breaks: 'Drops IPv6 tunnelled to the care-of address when it asked for R=1.',
  },
  'ipv6-delivered-encapsulated': {
    clause: '4.4-g',
    also: ['4.4-i', '5.1.1-h', '5.1.2-h'],
    breaks: 'Delivers tunnelled IPv6 with the IPv4 header still in front.',
  },
  'ipv6-delivered-to-broadcast': {
    clause: '4.4-a',
    also: ['4.4-g', '4.4-i'],
    breaks: "Delivers tunnelled IPv6 to the link's broadcast address instead of the mobile node's.",
  },
  'ipv6-delivered-for-neighbours': {
    clause: '4.4-a',
    breaks:
      'Delivers tunnelled IPv6 for addresses that nobody registered to the visitor with the nearest one.',
  },
  'ipv6-delivered-with-swapped-addresses': {
    clause: '5.1.1-h',
    also: ['5.1.2-h', '4.4-g', '4.4-i'],
    breaks: 'Delivers tunnelled IPv6 with source and destination exchanged, as the draft misprints it.',
  },
  'ipv6-delivered-altered': {
    clause: '4.4-g',
    also: ['4.4-i'],
    breaks: 'Turns over the last octet of the IPv6 packets that it delivers.',
  },

  // IPv6 from the mobile node (4.4-j, 5.1.1, 5.1.2).
  'r-but-forwarded-natively': {
    clause: '4.4-j',
    also: ['3.2-e', '5.1.2-e'],
    breaks: 'Forwards IPv6 natively though it asked for R=1.',
  },
  'r-but-dropped': {
    clause: '4.4-j',
    also: ['5.1.2-e'],
    breaks: "Drops a visitor's IPv6 though it asked for R=1.",
  },
  'reverse-tunnel-from-home-address': {
    clause: '5.1.2-e',
    also: ['4.4-j'],
    breaks: "Reverse-tunnels IPv6 with the mobile node's home address as source of the tunnel.",
  },
  'reverse-tunnel-from-another-address': {
    clause: '5.1.2-e',
    also: ['4.4-j'],
    breaks: 'Reverse-tunnels IPv6 from another address than the care-of address.',
  },
  'reverse-tunnel-to-another-address': {
    clause: '5.1.2-e',
    also: ['4.4-j'],
    breaks: "Reverse-tunnels IPv6 to another address than the home agent's.",
  },
  'reverse-tunnel-wrapped-twice': {
    clause: '5.1.2-e',
    also: ['4.4-j'],
    breaks: 'Reverse-tunnels IPv6 in two IPv4 headers.',
  },
  'reverse-tunnel-by-protocol-4': {
    clause: '5.1.2-e',
    also: ['4.4-j'],
    breaks: 'Reverse-tunnels IPv6 under protocol 4.',
  },
  'no-r-but-tunnelled': {
    clause: '5.1.1-f',
    also: ['4.4-b'],
    breaks: 'Reverse-tunnels IPv6 to the home agent though it asked for R=0.',
  },
  'no-r-but-dropped': { clause: '5.1.1-f', breaks: "Drops a visitor's IPv6 though it asked for R=0." },
  'hop-limit-not-decremented': {
    clause: '5.1.2-e',
    also: ['5.1.1-f'],
    breaks:
      "Forwards a visitor's IPv6 with the hop limit as it came, natively and through the reverse tunnel.",
  },
  'native-ipv6-altered': {
    clause: '5.1.1-f',
    breaks: "Turns over the last octet of a visitor's IPv6 when it forwards it natively.",
  },

  // The double tunnel and IPv4 (5.1.4, RFC 3344 4.2.2).
  'double-tunnel-stripped-twice': {
    clause: '5.1.4-f',
    breaks: 'Takes both headers off a double tunnel and delivers the bare IPv6.',
  },
  'double-tunnel-not-stripped': {
    clause: '5.1.4-f',
    breaks: 'Delivers a double tunnel with both headers.',
  },
  'double-tunnel-dropped': { clause: '5.1.4-f', breaks: 'Drops a double tunnel.' },
  'mobile-tunnel-dropped': {
    clause: '5-c',
    breaks: 'Drops IPv4 of protocol 41 that a visitor sends to its home agent.',
  },
  'ipv4-not-delivered': {
    clause: '1-a',
    also: ['rfc3344-4.1-f1', 'rfc3344-4.2.2-d'],
    breaks: 'Drops IPv4 tunnelled to the care-of address, but for what has IPv6 inside.',
  },
  'ipv4-not-forwarded': {
    clause: '1-a',
    also: ['rfc3344-4.2.2-g'],
    breaks: "Drops a visitor's IPv4, but for its own tunnel to the home agent.",
  },
  'unknown-destination-forwarded': {
    clause: 'B13',
    also: ['rfc3344-4.2.2-b'],
    breaks: 'Forwards a tunnelled packet whose inner destination is no visitor.',
  },
  'unknown-destination-broadcast': {
    clause: 'B13',
    also: ['rfc3344-4.2.2-b'],
    breaks:
      'Puts a tunnelled packet whose inner destination is no visitor on the visited link as a broadcast.',
  },
  'unknown-destination-unreachable': {
    clause: 'B13',
    also: ['rfc3344-4.2.2-e'],
    breaks: 'Sends ICMP host unreachable for a tunnelled packet whose inner destination is no visitor.',
  },

  // Lifetimes (section 4.7).
  'forwards-ipv6-after-the-end': {
    clause: '4.7-a',
    breaks: 'Goes on forwarding IPv6 of a mobile node that has deregistered or whose lifetime is over.',
  },
  'ipv6-outlives-lifetime': {
    clause: '4.7-a',
    breaks: 'Goes on delivering IPv6 when the granted lifetime is over.',
  },
  'ipv6-stops-early': { clause: '4.7-a', breaks: 'Stops delivering IPv6 at half the granted lifetime.' },
  'ipv4-outlives-lifetime': {
    clause: '4.7-a',
    also: ['rfc3344-3.7.3.2-k#end'],
    breaks: 'Goes on delivering IPv4 when the granted lifetime is over.',
  },
  'ipv4-stops-early': {
    clause: '4.7-a',
    also: ['rfc3344-3.7.3.2-k'],
    breaks: 'Stops delivering IPv4 at half the granted lifetime.',
  },
  'requested-lifetime-used': {
    clause: '4.7-a',
    also: ['rfc3344-3.4-f3'],
    breaks: 'Serves a visitor for the lifetime that was asked for instead of the one granted.',
  },
  'deregistration-leaves-ipv6': {
    clause: '4.7-a',
    breaks: 'Goes on delivering IPv6 after an accepted request with lifetime 0.',
  },
  'deregistration-leaves-ipv4': {
    clause: '4.7-a',
    also: ['rfc3344-3.7.3.2-d'],
    breaks: 'Goes on delivering IPv4 after an accepted request with lifetime 0.',
  },
  'renewal-does-not-prolong-ipv6': {
    clause: '4.7-a',
    breaks: 'Ends IPv6 at the lifetime of the first registration though it was renewed.',
  },
  'renewal-does-not-prolong-ipv4': {
    clause: '4.7-a',
    also: ['rfc3344-3.7.3.2-k'],
    breaks: 'Ends IPv4 at the lifetime of the first registration though it was renewed.',
  },
} satisfies Record<string, Deviation>;
