/** Commands on the page: each with a button to copy it. */
import { html, type Markup } from './markup.ts';

export const command = (text: string): Markup =>
  html`<div class="command"><code>${text}</code><button type="button" class="copy">Copy</button></div>`;

/** Judges the captures again. FOLDER is where the report lies: the script puts in where the page was opened. */
export const judgeAgain = (path: string, more = ''): Markup =>
  html`<div class="command"><code>npx dsmip rejudge <span data-path="${path}">FOLDER/${path}</span>${more}</code><button type="button" class="copy">Copy</button></div>`;
