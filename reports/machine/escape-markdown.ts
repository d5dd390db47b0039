/**
 * Texts from elsewhere in GitHub's Markdown. Backslashes would stop markup, but neither mentions nor issue references nor bare links,
 * which are looked for in what is rendered; within code none of all that works. So plain words stay words, and every other goes into code.
 */
import { visible, visibleWithin } from '../text/visible.ts';

/** Longest run of backticks within a text. */
const longestRun = (text: string): number =>
  Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));

/** Text within a line as code. Not for tables, where a bar would end the cell even within code. */
export function codeSpan(text: string, most = 300): string {
  const shown = visibleWithin(text, most).trim();
  if (shown === '') return '(nothing)';
  const fence = '`'.repeat(longestRun(shown) + 1);
  const pad = shown.startsWith('`') || shown.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/** Lines between fences that none of them can close. */
export function fenced(lines: readonly string[], most = 400): string[] {
  const shown = lines.map((line) => visibleWithin(line, most));
  const fence = '`'.repeat(Math.max(3, longestRun(shown.join('\n')) + 1));
  return [`${fence}text`, ...shown, fence];
}

/** A word without any meaning but its own. */
const plainWord = /^[("]?[\p{L}\p{N}](?:[\p{L}\p{N}\p{M},;:.'"()/=-]*[\p{L}\p{N},;:.'")])?$/u;
/** What is linked though it has nothing but letters, digits and dots. */
const linked = /www\.|:\/\/|GH-\d|[0-9a-f]{7}/i;

/** A sentence: its plain words as they are, the others as code. It must not begin a line. */
export function prose(text: string, most = 1000): string {
  return visible(visibleWithin(text, most))
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => (plainWord.test(word) && !linked.test(word) ? word : codeSpan(word, most)))
    .join(' ');
}
