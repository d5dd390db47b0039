import { spawnSync } from 'node:child_process';
import { NetError } from './errors.ts';
import { inNamespace, type Namespace, withNamespace } from './namespace.ts';

/**
 * Runs `ip -batch -` on the given commands, each a list of words without the leading `ip`, in the namespace bound to
 * `namespacePath` (undefined: the process's own). `family` is `-4` or `-6` where the words do not tell. Throws a NetError that quotes
 * the command that failed.
 */
export function ipBatch(lines: string[][], namespacePath?: string, family?: string): void {
  withNamespace(namespacePath, (namespace) =>
    inNamespace(namespace, () => runBatch(lines, namespacePath, family)),
  );
}

/** What `ip -json -details` says to a question, `['address', 'show']` say, in a namespace. Throws a NetError that quotes it. */
export function ipJson<T>(words: readonly string[], namespace?: Namespace): T[] {
  const result = inNamespace(namespace, () =>
    spawnSync('ip', ['-json', '-details', ...words], {
      encoding: 'utf8',
      env: administratorEnvironment(),
      maxBuffer: 64 * 1024 * 1024,
    }),
  );
  if (result.error !== undefined) throw notRunnable(result.error);
  if (result.status !== 0)
    throw new NetError(
      'IP_COMMAND',
      `"ip ${words.join(' ')}" failed${namespace === undefined ? '' : ` in ${namespace.path}`}: ${result.stderr.trim()}`,
    );
  // It answers nothing at all instead of an empty list, and empty objects for what it filters out.
  const all = (result.stdout.trim() === '' ? [] : JSON.parse(result.stdout)) as T[];
  return all.filter((one) => Object.keys(one as object).length > 0);
}

function notRunnable(error: Error): NetError {
  const code = (error as NodeJS.ErrnoException).code ?? 'error';
  return new NetError(code, `cannot run the program "ip": ${code}; install the package iproute2`);
}

function runBatch(lines: string[][], namespacePath: string | undefined, family: string | undefined): void {
  const input = lines.map((words) => `${words.map(word).join(' ')}\n`).join('');
  const result = spawnSync('ip', [...(family === undefined ? [] : [family]), '-batch', '-'], {
    input,
    encoding: 'utf8',
    env: administratorEnvironment(),
  });
  if (result.error !== undefined) throw notRunnable(result.error);
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
