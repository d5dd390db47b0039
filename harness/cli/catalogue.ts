/** The vectors and the ledger, loaded the way every command loads them. */
import { deviations } from '../agents/deviations.ts';
import { type Ledger, ledgerDirectory, loadLedger } from '../vectors/ledger.ts';
import { loadVectors, type VectorSet } from '../vectors/load.ts';

/** Load both; readings change what a broken clause means, never what a vector does. */
export function loadCatalogue(readings: { [reading: string]: string } = {}): {
  ledger: Ledger;
  vectors: VectorSet;
} {
  const settled = loadLedger();
  const vectors = loadVectors({ ledger: settled, deviations: new Set(deviations.keys()) });
  const ledger = Object.keys(readings).length === 0 ? settled : loadLedger(ledgerDirectory, { readings });
  return { ledger, vectors };
}
