import ipaddr from 'ipaddr.js';
import { where } from './device.ts';
import { NetError } from './errors.ts';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  check,
  errnoName,
  errorOf,
  libc,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from './libc.ts';
import { inNamespace, type Namespace } from './namespace.ts';

/** Routes of a namespace that are changed while it runs, without starting a program. */
export interface Routes {
  /** Has the kernel drop what is for this address, silently. IPv4 or IPv6. */
  blackhole(address: string): void;
  unblackhole(address: string): void;
  /** Makes every address of a prefix (`10.10.128.0/17`) the kernel's own; for IPv4 it answers ARP for them too. */
  local(prefix: string): void;
  /** Takes back what was added here and has not been taken back yet. */
  close(): void;
}

const NETLINK_ROUTE = 0;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;
const NLMSG_ERROR = 2;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_PRIORITY = 6;
const RTN_LOCAL = 2;
const RTN_BLACKHOLE = 6;
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_HOST = 254;
/** The loopback device is the first of every namespace. */
const loopbackIndex = 1;
const metric = 1024;

interface Route {
  family: number;
  address: number[];
  prefixLength: number;
  type: number;
}

/** Opens the routing tables of a namespace for changes. Every method throws a KernelError when the kernel refuses. */
export function openRoutes(namespace?: Namespace): Routes {
  const doing = `open a routing socket${where(namespace)}`;
  const fd = inNamespace(namespace, () =>
    check(libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), doing),
  );
  const added = new Map<string, Route>();
  let sequence = 0;
  let open = true;

  const change = (message: number, route: Route, doing: string, harmless: string): void => {
    if (!open) throw new NetError('CLOSED', 'the routes are closed');
    sequence += 1;
    const request = encodeRoute(message, sequence, route);
    check(libc().send(fd, request, request.length, 0), doing);
    const errno = acknowledged(fd, sequence, doing);
    if (errno !== 0 && errnoName(errno) !== harmless) throw errorOf(errno, `${doing}${where(namespace)}`);
  };
  const add = (prefix: string, type: number, doing: string): void => {
    const route = routeTo(prefix, type);
    change(RTM_NEWROUTE, route, doing, 'EEXIST');
    added.set(keyOf(route), route);
  };
  const remove = (route: Route, doing: string): void => {
    change(RTM_DELROUTE, route, doing, 'ESRCH');
    added.delete(keyOf(route));
  };

  return {
    blackhole: (address) => add(address, RTN_BLACKHOLE, `add a blackhole route for ${address}`),
    unblackhole: (address) =>
      remove(routeTo(address, RTN_BLACKHOLE), `remove the blackhole route for ${address}`),
    local: (prefix) => add(prefix, RTN_LOCAL, `make ${prefix} local`),
    close() {
      if (!open) return;
      try {
        for (const route of [...added.values()]) remove(route, 'take a route back');
      } finally {
        open = false;
        libc().close(fd);
      }
    },
  };
}

function routeTo(text: string, type: number): Route {
  try {
    const [host = '', bits] = text.split('/');
    // The library would take 10.1.1 for 10.1.0.1.
    if (!ipaddr.IPv4.isValidFourPartDecimal(host) && !ipaddr.IPv6.isValid(host))
      throw new Error('no address');
    const [address, prefixLength] =
      bits === undefined ? [ipaddr.parse(host), undefined] : ipaddr.parseCIDR(text);
    const octets = address.toByteArray();
    const family = address.kind() === 'ipv4' ? AF_INET : AF_INET6;
    return { family, address: octets, prefixLength: prefixLength ?? octets.length * 8, type };
  } catch {
    throw new NetError('ADDRESS', `"${text}" is neither an IP address nor a prefix`);
  }
}

function keyOf(route: Route): string {
  return `${route.type} ${route.address.join('.')}/${route.prefixLength}`;
}

/** nlmsghdr (16 octets), rtmsg (12), then attributes of length, type and value. */
function encodeRoute(message: number, sequence: number, route: Route): Uint8Array {
  const local = route.type === RTN_LOCAL;
  const attributes = [
    attribute(RTA_DST, Uint8Array.from(route.address)),
    ...(local ? [attribute(RTA_OIF, uint32(loopbackIndex))] : []),
    ...(route.family === AF_INET6 ? [attribute(RTA_PRIORITY, uint32(metric))] : []),
  ];
  const length = 28 + attributes.reduce((sum, { length }) => sum + length, 0);
  const octets = new Uint8Array(length);
  const view = new DataView(octets.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, message, true);
  const creating = message === RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0;
  view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK | creating, true);
  view.setUint32(8, sequence, true);
  const scope = local && route.family === AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  const table = local ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
  octets.set([route.family, route.prefixLength, 0, 0, table, RTPROT_STATIC, scope, route.type], 16);
  let offset = 28;
  for (const octetsOfOne of attributes) {
    octets.set(octetsOfOne, offset);
    offset += octetsOfOne.length;
  }
  return octets;
}

/** Every value used here has a length that is a multiple of four, so none is padded. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const octets = new Uint8Array(4 + value.length);
  const view = new DataView(octets.buffer);
  view.setUint16(0, octets.length, true);
  view.setUint16(2, type, true);
  octets.set(value, 4);
  return octets;
}

function uint32(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, value, true);
  return octets;
}

/** Reads the kernel's answer to a request, which is there when `send` has returned. Returns the errno or 0. */
function acknowledged(fd: number, sequence: number, doing: string): number {
  const answer = new Uint8Array(4096);
  const view = new DataView(answer.buffer);
  for (;;) {
    const length = check(libc().recv(fd, answer, answer.length, 0), doing);
    if (length < 20 || view.getUint32(8, true) !== sequence) continue;
    if (view.getUint16(4, true) === NLMSG_ERROR) return -view.getInt32(16, true);
  }
}
