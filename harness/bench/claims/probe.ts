/** Asks a device for what its ICS may claim, one well-formed request each, and drafts the ICS from what it does. */
import type { MobileNode } from '../../vectors/pool.ts';
import type { Profile } from '../../vectors/profile.ts';
import type { Position } from '../../vectors/types.ts';
import { codeWords } from '../doctor/denials.ts';
import type { Finding } from '../doctor/finding.ts';
import { wrongNumbers } from '../doctor/numbers.ts';
import { type Answer, type Ask, isAccepted, secondNs, Talk } from '../doctor/talk.ts';
import type { LiveBench } from '../live.ts';
import type { RunFacts } from '../surroundings.ts';
import { extensionOf } from './exchanges.ts';
import type { ClaimRecord } from './record.ts';

export interface Probing {
  profile: Profile;
  bench: LiveBench;
  facts: RunFacts;
  record: ClaimRecord;
  /** What the doctor found before: wrong type numbers leave the extensions unknown. */
  findings: readonly Finding[];
  tell?: (line: string) => void;
}

/** Why an entry cannot be told from outside, by role; asked for in vain besides those that a probe leaves open. */
export const vendors: { readonly [role: string]: { readonly [entry: string]: string } } = {
  'home-agent': {
    homeNetwork: 'whether the home network is a link is a matter of how it is set up',
    refusesIpv6Address:
      'which address its policy refuses, nobody outside knows: name one as ixit.refusedIpv6Address',
    foreignHomeSecurity: 'no foreign agent of ixit.foreignAgents has "spi" and "key" to try',
    keyByNai:
      'no request without a home address was accepted, so that it cannot be told by what it finds the key',
  },
  'foreign-agent': {
    foreignHomeSecurity: 'no home agent of ixit.homeAgents has "spi" and "key" to try',
    ipv6Codes: 'no mobile node of ixit.mobileNodes has "ipv6Handling": "refuse" to try',
    nonces: 'replay protection is between mobile node and home agent; the foreign agent has no part in it',
  },
  'mobile-node': {
    homeAgentSupport: 'how it knows what its home agent supports cannot be seen, only what it does then',
  },
};

/** Ask a home agent or a foreign agent. What is seen goes into the record by the exchanges themselves; here goes what stayed away. */
export async function probe(probing: Probing): Promise<void> {
  const { profile, bench, facts, record, tell = () => {} } = probing;
  const talk = new Talk(profile, bench, facts, (frames) => record.look(frames));
  const [node, other = node] = usableNodes(probing);
  if (node === undefined || other === undefined) return;
  tell('advertisements');
  await advertisements(talk, node, record);
  if (profile.role === 'home-agent') await homeAgent(talk, [node, other], probing);
  if (profile.role === 'foreign-agent') await foreignAgent(talk, [node, other], probing);
  await talk.leave();
}

function usableNodes({ profile, findings }: Probing): MobileNode[] {
  const bad = new Set(findings.flatMap(({ spoiler }) => spoiler?.mobileNodes ?? []));
  return profile.mobileNodes.filter(({ index }) => !bad.has(index));
}

/** One interval of advertisements, and a little: RFC 3344 2.1 has them come unasked. */
async function advertisements(talk: Talk, node: MobileNode, record: ClaimRecord): Promise<void> {
  const port = talk.profile.role === 'home-agent' ? 'home' : 'mn';
  if (!talk.bench.portNames().includes(port)) return;
  const seconds = talk.profile.timers.advertisementSeconds * 1.2 + 0.5;
  await talk.watch(
    node,
    async (session) => {
      const end = talk.bench.now() + seconds * secondNs;
      while (record.observed('advertises') === undefined && (await session.more(session.frames.length, end)))
        record.look(session.frames);
    },
    ['advertisement'],
  );
  if (record.observed('advertises') === undefined)
    record.note(
      'advertises',
      false,
      `no agent advertisement of its came to port ${port} within ${seconds.toFixed(1)} s`,
    );
}

