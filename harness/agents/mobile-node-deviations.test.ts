import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { decodePacket } from '../wire/index.ts';
import { ipv6Key } from './common/addresses.ts';
import { writeChecksum } from './common/packets.ts';
import { deviations, resolveDeviations } from './deviations.ts';
import { parseConfiguration } from './mobile-node/config.ts';
import { type MobileNodeDeviation, mobileNodeDeviations } from './mobile-node/deviations.ts';
import { baseConfiguration } from './testing/mobile-node.ts';
import { atCareOf, atForeignAgent, started } from './testing/mobile-node-states.ts';
import { situations, traceOf } from './testing/mobile-node-trace.ts';

/** Right checksums again, so that what was altered is looked at. */
function mended(frame: Buffer): Buffer {
  const type = frame.readUInt16BE(12);
  const packet = frame.subarray(14);
  if (type === 0x0800 && packet.length >= 28) {
    const start = ((packet[0] ?? 0) & 15) * 4;
    packet.writeUInt16BE(packet.length, 2);
    if (start >= 20 && start + 8 <= packet.length) {
      writeChecksum(packet, 10, 0, start);
      if (packet[9] === 1) {
        writeChecksum(packet, start + 2, start, packet.length);
      } else if (packet[9] === 17) {
        packet.writeUInt16BE(packet.length - start, start + 4);
        packet.writeUInt16BE(0, start + 6);
      }
    }
  } else if (type === 0x86dd && packet.length >= 44 && packet[6] === 58) {
    packet.writeUInt16BE(packet.length - 40, 4);
    writeChecksum(packet, 42, 8, packet.length, 58 + packet.length - 40);
  }
  return frame;
}

t.test('takes any octets without falling over', (t) => {
  const frames = Object.values(situations).flatMap((make) => {
    const world = make([]);
    return [...world.received, ...world.take().map(({ octets }) => octets)];
  });
  const home = started();
  home.hearHome({ lifetimeSeconds: 60_000 });
  const worlds = [started(), home, atForeignAgent(), atCareOf(false), atCareOf(true)];
  const mutation = fc.record({
    which: fc.nat({ max: frames.length - 1 }),
    changes: fc.array(fc.record({ at: fc.nat({ max: 120 }), value: fc.nat({ max: 255 }) }), { maxLength: 4 }),
    cut: fc.oneof(fc.constant(0), fc.nat({ max: 120 })),
    isMended: fc.boolean(),
  });
  fc.assert(
    fc.property(mutation, ({ which, changes, cut, isMended }) => {
      const octets = Buffer.from(frames[which] ?? []);
      for (const { at, value } of changes) {
        if (at < octets.length) {
          octets[at] = value;
        }
      }
      const part = octets.subarray(0, Math.max(14, octets.length - cut));
      for (const world of worlds) {
        const frame = Buffer.from(part);
        world.receiveFrame(isMended ? mended(frame) : frame);
        world.node.onOwnPacket(Buffer.from(part.subarray(14)));
        world.run(1);
        world.received.length = 0;
      }
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 200 }), (octets) => {
      for (const head of [[], [8, 0, 0x45], [0x86, 0xdd, 0x60], [8, 6, 0]]) {
        const frame = Buffer.from(octets);
        frame.set(head, head.length === 0 ? 0 : 12);
        for (const world of worlds) {
          world.receiveFrame(mended(Buffer.from(frame)));
          world.node.onOwnPacket(Buffer.from(frame.subarray(14)));
        }
      }
    }),
    { numRuns: 300 },
  );
  for (const world of worlds) {
    const text = JSON.stringify(world.status());
    t.match(text, /"where"/);
    t.notMatch(text, /0b0b/, 'no key');
  }
  t.end();
});

