/** What can be done to a Pod beside reading and writing it, against the server alone. */
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { type Answer, startTestApi, type TestApi } from "../fixtures/api-server.ts";

const PODS = "/api/v1/namespaces/default/pods";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(async () => api[Symbol.asyncDispose]());

async function post(path: string, body: unknown): Promise<Answer> {
  return await api.call(path, { method: "POST", body });
}

/** A Pod that runs, as far as the API can tell. */
async function runningPod(name: string): Promise<Pod> {
  const spec = { containers: [{ name: "c", image: "x" }] };
  expect((await post(PODS, { metadata: { name }, spec })).code).toBe(201);
  const pod = api.store.get({ resource: "pods", namespace: "default", name }) as Pod;
  const status = { ...pod.status, phase: "Running", startTime: "2026-01-01T00:00:00Z" };
  return api.store.update("pods", { ...pod, status }) as Pod;
}

function stored(name: string): Pod | undefined {
  return api.store.get({ resource: "pods", namespace: "default", name }) as Pod | undefined;
}

const eviction = (name: string, deleteOptions?: object): object => ({
  apiVersion: "policy/v1",
  kind: "Eviction",
  metadata: { name, namespace: "default" },
  ...(deleteOptions ? { deleteOptions } : {}),
});

test("an eviction deletes gracefully, and says in the Pod's status why", async () => {
  await runningPod("web");
  const { code, json } = await post(`${PODS}/web/eviction`, eviction("web", { gracePeriodSeconds: 7 }));
  expect({ code, json }).toEqual({
    code: 201,
    json: { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 },
  });
  const { metadata, status } = stored("web")!;
  expect(metadata.deletionGracePeriodSeconds).toBe(7);
  expect(status?.conditions).toContainEqual(
    expect.objectContaining({ type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" }),
  );
});

test("an eviction heeds preconditions and dry runs", async () => {
  const { metadata } = await runningPod("web");
  const other = await post(`${PODS}/web/eviction`, eviction("web", { preconditions: { uid: "other" } }));
  expect([other.code, other.json["reason"]]).toEqual([409, "Conflict"]);
  const stale = { preconditions: { resourceVersion: "1" } };
  expect((await post(`${PODS}/web/eviction`, eviction("web", stale))).code).toBe(409);
  const inBody = eviction("web", { dryRun: ["All"] });
  expect((await post(`${PODS}/web/eviction?dryRun=All`, eviction("web"))).code).toBe(201);
  expect((await post(`${PODS}/web/eviction`, inBody)).code).toBe(201);
  expect((await post(`${PODS}/web/eviction?dryRun=All`, inBody)).code).toBe(201);
  expect(stored("web")!.metadata).toEqual(metadata);
  const fresh = { preconditions: { uid: metadata.uid, resourceVersion: metadata.resourceVersion } };
  expect((await post(`${PODS}/web/eviction`, eviction("web", fresh))).code).toBe(201);
  expect(stored("web")!.metadata.deletionTimestamp).toBeDefined();
});

test("an eviction of what is not there, or of another name, or no eviction at all, is refused", async () => {
  await runningPod("web");
  expect((await post(`${PODS}/nobody/eviction`, eviction("nobody"))).code).toBe(404);
  const misnamed = await post(`${PODS}/web/eviction`, eviction("other"));
  expect([misnamed.code, misnamed.json["message"]]).toEqual([
    400,
    "name in URL does not match name in Eviction object",
  ]);
  const wrong = await post(`${PODS}/web/eviction`, { apiVersion: "v1", kind: "Pod", metadata: { name: "web" } });
  expect([wrong.code, wrong.json["message"]]).toEqual([400, 'Pod in version "v1" cannot be handled as a Eviction']);
  const unknown = await post(`${PODS}/web/eviction?fieldValidation=Strict`, { ...eviction("web"), extra: 1 });
  expect(unknown.json["message"]).toContain('strict decoding error: unknown field "extra"');
  expect((await api.call(`${PODS}/web/eviction`)).code).toBe(405);
  expect(stored("web")!.metadata.deletionTimestamp).toBeUndefined();
});

test("a binding comes too late: every Pod has its node", async () => {
  await runningPod("web");
  const node = stored("web")!.spec!.nodeName;
  const binding = { metadata: { name: "web" }, target: { kind: "Node", name: "elsewhere" } };
  for (const path of [`${PODS}/web/binding`, "/api/v1/namespaces/default/bindings"]) {
    const { code, json } = await post(path, binding);
    expect({ code, json }, path).toMatchObject({
      code: 409,
      json: {
        reason: "Conflict",
        message: `Operation cannot be fulfilled on pods/binding "web": pod web is already assigned to node "${node}"`,
        details: { name: "web", kind: "pods/binding" },
      },
    });
  }
  const noNode = await post(`${PODS}/web/binding`, { metadata: { name: "web" }, target: { kind: "Pod", name: "" } });
  expect([noNode.code, noNode.json["message"]]).toEqual([
    422,
    'Binding "web" is invalid: [target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
  ]);
  const gone = { metadata: { name: "gone" }, target: { name: "n" } };
  expect((await post("/api/v1/namespaces/default/bindings", gone)).code).toBe(404);
});

test("discovery and OpenAPI list them, with the group of their documents", async () => {
  const { json } = await api.call("/api/v1");
  const resources = json["resources"] as readonly { readonly name: string }[];
  expect(resources.find(({ name }) => name === "pods/eviction")).toEqual({
    name: "pods/eviction",
    singularName: "",
    namespaced: true,
    group: "policy",
    version: "v1",
    kind: "Eviction",
    verbs: ["create"],
  });
  expect(resources.map(({ name }) => name)).toEqual(expect.arrayContaining(["bindings", "pods/binding"]));
  const { json: document } = await api.call("/openapi/v3/api/v1");
  const path = (document["paths"] as Record<string, { readonly post?: object }>)[
    "/api/v1/namespaces/{namespace}/pods/{name}/eviction"
  ];
  expect(path?.post).toMatchObject({
    "x-kubernetes-group-version-kind": { group: "policy", version: "v1", kind: "Eviction" },
    responses: {
      200: {
        content: { "application/json": { schema: { $ref: "#/components/schemas/io.k8s.api.policy.v1.Eviction" } } },
      },
    },
  });
  expect(document["components"]).toHaveProperty(["schemas", "io.k8s.api.policy.v1.Eviction"]);
});
