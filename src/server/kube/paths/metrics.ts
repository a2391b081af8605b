/**
 * `metrics.k8s.io`: what `kubectl top` reads. CPU is a rate, so it takes two looks at the kernel's counters: the second is
 * made when somebody asks, and nothing is sampled when nobody does.
 */
import { cpus, freemem, totalmem } from "node:os";

import type { Pod } from "../../../api/gen/types.ts";
import { NODES, PODS } from "../../../api/resources.ts";
import { parseSelector, selects } from "../../../api/selector.ts";
import { notFound } from "../../../api/status.ts";
import { rfc3339, sleep } from "../../../base/clock.ts";
import type { PodStats } from "../../../engine/engine.ts";
import type { KubeServerOptions, PathHandler, RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { METRICS_GROUP, METRICS_VERSIONS } from "./metrics-group.ts";

/** How far apart the two looks are, in milliseconds. */
const WINDOW_MS = 300;

/** The handler of a path of this group; undefined when the path is none. */
export function metricsPath(path: string): PathHandler | undefined {
  const version = METRICS_VERSIONS.find((each) => path.startsWith(`/apis/${METRICS_GROUP}/${each}/`));
  if (version === undefined) return undefined;
  const apiVersion = `${METRICS_GROUP}/${version}`;
  const parts = path.slice(`/apis/${apiVersion}/`.length).split("/").map(decodeURIComponent);
  if (parts[0] === "nodes" && parts.length <= 2) return (context) => nodeMetrics(context, apiVersion, parts[1]);
  if (parts[0] === "pods" && parts.length === 1) return (context) => podMetrics(context, apiVersion, {});
  const [first, namespace, resource, name] = parts;
  if (first !== "namespaces" || resource !== "pods" || parts.length > 4) return undefined;
  return (context) => podMetrics(context, apiVersion, { namespace, name });
}

async function nodeMetrics(context: RequestContext, apiVersion: string, name: string | undefined): Promise<void> {
  const { node } = context;
  if (name !== undefined && name !== node.nodeName) throw notFound(NODES, name);
  const before = busyMs();
  const startMs = node.clock.monotonic();
  await sleep(node.clock, WINDOW_MS, context.signal);
  const cores = (busyMs() - before) / Math.max(1, node.clock.monotonic() - startMs);
  const metrics = {
    kind: "NodeMetrics",
    apiVersion,
    metadata: { name: node.nodeName, creationTimestamp: rfc3339(node.clock.now()) },
    ...taken(node),
    usage: usage(Math.round(cores * 1e9), totalmem() - freemem()),
  };
  if (name !== undefined) return sendJson(context, 200, metrics);
  sendJson(context, 200, { kind: "NodeMetricsList", apiVersion, metadata: {}, items: [metrics] });
}

function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

async function podMetrics(
  context: RequestContext,
  apiVersion: string,
  { namespace, name }: { readonly namespace?: string | undefined; readonly name?: string | undefined },
): Promise<void> {
  const { node, query } = context;
  const selector = parseSelector("Pod", query.get("labelSelector") ?? "", query.get("fieldSelector") ?? "");
  const wanted = ({ pod }: PodStats): boolean =>
    selects(selector, pod) && (name === undefined || pod.metadata.name === name);
  const before = (await node.engine.stats(namespace)).filter(wanted);
  if (name !== undefined && before.length === 0) throw notFound(PODS, name);
  if (before.length > 0) await sleep(node.clock, WINDOW_MS, context.signal);
  const earlier = new Map(before.map((stats) => [stats.pod.metadata.uid, stats]));
  const after = before.length > 0 ? (await node.engine.stats(namespace)).filter(wanted) : [];
  const items = after.map((stats) => metricsOf(node, apiVersion, stats, earlier.get(stats.pod.metadata.uid)));
  if (name === undefined) {
    return sendJson(context, 200, { kind: "PodMetricsList", apiVersion, metadata: {}, items });
  }
  if (!items[0]) throw notFound(PODS, name);
  sendJson(context, 200, items[0]);
}

function metricsOf(
  node: KubeServerOptions,
  apiVersion: string,
  { pod, containers }: PodStats,
  earlier: PodStats | undefined,
): unknown {
  return {
    kind: "PodMetrics",
    apiVersion,
    metadata: metadataOf(pod),
    ...taken(node),
    containers: byName(containers).map(({ name, stats, atMs }) => {
      const before = earlier?.containers.find((container) => container.name === name);
      const ms = before ? atMs - before.atMs : 0;
      // A restart between the looks begins its counter anew.
      const used = before ? Math.max(0, stats.cpuUsageNs - before.stats.cpuUsageNs) : 0;
      return { name, usage: usage(ms > 0 ? Math.round((used * 1000) / ms) : 0, stats.memoryWorkingSetBytes) };
    }),
  };
}

function byName(containers: PodStats["containers"]): PodStats["containers"] {
  return containers.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function metadataOf({
  metadata: { name, namespace, labels, creationTimestamp },
}: Pod): Readonly<Record<string, unknown>> {
  return { name, namespace, ...(labels ? { labels } : {}), creationTimestamp };
}

function taken(node: KubeServerOptions): { readonly timestamp: string; readonly window: string } {
  return { timestamp: rfc3339(node.clock.now()), window: `${WINDOW_MS}ms` };
}

/** Nano-cores and kibibytes, the units that metrics-server uses. */
function usage(nanoCores: number, bytes: number): { readonly cpu: string; readonly memory: string } {
  return { cpu: `${nanoCores}n`, memory: `${Math.ceil(bytes / 1024)}Ki` };
}
