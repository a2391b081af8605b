/** What can be done to a Pod beside reading and writing it, against the server alone. */
import { type IncomingMessage, request } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { type Answer, startTestApi, type TestApi } from "../fixtures/api-server.ts";
import type { TestProcess } from "../fixtures/stub-streams.ts";

const PODS = "/api/v1/namespaces/default/pods";

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(async () => api[Symbol.asyncDispose]());

async function post(path: string, body: unknown): Promise<Answer> {
  return await api.call(path, { method: "POST", body });
}

/** A request whose headers and body are as they are given. */
async function sendRaw(
  path: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<Pick<Answer, "code" | "headers" | "text">> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request({ socketPath: api.socket, path, method, headers }, resolve).on("error", reject).end(body);
  const response = await promise;
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { code: response.statusCode!, headers: response.headers, text };
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

test("ephemeral containers are added through their subresource alone, and stay as they are", async () => {
  const look = { name: "look", image: "x" };
  const early = {
    metadata: { name: "early" },
    spec: { containers: [look], ephemeralContainers: [{ ...look, name: "e" }] },
  };
  expect((await post(PODS, early)).json["message"]).toBe(
    'Pod "early" is invalid: spec.ephemeralContainers: Forbidden: cannot be set on create',
  );
  const { metadata } = await runningPod("web");
  const patch = async (containers: readonly object[], subresource = "/ephemeralcontainers"): Promise<Answer> =>
    await api.call(`${PODS}/web${subresource}`, {
      method: "PATCH",
      type: "application/merge-patch+json",
      body: { metadata: { labels: { a: "b" } }, spec: { ephemeralContainers: containers, priority: 7 } },
    });
  expect((await patch([look])).code).toBe(200);
  const pod = stored("web")!;
  expect(pod.spec?.ephemeralContainers).toEqual([
    {
      ...look,
      imagePullPolicy: "Always",
      resources: {},
      terminationMessagePath: "/dev/termination-log",
      terminationMessagePolicy: "File",
    },
  ]);
  // Nothing else is written, and the change is counted.
  expect(pod.spec?.priority).not.toBe(7);
  expect(pod.metadata.labels).toBeUndefined();
  expect(pod.metadata.generation).toBe(metadata.generation! + 1);
  expect(pod.metadata.managedFields?.at(-1)).toMatchObject({ subresource: "ephemeralcontainers" });
  const existing =
    'Pod "web" is invalid: spec.ephemeralContainers: Forbidden: existing ephemeral containers "look" may not be';
  expect((await patch([])).json["message"]).toBe(`${existing} removed\n`);
  expect((await patch([{ ...look, image: "y" }])).json["message"]).toMatch(`${existing} changed`);
  expect((await patch([look, { ...look, name: "more" }], "")).json["message"]).toContain("pod updates may not change");
  const more = {
    name: "c",
    image: "x",
    resources: { limits: { cpu: "1" } },
    ports: [{ containerPort: 1 }],
    volumeMounts: [{ name: "v", mountPath: "/v", subPath: "s" }],
    targetContainerName: "nobody",
  };
  const { code, json } = await patch([look, more]);
  expect(code).toBe(422);
  const { causes } = json["details"] as {
    readonly causes: readonly { readonly field: string; readonly message: string }[];
  };
  const path = "spec.ephemeralContainers[1]";
  expect(causes.map(({ field, message }) => `${field}: ${message}`)).toEqual([
    `${path}.volumeMounts[0].name: Not found: "v"`,
    `${path}.name: Duplicate value: "c"`,
    `${path}.ports: Forbidden: cannot be set for an Ephemeral Container`,
    `${path}.resources: Forbidden: cannot be set for an Ephemeral Container`,
    `${path}.volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container`,
    `${path}.targetContainerName: Not found: "nobody"`,
  ]);
});

test("resize changes CPU and memory of containers, and nothing else", async () => {
  const resources = { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "2" } };
  const spec = {
    initContainers: [{ name: "i", image: "x", resources: { requests: { cpu: "1" } } }],
    containers: [{ name: "c", image: "x", resources }],
  };
  expect((await post(PODS, { metadata: { name: "web" }, spec })).code).toBe(201);
  const patch = async (container: object, kind = "containers"): Promise<Answer> =>
    await api.call(`${PODS}/web/resize`, {
      method: "PATCH",
      type: "application/strategic-merge-patch+json",
      body: { metadata: { labels: { a: "b" } }, spec: { [kind]: [container] } },
    });
  const { code, text } = await patch({ name: "c", image: "other", resources: { requests: { cpu: "1500m" } } });
  expect(code, text).toBe(200);
  const { metadata, spec: resized } = stored("web")!;
  expect(resized?.containers[0]).toMatchObject({
    image: "x",
    resources: { requests: { cpu: "1500m", memory: "1Gi" }, limits: { cpu: "2" } },
  });
  expect([metadata.labels, metadata.generation]).toEqual([undefined, 2]);
  const message = async (container: object, kind?: string): Promise<unknown> =>
    (await patch(container, kind)).json["message"];
  const start = 'Pod "web" is invalid:';
  expect(await message({ name: "c", resources: { limits: { cpu: null } } })).toBe(
    `${start} spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed`,
  );
  expect(await message({ name: "c", resources: { limits: { "ephemeral-storage": "1Gi" } } })).toContain(
    "spec.containers[0]: Forbidden: only cpu and memory resources are mutable",
  );
  expect(await message({ name: "i", resources: { limits: { cpu: "1" } } }, "initContainers")).toContain(
    "spec.initContainers[0]: Forbidden: resources for non-sidecar init containers are immutable",
  );
  await runningPod("best");
  const best = await api.call(`${PODS}/best/resize`, {
    method: "PATCH",
    type: "application/strategic-merge-patch+json",
    body: { spec: { containers: [{ name: "c", resources }] } },
  });
  expect(best.json["message"]).toBe(
    'Pod "best" is invalid: spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing',
  );
  const quota = { metadata: { name: "q" }, spec: { hard: { "requests.cpu": "2" } } };
  expect((await post("/api/v1/namespaces/default/resourcequotas", quota)).code).toBe(201);
  expect((await patch({ name: "c", resources: { requests: { cpu: "2" } } })).code).toBe(200);
  const beyond = await patch({ name: "c", resources: { requests: { cpu: "3" }, limits: { cpu: "3" } } });
  expect([beyond.code, beyond.json["message"]]).toEqual([403, expect.stringContaining("exceeded quota: q")]);
});

