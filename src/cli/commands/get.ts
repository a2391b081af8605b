/** `minke get`: show objects as tables, documents, names or templates. */
import { buildCommand } from "@stricli/core";

import { isMinkeError } from "../../base/errors.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Client } from "../../sdk/client.ts";
import { collectionPath, type Table } from "../../sdk/resource.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { describeFailure } from "../failure.ts";
import {
  allNamespacesFlag,
  argument,
  namespaceFlag,
  namespaceOf,
  nodeFlags,
  switchFlag,
  textFlag,
  textsFlag,
} from "../flags.ts";
import { compilePath } from "../jsonpath.ts";

import { listOf } from "../output/document.ts";
import { formatOf, type ObjectFormat } from "../output/format.ts";
import { TablePrinter } from "../output/table.ts";
import { listOptionsOf, selectorFlags, type SelectorFlags } from "../selection.ts";
import { sortedBy } from "../sort-by.ts";
import { type Target, targetsOf } from "../targets.ts";

interface Flags extends NodeFlags, SelectorFlags {
  readonly namespace: string | undefined;
  readonly allNamespaces: boolean;
  readonly output: string | undefined;
  readonly watch: boolean;
  readonly watchOnly: boolean;
  readonly showLabels: boolean;
  readonly showKind: boolean;
  readonly labelColumns: readonly string[] | undefined;
  readonly noHeaders: boolean;
  readonly sortBy: string | undefined;
  readonly ignoreNotFound: boolean;
}

export const examples = [
  ["All Pods of the namespace", "minke get pods"],
  ["… of all namespaces, with IP and node", "minke get pods -A -o wide"],
  ["One Pod as YAML", "minke get pod web -o yaml"],
  ["Follow the changes", "minke get pods -w"],
  ["One value", "minke get pod web -o jsonpath='{.status.podIP}'"],
  ["What happened, oldest first", "minke get events --sort-by=.metadata.creationTimestamp"],
] as const;
export const completes = ["type/name"] as const;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "Show objects: pods, nodes, events, configmaps, secrets, namespaces" },
  parameters: {
    flags: {
      output: textFlag("wide, json, yaml, name or jsonpath=TEMPLATE", "format"),
      ...namespaceFlag,
      ...allNamespacesFlag,
      watch: switchFlag("Show the objects, then every change"),
      watchOnly: switchFlag("Show only changes"),
      ...selectorFlags,
      showLabels: switchFlag("A column with all labels"),
      showKind: switchFlag("The kind before each name"),
      labelColumns: textsFlag("A column for this label; may be repeated", "label"),
      noHeaders: switchFlag("No header line"),
      sortBy: textFlag("Path to sort by, such as .metadata.name", "path"),
      ignoreNotFound: switchFlag("Something that does not exist is no error"),
      ...nodeFlags,
    },
    aliases: { n: "namespace", A: "allNamespaces", o: "output", w: "watch", l: "selector", L: "labelColumns" },
    positional: { kind: "array", parameter: argument("TYPE|NAME", "TYPE, TYPE NAME…, TYPE/NAME…, TYPE,TYPE, all") },
  },
  async func(this: CliContext, flags, ...args) {
    const format = formatOf(flags.output);
    const targets = targetsOf(args);
    const client = await this.client(flags);
    if (flags.allNamespaces && targets.some((target) => target.name !== undefined)) {
      throw new UsageError("a resource cannot be retrieved by name across all namespaces");
    }
    const selects = flags.selector !== undefined || flags.fieldSelector !== undefined;
    if (selects && targets.some((target) => target.name !== undefined))
      throw new UsageError("name cannot be provided when a selector is specified");
    const run = { context: this, client, flags, format, targets };
    if (flags.watch || flags.watchOnly) await (await import("../get-watch.ts")).watchTargets(run);
    else if (format) await printObjects(run, format);
    else await printTables(run);
  },
});

