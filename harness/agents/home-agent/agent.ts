import {
  openNamespace,
  openRawSender,
  openRoutes,
  openSink,
  type PacketPort,
  realtimeNs,
} from '../../net/index.ts';
import { directedBroadcast, ipv4Text, ipv6KeyAt, ipv6Text } from '../common/addresses.ts';
import type { Advertiser } from '../common/advertiser.ts';
import { ntpTime } from '../common/clock.ts';
import { createDeafness } from '../common/deafness.ts';
import { mobileIpPort } from '../common/messages.ts';
import { encapsulate, protocol } from '../common/packets.ts';
import { ethernetLength, etherType, macOf, openAgentPort } from '../common/port.ts';
import type { Agent, Telling } from '../common/program.ts';
import type { Counters } from '../common/status.ts';
import { readUdp } from '../common/udp.ts';
import { advertiseHomeAgent } from './advertisements.ts';
import { createAllocator } from './allocation.ts';
import { createBindingTable, type MobileNode } from './bindings.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { createForwarder } from './forwarding.ts';
import type { Arrival, Request } from './message.ts';
import { createNeighbours, type Neighbours } from './neighbours.ts';
import { createRegistrar, type Decision } from './registration.ts';
import { createReplyEncoder } from './reply.ts';
import { statusOf } from './status.ts';

export interface HomeAgentOptions extends Telling {
  settings: Settings;
  deviates: Deviates;
  /** Path of the network namespace to work in; the process's own without it. */
  namespace?: string;
}

