/** From a profile to benches with the device on them: the embedded lab with an agent started in it, or links that are there. */
import { execFile } from 'node:child_process';
import { HookMissing, type PortName } from '../engine/bench.ts';
import { realtimeNs } from '../net/index.ts';
import type { BenchSettings, Profile } from '../vectors/profile.ts';
import type { HookName, Role } from '../vectors/types.ts';
import { type AgentProcess, startAgent } from './agent-process.ts';
import { buildLab, type Lab } from './lab.ts';
import { LiveBench, type LiveBenchOptions } from './live.ts';
import { foreignAgentLab, homeAgentLab, mobileNodeLab, type Topology } from './topologies.ts';

export { BenchError } from './agent-process.ts';

export interface OpenBench {
  /** One for all mobile nodes that the harness plays; or one for each mobile node under test, in the order of the profile. */
  benches: LiveBench[];
  /** Lines the embedded agent wrote; empty for a device of somebody else's. */
  agentLog: string[];
  /** Process of the embedded agent. */
  agentPid?: number;
  /** Begin anew with other deviations of the embedded agent. */
  deviate(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Tells labs of one process apart. */
  number?: number;
  /** Deviations of the embedded agent. */
  deviations?: string[];
  /** Asks the operator and resolves when it is done; without it a hook that asks is missing. */
  ask?: (question: string) => Promise<void>;
}

const hookSeconds = 120;

/** Set up the bench of a profile. */
export async function openBench(profile: Profile, options: OpenOptions = {}): Promise<OpenBench> {
  const settings = profile.bench;
  if ('lab' in settings) return openLab(profile, settings.lab, options);
  const bench = new LiveBench({
    links: settings.ports,
    extensionTypes: profile.extensionTypes,
    hook: (name) => runHook(settings, name, profile, options),
  });
  return {
    benches: [bench],
    agentLog: [],
    deviate: async () => {
      throw new Error('only an embedded agent can be made to deviate');
    },
    close: async () => bench.close(),
  };
}

type Links = LiveBenchOptions['links'];

/** What the lab of a role looks like, where its agent is, and the links of its benches. */
interface LabPlan {
  topology: Topology;
  agentAt: string;
  benches(path: Lab['path']): Links[];
}

function linksOf(path: Lab['path'], devices: { [name in PortName]?: string }): Links {
  return Object.fromEntries(
    Object.entries(devices).map(([name, device]) => [name, { namespace: path(name), device }]),
  );
}

function planOf(role: Role, mobileNodes: number): LabPlan {
  switch (role) {
    case 'home-agent':
      return {
        topology: homeAgentLab,
        agentAt: 'iut',
        benches: (path) => [linksOf(path, { mn: 'mn0', fa: 'fa0', cn: 'cn0', home: 'home0' })],
      };
    case 'foreign-agent':
      return {
        topology: foreignAgentLab,
        agentAt: 'iut',
        benches: (path) => [linksOf(path, { mn: 'visited0', ha: 'ha0', cn: 'cn0' })],
      };
    case 'mobile-node':
      return {
        topology: mobileNodeLab(mobileNodes),
        // It enters the namespaces of its mobile nodes by itself.
        agentAt: 'link1',
        benches: (path) =>
          Array.from({ length: mobileNodes }, (_, at) => ({
            link: { namespace: path(`link${at + 1}`), device: 'link0' },
          })),
      };
  }
}

async function openLab(
  profile: Profile,
  settings: { agent: Role; configuration: string },
  options: OpenOptions,
): Promise<OpenBench> {
  const number = options.number ?? 1;
  const plan = planOf(settings.agent, profile.mobileNodes.length);
  const lab = buildLab(plan.topology, number);
  let agent: AgentProcess | undefined;
  const benches: LiveBench[] = [];
  try {
    agent = await startAgent(lab.path(plan.agentAt), {
      role: settings.agent,
      configuration: settings.configuration,
      deviations: options.deviations ?? [],
      ...(settings.agent === 'mobile-node' ? { more: ['--lab', String(number)] } : {}),
    });
    const running = agent;
    const originNs = realtimeNs();
    for (const [at, links] of plan.benches((name) => lab.path(name)).entries()) {
      benches.push(
        new LiveBench({
          links,
          extensionTypes: profile.extensionTypes,
          originNs,
          hook: (name) => running.order(`${name} ${at + 1}`),
        }),
      );
    }
    running.onEnd = (how) => {
      for (const bench of benches) bench.interrupt(`the device under test ended (${how})`);
    };
    return {
      benches,
      agentLog: running.log,
      ...(running.pid === undefined ? {} : { agentPid: running.pid }),
      deviate: (names) => running.order(`deviate ${names.join(' ')}`.trim()),
      close: async () => {
        await running.stop();
        for (const bench of benches) bench.close();
        lab.close();
      },
    };
  } catch (error) {
    await agent?.stop();
    for (const bench of benches) bench.close();
    lab.close();
    throw error;
  }
}

/** A hook of a real device: a command, or a question to the operator. */
async function runHook(
  settings: Extract<BenchSettings, { ports: unknown }>,
  name: HookName,
  profile: Profile,
  { ask }: OpenOptions,
): Promise<void> {
  const hook = settings.hooks?.[name];
  if (hook === undefined)
    throw new HookMissing(
      `the device has to be told to ${name}, and the profile has no bench.hooks.${name} that does it`,
    );
  if (!Array.isArray(hook)) {
    if (ask === undefined)
      throw new HookMissing(`the operator has to be asked to ${name} the device: run with --interactive`);
    return ask(hook.ask);
  }
  const [command = '', ...args] = hook.map((word) =>
    word.replaceAll('{mobileNode}', profile.mobileNodes[0]?.nai ?? ''),
  );
  await new Promise<void>((resolve, reject) => {
    execFile(command, args, { timeout: hookSeconds * 1000 }, (error, _out, said) => {
      if (error === null) resolve();
      else reject(new Error(`the hook "${name}" failed: ${said.trim().split('\n').at(-1) || error.message}`));
    });
  });
}