t.test('explains a configuration that cannot be used', (t) => {
  const [entry] = baseConfiguration.mobileNodes;
  const problems: [object, RegExp][] = [
    [{ bogus: 1 }, /test\.json: the configuration has an unknown field "bogus"; remove it or use one of/],
    [{ movement: 'slow' }, /\/movement .*eager, lifetime/],
    [{ mobileNodes: [{ ...entry, homeAgent: 'x' }] }, /\/mobileNodes\/0\/homeAgent: .*change it/],
    [
      { mobileNodes: [{ ...entry, nai: undefined }] },
      /mobile node 1 has an ipv6HomeAddress, so it needs a nai/,
    ],
    [{ mobileNodes: [{ ...entry, count: 2 }] }, /share a network namespace/],
    [{ extensionTypes: { ipv6HomeAddress: 200, ipv6Compatibility: 200, ipv6Code: 202 } }, /three different/],
  ];
  for (const [changes, expected] of problems) {
    t.throws(() => parseConfiguration({ ...baseConfiguration, ...changes }, 'test.json'), {
      message: expected,
    });
  }
  const example = JSON.parse(
    readFileSync(new URL('../bench/lab/mobile-node.config.json', import.meta.url), 'utf8'),
  );
  const nodes = parseConfiguration(example, 'example', '7');
  t.match(nodes[13], {
    number: 14,
    nai: 'mn14@example.net',
    namespace: '/run/netns/lab7-mn14',
    homeAddress: 0x0a01010e,
    ipv6Home: { address: ipv6Key('2001:db8:1::1:e') },
    association: { spi: 1013 },
  });
  t.end();
});

t.test('each deviation shows on the wire, and only where it is meant to', (t) => {
  t.same(resolveDeviations('mobile-node', ['mobile-node/mhae-wrong', 'two-mhae']), [
    'mhae-wrong',
    'two-mhae',
  ]);
  t.ok(deviations.has('mobile-node/mhae-wrong'));
  const folder = new URL('./mobile-node/', import.meta.url);
  const code = readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && name !== 'deviations.ts')
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('');
  const names = Object.keys(mobileNodeDeviations) as MobileNodeDeviation[];
  t.same(
    names.filter((name) => !code.includes(`'${name}'`)),
    [],
    'each is implemented',
  );
  const right = new Map(Object.keys(situations).map((name) => [name, traceOf(name, [])]));
  for (const situation of right.keys()) {
    t.equal(traceOf(situation, []), right.get(situation), `${situation}: the same each time`);
  }
  for (const name of names) {
    const seen = [...right].filter(([situation, trace]) => traceOf(situation, [name]) !== trace);
    t.ok(seen.length > 0, `${name} is seen`);
    t.comment(`${name}: ${seen.map(([situation]) => situation).join('; ')}`);
  }
  t.end();
});

t.test('deviations break one thing', (t) => {
  const sees = (name: MobileNodeDeviation) =>
    Object.keys(situations).filter((situation) => traceOf(situation, [name]) !== traceOf(situation, []));
  const only: [MobileNodeDeviation, string[]][] = [
    ['ipv6-after-128', ['A=1, code 128']],
    ['ipv6-after-129', ['A=1, code 129']],
    ['native-ipv6-with-code-2', ['A=1, code 2']],
    ['native-ipv6-with-a-clear', ['A=0, code 2']],
    ['native-ipv6-with-r-set', ['no local IPv6']],
    ['no-double-decapsulation', ['no compatibility extension']],
    ['no-address-with-a-clear', ['A=0, code 2']],
    ['low-bits-not-checked', ['low bits']],
    ['reply-mhae-not-checked', ['wrong MHAE']],
    ['reply-without-mhae-taken', ['no MHAE']],
    ['reply-with-two-mhae-taken', ['two MHAE']],
    ['reply-mfae-not-checked', ['no MFAE']],
    ['no-deregistration-at-home', ['coming home']],
    ['home-agent-a-flag-ignored', ['home agent of A=0']],
    ['returned-address-ignored', ['dynamic address']],
  ];
  for (const [name, expected] of only) {
    t.same(sees(name), expected, name);
  }
  t.end();
});

t.test('what it sends can be read again', (t) => {
  for (const name of Object.keys(situations)) {
    for (const { octets, findings } of situations[name]?.([]).take() ?? []) {
      t.same(findings, [], name);
      t.equal(decodePacket(octets, 'ethernet').stop, undefined);
    }
  }
  t.end();
});
