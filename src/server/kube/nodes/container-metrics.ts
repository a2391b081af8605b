/**
 * Containers for Prometheus: the kubelet's `/metrics/resource`, which metrics-server reads, and the part of
 * `/metrics/cadvisor` that dashboards read. Kubernetes: pkg/kubelet/metrics/collectors/resource_metrics.go, cadvisor
 * metrics/prometheus.go.
 */
import { cpus, freemem, totalmem } from "node:os";

import type { PodStats } from "../../../engine/engine.ts";
import type { RequestContext } from "../context.ts";
import { Exposition, type Labels, METRICS_TYPE, type Sample } from "../metrics/exposition.ts";
import { sendBytes } from "../respond.ts";
import { startTimeOf } from "./stats-summary.ts";
import { busyMs } from "./usage.ts";

type Container = PodStats["containers"][number];

export async function sendResourceMetrics(context: RequestContext): Promise<void> {
  const { node } = context;
  const pods = await node.engine.stats();
  const atMs = node.clock.now();
  const page = new Exposition()
    .add("counter", "node_cpu_usage_seconds_total", "CPU time of the node, in seconds.", [
      { value: busyMs() / 1000, atMs },
    ])
    .add("gauge", "node_memory_working_set_bytes", "Memory in use on the node.", [
      { value: totalmem() - freemem(), atMs },
    ])
    .add(
      "counter",
      "container_cpu_usage_seconds_total",
      "CPU time of the container, in seconds.",
      samples(pods, labelsOf, ({ stats }) => stats.cpuUsageNs / 1e9),
    )
    .add(
      "gauge",
      "container_memory_working_set_bytes",
      "Memory that the container needs.",
      samples(pods, labelsOf, ({ stats }) => stats.memoryWorkingSetBytes),
    )
    .add(
      "gauge",
      "container_start_time_seconds",
      "When the container was started, in Unix time.",
      samples(pods, labelsOf, ({ name }, pod) => secondsOf(startTimeOf(pod.pod, name))),
    )
    .add(
      "counter",
      "pod_cpu_usage_seconds_total",
      "CPU time of the Pod, in seconds.",
      podSamples(pods, (sum) => sum.cpuNs / 1e9),
    )
    .add(
      "gauge",
      "pod_memory_working_set_bytes",
      "Memory that the Pod needs.",
      podSamples(pods, (sum) => sum.memory),
    )
    .add("gauge", "resource_scrape_error", "Whether something could not be read.", [{ value: 0 }]);
  sendBytes(context, 200, Buffer.from(page.toString()), METRICS_TYPE);
}

/** What of a container's numbers is told under cadvisor's names; undefined: not known on this host. */
const CADVISOR: readonly (readonly [
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: (stats: Container["stats"]) => number | undefined,
])[] = [
  ["counter", "container_cpu_usage_seconds_total", "CPU time, in seconds.", (stats) => stats.cpuUsageNs / 1e9],
  ["counter", "container_cpu_user_seconds_total", "CPU time in programs.", (stats) => seconds(stats.cpuUserNs)],
  ["counter", "container_cpu_system_seconds_total", "CPU time in the kernel.", (stats) => seconds(stats.cpuSystemNs)],
  ["counter", "container_cpu_cfs_periods_total", "Periods of the quota.", (stats) => stats.cpuThrottling?.periods],
  [
    "counter",
    "container_cpu_cfs_throttled_periods_total",
    "Periods in which the quota held it back.",
    (stats) => stats.cpuThrottling?.throttledPeriods,
  ],
  [
    "counter",
    "container_cpu_cfs_throttled_seconds_total",
    "Time for which the quota held it back.",
    (stats) => seconds(stats.cpuThrottling?.throttledNs),
  ],
  ["gauge", "container_memory_usage_bytes", "Memory in use, page cache included.", (stats) => stats.memoryUsageBytes],
  ["gauge", "container_memory_working_set_bytes", "Memory that it needs.", (stats) => stats.memoryWorkingSetBytes],
  ["gauge", "container_memory_rss", "Anonymous memory.", (stats) => stats.memoryRssBytes],
  ["gauge", "container_memory_cache", "Page cache.", (stats) => stats.memoryCacheBytes],
  ["gauge", "container_memory_mapped_file", "Files in memory.", (stats) => stats.memoryMappedFileBytes],
  ["gauge", "container_memory_max_usage_bytes", "Highest usage so far.", (stats) => stats.memoryMaxUsageBytes],
  ["counter", "container_memory_failcnt", "How often usage ran into the limit.", (stats) => stats.memoryLimitHits],
  ["counter", "container_oom_events_total", "Processes that the kernel killed for memory.", (stats) => stats.oomKills],
  ["gauge", "container_spec_memory_limit_bytes", "The limit.", (stats) => stats.memoryLimitBytes],
  ["gauge", "container_threads", "Processes and their threads.", (stats) => stats.pids],
];

export async function sendCadvisorMetrics(context: RequestContext): Promise<void> {
  const pods = await context.node.engine.stats();
  const page = new Exposition()
    .add("gauge", "machine_cpu_cores", "Cores of the machine.", [{ value: cpus().length }])
    .add("gauge", "machine_memory_bytes", "Memory of the machine.", [{ value: totalmem() }]);
  for (const [type, name, help, value] of CADVISOR) {
    page.add(
      type,
      name,
      help,
      samples(pods, cadvisorLabelsOf(name), ({ stats }) => value(stats)),
    );
  }
  sendBytes(context, 200, Buffer.from(page.toString()), METRICS_TYPE);
}

function labelsOf({ pod }: PodStats, { name }: Container): Labels {
  return { container: name, namespace: pod.metadata.namespace ?? "", pod: pod.metadata.name ?? "" };
}

/** Queries select by the image, and sum over the CPUs. */
function cadvisorLabelsOf(metric: string): typeof labelsOf {
  return (stats, container) => {
    const { initContainerStatuses = [], containerStatuses = [] } = stats.pod.status ?? {};
    const status = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container.name);
    const cpu = metric === "container_cpu_usage_seconds_total" ? { cpu: "total" } : {};
    const id = status?.containerID?.replace(/^.*:\/\//, "") ?? "";
    return { ...labelsOf(stats, container), ...cpu, id, name: id, image: status?.image ?? "" };
  };
}

function* samples(
  pods: readonly PodStats[],
  labels: typeof labelsOf,
  valueOf: (container: Container, pod: PodStats) => number | undefined,
): Generator<Sample> {
  for (const pod of pods) {
    for (const container of pod.containers) {
      const value = valueOf(container, pod);
      if (value !== undefined) yield { labels: labels(pod, container), value, atMs: container.atMs };
    }
  }
}

function* podSamples(
  pods: readonly PodStats[],
  valueOf: (sum: { readonly cpuNs: number; readonly memory: number }) => number,
): Generator<Sample> {
  for (const { pod, containers } of pods) {
    const cpuNs = containers.reduce((sum, { stats }) => sum + stats.cpuUsageNs, 0);
    const memory = containers.reduce((sum, { stats }) => sum + stats.memoryWorkingSetBytes, 0);
    const labels = { namespace: pod.metadata.namespace ?? "", pod: pod.metadata.name ?? "" };
    yield { labels, value: valueOf({ cpuNs, memory }), atMs: Math.max(...containers.map(({ atMs }) => atMs)) };
  }
}

function seconds(ns: number | undefined): number | undefined {
  return ns === undefined ? undefined : ns / 1e9;
}

function secondsOf(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000;
}
