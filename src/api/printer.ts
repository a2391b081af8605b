/** How objects of a kind become rows of a table. */
import { age } from "./human-duration.ts";
import type { KubeObject } from "./object.ts";

export interface Column {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  readonly format: "" | "name";
  readonly description: string;
  /** 0 is always shown; 1 with `-o wide`. */
  readonly priority: 0 | 1;
}

export type Cell = string | number | boolean;

export interface Printer {
  readonly columns: readonly Column[];
  /** One cell per column, wide ones included. */
  readonly cells: (object: KubeObject, now: number) => readonly Cell[];
  readonly conditions?: (object: KubeObject) => {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  };
}

/** A column of text; `wide` ones have priority 1. */
export function column(name: string, description: string, wide: "" | "wide" = ""): Column {
  return { name, type: "string", format: "", description, priority: wide === "wide" ? 1 : 0 };
}

export const NAME: Column = { ...column("Name", "The object's name, unique in its namespace."), format: "name" };
export const AGE: Column = column("Age", "How long ago the object was created.");

export const printName: Printer = {
  columns: [NAME, AGE],
  cells: ({ metadata }, now) => [metadata.name ?? "", age(metadata.creationTimestamp, now)],
};

/** For kinds without a printer of their own (Kubernetes: apiserver registry/rest/table.go). */
export const printCreated: Printer = {
  columns: [NAME, { ...column("Created At", "When the object was created."), type: "date" }],
  cells: ({ metadata }) => [metadata.name ?? "", metadata.creationTimestamp ?? ""],
};
