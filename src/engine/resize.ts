/**
 * Changes of CPU and memory while a Pod runs: what is still to be applied, and what never can be here. Pure.
 * Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_manager.go (computePodResizeAction), pkg/kubelet/allocation.
 */
import { equalJson } from "../api/equal.ts";
import type { Container as ContainerSpec, Pod } from "../api/gen/types.ts";
import { effectiveRequests } from "../api/pod-resources.ts";
import { compareQuantity, milliValue, wholeValue } from "../api/quantity.ts";
import type { CgroupResources, Container, Sandbox } from "../runtime/runtime.ts";
import { containerLimits, podResources } from "./resources.ts";

const CPU = ["cpuShares", "cpuQuotaUs", "cpuPeriodUs"] as const;
const MEMORY = ["memoryBytes"] as const;

/** What a running container still has to get; `restart` when its policy wants it started anew for that. */
export function pendingResize(spec: ContainerSpec, container: Container): "none" | "update" | "restart" {
  const [wanted, has] = [containerLimits(spec), container.config.resources];
  const differs = (names: readonly (keyof CgroupResources)[]): boolean =>
    names.some((name) => wanted[name] !== has[name]);
  const changed = [...(differs(CPU) ? ["cpu"] : []), ...(differs(MEMORY) ? ["memory"] : [])];
  if (changed.length === 0) return "none";
  const restarts = (spec.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) => restartPolicy === "RestartContainer" && changed.includes(resourceName),
  );
  return restarts ? "restart" : "update";
}

/** Whether the Pod's own cgroup has other limits than the Pod asks for. */
export function sandboxDiffers(pod: Pod, sandbox: Sandbox): boolean {
  return !equalJson(sandbox.config.resources, podResources(pod));
}

/** Limits that neither of two sets runs into: a Pod's cgroup grows before its containers, and shrinks after them. */
export function widest(a: CgroupResources, b: CgroupResources): CgroupResources {
  const wide: Record<string, number> = {};
  for (const name of ["cpuShares", "cpuQuotaUs", "cpuPeriodUs", "memoryBytes"] as const) {
    const [one, other] = [a[name], b[name]];
    if (one !== undefined && other !== undefined) wide[name] = Math.max(one, other);
  }
  return wide;
}

/**
 * The Pod with the resources that it has been given, when it asks for more than the machine has: it keeps those, and `why`
 * tells. A Pod that was never resized has what it asks for.
 */
export function allocated(
  pod: Pod,
  allocatable: Readonly<Record<string, string>>,
): { readonly pod: Pod; readonly why?: string } {
  const given = new Map(pod.status?.containerStatuses?.map(({ name, resources }) => [name, resources]));
  const resized = (pod.spec?.containers ?? []).some(({ name, resources }) => {
    const told = given.get(name);
    return told !== undefined && !equalJson(told, resources);
  });
  const why = resized ? beyond(effectiveRequests(pod), allocatable) : undefined;
  if (!pod.spec || why === undefined) return { pod };
  const containers = pod.spec.containers.map((container) => {
    const resources = given.get(container.name);
    return resources ? { ...container, resources } : container;
  });
  return { pod: { ...pod, spec: { ...pod.spec, containers } }, why };
}

function beyond(
  requests: Readonly<Record<string, string>>,
  allocatable: Readonly<Record<string, string>>,
): string | undefined {
  for (const [name, valueOf] of [
    ["cpu", milliValue],
    ["memory", wholeValue],
  ] as const) {
    const [requested, capacity] = [requests[name], allocatable[name]];
    if (requested === undefined || capacity === undefined || compareQuantity(requested, capacity) <= 0) continue;
    return `Node didn't have enough capacity: ${name}, requested: ${valueOf(requested)}, capacity: ${valueOf(capacity)}`;
  }
  return undefined;
}
