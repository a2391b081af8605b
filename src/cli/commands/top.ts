/** `minke top`: what Pods or the node use. */
import { buildCommand } from "@stricli/core";

import { MinkeError } from "../../base/errors.ts";
import { milliValue, wholeValue } from "../../api/quantity.ts";
import type { Client } from "../../sdk/client.ts";
import type { PodMetrics, Usage } from "../../sdk/metrics.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { UsageError } from "../exit.ts";
import { allNamespacesFlag, argument, namespaceFlag, namespaceOf, nodeFlags, switchFlag, textFlag } from "../flags.ts";
import { typeNamed } from "../kinds.ts";
import { Columns } from "../output/columns.ts";

interface Flags extends NodeFlags {
  readonly namespace: string | undefined;
  readonly allNamespaces: boolean;
  readonly containers: boolean;
  readonly selector: string | undefined;
  readonly noHeaders: boolean;
  readonly sortBy: "cpu" | "memory" | undefined;
}

export const examples = [
  ["What the Pods of the namespace use", "minke top pods"],
  ["Each container of all Pods, the hungriest first", "minke top pods -A --containers --sort-by=memory"],
  ["What all Pods use together, and how much there is", "minke top nodes"],
] as const;
export const completes = ["type", "pod"] as const;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "Show what Pods or the node use" },
  parameters: {
    flags: {
      containers: switchFlag("A line for each container"),
      sortBy: { kind: "enum", values: ["cpu", "memory"], optional: true, brief: "Largest first, by this" },
      selector: textFlag("Label selector", "labels"),
      noHeaders: switchFlag("No header line"),
      ...namespaceFlag,
      ...allNamespacesFlag,
      ...nodeFlags,
    },
    aliases: { n: "namespace", A: "allNamespaces", l: "selector" },
    positional: { kind: "array", parameter: argument("TYPE|NAME", "pods or nodes, and possibly a name") },
  },
  async func(this: CliContext, flags, ...args) {
    const [what, name, ...stray] = args;
    if (stray.length > 0) throw new UsageError("give one name, or none for all");
    if (what === undefined) throw new UsageError("say what: 'minke top pods' or 'minke top nodes'");
    const { kind } = typeNamed(what);
    if (kind !== "Pod" && kind !== "Node") throw new UsageError(`there is no usage of ${what}; use pods or nodes`);
    const client = await this.client(flags);
    const rows = kind === "Pod" ? await podRows(client, flags, name) : await nodeRows(client, name);
    if (rows.length === 1 && kind === "Pod") {
      this.note(flags.allNamespaces ? "No resources found" : `No resources found in ${namespaceOf(flags)} namespace.`);
      return;
    }
    // kubectl: the last column is padded too.
    const padded = rows.map((row) => [...row, ""]);
    await this.print(new Columns().lines(flags.noHeaders ? padded.slice(1) : padded));
  },
});

interface Line {
  readonly head: readonly string[];
  readonly cpu: number;
  readonly memory: number;
}

async function podRows(client: Client, flags: Flags, name: string | undefined): Promise<string[][]> {
  const metrics = await client.metrics.pods(flags.allNamespaces ? undefined : namespaceOf(flags), flags.selector);
  const wanted = name === undefined ? metrics : metrics.filter((one) => one.metadata.name === name);
  if (name !== undefined && wanted.length === 0) throw notFound("pods", name);
  const lines = wanted.flatMap((one) => linesOf(one, flags));
  const key = flags.sortBy;
  if (key !== undefined) lines.sort((a, b) => b[key] - a[key]);
  const header = [
    ...(flags.allNamespaces ? ["NAMESPACE"] : []),
    ...(flags.containers ? ["POD", "NAME"] : ["NAME"]),
    "CPU(cores)",
    "MEMORY(bytes)",
  ];
  return [header, ...lines.map((line) => [...line.head, `${line.cpu}m`, mebibytes(line.memory)])];
}

function linesOf(metrics: PodMetrics, flags: Flags): Line[] {
  const head = [...(flags.allNamespaces ? [metrics.metadata.namespace] : []), metrics.metadata.name];
  const usages = metrics.containers.map(({ usage }) => usage);
  if (!flags.containers) return [{ head, cpu: cpuOf(usages), memory: memoryOf(usages) }];
  return metrics.containers.map(({ name, usage }) => ({
    head: [...head, name],
    cpu: cpuOf([usage]),
    memory: memoryOf([usage]),
  }));
}

async function nodeRows(client: Client, name: string | undefined): Promise<string[][]> {
  const [all, nodes] = await Promise.all([client.metrics.nodes(), client.nodes.list()]);
  const metrics = name === undefined ? all : all.filter((one) => one.metadata.name === name);
  if (name !== undefined && metrics.length === 0) throw notFound("nodes", name);
  const header = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"];
  const rows = metrics.map(({ metadata, usage }) => {
    const there = nodes.items.find((node) => node.metadata.name === metadata.name)?.status?.allocatable;
    const [cpu, memory] = [cpuOf([usage]), memoryOf([usage])];
    const percent = (used: number, of: number): string => (of > 0 ? `${Math.trunc((used * 100) / of)}%` : "<unknown>");
    return [
      metadata.name,
      `${cpu}m`,
      percent(cpu, there?.["cpu"] === undefined ? 0 : milliValue(there["cpu"])),
      mebibytes(memory),
      percent(memory, there?.["memory"] === undefined ? 0 : wholeValue(there["memory"])),
    ];
  });
  return [header, ...rows];
}

/** As the server would say it; a Pod that does not run has no metrics. */
function notFound(plural: string, name: string): MinkeError {
  return new MinkeError("NotFound", `${plural} "${name}" not found`, {
    reason: "NotFound",
    details: { httpStatus: 404 },
  });
}

function cpuOf(usages: readonly Usage[]): number {
  return usages.reduce((sum, usage) => sum + milliValue(usage.cpu), 0);
}

function memoryOf(usages: readonly Usage[]): number {
  return usages.reduce((sum, usage) => sum + wholeValue(usage.memory), 0);
}

function mebibytes(bytes: number): string {
  return `${Math.trunc(bytes / 1024 ** 2)}Mi`;
}
