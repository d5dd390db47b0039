/**
 * What a packet is to this project: a list of layers, outermost first, each an object with one
 * key (the layer's name) whose value holds the fields under the names the RFCs give them.
 * Vectors write packets in this very form and the decoder returns it, so what a vector says,
 * what is sent and what was seen are compared field by field without translation.
 *
 * Conventions: IPv4 and IPv6 addresses are canonical strings (RFC 5952), MAC addresses are lower-case
 * colon strings, octet strings are lower-case hex without separators, integers are numbers,
 * Identification is 16 hex digits. Every field is optional when encoding: lengths, checksums,
 * protocol numbers and authenticators left out are computed; those given are written as they are, right or wrong.
 * The decoder fills in every field; only octet strings that may be empty (IPv4 `options`, `trailing`) and fields that a
 * flag announces are left out where there is nothing, and there is no empty `payload` layer.
 */
export type Hex = string;
export type Ipv4Address = string;
export type Ipv6Address = string;
export type MacAddress = string;

/** IEEE 802.3 header. */
export interface Ethernet {
  destination?: MacAddress;
  source?: MacAddress;
  etherType?: number;
}

/** RFC 826, Ethernet/IPv4. operation: 1 request, 2 reply. */
export interface Arp {
  operation?: number;
  senderMac?: MacAddress;
  senderAddress?: Ipv4Address;
  targetMac?: MacAddress;
  targetAddress?: Ipv4Address;
}

/** RFC 791. `headerLength` counts 32-bit words, `fragmentOffset` counts 8-octet units. */
export interface Ipv4 {
  version?: number;
  headerLength?: number;
  typeOfService?: number;
  totalLength?: number;
  identification?: number;
  reservedFlag?: boolean;
  dontFragment?: boolean;
  moreFragments?: boolean;
  fragmentOffset?: number;
  ttl?: number;
  protocol?: number;
  checksum?: number;
  source?: Ipv4Address;
  destination?: Ipv4Address;
  /** Option octets, padded to a multiple of four when encoded; decoded with the padding. */
  options?: Hex;
}

/** RFC 2460. Extension headers stay in the following payload layer. */
export interface Ipv6 {
  version?: number;
  trafficClass?: number;
  flowLabel?: number;
  payloadLength?: number;
  nextHeader?: number;
  hopLimit?: number;
  source?: Ipv6Address;
  destination?: Ipv6Address;
}

/** RFC 768. A checksum of 0 is sent as 0 (none) when given explicitly; a vector may say "wrong", which no receiver takes. */
export interface Udp {
  sourcePort?: number;
  destinationPort?: number;
  length?: number;
  checksum?: number;
}

/** RFC 792 / RFC 4443 echo; `type` tells request from reply (8/0, 128/129). Data is the next layer (`payload`). */
export interface IcmpEcho {
  type?: number;
  code?: number;
  checksum?: number;
  identifier?: number;
  sequenceNumber?: number;
}

/** Any other ICMP or ICMPv6 message: what follows the checksum is the next layer (`payload`). */
export interface Icmp {
  type?: number;
  code?: number;
  checksum?: number;
}

/** RFC 1256 router solicitation (type 10); with TTL 1 an agent solicitation. */
export interface RouterSolicitation {
  code?: number;
  checksum?: number;
  reserved?: number;
}

/** RFC 1256 router advertisement (type 9) with the ICMP extensions of RFC 3344 2.1. */
export interface RouterAdvertisement {
  code?: number;
  checksum?: number;
  addressCount?: number;
  addressEntrySize?: number;
  lifetimeSeconds?: number;
  routers?: { address: Ipv4Address; preference: number }[];
  extensions?: AdvertisementExtension[];
  /** Octets after the last extension that could be read. */
  trailing?: Hex;
}

/** RFC 3344 2.1.1, with the A flag of the draft (section 2). Flags: see AgentFlags. */
export interface MobilityAgentAdvertisement {
  length?: number;
  sequenceNumber?: number;
  registrationLifetimeSeconds?: number;
  /** The 16-bit flags word, bit 0 the most significant. */
  flags?: number;
  careOfAddresses?: Ipv4Address[];
}

