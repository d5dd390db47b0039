/** From what somebody types to what stands in a profile, and back. */

import type { KeySource } from '../../vectors/pool.ts';
import type { Hook, PortSettings } from '../../vectors/profile.ts';
import { UsageError } from '../errors.ts';
import type { Question } from './questions.ts';

type Holder = { [name: string]: unknown };

const steps = (path: string): string[] => path.replaceAll(/\[(\d+)\]/g, '.$1').split('.');

/** What stands at a path of a profile. */
export function valueAt(profile: object, path: string): unknown {
  return steps(path).reduce<unknown>((value, step) => (value as Holder | undefined)?.[step], profile);
}

/** Put a value there, making what is around it. */
export function put(profile: object, path: string, value: unknown): void {
  const all = steps(path);
  const last = all.pop() as string;
  let at = profile as Holder;
  for (const [n, step] of all.entries()) {
    at[step] ??= /^\d+$/.test(all[n + 1] ?? last) ? [] : {};
    at = at[step] as Holder;
  }
  at[last] = value;
}

/** A default, as it would be typed. */
export function asTyped(value: unknown, kind: Question['kind']): string {
  if (value === undefined) return '';
  if (kind === 'key') {
    const source = value as KeySource;
    return 'env' in source ? `env:${source.env}` : 'file' in source ? `file:${source.file}` : '';
  }
  if (kind === 'port') {
    const { device, namespace, macvlanOn, vlan, addresses = [], gateway = [] } = value as PortSettings;
    const made =
      macvlanOn !== undefined
        ? `macvlan:${macvlanOn}`
        : vlan !== undefined
          ? `vlan:${vlan.on}.${vlan.id}`
          : undefined;
    const given = [...addresses, ...gateway.map((router) => `via=${router}`)];
    const what = made === undefined ? `${device}` : [made, ...given].join(',');
    return namespace === undefined ? what : `${namespace}:${what}`;
  }
  return String(value);
}

/** What was typed, as it stands in the profile. Throws UsageError saying what is wanted; a key is never repeated in it. */
export function asWritten(text: string, { kind, choices, flag }: Question, before: unknown): unknown {
  switch (kind) {
    case 'number': {
      if (!/^\d+$/.test(text)) throw new UsageError(`--${flag}: a number is wanted, not "${text}"`);
      return Number(text);
    }
    case 'key': {
      const [, where, name] = /^(file|env):(.+)$/.exec(text) ?? [];
      if (where === undefined)
        throw new UsageError(
          `--${flag}: file:PATH or env:NAME is wanted (a key itself is never taken here, as others could read it)`,
        );
      return { [where]: name };
    }
    case 'port':
      return portOf(text, flag, before as object | undefined);
    case 'text':
      if (text === '') throw new UsageError(`--${flag}: something is wanted`);
      if (choices !== undefined && !choices.includes(text))
        throw new UsageError(`--${flag}: one of ${choices.join(', ')} is wanted, not "${text}"`);
      return text;
  }
}

/** `NAMESPACE:DEVICE`, `DEVICE`, `macvlan:CARD`, `vlan:CARD.ID`, the last two with `,ADDRESS/LENGTH` and `,via=ROUTER` behind them; without addresses those of the example stay, with its routers. */
function portOf(text: string, flag: string, before: object | undefined): object {
  const [, namespace, kind, rest = ''] = /^(?:([^:,]+):)?(macvlan|vlan):(.+)$/.exec(text) ?? [];
  if (kind !== undefined) {
    const [card = '', ...words] = rest.split(',');
    const where = namespace === undefined ? {} : { namespace };
    const addresses = words.filter((word) => !word.startsWith('via='));
    const gateway = words.filter((word) => word.startsWith('via=')).map((word) => word.slice(4));
    // Routers and routes of other networks would lead nowhere.
    const kept = addresses.length === 0 ? keptOf(before) : { addresses };
    const given = { ...kept, ...(gateway.length === 0 ? {} : { gateway }) };
    if (kind === 'macvlan') return { ...where, macvlanOn: card, ...given };
    const [, on, id] = /^(.+)\.(\d+)$/.exec(card) ?? [];
    if (on === undefined) throw new UsageError(`--${flag}: vlan:CARD.ID is wanted, such as vlan:eno1.100`);
    return { ...where, vlan: { on, id: Number(id) }, ...given };
  }
  const at = text.lastIndexOf(':');
  const device = text.slice(at + 1);
  if (!/^[^\s/]{1,15}$/.test(device))
    throw new UsageError(
      `--${flag}: NAMESPACE:DEVICE, DEVICE, macvlan:CARD or vlan:CARD.ID is wanted, not "${text}"`,
    );
  return at < 0 ? { device } : { namespace: text.slice(0, at), device };
}

/** What a device that is made is given of what the example has. */
const keptOf = (before: object = {}): object =>
  Object.fromEntries(
    Object.entries(before).filter(([name]) => ['addresses', 'gateway', 'routes'].includes(name)),
  );

/** A command line as a list of arguments: at blanks, quotes keep words together. No shell ever sees it. */
export function hookOf(text: string): Hook {
  const words = [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
  if (words.length === 0) throw new UsageError('a command is wanted');
  return words;
}
