/** What a device shows of each entry of its ICS: rules over frames. Only what a valid exchange shows counts, never its absence. */
import type { SeenFrame } from '../../engine/bench.ts';
import type { Profile } from '../../vectors/profile.ts';
import { inPrefix, type RegistrationReply } from '../../wire/index.ts';
import { codeWords } from '../doctor/denials.ts';
import { clockOffset } from '../doctor/registration.ts';
import {
  advertisedFlags,
  type Exchange,
  exchangesIn,
  extensionOf,
  hasFlag,
  isAccepted,
  tunnelsIpv6,
} from './exchanges.ts';

/** One entry of the ICS, as something showed it. */
export interface Evidence {
  entry: string;
  value: string | boolean;
  /** What showed it, a sentence without its end. */
  because: string;
}

type Rule = (exchange: Exchange, profile: Profile) => Evidence[];

const see = (entry: string, value: string | boolean, because: string): Evidence => ({
  entry,
  value,
  because,
});

const isZero = (address: string | undefined): boolean => address === '0.0.0.0' || address === '::';
/** An interface identifier under no prefix. */
const isInterfaceId = (address: string | undefined): boolean =>
  address !== undefined && address !== '::' && inPrefix(address, '::/64');

const homeAgentRules: readonly Rule[] = [
  ({ request, reply }) => {
    const code = extensionOf(reply, 'ipv6Code');
    return code === undefined || extensionOf(request, 'ipv6HomeAddress') === undefined
      ? []
      : [see('ipv6Extensions', true, `a reply had the IPv6 code extension, code ${code.code}`)];
  },
  ({ request, reply }) => {
    const asked = extensionOf(request, 'ipv6HomeAddress')?.address;
    const given = extensionOf(reply, 'ipv6HomeAddress')?.address;
    if (
      !isAccepted(reply) ||
      given === undefined ||
      isZero(given) ||
      !(isZero(asked) || isInterfaceId(asked))
    )
      return [];
    // A subnet comes with the same low half as was asked for, or none; so may an address that was made of the identifier.
    return isZero(asked)
      ? [
          see(
            'dynamicIpv6HomeAddress',
            given.endsWith('::') ? 'subnet' : 'address',
            `asked for one with ${asked}, it gave ${given}`,
          ),
        ]
      : [];
  },
  ({ request, reply }) => {
    const { homeAddress = '' } = reply ?? {};
    if (!isZero(request.homeAddress) || extensionOf(request, 'mobileNodeNai') === undefined) return [];
    return isAccepted(reply) && !isZero(homeAddress)
      ? [
          see(
            'dynamicIpv4HomeAddress',
            true,
            `a request with home address 0.0.0.0 and a NAI was given ${homeAddress}`,
          ),
          see('keyByNai', true, 'a request with home address 0.0.0.0 was authenticated by its NAI'),
        ]
      : [];
  },
  ...reverseTunnelRules(137, 138),
  ({ reply }) =>
    extensionOf(reply, 'foreignHomeAuthentication') === undefined
      ? []
      : [see('foreignHomeSecurity', true, 'a reply had a foreign-home authentication extension')],
  ({ reply }) => {
    const answer = extensionOf(reply, 'udpTunnelReply');
    return answer === undefined
      ? []
      : [
          see(
            'natTraversal',
            true,
            `a reply had the UDP tunnel reply extension (RFC 3519), code ${answer.replyCode}`,
          ),
        ];
  },
  ({ request, reply }, { refusedIpv6Address }) => {
    const code = extensionOf(reply, 'ipv6Code')?.code;
    if (refusedIpv6Address === undefined || code === undefined) return [];
    if (extensionOf(request, 'ipv6HomeAddress')?.address !== refusedIpv6Address) return [];
    return [
      see('refusesIpv6Address', code >= 64, `for ${refusedIpv6Address} its reply had the IPv6 code ${code}`),
    ];
  },
];

