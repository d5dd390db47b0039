/**
 * The type numbers of the draft's extensions, which it leaves open: whether the device shows that it knows those of the profile, and if
 * not, whether it answers to others. What is skippable is skipped without a word (RFC 3344 1.8), so that only answers tell.
 */
import { randomBytes } from 'node:crypto';
import type { SeenFrame } from '../../engine/bench.ts';
import type { MobileNode } from '../../vectors/pool.ts';
import { type Extension, encodePacket, parseIpv6 } from '../../wire/index.ts';
import { type Finding, note, ok, spoiled, unknown } from './finding.ts';
import { words } from './registration.ts';
import { type Answer, isAccepted, secondNs, type Talk } from './talk.ts';

/** How the finding begins that the device knows the extensions by other numbers. */
export const wrongNumbers = 'wrong type numbers';

/** Numbers of 128..255 that an RFC has given to something else ("Mobile IPv4 Numbers"). */
const taken = new Set([
  ...[128, 129, 130, 131, 132, 133, 134, 136, 137, 138, 139, 140, 141, 142],
  ...[144, 145, 147, 148, 149, 151, 152, 153, 154],
]);
/** Twenty octets each: a request of some 650 octets fits every link. */
const batchSize = 28;
const trafficSeconds = 0.7;

/** A sign that the device knows the extensions. */
export interface Sign {
  /** Type number of the code extension that it answers with. */
  code?: number;
  /** What it showed, in words. */
  seen: string;
}

/** What was seen when the extensions were offered under these numbers; undefined where there was no sign, null without an answer. */
async function signOf(
  talk: Talk,
  node: MobileNode,
  numbers: readonly number[],
): Promise<Sign | undefined | null> {
  const address = node.ipv6HomeAddress;
  const answer = await talk.ask(node, {
    extensions: numbers.map((type) => ({ ipv6HomeAddress: { type, address } })),
    following: [{ ipv6Compatibility: { reverseTunnel: false } }],
  });
  if (answer.reply === undefined) return null;
  const code = codeExtension(answer, talk.profile.extensionTypes.ipv6Code);
  if (code !== undefined)
    return { code: code.type, seen: `its reply has extension ${code.type} with the code ${code.code}` };
  const isDelivered = isAccepted(answer) && (await tunnelled(talk, node));
  // What is bound now must be no sign for the next numbers.
  if (isDelivered) await talk.ask(node, { fields: { lifetimeSeconds: 0 } });
  return isDelivered ? { seen: 'IPv6 packets for the home address come through the tunnel' } : undefined;
}

/** An extension of a reply with the length of the code extension, whatever its number. */
function codeExtension({ reply }: Answer, known: number): { type: number; code: number } | undefined {
  for (const extension of (reply?.message.extensions ?? []) as Extension[]) {
    if ('ipv6Code' in extension) return { type: known, code: extension.ipv6Code.code ?? 0 };
    if (!('unknown' in extension)) continue;
    const { type, data = '' } = extension.unknown;
    if (type >= 128 && !taken.has(type) && data.length === 4)
      return { type, code: Number.parseInt(data.slice(0, 2), 16) };
  }
  return undefined;
}

/** Whether IPv6 from the correspondent node gets to where the mobile node is. */
async function tunnelled(talk: Talk, node: MobileNode): Promise<boolean> {
  const { profile, bench, port } = talk;
  if (!bench.portNames().includes('cn')) return false;
  const payload = randomBytes(8).toString('hex');
  const octets = encodePacket([
    {
      ipv6: {
        source: profile.correspondentNode.ipv6Address,
        destination: node.ipv6HomeAddress,
        hopLimit: 64,
      },
    },
    { udp: { sourcePort: 4000, destinationPort: 9 } },
    { payload },
  ]);
  return talk.watch(node, async (session) => {
    const { timeNs } = await session.send('cn', () => ({ kind: 'ip', octets }));
    const isIt = ({ port: at, outgoing, decoded }: SeenFrame): boolean => {
      const last = decoded.layers.at(-1);
      return at === port && !outgoing && last !== undefined && 'payload' in last && last.payload === payload;
    };
    for (let at = 0; ; ) {
      for (; at < session.frames.length; at += 1) if (isIt(session.frames[at] as SeenFrame)) return true;
      if (!(await session.more(at, timeNs + trafficSeconds * secondNs))) return false;
    }
  });
}