async function homeAgent(
  talk: Talk,
  [node, other]: [MobileNode, MobileNode],
  probing: Probing,
): Promise<void> {
  const { profile, record, findings, tell = () => {} } = probing;
  const nonces = node.replay === 'nonces';
  const ask = async (what: string, asking: Ask, by = node): Promise<Answer> => {
    tell(what);
    const first = await talk.ask(by, { ...asking, ...(nonces ? { nonce: '00000000' } : {}) });
    const offer = first.reply?.message.identification?.slice(0, 8);
    return first.reply?.message.code === 133 && offer !== undefined
      ? talk.ask(by, { ...asking, nonce: offer })
      : first;
  };
  const plain = await ask('a plain request', { fields: { reverseTunneling: false } });
  if (isAccepted(plain) && !nonces) record.note('nonces', false, 'a request with a timestamp was accepted');
  if (isAccepted(plain) && nonces)
    record.note('nonces', true, 'a request with the nonce that it gave was accepted');
  await ask('a request with T', { fields: { reverseTunneling: true } });
  const numbers = findings.find(({ check }) => check === 'type numbers');
  if (numbers !== undefined && record.observed('ipv6Extensions') === undefined)
    record.note('ipv6Extensions', numbers.found.startsWith(wrongNumbers), numbers.found);
  // By other numbers it would have to be asked, of which only some are known.
  if (numbers?.state !== 'spoils') {
    const compatibility = [{ ipv6Compatibility: { reverseTunnel: false } }];
    const dynamic = await ask(
      'a request for an IPv6 home address',
      { extensions: [{ ipv6HomeAddress: { address: '::' } }], following: compatibility },
      other,
    );
    const given = extensionOf(dynamic.reply?.message, 'ipv6HomeAddress')?.address;
    if (isAccepted(dynamic) && (given === undefined || given === '::'))
      record.note(
        'dynamicIpv6HomeAddress',
        'none',
        `asked for an IPv6 home address with ::, it gave none${codeIn(dynamic)}`,
      );
    if (profile.refusedIpv6Address !== undefined)
      await ask('a request with the IPv6 home address that is to be refused', {
        extensions: [{ ipv6HomeAddress: { address: profile.refusedIpv6Address } }],
        following: compatibility,
      });
  }
  const zero = await ask(
    'a request with home address 0.0.0.0',
    { fields: { homeAddress: '0.0.0.0' } },
    other,
  );
  const code = zero.reply?.message.code;
  if (code === 131)
    record.note(
      'keyByNai',
      false,
      `a request with home address 0.0.0.0 and a NAI was answered ${codeWords(code)}`,
    );
  if (code !== undefined && !isAccepted(zero))
    record.note(
      'dynamicIpv4HomeAddress',
      false,
      `a request with home address 0.0.0.0 and a NAI was answered ${codeWords(code)}`,
    );
  const nat = await ask('a request for UDP tunnelling', {
    extensions: [{ udpTunnelRequest: { force: true } }],
  });
  if (nat.reply !== undefined && extensionOf(nat.reply.message, 'udpTunnelReply') === undefined)
    record.note(
      'natTraversal',
      false,
      'a request with the UDP tunnel request extension (RFC 3519) was answered without the reply extension',
    );
  await secured(
    talk,
    node,
    probing,
    'foreign-agent-secured',
    ({ reply }) => extensionOf(reply?.message, 'foreignHomeAuthentication') !== undefined,
  );
}

const codeIn = ({ reply }: Answer): string => {
  const code = extensionOf(reply?.message, 'ipv6Code');
  return code === undefined ? '' : ` (IPv6 code ${code.code})`;
};

/** By way of the agent that shares a key with the device: its answer has to be authenticated towards that agent. */
async function secured(
  talk: Talk,
  node: MobileNode,
  { profile, record, tell = () => {} }: Probing,
  position: Position,
  isSecured: (answer: Answer) => boolean,
): Promise<void> {
  const partners = profile.role === 'home-agent' ? profile.foreignAgents : profile.homeAgents;
  if (partners.every(({ association }) => association === undefined)) return;
  tell('a request by way of an agent that shares a key');
  const by = new Talk(profile, talk.bench, talk.facts, (frames) => record.look(frames), position);
  if (!by.bench.portNames().includes(by.port)) return;
  const answer = await by.ask(node);
  const { reply, relayed } = answer;
  const isAnswered = profile.role === 'home-agent' ? reply !== undefined : relayed !== undefined;
  if (isAnswered && !isSecured(answer))
    record.note(
      'foreignHomeSecurity',
      false,
      `with the agent that shares a key, ${profile.role === 'home-agent' ? `its reply ${reply?.message.code} had` : 'the relayed request had'} no foreign-home authentication extension`,
    );
  await by.leave();
}

async function foreignAgent(
  talk: Talk,
  [node, other]: [MobileNode, MobileNode],
  probing: Probing,
): Promise<void> {
  const { profile, record, tell = () => {} } = probing;
  tell('a plain request');
  await talk.ask(node, { fields: { reverseTunneling: false } });
  tell('a request with T');
  await talk.ask(node, { fields: { reverseTunneling: true } });
  tell('a request with home address 0.0.0.0');
  const zero = await talk.ask(other, { fields: { homeAddress: '0.0.0.0' } });
  const code = zero.reply?.message.code;
  if (zero.relayed === undefined && code !== undefined)
    record.note(
      'nai',
      false,
      `a request with home address 0.0.0.0 and a NAI was answered ${codeWords(code)}`,
    );
  const refused = profile.mobileNodes.find(({ ipv6Handling }) => ipv6Handling === 'refuse');
  if (refused !== undefined) {
    tell('a request of a mobile node whose IPv6 it does not handle');
    const answer = await talk.ask(refused, {
      extensions: [{ ipv6HomeAddress: { address: refused.ipv6HomeAddress } }],
      replyExtensions: [{ ipv6Code: { code: 0 } }],
    });
    if (
      answer.reply !== undefined &&
      answer.relayed !== undefined &&
      record.observed('ipv6Codes') === undefined
    )
      record.note(
        'ipv6Codes',
        false,
        `it added no IPv6 code for mobile node ${refused.index + 1}, whose IPv6 it is said to refuse`,
      );
  }
  await secured(talk, node, probing, 'visited-link-secured', ({ relayed }) => {
    const layer = relayed?.decoded.layers.find((one) => 'registrationRequest' in one);
    return (
      layer !== undefined &&
      'registrationRequest' in layer &&
      extensionOf(layer.registrationRequest, 'foreignHomeAuthentication') !== undefined
    );
  });
}
