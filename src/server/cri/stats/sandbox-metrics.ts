/** The metrics of all sandboxes that are ready, and of their containers. */
import { statfs } from "node:fs/promises";

import type { Init } from "../message.ts";

import type { Container, ContainerStats, LayerUsage, ProcessStats, Sandbox } from "../../../runtime/runtime.ts";
import type { CriNode } from "../context.ts";
import { OWNER } from "../context.ts";
import type { MetricSchema, PodSandboxMetricsSchema } from "../gen/runtime/v1/api_pb.ts";
import { MetricType } from "../gen/runtime/v1/api_pb.ts";
import { selectContainers, selectSandboxes } from "../select.ts";
import type { MetricFacts } from "./metric-facts.ts";
import { METRICS } from "./metric-table.ts";
import { counter } from "./usage.ts";

/** Read once for all containers. */
interface Readings {
  readonly stats: ReadonlyMap<string, ContainerStats>;
  readonly layers: ReadonlyMap<string, LayerUsage>;
  readonly processes: ReadonlyMap<string, ProcessStats>;
}

export async function sandboxMetrics(node: CriNode): Promise<Init<typeof PodSandboxMetricsSchema>[]> {
  const filter = { owner: OWNER } as const;
  const [sandboxes, containers, stats, layers, processes] = await Promise.all([
    selectSandboxes(node),
    selectContainers(node),
    node.runtime.stats(filter),
    node.runtime.layerUsage(filter),
    node.runtime.processStats(filter),
  ]);
  const readings = { stats: new Map(stats.map((each) => [each.containerId, each])), layers, processes };
  const ready = sandboxes.filter(({ state }) => state === "ready");
  return await Promise.all(
    ready.map(async (sandbox) => {
      const own = containers.filter(({ sandboxId, state }) => sandboxId === sandbox.id && state.phase === "running");
      return {
        podSandboxId: sandbox.id,
        metrics: metricsOf(sandboxLabels(sandbox), await sandboxFacts(node, sandbox)),
        containerMetrics: await Promise.all(
          own.map(async (container) => ({
            containerId: container.id,
            metrics: metricsOf(containerLabels(sandbox, container), await containerFacts(node, container, readings)),
          })),
        ),
      };
    }),
  );
}

async function sandboxFacts({ runtime, clock }: CriNode, { id }: Sandbox): Promise<MetricFacts> {
  const [cgroup, interfaces] = await Promise.all([runtime.sandboxStats(id), runtime.interfaceStats(id)]);
  return { nowMs: clock.now(), interfaces, ...(cgroup ? { cgroup } : {}) };
}

async function containerFacts(
  { clock }: CriNode,
  { id, config, state }: Container,
  { stats, layers, processes }: Readings,
): Promise<MetricFacts> {
  const [cgroup, layer, own] = [stats.get(id), layers.get(id), processes.get(id)];
  const disk = layer && (await statfs(layer.path).catch(() => undefined));
  return {
    nowMs: clock.now(),
    resources: config.resources,
    ...(state.phase === "running" ? { startedMs: state.startedMs } : {}),
    ...(cgroup ? { cgroup } : {}),
    ...(layer ? { layer } : {}),
    ...(own ? { processes: own } : {}),
    ...(disk ? { disk } : {}),
  };
}

/** In the order of COMMON_LABELS. */
function sandboxLabels({ config: { metadata }, cgroupPath, id }: Sandbox): readonly string[] {
  return ["", `/${cgroupPath}`, "", id, metadata.namespace, metadata.name];
}

function containerLabels({ config: { metadata } }: Sandbox, container: Container): readonly string[] {
  const { id, config, imageRef, cgroupPath } = container;
  return [config.metadata.name, `/${cgroupPath}`, imageRef, id, metadata.namespace, metadata.name];
}

/** Timestamp 0: read just now. */
function metricsOf(labels: readonly string[], facts: MetricFacts): Init<typeof MetricSchema>[] {
  return METRICS.flatMap(({ name, type, samples }) =>
    samples(facts).map((sample) => ({
      name,
      metricType: type === "counter" ? MetricType.COUNTER : MetricType.GAUGE,
      labelValues: [...labels, ...sample.labels],
      value: counter(sample.value)!,
    })),
  );
}
