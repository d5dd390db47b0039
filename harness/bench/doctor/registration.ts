/** Why a device does not register the harness's mobile nodes: key, algorithm, clock, replay style, or what its denial says. */
import type { MobileNode } from '../../vectors/pool.ts';
import type { AuthenticationAlgorithm, SecurityAssociation } from '../../wire/index.ts';
import { algorithms, algorithmWords, authenticityOf } from './authenticators.ts';
import { denialOf } from './denials.ts';
import { type Finding, note, ok, spoiled } from './finding.ts';
import { silence } from './silence.ts';
import { type Answer, isAccepted, ntpOffsetSeconds, secondNs, type Talk } from './talk.ts';

/** Seconds within which the clocks of a home agent and a mobile node have to agree (RFC 3344 5.7.1: a default of 7). */
const replayWindowSeconds = 7;
/** What is farther from now than this, is no clock that somebody has set. */
const plausibleClockSeconds = 20 * 365 * 86_400;

/** Register a mobile node once and say what came of it. */
export async function registration(talk: Talk, node: MobileNode): Promise<Finding[]> {
  const nonce = node.replay === 'nonces' ? '00000000' : undefined;
  const request = nonce === undefined ? {} : { nonce };
  let answer = await talk.ask(node, request);
  // Networks lose packets, and a neighbour may have to be looked for first.
  if (answer.reply === undefined) answer = await talk.ask(node, request);
  if (answer.reply === undefined) return silence(talk, answer);
  const { code } = answer.reply.message;
  if (code === 133) return identificationMismatch(talk, node, answer);
  if (code === 131) return wrongKey(talk, node);
  if (code === 67 && node.foreignAssociation !== undefined) return wrongForeignKey(talk, node);
  if (isAccepted(answer)) return accepted(talk, node, answer);
  const ofAgents = foreignHome(talk, answer);
  return ofAgents.length > 0 ? ofAgents : [denialOf(answer, talk.profile)];
}

function accepted(talk: Talk, node: MobileNode, answer: Answer): Finding[] {
  const { role } = talk.profile;
  const whose = words(node);
  const findings = [ok('registration', `${whose} registers`), ...foreignHome(talk, answer)];
  if (role !== 'home-agent' || answer.reply === undefined) return findings;
  const authenticity = authenticityOf(answer.reply.frame, 'mobileHomeAuthentication', node.association);
  if (authenticity.kind !== 'verified' || authenticity.algorithm !== node.association.algorithm)
    findings.push(
      note(
        'registration',
        `the device takes the key of ${whose}, yet its reply ${
          authenticity.kind === 'verified'
            ? `is authenticated by ${algorithmWords[authenticity.algorithm]}`
            : 'has no authenticator that this key explains'
        }: the tests judge that`,
      ),
    );
  return findings;
}

export const words = ({ index, nai }: MobileNode): string => `mobile node ${index + 1} (${nai})`;

const entryOf = (node: MobileNode): string => `the entry of ${words(node)} in ixit.mobileNodes`;

/** 131: by which algorithm does the device accept the key? */
async function wrongKey(talk: Talk, node: MobileNode): Promise<Finding[]> {
  const found = await acceptedAlgorithm(talk, node, node.association, (association) => ({ association }));
  return [
    keyFinding(node, 'reply 131 (mobile node failed authentication)', found, node.association, entryOf(node)),
  ];
}

/** 67: the same between mobile node and foreign agent. */
async function wrongForeignKey(talk: Talk, node: MobileNode): Promise<Finding[]> {
  const own = node.foreignAssociation as SecurityAssociation;
  const found = await acceptedAlgorithm(talk, node, own, (foreignAssociation) => ({ foreignAssociation }));
  const place = `"foreignAgent" of ${words(node)} in ixit.mobileNodes`;
  return [keyFinding(node, 'reply 67 (mobile node failed authentication)', found, own, place)];
}

async function acceptedAlgorithm(
  talk: Talk,
  node: MobileNode,
  own: SecurityAssociation,
  asking: (association: SecurityAssociation) => object,
): Promise<AuthenticationAlgorithm | undefined> {
  for (const algorithm of algorithms.filter((one) => one !== own.algorithm)) {
    const answer = await talk.ask(node, asking({ ...own, algorithm }));
    const code = answer.reply?.message.code;
    // Whatever else is wrong with it, the authenticator was taken.
    if (code !== undefined && code !== 131 && code !== 67) return algorithm;
  }
  return undefined;
}

/** What the SPI and the key are, nobody is told. */
function keyFinding(
  node: MobileNode,
  came: string,
  found: AuthenticationAlgorithm | undefined,
  own: SecurityAssociation,
  place: string,
): Finding {
  const others = algorithms.filter((one) => one !== own.algorithm).join(', ');
  return found === undefined
    ? spoiled(
        'key',
        `wrong key or algorithm: ${came} to ${words(node)} with ${own.algorithm}, and with ${others} as well`,
        `check ${place} against the device: the key octet by octet (hex or text?), the SPI, and that the device knows this mobile node`,
        'everything',
      )
    : spoiled(
        'key',
        `wrong key or algorithm: the device accepts ${algorithmWords[found]} of ${words(node)}, and not ${own.algorithm}`,
        `say "algorithm": "${found}" in ${place}, or set ${own.algorithm} in the device`,
        'everything',
      );
}

