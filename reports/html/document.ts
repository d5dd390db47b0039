/** A page that needs nothing but itself: styles and scripts within, and a policy that lets nothing else in. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { html, type Markup, verbatim } from './markup.ts';

const read = (names: readonly string[]): string =>
  names.map((name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')).join('\n');
const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');

export interface DocumentOptions {
  title: string;
  /** Files of ours, from the folder reports/ on. */
  styles: readonly string[];
  scripts: readonly string[];
  body: Markup;
}

/** The whole document. Scripts and styles run by their hash alone, and nothing is fetched. */
export function document({ title, styles, scripts, body }: DocumentOptions): string {
  const style = read(styles);
  const script = read(scripts);
  const policy = `default-src 'none'; style-src 'sha256-${sha256(style)}'; script-src 'sha256-${sha256(script)}'; img-src data:; base-uri 'none'; form-action 'none'`;
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title}</title>
<style>${verbatim(style)}</style>
</head>
<body>
${body}
<script>${verbatim(script)}</script>
</body>
</html>
`);
}
