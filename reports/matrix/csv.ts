/** The matrix for spreadsheets: a row a clause, a column a device; then a row a foreign agent, by home agents. */
import { stringify } from 'csv-stringify/sync';
import { visible } from '../text/visible.ts';
import type { Matrix } from './collate.ts';

/** RFC 4180; what a spreadsheet would take for a formula is made text. */
export function matrixCsv({ tables, pairs }: Matrix): string {
  const devices = [
    ...new Set(tables.flatMap(({ role, columns }) => columns.map(({ name }) => `${role}: ${name}`))),
  ];
  const head = ['role', 'document', 'vectors', 'ledger', 'mode', 'clause', 'level', 'requires', ...devices];
  const rows = tables.flatMap(({ role, document, vectors, ledger, mode, clauses, columns }) =>
    clauses.map(({ id, level, requires }) => [
      role,
      document,
      vectors,
      ledger,
      mode,
      id,
      level,
      requires,
      ...devices.map((device) => {
        const cell = columns.find(({ name }) => `${role}: ${name}` === device)?.cells.get(id);
        return cell === undefined
          ? ''
          : `${cell.verdict}${cell.was === undefined ? '' : ` (was ${cell.was})`}`;
      }),
    ]),
  );
  const met = pairs.map(({ homeAgent, foreignAgent, mobileNode, passed, total, vectors }) => [
    'pair',
    '',
    vectors,
    '',
    '',
    homeAgent,
    foreignAgent,
    `${passed} of ${total} scenarios pass, with ${mobileNode}`,
    ...devices.map(() => ''),
  ]);
  return stringify(
    [head, ...rows, ...met].map((row) => row.map(visible)),
    { escape_formulas: true, record_delimiter: 'windows' },
  );
}
