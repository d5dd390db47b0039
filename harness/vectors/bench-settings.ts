/** The bench of a profile: which ports a role needs, what its hooks may hold, and where what it names is. */
import { resolve } from 'node:path';
import { fault } from './errors.ts';
import { icsDefaults } from './ics.ts';
import type { BenchSettings, PortSettings, PortsSettings, ProfileFile, Seat } from './profile.ts';
import type { DeviceHookName, HookName, Role } from './types.ts';

/** The links each role needs a port on. */
const portsOf: { readonly [role in Role]: readonly string[] } = {
  'home-agent': ['mn', 'fa', 'cn'],
  'foreign-agent': ['mn', 'ha', 'cn'],
  'mobile-node': ['link'],
  scenario: ['cn', 'ha', 'home', 'link'],
};

/** Further ports of a scenario, by the claim that needs them. */
const portsOfClaims: { readonly [claim: string]: readonly string[] } = {
  foreignAgent: ['fa', 'visited'],
  plainForeignAgent: ['plainFa', 'plainVisited'],
  colocated: ['network'],
};

/** And may have one on: a home agent where the home network is a link, a scenario beyond what it claims. */
const furtherPortsOf: { readonly [role in Role]?: readonly string[] } = {
  'home-agent': ['home'],
  scenario: Object.values(portsOfClaims).flat(),
};

/** The words in braces that are filled in, by hook. */
const wordsOf: { readonly [hook in HookName | DeviceHookName | 'move']: readonly string[] } = {
  reset: [],
  reconfigure: ['setting', 'mobileNode'],
  restart: ['mobileNode'],
  register: ['mobileNode'],
  move: ['mobileNode', 'network'],
};

/** Throws DataError naming the field and the mend. */
export function checkBench({ role, ics, ixit, bench }: ProfileFile, file: string): void {
  if ('lab' in bench) {
    const agent = 'agent' in bench.lab ? bench.lab.agent : 'scenario';
    if (agent === role) return;
    const mend = role === 'scenario' ? 'needs "seats", not an "agent"' : `needs "agent": "${role}"`;
    throw fault(file, '$.bench.lab', `${mend}, as the role is ${role}`);
  }
  const claims = role === 'scenario' ? { ...icsDefaults.scenario, ...ics } : {};
  const ofClaims = Object.entries(portsOfClaims).filter(([claim]) => claims[claim as keyof typeof claims]);
  for (const name of [...portsOf[role], ...ofClaims.flatMap(([, names]) => names)]) {
    if (bench.ports[name] === undefined)
      throw fault(
        file,
        `$.bench.ports.${name}`,
        `is needed, as the role is ${role}: name the device of that link`,
      );
  }
  const known = [...portsOf[role], ...(furtherPortsOf[role] ?? [])];
  for (const name of Object.keys(bench.ports))
    if (!known.includes(name))
      throw fault(
        file,
        `$.bench.ports.${name}`,
        `is no port where the role is ${role}: take it away (there are ${known.join(', ')})`,
      );
  for (const [name, port] of Object.entries(bench.ports))
    checkPort(name, port, role, (field, mend) => fault(file, `$.bench.ports.${name}${field}`, mend));
  checkHooks(bench, file);
  const { link } = bench.ports;
  const count = ixit.mobileNodes.reduce((sum, entry) => sum + (entry.count ?? 1), 0);
  const where = `${link?.namespace} ${link?.device ?? link?.macvlanOn}`;
  // Of a VLAN the number counts upwards.
  if (link !== undefined && link.vlan === undefined && count > 1 && !where.includes('{n}'))
    throw fault(
      file,
      '$.bench.ports.link',
      `needs "{n}" in its device or namespace, as ${count} mobile nodes are under test, each on a link of its own`,
    );
  for (const name of ['seats', 'echoIn'] as const)
    if (bench[name] !== undefined && role !== 'scenario')
      throw fault(file, `$.bench.${name}`, 'has a meaning only where the role is scenario: take it away');
  if (role === 'mobile-node' && bench.hooks?.restart === undefined)
    throw fault(
      file,
      '$.bench.hooks.restart',
      'is needed, as a mobile node has to begin anew before each test: a command as a list of arguments, or {"ask": "..."} for the operator',
    );
}

