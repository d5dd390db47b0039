import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import { administratorEnvironment } from './ip-command.ts';
import { isolated } from './isolate.ts';
import { libc } from './libc.ts';
import { rawSocketPackage } from './raw-sender.ts';

/** One thing that must be so on this machine. `problem` and `mend` are whole sentences, present when it is not. */
export interface Preflight {
  name: string;
  ok: boolean;
  problem?: string;
  mend?: string;
  /** Needed only where networks give mobile nodes their care-of addresses. */
  onlyForDhcp?: boolean;
}

type Finding = { problem: string; mend: string } | undefined;

const oldestNode: readonly [number, number] = [20, 19];

/** Looks whether this machine can run the harness. Never throws; takes some 50 ms. */
export function preflight(): Preflight[] {
  const checks: [string, () => Finding][] = [
    ['Linux, 64 bit, little-endian', platform],
    ['Node.js version', nodeVersion],
    ['raw-socket', rawSocketLoads],
    ['koffi', koffiLoads],
    ['ip', () => programRuns('ip', ['-V'], 'iproute2')],
    ['unshare', () => programRuns('unshare', ['--version'], 'util-linux')],
    ['IPv6', ipv6Present],
    ['private namespaces', namespacesAllowed],
    ['virtual Ethernet devices', vethPresent],
  ];
  const dhcp: [string, () => Finding][] = [
    ['DHCP server', () => programRuns('dnsmasq', ['--version'], 'dnsmasq-base')],
    ['DHCP client', dhcpClientRuns],
  ];
  const result = ([name, look]: [string, () => Finding]): Preflight => {
    const finding = look();
    return finding === undefined ? { name, ok: true } : { name, ok: false, ...finding };
  };
  return [...checks.map(result), ...dhcp.map((one) => ({ ...result(one), onlyForDhcp: true }))];
}

/** The reference mobile node's: udhcpc, by itself or within busybox. */
function dhcpClientRuns(): Finding {
  const finding = programRuns('udhcpc', ['--help'], 'udhcpc');
  return finding === undefined
    ? undefined
    : programRuns('busybox', ['udhcpc', '--help'], 'udhcpc') && finding;
}

function platform(): Finding {
  const fits =
    process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch) && os.endianness() === 'LE';
  if (fits) return undefined;
  return {
    problem: `This is ${process.platform} on ${process.arch}; packets can only be sent and seen on Linux.`,
    mend: 'Run on Linux on an x86-64 or arm64 machine, or in a virtual machine or container on one.',
  };
}

function nodeVersion(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor, oldestMinor] = oldestNode;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return {
    problem: `Node.js ${process.versions.node} is too old.`,
    mend: `Install Node.js ${oldestMajor}.${oldestMinor} or newer.`,
  };
}

function rawSocketLoads(): Finding {
  try {
    rawSocketPackage();
    return undefined;
  } catch (error) {
    return {
      problem: `The raw-socket addon does not load (${firstLine(error)}).`,
      mend: 'Install g++, make and python3, then run "npm rebuild raw-socket --foreground-scripts".',
    };
  }
}

function koffiLoads(): Finding {
  try {
    libc();
    return undefined;
  } catch (error) {
    return {
      problem: `The koffi addon does not load (${firstLine(error)}).`,
      mend: 'Run "npm install" again on this machine, without --omit=optional.',
    };
  }
}

function programRuns(program: string, args: string[], debianPackage: string): Finding {
  const { error } = spawnSync(program, args, { stdio: 'ignore', env: administratorEnvironment() });
  if (error === undefined) return undefined;
  return {
    problem: `The program "${program}" cannot be run (${(error as NodeJS.ErrnoException).code ?? firstLine(error)}).`,
    mend: `Install the package ${debianPackage}, and have "${program}" in the PATH.`,
  };
}

function namespacesAllowed(): Finding {
  const { command, args } = isolated(['true']);
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error === undefined && status === 0) return undefined;
  const said = error === undefined ? stderr.trim().split('\n')[0] || `status ${status}` : firstLine(error);
  return {
    problem: `This user may not make private namespaces (${said}).`,
    mend:
      'Allow it with "sysctl -w kernel.unprivileged_userns_clone=1" (Debian), ' +
      '"sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" (Ubuntu) or "sysctl -w user.max_user_namespaces=15000", ' +
      'or in a container with the option --privileged.',
  };
}

function ipv6Present(): Finding {
  if (process.platform !== 'linux' || fs.existsSync('/proc/sys/net/ipv6/conf')) return undefined;
  return {
    problem: 'The kernel runs without IPv6.',
    mend: 'Boot it without the parameter "ipv6.disable=1", or load the module with "modprobe ipv6".',
  };
}

/** Says nothing when there can be no private namespace: that is another finding. */
function vethPresent(): Finding {
  const { command, args } = isolated(['ip', 'link', 'add', 'type', 'veth']);
  const { error, status, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: administratorEnvironment(),
  });
  if (error !== undefined || status === 0 || !stderr.includes('RTNETLINK')) return undefined;
  return {
    problem: `The kernel makes no virtual Ethernet devices (${stderr.trim().split('\n')[0]}).`,
    mend: 'Load the module with "modprobe veth"; where it is missing, install the full kernel package.',
  };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
