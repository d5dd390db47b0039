/** What the requests of mobile nodes under test show: key and algorithm, clock, type numbers. From frames alone. */
import type { SeenFrame } from '../../engine/bench.ts';
import type { MobileNode } from '../../vectors/pool.ts';
import type { Profile } from '../../vectors/profile.ts';
import type { Extension, SecurityAssociation } from '../../wire/index.ts';
import { type AuthenticationName, algorithmWords, authenticityOf, messageOf } from './authenticators.ts';
import { type Finding, note, ok, spoiled } from './finding.ts';
import { numberOfRequest } from './numbers.ts';
import { clockOffset, words } from './registration.ts';
import { secondNs } from './talk.ts';

/** RFC 3344 5.7.1. */
const replayWindowSeconds = 7;

/**
 * Findings of the first request of each mobile node among the frames, which it sent to the harness. A key that is wrong with some of
 * them spoils those alone.
 */
export function requestFindings(profile: Profile, frames: readonly SeenFrame[], originNs: bigint): Finding[] {
  // What a foreign agent relays is of the harness's own mobile nodes.
  if (profile.role !== 'mobile-node') return [];
  const seen = new Map<number, Finding[]>();
  for (const frame of frames) {
    const found = frame.outgoing ? undefined : messageOf(frame);
    if (found?.name !== 'registrationRequest') continue;
    const { homeAddress, identification, extensions = [] } = found.message;
    const node = profile.mobileNodes.find(
      ({ nai, ipv4HomeAddress }) => ipv4HomeAddress === homeAddress || naiOf(extensions) === nai,
    );
    if (node === undefined || seen.has(node.index)) continue;
    const { foreignAssociation } = node;
    const isForeign = extensions.some((one) => 'mobileForeignAuthentication' in one);
    seen.set(node.index, [
      ...keyOf(frame, node, 'mobileHomeAuthentication', node.association),
      ...(foreignAssociation === undefined || !isForeign
        ? []
        : keyOf(frame, node, 'mobileForeignAuthentication', foreignAssociation)),
      ...clockOf(frame, node, identification, originNs),
      ...numberOfRequest(extensions, node, profile.extensionTypes.ipv6HomeAddress),
    ]);
  }
  const isSpoiled = (findings: Finding[]): boolean =>
    findings.some(({ spoiler }) => spoiler?.spoils === 'everything');
  const all = [...seen.values()];
  if (all.length > 0 && all.every(isSpoiled)) return all[0] ?? [];
  return [...seen].flatMap(([index, findings]) =>
    findings.map((finding) =>
      finding.spoiler?.spoils === 'everything'
        ? spoiled(finding.check, finding.found, finding.mend ?? '', 'mobile nodes', { mobileNodes: [index] })
        : finding,
    ),
  );
}

function naiOf(extensions: readonly Extension[]): string | undefined {
  for (const extension of extensions) if ('mobileNodeNai' in extension) return extension.mobileNodeNai.nai;
  return undefined;
}

function keyOf(
  frame: SeenFrame,
  node: MobileNode,
  name: AuthenticationName,
  association: SecurityAssociation,
): Finding[] {
  const authenticity = authenticityOf(frame, name, association);
  const whose = name === 'mobileHomeAuthentication' ? 'the home agent' : 'the foreign agent';
  const place = `${name === 'mobileHomeAuthentication' ? 'the entry' : '"foreignAgent"'} of ${words(node)} in ixit.mobileNodes`;
  switch (authenticity.kind) {
    case 'verified':
      return authenticity.algorithm === association.algorithm
        ? [ok('key', `${words(node)} authenticates towards ${whose} by ${association.algorithm}`)]
        : [
            spoiled(
              'key',
              `wrong key or algorithm: ${words(node)} authenticates towards ${whose} by ${algorithmWords[authenticity.algorithm]}, and not by ${association.algorithm}`,
              `say "algorithm": "${authenticity.algorithm}" in ${place}`,
              'everything',
            ),
          ];
    case 'spi':
      return [
        spoiled(
          'key',
          `wrong SPI: ${words(node)} authenticates towards ${whose} with SPI ${authenticity.spi}, and the profile says ${association.spi}`,
          `set the SPI in ${place} to that of the device`,
          'everything',
        ),
      ];
    case 'wrong':
      return [
        spoiled(
          'key',
          `wrong key or algorithm: the authenticator of ${words(node)} towards ${whose} verifies by none of the algorithms with the key of the profile`,
          `check the key in ${place} against the device, octet by octet (hex or text?)`,
          'everything',
        ),
      ];
    default:
      return [note('key', `${words(node)} sends no ${name}: the tests judge that`)];
  }
}

/** The harness takes any timestamp, as it is no home agent that has to defend itself. */
function clockOf(
  frame: SeenFrame,
  node: MobileNode,
  identification: string | undefined,
  originNs: bigint,
): Finding[] {
  if (node.replay !== 'timestamps') return [];
  const now = Number(originNs / BigInt(secondNs)) + frame.timeNs / secondNs;
  const offset = clockOffset(identification, now);
  if (offset === undefined)
    return [
      spoiled(
        'replay',
        `the Identification of ${words(node)} is no timestamp of our times: it uses nonces, or its clock was never set`,
        'say "replay": "nonces" of it in ixit.mobileNodes, or set its clock',
        'everything',
      ),
    ];
  if (Math.abs(offset) <= replayWindowSeconds) return [];
  return [
    note(
      'clock',
      `the clock of ${words(node)} is ${Math.abs(offset).toFixed(0)} s ${offset < 0 ? 'behind' : 'ahead of'} this machine's (Identification of its request), beyond the replay window of a home agent; the harness takes it all the same`,
      'set both clocks by NTP; in the device look at its time zone as well (the timestamp is UTC)',
    ),
  ];
}
