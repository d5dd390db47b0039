/** Hostile input is the same for the same seed, and the search for the shortest one ends with one that does it. */
import t from 'tap';
import { defaultExtensionTypes, type Packet } from '../../wire/index.ts';
import { datagramOf } from './datagram.ts';
import { generatedInputs } from './generate.ts';
import { shortestOctets, shortestRun } from './narrow.ts';
import { variantsOf } from './variants.ts';

const association = {
  spi: 1000,
  key: Uint8Array.from({ length: 16 }, (_, n) => n),
  algorithm: 'hmac-md5',
} as const;
const options = { types: defaultExtensionTypes, associations: { mobileHome: association } };
const packet: Packet = [
  { ipv4: { source: '10.10.128.1', destination: '10.1.0.1', ttl: 64 } },
  { udp: { sourcePort: 20_000, destinationPort: 434 } },
  {
    registrationRequest: {
      lifetimeSeconds: 300,
      homeAddress: '10.1.1.1',
      homeAgent: '10.1.0.1',
      careOfAddress: '10.10.128.1',
      identification: 'c3a1b2c3d4e5f601',
      extensions: [
        { mobileNodeNai: { nai: 'mn1@example.net' } },
        { mobileHomeAuthentication: { spi: association.spi, authenticator: '00'.repeat(16) } },
      ],
    },
  },
];
const datagram = datagramOf(packet, options);
const hex = (all: Uint8Array[]): string => all.map((one) => Buffer.from(one).toString('hex')).join(' ');

t.test('generated input', async (t) => {
  const made = (seed: number): string[] =>
    generatedInputs('test', { seed, inputs: 50 }).map(({ make }) => hex(make(datagram, packet)));
  t.same(made(7), made(7), 'is the same for the same seed');
  t.notSame(made(7), made(8), 'and other for another');
  t.ok(new Set(made(7)).size > 40, 'and seldom the same twice');
});

t.test('variants', async (t) => {
  const truncated = variantsOf('truncated', packet, options).map(
    ({ make }) => make(datagram, packet)[0]?.length,
  );
  t.ok(truncated.length >= datagram.body.length, 'cut at every octet');
  const lengths = variantsOf('lengths', packet, options).map(({ name }) => name);
  for (const name of ['mobileNodeNai', 'mobileHomeAuthentication'])
    t.ok(
      lengths.some((one) => one.includes(name)),
      `a length of ${name}`,
    );
  const repeated = variantsOf('repeated', packet, options).flatMap(({ make }) => make(datagram, packet));
  t.ok(
    repeated.some(({ length }) => length > datagram.octets.length + 50 * 2),
    'repeated fifty times',
  );
});

t.test('the shortest run', async (t) => {
  for (const [from, to] of [
    [3, 4],
    [2, 9],
    [0, 16],
    [15, 16],
  ] as const) {
    const found: string[] = [];
    const part = await shortestRun(
      16,
      0,
      async (tried) => tried.from <= from && tried.to >= to,
      (tried) => found.push(`${tried.from}-${tried.to}`),
    );
    t.same(part, { from, to });
    t.equal(found.at(-1) !== undefined, true, 'told of what did it');
  }
  t.equal(
    await shortestRun(
      8,
      0,
      async () => false,
      () => {},
    ),
    undefined,
    'what does not do it again has none',
  );
});

t.test('the fewest octets', async (t) => {
  const octets = Uint8Array.from({ length: 60 }, (_, n) => n);
  const needs = (all: Uint8Array): boolean => [7, 21, 22].every((one) => all.includes(one));
  const best = await shortestOctets(
    octets,
    async (tried) => needs(tried),
    () => {},
  );
  t.same([...best], [7, 21, 22]);
});
