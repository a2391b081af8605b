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
  /** Which columns are shown, by number, and what they are called; later tables of a watch do not tell. */
  #shown: readonly { readonly index: number; readonly name: string }[] = [];

  constructor(options: TableOptions = {}) {
    this.#options = options;
  }

  /** The table as text; a header only the first time. */
  print(table: Table): string {
    if (table.columnDefinitions) {
      this.#shown = table.columnDefinitions.flatMap(({ name, priority = 0 }, index) =>
        this.#options.wide === true || priority === 0 ? [{ index, name }] : [],
      );
    }
    const rows = table.rows.map((row) => this.#row(row));
    if (!this.#headed && this.#options.noHeaders !== true) rows.unshift(this.#header());
    this.#headed = true;
    return this.#columns.lines(rows);
  }

  #header(): string[] {
    const labels = (this.#options.labelColumns ?? []).map((label) => label.slice(label.lastIndexOf("/") + 1));
    return [
      ...(this.#options.withNamespace === true ? ["NAMESPACE"] : []),
      ...this.#shown.map(({ name }) => name),
      ...labels,
      ...(this.#options.showLabels === true ? ["LABELS"] : []),
    ].map((name) => name.toUpperCase());
  }

  #row(row: TableRow): string[] {
    const { withNamespace, kindPrefix, labelColumns = [], showLabels } = this.#options;
    const labels = row.object?.metadata.labels ?? {};
    const cells = this.#shown.map(({ index }) => cellText(row.cells[index]));
    if (kindPrefix !== undefined && cells.length > 0) cells[0] = `${kindPrefix}/${cells[0]}`;
    return [
      ...(withNamespace === true ? [row.object?.metadata.namespace ?? ""] : []),
      ...cells,
      ...labelColumns.map((label) => labels[label] ?? ""),
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