export interface GetRun {
  readonly context: CliContext;
  readonly client: Client;
  readonly flags: Flags;
  /** Undefined: tables. */
  readonly format: ObjectFormat | undefined;
  readonly targets: readonly Target[];
}

/** The namespace to ask; undefined for all, and for types that have none. */
export function scopeOf(run: GetRun, target: Target): string | undefined {
  return target.type.namespaced && !run.flags.allNamespaces ? namespaceOf(run.flags) : undefined;
}

/** A printer for one target. Several kinds of targets get the kind before each name. */
export function printerFor(run: GetRun, target: Target): TablePrinter {
  const kinds = new Set(run.targets.map(({ type }) => type.plural));
  return new TablePrinter({
    wide: run.flags.output === "wide",
    noHeaders: run.flags.noHeaders,
    withNamespace: run.flags.allNamespaces && target.type.namespaced,
    showLabels: run.flags.showLabels,
    labelColumns: (run.flags.labelColumns ?? []).flatMap((label) => label.split(",")),
    ...(kinds.size > 1 || run.flags.showKind ? { kindPrefix: target.type.singular } : {}),
  });
}

async function printObjects(run: GetRun, format: ObjectFormat): Promise<void> {
  const objects: KubeObject[] = [];
  for (const target of run.targets) {
    const resource = run.client.resource(target.type, scopeOf(run, target));
    if (target.name === undefined) objects.push(...(await resource.list(listOptionsOf(run.flags))).items);
    else await tolerant(run, async () => void objects.push(await resource.get(target.name!)));
  }
  const order = run.flags.sortBy;
  const sorted = order === undefined ? objects : sortedBy(objects, compilePath(order));
  const single = run.targets.length === 1 && run.targets[0]!.name !== undefined;
  if (single && sorted.length === 0) return;
  await run.context.print(await format(single ? sorted[0]! : listOf(sorted), sorted));
}

/** Tables of the same type follow each other; another type begins behind an empty line. */
async function printTables(run: GetRun): Promise<void> {
  const groups = Map.groupBy(run.targets, (target) => target.type.plural);
  let printed = 0;
  for (const targets of groups.values()) {
    const tables: Table[] = [];
    for (const target of targets) await tolerant(run, async () => void tables.push(await tableOf(run, target)));
    const first = tables[0];
    const rows = tables.flatMap((table) => table.rows);
    if (!first || rows.length === 0) continue;
    const order = run.flags.sortBy;
    const sorted = order === undefined ? rows : sortedBy(rows, (row) => compilePath(order)(row.object));
    const text = printerFor(run, targets[0]!).print({ ...first, rows: sorted });
    await run.context.print(printed++ === 0 ? text : `\n${text}`);
  }
  const named = run.targets.some((target) => target.name !== undefined);
  if (printed === 0 && !named) run.context.note(nothingFound(run));
}

function nothingFound(run: GetRun): string {
  const scope = run.targets.map((target) => scopeOf(run, target)).find((one) => one !== undefined);
  return scope === undefined ? "No resources found" : `No resources found in ${scope} namespace.`;
}

function tableOf(run: GetRun, target: Target): Promise<Table> {
  return run.client.resource(target.type, scopeOf(run, target)).table({
    ...listOptionsOf(run.flags),
    ...(target.name === undefined ? {} : { name: target.name }),
    ...(run.flags.sortBy === undefined ? {} : { includeObject: "Object" }),
  });
}

/** Of several names, one that is missing does not hide the others. */
async function tolerant(run: GetRun, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!isMinkeError(error, "NotFound")) throw error;
    if (run.flags.ignoreNotFound) return;
    run.context.note(describeFailure(error, run.context.env));
    run.context.exit(EXIT.error);
  }
}

/** The path that a watch of the target asks. */
export function watchPath(run: GetRun, target: Target): string {
  return collectionPath(target.type, scopeOf(run, target));
}
