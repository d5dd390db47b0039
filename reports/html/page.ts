/** A page in one file: its own style and script inside, and a policy that lets nothing else run and nothing leave. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { html, type Markup, verbatim } from './markup.ts';

export interface PageParts {
  title: string;
  /** Names of files beside this one. */
  styles: readonly string[];
  scripts: readonly string[];
  body: Markup;
}

const own = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The whole page. Styles and scripts are known by their hashes, so that markup which slipped in anywhere could not run. */
export function htmlPage({ title, styles, scripts, body }: PageParts): string {
  const style = styles.map(own).join('\n');
  const script = scripts.map(own).join('\n');
  const policy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'`;
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="dsmip-conformance">
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