/** What the Pod behind the proxy has heard, up to the end of the head or the given text. */
async function heard(process: TestProcess, until: string): Promise<string> {
  let text = "";
  process.stdin.on("data", (chunk) => (text += String(chunk)));
  await expect.poll(() => text).toContain(until);
  return text;
}

/** The connection that the proxy opens next. */
async function connected(count: number): Promise<TestProcess> {
  await expect.poll(() => api.processes.length).toBe(count);
  return api.processes.at(-1)!;
}

test("a proxy passes a request and its answer, without what is about the connection or for us", async () => {
  await runningPod("web");
  const headers = {
    authorization: "Bearer secret",
    "x-own": "yes",
    "x-hop": "no",
    connection: "keep-alive, x-hop",
    "content-length": "5",
    "content-type": "text/plain",
  };
  const asked = sendRaw(`${PODS}/web:8080/proxy/a%20b/c?d=e%2Ff`, "POST", headers, "hello");
  const process = await connected(1);
  const head = await heard(process, "hello");
  expect(head).toMatch(/^POST \/a%20b\/c\?d=e%2Ff HTTP\/1.1\r\n/);
  expect(head.toLowerCase()).toContain("x-own: yes");
  expect(head.toLowerCase()).toContain(`x-forwarded-uri: ${PODS}/web:8080/proxy/a%20b/c`);
  expect(head.toLowerCase()).not.toMatch(/secret|x-hop|keep-alive/);
  process.stdout.write("HTTP/1.1 418 I am a teapot\r\nx-pod: 1\r\nset-cookie: a\r\nset-cookie: b\r\n");
  process.stdout.write("connection: close, x-gone\r\nx-gone: 1\r\ncontent-length: 4\r\n\r\ntea!");
  const { code, headers: got, text } = await asked;
  expect({ code, text }).toEqual({ code: 418, text: "tea!" });
  expect(got).toMatchObject({ "x-pod": "1", "set-cookie": ["a", "b"], "content-length": "4" });
  expect(got["x-gone"]).toBeUndefined();
  await process.closed;
});

test("a proxy finds its port, sends a page's address on to its folder, and tells what it cannot reach", async () => {
  await runningPod("web");
  const moved = await api.call(`${PODS}/web/proxy?a=b`);
  expect([moved.code, moved.headers.location]).toEqual([301, `${PODS}/web/proxy/?a=b`]);
  const refused = await api.call(`${PODS}/web:1/proxy/`);
  expect([refused.code, refused.json["message"]]).toEqual([503, "error trying to reach service: connection refused"]);
  for (const name of ["web:", "ftp:web:1", "a:b:c:d", "web:http", "web:70000"]) {
    const { code, json } = await api.call(`${PODS}/${name}/proxy/`);
    expect([code, json["message"]], name).toEqual([400, expect.stringContaining("invalid pod request")]);
  }
  expect((await api.call(`${PODS}/nobody:80/proxy/`)).code).toBe(404);
  const silent = api.call(`${PODS}/http:web:/proxy/x`);
  const process = await connected(1);
  process.exit(0);
  expect((await silent).code).toBe(503);
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
