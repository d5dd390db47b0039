import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import t, { type Test } from 'tap';
import {
  addressPlus,
  authenticatorOctets,
  canonicalAddress,
  checkExtensionTypes,
  computeAuthenticator,
  decodeMessage,
  decodePacket,
  EncodeError,
  type EncodeErrorCode,
  type EncodeOptions,
  encodeMessage,
  encodePacket,
  formatIpv6,
  fromHex,
  inPrefix,
  internetChecksum,
  isIpv4,
  isIpv6,
  type Layer,
  type Packet,
  parseIpv4,
  parseIpv6,
  type SecurityAssociation,
  toHex,
  verifyAuthenticator,
} from './index.ts';
import { frame, ipPacket, ipv4Address, ipv6Address, registration } from './testing/arbitraries.ts';

/** Fixed, so that a run can be repeated. */
const seed = 20030831;
const associations: EncodeOptions['associations'] & object = {
  mobileHome: association('hmac-md5', 0x100),
  mobileForeign: association('keyed-md5', 0x300),
  foreignHome: association('hmac-sha1', 0x200),
};

function association(algorithm: SecurityAssociation['algorithm'], spi: number): SecurityAssociation {
  return { spi, algorithm, key: fromHex('000102030405060708090a0b0c0d0e0f') };
}

/** Whether everything that `wanted` says stands in `actual`. */
function holds(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return Object.is(actual, wanted);
  if (typeof actual !== 'object' || actual === null) return false;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) &&
      actual.length === wanted.length &&
      wanted.every((item, index) => holds(actual[index], item))
    );
  }
  return Object.entries(wanted).every(([key, value]) =>
    holds((actual as Record<string, unknown>)[key], value),
  );
}

function throwsCode(t: Test, work: () => unknown, code: EncodeErrorCode, message: RegExp): void {
  try {
    work();
    t.fail(`nothing was thrown, ${code} was expected`);
  } catch (error) {
    t.ok(error instanceof EncodeError, `${String(error)} is an EncodeError`);
    t.equal((error as EncodeError).code, code);
    t.match((error as EncodeError).message, message);
  }
}

t.test('addresses are read and written as ipaddr.js does', async (t) => {
  fc.assert(
    fc.property(ipv6Address, (text) => {
      const octets = parseIpv6(text);
      return (
        ipaddr.IPv6.parse(text).toRFC5952String() === text &&
        formatIpv6(octets, 0) === text &&
        toHex(octets) === toHex(Uint8Array.from(ipaddr.IPv6.parse(text).toByteArray()))
      );
    }),
    { seed, numRuns: 2000 },
  );
  fc.assert(
    fc.property(
      ipv4Address,
      (text) => toHex(parseIpv4(text)) === toHex(Uint8Array.from(ipaddr.IPv4.parse(text).toByteArray())),
    ),
    { seed },
  );
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF::::..%/g '), maxLength: 24 }),
      (text) => {
        const known = ipaddr.IPv6.isValid(text) && !text.includes('%');
        return isIpv6(text) === known || (known && text.includes('.'));
      },
    ),
    { seed, numRuns: 20000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789...:/'), maxLength: 16 }), (text) => {
      return isIpv4(text) === ipaddr.IPv4.isValidFourPartDecimal(text);
    }),
    { seed, numRuns: 20000 },
  );
  t.equal(canonicalAddress('2001:DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
  t.equal(canonicalAddress('::ffff:192.0.2.1'), '::ffff:c000:201');
  t.equal(canonicalAddress('192.0.2.1'), '192.0.2.1');
  t.equal(isIpv6('1::2::3'), false);
  t.equal(isIpv6('1:2:3:4:5:6:7::'), true);
  t.equal(isIpv6('1:2:3:4:5:6:7:8::'), false);
  t.equal(isIpv4('192.0.2.01'), false);
});

