import type { Deviation } from '../common/deviates.ts';

/** Every way in which the foreign agent can be made to break Mobile IPv4 itself, beside those that break the draft as well. */
export const baseDeviations = {
  // Advertisements and solicitations (RFC 3344 2, RFC 1256).
  'no-advertisements': {
    clause: 'rfc3344-2.3-f1',
    also: ['rfc3344-2.3-f4', 'rfc3344-3.7-a'],
    breaks: 'Sends no advertisements, neither of its own accord nor when solicited.',
  },
  'no-periodic-advertisements': {
    clause: 'rfc3344-3.7-a',
    breaks: 'Advertises only when solicited.',
  },
  'solicitations-ignored': {
    clause: 'rfc3344-2.3-f4#at-once',
    also: ['rfc1256-4.3-f1'],
    breaks: 'Answers no solicitation.',
  },
  'solicitations-from-neighbours-only': {
    clause: 'rfc3344-2.3-f6',
    breaks: 'Answers a solicitation only if its source address is one of the link.',
  },
  'bad-solicitations-answered': {
    clause: 'rfc1256-4.2-f1',
    breaks: 'Answers solicitations with a wrong checksum, another Code than 0 or fewer octets than 8.',
  },
  'advertisement-to-another-station': {
    clause: 'rfc3344-2.1-f2',
    breaks: 'Answers a solicitation at another link-layer address than it came from.',
  },
  'advertisement-by-directed-broadcast': {
    clause: 'rfc3344-2.1-f4',
    breaks: "Advertises to the broadcast address of the link's prefix.",
  },
  'advertisement-code-1': {
    clause: 'rfc3344-2.1-f6',
    breaks: 'Advertises with Code 1.',
  },
  'advertised-lifetime-refused': {
    clause: 'rfc3344-2.1.1-f2',
    breaks: 'Denies requests for the lifetime that it advertises with 69.',
  },
  'advertised-lifetime-not-told': {
    clause: 'rfc3344-3.7.2.3-c',
    breaks: 'Denies a lifetime that is too long with 69 and a longest one that it does not advertise.',
  },
  'busy-home-agent': {
    clause: 'rfc3344-2.1.1-f5',
    also: ['rfc3344-2.1.1-f9'],
    breaks: 'Advertises as a busy home agent: B and H without F.',
  },
  'registration-required-of-home-agent': {
    clause: 'rfc3344-2.1.1-f6',
    also: ['rfc3344-2.1.1-f9'],
    breaks: 'Advertises R and H without F.',
  },
  'advertises-bit-r': {
    clause: 'rfc3344-2.1.1-f11',
    breaks: 'Sets the bit r in its advertisements.',
  },
  'advertises-opposite-t': {
    clause: 'rfc3344-2.1.1-f12',
    breaks: 'Sets T in its advertisements where it offers no reverse tunnels, and only there.',
  },
  'too-many-prefix-lengths': {
    clause: 'rfc3344-2.1.2-f1',
    breaks: 'Advertises one prefix length more than router addresses.',
  },
  'two-paddings': {
    clause: 'rfc3344-2.1.3-f1',
    breaks: 'Pads its advertisements with two one-byte extensions.',
  },
  'advertisement-checksum-wrong': {
    clause: 'rfc1256-3-f1',
    breaks: 'Advertises with a wrong ICMP checksum.',
  },
  'advertisement-lifetime-too-long': {
    clause: 'rfc1256-4.1-f1',
    breaks: 'Advertises with a Lifetime of 10,000 seconds.',
  },

  'mfae-under-another-spi': {
    clause: 'rfc3344-3.5.1-f2',
    breaks: 'Appends an MFAE with another SPI than the one of its association with the mobile node.',
  },

  // Requests (RFC 3344 3.7.2, RFC 3024 4.2).
  'multicast-requests-ignored': {
    clause: 'rfc3344-2.3-f3',
    breaks: 'Ignores requests to 224.0.0.11.',
  },
  'multicast-address-as-source': {
    clause: 'rfc3344-3.7.2.3-e',
    breaks: 'Answers requests to 224.0.0.11 from that address.',
  },
  'wrong-checksum-of-request-ignored': {
    clause: 'rfc3344-3.7.2.1-a',
    breaks: 'Relays a request with a wrong UDP checksum.',
  },
  'wrong-checksum-of-reply-ignored': {
    clause: 'rfc3344-3.7.3.1-a',
    breaks: 'Relays a reply with a wrong UDP checksum.',
  },
  'relayed-from-home-address': {
    clause: 'rfc3344-3.7.2.2-f',
    breaks: 'Relays requests in which there is an extension that it does not know from the home address.',
  },
  'prohibitions-not-relayed': {
    clause: 'rfc3344-3.7.3.2-a',
    breaks: 'Does not relay replies with code 129 (administratively prohibited), and says nothing.',
  },
  'relayed-to-another-home-agent': {
    clause: 'rfc3344-3.7.2.2-a',
    also: ['rfc3344-3.7-b'],
    breaks: 'Relays requests to the address behind that of the home agent.',
  },
  'relayed-lifetime-longer': {
    clause: 'rfc3344-3.4-f1',
    also: ['rfc3344-3.7.2.2-b'],
    breaks: 'Relays a request with one second more of lifetime.',
  },
  'deregistrations-not-relayed': {
    clause: 'rfc3344-3.7-e',
    breaks:
      'Does not relay deregistrations in which there is an extension that it does not know, and says nothing.',
  },
  'own-home-agent-address-relayed': {
    clause: 'rfc3344-3.7.2-c',
    breaks:
      'Relays a request that names its own address as home agent to a home agent that it shares a key with.',
  },
  'own-home-agent-address-denied-with-64': {
    clause: 'rfc3344-3.7.2-d',
    breaks: 'Denies a request that names its own address as home agent with code 64.',
  },
  'reserved-bits-denied': {
    clause: 'rfc3344-3.7.2.1-b',
    breaks: 'Denies a request with the bit r or x set with code 70.',
  },
  'poorly-formed-reply-relayed': {
    clause: 'rfc3344-3.4-f5',
    breaks: 'Relays a reply without an MHAE instead of denying the request with 71.',
  },
  'pending-request-ends-visit': {
    clause: 'rfc3344-3.7.2-e',
    breaks: 'Takes a visitor out of its list when a new request of it is relayed.',
  },
  'pending-outlives-lifetime': {
    clause: 'rfc3344-3.7.2.2-h',
    breaks: 'Keeps a request pending for a minute, whatever lifetime it asks for.',
  },
  'denial-lifetime-not-copied': {
    clause: 'rfc3344-3.7.2.3-d',
    breaks: 'Denies with Lifetime zero, but for code 69.',
  },
  'denial-home-agent-not-copied': {
    clause: 'rfc3344-3.7.2.3-a',
    breaks: 'Denies with its own address in the Home Agent field.',
  },
  'denial-from-care-of-address': {
    clause: 'rfc3344-3.7.2.3-e',
    breaks: 'Sends denials from its care-of address instead of the address that the request went to.',
  },
  'denial-to-everybody': {
    clause: 'rfc3344-3.7.2.3-f',
    breaks: 'Sends denials to 255.255.255.255 although the request holds a home address.',
  },
  'denials-unlimited': {
    clause: 'rfc3024-4.2.1-e',
    breaks: 'Denies as often as it is asked.',
  },
  'encapsulation-denied-with-64': {
    clause: 'rfc3024-4.2.1-a',
    breaks: 'Denies forms of encapsulation that it does not support with code 64.',
  },
  'delivery-style-denied-with-64': {
    clause: 'rfc3024-3.4-f2',
    breaks: 'Denies the encapsulating delivery style with code 64.',
  },
  'delivery-style-not-supported': {
    clause: 'rfc3024-3.1-f2',
    breaks: 'Denies the encapsulating delivery style with code 79.',
  },
  'missing-reverse-tunnel-denied-with-64': {
    clause: 'rfc3024-3.4-f3',
    breaks: 'Denies a request without T with code 64 where it demands reverse tunnels.',
  },
  'timeout-told-as-64': {
    clause: 'rfc3344-3.7.1-e',
    breaks: 'Denies a request that was not answered in time with code 64.',
  },

  // Replies and the visitor list (RFC 3344 3.4, 3.7.3).
  'denied-registration-makes-visitor': {
    clause: 'rfc3344-3.7.3.2-l',
    breaks: 'Makes a mobile node a visitor whose first request the home agent denied.',
  },
  'accepted-registration-makes-no-visitor': {
    clause: 'rfc3344-3.7.3.2-b',
    also: ['rfc3344-4.2.2-d'],
    breaks: 'Relays an accepting reply and makes no visitor of the mobile node.',
  },
  'longer-lifetime-of-reply-used': {
    clause: 'rfc3344-3.4-f2',
    breaks: 'Serves a visitor for the lifetime of the reply where the request asked for a shorter one.',
  },
  'unauthentic-reply-makes-visitor': {
    clause: 'rfc3344-3.7.3.1-e',
    breaks: 'Tells 68 of a reply without a right FHAE, and makes a visitor of the mobile node all the same.',
  },
  'deregisters-at-expiry': {
    clause: 'rfc3344-3.7-d',
    also: ['rfc3344-3.7-b'],
    breaks: 'Sends the home agent a request with Lifetime zero when a visit is over.',
  },
  'reply-at-expiry': {
    clause: 'rfc3344-3.7-c',
    breaks: 'Sends the mobile node a reply when its visit is over.',
  },

  // Tunnels (RFC 3344 4, RFC 2003, RFC 3024 5).
  'ipv4-delivered-encapsulated': {
    clause: 'rfc3344-4.2.2-d',
    breaks: 'Delivers tunnelled IPv4 with the outer header still in front.',
  },
  'ipv4-delivered-to-everybody': {
    clause: 'rfc3344-1.7-f1',
    breaks: 'Delivers tunnelled IPv4 to the broadcast address of the link.',
  },
  'delivered-ttl-not-decremented': {
    clause: 'rfc2003-3.1-f6',
    breaks: 'Delivers tunnelled IPv4 with the TTL as it came.',
  },
  'delivered-header-altered': {
    clause: 'rfc2003-3-f1',
    breaks: "Sets Don't Fragment in what it takes out of a tunnel.",
  },
  'ttl-0-delivered': {
    clause: 'rfc2003-3.1-f7',
    breaks: 'Delivers tunnelled IPv4 that has TTL 0.',
  },
  'nested-tunnel-stripped-twice': {
    clause: 'rfc3344-4.3-f1',
    also: ['rfc3344-4.4-f1'],
    breaks: 'Takes both headers off what was encapsulated twice.',
  },
  'unknown-destination-told': {
    clause: 'rfc3344-4.2.2-c',
    breaks: 'Sends ICMP time exceeded for a tunnelled packet whose inner destination is no visitor.',
  },
  'broadcast-arp-for-mobile-nodes': {
    clause: 'rfc3344-4.2.2-h',
    breaks: 'Asks by broadcast ARP for the inner destination of what comes through a tunnel.',
  },
  'wrong-header-checksum-forwarded': {
    clause: 'rfc3344-4.2.2-g#checksum',
    breaks: "Mends a wrong header checksum of a visitor's IPv4 and forwards it.",
  },
  'no-t-but-tunnelled': {
    clause: 'rfc3344-4.2.2-g',
    breaks: 'Reverse-tunnels IPv4 of a visitor that did not ask for it.',
  },
  't-but-forwarded-natively': {
    clause: 'rfc3024-4.2.2-b',
    breaks: 'Forwards IPv4 of a visitor natively though it asked for a reverse tunnel.',
  },
  'ipv4-reverse-tunnel-from-home-address': {
    clause: 'rfc3024-5.1.2-a',
    breaks: "Reverse-tunnels IPv4 with the mobile node's home address as source of the tunnel.",
  },
  'ipv4-reverse-tunnel-without-type-of-service': {
    clause: 'rfc2003-3.1-f2',
    breaks: 'Reverse-tunnels IPv4 with type of service zero in the outer header.',
  },
  'ipv4-reverse-tunnel-may-be-fragmented': {
    clause: 'rfc2003-3.1-f3',
    breaks: "Reverse-tunnels IPv4 without Don't Fragment in the outer header.",
  },
  'reverse-tunnelled-ttl-not-decremented': {
    clause: 'rfc2003-3.1-f4',
    breaks: 'Reverse-tunnels IPv4 with the inner TTL as it came.',
  },
  'reverse-tunnels-without-ttl': {
    clause: 'rfc2003-3.1-f5',
    also: ['rfc2003-3.1-f4'],
    breaks: 'Reverse-tunnels IPv4 whose TTL is used up.',
  },
  'time-exceeded-not-told': {
    clause: 'rfc2003-3.1-f5#told',
    breaks: 'Says nothing when it drops IPv4 of a visitor whose TTL is used up.',
  },
  'encapsulated-delivery-dropped': {
    clause: 'rfc3024-5.2.1-a',
    breaks: 'Drops what a mobile node has encapsulated though it granted the style.',
  },
  'direct-delivery-tunnelled': {
    clause: 'rfc3024-5.2.1-b',
    breaks: 'Reverse-tunnels what comes without encapsulation though the style was to be encapsulating.',
  },
} satisfies Record<string, Deviation>;