/** Masks of the flags word of the mobility agent advertisement; `ipv6Extensions` is the draft's A. */
export const agentFlag = {
  registrationRequired: 0x8000,
  busy: 0x4000,
  homeAgent: 0x2000,
  foreignAgent: 0x1000,
  minimalEncapsulation: 0x0800,
  greEncapsulation: 0x0400,
  reserved: 0x0200,
  reverseTunneling: 0x0100,
  ipv6Extensions: 0x0020,
} as const;

export type AdvertisementExtension =
  | { mobilityAgentAdvertisement: MobilityAgentAdvertisement }
  | { prefixLengths: { length?: number; lengths?: number[] } }
  | { onePadding: Record<string, never> }
  | { unknown: { type: number; length?: number; data?: Hex } };

/** RFC 2461 4.3. */
export interface NeighborSolicitation {
  code?: number;
  checksum?: number;
  reserved?: number;
  target?: Ipv6Address;
  options?: NeighborOption[];
  trailing?: Hex;
}

/** RFC 2461 4.4. */
export interface NeighborAdvertisement {
  code?: number;
  checksum?: number;
  router?: boolean;
  solicited?: boolean;
  override?: boolean;
  reserved?: number;
  target?: Ipv6Address;
  options?: NeighborOption[];
  trailing?: Hex;
}

/** RFC 2461 4.1. */
export interface Ipv6RouterSolicitation {
  code?: number;
  checksum?: number;
  reserved?: number;
  options?: NeighborOption[];
  trailing?: Hex;
}

/** RFC 2461 4.2. `flags` is the octet after the hop limit (M 0x80, O 0x40, H 0x20 of RFC 3775). */
export interface Ipv6RouterAdvertisement {
  code?: number;
  checksum?: number;
  currentHopLimit?: number;
  flags?: number;
  lifetimeSeconds?: number;
  reachableTimeMilliseconds?: number;
  retransTimerMilliseconds?: number;
  options?: NeighborOption[];
  trailing?: Hex;
}

/** RFC 2461 4.6. `length` counts 8-octet units. */
export type NeighborOption =
  | { sourceLinkLayerAddress: { length?: number; address?: MacAddress } }
  | { targetLinkLayerAddress: { length?: number; address?: MacAddress } }
  | {
      prefixInformation: {
        length?: number;
        prefixLength?: number;
        flags?: number;
        validLifetimeSeconds?: number;
        preferredLifetimeSeconds?: number;
        reserved?: number;
        prefix?: Ipv6Address;
      };
    }
  | { mtu: { length?: number; reserved?: number; mtu?: number } }
  | { unknown: { type: number; length?: number; data?: Hex } };

/** RFC 2784 / 2890. `checksum`, `key` and `sequenceNumber` are present when their flag is (absent fields are undefined). */
export interface Gre {
  /** The flag bits other than C, K, S, as they stand in the first 13 bits of the header (0 normally). */
  reserved?: number;
  version?: number;
  protocolType?: number;
  checksum?: number;
  /** The 16 bits after the checksum. */
  reserved1?: number;
  key?: number;
  sequenceNumber?: number;
}

/** RFC 2004. `source` present when the S bit is set. The inner transport follows as the next layer. */
export interface MinimalEncapsulation {
  protocol?: number;
  reserved?: number;
  checksum?: number;
  destination?: Ipv4Address;
  source?: Ipv4Address;
}

/** RFC 3519 section 3.3: Type 4 message on UDP port 434. */
export interface UdpTunnelData {
  nextHeader?: number;
  reserved?: number;
}

