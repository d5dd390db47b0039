import { readFileSync } from 'node:fs';
import t from 'tap';
import { EncodeError, type EncodeOptions, encodePacket, fromHex, type Packet, toHex } from './index.ts';
import { decodeAs, goldenSchema, readGolden } from './testing/golden.ts';

/** What a layer is when nothing of it is given: zero, but for what a sender would put there. */
const defaultLayers: Readonly<Record<string, string>> = {
  ethernet: `${'00'.repeat(12)}ffff`,
  arp: `0001080006040001${'00'.repeat(20)}`,
  ipv4: `4500001400000000403b7ab0${'00'.repeat(8)}`,
  ipv6: `6000000000003b40${'00'.repeat(32)}`,
  udp: '0009000900080000',
  icmpEcho: '0800f7ff00000000',
  icmp: '0000ffff',
  routerSolicitation: '0a00f5ff00000000',
  routerAdvertisement: '0900eff500020708',
  icmpv6Echo: '80007fff00000000',
  icmpv6: '0000ffff',
  neighborSolicitation: `870078ff${'00'.repeat(20)}`,
  neighborAdvertisement: `880077ff${'00'.repeat(20)}`,
  ipv6RouterSolicitation: '85007aff00000000',
  ipv6RouterAdvertisement: '860032f7400007080000000000000000',
  gre: '0000ffff',
  minimalEncapsulation: '3b00c4ff00000000',
  udpTunnelData: '043b0000',
  registrationRequest: `01${'00'.repeat(23)}`,
  registrationReply: `03${'00'.repeat(19)}`,
};

/** The same for the extensions of registration messages; those with an authenticator cannot go without. */
const defaultExtensions: Readonly<Record<string, string>> = {
  criticalVendor: '26000006000000000000',
  normalVendor: '86080000000000000000',
  keyGenerationNonce: '28010000',
  udpTunnelReply: '2c06000000000000',
  foreignAgentError: '2d020000',
  gfaAddress: '2e06000000000000',
  greKey: '3000000400000000',
  encapsulatingDeliveryStyle: '8200',
  mobileNodeNai: '8300',
  mobileForeignChallenge: '8400',
  naiCarrying: '880101',
  revocationSupport: '8906000000000000',
  dynamicHomeAgent: '8b050100000000',
  udpTunnelRequest: '9006000000000000',
  messageString: '910101',
  dualStack: '980101',
  ipv6HomeAddress: `c81101${'00'.repeat(16)}`,
  ipv6Compatibility: 'c9020000',
  ipv6Code: 'ca020000',
  padding: '00',
};

t.test('what is left out is zero, or what a sender would put there', async (t) => {
  for (const [name, octets] of Object.entries(defaultLayers)) {
    t.equal(toHex(encodePacket([{ [name]: {} }] as unknown as Packet)), octets, name);
  }
  for (const [name, octets] of Object.entries(defaultExtensions)) {
    const packet = [{ registrationReply: { extensions: [{ [name]: {} }] } }] as unknown as Packet;
    t.equal(toHex(encodePacket(packet)).slice(40), octets, name);
  }
  const advertisement: Packet = [
    { routerAdvertisement: { extensions: [{ mobilityAgentAdvertisement: {} }, { prefixLengths: {} }] } },
  ];
  t.equal(toHex(encodePacket(advertisement)).slice(16), '10060000000000001300');
  const options: Packet = [
    {
      ipv6RouterSolicitation: {
        options: [
          { sourceLinkLayerAddress: {} },
          { targetLinkLayerAddress: {} },
          { prefixInformation: {} },
          { mtu: {} },
          { unknown: { type: 9 } },
          { unknown: { type: 9, data: '0102030405060708' } },
        ],
      },
    },
  ];
  t.equal(
    toHex(encodePacket(options)).slice(16),
    `0101${'00'.repeat(6)}0201${'00'.repeat(6)}03044000${'00'.repeat(28)}0501${'00'.repeat(6)}` +
      `0901${'00'.repeat(6)}09020102030405060708${'00'.repeat(6)}`,
  );
});

t.test('next protocols, ports and hop limits follow from the layer that follows', async (t) => {
  const after = (first: object, ...rest: object[]): string => toHex(encodePacket([first, ...rest] as Packet));
  const protocol = (...rest: object[]): string => after({ ipv4: {} }, ...rest).slice(16, 20);
  t.equal(protocol({ payload: '00' }), '40fd');
  t.equal(protocol({ ipv4: {} }), '4004');
  t.equal(protocol({ ipv6: {} }), '4029');
  t.equal(protocol({ udp: {} }), '4011');
  t.equal(protocol({ gre: {} }), '402f');
  t.equal(protocol({ minimalEncapsulation: {} }), '4037');
  t.equal(protocol({ icmp: {} }), '4001');
  t.equal(protocol({ icmpEcho: {} }), '4001');
  t.equal(protocol({ routerSolicitation: {} }), '0101', 'a hop limit of 1');
  t.equal(protocol({ routerAdvertisement: {} }), '0101');
  const nextHeader = (layer: object): string => after({ ipv6: {} }, layer).slice(12, 16);
  t.equal(nextHeader({ icmpv6: {} }), '3a40');
  t.equal(nextHeader({ icmpv6Echo: {} }), '3a40');
  for (const name of [
    'neighborSolicitation',
    'neighborAdvertisement',
    'ipv6RouterSolicitation',
    'ipv6RouterAdvertisement',
  ]) {
    t.equal(nextHeader({ [name]: {} }), '3aff', `${name}: a hop limit of 255`);
  }
  for (const name of ['registrationRequest', 'registrationReply', 'udpTunnelData']) {
    t.equal(after({ udp: {} }, { [name]: {} }).slice(0, 8), '01b201b2', name);
  }
  t.equal(after({ ethernet: {} }, { arp: {} }).slice(24, 28), '0806');
  t.equal(after({ ethernet: {} }, { ipv6: {} }).slice(24, 28), '86dd');
  t.equal(after({ gre: {} }, { ipv4: {} }).slice(0, 8), '00000800');
  t.equal(after({ udpTunnelData: {} }, { gre: {} }).slice(0, 8), '042f0000');
});

