/**
 * From a Pod's requests and limits to cgroups and OOM scores. Pure.
 * Kubernetes: pkg/kubelet/cm/helpers_linux.go (ResourceConfigForPod, MilliCPUToShares), pkg/kubelet/qos/policy.go.
 */
import type { Container, Pod } from "../api/gen/types.ts";
import { qosClassOf } from "../api/qos.ts";
import type { QosClass } from "../api/qos.ts";
import { milliValue, wholeValue } from "../api/quantity.ts";
import type { CgroupResources, ContainerResources } from "../runtime/runtime.ts";

const SHARES_MIN = 2;
const SHARES_MAX = 262_144;
const SHARES_PER_CPU = 1024;
export const CPU_PERIOD_US = 100_000;
const CPU_QUOTA_MIN_US = 1000;

const OOM_SCORE_GUARANTEED = -997;
const OOM_SCORE_BEST_EFFORT = 1000;
const OOM_SCORE_BURSTABLE_MIN = 3;

/** Relative path of the Pod's cgroup: guaranteed Pods directly below `kubepods`, the others below their tier. */
export function cgroupParentOf(pod: Pod): string {
  const tier = { Guaranteed: "kubepods", Burstable: "kubepods/burstable", BestEffort: "kubepods/besteffort" };
  return `${tier[qosOf(pod)]}/pod${pod.metadata.uid ?? ""}`;
}

/** The Pod cgroup's own limits: quota and memory only when every container has that limit. */
export function podResources(pod: Pod): CgroupResources {
  if (qosOf(pod) === "BestEffort") return { cpuShares: SHARES_MIN };
  const inits = pod.spec?.initContainers ?? [];
  const mains = pod.spec?.containers ?? [];
  const sum = (of: (container: Container) => number | undefined): number =>
    Math.max(
      mains.reduce((total, container) => total + (of(container) ?? 0), 0),
      ...inits.map((container) => of(container) ?? 0),
    );
  const everyone = [...mains, ...inits];
  const allCpu = everyone.every((container) => cpuLimit(container) !== undefined);
  const allMemory = everyone.every((container) => memoryLimit(container) !== undefined);
  return {
    cpuShares: sharesOf(sum(cpuRequest) + overhead(pod, "cpu")),
    ...(allCpu ? quotaOf(sum(cpuLimit) + overhead(pod, "cpu")) : {}),
    ...(allMemory ? { memoryBytes: sum(memoryLimit) + overhead(pod, "memory") } : {}),
  };
}

/** One container's limits. `capacityBytes` is the machine's memory, the measure of its OOM score. */
export function containerResources(pod: Pod, container: Container, capacityBytes: number): ContainerResources {
  return { ...containerLimits(container), oomScoreAdj: oomScoreOf(pod, container, capacityBytes) };
}

/** The part of it that may change while the container runs. */
export function containerLimits(container: Container): CgroupResources {
  const cpu = cpuLimit(container);
  const memory = memoryLimit(container);
  return {
    cpuShares: sharesOf(cpuRequest(container) ?? 0),
    ...(cpu === undefined ? {} : quotaOf(cpu)),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
  };
}

function oomScoreOf(pod: Pod, container: Container, capacityBytes: number): number {
  const qos = qosOf(pod);
  const critical = (pod.spec?.priority ?? 0) >= 2_000_000_000;
  if (qos === "Guaranteed" || critical) return OOM_SCORE_GUARANTEED;
  if (qos === "BestEffort") return OOM_SCORE_BEST_EFFORT;
  const score = 1000 - Math.floor((1000 * (memoryRequest(container) ?? 0)) / capacityBytes);
  return Math.min(Math.max(score, OOM_SCORE_BURSTABLE_MIN), OOM_SCORE_BEST_EFFORT - 1);
}

function sharesOf(milliCpu: number): number {
  return Math.min(Math.max(Math.floor((milliCpu * SHARES_PER_CPU) / 1000), SHARES_MIN), SHARES_MAX);
}

function quotaOf(milliCpu: number): Pick<CgroupResources, "cpuQuotaUs" | "cpuPeriodUs"> {
  if (milliCpu === 0) return {};
  const quota = Math.max(Math.floor((milliCpu * CPU_PERIOD_US) / 1000), CPU_QUOTA_MIN_US);
  return { cpuQuotaUs: quota, cpuPeriodUs: CPU_PERIOD_US };
}

function cpuRequest(container: Container): number | undefined {
  const request = container.resources?.requests?.["cpu"] ?? container.resources?.limits?.["cpu"];
  return request === undefined ? undefined : milliValue(request);
}

function cpuLimit(container: Container): number | undefined {
  const limit = container.resources?.limits?.["cpu"];
  return limit === undefined ? undefined : milliValue(limit);
}

function memoryRequest(container: Container): number | undefined {
  const request = container.resources?.requests?.["memory"] ?? container.resources?.limits?.["memory"];
  return request === undefined ? undefined : wholeValue(request);
}

function memoryLimit(container: Container): number | undefined {
  const limit = container.resources?.limits?.["memory"];
  return limit === undefined ? undefined : wholeValue(limit);
}

function overhead(pod: Pod, name: "cpu" | "memory"): number {
  const value = pod.spec?.overhead?.[name];
  if (value === undefined) return 0;
  return name === "cpu" ? milliValue(value) : wholeValue(value);
}

function qosOf(pod: Pod): QosClass {
  return pod.spec ? qosClassOf(pod.spec) : "BestEffort";
}
