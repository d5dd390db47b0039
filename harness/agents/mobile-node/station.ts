import { spawn } from 'node:child_process';
import {
  deviceFacts,
  disableOffloads,
  inNamespace,
  ipBatch,
  KernelError,
  type Namespace,
  openNamespace,
  type PacketPort,
  writeSysctls,
} from '../../net/index.ts';
import { ipv4Text, ipv6Text } from '../common/addresses.ts';
import { ethernetLength, etherType, macOctets, openAgentPort } from '../common/port.ts';
import type { Settings } from './config.ts';
import type { HomeAddresses } from './forwarding.ts';

/** Who takes what a station receives; changed when the mobile node begins anew. */
export interface StationHandlers {
  frame(frame: Buffer, isMulticast: boolean): void;
  ownPacket(packet: Buffer): void;
  count(name: string): void;
  log(event: string, details: object): void;
}

/** A mobile node's place in the kernel: its link device and the pair that its own stack speaks through. */
export interface Station {
  readonly namespace: Namespace | undefined;
  readonly mac: string;
  handlers: StationHandlers | undefined;
  send(frame: Uint8Array): void;
  /** Hands a packet to the stack. */
  deliver(packet: Buffer): void;
  /** Gives the stack these home addresses instead of those that it has. */
  useAddresses(addresses: HomeAddresses): void;
  close(): void;
}

/** Hardware addresses of the pair, which nobody else sees. */
const stackMac = '02:6d:69:70:00:01';
const agentMac = '02:6d:69:70:00:02';
/** The stack's router is the agent's end of the pair. */
const ipv4Router = '169.254.77.1';
const ipv6Router = 'fe80::1';

/**
 * Takes the link device from the kernel and gives it the virtual pair instead, so that every packet of the stack passes the agent.
 * The namespace is to be the mobile node's own. Throws when the kernel refuses.
 */
export function openStation(settings: Settings): Station {
  const { device, virtualDevice } = settings;
  const namespace = settings.namespace === undefined ? undefined : openNamespace(settings.namespace);
  const agentDevice = peerName(virtualDevice);
  const configured: HomeAddresses = {
    ipv4: settings.homeAddress,
    ipv6: typeof settings.ipv6Home === 'object' ? settings.ipv6Home.address : undefined,
  };
  setUp(settings, namespace, agentDevice, configured);

  const station: Station = {
    namespace,
    mac: deviceFacts(device, namespace).mac,
    handlers: undefined,
    send: (frame) => link.send(frame),
    deliver: (packet) => agent.send(Buffer.concat([headerTo(packet), packet])),
    useAddresses(next) {
      ip(changes(virtualDevice, current, next));
      current = next;
    },
    close() {
      link.close();
      agent.close();
      namespace?.close();
    },
  };
  const open = (name: string, onFrame: (frame: Buffer, isMulticast: boolean) => void): PacketPort =>
    openAgentPort({
      namespace,
      device: name,
      onFrame: (frame, _port, isMulticast) => onFrame(frame, isMulticast),
      count: (what) => station.handlers?.count(what),
      log: (event, details) => station.handlers?.log(event, details),
    });
  const ip = createIpQueue(namespace, (message) => station.handlers?.log('kernel-error', { message }));
  let current = configured;
  const link = open(device, (frame, isMulticast) => station.handlers?.frame(frame, isMulticast));
  const agent = open(agentDevice, (frame, isMulticast) => {
    const type = frame.readUInt16BE(12);
    if (!isMulticast && (type === etherType.ipv4 || type === etherType.ipv6)) {
      station.handlers?.ownPacket(frame.subarray(ethernetLength));
    }
  });
  return station;
}

/** `mip0` -> `mip1`. */
function peerName(virtualDevice: string): string {
  return virtualDevice.endsWith('0') ? `${virtualDevice.slice(0, -1)}1` : `${virtualDevice}p`;
}

const ipv4Header = Buffer.concat([macOctets(stackMac), macOctets(agentMac), Buffer.of(0x08, 0x00)]);
const ipv6Header = Buffer.concat([macOctets(stackMac), macOctets(agentMac), Buffer.of(0x86, 0xdd)]);

function headerTo(packet: Buffer): Buffer {
  return (packet[0] ?? 0) >> 4 === 6 ? ipv6Header : ipv4Header;
}

