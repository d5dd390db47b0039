import { spawnSync } from 'node:child_process';
import { NetError } from './errors.ts';
import { inNamespace, openNamespace } from './namespace.ts';

/**
 * Runs `ip -batch -` on the given commands, each a list of words without the leading `ip`, in the namespace bound to
 * `namespacePath` (undefined: the process's own). Throws a NetError that quotes the command that failed.
 */
export function ipBatch(lines: string[][], namespacePath?: string): void {
  const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
  try {
    inNamespace(namespace, () => runBatch(lines, namespacePath));
  } finally {
    namespace?.close();
  }
}

function runBatch(lines: string[][], namespacePath: string | undefined): void {
  const input = lines.map((words) => `${words.map(word).join(' ')}\n`).join('');
  const result = spawnSync('ip', ['-batch', '-'], {
    input,
    encoding: 'utf8',
    env: administratorEnvironment(),
  });
  if (result.error !== undefined) {
    const code = (result.error as NodeJS.ErrnoException).code ?? 'error';
    throw new NetError(code, `cannot run the program "ip": ${code}; install the package iproute2`);
  }
  if (result.status === 0) return;
  const number = Number(/Command failed -:(\d+)/.exec(result.stderr)?.[1] ?? 0);
  const failed = lines[number - 1] ?? ['(unknown)'];
  const said = result.stderr
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('Command failed'))
    .join(' ');
  const place = namespacePath === undefined ? '' : ` in ${namespacePath}`;
  throw new NetError(
    'IP_COMMAND',
    `"ip ${failed.join(' ')}" failed${place}: ${said || `status ${result.status}`}`,
  );
}

/** Our environment with the folders of `ip` in its PATH, which on some systems an ordinary user's lacks. */
export function administratorEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
}

function word(text: string): string {
  if (/^[^\s"'\\#]+$/.test(text)) return text;
  throw new NetError('IP_COMMAND', `"${text}" cannot be a word of an ip command`);
}
