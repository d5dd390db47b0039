/** The closed JSON Schema of a home agent's configuration file. */

const key = {
  oneOf: [
    closed({ hex: { type: 'string', pattern: '^([0-9a-fA-F]{2})+$' } }, ['hex']),
    closed({ file: { type: 'string', minLength: 1 } }, ['file']),
    closed({ env: { type: 'string', minLength: 1 } }, ['env']),
  ],
};

/** Values 0 to 255 are reserved (RFC 3344 section 1.6). */
const spi = { type: 'integer', minimum: 256, maximum: 0xffffffff };
const algorithm = { enum: ['hmac-md5', 'hmac-sha1', 'keyed-md5', 'keyed-md5-spi-covered'] };
const extensionType = { type: 'integer', minimum: 128, maximum: 255 };
const seconds = { type: 'integer', minimum: 1, maximum: 65535 };
const text = { type: 'string', minLength: 1 };
const flag = { type: 'boolean' };

function closed(properties: Record<string, unknown>, required: string[]) {
  return { type: 'object', additionalProperties: false, properties, required };
}

export const configurationSchema = closed(
  {
    homeAgent: text,
    ipv6Address: text,
    homeLink: closed({ device: text, ipv4Prefix: text, ipv6Prefix: text }, ['device', 'ipv4Prefix']),
    devices: { type: 'array', items: text, uniqueItems: true },
    extensionTypes: closed(
      { ipv6HomeAddress: extensionType, ipv6Compatibility: extensionType, ipv6Code: extensionType },
      ['ipv6HomeAddress', 'ipv6Compatibility', 'ipv6Code'],
    ),
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
    advertisements: {
      anyOf: [
        { type: 'null' },
        closed(
          {
            intervalSeconds: { type: 'number', exclusiveMinimum: 0, maximum: 1800 },
            lifetimeSeconds: seconds,
            registrationLifetimeSeconds: seconds,
          },
          ['intervalSeconds', 'lifetimeSeconds', 'registrationLifetimeSeconds'],
        ),
      ],
    },
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
