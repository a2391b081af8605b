/** How many columns of a terminal a text takes. */

/** Wide are the East Asian scripts and emoji; combining marks and zero-width characters take none. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]/u;
const EMPTY = /\p{Mark}|\u200b|\u200d|\ufe0f/u;

export function widthOf(text: string): number {
  // Nearly all cells are plain ASCII.
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += EMPTY.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return width;
}

/** `text` with spaces behind it, up to `width` columns. */
export function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}
