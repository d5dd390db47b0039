/** Hooks of a profile: what has to be done to a device of somebody else's, by a command or by the operator. */
import { execFile } from 'node:child_process';
import { HookMissing } from '../engine/bench.ts';
import type { PortsSettings } from '../vectors/profile.ts';

const hookSeconds = 120;

/** Moves mobile nodes by a hook, which is not called for the network that a mobile node was moved to last. */
export class Mover {
  private readonly hook: (network: string, mobileNode: number) => Promise<void>;
  /** Network of each mobile node; at first, and after a hook that failed, nobody knows. */
  private readonly at = new Map<number, string>();

  constructor(hook: (network: string, mobileNode: number) => Promise<void>) {
    this.hook = hook;
  }

  async move(network: string, mobileNode: number): Promise<void> {
    if (this.at.get(mobileNode) === network) return;
    this.at.delete(mobileNode);
    await this.hook(network, mobileNode);
    this.at.set(mobileNode, network);
  }

  /** As a panel does: the next move of every mobile node is one. */
  unplug(): void {
    this.at.clear();
  }
}

/**
 * Carry out a hook: run its command, or have the operator asked. `values` fill in the words in braces. Rejects with HookMissing when
 * there is none, or nobody to ask; with an Error when it fails.
 */
export async function runHook(
  { hooks }: Pick<PortsSettings, 'hooks'>,
  name: keyof NonNullable<PortsSettings['hooks']>,
  values: { [name: string]: string },
  ask?: (question: string) => Promise<void>,
): Promise<void> {
  const hook = hooks?.[name];
  if (hook === undefined)
    throw new HookMissing(
      `the device has to be told to ${name}, and the profile has no bench.hooks.${name} that does it`,
    );
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole);
  if (!Array.isArray(hook)) {
    if (ask === undefined)
      throw new HookMissing(`the operator has to be asked to ${name} the device: run with --interactive`);
    return ask(fill(hook.ask));
  }
  const [command = '', ...args] = hook.map(fill);
  await new Promise<void>((resolve, reject) => {
    execFile(command, args, { timeout: hookSeconds * 1000 }, (error, _out, said) => {
      if (error === null) resolve();
      else
        reject(
          new Error(`the hook "${name}" failed: ${(said.trim() || error.message.trim()).split('\n').at(-1)}`),
        );
    });
  });
}
