/** Aligned columns as kubectl prints them (Go's tabwriter with minimal width 6, padding 3, no padding behind the last). */
import { padded, widthOf } from "./width.ts";

const WIDTH_MIN = 6;
const PADDING = 3;

/** Prints blocks of rows under each other; a later block keeps the widths of the earlier ones, as a watch needs it. */
export class Columns {
  readonly #widths: number[] = [];

  /** The rows as lines. Rows may be ragged. */
  lines(rows: readonly (readonly string[])[]): string {
    for (const row of rows) {
      row.slice(0, -1).forEach((cell, i) => {
        this.#widths[i] = Math.max(this.#widths[i] ?? WIDTH_MIN, widthOf(cell) + PADDING);
      });
    }
    return rows.map((row) => `${this.#line(row)}\n`).join("");
  }

  #line(row: readonly string[]): string {
    return row.map((cell, i) => (i === row.length - 1 ? cell : padded(cell, this.#widths[i] ?? 0))).join("");
  }
}
