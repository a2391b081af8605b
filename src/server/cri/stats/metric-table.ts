/**
 * The metrics, under the names that cAdvisor gave them and that dashboards know. The kubelet serves them at
 * /metrics/cadvisor when it takes its statistics from the runtime (KEP-2371). The CRI's values are whole numbers, so seconds
 * are cut off.
 */
import type { CgroupStats } from "../../../runtime/runtime.ts";
import type { MetricDefinition, MetricFacts, Sample } from "./metric-facts.ts";

/** The labels of every metric, before its own. */
export const COMMON_LABELS = ["container", "id", "image", "name", "namespace", "pod"] as const;

type Figure<T> = (source: T) => number | undefined;

const NS_PER_S = 1e9;
const MS_PER_S = 1000;
/** What the kernel uses when nothing is said. */
const DEFAULT_PERIOD_US = 100_000;
const DEFAULT_SHARES = 1024;

const seconds = (ns: number | undefined): number | undefined => (ns === undefined ? undefined : ns / NS_PER_S);
const one = (value: number | undefined, labels: readonly string[] = []): readonly Sample[] =>
  value === undefined ? [] : [{ value, labels }];

function metric(
  type: MetricDefinition["type"],
  name: string,
  help: string,
  samples: (facts: MetricFacts) => readonly Sample[],
  labels: readonly string[] = [],
): MetricDefinition {
  return { name: `container_${name}`, help, type, labels, samples };
}

/** A figure of the cgroup. One that the host does not count is 0, as cAdvisor has it. */
function cgroup(
  type: MetricDefinition["type"],
  name: string,
  help: string,
  figure: Figure<CgroupStats>,
): MetricDefinition {
  return metric(type, name, help, (facts) => (facts.cgroup ? one(figure(facts.cgroup) ?? 0) : []));
}

function cpuTime(name: string, help: string, figure: Figure<CgroupStats>): MetricDefinition {
  return metric(
    "counter",
    name,
    help,
    (facts) => (facts.cgroup ? one(seconds(figure(facts.cgroup)) ?? 0, ["total"]) : []),
    ["cpu"],
  );
}

const CPU: readonly MetricDefinition[] = [
  cpuTime("cpu_usage_seconds_total", "CPU time used, in seconds.", ({ cpuUsageNs }) => cpuUsageNs),
  cpuTime("cpu_user_seconds_total", "CPU time used outside the kernel, in seconds.", ({ cpuUserNs }) => cpuUserNs),
  cpuTime("cpu_system_seconds_total", "CPU time used in the kernel, in seconds.", ({ cpuSystemNs }) => cpuSystemNs),
  cgroup(
    "counter",
    "cpu_cfs_periods_total",
    "Periods in which a CPU quota was counted.",
    (stats) => stats.cpuThrottling?.periods,
  ),
  cgroup(
    "counter",
    "cpu_cfs_throttled_periods_total",
    "Periods in which the CPU quota was used up.",
    (stats) => stats.cpuThrottling?.throttledPeriods,
  ),
  cgroup("counter", "cpu_cfs_throttled_seconds_total", "Time held back by the CPU quota, in seconds.", (stats) =>
    seconds(stats.cpuThrottling?.throttledNs),
  ),
];