/** RFC 3344 3.3. */
export interface RegistrationRequest {
  simultaneousBindings?: boolean;
  broadcastDatagrams?: boolean;
  decapsulationByMobileNode?: boolean;
  minimalEncapsulation?: boolean;
  greEncapsulation?: boolean;
  /** The bit `r` (was V). */
  reserved?: boolean;
  reverseTunneling?: boolean;
  /** The bit `x`. */
  reservedX?: boolean;
  lifetimeSeconds?: number;
  homeAddress?: Ipv4Address;
  homeAgent?: Ipv4Address;
  careOfAddress?: Ipv4Address;
  identification?: Hex;
  extensions?: Extension[];
  /** Octets after the last extension that could be read. */
  trailing?: Hex;
}

/** RFC 3344 3.4. */
export interface RegistrationReply {
  code?: number;
  lifetimeSeconds?: number;
  homeAddress?: Ipv4Address;
  homeAgent?: Ipv4Address;
  identification?: Hex;
  extensions?: Extension[];
  trailing?: Hex;
}

/** RFC 3344 3.5: simple format, SPI and authenticator. Without `authenticator` it is computed (EncodeOptions.associations). */
export interface AuthenticationExtension {
  length?: number;
  spi?: number;
  authenticator?: Hex;
}

/** Vendor extensions of RFC 3115. */
export interface VendorExtension {
  length?: number;
  reserved?: number;
  vendor?: number;
  vendorType?: number;
  value?: Hex;
}

/**
 * Extensions of registration messages, one key each. Every value may carry `type` (to write it under another number; the
 * decoder gives it only for the vendor extensions' older numbers 37 and 133) and `length` (to write a wrong one).
 * An extension whose contents do not fit its layout is decoded as `unknown`, with a finding.
 */
export type Extension =
  | { mobileHomeAuthentication: AuthenticationExtension }
  | { mobileForeignAuthentication: AuthenticationExtension }
  | { foreignHomeAuthentication: AuthenticationExtension }
  | {
      generalizedAuthentication: {
        length?: number;
        subType?: number;
        spi?: number;
        authenticator?: Hex;
      };
    }
  | { criticalVendor: VendorExtension & { type?: number } }
  | { normalVendor: VendorExtension & { type?: number } }
  | {
      keyGenerationNonce: {
        /** 40..43. */
        type?: number;
        length?: number;
        subType?: number;
        data?: Hex;
      };
    }
  | {
      udpTunnelReply: {
        length?: number;
        subType?: number;
        replyCode?: number;
        force?: boolean;
        reserved?: number;
        keepaliveSeconds?: number;
      };
    }
  | { foreignAgentError: { length?: number; subType?: number; status?: number } }
  | { gfaAddress: { length?: number; reserved?: number; address?: Ipv4Address } }
  | { greKey: { length?: number; subType?: number; key?: number } }
  | { encapsulatingDeliveryStyle: { length?: number } }
  | { mobileNodeNai: { length?: number; nai?: string } }
  | { mobileForeignChallenge: { length?: number; challenge?: Hex } }
  | { naiCarrying: { length?: number; subType?: number; data?: Hex } }
  | {
      revocationSupport: {
        length?: number;
        flags?: number;
        timestamp?: number;
      };
    }
  | { dynamicHomeAgent: { length?: number; subType?: number; address?: Ipv4Address } }
  | {
      udpTunnelRequest: {
        length?: number;
        subType?: number;
        reserved1?: number;
        force?: boolean;
        registrationRequired?: boolean;
        reserved2?: number;
        encapsulation?: number;
        reserved3?: number;
      };
    }
  | { messageString: { length?: number; subType?: number; text?: string } }
  | { dualStack: { length?: number; subType?: number; data?: Hex } }
  | { ipv6HomeAddress: { type?: number; length?: number; subType?: number; address?: Ipv6Address } }
  | {
      ipv6Compatibility: {
        type?: number;
        length?: number;
        reverseTunnel?: boolean;
        /** The 15 bits after R. */
        reserved?: number;
      };
    }
  | { ipv6Code: { type?: number; length?: number; code?: number; reserved?: number } }
  | { padding: Record<string, never> }
  | {
      unknown: {
        type: number;
        /** Layout by RFC 3344 1.10 (`long`) or type/length/data (`simple`); default by the type number. */
        format?: 'simple' | 'long';
        subType?: number;
        length?: number;
        data?: Hex;
      };
    };

