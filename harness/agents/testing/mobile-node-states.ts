import { agentFlag, type RegistrationRequest } from '../../wire/index.ts';
import {
  type Answer,
  createWorld,
  fieldsOf,
  routerMac,
  type Sent,
  shapeOf,
  type World,
} from './mobile-node.ts';

/** Flags of a foreign agent without the IPv6 extensions. */
export const withoutA = agentFlag.foreignAgent | agentFlag.reverseTunneling;

/** A mobile node that looks for agents. */
export function started(changes: object = {}, entry: object = {}): World {
  const world = createWorld(changes, [], entry);
  world.node.restart();
  return world;
}

/** The registration requests among the frames. */
export function requestsIn(sent: Sent[]): { time: number; request: RegistrationRequest; frame: Sent }[] {
  return sent.flatMap((frame) => {
    const request = fieldsOf(frame.layers, 'registrationRequest');
    return request === undefined ? [] : [{ time: frame.time, request, frame }];
  });
}

/** One that has registered through a foreign agent. */
export function atForeignAgent(
  answer: Answer = { ipv6Code: 0 },
  heard: Parameters<World['hearForeign']>[0] = {},
): World {
  const world = started();
  world.hearForeign(heard);
  world.answer(answer);
  return world;
}

/** One that has registered a co-located care-of address; `local`: where there is an IPv6 router. */
export function atCareOf(local: boolean, changes: object = {}, answer: Answer = { ipv6Code: 0 }): World {
  const world = started(changes);
  world.run(300);
  world.lease();
  if (local) {
    world.hearRouter();
  }
  world.run(300);
  world.answer(answer, { mac: routerMac });
  world.take();
  return world;
}

/** What becomes of one IPv6 packet of the mobile node's own stack. */
export function ipv6Way(world: World): string[] {
  world.take();
  world.sendIpv6();
  return world.take().map(({ layers }) => `${fieldsOf(layers, 'ethernet')?.destination} ${shapeOf(layers)}`);
}
