/** The kubelet's `/stats/summary`, as far as it is known here. Kubernetes: k8s.io/kubelet pkg/apis/stats/v1alpha1/types.go. */
import { statfs } from "node:fs/promises";
import { uptime } from "node:os";

import type { Pod } from "../../../api/gen/types.ts";
import { rfc3339 } from "../../../base/clock.ts";
import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { nodeUsage, type PodUsage, podUsage } from "./usage.ts";

export async function sendStatsSummary(context: RequestContext): Promise<void> {
  const { node } = context;
  const [machine, pods, images] = await Promise.all([
    nodeUsage(context),
    podUsage(context, undefined),
    node.images.usage(),
  ]);
  const [fs, imageFs] = await Promise.all([node.scratch, images.path].map((path) => fsStats(path, node.clock.now())));
  const time = rfc3339(node.clock.now());
  const summary = {
    node: {
      nodeName: node.nodeName,
      startTime: rfc3339(node.clock.now() - uptime() * 1000),
      cpu: { time, usageNanoCores: machine.nanoCores, usageCoreNanoSeconds: machine.cpuNs },
      memory: { time, availableBytes: machine.availableBytes, workingSetBytes: machine.memoryBytes },
      fs,
      runtime: { imageFs: { ...imageFs, usedBytes: images.usedBytes, inodesUsed: images.inodesUsed } },
    },
    pods: pods.map((pod) => podSummary(pod)),
  };
  sendJson(context, 200, summary);
}

async function fsStats(path: string, nowMs: number): Promise<object> {
  const { bsize, blocks, bavail, bfree, files, ffree } = await statfs(path);
  return {
    time: rfc3339(nowMs),
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodesFree: ffree,
    inodes: files,
    inodesUsed: files - ffree,
  };
}

function podSummary({ pod, containers }: PodUsage): object {
  const { name, namespace, uid } = pod.metadata;
  const sum = (value: (container: PodUsage["containers"][number]) => number): number =>
    containers.reduce((total, container) => total + value(container), 0);
  const time = rfc3339(Math.max(...containers.map(({ atMs }) => atMs)));
  return {
    podRef: { name, namespace, uid },
    startTime: pod.status?.startTime ?? pod.metadata.creationTimestamp,
    containers: containers.map((container) => containerSummary(pod, container)),
    cpu: {
      time,
      usageNanoCores: sum(({ nanoCores }) => nanoCores),
      usageCoreNanoSeconds: sum(({ stats }) => stats.cpuUsageNs),
    },
    memory: {
      time,
      usageBytes: sum(({ stats }) => stats.memoryUsageBytes),
      workingSetBytes: sum(({ stats }) => stats.memoryWorkingSetBytes),
      rssBytes: sum(({ stats }) => stats.memoryRssBytes),
    },
    process_stats: { process_count: sum(({ stats }) => stats.pids) },
  };
}

function containerSummary(pod: Pod, { name, stats, atMs, nanoCores }: PodUsage["containers"][number]): object {
  const time = rfc3339(atMs);
  const limit = stats.memoryLimitBytes;
  return {
    name,
    startTime: startTimeOf(pod, name) ?? pod.status?.startTime,
    cpu: { time, usageNanoCores: nanoCores, usageCoreNanoSeconds: stats.cpuUsageNs },
    memory: {
      time,
      ...(limit === undefined ? {} : { availableBytes: Math.max(0, limit - stats.memoryWorkingSetBytes) }),
      usageBytes: stats.memoryUsageBytes,
      workingSetBytes: stats.memoryWorkingSetBytes,
      rssBytes: stats.memoryRssBytes,
      ...(stats.pageFaults === undefined ? {} : { pageFaults: stats.pageFaults }),
      ...(stats.majorPageFaults === undefined ? {} : { majorPageFaults: stats.majorPageFaults }),
    },
  };
}

/** When the container that runs was started; undefined when that is not told yet. */
export function startTimeOf({ status }: Pod, name: string): string | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return all.find((each) => each.name === name)?.state?.running?.startedAt;
}
