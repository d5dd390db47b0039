/** Every kind of change that is made to links, as what takes it back. Each may be done twice, and where nothing was changed. */
import fs from 'node:fs';
import { join } from 'node:path';
import { type Offload, setOffload } from './device.ts';
import { type DeviceState, type IpLink, readSysctl, writeDeviceState } from './device-state.ts';
import { NetError } from './errors.ts';
import { ipBatch, ipJson } from './ip-command.ts';
import { deleteNamespace, inNamespace, type Namespace } from './namespace.ts';
import { atPlace, type Place } from './place.ts';

export type Undo =
  /** A device that was made. */
  | { kind: 'link'; place: Place; device: string }
  | { kind: 'address'; place: Place; device: string; address: string }
  /** The words behind `ip route delete`. */
  | { kind: 'route'; place: Place; words: string[]; family: '-4' | '-6' }
  | { kind: 'sysctl'; place: Place; name: string; value: string }
  | { kind: 'offload'; place: Place; device: string; offload: Offload }
  /** A device that was brought up. */
  | { kind: 'up'; place: Place; device: string }
  /** A namespace that was made. */
  | { kind: 'namespace'; path: string }
  /** A device that was moved from a namespace into one of ours. */
  | { kind: 'taken'; place: Place; device: string; from: Place; state: DeviceState };

/** What the undoing does, for people. */
export function undoText(undo: Undo): string {
  switch (undo.kind) {
    case 'link':
      return `delete the device ${undo.device}`;
    case 'address':
      return `take ${undo.address} from ${undo.device}`;
    case 'route':
      return `delete the route ${undo.words.join(' ')}`;
    case 'sysctl':
      return `set ${undo.name} to ${undo.value} again`;
    case 'offload':
      return `switch ${undo.offload} of ${undo.device} on again`;
    case 'up':
      return `take ${undo.device} down again`;
    case 'namespace':
      return `delete the namespace ${undo.path}`;
    case 'taken':
      return `move ${undo.device} back to where it was, with its addresses and routes`;
  }
}

/** Take one change back. What is not there any more needs no undoing. Throws a NetError for what the kernel refuses. */
export function takeBack(undo: Undo): void {
  if (undo.kind === 'namespace') {
    deleteNamespace(undo.path);
    return;
  }
  // What was in a namespace that is gone went with it, but for cards, which go back to the first namespace.
  atPlace(undo.place, (namespace) => takeBackAt(undo, namespace));
  if (undo.kind === 'taken') requireBack(undo);
}

function takeBackAt(undo: Exclude<Undo, { kind: 'namespace' }>, namespace: Namespace): void {
  const ip = (words: string[], family?: string): void => {
    try {
      ipBatch([words], namespace.path, family);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  };
  switch (undo.kind) {
    case 'link':
      ip(['link', 'delete', undo.device]);
      return;
    case 'address':
      ip(['address', 'delete', undo.address, 'dev', undo.device]);
      return;
    case 'route':
      ip(['route', 'delete', ...undo.words], undo.family);
      return;
    case 'up':
      ip(['link', 'set', undo.device, 'down']);
      return;
    case 'offload':
      setOffload(undo.device, undo.offload, true, namespace);
      return;
    case 'sysctl':
      inNamespace(namespace, () => {
        const now = readSysctl(undo.name);
        if (now !== undefined && now !== undo.value)
          fs.writeFileSync(join('/proc/sys/net', undo.name), undo.value);
      });
      return;
    case 'taken':
      giveBack(undo, namespace);
  }
}

/** iproute2's and the kernel's words for what is not there. */
function isGone(error: unknown): boolean {
  return (
    error instanceof NetError &&
    /Cannot find device|does not exist|No such (device|process|file)|Cannot assign requested address/.test(
      error.message,
    )
  );
}

function hasDevice(namespace: Namespace, device: string): boolean {
  return ipJson<IpLink>(['link', 'show'], namespace).some(({ ifname }) => ifname === device);
}

function giveBack({ device, from, state }: Extract<Undo, { kind: 'taken' }>, ours: Namespace): void {
  if (!hasDevice(ours, device)) return;
  const problems = atPlace(from, (namespace) => {
    if (hasDevice(namespace, device))
      return [
        `there is another device ${device} where it came from: rename that one, and run dsmip links restore`,
      ];
    // By our own descriptor, and our number as /proc has it, which in a process namespace is another one.
    ipBatch(
      [['link', 'set', device, 'netns', `/proc/${fs.readlinkSync('/proc/self')}/fd/${namespace.fd}`]],
      ours.path,
    );
    return writeDeviceState(device, state, namespace);
  });
  if (problems === undefined)
    throw new NetError(
      'LINKS',
      `the namespace that ${device} came from exists no more: it stays in ${ours.path}`,
    );
  if (problems.length > 0) throw new NetError('LINKS', problems.join('; '));
}

/** It is told when a card is not where it came from. */
function requireBack({ device, from }: Extract<Undo, { kind: 'taken' }>): void {
  const isBack = atPlace(from, (namespace) => hasDevice(namespace, device));
  if (isBack !== false) return;
  throw new NetError(
    'LINKS',
    `${device} is neither where it was put nor where it came from: look for it with "ip link", move it with "ip link set ${device} netns ..."`,
  );
}
