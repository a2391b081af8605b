/** The statistics of containers: cgroup figures, and the size of writable layers. */
import type { Init } from "../message.ts";

import type { Container, ContainerStats, LayerUsage } from "../../../runtime/runtime.ts";
import type { CriNode } from "../context.ts";
import { OWNER } from "../context.ts";
import type { ContainerStatsSchema } from "../gen/runtime/v1/api_pb.ts";
import { nanoseconds } from "../translate/time.ts";
import { counter, cpuUsage, ioUsage, memoryUsage, swapUsage } from "./usage.ts";

type Message = Init<typeof ContainerStatsSchema>;

/** One message per container, in the same order. One that has ended has only its layer. */
export async function containerStatsMessages(
  { runtime, clock, cpuRates }: CriNode,
  containers: readonly Container[],
): Promise<Message[]> {
  const filter = { owner: OWNER, ...narrowed(containers) } as const;
  const [all, layers] = await Promise.all([runtime.stats(filter), runtime.layerUsage(filter)]);
  const stats = new Map(all.map((each) => [each.containerId, each]));
  const nowMs = clock.now();
  return containers.map((container) => {
    const own = stats.get(container.id);
    return {
      attributes: attributesOf(container),
      ...(own ? usages(own, cpuRates.observe(own.containerId, own.cpuUsageNs)) : {}),
      ...layerOf(layers.get(container.id), nowMs),
    };
  });
}

/** Looking at one is cheaper than looking at all. */
function narrowed(containers: readonly Container[]): { readonly id?: string; readonly sandboxId?: string } {
  const [first] = containers;
  if (!first) return {};
  if (containers.length === 1) return { id: first.id };
  return containers.every(({ sandboxId }) => sandboxId === first.sandboxId) ? { sandboxId: first.sandboxId } : {};
}

function attributesOf({ id, config }: Container): Message["attributes"] & {} {
  return { id, metadata: config.metadata, labels: { ...config.labels }, annotations: { ...config.annotations } };
}

function usages(stats: ContainerStats, nanoCores: number | undefined): Partial<Message> {
  const timestamp = nanoseconds(stats.atMs);
  const swap = swapUsage(stats, timestamp);
  const io = ioUsage(stats, timestamp);
  return {
    cpu: cpuUsage(stats, timestamp, nanoCores),
    memory: memoryUsage(stats, timestamp),
    ...(swap ? { swap } : {}),
    ...(io ? { io } : {}),
  };
}

function layerOf(layer: LayerUsage | undefined, nowMs: number): Pick<Message, "writableLayer"> {
  if (!layer) return {};
  return {
    writableLayer: {
      timestamp: nanoseconds(nowMs),
      fsId: { mountpoint: layer.path },
      usedBytes: counter(layer.usedBytes)!,
      inodesUsed: counter(layer.inodesUsed)!,
    },
  };
}
