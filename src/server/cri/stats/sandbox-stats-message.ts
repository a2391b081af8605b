/** The statistics of a sandbox: its cgroup, its network, its containers. */
import type { Init } from "../message.ts";

import type { CgroupStats, InterfaceStats, Sandbox } from "../../../runtime/runtime.ts";
import type { CriNode } from "../context.ts";
import type {
  LinuxPodSandboxStatsSchema,
  NetworkInterfaceUsageSchema,
  NetworkUsageSchema,
  PodSandboxStatsSchema,
} from "../gen/runtime/v1/api_pb.ts";
import { selectContainers } from "../select.ts";
import { nanoseconds } from "../translate/time.ts";
import { containerStatsMessages } from "./container-stats-messages.ts";
import { counter, cpuUsage, ioUsage, memoryUsage } from "./usage.ts";

export async function sandboxStatsMessage(
  node: CriNode,
  sandbox: Sandbox,
): Promise<Init<typeof PodSandboxStatsSchema>> {
  const { id, config } = sandbox;
  const containers = await selectContainers(node, { podSandboxId: id });
  const running = containers.filter(({ state }) => state.phase !== "exited");
  const [own, interfaces, stats] = await Promise.all([
    node.runtime.sandboxStats(id),
    node.runtime.interfaceStats(id),
    containerStatsMessages(node, running),
  ]);
  const timestamp = nanoseconds(node.clock.now());
  return {
    attributes: {
      id,
      metadata: config.metadata,
      labels: { ...config.labels },
      annotations: { ...config.annotations },
    },
    linux: {
      ...(own ? usages(own, timestamp, node.cpuRates.observe(id, own.cpuUsageNs)) : {}),
      ...(interfaces.length > 0 ? { network: networkUsage(interfaces, timestamp) } : {}),
      containers: stats,
    },
  };
}

function usages(
  stats: CgroupStats,
  timestamp: bigint,
  nanoCores: number | undefined,
): Partial<Init<typeof LinuxPodSandboxStatsSchema>> {
  const io = ioUsage(stats, timestamp);
  return {
    cpu: cpuUsage(stats, timestamp, nanoCores),
    memory: memoryUsage(stats, timestamp),
    process: { timestamp, processCount: counter(stats.pids)! },
    ...(io ? { io } : {}),
  };
}

/** The first interface is the one with the Pod's address. */
function networkUsage(
  [first, ...others]: readonly InterfaceStats[],
  timestamp: bigint,
): Init<typeof NetworkUsageSchema> {
  return {
    timestamp,
    ...(first ? { defaultInterface: interfaceUsage(first) } : {}),
    interfaces: others.map(interfaceUsage),
  };
}

function interfaceUsage(stats: InterfaceStats): Init<typeof NetworkInterfaceUsageSchema> {
  return {
    name: stats.name,
    rxBytes: counter(stats.rxBytes)!,
    rxErrors: counter(stats.rxErrors)!,
    txBytes: counter(stats.txBytes)!,
    txErrors: counter(stats.txErrors)!,
  };
}