/** T and its denials (RFC 3024 3.3): `unavailable` answers T, `mandatory` its absence. */
function reverseTunnelRules(unavailable: number, mandatory: number): Rule[] {
  return [
    ({ request, reply, relayed }) => {
      const isTaken = isAccepted(reply) || relayed !== undefined;
      if (request.lifetimeSeconds === 0) return [];
      if (request.reverseTunneling === true && isTaken)
        return [see('reverseTunneling', true, 'a request with T was taken')];
      if (request.reverseTunneling === true && reply?.code === unavailable)
        return [see('reverseTunneling', false, `a request with T was answered ${codeWords(unavailable)}`)];
      if (request.reverseTunneling !== true && isTaken)
        return [see('reverseTunnelingRequired', false, 'a request without T was taken')];
      return request.reverseTunneling !== true && reply?.code === mandatory
        ? [see('reverseTunnelingRequired', true, `a request without T was answered ${codeWords(mandatory)}`)]
        : [];
    },
  ];
}

const foreignAgentRules: readonly Rule[] = [
  ...reverseTunnelRules(74, 75),
  ({ relayed }) =>
    extensionOf(relayed, 'foreignHomeAuthentication') === undefined
      ? []
      : [see('foreignHomeSecurity', true, 'a relayed request had a foreign-home authentication extension')],
  ({ request, relayed }) =>
    isZero(request.homeAddress) &&
    extensionOf(request, 'mobileNodeNai') !== undefined &&
    relayed !== undefined
      ? [see('nai', true, 'a request with home address 0.0.0.0 and a NAI was relayed')]
      : [],
];

const mobileNodeRules: readonly Rule[] = [
  ({ request, isOfDevice }, profile) => {
    if (!isOfDevice || request.lifetimeSeconds === 0) return [];
    const ipv6 = extensionOf(request, 'ipv6HomeAddress');
    const compatibility = extensionOf(request, 'ipv6Compatibility');
    const isColocated = request.decapsulationByMobileNode === true;
    const isSecured = extensionOf(request, 'mobileForeignAuthentication') !== undefined;
    const isForeign = profile.foreignAgents.some(({ address }) => address === request.careOfAddress);
    return [
      ...(ipv6 === undefined
        ? []
        : [see('ipv6Extensions', true, 'a request had the IPv6 home address extension')]),
      ...(isForeign
        ? [see('foreignAgents', true, `a request had the care-of address of a foreign agent`)]
        : []),
      ...(isColocated
        ? [see('colocated', true, 'a request had the D bit, for a co-located care-of address')]
        : []),
      ...(isColocated && compatibility !== undefined
        ? [
            see(
              'compatibility',
              'always',
              'a request with a co-located care-of address had the compatibility extension',
            ),
          ]
        : []),
      ...(isColocated && ipv6 !== undefined && compatibility === undefined
        ? [
            see(
              'compatibility',
              'never',
              'a request with a co-located care-of address had an IPv6 home address and no compatibility extension',
            ),
          ]
        : []),
      ...(ipv6 === undefined
        ? []
        : [
            isZero(ipv6.address)
              ? see('dynamicIpv6HomeAddress', 'zero', 'a request asked for an IPv6 home address with zero')
              : isInterfaceId(ipv6.address)
                ? see(
                    'dynamicIpv6HomeAddress',
                    'eui64',
                    `a request asked for an IPv6 home address with ${ipv6.address}`,
                  )
                : see(
                    'dynamicIpv6HomeAddress',
                    'none',
                    `a request had the IPv6 home address ${ipv6.address}`,
                  ),
          ]),
      see(
        'dynamicIpv4HomeAddress',
        isZero(request.homeAddress),
        `a request had the home address ${request.homeAddress}`,
      ),
      see(
        'reverseTunneling',
        request.reverseTunneling === true,
        `a request was sent ${request.reverseTunneling === true ? 'with' : 'without'} T`,
      ),
      ...(isForeign
        ? [
            see(
              'mobileForeignSecurity',
              isSecured,
              `a request to a foreign agent had ${isSecured ? 'a' : 'no'} mobile-foreign authentication extension`,
            ),
          ]
        : []),
    ];
  },
];

