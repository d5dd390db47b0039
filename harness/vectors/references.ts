/**
 * The names a vector may use with `$`: what stands for the mobile nodes, addresses and numbers of a run. Checked at load, filled in
 * by the engine. `${name}` inside a longer string is filled in likewise.
 */
import type { Json } from './types.ts';

const mobileNode = (who: string): { [name: string]: string } => ({
  [`${who}.nai`]: 'its network access identifier',
  [`${who}.homeAddress`]: 'its IPv4 home address',
  [`${who}.ipv6HomeAddress`]: 'its IPv6 home address',
  [`${who}.eui64`]: 'an address ::EUI-64 of its own (upper half zero)',
  [`${who}.eui64HomeAddress`]: 'that EUI-64 under the IPv6 home prefix',
  [`${who}.neighbour`]: 'an unregistered IPv6 address next to its home address',
  [`${who}.ipv4Neighbour`]: 'an IPv4 address of the home network that no mobile node has',
  [`${who}.solicitedNode`]: 'the solicited-node multicast address of its IPv6 home address',
  [`${who}.solicitedNodeMac`]: 'the Ethernet address of that',
  [`${who}.spi`]: 'the SPI of its association with the home agent',
  [`${who}.foreignSpi`]: 'the SPI of its association with the foreign agent',
  [`${who}.careOfAddress`]: 'its care-of address in this position',
  [`${who}.nextCareOfAddress`]: 'the care-of address it gets after moving',
  [`${who}.udpPort`]: 'the UDP port its requests come from',
});

/** Every name, with what it stands for. */
export const referenceNames: { readonly [name: string]: string } = {
  ...mobileNode('mn'),
  ...mobileNode('other'),
  'coa.port':
    'the port the mobile node is behind: mn, or fa behind a foreign agent that the harness plays, or the link of one under test',
  'coa.colocated': 'true when the care-of address is co-located',
  'ha.address': "the home agent's IPv4 address",
  'ha.ipv6Address': "the home agent's IPv6 address",
  'cn.address': "the correspondent node's IPv4 address",
  'cn.ipv6Address': "the correspondent node's IPv6 address",
  'home.address': "the harness's IPv4 address on the home link",
  'home.ipv6Address': "the harness's IPv6 address on the home link",
  'home.mac': "the harness's MAC address on the home link",
  'home.ipv4Prefix': 'the IPv4 home prefix',
  'home.ipv4Broadcast': 'the broadcast address of the IPv4 home network',
  'home.ipv6Prefix': 'the IPv6 home prefix',
  'fa.address': "the foreign agent's IPv4 address on the visited link",
  'fa.careOfAddress': 'the care-of address that the foreign agent under test, or of a scenario, offers',
  'plainFa.address': 'of a scenario: the address of the foreign agent that does nothing for IPv6',
  'plainFa.careOfAddress': 'of a scenario: the care-of address that it offers',
  'nextFa.address': 'the address of the foreign agent that a mobile node under test meets after a move',
  'visited.address': "the harness's IPv4 address on the visited link of a foreign agent under test",
  'visited.ipv6Address': "the harness's IPv6 address there",
  'visited.mac': "the harness's MAC address there",
  'link.mac': "the harness's MAC address on the link of a mobile node under test, whatever it plays there",
  'network.router': 'the IPv4 router of the visited network without a foreign agent',
  'network.careOfAddress': 'the care-of address that is given there',
  'network.ipv6Router': "its IPv6 router's link-local address",
  'network.ipv6Prefix': 'the IPv6 prefix that this router may advertise',
  'network.ipv6PrefixAddress': 'the same without its length',
  'policy.refusedIpv6Address': 'the IPv6 address the device refuses by policy',
  'policy.reverseTunneling': 'true where the device demands that requests ask for a reverse tunnel',
  'types.ipv6HomeAddress': 'type number of the IPv6 home address extension',
  'types.ipv6Compatibility': 'type number of the IPv6 compatibility extension',
  'types.ipv6Code': 'type number of the IPv6 code extension',
  'timers.replySeconds': 'longest wait for an answer',
  'timers.lifetimeSeconds': 'lifetime asked for',
  'timers.shortLifetimeSeconds': 'lifetime asked for where expiry is awaited',
  'timers.lifetimeToleranceSeconds': 'how long after its lifetime a binding may linger',
  'timers.advertisementSeconds': 'longest interval between advertisements',
  'timers.pendingSeconds': 'how long a foreign agent waits for a reply',
  'timers.maximumLifetimeSeconds': 'the longest lifetime that a foreign agent takes',
  'timers.registrationSeconds': 'longest time a mobile node takes to register',
  'timers.transferSeconds': 'longest time for a transfer by TCP',
  'identification.fresh': 'an Identification that has not been used (timestamp or nonce)',
  'identification.stale': 'one that is an hour old',
  'identification.last': 'the one of the request before',
  'identification.resynchronised':
    'the one of the request before with the high half that a home agent gives with code 133',
  'identification.otherReply': 'the same with other low 32 bits',
  'asked.port': 'the UDP port that this request came from',
  'identification.reply': 'the one of a reply to the newest request of a mobile node under test',
};

const openFamilies = ['token.', 'captured.'];

/** All references in a value, with the place each stands at. */
export function referencesIn(value: Json, path: string): Reference[] {
  const found: Reference[] = [];
  const visit = (inner: Json, at: string): void => {
    if (typeof inner === 'string') found.push(...referencesOf(inner, at));
    else if (Array.isArray(inner)) {
      for (const [index, each] of inner.entries()) if (mayRefer(each)) visit(each, `${at}[${index}]`);
    } else if (inner !== null && typeof inner === 'object')
      for (const key in inner) if (mayRefer(inner[key])) visit(inner[key] as Json, `${at}.${key}`);
  };
  visit(value, path);
  return found;
}

interface Reference {
  name: string;
  path: string;
}

/** Most values do not, and need no path then. */
const mayRefer = (value: Json | undefined): boolean =>
  typeof value === 'string' ? value.includes('$') : typeof value === 'object';

function referencesOf(text: string, path: string): Reference[] {
  if (text.startsWith('$') && !text.startsWith('${')) return [{ name: text.slice(1), path }];
  return [...text.matchAll(/\$\{([^}]*)\}/g)].map((match) => ({ name: match[1] as string, path }));
}

/** True when the engine can fill in the name. */
export function isKnownReference(name: string): boolean {
  return (
    name in referenceNames ||
    openFamilies.some((family) => name.startsWith(family) && name.length > family.length)
  );
}
