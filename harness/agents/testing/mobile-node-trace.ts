import { agentFlag } from '../../wire/index.ts';
import type { MobileNodeDeviation } from '../mobile-node/deviations.ts';
import {
  careOf,
  correspondent,
  createWorld,
  echo,
  foreignAgent,
  homeAddress,
  homeAgent,
  homeMac,
  ipv4Correspondent,
  ipv4Echo,
  ipv6Home,
  keys,
  otherForeignAgent,
  routerMac,
  type World,
} from './mobile-node.ts';

const withoutA = agentFlag.foreignAgent | agentFlag.reverseTunneling;

/** Everything that may come for the mobile node at its place, and something of each family from its own stack. */
function traffic(world: World, mac: string): void {
  world.receive(ipv4Echo(ipv4Correspondent, homeAddress), mac);
  world.receive(echo(correspondent, ipv6Home), mac);
  world.receive(
    [{ ipv4: { source: homeAgent, destination: homeAddress } }, ...echo(correspondent, ipv6Home)],
    mac,
  );
  world.receive(
    [{ ipv4: { source: homeAgent, destination: careOf } }, ...echo(correspondent, ipv6Home)],
    mac,
  );
  world.receive(
    [
      { ipv4: { source: homeAgent, destination: careOf } },
      { ipv4: { source: homeAgent, destination: homeAddress } },
      ...echo(correspondent, ipv6Home),
    ],
    mac,
  );
  world.receive(
    [{ ipv4: { source: homeAgent, destination: careOf } }, ...ipv4Echo(ipv4Correspondent, homeAddress)],
    mac,
  );
  world.sendIpv4();
  world.sendIpv6();
}

function throughForeignAgent(
  names: MobileNodeDeviation[],
  flags: number | undefined,
  ipv6Code?: number,
): World {
  const world = createWorld({}, names);
  world.node.restart();
  world.hearForeign({ flags });
  world.answer({ ipv6Code });
  traffic(world, foreignAgent.mac);
  return world;
}

function coLocated(
  names: MobileNodeDeviation[],
  options: { local?: boolean; changes?: object; ipv6Code?: number },
) {
  const world = createWorld(options.changes, names);
  world.node.restart();
  world.run(300);
  world.lease();
  if (options.local) {
    world.hearRouter();
  }
  world.run(300);
  world.answer({ ipv6Code: options.ipv6Code ?? 0 }, { mac: routerMac });
  traffic(world, routerMac);
  return world;
}

/** What a reply that is to be discarded does: afterwards the traffic flows, or not. */
function badReply(
  names: MobileNodeDeviation[],
  answer: Parameters<World['answer']>[0],
  agent = foreignAgent,
): World {
  const world = createWorld({}, names);
  world.node.restart();
  world.hearForeign({}, agent);
  world.answer({ ipv6Code: 0, ...answer }, agent);
  world.run(50);
  traffic(world, agent.mac);
  return world;
}

/** Every situation that a deviation may show in. */
export const situations: Record<string, (names: MobileNodeDeviation[]) => World> = {
  'A=1, code 0': (names) => throughForeignAgent(names, undefined, 0),
  'A=1, code 2': (names) => throughForeignAgent(names, undefined, 2),
  'A=1, code 128': (names) => throughForeignAgent(names, undefined, 128),
  'A=1, code 129': (names) => throughForeignAgent(names, undefined, 129),
  'A=1, no code': (names) => throughForeignAgent(names, undefined),
  'A=0, code 2': (names) => throughForeignAgent(names, withoutA, 2),
  'reserved bits': (names) => throughForeignAgent(names, withoutA | agentFlag.ipv6Extensions | 0x1f, 0),
  'no local IPv6': (names) => coLocated(names, {}),
  'local IPv6': (names) => coLocated(names, { local: true }),
  'no compatibility extension': (names) =>
    coLocated(names, { changes: { compatibility: 'never' }, ipv6Code: 2 }),
  'home agent of A=0'(names) {
    const world = createWorld({}, names);
    world.node.restart();
    world.hearHome({ flags: agentFlag.homeAgent });
    world.hearForeign({});
    world.answer();
    world.run(1500);
    world.node.restart();
    world.hearHome({ flags: agentFlag.homeAgent });
    world.hearForeign({ flags: withoutA });
    return world;
  },
  'dynamic address'(names) {
    const world = createWorld({}, names, { ipv6HomeAddress: 'zero' });
    world.node.restart();
    world.hearForeign({});
    world.answer({ ipv6Code: 0, before: [{ ipv6HomeAddress: { address: ipv6Home } }] });
    traffic(world, foreignAgent.mac);
    return world;
  },
  'interface identifier'(names) {
    const world = createWorld({}, names, { ipv6HomeAddress: 'eui64' });
    world.node.restart();
    world.hearForeign({});
    return world;
  },
  'coming home'(names) {
    const world = throughForeignAgent(names, undefined, 0);
    world.run(1500);
    world.hearHome();
    world.answer({}, { mac: homeMac });
    traffic(world, homeMac);
    return world;
  },
  moving(names) {
    const world = throughForeignAgent(names, undefined, 0);
    world.run(1500);
    world.hearForeign({}, otherForeignAgent);
    world.answer({ ipv6Code: 0 }, otherForeignAgent);
    traffic(world, otherForeignAgent.mac);
    return world;
  },
  'no answer'(names) {
    const world = createWorld({}, names);
    world.node.restart();
    world.hearForeign({}, otherForeignAgent);
    world.run(2500);
    return world;
  },
  'unknown extension': (names) => badReply(names, { before: [{ unknown: { type: 199, data: '00' } }] }),
  'low bits': (names) => badReply(names, { lowBits: 1 }),
  'wrong MHAE': (names) =>
    badReply(names, { tamper: [{ extension: 'mobileHomeAuthentication', octet: -1, mask: 1 }] }),
  'no MHAE': (names) => badReply(names, { mobileHome: [] }),
  'two MHAE': (names) =>
    badReply(names, {
      mobileHome: [
        { mobileHomeAuthentication: { spi: keys.mobileHome.spi } },
        { mobileHomeAuthentication: { spi: keys.mobileHome.spi } },
      ],
    }),
  'no MFAE': (names) => badReply(names, { mobileForeign: false }, otherForeignAgent),
};

/** What the mobile node sent and took, as text, without what differs from run to run: IPv4 identifications. */
export function traceOf(situation: string, names: MobileNodeDeviation[]): string {
  const world = situations[situation]?.(names);
  const sent = (world?.take() ?? []).map(({ layers }) => JSON.stringify(layers, withoutIdentification));
  const taken = (world?.taken() ?? []).map((layers) => JSON.stringify(layers, withoutIdentification));
  return [...sent, '--', ...taken].join('\n');
}

/** IPv4 identifications are numbers, and their checksums follow from them; those of requests are text and stay. */
function withoutIdentification(key: string, value: unknown): unknown {
  const isCounted = (key === 'identification' && typeof value === 'number') || key === 'checksum';
  return isCounted ? undefined : value;
}
