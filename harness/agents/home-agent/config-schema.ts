import { closed, schemaOf } from '../common/configuration.ts';

const { key, spi, algorithm, seconds, text, flag, extensionTypes, advertisements } = schemaOf;

/** The closed JSON Schema of a home agent's configuration file. */
export const configurationSchema = closed(
  {
    homeAgent: text,
    ipv6Address: text,
    homeLink: closed({ device: text, ipv4Prefix: text, ipv6Prefix: text }, ['device', 'ipv4Prefix']),
    devices: { type: 'array', items: text, uniqueItems: true },
    extensionTypes,
    ipv6Extensions: flag,
    maximumLifetimeSeconds: seconds,
    maximumBindingsPerMobileNode: { type: 'integer', minimum: 1, maximum: 64 },
    reverseTunneling: { enum: ['accepted', 'refused', 'required'] },
    minimalEncapsulation: flag,
    greEncapsulation: flag,
    dynamicIpv6: { enum: ['none', 'address', 'subnet'] },
    dynamicIpv6Pool: text,
    dynamicIpv4Pool: closed({ first: text, count: { type: 'integer', minimum: 1, maximum: 65536 } }, [
      'first',
      'count',
    ]),
    refusedIpv6Addresses: { type: 'array', items: text },
    natTraversal: flag,
    advertisements,
    timestampToleranceSeconds: { type: 'number', minimum: 1, maximum: 3600 },
    mobileNodes: {
      type: 'array',
      minItems: 1,
      items: closed(
        {
          count: { type: 'integer', minimum: 1, maximum: 65536 },
          nai: { type: 'string', minLength: 1, maxLength: 255 },
          ipv4HomeAddress: text,
          ipv6HomeAddress: text,
          spi,
          key,
          algorithm,
          replay: { enum: ['timestamps', 'nonces'] },
        },
        ['spi', 'key'],
      ),
    },
    foreignAgents: {
      type: 'array',
      items: closed({ address: text, spi, key, algorithm }, ['address', 'spi', 'key']),
    },
  },
  ['homeAgent', 'homeLink', 'mobileNodes'],
);
