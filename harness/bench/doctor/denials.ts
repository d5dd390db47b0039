/** What the codes of registration replies (RFC 3344 3.4, RFC 2794, RFC 3024) say of a profile when a plain request gets them. */
import type { Profile } from '../../vectors/profile.ts';
import { type Finding, spoiled } from './finding.ts';
import type { Answer } from './talk.ts';

const denials: { readonly [code: number]: readonly [words: string, mend: string] } = {
  64: ['reason unspecified (by the foreign agent)', 'read the log of the device'],
  65: ['administratively prohibited (by the foreign agent)', 'allow this mobile node in the device'],
  66: [
    'insufficient resources (of the foreign agent)',
    'clear the visitor list of the device, or give it room',
  ],
  67: [
    'mobile node failed authentication (by the foreign agent)',
    'the device wants a mobile-foreign association: name it as "foreignAgent" of ixit.mobileNodes',
  ],
  68: [
    'home agent failed authentication (by the foreign agent)',
    'check "spi", "key" and "algorithm" in ixit.homeAgents: the device shares another key with this home agent, or demands one',
  ],
  69: ['requested lifetime too long', 'set ixit.timers.lifetimeSeconds to what the device takes'],
  72: ['requested encapsulation unavailable', 'allow IP-in-IP encapsulation in the device'],
  74: ['requested reverse tunnel unavailable', 'say "reverseTunnelingRequired": false in ics'],
  75: ['reverse tunnel mandatory', 'say "reverseTunnelingRequired": true in ics'],
  76: ['mobile node too distant (TTL)', 'have no router between port mn and the foreign agent'],
  77: ['invalid care-of address', 'set ixit.foreignAgent.careOfAddress to what the device advertises'],
  78: [
    'registration timeout: no answer of the home agent came through',
    'check the way from the device to port ha',
  ],
  80: ['home network unreachable', 'give the device a route to ixit.homeAgents'],
  81: ['home agent host unreachable', 'check the way from the device to port ha, and ixit.homeAgents'],
  82: ['home agent port unreachable', 'check that ixit.homeAgents are addresses of port ha'],
  88: ['home agent unreachable', 'check the way from the device to port ha'],
  96: ['non-zero home address required', 'say "nai": false in ics'],
  97: ['missing NAI', 'the device wants a NAI that it can read'],
  98: ['missing home agent', 'check ixit.homeAgents'],
  99: ['missing home address', 'check ixit.mobileNodes'],
  128: ['reason unspecified (by the home agent)', 'read the log of the device'],
  129: [
    'administratively prohibited (by the home agent)',
    'allow these mobile nodes and their care-of addresses in the device',
  ],
  130: ['insufficient resources (of the home agent)', 'clear the bindings of the device, or give it room'],
  132: [
    'foreign agent failed authentication',
    'check "spi", "key" and "algorithm" in ixit.foreignAgents against the device',
  ],
  134: ['poorly formed request', 'read the log of the device: it takes no NAI extension, perhaps'],
  136: [
    'unknown home agent address',
    'check ixit.homeAgent.address: the device knows itself by another, or this is not the home agent',
  ],
  137: ['requested reverse tunnel unavailable (home agent)', 'say "reverseTunnelingRequired": false in ics'],
  138: ['reverse tunnel mandatory (home agent)', 'say "reverseTunnelingRequired": true in ics'],
  139: ['requested encapsulation unavailable (home agent)', 'allow IP-in-IP encapsulation in the device'],
};

/** What a code is called. */
export const codeWords = (code: number): string =>
  `${code} (${denials[code]?.[0] ?? 'a code of unknown meaning'})`;

/** A plain, valid request was denied: the code says why, and what of the profile or device to look at. */
export function denialOf({ reply, node }: Answer, { role }: Pick<Profile, 'role'>): Finding {
  const code = reply?.message.code ?? 0;
  return spoiled(
    'registration',
    `the device denies a plain registration of mobile node ${node.index + 1} (${node.nai}) with ${codeWords(code)}`,
    denials[code]?.[1] ?? `read the log of the ${role}`,
    'everything',
  );
}
