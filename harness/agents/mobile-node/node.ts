import { addressIn, type Ipv6Key, ipv4Text, ipv6Key, zeroIpv6 } from '../common/addresses.ts';
import { etherType, type Link, macOctets } from '../common/port.ts';
import type { Counters } from '../common/status.ts';
import { isForeignAgent, parseAdvertisement } from './advertisement.ts';
import { createCareOf, type Lease } from './care-of.ts';
import { type Clock, createAlarm } from './clock.ts';
import { type Attachment, composeRequest, placeOf, type Situation } from './composition.ts';
import type { CareOfAddress, Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { createForwarder, type HomeAddresses, type Service } from './forwarding.ts';
import { createFrameSorter } from './frames.ts';
import { hasIpv6Flag, isAttempted, type Knowledge } from './ipv6-policy.ts';
import { createAgents, type HeardAgent } from './movement.ts';
import { createNeighbours } from './neighbours.ts';
import { createOwnership } from './ownership.ts';
import { createRegistrar, type Registration } from './registration.ts';
import type { Ask } from './request.ts';
import { requestPacket } from './request-packet.ts';
import { parseRouterAdvertisement } from './router-advertisement.ts';
import { returnedAddress, serviceOf } from './service.ts';
import { createSolicitor } from './solicitor.ts';
import { statusOf } from './status.ts';

export interface MobileNodeOptions {
  settings: Settings;
  clock: Clock;
  deviates: Deviates;
  link: Link;
  /** Hands a packet to the mobile node's own stack. */
  deliver(packet: Buffer): void;
  /** Ask for a care-of address by DHCP; see CareOfOptions. */
  requestLease(take: (lease: Lease | undefined) => void): () => void;
  /** The home addresses of the mobile node's own stack have changed. */
  useAddresses(addresses: HomeAddresses): void;
  log(event: string, details: object): void;
  changed(): void;
}

/** One mobile node without its I/O: frames and packets in, frames and packets out. */
export interface MobileNode {
  /** Forget everything and begin anew, as at the start. */
  restart(): void;
  /** Register anew now; at home: deregister. */
  register(): void;
  /** Deregister where it is. */
  deregister(): void;
  /** A frame of the link device, for this node or a group. */
  onFrame(frame: Buffer, isMulticast: boolean): void;
  /** A packet of the mobile node's own stack. */
  onOwnPacket(packet: Buffer): void;
  status(): object;
  close(): void;
}

/** Source ports of requests: one for each mobile node, so that they are told apart in a capture. */
const firstSourcePort = 49152;
const sourcePorts = 16000;
/** RFC 3344 4.6: a gratuitous ARP is repeated. */
const announceAgainMs = 1000;
/** All mobility agents (RFC 3344 2.3), for a deviation. */
const allAgents = { address: 0xe000000b, mac: Buffer.from('01005e00000b', 'hex') };

/** Discovers agents, registers, and lets traffic take the way that a registration gives (RFC 3344 2.4, 3.6; sections 2.3 and 4.5 of the draft). */
export function createMobileNode(options: MobileNodeOptions): MobileNode {
  const { settings, clock, deviates, changed } = options;
  const counters: Counters = {};
  const count = (name: string) => {
    counters[name] = (counters[name] ?? 0) + 1;
  };
  const log = (event: string, details: object) =>
    options.log(event, { mobileNode: settings.number, ...details });
  const mac = macOctets(options.link.mac);
  const eui64 = addressIn(zeroIpv6, mac);
  const linkLocal = addressIn(ipv6Key('fe80::'), mac);
  const sourcePort = firstSourcePort + (settings.number % sourcePorts);
  const configured: HomeAddresses = {
    ipv4: settings.homeAddress,
    ipv6: typeof settings.ipv6Home === 'object' ? settings.ipv6Home.address : undefined,
  };

  let attachment: Attachment = { kind: 'searching' };
  let service: Service = { kind: 'none' };
  let registration: Registration | undefined;
  let knowledge: Knowledge = { isLegacyHere: false };
  let addresses = configured;
  /** The IPv6 router of the link, and the local address by its prefix. */
  let router: { mac: Buffer; localIpv6?: Ipv6Key } | undefined;
  /** A request has been sent since the last deregistration: the home agent may hold a binding. */
  let mayBeBound = false;
  /** Care-of addresses registered since the start, and the service before the first move; for deviations. */
  const careOfAddresses = new Set<number>();
  let oldService: Service | undefined;

  /** When the current agent's advertisement runs out. */
  const expiry = createAlarm(clock);
  const announcing = createAlarm(clock);
  const routerExpiry = createAlarm(clock);
  /** Set while a co-located node waits for an IPv6 router before it registers (section 4.5.2). */
  const waiting = createAlarm(clock);

  const situation = (): Situation => ({
    attachment,
    knowledge,
    addresses,
    localIpv6: router?.localIpv6,
    eui64,
    linkLocal,
  });
  const neighbours = createNeighbours(options.link, clock, createOwnership(situation));
  const agents = createAgents(settings, clock);
  const forwarder = createForwarder({
    settings,
    service: () => service,
    sendingService: () => (service.kind === 'home' ? service : (oldService ?? service)),
    addresses: () => addresses,
    ipv6Router: () => router?.mac,
    neighbours,
    deliver: options.deliver,
    count,
    deviates,
  });
  const registrar = createRegistrar({
    settings,
    clock,
    deviates,
    compose: (isDeregistration) => composeRequest(situation(), isDeregistration, settings, deviates),
    transmit,
    accepted,
    deregistered,
    denied: (code, { place }) => log('denied', { code, place }),
    expired() {
      log('expired', {});
      endService();
    },
    count,
    log,
  });
  const solicitor = createSolicitor(
    settings,
    clock,
    () => neighbours.solicitAgents(addresses.ipv4 ?? 0),
    () => careOf.find(),
  );
  const careOf = createCareOf({
    settings,
    clock,
    requestLease: options.requestLease,
    found: attachCoLocated,
    lost(reason) {
      log(reason, {});
      search();
    },
    probe: neighbours.probeIpv4,
  });

  function endService(): void {
    registration = undefined;
    service = { kind: 'none' };
    changed();
  }

  /** Away from where it was: nothing that was registered there holds any more. */
  function detach(): void {
    if (registration !== undefined && deviates('stays-with-old-care-of-address')) {
      oldService ??= service;
    }
    registrar.leave();
    solicitor.stop();
    careOf.drop();
    for (const alarm of [announcing, routerExpiry, waiting]) {
      alarm.clear();
    }
    router = undefined;
    knowledge = { ...knowledge, isLegacyHere: false };
    endService();
  }

  function search(): void {
    detach();
    attachment = { kind: 'searching' };
    agents.use(undefined);
    expiry.clear();
    solicitor.start();
  }

  function moveTo(agent: HeardAgent): void {
    const { advertisement } = agent;
    detach();
    neighbours.forget();
    agents.use(agent);
    if (agents.isHome(advertisement)) {
      attachment = { kind: 'home', agent };
      arriveAtHome(advertisement.address, advertisement.mac);
    } else {
      attachment = { kind: 'foreign-agent', agent };
      registrar.register();
    }
    log(attachment.kind, { agent: ipv4Text(advertisement.address) });
    changed();
  }

  /** RFC 3344 2.4.3 and 4.6: take the home link into use, say so, and only then deregister. */
  function arriveAtHome(agentAddress: number, agentMac: Buffer): void {
    oldService = undefined;
    service = { kind: 'home' };
    neighbours.learnIpv4(agentAddress, agentMac);
    announce();
    announcing.set(announceAgainMs, announce);
    if (mayBeBound && !deviates('no-deregistration-at-home')) {
      registrar.deregister();
    }
  }

  function announce(): void {
    if (addresses.ipv4 !== undefined) {
      neighbours.announceIpv4(addresses.ipv4);
    }
    // As long as it may be bound, the home agent speaks for the IPv6 home address.
    if (addresses.ipv6 !== undefined && !mayBeBound) {
      neighbours.announceIpv6(addresses.ipv6);
    }
  }

  function attachCoLocated(found: CareOfAddress): void {
    registrar.leave();
    solicitor.stop();
    endService();
    attachment = { kind: 'co-located', careOf: found };
    log('co-located', { careOfAddress: ipv4Text(found.address) });
    if (isCompatibilitySent() && settings.ipv6WaitSeconds > 0) {
      neighbours.solicitRouters();
      waiting.set(settings.ipv6WaitSeconds * 1000, registrar.register);
    } else {
      registrar.register();
    }
  }

  function isCompatibilitySent(): boolean {
    return settings.compatibility === 'always' && isAttempted(settings, knowledge);
  }

  function onAgentAdvertisement(frame: Buffer): void {
    const advertisement = parseAdvertisement(frame);
    if (advertisement === undefined) {
      count('malformedAdvertisements');
      return;
    }
    const { flags, address } = advertisement;
    const isHome = agents.isHome(advertisement);
    const isAnother = !isHome && address !== (agents.current()?.advertisement.address ?? address);
    const isIgnored =
      ((flags & 0x001f) !== 0 && deviates('ignores-advertisements-with-reserved-bits')) ||
      (isAnother && registration !== undefined && deviates('does-not-follow'));
    if (isIgnored) {
      return;
    }
    count('advertisements');
    if (isHome) {
      knowledge = { ...knowledge, homeAgentFlag: hasIpv6Flag(flags, deviates) };
    }
    const movement = agents.hear(advertisement);
    if (movement.kind === 'move') {
      moveTo(movement.agent);
    } else if (attachment.kind === 'home' && movement.agent === attachment.agent) {
      neighbours.learnIpv4(address, advertisement.mac);
    } else if (movement.kind === 'register-again') {
      if (!isForeignAgent(advertisement)) {
        loseAgent();
        return;
      }
      log('register-again', { agent: ipv4Text(address) });
      registrar.register();
    }
    watchAgent();
  }

  /** RFC 3344 2.4.2.1: an agent is lost when its advertisement has run out. */
  function watchAgent(): void {
    const agent = agents.current();
    if (agent !== undefined) {
      expiry.set(agent.expiresAt - clock.now(), loseAgent);
    }
  }

  function loseAgent(): void {
    log('agent-lost', {});
    const other = agents.loseCurrent();
    if (other === undefined) {
      search();
    } else {
      moveTo(other);
      watchAgent();
    }
  }

  function onRouterAdvertisement(frame: Buffer): void {
    const heard = parseRouterAdvertisement(frame);
    if (heard === undefined) {
      count('malformedRouterAdvertisements');
      return;
    }
    const { lifetimeSeconds, prefix } = heard;
    if (service.kind === 'home' && lifetimeSeconds > 0) {
      service = { kind: 'home', ipv6RouterMac: heard.mac };
    }
    if (attachment.kind !== 'co-located') {
      return;
    }
    if (lifetimeSeconds === 0) {
      routerExpiry.clear();
      useRouter(undefined);
      return;
    }
    useRouter({
      mac: heard.mac,
      localIpv6: prefix === undefined ? router?.localIpv6 : addressIn(prefix, mac),
    });
    routerExpiry.set(lifetimeSeconds * 1000, () => useRouter(undefined));
  }

  /** A local IPv6 address has come, gone or changed: section 4.5.2 asks for another compatibility extension. */
  function useRouter(next: typeof router): void {
    const before = router?.localIpv6;
    router = next;
    if (next?.localIpv6 !== before && isCompatibilitySent()) {
      waiting.clear();
      registrar.register();
    }
  }

  function transmit(message: Buffer, ask: Ask): void {
    if (ask.lifetimeSeconds > 0) {
      mayBeBound = true;
    }
    const agent = attachment.kind === 'foreign-agent' ? attachment.agent.advertisement : undefined;
    const isCoLocated = ask.place === 'co-located';
    const isMisdirected = isCoLocated && deviates('co-located-to-all-agents');
    const packet = requestPacket(message, {
      source: isCoLocated && !deviates('co-located-from-home-address') ? ask.careOfAddress : ask.homeAddress,
      destination: isMisdirected ? allAgents.address : (agent?.address ?? settings.homeAgent),
      sourcePort,
      isToForeignAgent: agent !== undefined,
    });
    if (agent !== undefined) {
      neighbours.sendTo(agent.mac, etherType.ipv4, packet);
    } else if (isMisdirected) {
      neighbours.sendTo(allAgents.mac, etherType.ipv4, packet);
    } else if (attachment.kind === 'co-located') {
      forwarder.sendFromCareOf(packet, attachment.careOf);
    } else {
      neighbours.sendIpv4(settings.homeAgent, packet);
    }
    changed();
  }

  function accepted(granted: Registration): void {
    const { ask, reply } = granted;
    const ipv6 = deviates('returned-address-ignored') ? undefined : returnedAddress(reply, settings, mac);
    useAddresses({ ipv4: addresses.ipv4 ?? reply.homeAddress, ipv6: ipv6 ?? addresses.ipv6 });
    const ipv6Code = reply.ipv6Code ?? reply.foreignIpv6Code;
    const isLegacy = ask.ipv6.address !== undefined && ipv6Code === undefined;
    if (isLegacy && !deviates('ipv6-without-code-extension')) {
      knowledge = { ...knowledge, isLegacyHere: true };
    }
    registration = granted;
    service = serviceOf(
      granted,
      placeOf(situation(), deviates),
      {
        careOf: attachment.kind === 'co-located' ? attachment.careOf : undefined,
        agent: attachment.kind === 'foreign-agent' ? attachment.agent.advertisement : undefined,
      },
      deviates,
    );
    careOfAddresses.add(ask.careOfAddress);
    const isWithoutIpv6 = careOfAddresses.size > 1 && deviates('ipv6-lost-by-moving');
    if (isWithoutIpv6 && (service.kind === 'foreign-agent' || service.kind === 'co-located')) {
      service = { ...service, ipv6: 'none' };
    }
    const { code, lifetimeSeconds } = reply;
    log('registered', { careOfAddress: ipv4Text(ask.careOfAddress), code, lifetimeSeconds, ipv6Code });
    changed();
  }

  function deregistered(): void {
    mayBeBound = false;
    log('deregistered', {});
    if (attachment.kind === 'home') {
      announce();
      changed();
    } else {
      endService();
    }
  }

  function useAddresses(next: HomeAddresses): void {
    if (next.ipv4 !== addresses.ipv4 || next.ipv6 !== addresses.ipv6) {
      addresses = next;
      options.useAddresses(next);
    }
  }

  const sort = createFrameSorter(sourcePort, {
    arp: neighbours.onArp,
    agentAdvertisement: onAgentAdvertisement,
    routerAdvertisement: onRouterAdvertisement,
    neighborSolicitation: neighbours.onNeighborSolicitation,
    neighborAdvertisement: neighbours.onNeighborAdvertisement,
    reply(payload, destination) {
      const careOfAddress = attachment.kind === 'co-located' ? attachment.careOf.address : undefined;
      // RFC 3344 3.7.3.2: the reply that assigns a home address is sent to it.
      const isOwn = addresses.ipv4 === undefined || [addresses.ipv4, careOfAddress].includes(destination);
      if (isOwn || destination === 0xffffffff) {
        registrar.onReply(payload);
      } else {
        count('notForUs');
      }
    },
    dhcpServer(address, mac) {
      // It is often the router, whose hardware address then need not be asked for by broadcast (RFC 3344 4.6).
      if (attachment.kind === 'searching') {
        neighbours.learnIpv4(address, mac);
      }
    },
    ipv4: forwarder.receiveIpv4,
    ipv6: forwarder.receiveIpv6,
    count,
  });

  return {
    restart() {
      registrar.forget();
      agents.forget();
      neighbours.forget();
      knowledge = { isLegacyHere: false };
      mayBeBound = false;
      careOfAddresses.clear();
      registration = undefined;
      useAddresses(configured);
      search();
      oldService = undefined;
    },
    register() {
      if (attachment.kind === 'home') {
        registrar.deregister();
      } else if (attachment.kind === 'searching') {
        search();
      } else {
        waiting.clear();
        registrar.register();
      }
    },
    deregister: registrar.deregister,
    onFrame(frame, isMulticast) {
      if (attachment.kind === 'co-located') {
        const mac = neighbours.findIpv4(attachment.careOf.router);
        if (mac !== undefined && mac.compare(frame, 6, 12) === 0) {
          careOf.routerHeard();
        }
      }
      sort(frame, isMulticast);
    },
    onOwnPacket: forwarder.sendOwn,
    status: () =>
      statusOf({
        settings,
        situation: situation(),
        service,
        registration,
        pending: registrar.status(),
        counters,
        now: clock.now(),
      }),
    close() {
      detach();
      expiry.clear();
      neighbours.forget();
      useAddresses(configured);
    },
  };
}
