/** The identities one vector runs with, and the filling in of `$` references from them. */
import { createHash } from 'node:crypto';
import type { MobileNode } from '../vectors/pool.ts';
import type { ForeignAgentIdentity, HostAddresses, Timers } from '../vectors/profile.ts';
import type { Json, JsonObject, Position } from '../vectors/types.ts';
import {
  addressPlus,
  type ExtensionTypes,
  formatIpv6,
  parseIpv6,
  type SecurityAssociation,
} from '../wire/index.ts';
import type { PortName } from './bench.ts';

/** What the bench provides for one run of one vector. Everything in it but the keys is written into the results. */
export interface Surroundings {
  position: Position;
  mn: MobileNode;
  /** A second mobile node: for barriers, and where two have to be told apart. None when the pool has one only. */
  other?: MobileNode;
  homeAgent: HostAddresses;
  correspondentNode: HostAddresses;
  homeHost?: HostAddresses & { mac: string };
  ipv4HomePrefix: string;
  ipv6HomePrefix: string;
  /** First of the co-located care-of addresses; mobile node n uses number 2n and, after a move, 2n + 1. */
  firstCareOfAddress: string;
  foreignAgent?: ForeignAgentIdentity;
  refusedIpv6Address?: string;
  /** Whether the device claims the extensions of the draft. */
  ipv6Extensions: boolean;
  extensionTypes: ExtensionTypes;
  timers: Timers;
  /** CLOCK_REALTIME, ns since 1970, at the origin of the run. */
  originNs: bigint;
  /** Makes the tokens of this run differ from those of any other. */
  seed: string;
  /** How long after a barrier's answer a silence stays open, ns. */
  graceNs: number;
}

/** UDP source ports of requests, first and last: two a mobile node. */
export const requestPorts = [20_000, 39_999] as const;

export function udpPortOf(node: MobileNode, position: Position): number {
  return (
    requestPorts[0] +
    (node.index % 10_000) * 2 +
    (position === 'foreign-agent' || position === 'foreign-agent-secured' ? 1 : 0)
  );
}

/** RFC 4291 appendix A: an EUI-64 made of the index, with ff:fe in its middle so that it looks like no IPv4 address. */
function eui64Of(node: MobileNode): Uint8Array {
  const octets = new Uint8Array(16);
  octets.set(
    [0x02, 0x00, 0x5e, 0xff, 0xfe, (node.index >> 16) & 0xff, (node.index >> 8) & 0xff, node.index & 0xff],
    8,
  );
  return octets;
}

function underPrefix(prefix: string, interfaceId: Uint8Array): string {
  const network = parseIpv6(prefix.slice(0, prefix.indexOf('/')));
  const octets = Uint8Array.from(interfaceId);
  octets.set(network.subarray(0, 8), 0);
  return formatIpv6(octets, 0);
}

/** RFC 4291 2.7.1. */
function solicitedNode(address: Uint8Array): Uint8Array {
  const octets = Uint8Array.from(parseIpv6('ff02::1:ff00:0'));
  octets.set(address.subarray(13), 13);
  return octets;
}

function mobileValues(who: string, node: MobileNode, around: Surroundings): JsonObject {
  const eui64 = eui64Of(node);
  const home = parseIpv6(node.ipv6HomeAddress);
  const behindAgent = around.position === 'foreign-agent' || around.position === 'foreign-agent-secured';
  const careOf = behindAgent
    ? around.foreignAgent?.address
    : addressPlus(around.firstCareOfAddress, node.index * 2);
  const stranger = Uint8Array.from(home);
  stranger[14] = (stranger[14] as number) ^ 0x40;
  return {
    [`${who}.nai`]: node.nai,
    [`${who}.homeAddress`]: node.ipv4HomeAddress,
    [`${who}.ipv6HomeAddress`]: node.ipv6HomeAddress,
    [`${who}.eui64`]: formatIpv6(eui64, 0),
    [`${who}.eui64HomeAddress`]: underPrefix(around.ipv6HomePrefix, eui64),
    [`${who}.neighbour`]: formatIpv6(stranger, 0),
    [`${who}.solicitedNode`]: formatIpv6(solicitedNode(home), 0),
    [`${who}.solicitedNodeMac`]: `33:33:${[...solicitedNode(home).subarray(12)].map((octet) => octet.toString(16).padStart(2, '0')).join(':')}`,
    [`${who}.spi`]: node.association.spi,
    ...(careOf === undefined ? {} : { [`${who}.careOfAddress`]: careOf }),
    [`${who}.nextCareOfAddress`]: addressPlus(around.firstCareOfAddress, node.index * 2 + 1),
    [`${who}.udpPort`]: udpPortOf(node, around.position),
  };
}

