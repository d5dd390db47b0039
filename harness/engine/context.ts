/** The names of one run filled in: `$` references, tokens, Identification values. */
import { createHash } from 'node:crypto';
import type { MobileNode } from '../vectors/pool.ts';
import type { Json, JsonObject } from '../vectors/types.ts';
import type { EncodeOptions, SecurityAssociation } from '../wire/index.ts';
import { type PortName, portNames } from './bench.ts';
import { type Surroundings, valuesOf } from './identities.ts';

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

const otherLowBits = (identification: string): string =>
  identification.slice(0, 8) +
  ((Number.parseInt(identification.slice(8), 16) ^ 0x5a) >>> 0).toString(16).padStart(8, '0');

/** A clock that is a day behind. */
const otherHighBits = (identification: string): string =>
  ((Number.parseInt(identification.slice(0, 8), 16) - 86_400) >>> 0).toString(16).padStart(8, '0') +
  identification.slice(8);

export class Context {
  readonly around: Surroundings;
  /** Values captured from replies, by name. */
  readonly captured: JsonObject = {};
  private readonly values: JsonObject;
  /** The newest request of a mobile node under test. */
  private asked: { identification: string; port: number } | undefined;
  private readonly tokens = new Map<string, string>();
  private readonly identifications = { mn: new Identifications(), other: new Identifications() };
  /** First eight hex digits of every token of this vector. */
  readonly tokenPrefix: string;

  constructor(around: Surroundings, vectorId: string) {
    this.around = around;
    this.tokenPrefix = createHash('sha256').update(`${around.seed}/${vectorId}`).digest('hex').slice(0, 8);
    this.values = valuesOf(around);
  }

  /** The associations of `mn` or `other`, and the one between the agents. */
  associations(
    by: string,
  ): Required<Pick<NonNullable<EncodeOptions['associations']>, 'mobileHome'>> &
    NonNullable<EncodeOptions['associations']> {
    const node = this.node(by);
    const { foreignHome } = this.around;
    const mobileForeign = node.foreignAssociation;
    return {
      mobileHome: node.association,
      ...(foreignHome === undefined ? {} : { foreignHome }),
      ...(mobileForeign === undefined ? {} : { mobileForeign }),
    };
  }

  /** The association by which an authentication extension of this name is verified. */
  associationOf(extension: string, by: string): SecurityAssociation | undefined {
    const { mobileHome, mobileForeign, foreignHome } = this.associations(by);
    if (extension === 'foreignHomeAuthentication') return foreignHome;
    return extension === 'mobileForeignAuthentication' ? mobileForeign : mobileHome;
  }

  /** Number in the profile of `mn` or `other`. */
  numberOf(by: string): number {
    return this.node(by).index;
  }

  private node(by: string): MobileNode {
    const node = by === 'other' ? this.around.other : this.around.mn;
    if (node === undefined)
      throw new UnresolvedReference('the profile has one mobile node only, and this vector needs two');
    return node;
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
    const wanted = this.resolve(value, 0);
    const port = portNames.find((name) => name === wanted);
    if (port === undefined) {
      throw new UnresolvedReference(
        `"at" gives ${JSON.stringify(wanted)}, which is no port (${portNames.join(', ')})`,
      );
    }
    return port;
  }

  /** Remember what a request used, and what the reply said of nonces. */
  noteSentIdentification(by: string, identification: string): void {
    this.identificationsOf(by).last = identification;
  }

  /** Of several requests alike, this one was answered: `$identification.last` is its. */
  noteAnswered(by: string, identification: string): void {
    this.identificationsOf(by).last = identification;
  }

  /** See Stimulus.known. */
  noteKnown(by: string, known: string): void {
    const [identification = '', port] = known.split(':');
    if (port === undefined) this.identificationsOf(by).nonce = identification;
    else this.asked = { identification, port: Number(port) };
  }

  replayProtection(by: string): 'timestamps' | 'nonces' {
    return (by === 'other' ? this.around.other : this.around.mn)?.replay ?? 'timestamps';
  }

  /** RFC 3344 5.7: of a reply that accepts the device's request; with nonces there is a new one in it. */
  private replyIdentification(): string {
    const { identification } = this.deviceAsked();
    if (this.around.mn.replay === 'timestamps') return identification;
    const fresh = createHash('sha256')
      .update(`${this.around.seed}/${identification}`)
      .digest('hex')
      .slice(0, 8);
    return fresh + identification.slice(8);
  }

  private deviceAsked(): { identification: string; port: number } {
    if (this.asked === undefined) throw new UnresolvedReference('the device has not asked for anything yet');
    return this.asked;
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
    if (name === 'asked.port') return this.deviceAsked().port;
    if (name.startsWith('identification.')) {
      const own = this.identificationsOf(by);
      if (name === 'identification.last') return own.last;
      if (name === 'identification.resynchronised') return otherHighBits(own.last);
      if (name === 'identification.reply') return this.replyIdentification();
      if (name === 'identification.otherReply') return otherLowBits(this.replyIdentification());
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