t.test('prefixes and successors of addresses', async (t) => {
  t.equal(inPrefix('10.1.255.255', '10.1.0.0/16'), true);
  t.equal(inPrefix('10.2.0.0', '10.1.0.0/16'), false);
  t.equal(inPrefix('10.10.128.1', '10.10.128.0/17'), true);
  t.equal(inPrefix('10.10.127.1', '10.10.128.0/17'), false);
  t.equal(inPrefix('2001:db8:1::1', '2001:db8:1::/64'), true);
  t.equal(inPrefix('2001:db8:1:1::1', '2001:db8:1::/63'), true);
  t.equal(inPrefix('2001:db8:1:2::1', '2001:db8:1::/63'), false);
  t.equal(inPrefix('192.0.2.1', '2001:db8::/32'), false);
  t.equal(inPrefix('192.0.2.1', '0.0.0.0/0'), true);
  t.equal(inPrefix('192.0.2.1', '192.0.2.1'), true);
  t.equal(addressPlus('10.1.0.255', 1), '10.1.1.0');
  t.equal(addressPlus('2001:db8::ffff:ffff', 1n), '2001:db8::1:0:0');
  t.equal(addressPlus('10.0.0.0', -1), '9.255.255.255');
  throwsCode(t, () => addressPlus('255.255.255.255', 1), 'WIRE_ADDRESS', /no address 1 after/);
  throwsCode(t, () => inPrefix('10.0.0.1', '10.0.0.0/33'), 'WIRE_ADDRESS', /prefix/);
  for (const prefix of ['10.0.0.0/', '10.0.0.0/x', '10.0.0.0/-1', '10.0.0.0/1.5']) {
    throwsCode(t, () => inPrefix('10.0.0.1', prefix), 'WIRE_ADDRESS', /prefix/);
  }
});

t.test('checksums are those of RFC 1071', async (t) => {
  t.equal(internetChecksum(fromHex('0001f203f4f5f6f7')), 0x220d, 'the example of RFC 1071 section 3');
  t.equal(internetChecksum(fromHex('0001f203f4f5f6f7220d')), 0);
  t.equal(internetChecksum(fromHex('01')), 0xfeff, 'an odd octet is the high one');
  t.equal(internetChecksum(new Uint8Array(70000).fill(255)), 0);
});

t.test('authenticators are those of RFC 2104 and RFC 2002', async (t) => {
  // RFC 2104, appendix: the data is put where message and extension header are, as it is only octets that are hashed.
  const cases = [
    {
      key: '0b'.repeat(16),
      data: toHex(Buffer.from('Hi There')),
      digest: '9294727a3638bb1c13f48ef8158bfc9d',
    },
    {
      key: toHex(Buffer.from('Jefe')),
      data: toHex(Buffer.from('what do ya want for nothing?')),
      digest: '750c783e6ab0b503eaa86e310a5db738',
    },
    { key: 'aa'.repeat(16), data: 'dd'.repeat(50), digest: '56be34521d144c88dbb8c733f0e8b3f6' },
  ];
  for (const { key, data, digest } of cases) {
    const octets = fromHex(data);
    const authenticator = computeAuthenticator(octets, octets.length - 6, {
      spi: 0,
      key: fromHex(key),
      algorithm: 'hmac-md5',
    });
    t.equal(toHex(authenticator), digest);
  }
  const { spi, key } = association('hmac-md5', 0x01020304);
  const message = fromHex(`${'ab'.repeat(37)}201401020304`);
  const covered = message.subarray(0, 37 + 6);
  const expected = {
    'hmac-md5': createHmac('md5', key).update(covered).digest('hex'),
    'hmac-sha1': createHmac('sha1', key).update(covered).digest('hex'),
    'keyed-md5': createHash('md5').update(key).update(covered.subarray(0, 39)).update(key).digest('hex'),
    'keyed-md5-spi-covered': createHash('md5').update(key).update(covered).update(key).digest('hex'),
  };
  for (const algorithm of Object.keys(expected) as (keyof typeof expected)[]) {
    const authenticator = computeAuthenticator(message, 37, { spi, key, algorithm });
    t.equal(toHex(authenticator), expected[algorithm]);
    t.equal(authenticator.length, authenticatorOctets(algorithm));
    const whole = Buffer.concat([message, authenticator]);
    whole[38] = 4 + authenticator.length;
    whole.set(computeAuthenticator(whole, 37, { spi, key, algorithm }), 43);
    t.equal(verifyAuthenticator(whole, 37, { spi, key, algorithm }), true);
    t.equal(verifyAuthenticator(whole, 37, { spi: spi + 1, key, algorithm }), false, 'another SPI');
    t.equal(verifyAuthenticator(whole, 37, { spi, key: key.subarray(1), algorithm }), false, 'another key');
    for (let length = 0; length < whole.length; length++) {
      if (verifyAuthenticator(whole.subarray(0, length), 37, { spi, key, algorithm }))
        t.fail(`cut to ${length}`);
    }
    for (const offset of [-1, 36, 38, 1000, Number.NaN, 0.5]) {
      t.equal(verifyAuthenticator(whole, offset, { spi, key, algorithm }), false, `offset ${offset}`);
    }
  }
});

