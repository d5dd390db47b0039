/**
 * Evidence packed into blocks that the script of the page unpacks when a test is opened. Tests are much alike: several in a block, the
 * same part of each beside those of the others, take 60 % of what they take one by one.
 */
import { gzipSync } from 'node:zlib';
import { html, type Markup, verbatim } from './markup.ts';

const testsInBlock = 8;
/** Between the parts; `visible` leaves it in no text. */
const separator = '\u0000';

/** Where the evidence of a test is: number of the block, place in it. */
export type Place = readonly [block: number, at: number];

export class Blocks {
  private readonly tests: (readonly Markup[])[] = [];

  /** The parts of a test, as many of each. */
  add(parts: readonly Markup[]): Place {
    const at = this.tests.push(parts) - 1;
    return [Math.floor(at / testsInBlock), at % testsInBlock];
  }

  /** All of them, for the end of the page. */
  markup(): Markup {
    const blocks: Markup[] = [];
    for (let at = 0; at < this.tests.length; at += testsInBlock) {
      const own = this.tests.slice(at, at + testsInBlock);
      const parts = (own[0] ?? []).flatMap((_, part) => own.map((test) => String(test[part])));
      const base64 = gzipSync(parts.join(separator), { level: 9 }).toString('base64');
      blocks.push(
        html`<script type="application/gzip" id="block:${at / testsInBlock}" data-tests="${own.length}">${verbatim(base64)}</script>\n`,
      );
    }
    return html`${blocks}`;
  }
}
