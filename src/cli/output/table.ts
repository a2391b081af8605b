/** Prints the server's Tables. Kubernetes: cli-runtime/pkg/printers/tableprinter.go. */
import type { Table, TableRow } from "../../sdk/resource.ts";
import { Columns } from "./columns.ts";

export interface TableOptions {
  /** Also the columns of lower priority. */
  readonly wide?: boolean;
  readonly noHeaders?: boolean;
  /** A NAMESPACE column in front. */
  readonly withNamespace?: boolean;
  /** A LABELS column behind. */
  readonly showLabels?: boolean;
  /** Labels with columns of their own. */
  readonly labelColumns?: readonly string[];
  /** Put before each name with a `/`: `pod`. */
  readonly kindPrefix?: string;
}

/** Prints tables of one kind; of several (a watch) only the first has a header. */
export class TablePrinter {
  readonly #options: TableOptions;
  readonly #columns = new Columns();
  #headed = false;

  constructor(options: TableOptions = {}) {
    this.#options = options;
  }

  /** The table as text; a header only the first time. */
  print(table: Table): string {
    const shown = table.columnDefinitions.flatMap((column, i) =>
      this.#options.wide === true || (column.priority ?? 0) === 0 ? [i] : [],
    );
    const rows = table.rows.map((row) => this.#row(row, shown));
    if (!this.#headed && this.#options.noHeaders !== true) rows.unshift(this.#header(table, shown));
    this.#headed = true;
    return this.#columns.lines(rows);
  }

  #header(table: Table, shown: readonly number[]): string[] {
    const labels = (this.#options.labelColumns ?? []).map((label) => label.slice(label.lastIndexOf("/") + 1));
    return [
      ...(this.#options.withNamespace === true ? ["NAMESPACE"] : []),
      ...shown.map((i) => table.columnDefinitions[i]!.name),
      ...labels,
      ...(this.#options.showLabels === true ? ["LABELS"] : []),
    ].map((name) => name.toUpperCase());
  }

  #row(row: TableRow, shown: readonly number[]): string[] {
    const { withNamespace, kindPrefix, labelColumns = [], showLabels } = this.#options;
    const labels = row.object?.metadata.labels ?? {};
    const cells = shown.map((i) => cellText(row.cells[i]));
    if (kindPrefix !== undefined && cells.length > 0) cells[0] = `${kindPrefix}/${cells[0]}`;
    return [
      ...(withNamespace === true ? [row.object?.metadata.namespace ?? ""] : []),
      ...cells,
      ...labelColumns.map((label) => labels[label] ?? "<none>"),
      ...(showLabels === true ? [labelText(labels)] : []),
    ];
  }
}

/** One line: what would break the table is cut off and marked. */
function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return "<none>";
  const text = typeof cell === "object" ? JSON.stringify(cell) : String(cell as string | number | boolean);
  const end = /[\f\n\r]/.exec(text)?.index;
  return end === undefined ? text : `${text.slice(0, end)}...`;
}

/** `a=b,c=d` in order of the keys; `<none>` for none. */
export function labelText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? "<none>" : pairs.map(([key, value]) => `${key}=${value}`).join(",");
}