t.test('what is encoded is decoded: every layer, every extension', async () => {
  const check = (packet: Packet, first: 'ethernet' | 'ipv4' | 'ipv6'): void => {
    const octets = encodePacket(packet);
    const decoded = decodePacket(octets, first);
    if (packet.length <= 16 && !holds(decoded.layers, packet)) {
      throw new Error(`decoded to ${JSON.stringify(decoded.layers)}`);
    }
    const again = encodePacket(decoded.layers);
    if (toHex(again) !== toHex(octets)) throw new Error(`${toHex(octets)} encoded again as ${toHex(again)}`);
    const { layers } = decodePacket(again, first);
    if (!holds(layers, decoded.layers) || !holds(decoded.layers, layers))
      throw new Error('decoded otherwise');
  };
  const first = (packet: Packet): 'ipv4' | 'ipv6' => ('ipv4' in (packet[0] as Layer) ? 'ipv4' : 'ipv6');
  fc.assert(
    fc.property(ipPacket, (packet) => check(packet, first(packet))),
    { seed, numRuns: 1500 },
  );
  fc.assert(
    fc.property(frame, (packet) => check(packet, 'ethernet')),
    { seed, numRuns: 500 },
  );
  fc.assert(
    fc.property(registration, (layer) => {
      const octets = encodeMessage(layer);
      const decoded = decodeMessage(octets);
      return (
        holds(decoded.layers, [layer]) &&
        decoded.findings.length === 0 &&
        decoded.stop === undefined &&
        toHex(encodePacket(decoded.layers)) === toHex(octets)
      );
    }),
    { seed, numRuns: 2000 },
  );
});

t.test('explicit fields are written as they are', async (t) => {
  const wrong: Packet = [
    { ethernet: { etherType: 0x0800 } },
    {
      ipv4: {
        version: 6,
        headerLength: 15,
        totalLength: 1,
        checksum: 0xabcd,
        protocol: 99,
        fragmentOffset: 1,
      },
    },
    { udp: { length: 3, checksum: 0x1111 } },
    { registrationReply: { trailing: 'ff' } },
  ];
  t.equal(
    toHex(encodePacket(wrong)),
    '0000000000000000000000000800' +
      '6f000001000000014063abcd0000000000000000' +
      '01b201b200031111' +
      `03${'00'.repeat(19)}ff`,
  );
  const lengths: Layer = {
    registrationRequest: {
      extensions: [
        { mobileNodeNai: { length: 200, nai: 'a' } },
        { ipv6HomeAddress: { type: 152, length: 1, subType: 9, address: '::1' } },
        { criticalVendor: { length: 65535, value: '01' } },
        { mobileHomeAuthentication: { length: 5, spi: 1, authenticator: 'aabb' } },
        { unknown: { type: 7, format: 'long', subType: 3, data: 'cc' } },
        { unknown: { type: 36, format: 'simple', length: 9, data: 'dd' } },
        { unknown: { type: 250, subType: 2, data: 'ee' } },
      ],
    },
  };
  t.equal(
    toHex(encodeMessage(lengths)).slice(48),
    `83c861980109${'00'.repeat(15)}012600ffff00000000000001` +
      '200500000001aabb' +
      '07030001cc' +
      '2409dd' +
      'fa0202ee',
  );
});

