import { encodePacket, type Packet, toHex } from '../../wire/index.ts';
import { createDeviates } from '../common/deviates.ts';
import { advertiseForeignAgent } from '../foreign-agent/advertisements.ts';
import type { ForeignAgentDeviation } from '../foreign-agent/deviations.ts';
import { readQuoted } from '../foreign-agent/unreachable.ts';
import {
  address,
  code,
  compatibility,
  foreignAgent,
  ipv6Of,
  plainHomeAgent,
  type Sent,
  securedHomeAgent,
  type World,
} from './foreign-agent.ts';

const correspondent = '2001:db8:c::2';
const outOfNowhere = '2001:db8:1::1:4001';

/** One IPv6 packet for `destination` in the tunnel to the care-of address. */
export function tunnelledIpv6(destination: string, homeAgent = plainHomeAgent): Packet {
  return [
    { ipv4: { source: homeAgent, destination: '10.9.0.2', ttl: 64 } },
    { ipv6: { source: correspondent, destination, hopLimit: 60 } },
    { udp: { sourcePort: 7, destinationPort: 9 } },
    { payload: 'c0ffee' },
  ];
}

/** One IPv4 packet for `destination` in the tunnel to the care-of address. */
export function tunnelledIpv4(destination: string): Packet {
  return [
    { ipv4: { source: plainHomeAgent, destination: '10.9.0.2', ttl: 64 } },
    { ipv4: { source: '10.12.0.2', destination, ttl: 60 } },
    { udp: { sourcePort: 7, destinationPort: 9 } },
    { payload: 'c0ffee' },
  ];
}

/** Section 5.1.4: the tunnel to the home address in the tunnel to the care-of address. */
export function doubleTunnel(index: number): Packet {
  const [outer, ...inner] = tunnelledIpv6(ipv6Of(index));
  return [
    ...(outer === undefined ? [] : [outer]),
    { ipv4: { source: plainHomeAgent, destination: `10.1.1.${index}`, ttl: 60 } },
    ...inner,
  ];
}

export function nativeIpv6(source: string): Packet {
  return [
    { ipv6: { source, destination: correspondent, hopLimit: 60 } },
    { udp: { sourcePort: 7, destinationPort: 9 } },
    { payload: 'c0ffee' },
  ];
}

export function nativeIpv4(index: number): Packet {
  return [
    { ipv4: { source: `10.1.1.${index}`, destination: '10.12.0.2', ttl: 60 } },
    { udp: { sourcePort: 7, destinationPort: 9 } },
    { payload: 'c0ffee' },
  ];
}

/** Section 5.1.4: the mobile node's own tunnel to its home agent. */
export function mobileTunnel(index: number): Packet {
  return [
    { ipv4: { source: `10.1.1.${index}`, destination: plainHomeAgent, ttl: 60 } },
    ...nativeIpv6(ipv6Of(index)),
  ];
}

/** Every packet that `world` sends, as text, without what differs from run to run: IPv4 identifications. */
function textOf(sent: readonly Sent[]): string[] {
  return sent.map(({ mac, octets }) => {
    const copy = Buffer.from(octets);
    for (let at = 0; (copy[at] ?? 0) >> 4 === 4 && at + 20 <= copy.length; at += 20) {
      copy.fill(0, at + 4, at + 6).fill(0, at + 10, at + 12);
      if (copy[at + 9] !== 4) {
        break;
      }
    }
    return `${mac ?? 'upstream'} ${toHex(copy)}`;
  });
}

/** Data both ways for a mobile node. */
function traffic(world: World, index: number): void {
  world.tunnel(tunnelledIpv6(ipv6Of(index)));
  world.tunnel(tunnelledIpv6(ipv6Of(index), '10.8.0.9'));
  world.tunnel(tunnelledIpv4(`10.1.1.${index}`));
  world.tunnel(doubleTunnel(index));
  world.fromMobile(index, nativeIpv6(ipv6Of(index)));
  world.fromMobile(index, nativeIpv6(outOfNowhere));
  world.fromMobile(index, nativeIpv4(index));
  world.fromMobile(index, mobileTunnel(index));
}

