/** The import directions of the architecture, asked of the linter itself: a wrong import is caught, a right one is not. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../', import.meta.url));
const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');

/** Everything a folder may not know. */
const wrong: { readonly [file: string]: readonly string[] } = {
  'harness/wire/x.ts': [
    '../vectors/types.ts',
    '../engine/run.ts',
    '../net/index.ts',
    '../../reports/model/results.ts',
  ],
  'harness/net/x.ts': ['../wire/index.ts', '../engine/bench.ts', '../agents/deviations.ts'],
  'harness/vectors/x.ts': [
    '../engine/run.ts',
    '../bench/live.ts',
    '../net/index.ts',
    '../agents/deviations.ts',
  ],
  'harness/engine/x.ts': [
    '../bench/live.ts',
    '../net/index.ts',
    '../cli/run.ts',
    '../../reports/model/results.ts',
  ],
  'harness/engine/testing/x.ts': ['../../bench/live.ts', '../../net/index.ts'],
  'harness/bench/x.ts': [
    '../cli/run.ts',
    '../agents/home-agent/index.ts',
    '../../suites/suite.ts',
    '../../reports/model/results.ts',
  ],
  'harness/agents/x.ts': ['../vectors/types.ts', '../engine/run.ts', '../bench/lab.ts'],
  'harness/agents/home-agent/x.ts': ['../../vectors/types.ts', '../../engine/match.ts'],
  'harness/cli/x.ts': ['../../suites/suite.ts'],
  'reports/x.ts': [
    '../harness/engine/run.ts',
    '../harness/vectors/load.ts',
    '../harness/bench/schedule.ts',
    '../harness/net/index.ts',
  ],
  'suites/x.ts': ['../harness/net/index.ts', '../harness/bench/live.ts', '../harness/wire/index.ts'],
};

const right: { readonly [file: string]: readonly string[] } = {
  'harness/vectors/x.ts': ['../wire/index.ts', './types.ts'],
  'harness/engine/x.ts': ['../vectors/types.ts', '../wire/index.ts'],
  'harness/bench/x.ts': ['../engine/run.ts', '../vectors/load.ts', '../net/index.ts'],
  'harness/agents/home-agent/x.ts': ['../../wire/index.ts', '../../net/index.ts'],
  'harness/cli/x.ts': ['../bench/conduct.ts', '../../reports/model/results.ts', '../net/index.ts'],
  'reports/x.ts': [
    '../harness/engine/outcome.ts',
    '../harness/engine/describe.ts',
    '../harness/vectors/ledger.ts',
  ],
  'suites/x.ts': ['../harness/vectors/load.ts', '../reports/lines.ts', '../harness/cli/select.ts'],
};

/** The imports of a table that the linter, with our settings, objects to in files of those names: `file from source`. */
function objections(table: typeof wrong): Set<string> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dsmip-imports-')));
  try {
    copyFileSync(join(root, 'biome.json'), join(folder, 'biome.json'));
    for (const [file, sources] of Object.entries(table)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), sources.map((source) => `import '${source}';\n`).join(''));
    }
    const args = [biome, 'lint', '--vcs-enabled=false', '--reporter=github', '--max-diagnostics=none', '.'];
    const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    const found = stdout.matchAll(/title=lint\/style\/noRestrictedImports,file=([^,]+),line=(\d+)/g);
    return new Set(
      [...found].map(([, path = '', line]) => {
        const file = relative(folder, resolve(folder, path));
        return `${file} from ${table[file]?.[Number(line) - 1]}`;
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const all = (table: typeof wrong): string[] =>
  Object.entries(table).flatMap(([file, sources]) => sources.map((source) => `${file} from ${source}`));

t.test('a wrong import is caught', async (t) => {
  const caught = objections(wrong);
  for (const name of all(wrong)) t.ok(caught.has(name), name);
});

t.test('a right import is not', async (t) => {
  const caught = objections(right);
  for (const name of all(right)) t.notOk(caught.has(name), name);
});