const highSeconds = (answer: Answer): number =>
  Number.parseInt(answer.reply?.message.identification?.slice(0, 8) ?? '0', 16) - ntpOffsetSeconds;

/** When the reply came, seconds since 1970. */
const cameAt = (talk: Talk, answer: Answer): number =>
  Number(talk.facts.originNs / BigInt(secondNs)) + (answer.reply?.frame.timeNs ?? 0) / secondNs;

/** How far the clock in a 133 reply is ahead of ours, whole seconds; undefined where that is no clock of our times. */
export function clockOffset(identification: string | undefined, nowSeconds: number): number | undefined {
  const offset = Number.parseInt(identification?.slice(0, 8) ?? '', 16) - ntpOffsetSeconds - nowSeconds;
  // The device's are whole seconds, of which a part has passed.
  return Math.abs(offset) < plausibleClockSeconds ? Math.ceil(offset) : undefined;
}

/** 133: RFC 3344 5.7.1 puts the device's clock into the high 32 bits of Identification, 5.7.2 the nonce to be used next. */
async function identificationMismatch(talk: Talk, node: MobileNode, first: Answer): Promise<Finding[]> {
  const offer = first.reply?.message.identification?.slice(0, 8) ?? '00000000';
  const second = await talk.ask(node, { nonce: offer });
  if (node.replay === 'nonces') return afterNonce(talk, node, second);
  const offset = clockOffset(first.reply?.message.identification, cameAt(talk, first));
  // What was offered as a nonce may be a clock, whose word is as good as a nonce: the next one tells them apart.
  if (offset === undefined)
    return isAccepted(second)
      ? [
          spoiled(
            'replay',
            `the device protects ${words(node)} by nonces (RFC 3344 5.7.2): it accepted the nonce of its 133 reply, and its Identification is no clock`,
            `say "replay": "nonces" of it in ixit.mobileNodes and "nonces": true in ics, or set timestamps in the device`,
            'everything',
          ),
        ]
      : [
          spoiled(
            'replay',
            `the device denies ${words(node)} with 133 (Identification mismatch), and what it says instead is neither a clock of our times nor a nonce that it takes`,
            'check the replay protection of this mobile node in the device, and its clock',
            'everything',
          ),
        ];
  const ahead = `${Math.abs(offset).toFixed(0)} s ${offset < 0 ? 'behind' : 'ahead of'} this machine's`;
  if (Math.abs(offset) < replayWindowSeconds)
    return [
      spoiled(
        'clock',
        `the device denies ${words(node)} with 133 (Identification mismatch), though its clock is within ${replayWindowSeconds} s of this machine's (${offset} s): it has accepted a later timestamp of this mobile node before`,
        'clear the bindings and replay state of the device (restart it), or provision another mobile node',
        'everything',
      ),
    ];
  return [
    spoiled(
      'clock',
      `the device's clock is ${ahead} (Identification of its 133 reply), beyond the replay window`,
      'set both clocks by NTP; in the device look at its time zone as well (the timestamp is UTC)',
      'everything',
    ),
  ];
}

function afterNonce(talk: Talk, node: MobileNode, second: Answer): Finding[] {
  if (isAccepted(second)) {
    const offset = clockOffset(second.reply?.message.identification, cameAt(talk, second));
    const isClock = offset !== undefined && Math.abs(highSeconds(second) - cameAt(talk, second)) < 60;
    return isClock
      ? [
          ok('registration', `${words(node)} registers`),
          note(
            'replay',
            `the profile says nonces of ${words(node)}, but what the device gives looks like its clock`,
            'if it uses timestamps, say "replay": "timestamps" in ixit.mobileNodes and "nonces": false in ics',
          ),
        ]
      : accepted(talk, node, second);
  }
  if (second.reply?.message.code === 131)
    return [keyFinding(node, 'reply 131', undefined, node.association, entryOf(node))];
  return [
    spoiled(
      'replay',
      `the device denies ${words(node)} with 133 (Identification mismatch) even with the nonce that it gave`,
      'check that the device protects this mobile node by nonces; else say "replay": "timestamps" in ixit.mobileNodes',
      'everything',
    ),
  ];
}

/** What a foreign agent shows of its association with the home agent: the authentication on the request that it relayed. */
function foreignHome(talk: Talk, answer: Answer): Finding[] {
  const { relayed, node } = answer;
  const { foreignHome: association } = talk.around(node);
  if (relayed === undefined || association === undefined) return [];
  const authenticity = authenticityOf(relayed, 'foreignHomeAuthentication', association);
  if (authenticity.kind === 'verified' && authenticity.algorithm !== association.algorithm)
    return [
      spoiled(
        'key',
        `wrong key or algorithm: the foreign agent authenticates towards the home agent by ${algorithmWords[authenticity.algorithm]}, and not by ${association.algorithm}`,
        `say "algorithm": "${authenticity.algorithm}" in ixit.homeAgents`,
        'everything',
      ),
    ];
  return authenticity.kind === 'verified' || authenticity.kind === 'none'
    ? []
    : [
        spoiled(
          'key',
          `wrong key or SPI: the foreign-home authentication of the device ${authenticity.kind === 'spi' ? 'has another SPI' : 'verifies by none of the algorithms'}`,
          'check "spi", "key" and "algorithm" in ixit.homeAgents against the device',
          'everything',
        ),
      ];
}
