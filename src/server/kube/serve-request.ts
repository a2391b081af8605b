/** One request from its first line to its answer: who is it, may they, which handler, and what went wrong. */
import type { IncomingMessage, ServerResponse } from "node:http";

import { type Resource, resourceOf } from "../../api/resources.ts";
import { messageOf } from "../../base/errors.ts";
import { AuditTrail } from "./audit/audit-trail.ts";
import { attributesOf } from "./auth/attributes.ts";
import { authenticate } from "./auth/authenticate.ts";
import { requireAllowed } from "./auth/authorize.ts";
import { guardFromBrowsers } from "./auth/browser-guard.ts";
import { impersonated } from "./auth/impersonation.ts";
import { decide } from "./auth/rbac.ts";
import type { RequestMetrics } from "./metrics/request-metrics.ts";
import type { RequestLimits } from "./auth/request-limits.ts";
import { ANONYMOUS } from "./auth/user.ts";
import { mediaTypeOf } from "./body.ts";
import { APPLY_PATCH } from "./objects/apply.ts";
import type { KubeServerOptions, RequestContext } from "./context.ts";
import { pathNotFound, verbNotAllowed } from "./errors.ts";
import { pathHandlerOf } from "./path-routes.ts";
import { isTrue, type RequestInfo, requestInfoOf, type ResourceRequest } from "./request-info.ts";
import type { RequestRecord } from "./request-record.ts";
import { sendError } from "./respond.ts";
import { resourceHandlerOf, subresourcesOf } from "./routes.ts";

/** A request as a server has it. */
export interface Arrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly upgrade?: NonNullable<RequestContext["upgrade"]>;
  /** It came over the unix socket. */
  readonly local: boolean;
  readonly limits: RequestLimits;
  readonly metrics: RequestMetrics;
  /** Aborts when the server ends. */
  readonly stopping: AbortSignal;
}

/** Made once: to make an error of its own for each request costs a twentieth of all that a write takes. */
const GONE = new Error("the client has gone");

/** Answers; never rejects. */
export async function serveRequest(node: KubeServerOptions, arrival: Arrival): Promise<void> {
  const { request, response, upgrade, stopping, metrics } = arrival;
  const startMs = node.clock.monotonic();
  const record: RequestRecord = {};
  const trail = node.audit && new AuditTrail(node.audit, node.clock, request, record);
  if (trail) response.setHeader("audit-id", trail.id);
  const gone = new AbortController();
  const leave = (): void => gone.abort(GONE);
  (upgrade?.socket ?? response).on("close", leave);
  stopping.addEventListener("abort", leave, { once: true });
  const { method = "GET", url = "/" } = request;
  try {
    const parsed = new URL(url, "http://localhost");
    const context: RequestContext = {
      node,
      request,
      response,
      user: ANONYMOUS,
      path: parsed.pathname,
      query: parsed.searchParams,
      signal: gone.signal,
      warnings: [],
      metrics,
      record,
      ...(upgrade ? { upgrade } : {}),
    };
    try {
      await dispatch(context, arrival, parsed);
    } catch (error) {
      // "already exists" tells of a write too.
      await node.store.synced().catch(() => {});
      if (!gone.signal.aborted) sendError(context, error);
      logFailure(node, method, url, error);
    }
  } catch (error) {
    node.log.error({ method, url, error: messageOf(error) }, "Answering a request failed");
    response.destroy();
  } finally {
    stopping.removeEventListener("abort", leave);
    const ms = Math.round((node.clock.monotonic() - startMs) * 10) / 10;
    const code = answerCode(response, record);
    metrics.ended(record, code ?? 0, ms / 1000);
    trail?.completed(code);
    node.log.debug({ method, url, code, ms }, "Served a request");
  }
}

async function dispatch(anonymous: RequestContext, { local, limits, metrics }: Arrival, url: URL): Promise<void> {
  const { record, request } = anonymous;
  const { method = "GET" } = request;
  const info = requestInfoOf(method, url);
  if (!info) throw verbNotAllowed();
  record.method = method;
  record.info = info;
  record.isDryRun = url.searchParams.has("dryRun");
  record.isApply = mediaTypeOf(request) === APPLY_PATCH;
  const onPath = pathHandlerOf(method, url.pathname);
  const resource = info.type === "path" ? undefined : servedResource(info);
  record.isServed = onPath !== undefined || resource !== undefined;
  record.isLongRunning = isLongRunning(info, url);
  record.attributes = attributesOf(method, url, info);
  guardFromBrowsers(request, { local, nodeName: anonymous.node.nodeName });
  const sender = authenticate(anonymous, local);
  record.sender = sender;
  using _admitted = limits.admit(sender, record.isLongRunning);
  const as = impersonated(anonymous, sender);
  if (as) record.impersonated = as;
  const user = as ?? sender;
  record.decision = decide(anonymous.node.store, user, record.attributes);
  requireAllowed(record.decision, user, record.attributes);
  using _counted = metrics.begin(record);
  const context: RequestContext = { ...anonymous, user };
  if (onPath) return await onPath(context);
  if (info.type === "path" || !resource) throw pathNotFound();
  const handler = resourceHandlerOf(resource, info);
  await handler({ ...context, info, resource });
}

/** The resource of the table that is asked for, with a subresource that it has; undefined when there is none. */
function servedResource(info: ResourceRequest): Resource | undefined {
  const { subresource } = info;
  const resource = resourceOf(info.resource, info.group);
  if (resource?.version !== info.version) return undefined;
  return subresource === "" || subresourcesOf(resource).some(({ name }) => name === subresource) ? resource : undefined;
}

/** Undefined when the client left before it had an answer. */
function answerCode(response: ServerResponse, { failure, startedCode }: RequestRecord): number | undefined {
  return startedCode ?? failure?.code ?? (response.headersSent ? response.statusCode : undefined);
}

/** Subresources that are open as long as the client likes. */
const SESSIONS = new Set(["exec", "attach", "portforward", "proxy"]);

function isLongRunning(info: RequestInfo, url: URL): boolean {
  if (info.type === "path") return false;
  if (info.verb === "watch" || SESSIONS.has(info.subresource)) return true;
  return info.subresource === "log" && isTrue(url.searchParams.get("follow"));
}

/** A failure that the client did not cause is for the operator to see. */
function logFailure(node: KubeServerOptions, method: string, url: string, error: unknown): void {
  const expected = error instanceof Error && error.name === "MinkeError";
  if (expected) node.log.debug({ method, url, error: messageOf(error) }, "Refused a request");
  else node.log.error({ method, url, error: messageOf(error), stack: (error as Error).stack }, "A request failed");
}