function messages(world: World): void {
  const own = (index: number) => [address(ipv6Of(index))];
  const both = [address(ipv6Of(4)), { unknown: { type: 199, data: '00' } }];
  world.ask(1, { before: [{ unknown: { type: 100, data: '00' } }] });
  world.ask(4, { before: both, after: [compatibility(true), { unknown: { type: 210, data: '00' } }] });
  world.ask(1, { before: own(1), after: [compatibility(true)] });
  world.ask(1, { before: [{ ipv6HomeAddress: { subType: 2, address: ipv6Of(1) } }] });
  for (const request of [
    { careOfAddress: '10.9.0.9' },
    { lifetimeSeconds: 700 },
    { homeAddress: '0.0.0.0' },
    { homeAgent: '10.20.0.1' },
  ]) {
    world.ask(1, { request, nai: request.homeAddress === undefined ? undefined : null });
  }
  world.ask(1, { request: { reverseTunneling: true }, ttl: 64 });
  world.ask(1, { mobileHome: [] });
  world.ask(2, { mobileForeign: false });
  world.ask(2, { tamper: [{ extension: 'mobileForeignAuthentication', octet: 9, mask: 1 }] });
  const asked = world.ask(4);
  world.answer(asked.octets, { reply: { identification: 'e90000007fffffff' } });
  world.answer(asked.octets, { reply: { homeAddress: '10.1.77.77' }, nai: null });
  const answered = world.answer(asked.octets, { after: [{ unknown: { type: 210, data: '00' } }] });
  world.received(answered.octets);
  world.answer(world.ask(4).octets, { before: [{ unknown: { type: 100, data: '00' } }] });
  const secured = { request: { homeAgent: securedHomeAgent } };
  world.answer(world.ask(2, secured).octets, { foreignHome: false });
  world.answer(world.ask(2, secured).octets, {
    tamper: [{ extension: 'foreignHomeAuthentication', octet: 9, mask: 1 }],
  });
  world.ask(2, { ...secured, before: own(2) });
  for (const icmpCode of [80, 81, 82, 88]) {
    const [relayed] = world.ask(5).packets;
    if (relayed !== undefined) {
      world.registration.onUnreachable(readQuoted(relayed.octets), icmpCode);
    }
  }
  world.clock.ms += 7000;
  world.registration.expire();
}

function registrations(world: World): void {
  const own = (index: number) => ({ before: [address(ipv6Of(index))] });
  for (const index of [1, 3, 4, 5]) {
    const asked = world.ask(index, own(index));
    traffic(world, index);
    world.answer(asked.octets, { before: [code(index < 4 ? 0 : 2)] });
    traffic(world, index);
  }
  world.tunnel(tunnelledIpv6('2001:db8:1::1:41'));
  world.tunnel(tunnelledIpv4('10.1.77.77'));
  // The lifetime that is granted, renewed, and over.
  const half = { reply: { lifetimeSeconds: 100 }, before: [code(0)] };
  world.register(1, own(1), half);
  world.clock.ms += 60000;
  traffic(world, 1);
  world.register(1, own(1), half);
  world.clock.ms += 45000;
  traffic(world, 1);
  world.clock.ms += 56000;
  traffic(world, 1);
  world.register(1, own(1));
  world.register(1, { request: { lifetimeSeconds: 0 } });
  traffic(world, 1);
}

function refusals(world: World): void {
  const before = [address(ipv6Of(1))];
  for (const reply of [
    { reply: { code: 133 } },
    { before: [code(129)] },
    { before: [code(2)] },
    { before: [] },
  ]) {
    world.answer(world.ask(1, { before }).octets, reply);
    world.tunnel(tunnelledIpv6(ipv6Of(1)));
    world.register(1, { request: { lifetimeSeconds: 0 } });
  }
  world.register(4);
  world.answer(world.ask(4).octets, { reply: { code: 133 } });
  const late = world.ask(4).octets;
  world.answer(late, { reply: { code: 133, identification: `f9000000${late.toString('hex', 20, 24)}` } });
  world.tunnel(tunnelledIpv4('10.1.1.4'));
  world.answer(world.ask(4).octets, { nai: null });
  world.register(5, { request: { homeAddress: '0.0.0.0' } }, { reply: { homeAddress: '10.1.200.5' } });
  world.answer(world.ask(3, { before: [address('::')] }).octets, {
    before: [address('2001:db8:1:0:d::1'), code(0)],
  });
  world.tunnel(tunnelledIpv6('2001:db8:1:0:d::1'));
}

function advertisements(world: World, names: ForeignAgentDeviation[]): string[] {
  const frames: string[] = [];
  const advertiser = advertiseForeignAgent(
    {
      ...world.settings,
      advertisements: { intervalSeconds: 600, lifetimeSeconds: 1800, registrationLifetimeSeconds: 600 },
    },
    { mac: '02:00:00:00:00:01', send: (frame) => frames.push(toHex(frame)) },
    () => world.registration.isBusy(),
    world.challenges,
    createDeviates(names),
  );
  const solicitation = encodePacket([
    { ethernet: { destination: '01:00:5e:00:00:0b', source: '02:00:00:00:00:09' } },
    { ipv4: { source: '10.1.1.1', destination: '224.0.0.11', ttl: 1 } },
    { routerSolicitation: {} },
  ]);
  advertiser.onSolicitation(Buffer.from(solicitation));
  advertiser.close();
  return frames;
}

/** A request with T and one without, to an agent that refuses or demands reverse tunnels. */
function reverseTunnels(world: World): void {
  world.ask(4, { request: { reverseTunneling: true } });
  world.ask(5);
}

/** Everything that the agent says in one long scenario with everything in it, in order. */
export function trace(changes: object, names: ForeignAgentDeviation[]): string[] {
  const said: string[] = [];
  const scenes: [(world: World) => void, object][] = [
    [messages, {}],
    [registrations, {}],
    [refusals, {}],
    [reverseTunnels, { reverseTunneling: 'refused' }],
    [reverseTunnels, { reverseTunneling: 'required' }],
  ];
  for (const [scene, setting] of scenes) {
    const world = foreignAgent({ ...changes, ...setting }, names);
    scene(world);
    said.push(...textOf(world.sent));
    if (scene === messages) {
      said.push(...advertisements(world, names));
    }
    world.registration.close();
    world.visitors.clear();
  }
  return said;
}