const MEMORY: readonly MetricDefinition[] = [
  cgroup("gauge", "memory_usage_bytes", "Memory in use, page cache included.", (stats) => stats.memoryUsageBytes),
  cgroup(
    "gauge",
    "memory_working_set_bytes",
    "Memory in use less the page cache that is easily given back.",
    (stats) => stats.memoryWorkingSetBytes,
  ),
  cgroup("gauge", "memory_rss", "Anonymous memory, in bytes.", (stats) => stats.memoryRssBytes),
  cgroup("gauge", "memory_cache", "Page cache, in bytes.", (stats) => stats.memoryCacheBytes),
  cgroup("gauge", "memory_mapped_file", "Files mapped into memory, in bytes.", (stats) => stats.memoryMappedFileBytes),
  cgroup(
    "gauge",
    "memory_kernel_usage",
    "Memory of the kernel on this account, in bytes.",
    (stats) => stats.memoryKernelBytes,
  ),
  cgroup("gauge", "memory_swap", "Swap in use, in bytes.", (stats) => stats.memorySwapBytes),
  cgroup("gauge", "memory_max_usage_bytes", "Highest memory use so far.", (stats) => stats.memoryMaxUsageBytes),
  cgroup("counter", "memory_failcnt", "How often the memory limit was hit.", (stats) => stats.memoryLimitHits),
  metric("counter", "memory_failures_total", "Page faults.", pageFaults, ["failure_type", "scope"]),
  cgroup("counter", "oom_events_total", "Processes killed for want of memory.", (stats) => stats.oomKills),
];

/** The cgroup's figures are those of the whole hierarchy below it, and a container's has none below. */
function pageFaults({ cgroup: stats }: MetricFacts): readonly Sample[] {
  if (!stats) return [];
  const { pageFaults: all = 0, majorPageFaults: major = 0 } = stats;
  return ["container", "hierarchy"].flatMap((scope) => [
    { value: all, labels: ["pgfault", scope] },
    { value: major, labels: ["pgmajfault", scope] },
  ]);
}

/** Time in which some tasks waited, and in which all did. */
const PRESSURE: readonly MetricDefinition[] = (["cpu", "memory", "io"] as const).flatMap((resource) => [
  metric(
    "counter",
    `pressure_${resource}_waiting_seconds_total`,
    `Time in which a task waited for ${resource}, in seconds.`,
    (facts) => one(seconds(facts.cgroup?.pressure?.[resource]?.some.totalNs)),
  ),
  metric(
    "counter",
    `pressure_${resource}_stalled_seconds_total`,
    `Time in which all tasks waited for ${resource}, in seconds.`,
    (facts) => one(seconds(facts.cgroup?.pressure?.[resource]?.full.totalNs)),
  ),
]);

const PROCESSES: readonly MetricDefinition[] = [
  metric("gauge", "processes", "Processes.", ({ processes }) => one(processes?.processes)),
  metric("gauge", "file_descriptors", "Open file descriptors.", ({ processes }) => one(processes?.fileDescriptors)),
  metric("gauge", "sockets", "Open sockets.", ({ processes }) => one(processes?.sockets)),
  cgroup("gauge", "threads", "Threads.", ({ pids }) => pids),
  cgroup("gauge", "threads_max", "Limit of threads; 0 is none.", ({ pidsLimit }) => pidsLimit),
  metric(
    "gauge",
    "ulimits_soft",
    "Soft limit of the first process.",
    ({ processes }) => one(processes?.fileDescriptorsMax, ["max_open_files"]),
    ["ulimit"],
  ),
];

/** 0: unlimited. */
const SPEC: readonly MetricDefinition[] = [
  metric("gauge", "spec_cpu_period", "Period of the CPU quota, in microseconds.", ({ resources }) =>
    one(resources && (resources.cpuPeriodUs ?? DEFAULT_PERIOD_US)),
  ),
  metric("gauge", "spec_cpu_quota", "CPU quota in a period, in microseconds.", ({ resources }) =>
    one(resources?.cpuQuotaUs === -1 ? undefined : resources?.cpuQuotaUs),
  ),
  metric("gauge", "spec_cpu_shares", "Share of the CPU time.", ({ resources }) =>
    one(resources && (resources.cpuShares ?? DEFAULT_SHARES)),
  ),
  metric("gauge", "spec_memory_limit_bytes", "Memory limit; 0 is none.", ({ resources }) =>
    one(resources && Math.max(0, resources.memoryBytes ?? 0)),
  ),
  metric("gauge", "spec_memory_swap_limit_bytes", "Limit of memory and swap; 0 is none.", ({ resources }) =>
    one(resources && Math.max(0, resources.memorySwapBytes ?? 0)),
  ),
  metric("gauge", "start_time_seconds", "When it was started, in seconds since the epoch.", ({ startedMs }) =>
    one(startedMs === undefined ? undefined : startedMs / MS_PER_S),
  ),
  metric("gauge", "last_seen", "When it was last looked at, in seconds since the epoch.", ({ nowMs }) =>
    one(nowMs / MS_PER_S),
  ),
];