/** A reference has no value in this run, or a value has the wrong kind. The vector's fault or the profile's, never the IUT's. */
export class UnresolvedReference extends Error {
  readonly code = 'BAD_REFERENCE';
}

/** Identification values of one mobile node (RFC 3344 5.7): never the same twice, as its association demands. */
class Identifications {
  last = '0000000000000000';
  private lastTimestamp = 0n;
  /** High 32 bits of the newest reply, for nonces. */
  nonce = '00000000';
  readonly sent: string[] = [];

  next(node: MobileNode, nowNs: bigint, kind: 'fresh' | 'stale'): string {
    let timestamp = ntpTimestamp(nowNs - (kind === 'stale' ? 3_600_000_000_000n : 0n));
    if (kind === 'fresh') {
      if (timestamp <= this.lastTimestamp) timestamp = this.lastTimestamp + 1n;
      this.lastTimestamp = timestamp;
    }
    const text = timestamp.toString(16).padStart(16, '0');
    if (node.replay === 'timestamps') return text;
    return (kind === 'stale' ? 'ffffffff' : this.nonce) + text.slice(8);
  }
}

/** NTP format (RFC 1305): seconds since 1900 in the upper half. */
function ntpTimestamp(unixNs: bigint): bigint {
  const seconds = unixNs / 1_000_000_000n;
  const rest = unixNs % 1_000_000_000n;
  return ((seconds + 2_208_988_800n) << 32n) | ((rest << 32n) / 1_000_000_000n);
}

export class Context {
  readonly around: Surroundings;
  /** Values captured from replies, by name. */
  readonly captured: JsonObject = {};
  private readonly values: JsonObject;
  private readonly tokens = new Map<string, string>();
  private readonly identifications = { mn: new Identifications(), other: new Identifications() };
  /** First eight hex digits of every token of this vector. */
  readonly tokenPrefix: string;

  constructor(around: Surroundings, vectorId: string) {
    this.around = around;
    this.tokenPrefix = createHash('sha256').update(`${around.seed}/${vectorId}`).digest('hex').slice(0, 8);
    const { mn, other, position } = around;
    const behindAgent = position === 'foreign-agent' || position === 'foreign-agent-secured';
    this.values = {
      ...mobileValues('mn', mn, around),
      ...(other === undefined ? {} : mobileValues('other', other, around)),
      'coa.port': behindAgent ? 'fa' : 'mn',
      'coa.colocated': !behindAgent,
      'ha.address': around.homeAgent.address,
      'ha.ipv6Address': around.homeAgent.ipv6Address,
      'cn.address': around.correspondentNode.address,
      'cn.ipv6Address': around.correspondentNode.ipv6Address,
      ...(around.homeHost === undefined
        ? {}
        : {
            'home.address': around.homeHost.address,
            'home.ipv6Address': around.homeHost.ipv6Address,
            'home.mac': around.homeHost.mac,
          }),
      'home.ipv4Prefix': around.ipv4HomePrefix,
      'home.ipv6Prefix': around.ipv6HomePrefix,
      ...(around.refusedIpv6Address === undefined
        ? {}
        : { 'policy.refusedIpv6Address': around.refusedIpv6Address }),
      'types.ipv6HomeAddress': around.extensionTypes.ipv6HomeAddress,
      'types.ipv6Compatibility': around.extensionTypes.ipv6Compatibility,
      'types.ipv6Code': around.extensionTypes.ipv6Code,
      'timers.replySeconds': around.timers.replySeconds,
      'timers.lifetimeSeconds': around.timers.lifetimeSeconds,
      'timers.shortLifetimeSeconds': around.timers.shortLifetimeSeconds,
      'timers.lifetimeToleranceSeconds': around.timers.lifetimeToleranceSeconds,
      'timers.advertisementSeconds': around.timers.advertisementSeconds,
    };
  }

  /** The association that signs for `mn` or `other`. */
  mobileHome(by: string): SecurityAssociation {
    const node = by === 'other' ? this.around.other : this.around.mn;
    if (node === undefined)
      throw new UnresolvedReference('the profile has one mobile node only, and this vector needs two');
    return node.association;
  }

  foreignHome(): SecurityAssociation | undefined {
    return this.around.foreignAgent?.association;
  }

