/** Paths that are no stored resource: version, health, discovery, metrics and the node's own group. */
import { issuerPath } from "./auth/issuer-discovery.ts";
import type { PathHandler, RequestContext } from "./context.ts";
import { nodePath } from "./node-paths.ts";
import { discoveryPath } from "./paths/discovery.ts";
import { health } from "./paths/health.ts";
import { metricsPath } from "./paths/metrics.ts";
import { openapiPath } from "./paths/openapi.ts";
import { version } from "./paths/version.ts";

const FIXED: Readonly<Record<string, PathHandler>> = {
  "/version": version,
  "/healthz": health,
  "/livez": health,
  "/readyz": health,
  "/metrics": nodeMetrics,
};

/** Loaded by those whom somebody watches. */
async function nodeMetrics(context: RequestContext): Promise<void> {
  const { sendNodeMetrics } = await import("./metrics/node-metrics.ts");
  sendNodeMetrics(context);
}

/** The handler of a path that is no stored resource; undefined when there is none. */
export function pathHandlerOf(method: string, path: string): PathHandler | undefined {
  const plain = path.replace(/\/+$/, "");
  const read = method === "GET" || method === "HEAD";
  if (read && Object.hasOwn(FIXED, plain)) return FIXED[plain];
  return (
    (read ? (discoveryPath(plain) ?? openapiPath(plain) ?? metricsPath(plain) ?? issuerPath(plain)) : undefined) ??
    nodePath(method, plain)
  );
}