interface Schema {
  $ref?: string;
  type?: string;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: unknown[];
}
const definitions = (JSON.parse(readFileSync(goldenSchema, 'utf8')) as { $defs: Record<string, Schema> })
  .$defs;

function resolve(schema: Schema | undefined): Schema {
  if (schema?.$ref === undefined) return schema ?? {};
  return resolve(definitions[schema.$ref.replace('#/$defs/', '')]);
}

/** Encode with one field given, in a layer or in something within a layer. */
type Put = (fields: object) => Packet;

function refused(packet: Packet): boolean {
  try {
    encodePacket(packet);
    return false;
  } catch (error) {
    return error instanceof EncodeError && error.code === 'WIRE_RANGE';
  }
}

t.test('every number takes its largest value and refuses the next', async (t) => {
  let checked = 0;
  const check = (path: string, schema: Schema, put: Put): void => {
    for (const [field, reference] of Object.entries(schema.properties ?? {})) {
      const { type, maximum } = resolve(reference);
      if (type !== 'integer' || maximum === undefined) continue;
      checked++;
      // RFC 1701's routes are written but not read, and an extension's type in use elsewhere changes its format.
      const smallest = path.endsWith('unknown') && field !== 'type' ? { type: 250 } : {};
      const format = path.endsWith('extensions.unknown') && field === 'length' ? { format: 'long' } : {};
      const given = { ...smallest, ...format };
      encodePacket(put({ ...given, [field]: maximum }));
      for (const value of [maximum + 1, -1, 0.5, Number.NaN, '1']) {
        if (!refused(put({ ...given, [field]: value }))) t.fail(`${path}.${field} takes ${value}`);
      }
    }
  };
  const layers = resolve(definitions.layer).properties ?? {};
  for (const [name, reference] of Object.entries(layers)) {
    const layer = resolve(reference);
    check(name, layer, (fields) => [{ [name]: fields }] as unknown as Packet);
    for (const list of ['extensions', 'options']) {
      const items = resolve(resolve(layer.properties?.[list]).items).properties ?? {};
      for (const [item, itemReference] of Object.entries(items)) {
        check(`${name}.${list}.${item}`, resolve(itemReference), (fields) => {
          const authenticated = item.endsWith('Authentication') ? { authenticator: '', ...fields } : fields;
          return [{ [name]: { [list]: [{ [item]: authenticated }] } }] as unknown as Packet;
        });
      }
    }
  }
  t.ok(checked > 200, `${checked} fields`);
});

t.test('a finding about a checksum names the right one', async (t) => {
  let found = 0;
  for (const message of readGolden().flatMap(({ messages }) => messages)) {
    const { layers, findings } = decodeAs(fromHex(message.octets), message);
    for (const { layer, field, problem } of findings) {
      const right = /, 0x([0-9a-f]{4}) is right$/.exec(problem)?.[1];
      if (field !== 'checksum' || right === undefined) continue;
      found++;
      const [[name, fields]] = Object.entries(layers[layer] as object) as [[string, { checksum: number }]];
      const { checksum, ...rest } = fields;
      t.match(problem, `is 0x${checksum.toString(16).padStart(4, '0')}, `);
      const corrected = layers.with(layer, {
        [name]: { ...rest, checksum: Number.parseInt(right, 16) },
      } as never);
      const again = decodeAs(encodePacket(corrected), message);
      t.notOk(
        again.findings.some((one) => one.layer === layer && one.field === 'checksum'),
        `${message.id}: with ${right} there is no finding`,
      );
      const computed = name === 'gre' ? undefined : layers.with(layer, { [name]: rest } as never);
      if (computed !== undefined) t.equal(toHex(encodePacket(computed)), toHex(encodePacket(corrected)));
    }
  }
  t.ok(found >= 7, `${found} findings`);
});

t.test('a UDP checksum covers what the length field says, when it can', async (t) => {
  for (const [length, problems] of [
    [8, ['length']],
    [9, ['length']],
    [11, []],
    [7, ['length']],
    [12, ['length']],
  ] as const) {
    const options: EncodeOptions = {};
    const octets = encodePacket([{ ipv4: {} }, { udp: { length } }, { payload: 'a1b2c3' }], options);
    const { findings } = decodeAs(octets, { first: 'ipv4' });
    t.strictSame(
      findings.map(({ field }) => field),
      problems,
      `length ${length}`,
    );
  }
});
