/** `dsmip links`: what runs have changed of links, and taking back what those left that were killed. */
import { restoredText } from '../bench/restored.ts';
import {
  exclusively,
  type JournalFile,
  journalFolder,
  readJournals,
  restoreAbandoned,
  undoText,
} from '../net/index.ts';

/** Run the command. Exit status 64 when a run that was killed has left something. */
export function linksCommand(): void {
  const journals = readJournals();
  for (const journal of journals) process.stdout.write(`${journalText(journal)}\n`);
  const abandoned = journals.filter(({ living }) => !living).length;
  process.stdout.write(
    abandoned > 0
      ? `${abandoned} of these were killed: "dsmip links restore" takes back what they have left; the next run does so, too.\n`
      : journals.length === 0
        ? `No run has changed any link (${journalFolder}).\n`
        : 'All of these take their changes back when they end.\n',
  );
  process.exitCode = abandoned > 0 ? 64 : 0;
}

function journalText({ writer, living, claims, undos }: JournalFile): string {
  const devices = claims.map(({ device }) => device).join(', ');
  return [
    `process ${writer.pid} (${writer.what}, begun ${writer.began}, ${living ? 'under way' : 'was killed'}) has ${devices || 'no device'}`,
    ...[...undos.values()].map((undo) => `  to be done: ${undoText(undo)}`),
  ].join('\n');
}

/** Run the command. Exit status 64 when something could not be taken back. Rejects with NetError. */
export async function restoreCommand({ forget = false }: { forget?: boolean }): Promise<void> {
  const restored = await exclusively(() => restoreAbandoned({ forget }));
  for (const line of restored.flatMap(restoredText)) process.stdout.write(`${line}\n`);
  const problems = restored.reduce((sum, one) => sum + one.problems.length, 0);
  if (restored.length === 0) process.stdout.write('There was nothing to take back.\n');
  if (problems > 0 && !forget)
    process.stdout.write(
      'Mend that by hand and run "dsmip links restore" again, or have it forgotten by "dsmip links restore --forget".\n',
    );
  process.exitCode = problems === 0 ? 0 : 64;
}
