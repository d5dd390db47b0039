/**
 * Texts from elsewhere (names of devices and files, reasons, what was in packets) as they may be shown: letters of every script stay,
 * what is not seen or moves its neighbours about (control, format and direction characters, lone surrogates, unassigned and private
 * ones, line separators) is spelt out as `\u{202e}`. Markup is escaped by whoever writes markup; see also `harmless` (ASCII alone).
 */
export function visible(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]|(?<=\p{M}{3})\p{M}/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** The same in at most so many characters. */
export function visibleWithin(text: string, most: number): string {
  const shown = visible(text);
  return shown.length <= most ? shown : `${shown.slice(0, Math.max(0, most - 3))}...`;
}