/** What a port is, and whether it can be that where the role is this. */
function checkPort(
  name: string,
  port: PortSettings,
  role: Role,
  faultAt: (field: string, mend: string) => Error,
): void {
  const kinds = (['device', 'macvlanOn', 'vlan'] as const).filter((kind) => port[kind] !== undefined);
  if (kinds.length !== 1)
    throw faultAt(
      '',
      kinds.length === 0
        ? 'needs "device" (one that is there), "macvlanOn" or "vlan" (a card that one is made on)'
        : `has ${kinds.map((kind) => `"${kind}"`).join(' and ')}: keep one of them`,
    );
  if (port.take === true && port.device === undefined)
    throw faultAt('.take', `has a meaning only with "device": take it away`);
  const isOurs = port.device === undefined || port.take === true;
  if (isOurs && port.configure === false)
    throw faultAt('.configure', 'cannot be false where the device is of our own making: take it away');
  const changes = isOurs || port.configure === true;
  for (const field of ['addresses', 'gateway', 'routes', 'evenIfInUse'] as const)
    if (port[field] !== undefined && !changes)
      throw faultAt(
        `.${field}`,
        `has a meaning only where the device may be changed: add "configure": true, or "take": true`,
      );
  if (role !== 'scenario') return;
  if (port.macvlanOn !== undefined)
    throw faultAt(
      '.macvlanOn',
      name === 'cn'
        ? 'cannot be in a scenario: kernels fill in the checksums of TCP, and cut it into segments, behind a macvlan, so that other packets are seen there than on the wire; use "device" or "vlan"'
        : 'cannot be in a scenario: the harness watches there, and a macvlan sees only what is sent to itself; use "device" or "vlan"',
    );
  if (port.via !== undefined)
    throw faultAt(
      '.via',
      'cannot be in a scenario: the harness joins its links with each other; name a device of this machine',
    );
}

/** A word that is not filled in would reach the command as it is; "${...}" is the shell's. */
function checkHooks({ hooks = {} }: PortsSettings, file: string): void {
  for (const [name, hook] of Object.entries(hooks)) {
    const known = wordsOf[name as keyof typeof wordsOf];
    const texts = Array.isArray(hook) ? hook : [hook.ask];
    for (const [, word = ''] of texts.join(' ').matchAll(/(?<!\$)\{(\w+)\}/g))
      if (!known.includes(word))
        throw fault(
          file,
          `$.bench.hooks.${name}`,
          `"{${word}}" stands for nothing here: ${known.length === 0 ? 'take it away' : `use ${known.map((one) => `{${one}}`).join(' or ')}`}`,
        );
  }
}

/** A bare name as `ip netns` lists it; with a slash in it, a path. */
const namespacePath = (name: string): string => (name.includes('/') ? name : `/run/netns/${name}`);

const inNamespace = <T extends { namespace?: string }>(place: T): T =>
  place.namespace === undefined ? place : { ...place, namespace: namespacePath(place.namespace) };

const each = <T, U>(entries: { [name: string]: T }, work: (entry: T) => U): { [name: string]: U } =>
  Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, work(entry)]));

/** Configuration files are named from the profile's folder on, namespaces by their names. */
export function withPaths(bench: BenchSettings, folder: string): BenchSettings {
  if ('lab' in bench) {
    const { lab } = bench;
    if ('agent' in lab) return { lab: { ...lab, configuration: resolve(folder, lab.configuration) } };
    return { lab: { seats: each(lab.seats, (path) => resolve(folder, path)) as { [seat in Seat]: string } } };
  }
  const { ports, seats, echoIn } = bench;
  return {
    ...bench,
    ports: each(ports, inNamespace),
    ...(seats === undefined
      ? {}
      : {
          seats: each(seats, (seat) =>
            inNamespace({ ...seat, configuration: resolve(folder, seat.configuration) }),
          ),
        }),
    ...(echoIn === undefined ? {} : { echoIn: echoIn.map(namespacePath) }),
  };
}
