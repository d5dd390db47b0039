import { networkInterfaces } from 'node:os';
import {
  inNamespace,
  type Namespace,
  openNamespace,
  openRawSender,
  openSink,
  type PacketPort,
} from '../../net/index.ts';
import { encodePacket } from '../../wire/index.ts';
import {
  directedBroadcast,
  type Ipv6Key,
  ipv4Number,
  ipv4Text,
  ipv6Key,
  ipv6KeyAt,
} from '../common/addresses.ts';
import { createDeafness } from '../common/deafness.ts';
import { mobileIpPort } from '../common/messages.ts';
import { ipv4Packet, protocol } from '../common/packets.ts';
import { ethernetLength, etherType, macOf, openAgentPort } from '../common/port.ts';
import type { Agent, Telling } from '../common/program.ts';
import type { Counters } from '../common/status.ts';
import { advertiseForeignAgent } from './advertisements.ts';
import { createChallenges } from './challenges.ts';
import type { Settings } from './config.ts';
import { mended, readDatagram, visitEndPackets } from './deviating.ts';
import type { Deviates } from './deviations.ts';
import { createForwarder } from './forwarding.ts';
import { replyCode } from './message.ts';
import { createRegistration } from './registration.ts';
import { statusOf } from './status.ts';
import { readQuoted, readUnreachable } from './unreachable.ts';
import { createVisitorList } from './visitors.ts';

export interface ForeignAgentOptions extends Telling {
  settings: Settings;
  deviates: Deviates;
  /** Path of the network namespace to work in; the process's own without it. */
  namespace?: string;
}

/** All mobility agents (RFC 3344 2.4), all hosts, all routers, everybody. */
const groups: readonly number[] = [0xe000000b, 0xe0000001, 0xe0000002, 0xffffffff];
const [allMobilityAgents] = groups;
const firstEphemeralPort = 49152;
const ephemeralPorts = 16384;
/** With so many requests pending, each still has a port of its own. */
const relayPortCount = 64;
const portAttempts = 16;
const tunnelProtocols: readonly number[] = [protocol.ipInIp, protocol.ipv6, protocol.gre, protocol.minimal];

