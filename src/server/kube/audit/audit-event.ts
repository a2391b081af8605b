/**
 * One line of the audit log: an Event of audit.k8s.io/v1 at the level Metadata, as kube-apiserver writes them: who asked for
 * what and how it ended, never what was in it. Kubernetes: apiserver pkg/audit/request.go, pkg/apis/audit/v1/types.go.
 */
import { isIP } from "node:net";
import type { IncomingHttpHeaders } from "node:http";

import type { User } from "../auth/user.ts";
import type { RequestRecord } from "../request-record.ts";

/** `ResponseStarted` only of what is long-running: a watch, a session in a container, a log that is followed. */
export type AuditStage = "ResponseStarted" | "ResponseComplete";

/** Of the request as it came. */
export interface AuditedRequest {
  readonly auditID: string;
  readonly method: string;
  readonly uri: string;
  readonly headers: IncomingHttpHeaders;
  /** Undefined for the unix socket. */
  readonly remoteAddress: string | undefined;
  readonly receivedMs: number;
}

const USER_AGENT_MAX_CHARS = 1024;
const TRUNCATED = "...TRUNCATED";
/** Hops of `X-Forwarded-For` that are kept. */
const HOPS_MAX = 32;

export function auditEvent(
  request: AuditedRequest,
  record: RequestRecord,
  at: { readonly stage: AuditStage; readonly ms: number; readonly code: number | undefined },
): object {
  const { info, sender, impersonated, decision, failure } = record;
  const { "user-agent": userAgent = "" } = request.headers;
  const sourceIPs = sourceIpsOf(request);
  return {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: request.auditID,
    stage: at.stage,
    requestURI: request.uri,
    verb: info?.type === "resource" && info.resource !== "" ? info.verb : request.method.toLowerCase(),
    user: sender ? userInfo(sender) : {},
    ...(impersonated ? { impersonatedUser: userInfo(impersonated) } : {}),
    ...(sourceIPs.length > 0 ? { sourceIPs } : {}),
    ...(userAgent === "" ? {} : { userAgent: truncated(userAgent) }),
    ...objectRef(record),
    ...(at.code === undefined ? {} : { responseStatus: responseStatus(at.code, failure) }),
    requestReceivedTimestamp: microTime(request.receivedMs),
    stageTimestamp: microTime(at.ms),
    ...(decision
      ? {
          annotations: {
            "authorization.k8s.io/decision": decision.allowed ? "allow" : "forbid",
            "authorization.k8s.io/reason": decision.reason,
          },
        }
      : {}),
  };
}

function userInfo({ name, uid, groups, extra }: User): object {
  return { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra ? { extra } : {}) };
}

/** The proxies' word first, which nobody vouches for, and last the address that the connection came from. */
function sourceIpsOf({ headers, remoteAddress }: AuditedRequest): readonly string[] {
  const forwarded = headers["x-forwarded-for"] ?? headers["x-real-ip"] ?? "";
  const told = (Array.isArray(forwarded) ? forwarded : forwarded.split(","))
    .map((text) => text.trim())
    .filter((text) => isIP(text) !== 0)
    .slice(0, HOPS_MAX);
  const own = remoteAddress?.replace(/^::ffff:(?=\d+\.)/, "");
  return own === undefined || own === told.at(-1) ? told : [...told, own];
}

function truncated(userAgent: string): string {
  return userAgent.length > USER_AGENT_MAX_CHARS ? userAgent.slice(0, USER_AGENT_MAX_CHARS) + TRUNCATED : userAgent;
}

/** Absent for a path that is no resource. */
function objectRef({ attributes, sent }: RequestRecord): { readonly objectRef?: object } {
  if (attributes?.type !== "resource") return {};
  const { resource, namespace, group, version, subresource } = attributes;
  const fields = {
    resource,
    namespace,
    name: attributes.name || sent?.name,
    uid: sent?.uid,
    apiGroup: group,
    apiVersion: version,
    resourceVersion: sent?.resourceVersion,
    subresource,
  };
  return { objectRef: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== "" && value)) };
}

/** Without the message, which may quote what was sent. */
function responseStatus(code: number, failure: RequestRecord["failure"]): object {
  if (!failure) return { metadata: {}, code };
  return { metadata: {}, status: "Failure", ...(failure.reason ? { reason: failure.reason } : {}), code };
}

/** metav1.MicroTime. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
