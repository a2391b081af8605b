/** Rows of nodes. */
import type { Node } from "./gen/types.ts";
import { age } from "./human-duration.ts";
import { AGE, column, NAME, type Printer } from "./printer.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";

export const printNode: Printer = {
  columns: [
    NAME,
    column("Status", "The status of the node"),
    column("Roles", "The roles of the node"),
    AGE,
    column("Version", "The version of what acts as the kubelet."),
    column("Internal-IP", "The node's address inside its network.", "wide"),
    column("External-IP", "The node's address from outside.", "wide"),
    column("OS-Image", "The operating system.", "wide"),
    column("Kernel-Version", "The kernel and its architecture.", "wide"),
    column("Container-Runtime", "The container runtime and its version.", "wide"),
  ],
  cells(object, now) {
    const node = object as Node;
    const info = node.status?.nodeInfo;
    const kernel = info?.kernelVersion || "<unknown>";
    return [
      node.metadata.name ?? "",
      statusOf(node),
      rolesOf(node),
      age(node.metadata.creationTimestamp, now),
      info?.kubeletVersion ?? "",
      addressOf(node, "InternalIP"),
      addressOf(node, "ExternalIP"),
      info?.osImage || "<unknown>",
      info?.architecture ? `${kernel} (${info.architecture})` : kernel,
      info?.containerRuntimeVersion || "<unknown>",
    ];
  },
};

function statusOf(node: Node): string {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  const status = ready ? (ready.status === "True" ? "Ready" : "NotReady") : "Unknown";
  return node.spec?.unschedulable ? `${status},SchedulingDisabled` : status;
}

function rolesOf(node: Node): string {
  const roles = Object.entries(node.metadata.labels ?? {}).map(([key, value]) =>
    key.startsWith(ROLE_PREFIX) ? key.slice(ROLE_PREFIX.length) : key === "kubernetes.io/role" ? value : "",
  );
  return [...new Set(roles.filter((role) => role !== ""))].sort().join(",") || "<none>";
}

function addressOf(node: Node, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? "<none>";
}
