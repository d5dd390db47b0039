/** Something on the terminal while a run is under way: one line rewritten, or a line now and then where it is no terminal. */
import type { Outcome } from '../../harness/engine/outcome.ts';
import { countVerdicts } from '../model/results.ts';
import { cut } from '../text/layout.ts';

const shown = ['PASS', 'FAIL', 'WARN', 'INFO', 'INCONCLUSIVE', 'NOT APPLICABLE', 'ERROR'] as const;

/** Tests that the line names. */
const mostNamed = 4;

/** Of the tests under way those to name: of each device the ones that began last. */
export function runningOf(
  devices: readonly { running: readonly string[]; outcomes: ReadonlyMap<string, unknown> }[],
): string[] {
  const all = devices.map(({ running, outcomes }) => running.filter((id) => !outcomes.has(id)));
  const busy = all.filter((running) => running.length > 0);
  return busy.flatMap((running) => running.slice(-Math.max(1, Math.floor(mostNamed / busy.length))));
}

/** How far a run is, in one line. */
export function progressText(
  outcomes: readonly Pick<Outcome, 'verdict'>[],
  total: number,
  running: readonly string[],
  seconds: number,
): string {
  const counts = countVerdicts(outcomes);
  const verdicts = shown
    .filter((verdict) => counts.has(verdict))
    .map((verdict) => `${counts.get(verdict)} ${verdict}`);
  const what =
    running.length === 0
      ? outcomes.length === 0
        ? 'setting up the bench'
        : ''
      : `running ${running.join(' ')}`;
  return [`${outcomes.length}/${total}`, `${seconds.toFixed(0)} s`, verdicts.join(' '), what]
    .filter((part) => part !== '')
    .join('  ');
}

export class Progress {
  private readonly text: () => string;
  private readonly stream: NodeJS.WriteStream;
  private readonly timer: NodeJS.Timeout;
  private readonly live: boolean;
  private open = false;

  constructor(stream: NodeJS.WriteStream, text: () => string) {
    this.stream = stream;
    this.text = text;
    this.live = stream.isTTY === true;
    this.timer = setInterval(() => this.show(), this.live ? 250 : 3000);
    this.timer.unref();
    if (this.live) this.show();
  }

  private show(): void {
    if (!this.live) {
      this.stream.write(`${this.text()}\n`);
      return;
    }
    this.stream.write(`\r\u001b[2K${cut(this.text(), Math.max(20, (this.stream.columns || 80) - 1))}`);
    this.open = true;
  }

  /** Take the line away; nothing is shown any more. */
  stop(): void {
    clearInterval(this.timer);
    if (this.open) this.stream.write('\r\u001b[2K');
    this.open = false;
  }
}