function disk(
  type: MetricDefinition["type"],
  name: string,
  help: string,
  figure: Figure<MetricFacts>,
): MetricDefinition {
  return metric(type, name, help, (facts) => one(figure(facts), [facts.layer?.path ?? ""]), ["device"]);
}

const FILES: readonly MetricDefinition[] = [
  disk("gauge", "fs_usage_bytes", "Size of the writable layer.", ({ layer }) => layer?.usedBytes),
  disk(
    "gauge",
    "fs_limit_bytes",
    "Size of the file system that the writable layer is on.",
    (facts) => facts.disk && facts.disk.blocks * facts.disk.bsize,
  ),
  disk("gauge", "fs_inodes_total", "Inodes of that file system.", (facts) => facts.disk?.files),
  disk("gauge", "fs_inodes_free", "Free inodes of that file system.", (facts) => facts.disk?.ffree),
];

function blockIo(
  name: string,
  help: string,
  figure: (io: NonNullable<CgroupStats["io"]>[number]) => number,
): MetricDefinition {
  return metric(
    "counter",
    name,
    help,
    ({ cgroup: stats }) => (stats?.io ?? []).map((io) => ({ value: figure(io), labels: [io.device] })),
    ["device"],
  );
}

const BLOCK_IO: readonly MetricDefinition[] = [
  blockIo("fs_reads_total", "Reads.", ({ reads }) => reads),
  blockIo("fs_reads_bytes_total", "Bytes read.", ({ readBytes }) => readBytes),
  blockIo("fs_writes_total", "Writes.", ({ writes }) => writes),
  blockIo("fs_writes_bytes_total", "Bytes written.", ({ writeBytes }) => writeBytes),
  metric("counter", "blkio_device_usage_total", "Bytes read from or written to a device.", deviceUsage, [
    "device",
    "major",
    "minor",
    "operation",
  ]),
];

function deviceUsage({ cgroup: stats }: MetricFacts): readonly Sample[] {
  return (stats?.io ?? []).flatMap(({ device, readBytes, writeBytes }) => {
    const [major = "", minor = ""] = device.split(":");
    return [
      { value: readBytes, labels: ["", major, minor, "Read"] },
      { value: writeBytes, labels: ["", major, minor, "Write"] },
    ];
  });
}

const DIRECTIONS = { receive: "rx", transmit: "tx" } as const;
const COUNTS = { bytes: "Bytes", packets: "Packets", errors: "Errors", packets_dropped: "Dropped" } as const;

const NETWORK: readonly MetricDefinition[] = Object.entries(DIRECTIONS).flatMap(([direction, prefix]) =>
  Object.entries(COUNTS).map(([count, key]) =>
    metric(
      "counter",
      `network_${direction}_${count}_total`,
      `Network: ${count.replace("_", " ")}, direction ${direction}.`,
      ({ interfaces = [] }) => interfaces.map((each) => ({ value: each[`${prefix}${key}`], labels: [each.name] })),
      ["interface"],
    ),
  ),
);

/** All of them. What is not in here is never told. */
export const METRICS: readonly MetricDefinition[] = [
  ...CPU,
  ...MEMORY,
  ...PRESSURE,
  ...PROCESSES,
  ...SPEC,
  ...FILES,
  ...BLOCK_IO,
  ...NETWORK,
];
