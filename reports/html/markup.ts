/** Markup that escapes what is put into it: HTML, SVG and XML alike. */
import { raw, html as template } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import { visible } from '../text/visible.ts';

export type Markup = HtmlEscapedString;

type Part = string | number | Markup | undefined | false | readonly Part[];

/** A tagged template; strings in it are made visible and escaped, markup and lists of it are taken as they are. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  const made = template(strings, ...parts.map(shown));
  // A template waits only for promises, and there are none.
  return made as Markup;
}

function shown(part: Part): unknown {
  if (Array.isArray(part)) return part.map(shown);
  // Markup is a string object; what is a mere string may come from anywhere.
  return typeof part === 'string' ? visible(part) : (part ?? '');
}

/** Markup made by us that needs no escaping: styles and scripts from our own files. */
export const verbatim = (text: string): Markup => raw(text) as Markup;
