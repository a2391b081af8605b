import { describe, expect, test } from "vitest";

import type { Table } from "../../sdk/resource.ts";
import { TablePrinter } from "./table.ts";

const columnDefinitions = [
  { name: "Name", type: "string" },
  { name: "Ready", type: "string" },
  { name: "Age", type: "string" },
  { name: "IP", type: "string", priority: 1 },
];

function tableOf(...rows: readonly (readonly unknown[])[]): Table {
  return {
    kind: "Table",
    columnDefinitions,
    rows: rows.map((cells) => ({
      cells,
      object: {
        apiVersion: "v1",
        kind: "PartialObjectMetadata",
        metadata: { name: String(cells[0]), namespace: "ns", labels: { b: "2", a: "1" } },
      },
    })),
  };
}

const two = tableOf(["web", "1/1", "5s", "10.0.0.1"], ["a-long-name", "0/1", "3m", "<none>"]);

describe("TablePrinter", () => {
  test("columns are three spaces apart, at least six wide, the last one not padded", () => {
    expect(new TablePrinter().print(two)).toBe(
      "NAME          READY   AGE\nweb           1/1     5s\na-long-name   0/1     3m\n",
    );
    expect(new TablePrinter().print(tableOf(["a", "b", "c"]))).toBe("NAME   READY   AGE\na      b       c\n");
    expect(new TablePrinter({ noHeaders: true }).print(tableOf(["a", "b", "c"]))).toBe("a     b     c\n");
  });

  test("wide, namespace, labels, kind", () => {
    const printer = new TablePrinter({
      wide: true,
      withNamespace: true,
      showLabels: true,
      labelColumns: ["x/a"],
      kindPrefix: "pod",
    });
    expect(printer.print(tableOf(["web", "1/1", "5s", "10.0.0.1"]))).toBe(
      "NAMESPACE   NAME      READY   AGE   IP         A     LABELS\nns          pod/web   1/1     5s    10.0.0.1         a=1,b=2\n",
    );
  });

  test("a later table of a watch has no header, keeps the widths, and need not tell its columns", () => {
    const printer = new TablePrinter();
    printer.print(two);
    expect(printer.print({ ...tableOf(["web", "1/1", "6s", ""]), columnDefinitions: null })).toBe(
      "web           1/1     6s\n",
    );
  });

  test("a cell with line ends is cut, a missing one is <none>, wide characters count double", () => {
    expect(new TablePrinter({ noHeaders: true }).print(tableOf(["a\nb", null, "x"], ["日本", "y", "z"]))).toBe(
      "a...   <none>   x\n日本   y        z\n",
    );
  });
});