const rules: { readonly [role: string]: readonly Rule[] } = {
  'home-agent': homeAgentRules,
  'foreign-agent': foreignAgentRules,
  'mobile-node': mobileNodeRules,
};

/** What frames show. `originSeconds`: seconds since 1970 at their time 0. */
export function evidenceIn(
  profile: Profile,
  frames: readonly SeenFrame[],
  originSeconds: number,
): Evidence[] {
  const own = rules[profile.role] ?? [];
  const exchanges = exchangesIn(frames);
  return [
    ...exchanges.flatMap((exchange) => own.flatMap((rule) => rule(exchange, profile))),
    ...advertised(profile, frames),
    ...replayStyle(profile, frames, originSeconds),
    ...(profile.role === 'home-agent' && tunnelsIpv6(frames)
      ? [see('ipv6Extensions', true, 'IPv6 packets came through its tunnel')]
      : []),
    ...(profile.role === 'foreign-agent' ? codesOfItsOwn(frames) : []),
  ];
}

function advertised({ role, homeAgent, foreignAgent }: Profile, frames: readonly SeenFrame[]): Evidence[] {
  if (role === 'home-agent')
    return advertisedFlags(frames, homeAgent.address) === undefined
      ? []
      : [see('advertises', true, 'it sent an agent advertisement on the home link')];
  const flags = role === 'foreign-agent' ? advertisedFlags(frames, foreignAgent?.address ?? '') : undefined;
  if (flags === undefined) return [];
  return [
    see('advertises', true, 'it sent an agent advertisement on the visited link'),
    see(
      'ipv6Extensions',
      hasFlag(flags, 'ipv6Extensions'),
      `its advertisement has the A flag ${hasFlag(flags, 'ipv6Extensions') ? 'set' : 'clear'}`,
    ),
    ...(hasFlag(flags, 'reverseTunneling')
      ? [see('reverseTunneling', true, 'its advertisement has the T flag set')]
      : []),
  ];
}

/** A reply on the visited link with one code extension more than the home agent's had (reading A09). */
function codesOfItsOwn(frames: readonly SeenFrame[]): Evidence[] {
  const codes = (reply: RegistrationReply): number[] =>
    (reply.extensions ?? []).flatMap((one) => ('ipv6Code' in one ? [one.ipv6Code.code ?? 0] : []));
  const byHomeAgent = exchangesIn(frames.filter(({ port }) => port === 'ha'));
  return exchangesIn(frames.filter(({ port }) => port === 'mn')).flatMap(({ request, reply }) => {
    const low = request.identification?.slice(8);
    const given = byHomeAgent.find((one) => one.request.identification?.slice(8) === low)?.reply;
    if (reply === undefined || given === undefined || codes(reply).length <= codes(given).length) return [];
    return [
      see('ipv6Codes', true, `it added the IPv6 code ${codes(reply).at(-1)} to a reply of the home agent`),
    ];
  });
}

/** RFC 3344 5.7: what the newest of our requests was accepted with, or what the device itself sends. */
function replayStyle({ role }: Profile, frames: readonly SeenFrame[], originSeconds: number): Evidence[] {
  if (role !== 'mobile-node') return [];
  return frames.flatMap(({ outgoing, timeNs, decoded }) =>
    outgoing
      ? []
      : decoded.layers.flatMap((layer) => {
          if (!('registrationRequest' in layer)) return [];
          const offset = clockOffset(layer.registrationRequest.identification, originSeconds + timeNs / 1e9);
          return [
            offset === undefined
              ? see('nonces', true, 'the Identification of a request is no timestamp of our times')
              : see('nonces', false, 'the Identification of a request is a timestamp'),
          ];
        }),
  );
}
