/**
 * How much CPU and memory are in use. CPU is a rate, so it takes two looks at the kernel's counters: the second is made when
 * somebody asks, and nothing is sampled when nobody does.
 */
import { cpus, freemem, totalmem } from "node:os";

import type { Pod } from "../../../api/gen/types.ts";
import { sleep } from "../../../base/clock.ts";
import type { PodStats } from "../../../engine/engine.ts";
import type { RequestContext } from "../context.ts";

/** How far apart the two looks are, in milliseconds. */
export const WINDOW_MS = 300;

type ContainerStats = PodStats["containers"][number];

export interface PodUsage {
  readonly pod: Pod;
  /** In order of their names. */
  readonly containers: readonly (ContainerStats & { readonly nanoCores: number })[];
}

export interface NodeUsage {
  readonly nanoCores: number;
  /** Since the machine's start. */
  readonly cpuNs: number;
  readonly memoryBytes: number;
  readonly availableBytes: number;
}

/** Of the Pods with containers that run, those that are wanted. */
export async function podUsage(
  { node, signal }: RequestContext,
  namespace: string | undefined,
  wanted: (stats: PodStats) => boolean = () => true,
): Promise<readonly PodUsage[]> {
  const before = (await node.engine.stats(namespace)).filter(wanted);
  if (before.length === 0) return [];
  await sleep(node.clock, WINDOW_MS, signal);
  const earlier = new Map(before.map((stats) => [stats.pod.metadata.uid, stats]));
  const after = (await node.engine.stats(namespace)).filter(wanted);
  return after.map(({ pod, containers }) => ({
    pod,
    containers: byName(containers).map((container) => ({
      ...container,
      nanoCores: rateOf(container, earlier.get(pod.metadata.uid)),
    })),
  }));
}

/** Of the whole machine. */
export async function nodeUsage({ node, signal }: RequestContext): Promise<NodeUsage> {
  const before = busyMs();
  const startMs = node.clock.monotonic();
  await sleep(node.clock, WINDOW_MS, signal);
  const after = busyMs();
  const cores = (after - before) / Math.max(1, node.clock.monotonic() - startMs);
  const availableBytes = freemem();
  return {
    nanoCores: Math.round(cores * 1e9),
    cpuNs: after * 1e6,
    memoryBytes: totalmem() - availableBytes,
    availableBytes,
  };
}

/** CPU time of all cores since the machine's start, in milliseconds. */
export function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

function rateOf({ name, stats, atMs }: ContainerStats, earlier: PodStats | undefined): number {
  const before = earlier?.containers.find((container) => container.name === name);
  const ms = before ? atMs - before.atMs : 0;
  // A restart between the looks begins its counter anew.
  const used = before ? Math.max(0, stats.cpuUsageNs - before.stats.cpuUsageNs) : 0;
  return ms > 0 ? Math.round((used * 1000) / ms) : 0;
}

function byName(containers: PodStats["containers"]): PodStats["containers"] {
  return containers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