/** Opens ports and sockets and serves. Throws when the kernel refuses one of them. */
export function startHomeAgent(options: HomeAgentOptions): Agent {
  const { settings, deviates, log } = options;
  const namespace = options.namespace === undefined ? undefined : openNamespace(options.namespace);
  const counters: Counters = {};
  const count = (name: string) => {
    counters[name] = (counters[name] ?? 0) + 1;
  };
  const now = () => performance.now();
  const ports: PacketPort[] = [];
  const routes = openRoutes(namespace);
  const sender = openRawSender(namespace);
  const sink = openSink({
    namespace,
    udpPorts: [mobileIpPort],
    protocols: [protocol.ipInIp, protocol.ipv6, protocol.gre, protocol.minimal],
  });
  sender.onError = (error) => {
    count('sendErrors');
    log('send-error', { message: error.message });
  };

  /** What the kernel refuses (a device that went down) is counted and logged, and the agent goes on. */
  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      count('kernelErrors');
      log('kernel-error', { message: error instanceof Error ? error.message : String(error) });
    }
  }

  let neighbours: Neighbours | undefined;
  const table = createBindingTable(
    settings.mobileNodes,
    {
      ipv4Started(address) {
        attempt(() => routes.blackhole(ipv4Text(address)));
        neighbours?.startIpv4(address);
      },
      ipv4Stopped(address, mobile) {
        attempt(() => routes.unblackhole(ipv4Text(address)));
        neighbours?.stopIpv4(address, mobile);
        tellOfExpiry(mobile);
      },
      ipv6Started(address, prefixLength) {
        attempt(() => routes.blackhole(`${ipv6Text(address)}/${prefixLength}`));
        if (prefixLength === 128) {
          neighbours?.startIpv6(address);
        }
      },
      ipv6Stopped(address, prefixLength) {
        attempt(() => routes.unblackhole(`${ipv6Text(address)}/${prefixLength}`));
        neighbours?.stopIpv6(address);
      },
      changed: options.changed,
    },
    now,
    deviates,
  );
  const allocator = createAllocator(settings, table, deviates);
  const clocks = { now, ntp: () => ntpTime(realtimeNs()) };
  const decide = createRegistrar(settings, table, allocator, clocks, deviates);
  const encodeReply = createReplyEncoder(settings, deviates);
  const broadcasts: ReadonlySet<number> = new Set([
    0xffffffff,
    directedBroadcast(settings.homeLink.ipv4Prefix),
  ]);
  const ourAddresses = new Set([
    settings.homeAgent,
    ...broadcasts,
    // All mobility agents (RFC 3344 2.4), all hosts, all routers.
    0xe000000b,
    0xe0000001,
    0xe0000002,
  ]);

  /** For a deviation: the reply that a binding was accepted with. */
  const acceptances = new Map<MobileNode, { decision: Decision; arrival: Arrival }>();

  function tellOfExpiry(mobile: MobileNode): void {
    const last = acceptances.get(mobile);
    acceptances.delete(mobile);
    if (last !== undefined) {
      sender.send(encodeReply({ ...last.decision, lifetimeSeconds: 0 }, last.arrival));
    }
  }

  /** What a deviation does of ARP although the request was rejected. */
  function arpAfterRejection({ homeAddress, lifetimeSeconds }: Request): void {
    const mobile = table.byHomeAddress.get(homeAddress);
    if (mobile === undefined) {
      return;
    }
    if (lifetimeSeconds > 0 && deviates('arp-after-rejection')) {
      neighbours?.startIpv4(homeAddress);
    }
    if (lifetimeSeconds === 0 && deviates('rejected-deregistration-ends-proxy-arp')) {
      neighbours?.stopIpv4(homeAddress, mobile);
    }
  }

  /** Where a deviation sends the reply to a deregistration, or a copy of it. */
  function replyElsewhere(decision: Decision, request: Request, arrival: Arrival): Arrival {
    const isOfOne = request.lifetimeSeconds === 0 && request.careOfAddress !== decision.homeAddress;
    if (!isOfOne || arrival.source === request.careOfAddress) {
      return arrival;
    }
    const elsewhere = { ...arrival, source: request.careOfAddress };
    if (deviates('foreign-agent-told-of-deregistration')) {
      sender.send(encodeReply(decision, { ...elsewhere, sourcePort: mobileIpPort }));
    }
    return deviates('deregistration-reply-to-care-of-address') ? elsewhere : arrival;
  }

  function onRegistration(arrival: Arrival, frame: Buffer, port: PacketPort): void {
    count('registrationRequests');
    const isAtHome = port === ports[0] && table.byHomeAddress.has(arrival.source);
    const verdict = decide(arrival);
    if (verdict.dropped !== undefined) {
      count('droppedRequests');
      log('dropped', { source: ipv4Text(arrival.source), reason: verdict.dropped });
      return;
    }
    const { decision, request } = verdict;
    count(`code${decision.code}`);
    const { change } = decision;
    const tunnelEnd = table.byHomeAddress.get(arrival.source)?.bindings[0]?.careOfAddress;
    const isRenewal =
      change?.kind === 'register' &&
      change.mobile.bindings.some(({ careOfAddress }) => careOfAddress === change.binding.careOfAddress);
    if (change === undefined) {
      arpAfterRejection(request);
      log('denied', {
        source: ipv4Text(arrival.source),
        homeAddress: ipv4Text(decision.homeAddress),
        nai: decision.nai,
        code: decision.code,
      });
    } else {
      if (isAtHome) {
        change.mobile.homeMac = Buffer.from(frame.subarray(6, 12));
      }
      acceptances.delete(change.mobile);
      table.apply(change);
      if (change.kind === 'register' && deviates('reply-at-expiry')) {
        acceptances.set(change.mobile, { decision, arrival });
      }
    }
    if (isRenewal && deviates('renewal-not-answered')) {
      return;
    }
    const reply = Buffer.from(encodeReply(decision, replyElsewhere(decision, request, arrival)));
    if (isAtHome && tunnelEnd !== undefined && deviates('reply-at-home-tunnelled')) {
      const header = { source: settings.homeAgent, destination: tunnelEnd, protocol: protocol.ipInIp };
      sender.send(encapsulate({ ...header, typeOfService: 0, dontFragment: false }, reply));
    } else if (isAtHome) {
      // RFC 3344 3.8.3.1: straight onto the home network, whatever is still bound.
      port.send(Buffer.concat([frame.subarray(6, 12), homeMac, frame.subarray(12, 14), reply]));
    } else {
      sender.send(reply);
    }
  }

  /** A UDP datagram for this agent. */
  function onUdp(octets: Buffer, frame: Buffer, port: PacketPort): void {
    const datagram = readUdp(octets, !deviates('udp-checksum-not-checked'));
    if (datagram.problem !== undefined) {
      count(datagram.problem);
      return;
    }
    const { source, sourcePort, destination, payload } = datagram;
    if (settings.natTraversal && payload[0] === 4) {
      forwarder.receiveTunnelData(source, sourcePort, payload);
      return;
    }
    onRegistration({ source, sourcePort, destination, destinationPort: mobileIpPort, payload }, frame, port);
  }

  /** For a deviation: the mobile node whose home address stands 64 times 256 below this one. */
  function neighbourOf(address: number): MobileNode | undefined {
    return deviates('tunnels-neighbouring-ipv4-address')
      ? table.ipv4.get((address - 0x4000) >>> 0)
      : undefined;
  }

  function isInterceptedFrom(port: PacketPort): boolean {
    return port !== ports[0] || !deviates('no-interception-from-home-link');
  }

  function onIpv4(frame: Buffer, port: PacketPort): void {
    if (frame.length < ethernetLength + 20) {
      return;
    }
    const destination = frame.readUInt32BE(30);
    const mobile = table.ipv4.get(destination) ?? neighbourOf(destination);
    if (mobile !== undefined && isInterceptedFrom(port)) {
      forwarder.interceptIpv4(frame.subarray(ethernetLength), mobile);
      return;
    }
    if (!ourAddresses.has(destination)) {
      return;
    }
    if (broadcasts.has(destination) && port === ports[0]) {
      // What follows reads its own copy.
      forwarder.broadcastIpv4(Buffer.from(frame.subarray(ethernetLength)));
    }
    const start = ethernetLength + ((frame[14] ?? 0) & 15) * 4;
    switch (frame[23]) {
      case protocol.udp:
        if (frame.length >= start + 8 && frame.readUInt16BE(start + 2) === mobileIpPort) {
          onUdp(frame.subarray(ethernetLength), frame, port);
        }
        break;
      case protocol.ipInIp:
      case protocol.ipv6:
      case protocol.gre:
      case protocol.minimal:
        if (destination === settings.homeAgent) {
          forwarder.receive(frame.subarray(ethernetLength));
        }
        break;
      case protocol.icmp:
        if (port === ports[0] && frame[start] === 10) {
          advertiser?.onSolicitation(frame);
        }
    }
  }

  function onIpv6(frame: Buffer, port: PacketPort, isMulticast: boolean): void {
    if (frame.length < ethernetLength + 40) {
      return;
    }
    if (port === ports[0] && frame[20] === protocol.icmpv6 && frame[54] === 135) {
      neighbours?.onNeighborSolicitation(frame);
      return;
    }
    const mobile = isMulticast ? undefined : forwarder.findIpv6(ipv6KeyAt(frame, 38));
    if (mobile !== undefined && isInterceptedFrom(port)) {
      forwarder.interceptIpv6(frame.subarray(ethernetLength), mobile);
    }
  }

  const isDeaf = createDeafness(deviates);

  function onFrame(frame: Buffer, port: PacketPort, isMulticast: boolean): void {
    if (isDeaf?.(frame) === true) {
      return;
    }
    switch (frame.readUInt16BE(12)) {
      case etherType.ipv4:
        onIpv4(frame, port);
        break;
      case etherType.ipv6:
        onIpv6(frame, port, isMulticast);
        break;
      case etherType.arp:
        if (port === ports[0]) {
          neighbours?.onArp(frame);
        }
    }
  }

  function open(device: string): PacketPort {
    const port = openAgentPort({ namespace, device, onFrame, count, log });
    ports.push(port);
    return port;
  }

  const home = open(settings.homeLink.device);
  for (const device of settings.devices) {
    open(device);
  }
  const homeMac = macOf(home);
  const forwarder = createForwarder({
    settings,
    table,
    send: (packet) => sender.send(packet),
    sendOntoHomeLink(packet) {
      const isIpv6 = (packet[0] ?? 0) >> 4 === 6;
      const type = isIpv6 ? Buffer.of(0x86, 0xdd) : Buffer.of(0x08, 0x00);
      link.send(Buffer.concat([Buffer.alloc(6, 0xff), homeMac, type, packet]));
    },
    count,
    now,
    mtu: Math.min(...ports.map((port) => port.mtu)),
    deviates,
  });
  const link = { mac: home.mac, send: (frame: Uint8Array) => attempt(() => home.send(frame)) };
  neighbours = createNeighbours(settings, table, link, deviates);
  const advertiser: Advertiser | undefined = advertiseHomeAgent(settings, link, deviates);

  return {
    status: () => statusOf(table, counters, now()),
    close() {
      advertiser?.close();
      table.clear();
      neighbours?.close();
      attempt(() => routes.close());
      for (const port of ports) {
        port.close();
      }
      sender.close();
      sink.close();
      namespace?.close();
    },
  };
}
