/** `minke describe node`. */
import type { Event, Node, Pod, Quantity } from "../../api/gen/types.ts";
import { milliValue, wholeValue } from "../../api/quantity.ts";
import { age } from "../../api/human-duration.ts";
import { describeEvents } from "./events.ts";
import { Description, pairs, timeText } from "./text.ts";

export interface NodeParts {
  readonly node: Node;
  readonly pods: readonly Pod[];
  readonly events: readonly Event[];
}

/** The description, with tabs between cells. `now` in milliseconds since the epoch. */
export function describeNode({ node, pods, events }: NodeParts, now: number): string {
  const out = new Description();
  const { metadata, spec, status } = node;
  out.line(0, "Name:", metadata.name ?? "");
  pairs(out, "Labels", metadata.labels);
  pairs(out, "Annotations", metadata.annotations, { separator: ": " });
  out.line(0, "CreationTimestamp:", timeText(metadata.creationTimestamp));
  out.line(0, "Unschedulable:", String(spec?.unschedulable === true));
  out.line(0, "Conditions:");
  out.line(1, "Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message");
  out.line(1, "----", "------", "-----------------", "------------------", "------", "-------");
  for (const one of status?.conditions ?? []) {
    const times = [timeText(one.lastHeartbeatTime), timeText(one.lastTransitionTime)];
    out.line(1, one.type, `${one.status} `, ...times, one.reason ?? "", one.message ?? "");
  }
  out.line(0, "Addresses:");
  for (const { type, address } of status?.addresses ?? []) out.line(1, `${type}:`, address);
  resources(out, "Capacity", status?.capacity);
  resources(out, "Allocatable", status?.allocatable);
  out.line(0, "System Info:");
  for (const [name, value] of Object.entries(status?.nodeInfo ?? {})) {
    if (typeof value === "string") out.line(1, `${titleOf(name)}:`, value);
  }
  describeRunning(
    out,
    { pods: pods.filter((pod) => !["Succeeded", "Failed"].includes(pod.status?.phase ?? "")), status },
    now,
  );
  describeEvents(out, events, now);
  return out.text();
}

/** `kernelVersion` → `Kernel Version`. */
function titleOf(name: string): string {
  const words = name.replaceAll(/([a-z])([A-Z])/g, "$1 $2");
  return (words[0] ?? "").toUpperCase() + words.slice(1);
}

function resources(out: Description, title: string, values: Readonly<Record<string, Quantity>> | undefined): void {
  out.line(0, `${title}:`);
  for (const [name, value] of Object.entries(values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)))
    out.line(1, `${name}:`, String(value));
}

const COLUMNS = ["CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits"] as const;

function describeRunning(
  out: Description,
  { pods, status }: { readonly pods: readonly Pod[]; readonly status: Node["status"] },
  now: number,
): void {
  out.line(0, "Non-terminated Pods:", `(${pods.length} in total)`);
  out.line(1, "Namespace", "Name", ...COLUMNS, "Age");
  out.line(1, "---------", "----", ...COLUMNS.map((column) => "-".repeat(column.length)), "---");
  const cpuThere = milliValue(status?.allocatable?.["cpu"] ?? 0);
  const memoryThere = wholeValue(status?.allocatable?.["memory"] ?? 0);
  const percent = (used: number, there: number): string => `(${there > 0 ? Math.trunc((used * 100) / there) : 0}%)`;
  const cpu = (value: number): string => `${value === 0 ? "0" : `${value}m`} ${percent(value, cpuThere)}`;
  const memory = (value: number): string =>
    `${value === 0 ? "0" : `${Math.ceil(value / 2 ** 20)}Mi`} ${percent(value, memoryThere)}`;
  const total = { cpuRequests: 0, cpuLimits: 0, memoryRequests: 0, memoryLimits: 0 };
  for (const pod of pods) {
    const sum = sumOf(pod);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += sum[key];
    const cells = [cpu(sum.cpuRequests), cpu(sum.cpuLimits), memory(sum.memoryRequests), memory(sum.memoryLimits)];
    const { namespace = "", name = "", creationTimestamp } = pod.metadata;
    out.line(1, namespace, name, ...cells, age(creationTimestamp, now));
  }
  out.line(0, "Allocated resources:");
  out.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
  out.line(1, "Resource", "Requests", "Limits").line(1, "--------", "--------", "------");
  out.line(1, "cpu", cpu(total.cpuRequests), cpu(total.cpuLimits));
  out.line(1, "memory", memory(total.memoryRequests), memory(total.memoryLimits));
}

function sumOf(pod: Pod): { cpuRequests: number; cpuLimits: number; memoryRequests: number; memoryLimits: number } {
  const all = (pod.spec?.containers ?? []).map(({ resources: own }) => own ?? {});
  const sum = (
    pick: (own: (typeof all)[number]) => Quantity | undefined,
    value: (quantity: Quantity) => number,
  ): number => all.reduce((total, own) => total + value(pick(own) ?? 0), 0);
  return {
    cpuRequests: sum((own) => own.requests?.["cpu"], milliValue),
    cpuLimits: sum((own) => own.limits?.["cpu"], milliValue),
    memoryRequests: sum((own) => own.requests?.["memory"], wholeValue),
    memoryLimits: sum((own) => own.limits?.["memory"], wholeValue),
  };
}