t.test('an authenticator covers wrong lengths and SPIs as they are written', async (t) => {
  const octets = encodeMessage(
    { registrationRequest: { extensions: [{ mobileHomeAuthentication: { length: 99, spi: 7 } }] } },
    { associations },
  );
  t.equal(toHex(octets, 24, 30), '206300000007');
  t.equal(
    toHex(octets, 30),
    createHmac('md5', associations.mobileHome?.key as Uint8Array)
      .update(octets.subarray(0, 30))
      .digest('hex'),
  );
});

t.test('tampering turns bits over after authenticators and before checksums', async (t) => {
  const request: Layer = {
    registrationRequest: {
      lifetimeSeconds: 300,
      extensions: [{ mobileNodeNai: { nai: 'mn1@example.net' } }, { mobileHomeAuthentication: {} }],
    },
  };
  const whole = encodeMessage(request, { associations });
  const differences = (tamper: EncodeOptions['tamper']): string[] => {
    const octets = encodeMessage(request, { associations, tamper: tamper ?? [] });
    return Array.from(octets).flatMap((octet, at) =>
      octet === whole[at] ? [] : [`${at}:${(octet ^ (whole[at] as number)).toString(16)}`],
    );
  };
  t.strictSame(differences([{ octet: 3, mask: 1 }]), ['3:1']);
  t.strictSame(differences([{ octet: -1, mask: 0x80 }]), [`${whole.length - 1}:80`]);
  t.strictSame(differences([{ extension: 'mobileNodeNai', octet: 2, mask: 0xff }]), ['26:ff']);
  t.strictSame(differences([{ extension: 'mobileNodeNai', octet: -1, mask: 1 }]), ['40:1']);
  t.strictSame(
    differences([
      { extension: 'mobileNodeNai', octet: 1, mask: 0x70 },
      { extension: 'mobileHomeAuthentication', octet: -1, mask: 3 },
    ]),
    ['25:70', `${whole.length - 1}:3`],
    'extensions are found before the first length is changed',
  );
  const packet = encodePacket([{ ipv4: {} }, { udp: {} }, request], {
    associations,
    tamper: [{ octet: 3, mask: 1 }],
  });
  t.strictSame(decodePacket(packet, 'ipv4').findings, [], 'the checksums are right');
  const bad = (tamper: EncodeOptions['tamper']) => () =>
    encodeMessage(request, { associations, tamper: tamper ?? [] });
  throwsCode(t, bad([{ extension: 'ipv6Code', octet: 0, mask: 1 }]), 'WIRE_TAMPER', /no readable 'ipv6Code'/);
  throwsCode(t, bad([{ octet: 1000, mask: 1 }]), 'WIRE_TAMPER', /no octet 1000/);
  throwsCode(t, bad([{ octet: -1000, mask: 1 }]), 'WIRE_TAMPER', /no octet -1000/);
  throwsCode(t, bad([{ octet: 0, mask: 256 }]), 'WIRE_TAMPER', /mask/);
  throwsCode(t, bad([{ octet: 0, mask: -1 }]), 'WIRE_TAMPER', /mask/);
  t.strictSame(differences([{ octet: 0, mask: 0 }]), []);
  const none = () => encodePacket([{ ipv4: {} }], { tamper: [{ octet: 0, mask: 1 }] });
  throwsCode(t, none, 'WIRE_TAMPER', /no registration message/);
});

