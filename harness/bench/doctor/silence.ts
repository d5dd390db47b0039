/** Why nothing comes back: the next hop is not found, somebody on the way says no, or the device is there and keeps silent. */
import type { PortName, SeenFrame } from '../../engine/bench.ts';
import { seenWords } from '../../engine/describe.ts';
import type { MobileNode } from '../../vectors/pool.ts';
import { encodePacket } from '../../wire/index.ts';
import { messageOf } from './authenticators.ts';
import { type Finding, spoiled } from './finding.ts';
import { type Answer, secondNs, type Talk } from './talk.ts';

/** ICMP type 3 codes by which a filter says that it is one (RFC 1812 5.2.7.1). */
const prohibited = [9, 10, 13];
const pingSeconds = 1;

/** What a request met that no reply came to. */
export async function silence(talk: Talk, answer: Answer): Promise<Finding[]> {
  const { role } = talk.profile;
  const { node, left, errors, relayed, instead } = answer;
  const device = deviceAddress(talk, node);
  const field = role === 'foreign-agent' ? 'ixit.foreignAgent.address' : 'ixit.homeAgent.address';
  const all = (check: string, found: string, mend: string): Finding[] => [
    spoiled(check, found, mend, 'everything'),
  ];
  if (left === undefined)
    return all(
      'reachability',
      `a registration request to ${device} did not leave port ${talk.port}: its next hop does not answer ARP`,
      `check ${field}, the cable and VLAN of bench.ports.${talk.port}, and the route there`,
    );
  const filtered = errors.find(({ type, code }) => type === 3 && prohibited.includes(code));
  if (filtered !== undefined)
    return all(
      'firewall',
      `${filtered.from} says that traffic from port ${talk.port} to ${device} is administratively prohibited (ICMP 3/${filtered.code})`,
      `open UDP port 434 and the tunnel protocols 4, 41 and 17 in the filter of ${filtered.from}`,
    );
  const portless = errors.find(({ type, code }) => type === 3 && code === 3);
  if (portless !== undefined)
    return all(
      'reachability',
      `${portless.from} is there, but nothing listens there on UDP port 434 (ICMP 3/3)`,
      `start the ${role} on it; or ${field} is the address of another host: check it against the others of the profile`,
    );
  const unreachable = errors.find(({ type }) => type === 3);
  if (unreachable !== undefined)
    return all(
      'reachability',
      `${unreachable.from} says that ${device} is unreachable (ICMP 3/${unreachable.code})`,
      `check ${field}, and the routes of ${unreachable.from}`,
    );
  if (relayed !== undefined)
    return all(
      'reachability',
      'the device relays requests to the home agent, and nothing comes of the reply that accepts them',
      'check the way back from port ha to the address that the device relays from (a filter, or NAT that forgets), and "spi", "key" and "algorithm" of ixit.homeAgents',
    );
  if (instead !== undefined) {
    const words = seenWords(instead.decoded).join(' / ');
    return messageOf(instead)?.name === 'registrationReply'
      ? all(
          'registration',
          `${device} answers a registration request with a reply that is not to it: the low 32 bits of its Identification are others (${answer.identification.slice(8)} was sent; came ${words})`,
          'the device copies Identification wrongly (RFC 3344 5.7), or it is slow and this was to an earlier request: then set ixit.timers.replySeconds to more than it takes',
        )
      : all(
          'registration',
          `${device} answers a registration request with something that is no registration reply (came ${words})`,
          `check that what runs on UDP port 434 there is the ${role}, and its log`,
        );
  }
  if (await ping(talk, node, device))
    return all(
      'silence',
      `${device} answers ping, but no registration request: no reply, no ICMP error`,
      `check that the ${role} runs there and takes requests from this side, that it knows the mobile nodes of the profile (some devices drop what they cannot authenticate), and that no filter drops UDP port 434`,
    );
  return all(
    'silence',
    `${device} answers neither a registration request nor ping from port ${talk.port}`,
    `check that the device is up, ${field}, the route back from it to the addresses of port ${talk.port}, and filters on the way`,
  );
}

function deviceAddress(talk: Talk, node: MobileNode): string {
  const { foreignAgent, role } = talk.profile;
  return role === 'foreign-agent' ? (foreignAgent?.address ?? '') : talk.around(node).homeAgent.address;
}

/** Whether an IPv4 address answers echo requests from a port's own addresses; `octets` of the whole packet, unfragmented. */
export function ping(talk: Talk, node: MobileNode, to: string, octets = 64): Promise<boolean> {
  return pingFrom(talk, node, talk.port, sourceOf(talk, node), to, octets);
}

function sourceOf(talk: Talk, node: MobileNode): string {
  const { role, visitedHost, foreignAgents } = talk.profile;
  if (role === 'foreign-agent') return visitedHost?.address ?? node.ipv4HomeAddress;
  const around = talk.around(node);
  return talk.port === 'fa' ? (foreignAgents[0]?.address ?? '') : (around.firstCareOfAddress ?? '');
}

async function pingFrom(
  talk: Talk,
  node: MobileNode,
  port: PortName,
  source: string,
  to: string,
  octets: number,
): Promise<boolean> {
  const identifier = 0x4d49;
  const packet = encodePacket([
    { ipv4: { source, destination: to, ttl: 64, dontFragment: true, identification: 1 } },
    { icmpEcho: { type: 8, identifier, sequenceNumber: octets } },
    { payload: '00'.repeat(Math.max(0, octets - 28)) },
  ]);
  const answers = ({ decoded, outgoing }: SeenFrame): boolean =>
    !outgoing &&
    decoded.layers.some(
      (layer) =>
        'icmpEcho' in layer &&
        layer.icmpEcho.type === 0 &&
        layer.icmpEcho.identifier === identifier &&
        layer.icmpEcho.sequenceNumber === octets,
    );
  return talk.watch(
    node,
    async (session) => {
      const { timeNs } = await session.send(port, () => ({ kind: 'ip', octets: packet }));
      for (let at = 0; ; ) {
        for (; at < session.frames.length; at += 1) if (answers(session.frames[at] as SeenFrame)) return true;
        if (!(await session.more(at, timeNs + pingSeconds * secondNs))) return false;
      }
    },
    [source],
  );
}
