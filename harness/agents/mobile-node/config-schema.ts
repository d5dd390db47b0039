import { closed, schemaOf } from '../common/configuration.ts';

const { key, spi, algorithm, seconds, text, flag, extensionTypes } = schemaOf;

const shortSeconds = { type: 'number', minimum: 0, maximum: 3600 };
const octet = { type: 'integer', minimum: 0, maximum: 255 };

/** How a mobile node behaves: stands at the top for all, and in an entry for its mobile nodes. */
const behaviour = {
  extensionTypes,
  ipv6Extensions: flag,
  homeAgentSupport: { enum: ['yes', 'no', 'learn'] },
  attemptWhenUnknown: flag,
  compatibility: { enum: ['always', 'never'] },
  reverseTunneling: flag,
  lifetimeSeconds: seconds,
  solicitation: closed({ count: octet, intervalSeconds: { ...shortSeconds, exclusiveMinimum: 0 } }, [
    'count',
    'intervalSeconds',
  ]),
  careOf: {
    anyOf: [{ enum: ['none', 'dhcp'] }, closed({ address: text, router: text }, ['address', 'router'])],
  },
  ipv6WaitSeconds: shortSeconds,
  routerProbeSeconds: shortSeconds,
  movement: { enum: ['eager', 'lifetime'] },
};

/** The closed JSON Schema of a mobile node's configuration file. */
export const configurationSchema = closed(
  {
    ...behaviour,
    mobileNodes: {
      type: 'array',
      minItems: 1,
      items: closed(
        {
          count: { type: 'integer', minimum: 1, maximum: 1024 },
          firstNumber: { type: 'integer', minimum: 1, maximum: 65535 },
          namespace: text,
          device: text,
          virtualDevice: text,
          tunnelMtu: { type: 'integer', minimum: 1280, maximum: 9000 },
          nai: { type: 'string', minLength: 1, maxLength: 255 },
          ipv4HomeAddress: text,
          ipv6HomeAddress: text,
          ipv4HomePrefix: text,
          ipv6HomePrefix: text,
          homeAgent: text,
          homeAgentIpv6: text,
          spi,
          key,
          algorithm,
          replay: { enum: ['timestamps', 'nonces'] },
          foreignAgents: {
            type: 'array',
            items: closed({ address: text, spi, key, algorithm }, ['address', 'spi', 'key']),
          },
          ...behaviour,
        },
        ['device', 'ipv4HomePrefix', 'homeAgent', 'spi', 'key'],
      ),
    },
  },
  ['mobileNodes'],
);
