/** What the loader refuses, in words: a vector that would judge of the wrong device, or nothing at all. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { ledgerDirectory, loadLedger } from './ledger.ts';
import { loadVectors } from './load.ts';
import type { Json } from './types.ts';

const ledger = loadLedger();
const folder = mkdtempSync(join(tmpdir(), 'dsmip-load-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
cpSync(ledgerDirectory, folder, { recursive: true });

/** Load the vectors with one more, of a foreign agent. */
function load(...body: Json[]): void {
  const vector = {
    id: 'fa-another',
    title: 'A vector with one slip in it',
    role: 'foreign-agent',
    positions: ['visited-link'],
    body: [{ use: 'register' }, ...body],
  };
  writeFileSync(join(folder, 'foreign-agent', 'another.json'), JSON.stringify(vector));
  loadVectors({ ledger, directory: folder });
}

const delivered = (clause: object): Json => ({
  at: 'mn',
  expect: ['...', { payload: '$token.data' }],
  ...clause,
});

t.test('a vector is refused that', (t) => {
  load(delivered({ clause: '4.4-g' }));
  const refused: [string, object, RegExp][] = [
    [
      'judges a clause of somebody else',
      { clause: '4.3-f' },
      /"4.3-f" binds the home-agent, and is not to be seen of a foreign-agent/,
    ],
    ['judges a clause that there is not', { clause: '9.9-f' }, /body\[\d\].*9\.9-f/],
    ['judges nothing', { control: true }, /judges no clause/],
    ['names no clause', {}, /needs a "clause"/],
    ['judges in a control', { control: true, clause: '4.4-g' }, /a control judges nothing/],
    [
      'waits since a step that there is not',
      { clause: '4.4-g', since: 'never' },
      /no step before this one is named "never"/,
    ],
  ];
  for (const [what, changes, expected] of refused)
    t.throws(() => load(delivered(changes)), { message: expected }, what);
  t.end();
});
