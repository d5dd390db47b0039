import { AF_INET, check, koffi, libc, SOCK_CLOEXEC, SOCK_DGRAM } from './libc.ts';
import { inNamespace, type Namespace } from './namespace.ts';

/** What the kernel knows of a network device. */
export interface DeviceFacts {
  index: number;
  /** The hardware address, `02:00:00:00:00:01`. */
  mac: string;
  /** Octets of network layer that fit in a frame. */
  mtu: number;
}

const SIOCGIFMTU = 0x8921;
const SIOCGIFHWADDR = 0x8927;
const SIOCGIFINDEX = 0x8933;
const SIOCETHTOOL = 0x8946;
const ifreqLength = 40;
const longestName = 15;

/** ETHTOOL_S* commands: checksums, scatter-gather, segmentation and coalescing, both directions. Each reads by the number before. */
const offloadCommands = {
  'receive checksum': 0x15,
  'transmit checksum': 0x17,
  'scatter-gather': 0x19,
  'TCP segmentation': 0x1f,
  'generic segmentation': 0x24,
  'generic receive': 0x2c,
};

/** Index, hardware address and MTU of a device. Throws a KernelError (ENODEV) when it does not exist. */
export function deviceFacts(device: string, namespace?: Namespace): DeviceFacts {
  return withControlSocket(namespace, (fd) => {
    const ask = (request: number, doing: string): DataView => {
      const ifreq = ifreqOf(device);
      check(libc().ioctl(fd, request, ifreq), `${doing} of the device ${device}${where(namespace)}`);
      return new DataView(ifreq.buffer);
    };
    const index = ask(SIOCGIFINDEX, 'find the index').getInt32(16, true);
    const mtu = ask(SIOCGIFMTU, 'read the MTU').getInt32(16, true);
    const hardware = new Uint8Array(ask(SIOCGIFHWADDR, 'read the hardware address').buffer, 18, 6);
    return { index, mtu, mac: [...hardware].map((octet) => octet.toString(16).padStart(2, '0')).join(':') };
  });
}

/**
 * Switches checksum and segmentation offload off, so that frames are seen as they are on the wire and with correct
 * checksums. Returns the names of those that the driver would not switch off.
 */
export function disableOffloads(devices: string[], namespace?: Namespace): string[] {
  return withControlSocket(namespace, (fd) =>
    devices.flatMap((device) =>
      Object.entries(offloadCommands)
        .filter(([, command]) => !switchOff(fd, device, command))
        .map(([name]) => `${device}: ${name}`),
    ),
  );
}

/** Names of the offloads of `disableOffloads`. */
export const offloadNames = Object.keys(offloadCommands) as readonly Offload[];
export type Offload = keyof typeof offloadCommands;

/** Whether an offload is on; undefined where the driver does not say. */
export function offloadIsOn(device: string, offload: Offload, namespace?: Namespace): boolean | undefined {
  const value = Uint32Array.of(offloadCommands[offload] - 1, 0);
  return withControlSocket(namespace, (fd) => ethtool(fd, device, value))
    ? (value[1] as number) !== 0
    : undefined;
}

/** Switches an offload on or off. Returns false when the driver would not. */
export function setOffload(device: string, offload: Offload, on: boolean, namespace?: Namespace): boolean {
  const value = Uint32Array.of(offloadCommands[offload], on ? 1 : 0);
  return withControlSocket(namespace, (fd) => ethtool(fd, device, value));
}

const switchOff = (fd: number, device: string, command: number): boolean =>
  ethtool(fd, device, Uint32Array.of(command, 0));

function ethtool(fd: number, device: string, value: Uint32Array): boolean {
  const ifreq = ifreqOf(device);
  new DataView(ifreq.buffer).setBigUint64(16, koffi().address(value), true);
  return libc().ioctl(fd, SIOCETHTOOL, ifreq) === 0;
}

function ifreqOf(device: string): Uint8Array<ArrayBuffer> {
  const ifreq = new Uint8Array(ifreqLength);
  ifreq.set(new TextEncoder().encode(device).subarray(0, longestName));
  return ifreq;
}

function withControlSocket<T>(namespace: Namespace | undefined, work: (fd: number) => T): T {
  const fd = inNamespace(namespace, () =>
    check(libc().socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open a control socket'),
  );
  try {
    return work(fd);
  } finally {
    libc().close(fd);
  }
}

/** ` in the namespace NAME`, for messages. */
export function where(namespace: Namespace | undefined): string {
  return namespace === undefined ? '' : ` in the namespace ${namespace.path}`;
}
