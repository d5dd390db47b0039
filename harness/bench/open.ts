/** From a profile to a bench with the devices on it: the embedded lab with agents started in it, or links that are there. */
import { HookMissing, type PortName } from '../engine/bench.ts';
import {
  type LabSettings,
  type PortLink,
  type PortsSettings,
  type Profile,
  type Seat,
  seats,
} from '../vectors/profile.ts';
import { type DeviceRole, networkNames } from '../vectors/types.ts';
import { type AgentOptions, type AgentProcess, BenchError, startAgent } from './agent-process.ts';
import { type DhcpServer, startDhcp } from './dhcp.ts';
import { Mover, runHook } from './hooks.ts';
import { buildLab, type Lab } from './lab.ts';
import { LiveBench, type LiveBenchOptions } from './live.ts';
import { Panel } from './panel.ts';
import { foreignAgentLab, homeAgentLab, mobileNodeLab, scenarioLab, type Topology } from './topologies.ts';
import { serveEcho, Transfers } from './transfers.ts';

export { BenchError } from './agent-process.ts';

export interface OpenBench {
  bench: LiveBench;
  /** Lines the embedded agents wrote; empty for a device of somebody else's. */
  agentLog: string[];
  /** Begin anew with other deviations of the embedded agents. */
  deviate(names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** Tells labs of one process apart. */
  number?: number;
  /** Deviations of the embedded agents. */
  deviations?: string[];
  /** Asks the operator and resolves when it is done; without it a hook that asks is missing. */
  ask?: (question: string) => Promise<void>;
}

const leaseSeconds = 3600;

/** Set up the bench of a profile. Rejects with BenchError, NetError or KernelError when it cannot be. */
export async function openBench(profile: Profile, options: OpenOptions = {}): Promise<OpenBench> {
  const settings = profile.bench;
  const opened = new Opened();
  try {
    if ('lab' in settings) await openLab(opened, profile, settings.lab, options);
    else await openPorts(opened, profile, settings, options);
    return opened.bench(options.deviations ?? []);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** What has been opened so far, closed in reverse order. */
class Opened {
  readonly agents: { role: DeviceRole; process: AgentProcess }[] = [];
  /** Has the devices that are no embedded agents begin anew. */
  resetOthers: () => Promise<void> = async () => {};
  live: LiveBench | undefined;
  panel: Panel | Mover | undefined;
  private readonly closers: (() => unknown)[] = [];

  /** Closed when the bench is. */
  keep<T extends { close(): unknown }>(thing: T): T {
    this.closers.push(() => thing.close());
    return thing;
  }

  async startAgent(namespace: string | undefined, options: AgentOptions): Promise<AgentProcess> {
    const process = await startAgent(namespace, {
      ...options,
      deviations: deviationsOf(options.role, options.deviations ?? []),
    });
    this.closers.push(() => process.stop());
    this.agents.push({ role: options.role, process });
    process.onEnd = (how) => this.live?.interrupt(`the ${options.role} ended (${how})`);
    return process;
  }

  bench(deviations: readonly string[]): OpenBench {
    const { live, agents } = this;
    if (live === undefined) throw new Error('there is no bench');
    checkDeviations(agents, deviations);
    let inForce = deviations;
    const beginAnew = async (names: readonly string[]): Promise<void> => {
      // An agent that begins anew is to find nothing of what was before.
      this.panel?.unplug();
      for (const { role, process } of agents)
        await process.order(['deviate', ...deviationsOf(role, names)].join(' '));
      inForce = names;
    };
    live.reset = async () => {
      await this.resetOthers();
      await beginAnew(inForce);
    };
    return {
      bench: live,
      agentLog: agents[0]?.process.log ?? [],
      deviate: async (names) => {
        checkDeviations(agents, names);
        await beginAnew(names);
      },
      close: () => this.close(),
    };
  }

  async close(): Promise<void> {
    for (const close of this.closers.splice(0).reverse()) await close();
  }
}

/** Those of an agent's own; a name says whose it is: `foreign-agent/no-a-flag`. */
function deviationsOf(role: DeviceRole, names: readonly string[]): string[] {
  return names.filter((name) => name.startsWith(`${role}/`));
}

function checkDeviations(agents: Opened['agents'], names: readonly string[]): void {
  const stray = names.find((name) => !agents.some(({ role }) => name.startsWith(`${role}/`)));
  if (stray !== undefined) throw new BenchError(`no embedded agent on this bench can deviate by ${stray}`);
}

/** What the lab of a role looks like, and where what is in it. */
interface LabPlan {
  topology: Topology;
  /** Namespaces of the agent under test, or of the seats. */
  agentAt: { [name: string]: string };
  /** Namespace and device of every port. */
  ports: { [name in Exclude<PortName, 'link'>]?: [string, string] };
  /** The same of the link of mobile node `{n}`. */
  link?: [string, string];
}

function planOf(role: Profile['role'], mobileNodes: number): LabPlan {
  switch (role) {
    case 'home-agent':
      return {
        topology: homeAgentLab,
        agentAt: { agent: 'iut' },
        ports: { mn: ['mn', 'mn0'], fa: ['fa', 'fa0'], cn: ['cn', 'cn0'], home: ['home', 'home0'] },
      };
    case 'foreign-agent':
      return {
        topology: foreignAgentLab,
        agentAt: { agent: 'iut' },
        ports: { mn: ['mn', 'visited0'], ha: ['ha', 'ha0'], cn: ['cn', 'cn0'] },
      };
    case 'mobile-node':
      return {
        topology: mobileNodeLab(mobileNodes),
        // It enters the namespaces of its mobile nodes by itself.
        agentAt: { agent: 'link1' },
        ports: {},
        link: ['link{n}', 'link0'],
      };
    case 'scenario':
      return {
        topology: scenarioLab(mobileNodes),
        agentAt: { homeAgent: 'ha', foreignAgent: 'fa', plainForeignAgent: 'plainfa', mobileNode: 'panel' },
        ports: {
          cn: ['cn', 'cn0'],
          ha: ['core', 'ha0'],
          fa: ['core', 'fa0'],
          plainFa: ['core', 'plainfa0'],
          home: ['panel', 'home0'],
          visited: ['panel', 'visited0'],
          plainVisited: ['panel', 'plain0'],
          network: ['panel', 'network0'],
        },
        link: ['panel', 'mn{n}'],
      };
  }
}

type Ports = LiveBenchOptions['ports'];

async function openLab(
  opened: Opened,
  profile: Profile,
  settings: LabSettings,
  options: OpenOptions,
): Promise<void> {
  const number = options.number ?? 1;
  const plan = planOf(profile.role, profile.mobileNodes.length);
  const lab = opened.keep(buildLab(plan.topology, number));
  const place = ([name, device]: [string, string]): PortLink => ({ namespace: lab.path(name), device });
  const ports: Ports = Object.fromEntries(
    Object.entries(plan.ports).map(([name, where]) => [name, place(where)]),
  );
  const numbered = profile.mobileNodes.map((_, at) => (text: string) => text.replace('{n}', String(at + 1)));
  const { link } = plan;
  const links =
    link === undefined
      ? []
      : numbered.map((fill) => place([fill(link[0]), fill(link[1])] as [string, string]));
  const seated =
    'agent' in settings
      ? [{ at: 'agent', role: settings.agent, configuration: settings.configuration }]
      : Object.entries(settings.seats).map(([at, configuration]) => ({
          at,
          role: seats[at as Seat],
          configuration,
        }));
  await Promise.all(
    seated.map(({ at, role, configuration }) =>
      opened.startAgent(lab.path(plan.agentAt[at] ?? ''), {
        role,
        configuration,
        deviations: options.deviations ?? [],
        ...(role === 'mobile-node' ? { more: ['--lab', String(number)] } : {}),
      }),
    ),
  );
  const common = {
    ports,
    links,
    extensionTypes: profile.extensionTypes,
    visitors: visitorsOf(profile),
    hook: (name: string, mobileNode: number) => mobileNodeAgent(opened).order(`${name} ${mobileNode + 1}`),
  };
  if (profile.role !== 'scenario') {
    opened.live = opened.keep(new LiveBench(common));
    return;
  }
  await openScenarioOfLab(opened, profile, lab, common);
}

/** Of a foreign agent: who the harness is on its visited link. */
const visitorsOf = ({ role, mobileNodes }: Profile): string[] =>
  role === 'foreign-agent' ? mobileNodes.map(({ ipv6HomeAddress }) => ipv6HomeAddress) : [];

function mobileNodeAgent({ agents }: Opened): AgentProcess {
  const found = agents.find(({ role }) => role === 'mobile-node');
  if (found === undefined) throw new HookMissing('there is no embedded mobile node to tell anything');
  return found.process;
}

async function openScenarioOfLab(
  opened: Opened,
  profile: Profile,
  lab: Lab,
  common: LiveBenchOptions,
): Promise<void> {
  const { visitedNetwork } = profile;
  if (visitedNetwork !== undefined)
    opened.keep<DhcpServer>(
      await startDhcp({ namespace: lab.path('core'), device: 'network0' }, visitedNetwork, {
        leaseSeconds,
        addresses: profile.mobileNodes.length,
      }),
    );
  const echoIn = profile.mobileNodes.map((_, at) => lab.path(`mn${at + 1}`));
  openScenario(opened, profile, common, echoIn);
}

/** A scenario's bench: besides the watching ports a panel for the mobile nodes, and TCP. */
function openScenario(
  opened: Opened,
  profile: Profile,
  common: LiveBenchOptions,
  echoIn: readonly string[],
  mover?: Mover,
): void {
  const { ports, links = [] } = common;
  opened.keep(serveEcho(echoIn, profile.tcpEchoPort));
  const transfers = new Transfers(ports.cn?.namespace, profile.tcpEchoPort);
  opened.keep({ close: () => transfers.drop('') });
  let move: LiveBenchOptions['move'];
  if (mover !== undefined) {
    opened.panel = mover;
    move = (network, mobileNode) => mover.move(network, mobileNode);
  } else {
    const networks = Object.fromEntries(
      networkNames.flatMap((name) => {
        const link = ports[name];
        return link === undefined ? [] : [[name, link]];
      }),
    );
    const panel = opened.keep(new Panel({ networks, mobileNodes: links }));
    opened.panel = panel;
    move = async (network, mobileNode) => panel.move(mobileNode, network);
  }
  opened.live = opened.keep(new LiveBench({ ...common, move, transfers, beside: true }));
}

async function openPorts(
  opened: Opened,
  profile: Profile,
  settings: PortsSettings,
  options: OpenOptions,
): Promise<void> {
  const { link, ...ports } = settings.ports;
  const links = link === undefined ? [] : profile.mobileNodes.map((_, at) => numberedLink(link, at + 1));
  for (const [seat, entry] of Object.entries(settings.seats ?? {}))
    await opened.startAgent(entry.namespace, {
      role: seats[seat as Seat],
      configuration: entry.configuration,
      deviations: options.deviations ?? [],
    });
  const common: LiveBenchOptions = {
    ports: ports as Ports,
    links,
    extensionTypes: profile.extensionTypes,
    visitors: visitorsOf(profile),
    hook: (name, mobileNode) => {
      const own = settings.seats?.mobileNode === undefined ? undefined : mobileNodeAgent(opened);
      return own === undefined
        ? runHook(settings, name, { mobileNode: naiOf(profile, mobileNode) }, options.ask)
        : own.order(`${name} ${mobileNode + 1}`);
    },
  };
  opened.resetOthers = async () => {
    throw new HookMissing('the profile has no bench.hooks.reset that has the device begin anew');
  };
  if (profile.role !== 'scenario') {
    opened.live = opened.keep(new LiveBench(common));
    return;
  }
  const mover = new Mover((network, mobileNode) =>
    runHook(settings, 'move', { network, mobileNode: naiOf(profile, mobileNode) }, options.ask),
  );
  openScenario(
    opened,
    profile,
    common,
    settings.echoIn ?? [],
    settings.hooks?.move === undefined ? undefined : mover,
  );
}

const naiOf = (profile: Profile, mobileNode: number): string => profile.mobileNodes[mobileNode]?.nai ?? '';

function numberedLink({ namespace, device }: PortLink, n: number): PortLink {
  const fill = (text: string): string => text.replaceAll('{n}', String(n));
  return { ...(namespace === undefined ? {} : { namespace: fill(namespace) }), device: fill(device) };
}