  /**
   * Eight octets, hex, that no other packet of this run carries; the same whenever asked for by the same name. The first
   * four are common to the vector.
   */
  token(name: string): string {
    let token = this.tokens.get(name);
    if (token === undefined) {
      token = this.tokenPrefix + createHash('sha256').update(name).digest('hex').slice(0, 8);
      this.tokens.set(name, token);
    }
    return token;
  }

  /** Fill in every reference in a value. `nowNs` is the instant of sending, ns since the origin; `by` whose Identification. */
  resolve(value: Json, nowNs: number, by = 'mn'): Json {
    if (typeof value === 'string') {
      if (value.startsWith('$') && !value.startsWith('${')) return this.lookup(value.slice(1), nowNs, by);
      if (!value.includes('${')) return value;
      return value.replace(/\$\{([^}]*)\}/g, (_, name: string) => String(this.lookup(name, nowNs, by)));
    }
    if (Array.isArray(value)) return value.map((inner) => this.resolve(inner, nowNs, by));
    if (value !== null && typeof value === 'object') {
      const out: JsonObject = {};
      for (const key of Object.keys(value)) out[key] = this.resolve(value[key] as Json, nowNs, by);
      return out;
    }
    return value;
  }

  /** One port or a list of them. */
  ports(value: Json): PortName[] {
    return [...new Set(Array.isArray(value) ? value.map((one) => this.port(one)) : [this.port(value)])];
  }

  port(value: Json): PortName {
    const port = this.resolve(value, 0);
    if (port !== 'mn' && port !== 'fa' && port !== 'cn' && port !== 'home') {
      throw new UnresolvedReference(
        `"at" gives ${JSON.stringify(port)}, which is no port (mn, fa, cn, home)`,
      );
    }
    return port;
  }

  /** Remember what an accepted or denied request used, and what the reply said of nonces. */
  noteSentIdentification(by: string, identification: string): void {
    const own = this.identificationsOf(by);
    own.last = identification;
    own.sent.push(identification);
  }

  /** Of several requests alike, this one was answered: `$identification.last` is its. */
  noteAnswered(by: string, identification: string): void {
    this.identificationsOf(by).last = identification;
  }

  noteNonce(by: string, nonce: string): void {
    this.identificationsOf(by).nonce = nonce;
  }

  replayProtection(by: string): 'timestamps' | 'nonces' {
    return (by === 'other' ? this.around.other : this.around.mn)?.replay ?? 'timestamps';
  }

  /** True when a request of this vector was sent with these low 32 bits. */
  sentLowHalf(by: string, identification: string): boolean {
    return this.identificationsOf(by).sent.some((sent) => sent.slice(8) === identification.slice(8));
  }

  private identificationsOf(by: string): Identifications {
    return by === 'other' ? this.identifications.other : this.identifications.mn;
  }

  private lookup(name: string, nowNs: number, by: string): Json {
    if (name.startsWith('token.')) return this.token(name.slice(6));
    if (name.startsWith('captured.')) {
      const value = this.captured[name.slice(9)];
      if (value === undefined) throw new UnresolvedReference(`$${name} has not been captured at this point`);
      return value;
    }
    if (name.startsWith('identification.')) {
      const own = this.identificationsOf(by);
      if (name === 'identification.last') return own.last;
      const node = by === 'other' ? (this.around.other ?? this.around.mn) : this.around.mn;
      return own.next(
        node,
        this.around.originNs + BigInt(Math.round(nowNs)),
        name === 'identification.stale' ? 'stale' : 'fresh',
      );
    }
    const value = this.values[name];
    if (value === undefined) throw new UnresolvedReference(`$${name} has no value with this profile`);
    return value;
  }
}

/** The addresses, ports and tokens by which a frame is known to concern this run: see benchKeys in the live bench. */
export function identityKeys(context: Context): string[] {
  const { mn, other, ipv6HomePrefix, firstCareOfAddress } = context.around;
  const keys: string[] = [`token:${context.tokenPrefix}`];
  for (const node of other === undefined ? [mn] : [mn, other]) {
    const eui64 = eui64Of(node);
    keys.push(
      node.ipv4HomeAddress,
      node.ipv6HomeAddress,
      underPrefix(ipv6HomePrefix, eui64),
      addressPlus(firstCareOfAddress, node.index * 2),
      addressPlus(firstCareOfAddress, node.index * 2 + 1),
      `udp:${udpPortOf(node, 'co-located')}`,
      `udp:${udpPortOf(node, 'foreign-agent')}`,
    );
  }
  if (context.around.position === 'home-link')
    keys.push('advertisement', `arp:${context.around.homeAgent.address}`);
  return keys;
}
