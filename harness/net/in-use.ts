/** Whether somebody works over a device: what would be cut off if it were changed. */
import fs from 'node:fs';
import type { IpLink } from './device-state.ts';
import { ipJson } from './ip-command.ts';
import { inNamespace, type Namespace } from './namespace.ts';

interface Route {
  dst: string;
  dev?: string;
  nexthops?: { dev?: string }[];
}

/** Devices that stand on a device, or that it is part of (VLANs on it, its bridge or bond), and itself. */
export function stackOf(device: string, links: readonly IpLink[]): Set<string> {
  const found = new Set([device]);
  for (let before = 0; before !== found.size; ) {
    before = found.size;
    for (const { ifname, link, master, linkinfo } of links) {
      // The two ends of a pair name each other.
      const standsOn = link !== undefined && linkinfo?.info_kind !== 'veth' && found.has(link);
      if (standsOn) found.add(ifname);
      if (found.has(ifname) && master !== undefined) found.add(master);
    }
  }
  return found;
}

/**
 * Why a device, or what stands on it, must not be touched: it has the default route, or a connection runs over it. Empty when nobody
 * works over it. `sshConnection` is that of the environment.
 */
export function usesOf(
  device: string,
  namespace: Namespace | undefined,
  sshConnection = process.env.SSH_CONNECTION,
): string[] {
  const stack = stackOf(device, ipJson<IpLink>(['link', 'show'], namespace));
  const reasons: string[] = [];
  for (const [family, name] of [
    ['-4', 'IPv4'],
    ['-6', 'IPv6'],
  ] as const) {
    const isHere = ({ dev, nexthops = [] }: Route): boolean =>
      [dev, ...nexthops.map((hop) => hop.dev)].some((one) => one !== undefined && stack.has(one));
    if (ipJson<Route>([family, 'route', 'show', 'default'], namespace).some(isHere))
      reasons.push(`the default route (${name}) goes through it`);
  }
  const addresses = new Set(
    ipJson<{ ifname: string; addr_info?: { local: string }[] }>(['address', 'show'], namespace)
      .filter(({ ifname }) => stack.has(ifname))
      .flatMap(({ addr_info = [] }) => addr_info.map(({ local }) => local)),
  );
  const [, , ssh = ''] = (sshConnection ?? '').split(' ');
  if (addresses.has(ssh)) reasons.push(`your SSH session (SSH_CONNECTION) comes to its address ${ssh}`);
  const [connection] = establishedTcp(namespace).filter(
    ({ local, remote }) => addresses.has(local) && !addresses.has(remote),
  );
  if (connection !== undefined && connection.local !== ssh)
    reasons.push(`a TCP connection with ${connection.remote} runs over its address ${connection.local}`);
  return reasons;
}

const ESTABLISHED = '01';

function establishedTcp(namespace: Namespace | undefined): { local: string; remote: string }[] {
  return inNamespace(namespace, () =>
    ['tcp', 'tcp6'].flatMap((name) => {
      let text = '';
      try {
        text = fs.readFileSync(`/proc/thread-self/net/${name}`, 'utf8');
      } catch {
        // IPv6 is off.
      }
      return text
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split(/\s+/))
        .filter(([, , , state]) => state === ESTABLISHED)
        .map(([, local = '', remote = '']) => ({ local: addressOf(local), remote: addressOf(remote) }));
    }),
  );
}

/** `0100007F:0016` and its IPv6 like, each 32 bits in the machine's order, as `ip` writes addresses. */
function addressOf(text: string): string {
  const words = (text.split(':')[0] ?? '').match(/.{8}/g) ?? [];
  const octets = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((hex) => parseInt(hex, 16)));
  const isMapped =
    octets.length === 16 && octets.slice(0, 10).every((one) => one === 0) && octets[10] === 255;
  if (octets.length === 4 || isMapped) return octets.slice(-4).join('.');
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((octets[2 * at] ?? 0) << 8) | (octets[2 * at + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