t.test('what cannot be written is refused with its reason', async (t) => {
  const wrongly = (packet: unknown) => () => encodePacket(packet as Packet);
  const request = (fields: object) => wrongly([{ registrationRequest: fields }]);
  throwsCode(
    t,
    wrongly([{ ipv4: { ttl: 256 } }]),
    'WIRE_RANGE',
    /ipv4\.ttl: 256 is not an integer in 0\.\.255/,
  );
  throwsCode(t, wrongly([{ ipv4: { ttl: -1 } }]), 'WIRE_RANGE', /ipv4\.ttl/);
  throwsCode(t, wrongly([{ ipv4: { ttl: 1.5 } }]), 'WIRE_RANGE', /ipv4\.ttl/);
  throwsCode(t, wrongly([{ ipv4: { ttl: '64' } }]), 'WIRE_RANGE', /ipv4\.ttl/);
  throwsCode(t, wrongly([{ ipv4: { fragmentOffset: 8192 } }]), 'WIRE_RANGE', /fragmentOffset/);
  throwsCode(t, wrongly([{ ipv4: { source: '::1' } }]), 'WIRE_ADDRESS', /ipv4\.source: '::1' is not an IPv4/);
  throwsCode(t, wrongly([{ ipv6: { source: '10.0.0.1' } }]), 'WIRE_ADDRESS', /ipv6\.source/);
  throwsCode(t, wrongly([{ ethernet: { source: '02:00' } }]), 'WIRE_ADDRESS', /ethernet\.source/);
  throwsCode(t, wrongly([{ payload: '0' }]), 'WIRE_HEX', /payload/);
  throwsCode(t, wrongly([{ payload: 'zz' }]), 'WIRE_HEX', /'zz' is not a hex octet/);
  throwsCode(t, wrongly([{ ipv5: {} }]), 'WIRE_NAME', /no layer 'ipv5'/);
  throwsCode(t, wrongly([{ constructor: {} }]), 'WIRE_NAME', /no layer 'constructor'/);
  throwsCode(t, wrongly([{ ipv4: null }]), 'WIRE_NAME', /ipv4: an object of fields/);
  throwsCode(t, wrongly([{}]), 'WIRE_NAME', /empty object/);
  throwsCode(t, wrongly([{ ipv4: {}, udp: {} }]), 'WIRE_NAME', /'ipv4' and 'udp'/);
  throwsCode(t, wrongly([{ ipv4: {} }, { payload: '00'.repeat(65536) }]), 'WIRE_RANGE', /totalLength/);
  throwsCode(t, request({ identification: '00' }), 'WIRE_HEX', /identification: 16 hex digits/);
  throwsCode(t, request({ extensions: [{ toString: {} }] }), 'WIRE_NAME', /no extension 'toString'/);
  throwsCode(t, request({ extensions: 'none' }), 'WIRE_NAME', /extensions: a list is wanted/);
  throwsCode(t, request({ extensions: [{ nonsense: {} }] }), 'WIRE_NAME', /no extension 'nonsense'/);
  throwsCode(
    t,
    request({ extensions: [{ mobileNodeNai: { nai: 'x'.repeat(256) } }] }),
    'WIRE_RANGE',
    /length/,
  );
  throwsCode(
    t,
    request({ extensions: [{ mobileHomeAuthentication: {} }] }),
    'WIRE_ASSOCIATION',
    /mobileHome/,
  );
  throwsCode(
    t,
    request({ extensions: [{ generalizedAuthentication: {} }] }),
    'WIRE_ASSOCIATION',
    /generalized/,
  );
  throwsCode(t, wrongly([{ routerAdvertisement: { extensions: [{ no: {} }] } }]), 'WIRE_NAME', /'no'/);
  throwsCode(t, wrongly([{ neighborSolicitation: { options: [{ no: {} }] } }]), 'WIRE_NAME', /'no'/);
  t.equal(toHex(encodePacket([{ ipv4: {} }])).length, 40, 'an error leaves nothing behind');
  const types = (a: number, b: number, c: number) => () =>
    checkExtensionTypes({ ipv6HomeAddress: a, ipv6Compatibility: b, ipv6Code: c });
  types(128, 200, 255)();
  throwsCode(t, types(200, 200, 201), 'WIRE_EXTENSION_TYPES', /not three different/);
  throwsCode(t, types(200, 201, 127), 'WIRE_EXTENSION_TYPES', /ipv6Code: 127/);
  throwsCode(t, types(256, 201, 202), 'WIRE_EXTENSION_TYPES', /ipv6HomeAddress: 256/);
});