function setUp(
  settings: Settings,
  namespace: Namespace | undefined,
  agentDevice: string,
  addresses: HomeAddresses,
): void {
  const { device, virtualDevice, tunnelMtu } = settings;
  const isThere = exists(virtualDevice, namespace);
  const pair = ['name', virtualDevice, 'address', stackMac, 'type', 'veth', 'peer'];
  const viaAgent = ['dev', virtualDevice, 'mtu', String(tunnelMtu)];
  const permanent = ['lladdr', agentMac, 'dev', virtualDevice, 'nud', 'permanent'];
  // What the kernel would say on the link device, it is kept from saying before the device comes up.
  writeSysctls(namespace, {
    'ipv4/conf/all/rp_filter': 0,
    [`ipv4/conf/${device}/rp_filter`]: 1,
    [`ipv4/conf/${device}/arp_ignore`]: 8,
    [`?ipv6/conf/${device}/disable_ipv6`]: 1,
  });
  ipBatch(
    [
      ...(isThere ? [] : [['link', 'add', ...pair, 'name', agentDevice, 'address', agentMac]]),
      ['link', 'set', virtualDevice, 'addrgenmode', 'none'],
      ['link', 'set', agentDevice, 'addrgenmode', 'none'],
      ['link', 'set', 'lo', 'up'],
      ['link', 'set', device, 'up'],
      ['link', 'set', agentDevice, 'up'],
      ['link', 'set', virtualDevice, 'address', stackMac, 'up'],
      ['address', 'flush', 'dev', virtualDevice],
      ...changes(virtualDevice, { ipv4: undefined, ipv6: undefined }, addresses),
      ['neighbour', 'replace', ipv4Router, ...permanent],
      ['neighbour', 'replace', ipv6Router, ...permanent],
      ['route', 'replace', 'default', 'via', ipv4Router, ...viaAgent, 'onlink'],
      ['route', 'replace', 'default', 'via', ipv6Router, ...viaAgent],
    ],
    settings.namespace,
  );
  disableOffloads([device, virtualDevice, agentDevice], namespace);
  writeSysctls(namespace, {
    [`ipv4/conf/${virtualDevice}/rp_filter`]: 0,
    [`ipv4/conf/${agentDevice}/rp_filter`]: 1,
    [`ipv4/conf/${agentDevice}/arp_ignore`]: 8,
    [`?ipv6/conf/${agentDevice}/disable_ipv6`]: 1,
    [`?ipv6/conf/${virtualDevice}/accept_ra`]: 0,
  });
}

function exists(device: string, namespace: Namespace | undefined): boolean {
  try {
    deviceFacts(device, namespace);
    return true;
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENODEV') {
      return false;
    }
    throw error;
  }
}

/** The `ip` commands from one set of home addresses to another. */
function changes(device: string, from: HomeAddresses, to: HomeAddresses): string[][] {
  const text = ({ ipv4, ipv6 }: HomeAddresses) => ({
    ipv4: ipv4 === undefined ? undefined : `${ipv4Text(ipv4)}/32`,
    ipv6: ipv6 === undefined ? undefined : `${ipv6Text(ipv6)}/128`,
  });
  const before = text(from);
  const after = text(to);
  const lines: string[][] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    if (before[family] !== after[family]) {
      const nodad = family === 'ipv6' ? ['nodad'] : [];
      if (before[family] !== undefined) {
        lines.push(['address', 'delete', before[family], 'dev', device]);
      }
      if (after[family] !== undefined) {
        lines.push(['address', 'replace', after[family], 'dev', device, ...nodad]);
      }
    }
  }
  return lines;
}

/** As ipBatch, without waiting for the program; calls of one station are carried out one after the other. */
function createIpQueue(
  namespace: Namespace | undefined,
  failed: (message: string) => void,
): (lines: string[][]) => void {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  const waiting: string[][] = [];
  let isRunning = false;

  function next(): void {
    const lines = waiting.splice(0);
    if (lines.length === 0 || isRunning) {
      return;
    }
    isRunning = true;
    const child = inNamespace(namespace, () =>
      spawn('ip', ['-force', '-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'], env }),
    );
    let said = '';
    const end = (message: string) => {
      if (isRunning) {
        isRunning = false;
        if (message !== '') {
          failed(message);
        }
        next();
      }
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, 1000);
    });
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => end(error.message));
    child.once('close', (status) => end(status === 0 ? '' : said.trim() || `ip ended with ${status}`));
    child.stdin.end(lines.map((words) => `${words.join(' ')}\n`).join(''));
  }

  return (lines) => {
    waiting.push(...lines);
    if (!isRunning) {
      next();
    }
  };
}