/** What the device knows of the extensions of the draft by the numbers of the profile, and else by which. Towards a home agent. */
export async function numberFindings(
  talk: Talk,
  node: MobileNode,
  tell: (line: string) => void = () => {},
): Promise<Finding[]> {
  const { extensionTypes, ics } = talk.profile;
  const claimed = ics.ipv6Extensions;
  const own = `${extensionTypes.ipv6HomeAddress} (IPv6 home address)`;
  const sign = await signOf(talk, node, [extensionTypes.ipv6HomeAddress]);
  if (sign === null)
    return [unknown('type numbers', `${words(node)} got no answer to a request with extension ${own}`)];
  if (sign !== undefined)
    return knows(talk, await withoutWhatIsAlwaysThere(talk, node, sign), extensionTypes.ipv6HomeAddress);
  tell(`no sign of extension ${own}; trying other numbers`);
  const found = await search(talk, node, tell);
  if (found.home !== undefined) return knows(talk, found.sign as Sign, found.home);
  const nothing = `the device shows no sign of knowing extension ${own}, nor any of the ${found.tried} other numbers of 128 to 255 that were tried: no code extension, no IPv6 in the tunnel`;
  return claimed
    ? [
        spoiled(
          'type numbers',
          nothing,
          'ask its vendor for the numbers and set ixit.extensionTypes; if it does not implement the extensions, say "ipv6Extensions": false in ics, and their tests are NOT APPLICABLE',
          'extensions',
        ),
      ]
    : [ok('type numbers', `${nothing}, as the profile says`)];
}

/** An extension of another number counts only where a plain request's reply does not have it as well. */
async function withoutWhatIsAlwaysThere(talk: Talk, node: MobileNode, sign: Sign): Promise<Sign> {
  const { ipv6Code } = talk.profile.extensionTypes;
  if (sign.code === undefined || sign.code === ipv6Code) return sign;
  const plain = codeExtension(await talk.ask(node), ipv6Code);
  return plain?.type === sign.code ? { seen: sign.seen } : sign;
}

/** Which number for the IPv6 home address extension the device answers to: many in one request, then halves of those that it was. */
async function search(
  talk: Talk,
  node: MobileNode,
  tell: (line: string) => void,
): Promise<{ tried: number; home?: number; sign?: Sign }> {
  const { extensionTypes } = talk.profile;
  const candidates = Array.from({ length: 128 }, (_, at) => 128 + at).filter(
    (type) => !taken.has(type) && type !== extensionTypes.ipv6HomeAddress,
  );
  const batches = Array.from({ length: Math.ceil(candidates.length / batchSize) }, (_, at) =>
    candidates.slice(at * batchSize, (at + 1) * batchSize),
  );
  for (const batch of batches) {
    tell(`type numbers ${batch[0]} to ${batch.at(-1)}`);
    let sign = await signOf(talk, node, batch);
    if (sign === undefined || sign === null) continue;
    let rest = batch;
    while (rest.length > 1) {
      const half = rest.slice(0, Math.ceil(rest.length / 2));
      const one = await signOf(talk, node, half);
      const isHere = one !== undefined && one !== null;
      if (isHere) sign = one;
      rest = isHere ? half : rest.slice(half.length);
    }
    // What only came of many at once is no number.
    const [home] = rest;
    const last = home === undefined ? undefined : await signOf(talk, node, [home]);
    if (home !== undefined && last !== undefined && last !== null)
      return { tried: candidates.length, home, sign: last };
  }
  return { tried: candidates.length };
}

function knows(talk: Talk, sign: Sign, home: number): Finding[] {
  const { extensionTypes, ics } = talk.profile;
  const wrong = [
    ...(home === extensionTypes.ipv6HomeAddress
      ? []
      : [`"ipv6HomeAddress" is ${home} to the device, and ${extensionTypes.ipv6HomeAddress} in the profile`]),
    ...(sign.code === undefined || sign.code === extensionTypes.ipv6Code
      ? []
      : [`"ipv6Code" is ${sign.code} to the device, and ${extensionTypes.ipv6Code} in the profile`]),
  ];
  const compatibility = 'which number it has for the compatibility extension, replies do not tell';
  if (wrong.length > 0)
    return [
      spoiled(
        'type numbers',
        `${wrongNumbers}: ${wrong.join('; ')} (${sign.seen})`,
        `set ixit.extensionTypes to the device's numbers; ${compatibility}: ask its vendor`,
        'extensions',
      ),
    ];
  const seen = `the device knows extension ${home} (IPv6 home address): ${sign.seen}; ${compatibility}`;
  return ics.ipv6Extensions
    ? [ok('type numbers', seen)]
    : [
        note(
          'type numbers',
          `${seen}; the profile says that it does not know the extensions`,
          'say "ipv6Extensions": true in ics',
        ),
      ];
}

const ipv6Hex = (address: string): string => Buffer.from(parseIpv6(address)).toString('hex');

/** What a mobile node's own request shows: its IPv6 home address under some number. */
export function numberOfRequest(
  extensions: readonly Extension[],
  node: MobileNode,
  known: number,
): Finding[] {
  const hex = ipv6Hex(node.ipv6HomeAddress);
  for (const extension of extensions) {
    if ('ipv6HomeAddress' in extension)
      return [ok('type numbers', `${words(node)} sends extension ${known} (IPv6 home address)`)];
    if (!('unknown' in extension)) continue;
    const { type, data = '' } = extension.unknown;
    if (type >= 128 && data.endsWith(hex))
      return [
        spoiled(
          'type numbers',
          `${wrongNumbers}: ${words(node)} sends its IPv6 home address as extension ${type}, and the profile says ${known}`,
          `set ixit.extensionTypes.ipv6HomeAddress to ${type}, and the other two to the device's numbers`,
          'extensions',
        ),
      ];
  }
  return [];
}
