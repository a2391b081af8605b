/**
 * nodes/NAME/proxy/…: what tools read from a kubelet. There is none to connect to: this process answers what it knows, and the
 * kubelet's other endpoints are not found. Kubernetes: pkg/kubelet/server/server.go.
 */
import type { Pod } from "../../../api/gen/types.ts";
import { NODES, PODS, resourceNameOf } from "../../../api/resources.ts";
import { badRequest, methodNotAllowed, notFound } from "../../../api/status.ts";
import type { RequestContext, ResourceContext } from "../context.ts";
import { pathNotFound } from "../errors.ts";
import { sendBytes, sendJson, sendText } from "../respond.ts";

/** By the path behind `proxy`. Who answers is loaded when somebody asks. */
const ENDPOINTS: Readonly<Record<string, (context: RequestContext) => Promise<void> | void>> = {
  "/healthz": (context) => sendText(context, 200, "ok"),
  "/pods": sendPods,
  "/stats/summary": async (context) => (await import("./stats-summary.ts")).sendStatsSummary(context),
  "/metrics": sendKubeletMetrics,
  "/metrics/resource": async (context) => (await import("./container-metrics.ts")).sendResourceMetrics(context),
  "/metrics/cadvisor": async (context) => (await import("./container-metrics.ts")).sendCadvisorMetrics(context),
};

export async function proxyToNode(context: ResourceContext): Promise<void> {
  const { node, info, request } = context;
  if (context.upgrade) throw badRequest("Cannot upgrade a connection through the proxy of a node");
  const name = nodeNameOf(info.name);
  if (name !== node.nodeName) throw notFound(NODES, name);
  const [, path = ""] = /^\/api\/v1\/nodes\/[^/]+\/proxy(\/.*)?$/.exec(context.path) ?? [];
  const endpoint = path.replace(/\/+$/, "");
  if (!Object.hasOwn(ENDPOINTS, endpoint)) throw pathNotFound();
  if (request.method !== "GET" && request.method !== "HEAD") throw methodNotAllowed(NODES, info.verb);
  await ENDPOINTS[endpoint]!(context);
}

/** `name`, `name:port` or `scheme:name:port`; the port is the kubelet's, whichever it is. */
function nodeNameOf(text: string): string {
  const parts = text.split(":");
  return (parts.length === 3 ? parts[1] : parts[0]) ?? "";
}

/** The Pods that are bound to this node. */
function sendPods(context: RequestContext): void {
  const { store, nodeName } = context.node;
  const pods = store.list(resourceNameOf(PODS)).items as readonly Pod[];
  const items = pods.filter(({ spec }) => spec?.nodeName === nodeName);
  sendJson(context, 200, { kind: "PodList", apiVersion: "v1", metadata: {}, items });
}

async function sendKubeletMetrics(context: RequestContext): Promise<void> {
  const [{ addKubeletMetrics }, { Exposition, METRICS_TYPE }] = await Promise.all([
    import("../metrics/node-metrics.ts"),
    import("../metrics/exposition.ts"),
  ]);
  const page = new Exposition();
  addKubeletMetrics(page, context.node);
  sendBytes(context, 200, Buffer.from(page.toString()), METRICS_TYPE);
}
