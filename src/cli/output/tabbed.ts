/**
 * Text with tabs, laid out in columns as Go's text/tabwriter does it: a column is a run of lines that have a cell there, and
 * each run has a width of its own. kubectl describe is written this way.
 */
import { padded, widthOf } from "./width.ts";

/** `padding`: spaces behind the widest cell of a column. */
export function tabbed(text: string, padding = 2): string {
  const rows = text.split("\n").map((line) => line.split("\t"));
  const out = rows.map(() => "");
  layOut(rows, { from: 0, to: rows.length, column: 0, padding }, out);
  return out.join("\n");
}

interface Block {
  readonly from: number;
  readonly to: number;
  readonly column: number;
  readonly padding: number;
}

/** Lays out one column of a block of lines, then, within each run of lines that go on, the next column. */
function layOut(rows: readonly (readonly string[])[], block: Block, out: string[]): void {
  const { from, to, column, padding } = block;
  for (let at = from; at < to;) {
    const ends = (i: number): boolean => rows[i]!.length <= column + 1;
    if (ends(at)) {
      out[at] += rows[at]![column] ?? "";
      at++;
      continue;
    }
    let end = at;
    while (end < to && !ends(end)) end++;
    const widths = rows.slice(at, end).map((row) => widthOf(row[column]!));
    const cell = Math.max(...widths) + padding;
    for (let i = at; i < end; i++) out[i] += padded(rows[i]![column]!, cell);
    layOut(rows, { from: at, to: end, column: column + 1, padding }, out);
    at = end;
  }
}