/** Opens ports and sockets and serves. Throws when the kernel refuses one of them. */
export function startForeignAgent(options: ForeignAgentOptions): Agent {
  const { settings, deviates, log } = options;
  const namespace = options.namespace === undefined ? undefined : openNamespace(options.namespace);
  const counters: Counters = {};
  const count = (name: string) => {
    counters[name] = (counters[name] ?? 0) + 1;
  };
  const now = () => performance.now();
  const sender = openRawSender(namespace);
  const { sink, relayPorts } = openSinkWithPorts(namespace);
  const own = ownAddresses(settings, namespace);
  const broadcasts: readonly number[] = [...groups, directedBroadcast(settings.visitedLink.prefix)];
  const challenges = settings.challenges ? createChallenges() : undefined;
  const visitors = createVisitorList(settings, now, options.changed, deviates, (visitor) => {
    const { upstream: request, toMobile: reply } = visitEndPackets(visitor, settings, deviates);
    if (request !== undefined) {
      sendUpstream(request);
    }
    if (reply !== undefined) {
      sendToMobile(visitor.mac, reply);
    }
  });

  sender.onError = (error, packet) => {
    count('sendErrors');
    log('send-error', { message: error.message });
    // The kernel knows no way: what a router would tell by ICMP.
    const octets = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
    const isRelayed =
      octets.length > 28 && octets[9] === protocol.udp && relayPorts.includes(octets.readUInt16BE(20));
    if (isRelayed && 'code' in error && (error.code === 'ENETUNREACH' || error.code === 'EHOSTUNREACH')) {
      const code = error.code === 'ENETUNREACH' ? replyCode.networkUnreachable : replyCode.hostUnreachable;
      registration.onUnreachable(readQuoted(octets), code);
    }
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

  /** RFC 3344 4.2.2: never by ARP, always to the link-layer address that the registration came from. */
  function sendToMobile(mac: Buffer, packet: Uint8Array): void {
    const isIpv6 = (packet[0] ?? 0) >> 4 === 6;
    const header = Buffer.concat([mac, visitedMac, isIpv6 ? Buffer.of(0x86, 0xdd) : Buffer.of(0x08, 0x00)]);
    attempt(() => visited.send(Buffer.concat([header, packet])));
  }

  /** For a deviation; what RFC 3344 4.2.2 forbids. */
  function askByArp(address: number): void {
    const everybody = 'ff:ff:ff:ff:ff:ff';
    const question = {
      operation: 1,
      senderMac: visited.mac,
      senderAddress: ipv4Text(settings.visitedLink.address),
      targetMac: '00:00:00:00:00:00',
      targetAddress: ipv4Text(address),
    };
    attempt(() =>
      visited.send(
        encodePacket([{ ethernet: { destination: everybody, source: visited.mac } }, { arp: question }]),
      ),
    );
  }

  function onVisitedUdp(frame: Buffer, destination: number, isMulticast: boolean): void {
    // RFC 3344 3.6.1.1: with the link-layer address of the one agent that is meant.
    const isForAgents = destination === allMobilityAgents && !deviates('multicast-requests-ignored');
    const isWanted = isForAgents || (!isMulticast && own.ipv4.has(destination));
    if (!isWanted || udpPortOf(frame) !== mobileIpPort) {
      return;
    }
    const datagram = readDatagram(frame, deviates('wrong-checksum-of-request-ignored'));
    if (datagram.problem !== undefined) {
      count(datagram.problem);
    } else {
      registration.onRequest({
        mac: Buffer.from(frame.subarray(6, 12)),
        sourcePort: datagram.sourcePort,
        destination,
        ttl: frame[22] ?? 0,
        payload: Buffer.from(datagram.payload),
      });
    }
  }

  function onVisitedIpv4(frame: Buffer, isMulticast: boolean): void {
    const destination = frame.readUInt32BE(30);
    const packet = frame.subarray(ethernetLength);
    const mac = frame.subarray(6, 12);
    const start = ethernetLength + ((frame[14] ?? 0) & 15) * 4;
    if (!own.ipv4.has(destination) && !broadcasts.includes(destination)) {
      if (!isMulticast) {
        forwarder.fromVisitor(packet, mac);
      }
      return;
    }
    switch (frame[23]) {
      case protocol.udp:
        onVisitedUdp(frame, destination, isMulticast);
        break;
      case protocol.ipInIp:
        if (!isMulticast && own.ipv4.has(destination)) {
          forwarder.fromVisitorEncapsulated(packet, mac);
        }
        break;
      case protocol.icmp:
        if (frame[start] === 10 && (frame[start + 1] === 0 || deviates('bad-solicitations-answered'))) {
          advertiser.onSolicitation(deviates('bad-solicitations-answered') ? mended(frame) : frame);
        }
    }
  }

  function onVisited(frame: Buffer, isMulticast: boolean): void {
    // Nobody's own address is a group's.
    if (((frame[6] ?? 0) & 1) === 1) {
      return;
    }
    const type = frame.readUInt16BE(12);
    if (type === etherType.ipv4 && frame.length >= ethernetLength + 20) {
      onVisitedIpv4(frame, isMulticast);
    } else if (type === etherType.ipv6 && frame.length >= ethernetLength + 40) {
      if (!isMulticast && !own.ipv6.has(ipv6KeyAt(frame, 38))) {
        forwarder.fromVisitorIpv6(frame.subarray(ethernetLength), frame.subarray(6, 12));
      }
    }
  }

  function onUpstreamUdp(frame: Buffer): void {
    if (!relayPorts.includes(udpPortOf(frame) ?? 0)) {
      return;
    }
    const datagram = readDatagram(frame, deviates('wrong-checksum-of-reply-ignored'));
    if (datagram.problem !== undefined) {
      count(datagram.problem);
    } else {
      registration.onReply(Buffer.from(datagram.payload));
    }
  }

  function onUpstreamIcmp(octets: Buffer): void {
    const packet = ipv4Packet(octets);
    const unreachable = packet && readUnreachable(packet, settings.upstreamAddress);
    if (unreachable !== undefined) {
      registration.onUnreachable(unreachable, unreachable.code);
    }
  }

  function onUpstream(frame: Buffer, isMulticast: boolean): void {
    if (isMulticast || frame.readUInt16BE(12) !== etherType.ipv4 || frame.length < ethernetLength + 20) {
      return;
    }
    const destination = frame.readUInt32BE(30);
    const packet = frame.subarray(ethernetLength);
    const protocolNumber = frame[23] ?? 0;
    if (!own.ipv4.has(destination)) {
      const visitor = visitors.byColocatedAddress(destination);
      if (visitor !== undefined) {
        forwarder.toColocated(packet, visitor);
      }
    } else if (protocolNumber === protocol.udp) {
      onUpstreamUdp(frame);
    } else if (protocolNumber === protocol.icmp) {
      onUpstreamIcmp(packet);
    } else if (tunnelProtocols.includes(protocolNumber) && settings.careOfAddresses.includes(destination)) {
      forwarder.fromTunnel(packet);
    }
  }

  const isDeaf = createDeafness(deviates);

  function open(device: string, onFrame: (frame: Buffer, isMulticast: boolean) => void): PacketPort {
    return openAgentPort({
      namespace,
      device,
      onFrame: (frame, _port, isMulticast) => {
        if (isDeaf?.(frame) !== true) {
          onFrame(frame, isMulticast);
        }
      },
      count,
      log,
    });
  }

  const visited = open(settings.visitedLink.device, onVisited);
  const visitedMac = macOf(visited);
  const upstream = settings.devices.map((device) => open(device, onUpstream));
  const sendUpstream = (packet: Uint8Array) => sender.send(packet);
  const forwarder = createForwarder({
    settings,
    visitors,
    sendUpstream,
    sendToMobile,
    askByArp,
    count,
    upstreamMtu: Math.min(...upstream.map((port) => port.mtu)),
    visitedMtu: visited.mtu,
    deviates,
  });
  const registration = createRegistration({
    settings,
    visitors,
    challenges,
    now,
    relayPorts,
    isOwnAddress: (address) => own.ipv4.has(address),
    sendUpstream,
    sendToMobile,
    count,
    log,
    changed: options.changed,
    deviates,
  });
  const link = { mac: visited.mac, send: (frame: Uint8Array) => attempt(() => visited.send(frame)) };
  const advertiser = advertiseForeignAgent(settings, link, () => registration.isBusy(), challenges, deviates);

  return {
    status: () => statusOf(visitors, registration.pending, counters, now()),
    close() {
      advertiser.close();
      registration.close();
      visitors.clear();
      for (const port of [visited, ...upstream]) {
        port.close();
      }
      sender.close();
      sink.close();
      namespace?.close();
    },
  };
}

/** The UDP destination port in a frame, as far as it is there; checked later with the rest. */
function udpPortOf(frame: Buffer): number | undefined {
  const start = ethernetLength + ((frame[14] ?? 0) & 15) * 4;
  return frame.length < start + 4 ? undefined : frame.readUInt16BE(start + 2);
}

/** A sink with source ports for relayed requests that nobody else has. */
function openSinkWithPorts(namespace: Namespace | undefined): {
  sink: { close(): void };
  relayPorts: number[];
} {
  for (let attempt = 1; ; attempt++) {
    const first = firstEphemeralPort + Math.floor(Math.random() * (ephemeralPorts - relayPortCount));
    const relayPorts = Array.from({ length: relayPortCount }, (_, index) => first + index);
    try {
      const sink = openSink({
        namespace,
        udpPorts: [mobileIpPort, ...relayPorts],
        protocols: [...tunnelProtocols],
      });
      return { sink, relayPorts };
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (!isTaken || attempt === portAttempts) {
        throw error;
      }
    }
  }
}

/** The addresses that the kernel answers for (RFC 3344 3.7.2: of any network interface), as they are at the start. */
function ownAddresses(
  settings: Settings,
  namespace: Namespace | undefined,
): { ipv4: Set<number>; ipv6: Set<Ipv6Key> } {
  const interfaces = Object.values(inNamespace(namespace, () => networkInterfaces())).flatMap(
    (addresses) => addresses ?? [],
  );
  const ipv4 = interfaces.filter(({ family }) => family === 'IPv4').map(({ address }) => ipv4Number(address));
  const ipv6 = interfaces.filter(({ family }) => family === 'IPv6').map(({ address }) => ipv6Key(address));
  return {
    ipv4: new Set([
      settings.visitedLink.address,
      settings.upstreamAddress,
      ...settings.careOfAddresses,
      ...ipv4,
    ]),
    ipv6: new Set([...ipv6, ...(settings.ipv6Address === undefined ? [] : [settings.ipv6Address])]),
  };
}
