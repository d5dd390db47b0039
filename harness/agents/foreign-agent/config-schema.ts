import { closed, schemaOf } from '../common/configuration.ts';

const { key, spi, algorithm, seconds, text, flag, extensionTypes, advertisements } = schemaOf;

const ipv6 = { enum: ['ignore', 'deliver', 'deliver-and-reverse-tunnel'] };
const nai = { type: 'string', minLength: 1, maxLength: 255 };
const count = { type: 'integer', minimum: 1, maximum: 65536 };
const firstNumber = { type: 'integer', minimum: 0, maximum: 0xffffffff };

/** The closed JSON Schema of a foreign agent's configuration file. */
export const configurationSchema = closed(
  {
    visitedLink: closed(
      { device: text, address: text, prefixLength: { type: 'integer', minimum: 0, maximum: 32 } },
      ['device', 'address', 'prefixLength'],
    ),
    devices: { type: 'array', minItems: 1, items: text, uniqueItems: true },
    careOfAddresses: { type: 'array', minItems: 1, maxItems: 62, items: text, uniqueItems: true },
    upstreamAddress: text,
    ipv6Address: text,
    extensionTypes,
    ipv6Extensions: flag,
    ipv6,
    policies: {
      type: 'array',
      items: closed(
        {
          nai,
          count,
          firstNumber,
          homeAddress: text,
          ipv6,
          ipv6Code: { enum: [64, 65] },
          refused: flag,
        },
        [],
      ),
    },
    maximumLifetimeSeconds: seconds,
    reverseTunneling: { enum: ['accepted', 'refused', 'required'] },
    encapsulatingDeliveryStyle: flag,
    registrationRequired: flag,
    challenges: flag,
    advertisements,
    pendingTimeoutSeconds: { type: 'number', exclusiveMinimum: 0, maximum: 3600 },
    denialIntervalSeconds: { type: 'number', minimum: 0, maximum: 60 },
    maximumVisitors: { type: 'integer', minimum: 1, maximum: 65536 },
    maximumPending: { type: 'integer', minimum: 1, maximum: 65536 },
    homeAgents: {
      type: 'array',
      items: closed({ address: text, spi, key, algorithm }, ['address', 'spi', 'key']),
    },
    mobileNodes: {
      type: 'array',
      items: closed({ count, firstNumber, nai, ipv4HomeAddress: text, spi, key, algorithm }, ['spi', 'key']),
    },
  },
  ['visitedLink', 'devices', 'careOfAddresses'],
);
