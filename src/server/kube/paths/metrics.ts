/** `metrics.k8s.io`: what `kubectl top` reads. */
import type { Pod } from "../../../api/gen/types.ts";
import { NODES, PODS } from "../../../api/resources.ts";
import { parseSelector, selects } from "../../../api/selector.ts";
import { notFound } from "../../../api/status.ts";
import { rfc3339 } from "../../../base/clock.ts";
import type { KubeServerOptions, PathHandler, RequestContext } from "../context.ts";
import { nodeUsage, type PodUsage, podUsage, WINDOW_MS } from "../nodes/usage.ts";
import { sendJson } from "../respond.ts";
import { METRICS_GROUP, METRICS_VERSIONS } from "./metrics-group.ts";

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
  const { nanoCores, memoryBytes } = await nodeUsage(context);
  const metrics = {
    kind: "NodeMetrics",
    apiVersion,
    metadata: { name: node.nodeName, creationTimestamp: rfc3339(node.clock.now()) },
    ...taken(node),
    usage: usage(nanoCores, memoryBytes),
  };
  if (name !== undefined) return sendJson(context, 200, metrics);
  sendJson(context, 200, { kind: "NodeMetricsList", apiVersion, metadata: {}, items: [metrics] });
}

async function podMetrics(
  context: RequestContext,
  apiVersion: string,
  { namespace, name }: { readonly namespace?: string | undefined; readonly name?: string | undefined },
): Promise<void> {
  const { node, query } = context;
  const selector = parseSelector("Pod", query.get("labelSelector") ?? "", query.get("fieldSelector") ?? "");
  const pods = await podUsage(
    context,
    namespace,
    ({ pod }) => selects(selector, pod) && (name === undefined || pod.metadata.name === name),
  );
  const items = pods.map((each) => metricsOf(node, apiVersion, each));
  if (name === undefined) {
    return sendJson(context, 200, { kind: "PodMetricsList", apiVersion, metadata: {}, items });
  }
  if (!items[0]) throw notFound(PODS, name);
  sendJson(context, 200, items[0]);
}

function metricsOf(node: KubeServerOptions, apiVersion: string, { pod, containers }: PodUsage): unknown {
  return {
    kind: "PodMetrics",
    apiVersion,
    metadata: metadataOf(pod),
    ...taken(node),
    containers: containers.map(({ name, stats, nanoCores }) => ({
      name,
      usage: usage(nanoCores, stats.memoryWorkingSetBytes),
    })),
  };
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
