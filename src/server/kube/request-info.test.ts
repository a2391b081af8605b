import { describe, expect, test } from "vitest";

import { requestInfoOf } from "./request-info.ts";

const of = (method: string, path: string) => requestInfoOf(method, new URL(path, "http://x"));
const core = { type: "resource", group: "", version: "v1" };

describe("the path grammar", () => {
  test.each([
    ["GET", "/api/v1/pods", { verb: "list", namespace: "", resource: "pods", name: "", subresource: "" }],
    ["GET", "/api/v1/namespaces/a/pods", { verb: "list", namespace: "a", resource: "pods", name: "", subresource: "" }],
    ["GET", "/api/v1/namespaces/a/pods/b", { verb: "get", namespace: "a", resource: "pods", name: "b" }],
    ["GET", "/api/v1/namespaces/a/pods/b/log", { verb: "get", resource: "pods", name: "b", subresource: "log" }],
    ["POST", "/api/v1/namespaces/a/pods/b/exec", { verb: "create", name: "b", subresource: "exec" }],
    ["GET", "/api/v1/namespaces/a/pods?watch=true", { verb: "watch", namespace: "a", resource: "pods" }],
    ["GET", "/api/v1/namespaces/a/pods?watch=0", { verb: "list" }],
    ["GET", "/api/v1/watch/namespaces/a/pods/b", { verb: "watch", namespace: "a", resource: "pods", name: "b" }],
    ["GET", "/api/v1/namespaces", { verb: "list", namespace: "", resource: "namespaces", name: "" }],
    ["DELETE", "/api/v1/namespaces/a", { verb: "delete", namespace: "", resource: "namespaces", name: "a" }],
    [
      "PUT",
      "/api/v1/namespaces/a/status",
      { verb: "update", resource: "namespaces", name: "a", subresource: "status" },
    ],
    ["DELETE", "/api/v1/namespaces/a/pods", { verb: "deletecollection", resource: "pods" }],
    ["PATCH", "/api/v1/nodes/a%20b", { verb: "patch", resource: "nodes", name: "a b" }],
  ])("%s %s", (method, path, expected) => {
    expect(of(method, path)).toMatchObject({ ...core, ...expected });
  });

  test("a named group", () => {
    const info = { type: "resource", group: "apps", version: "v1", resource: "deployments", name: "d" };
    expect(of("GET", "/apis/apps/v1/namespaces/a/deployments/d")).toMatchObject(info);
  });

  test.each(["/", "/version", "/api", "/apis", "/apis/apps", "/api/v1/namespaces/a/pods/b/c/d"])(
    "no resource: %s",
    (path) => {
      expect(of("GET", path)).toEqual({ type: "path", path });
    },
  );

  test("a method without a verb, and a broken escape", () => {
    expect(of("TRACE", "/api/v1/pods")).toBeUndefined();
    expect(of("GET", "/api/v1/%zz")).toBeUndefined();
  });
});
