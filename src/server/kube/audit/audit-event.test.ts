import { expect, test } from "vitest";

import { requestInfoOf } from "../request-info.ts";
import { attributesOf } from "../auth/attributes.ts";
import type { RequestRecord } from "../request-record.ts";
import { auditEvent, type AuditedRequest } from "./audit-event.ts";

const at = { stage: "ResponseComplete", ms: 1_700_000_000_250, code: 200 } as const;

function recordOf(method: string, path: string): RequestRecord {
  const url = new URL(path, "http://localhost");
  const info = requestInfoOf(method, url)!;
  return { info, attributes: attributesOf(method, url, info) };
}

function requestOf(method: string, uri: string, rest: Partial<AuditedRequest> = {}): AuditedRequest {
  return { auditID: "id", method, uri, headers: {}, remoteAddress: undefined, receivedMs: 1_700_000_000_000, ...rest };
}

test("a request for an object, as kube-apiserver writes it", () => {
  const uri = "/api/v1/namespaces/default/pods/web/log?follow=true";
  const record: RequestRecord = {
    ...recordOf("GET", uri),
    sender: { name: "jane", groups: ["dev", "system:authenticated"], extra: { scopes: ["a"] } },
    impersonated: { name: "bob", uid: "7", groups: ["system:authenticated"] },
    decision: { allowed: true, reason: 'RBAC: allowed by RoleBinding "x/default"' },
  };
  const headers = { "user-agent": "kubectl/v1.36.0", "x-forwarded-for": "192.0.2.1, unknown, 192.0.2.2" };
  expect(auditEvent(requestOf("GET", uri, { headers, remoteAddress: "::ffff:127.0.0.1" }), record, at)).toEqual({
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: "id",
    stage: "ResponseComplete",
    requestURI: uri,
    verb: "get",
    user: { username: "jane", groups: ["dev", "system:authenticated"], extra: { scopes: ["a"] } },
    impersonatedUser: { username: "bob", uid: "7", groups: ["system:authenticated"] },
    sourceIPs: ["192.0.2.1", "192.0.2.2", "127.0.0.1"],
    userAgent: "kubectl/v1.36.0",
    objectRef: { resource: "pods", namespace: "default", name: "web", apiVersion: "v1", subresource: "log" },
    responseStatus: { metadata: {}, code: 200 },
    requestReceivedTimestamp: "2023-11-14T22:13:20.000000Z",
    stageTimestamp: "2023-11-14T22:13:20.250000Z",
    annotations: {
      "authorization.k8s.io/decision": "allow",
      "authorization.k8s.io/reason": 'RBAC: allowed by RoleBinding "x/default"',
    },
  });
});

test("a failure has its reason and not its message, which may quote a secret", () => {
  const failure = {
    metadata: {},
    apiVersion: "v1",
    kind: "Status",
    reason: "Invalid",
    message: "hunter2",
    code: 422,
  } as const;
  const record = { ...recordOf("POST", "/api/v1/namespaces/default/secrets"), sent: { name: "s" }, failure };
  const event = auditEvent(requestOf("POST", "/api/v1/namespaces/default/secrets"), record, { ...at, code: 422 });
  expect(event).toMatchObject({
    verb: "create",
    objectRef: { resource: "secrets", namespace: "default", name: "s", apiVersion: "v1" },
    responseStatus: { metadata: {}, status: "Failure", reason: "Invalid", code: 422 },
  });
  expect(JSON.stringify(event)).not.toContain("hunter2");
});

test("a path, a stranger, and a client that has left", () => {
  const record = recordOf("GET", "/healthz");
  const event = auditEvent(requestOf("GET", "/healthz"), record, { ...at, code: undefined });
  expect(event).toMatchObject({ verb: "get", user: {} });
  for (const absent of ["objectRef", "responseStatus", "sourceIPs", "annotations", "userAgent"]) {
    expect(event).not.toHaveProperty(absent);
  }
});

test("a method that has no verb, a program that calls itself a novel", () => {
  const headers = { "user-agent": "x".repeat(2000) };
  const event = auditEvent(requestOf("TRACE", "/api", { headers }), {}, at) as { verb: string; userAgent: string };
  expect(event.verb).toBe("trace");
  expect(event.userAgent).toHaveLength(1024 + "...TRUNCATED".length);
});
