import { realtimeNs } from '../../net/index.ts';
import { ipv4Text } from '../common/addresses.ts';
import { ntpTime } from '../common/clock.ts';
import type { Agent, Telling } from '../common/program.ts';
import type { Counters } from '../common/status.ts';
import type { Clock } from './clock.ts';
import type { Settings } from './config.ts';
import type { Deviates } from './deviations.ts';
import { askForLease } from './dhcp.ts';
import { createMobileNode, type MobileNode } from './node.ts';
import { openStation, type Station } from './station.ts';

export interface MobileNodesOptions extends Telling {
  settings: readonly Settings[];
  /** One for each of the settings. */
  stations: readonly Station[];
  deviates: Deviates;
}

const clock: Clock = {
  now: () => performance.now(),
  ntp: () => ntpTime(realtimeNs()),
  after(milliseconds, work) {
    const timer = setTimeout(work, Math.min(milliseconds, 0x7fffffff));
    return () => clearTimeout(timer);
  },
};

/** Opens the place of every mobile node in the kernel. Throws when the kernel refuses. */
export function openStations(settings: readonly Settings[]): { stations: Station[]; close(): void } {
  const stations: Station[] = [];
  const close = () => {
    for (const station of stations.splice(0)) {
      station.close();
    }
  };
  try {
    for (const one of settings) {
      stations.push(openStation(one));
    }
  } catch (error) {
    close();
    throw error;
  }
  return { stations, close };
}

/** Starts every mobile node at its station. Orders: `restart N`, `register N`, `deregister N`. */
export function startMobileNodes(options: MobileNodesOptions): Agent {
  const { settings, stations, log } = options;
  const counters: Counters = {};
  const nodes = new Map(
    stations.flatMap((station, index) => {
      const one = settings[index];
      return one === undefined ? [] : [[one.number, startOne(one, station, options, counters)] as const];
    }),
  );
  return {
    status: () => ({ mobileNodes: [...nodes.values()].map((node) => node.status()), counters }),
    order(line) {
      const [word = '', number = '', ...rest] = line.trim().split(/\s+/);
      const node = rest.length > 0 ? undefined : nodes.get(Number(number));
      if (node === undefined || !isOrder(word)) {
        log('unknown-order', { line });
        process.stdout.write(`refused ${line}\n`);
        return;
      }
      node[word]();
      process.stdout.write(`done ${line}\n`);
    },
    close() {
      for (const node of nodes.values()) {
        node.close();
      }
      for (const station of stations) {
        station.handlers = undefined;
      }
    },
  };
}

function isOrder(word: string): word is 'restart' | 'register' | 'deregister' {
  return word === 'restart' || word === 'register' || word === 'deregister';
}

function startOne(
  settings: Settings,
  station: Station,
  { deviates, log, changed }: MobileNodesOptions,
  counters: Counters,
): MobileNode {
  const count = (name: string) => {
    counters[name] = (counters[name] ?? 0) + 1;
  };
  /** What the kernel refuses (a device that went down) is counted and logged, and the agent goes on. */
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      count('kernelErrors');
      log('kernel-error', {
        mobileNode: settings.number,
        message: error instanceof Error ? error.message : String(error),
      });
    }
  };
  let wanted: string | undefined;
  const node = createMobileNode({
    settings,
    clock,
    deviates,
    link: { mac: station.mac, send: (frame) => attempt(() => station.send(frame)) },
    deliver: (packet) => attempt(() => station.deliver(packet)),
    useAddresses: (addresses) => attempt(() => station.useAddresses(addresses)),
    requestLease: (take) =>
      askForLease({
        namespace: station.namespace,
        device: settings.device,
        wanted,
        take(lease, reason) {
          wanted = lease && ipv4Text(lease.address);
          if (reason !== undefined) {
            log('no-lease', { mobileNode: settings.number, reason });
          }
          take(lease);
        },
      }),
    log,
    changed,
  });
  station.handlers = { frame: node.onFrame, ownPacket: node.onOwnPacket, count, log };
  node.restart();
  return node;
}
