/** `minke describe node`. */
import type { Event, Node, Pod, Quantity } from "../../api/gen/types.ts";
import { milliValue, wholeValue } from "../../api/quantity.ts";
import { age } from "../../api/human-duration.ts";
import { describeEvents } from "./events.ts";
import { annotations, Description, pairs, timeText } from "./text.ts";

export interface NodeParts {
  readonly node: Node;
  readonly pods: readonly Pod[];
  /** Undefined: not to be shown. */
  readonly events: readonly Event[] | undefined;
}

/** The description, with tabs between cells. `now` in milliseconds since the epoch. */
export function describeNode({ node, pods, events }: NodeParts, now: number): string {
  const out = new Description();
  const { metadata, spec, status } = node;
  out.line(0, "Name:", metadata.name ?? "");
  out.line(0, "Roles:", rolesOf(metadata.labels));
  pairs(out, "Labels", metadata.labels);
  annotations(out, metadata.annotations);
  out.line(0, "CreationTimestamp:", timeText(metadata.creationTimestamp));
  out.line(0, "Taints:", "<none>");
  out.line(0, "Unschedulable:", String(spec?.unschedulable === true));
  out.line(0, "Conditions:");
  out.line(1, "Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message");
  out.line(1, "----", "------", "-----------------", "------------------", "------", "-------");
  for (const one of status?.conditions ?? []) {
    const cells = [one.type, one.status, timeText(one.lastHeartbeatTime), timeText(one.lastTransitionTime)];
    out.line(1, ...[...cells, one.reason ?? ""].map((cell) => `${cell} `), one.message ?? "");
  }
  out.line(0, "Addresses:");
  for (const { type, address } of status?.addresses ?? []) out.line(1, `${type}:`, address);
  resources(out, "Capacity", status?.capacity);
  resources(out, "Allocatable", status?.allocatable);
  out.line(0, "System Info:");
  for (const [title, field] of SYSTEM_INFO) out.line(1, `${title}:`, status?.nodeInfo?.[field] ?? "");
  describeRunning(
    out,
    { pods: pods.filter((pod) => !["Succeeded", "Failed"].includes(pod.status?.phase ?? "")), status },
    now,
  );
  describeEvents(out, events, now);
  return out.text();
}

/** In kubectl's order and words. */
const SYSTEM_INFO = [
  ["Machine ID", "machineID"],
  ["System UUID", "systemUUID"],
  ["Boot ID", "bootID"],
  ["Kernel Version", "kernelVersion"],
  ["OS Image", "osImage"],
  ["Operating System", "operatingSystem"],
  ["Architecture", "architecture"],
  ["Container Runtime Version", "containerRuntimeVersion"],
  ["Kubelet Version", "kubeletVersion"],
] as const;

const ROLE = "node-role.kubernetes.io/";

function rolesOf(labels: Readonly<Record<string, string>> = {}): string {
  const roles = Object.keys(labels).filter((label) => label.startsWith(ROLE) && label !== ROLE);
  const names = roles.map((label) => label.slice(ROLE.length)).sort();
  return names.length === 0 ? "<none>" : names.join(",");
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
  // The empty cell is in kubectl's table too.
  out.line(1, "Namespace", "Name", "", ...COLUMNS, "Age");
  out.line(1, "---------", "----", "", ...COLUMNS.map((column) => "-".repeat(column.length)), "---");
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
    out.line(1, namespace, name, "", ...cells, age(creationTimestamp, now));
  }
  out.line(0, "Allocated resources:");
  out.line(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
  out.line(1, "Resource", "Requests", "Limits").line(1, "--------", "--------", "------");
  out.line(1, "cpu", cpu(total.cpuRequests), cpu(total.cpuLimits));
  out.line(1, "memory", memory(total.memoryRequests), memory(total.memoryLimits));
  // A request for it is warned about when the Pod is made: it has no effect.
  out.line(1, "ephemeral-storage", "0 (0%)", "0 (0%)");
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
