import type { Deviation } from '../common/deviates.ts';

/** Ways in which the reference home agent can be made to break Mobile IPv4 itself: RFC 3344, RFC 3024, RFC 2003, RFC 1256. */
export const baseDeviations = {
  // Advertisements (RFC 3344 2.1 to 2.3, RFC 1256).
  'advertisement-to-subnet-broadcast': {
    clause: 'rfc3344-2.1-h3',
    breaks: 'Sends its periodic advertisements to the broadcast address of the subnet.',
  },
  'advertisement-code-1': {
    clause: 'rfc3344-2.1-h5',
    breaks: 'Sends its advertisements with ICMP code 1.',
  },
  'advertisement-checksum-wrong': {
    clause: 'rfc1256-3-h2',
    breaks: 'Sends its advertisements with a wrong ICMP checksum.',
  },
  'advertisement-from-elsewhere': {
    clause: 'rfc1256-3-h1',
    breaks: 'Sends its advertisements from an address that is not of the link.',
  },
  'advertisement-with-paddings': {
    clause: 'rfc3344-2.1.3-h1',
    breaks: 'Puts one-byte padding before the mobility agent advertisement extension.',
  },
  'advertisement-with-too-many-prefix-lengths': {
    clause: 'rfc3344-2.1.2-h1',
    breaks: 'Sends a prefix-lengths extension with two lengths for one router address.',
  },
  'advertisement-to-wrong-link-layer-address': {
    clause: 'rfc3344-2.1-h1',
    breaks: 'Sends the answer to a solicitation to a link-layer address that is not the one it came from.',
  },
  'advertises-foreign-agent-bits': {
    clause: 'rfc3344-2.1.1-h4',
    also: ['rfc3344-2.1.1-h5'],
    breaks: 'Advertises B=1 and R=1 with F=0.',
  },
  'advertisement-lifetime-too-long': {
    clause: 'rfc1256-4.1-h1',
    breaks: 'Advertises a lifetime of 9001 seconds.',
  },
  'deaf-to-mobility-agents-group': {
    clause: 'rfc3344-2.3-h2',
    also: ['rfc3344-2.3-h3', 'rfc3344-2.1-h4'],
    breaks: 'Takes no notice of solicitations to 224.0.0.11.',
  },
  'deaf-to-routers-group': {
    clause: 'rfc1256-4.3-h1',
    breaks: 'Takes no notice of solicitations to 224.0.0.2.',
  },
  'deaf-to-strangers': {
    clause: 'rfc3344-2.3-h5',
    breaks: 'Takes no notice of solicitations from addresses that are not of the home network.',
  },
  'invalid-solicitation-answered': {
    clause: 'rfc1256-4.2-h1',
    breaks: 'Answers solicitations whatever their checksum and code.',
  },

  // Requests (RFC 3344 3.8.2).
  'udp-checksum-not-checked': {
    clause: 'rfc3344-3.8.2.1-a',
    breaks: 'Takes requests with a wrong UDP checksum.',
  },
  'broadcast-flag-refused': {
    clause: 'rfc3344-3.8.2-c',
    breaks: 'Denies requests with B=1 by code 129.',
  },
  'other-home-agent-accepted': {
    clause: 'rfc3344-3.8.3.2-i',
    breaks: 'Accepts a request that names another home agent.',
  },
  'broadcast-request-accepted': {
    clause: 'rfc3344-3.8.2.1-g',
    breaks: 'Accepts a request that came by broadcast.',
  },
  'renewal-not-answered': {
    clause: 'rfc3344-3.8.2.2-b',
    breaks: 'Says nothing to a request that renews a binding.',
  },
  'long-lifetime-denied': {
    clause: 'rfc3344-3.8.2.2-k',
    breaks: 'Denies a lifetime that is longer than it would grant, by code 129.',
  },
  'lifetime-not-copied': {
    clause: 'rfc3344-3.8.3.2-b',
    breaks: 'Grants one second less than was asked for.',
  },
  'deregistration-of-one-ends-all': {
    clause: 'rfc3344-3.8.2.2-e',
    breaks: 'Ends every binding when one care-of address is deregistered.',
  },
  'deregistration-reply-to-care-of-address': {
    clause: 'rfc3344-3.8.2.2-g',
    breaks: 'Sends the reply to a deregistration to the care-of address in it.',
  },
  'foreign-agent-told-of-deregistration': {
    clause: 'rfc3344-3.8.2.2-i',
    breaks:
      'Sends a copy of the reply to a foreign agent without a key when its visitor deregisters elsewhere.',
  },
  'earlier-binding-not-kept': {
    clause: 'rfc3344-3.8.2.2-c',
    also: ['rfc3344-4.2.3-c'],
    breaks: 'Accepts S with code 0 and drops the binding before it.',
  },
  'code-1-keeps-both-bindings': {
    clause: 'rfc3344-3.8.2.2-c',
    breaks: 'Accepts S with code 1 and keeps the binding before it all the same.',
  },
  'third-binding-accepted': {
    clause: 'rfc3344-3.8.2.3-a',
    breaks: 'Knows no limit of simultaneous bindings.',
  },
  'expiry-ends-all-bindings': {
    clause: 'rfc3344-4.2.3-i',
    breaks: 'Ends every binding of a mobile node when one of them ends.',
  },
  'reserved-bits-refused': {
    clause: 'rfc3344-3.8.2.3-c',
    also: ['rfc3344-3.3-h1'],
    breaks: 'Denies requests with the bit r or x by code 134.',
  },

  // Replies (RFC 3344 3.8.3).
  'denies-with-foreign-agent-code': {
    clause: 'rfc3344-3.4-h2',
    breaks: "Denies with a foreign agent's code: 67 instead of 131, and so on.",
  },
  'denial-without-mhae': {
    clause: 'rfc3344-3.8.3.3-b',
    breaks: 'Leaves the MHAE out of replies that deny.',
  },
  'fhae-before-mhae': {
    clause: 'rfc3344-3.8.3.3-a',
    also: ['rfc3344-3.2-h3'],
    breaks: 'Puts the FHAE of a reply before the MHAE.',
  },
  'reply-with-octets-left-over': {
    clause: 'rfc3344-1.9-h1',
    breaks: 'Ends its replies with an octet that belongs to no extension.',
  },
  'reply-home-address-zero': {
    clause: 'rfc3344-3.8.3.2-e',
    breaks: 'Sends replies with home address zero.',
  },
  'reply-home-agent-wrong': {
    clause: 'rfc3344-3.8.3.2-g',
    also: ['rfc3344-3.8.3.2-h'],
    breaks: 'Puts another address than its own into the Home Agent field of replies.',
  },
  'assigned-home-address-not-returned': {
    clause: 'rfc3344-3.8.1-d',
    breaks: 'Assigns a home address and replies with home address zero.',
  },
  'reply-at-expiry': {
    clause: 'rfc3344-3.8-b',
    breaks: 'Sends a reply when a binding ends.',
  },
  'reply-at-home-tunnelled': {
    clause: 'rfc3344-3.8.3.1-f',
    also: ['rfc3344-3.8.3.1-g'],
    breaks: 'Tunnels the reply to a mobile node that deregisters at home to its old care-of address.',
  },
  'nonce-not-renewed': {
    clause: 'rfc3344-5.7.2-h1',
    breaks: 'Gives the same nonce over and over.',
  },
  'mismatch-without-nonce': {
    clause: 'rfc3344-5.7.2-h2',
    breaks: 'Repeats the wrong nonce in the reply that rejects it, once it has given a right one.',
  },

  // Tunnels (RFC 3344 4, RFC 2003, RFC 3024).
  'tunnels-neighbouring-ipv4-address': {
    clause: 'rfc3344-4.2.3-b',
    breaks: 'Tunnels what is for an address of the home network that nobody has registered.',
  },
  'inner-header-rewritten': {
    clause: 'rfc2003-3-h1',
    breaks: 'Gives tunnelled IPv4 packets another Identification.',
  },
  'dont-fragment-not-copied': {
    clause: 'rfc2003-3.1-h3',
    breaks: 'Does not copy the flag not to fragment to the outer header.',
  },
  'type-of-service-not-copied': {
    clause: 'rfc2003-3.1-h2',
    breaks: 'Does not copy the type of service to the outer header.',
  },
  'tunnels-ttl-zero': {
    clause: 'rfc2003-3.1-h6',
    breaks: 'Tunnels packets whose TTL it has lowered to zero.',
  },
  'tunnels-what-comes-from-the-tunnel': {
    clause: 'rfc2003-3.2-h2',
    also: ['rfc2003-3.2-h1', 'rfc3344-4.2.3-j'],
    breaks: 'Tunnels packets that have an end of the tunnel as their source.',
  },
  'drops-what-is-encapsulated': {
    clause: 'rfc3344-4.2.3-k',
    also: ['rfc3344-4.2.3-l'],
    breaks: 'Drops packets for a mobile node that come encapsulated already.',
  },
  'drops-ipv4-reverse-tunnel': {
    clause: 'rfc3024-4.3.2-d',
    breaks: 'Drops IPv4 that comes by the reverse tunnel of a binding with T=1.',
  },
  'reverse-tunnel-not-checked': {
    clause: 'rfc3024-4.3.2-b',
    also: ['rfc3024-4.3.2-c', 'rfc3344-4.2.3-h'],
    breaks: 'Forwards whatever comes tunnelled, from whom and in whatever encapsulation.',
  },
  'unsupported-reverse-tunnel-accepted': {
    clause: 'rfc3024-3.2-h1',
    breaks: 'Accepts T=1 though it has no reverse tunnels.',
  },
  'reverse-tunnel-refused-by-other-code': {
    clause: 'rfc3024-4.3.1-c',
    breaks: 'Denies T=1 by code 129 instead of 137.',
  },
  'encapsulation-refused-by-other-code': {
    clause: 'rfc3024-4.3.1-a',
    breaks: 'Denies an encapsulation that it cannot do by code 134 instead of 139.',
  },
  'broadcasts-to-all': {
    clause: 'rfc3344-4.3-a',
    breaks: 'Forwards broadcasts of the home network to every mobile node.',
  },
  'broadcast-in-wrong-form': {
    clause: 'rfc3344-4.3-c',
    also: ['rfc3344-4.3-d'],
    breaks:
      'Encapsulates broadcasts twice for a co-located care-of address and once for that of a foreign agent.',
  },

  // ARP (RFC 3344 4.6).
  'gratuitous-arp-to-one': {
    clause: 'rfc3344-4.6-d',
    breaks: 'Sends gratuitous ARP to one link-layer address instead of all.',
  },
  'odd-care-of-address-refused': {
    clause: 'rfc3344-3.8.2.3-c',
    breaks: 'Denies, with 134, a request whose care-of address is zero or a multicast address.',
  },
  'long-lifetimes-cut-unevenly': {
    clause: 'rfc3344-3.8.3.2-d',
    breaks: 'Cuts each lifetime that is too long to another length.',
  },
  'proxy-arp-without-binding': {
    clause: 'rfc3344-4.2.3-d',
    also: ['rfc3344-4.6-f', 'rfc3344-4.6-h'],
    breaks: 'Answers ARP for every mobile node, away or not.',
  },
  'arp-after-rejection': {
    clause: 'rfc3344-4.6-f',
    breaks: 'Begins with gratuitous and proxy ARP although it has rejected the request.',
  },
  'rejected-deregistration-ends-proxy-arp': {
    clause: 'rfc3344-4.6-i',
    breaks: 'Ends proxy ARP, and says so, although it has rejected the deregistration.',
  },
} satisfies Record<string, Deviation>;