/** The three numbers the draft leaves "TBD": three different values in 128..255. */
export interface ExtensionTypes {
  ipv6HomeAddress: number;
  ipv6Compatibility: number;
  ipv6Code: number;
}

export type Layer =
  | { ethernet: Ethernet }
  | { arp: Arp }
  | { ipv4: Ipv4 }
  | { ipv6: Ipv6 }
  | { udp: Udp }
  | { icmpEcho: IcmpEcho }
  | { icmp: Icmp }
  | { routerSolicitation: RouterSolicitation }
  | { routerAdvertisement: RouterAdvertisement }
  | { icmpv6Echo: IcmpEcho }
  | { icmpv6: Icmp }
  | { neighborSolicitation: NeighborSolicitation }
  | { neighborAdvertisement: NeighborAdvertisement }
  | { ipv6RouterSolicitation: Ipv6RouterSolicitation }
  | { ipv6RouterAdvertisement: Ipv6RouterAdvertisement }
  | { gre: Gre }
  | { minimalEncapsulation: MinimalEncapsulation }
  | { udpTunnelData: UdpTunnelData }
  | { registrationRequest: RegistrationRequest }
  | { registrationReply: RegistrationReply }
  | { payload: Hex };

export type LayerName = Layer extends infer L ? (L extends unknown ? keyof L : never) : never;
export type Packet = Layer[];

/** RFC 2104 HMAC-MD5 (RFC 3344's default), HMAC-SHA1, and RFC 2002 keyed MD5 "prefix+suffix", SPI not covered / covered. */
export type AuthenticationAlgorithm = 'hmac-md5' | 'hmac-sha1' | 'keyed-md5' | 'keyed-md5-spi-covered';

/** A mobility security association (RFC 3344 1.6). */
export interface SecurityAssociation {
  spi: number;
  key: Uint8Array;
  algorithm: AuthenticationAlgorithm;
}

export interface EncodeOptions {
  /** Default 200 / 201 / 202. */
  types?: ExtensionTypes;
  /** Associations for authentication extensions that are to be computed; a missing one with no explicit authenticator is an error. */
  associations?: {
    mobileHome?: SecurityAssociation;
    mobileForeign?: SecurityAssociation;
    foreignHome?: SecurityAssociation;
  };
  /** Octets changed after everything, authenticators included, is computed, but before UDP and IP checksums: see Tamper. */
  tamper?: Tamper[];
}

/**
 * Turn over bits of an encoded registration message: `octet` counts from the start of the named extension (its type
 * octet is 0) or, without `extension`, from the start of the message; negative from its end. `mask` is XORed.
 */
export interface Tamper {
  extension?: string;
  octet: number;
  mask: number;
}

export interface DecodeOptions {
  types?: ExtensionTypes;
  /**
   * UDP ports, first to last, that requests were sent from: what comes to one is read as a Mobile IP message though it
   * came from another port than 434, so that a reply from a wrong port is seen for what it is.
   */
  requestPorts?: readonly [first: number, last: number];
}

/**
 * Where each layer and each extension or option stands in the octets: for highlighting, tampering and authenticators.
 * Outermost first; nested layers of one kind bear the same path. The extent of a header ends where the next layer
 * begins; that of a message reaches to its end, and its extensions lie within it.
 */
export interface Extent {
  /** `ipv4`, or `registrationRequest.extensions[2]`. */
  path: string;
  offset: number;
  length: number;
}

/** Something wrong that does not stop decoding: a checksum, a length, a reserved field. */
export interface Finding {
  /** Index into `layers`. */
  layer: number;
  field: string;
  problem: string;
}

export interface Decoded {
  layers: Packet;
  findings: Finding[];
  /** Where and why decoding stopped short of the end; what was left is the last `payload` layer. */
  stop?: { offset: number; layer: string; reason: string };
  extents: Extent[];
}
