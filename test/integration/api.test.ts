/** The Kubernetes API on its socket: verbs, the exact words of errors, watch, tables, images. */
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { startTestApi, TEST_IMAGE } from "../fixtures/api-server.ts";
import type { Answer, TestApi } from "../fixtures/api-server.ts";

let api: TestApi;
beforeEach(async () => void (api = await startTestApi()));
afterEach(() => api[Symbol.asyncDispose]());

const PODS = "/api/v1/namespaces/default/pods";
const MERGE = "application/merge-patch+json";
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

function pod(name: string, rest: Record<string, unknown> = {}): unknown {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "c", image: "a" }] },
    ...rest,
  };
}

async function create(name: string, rest: Record<string, unknown> = {}): Promise<Answer> {
  const answer = await api.call(PODS, { method: "POST", body: pod(name, rest) });
  expect(answer.code, answer.text).toBe(201);
  return answer;
}

/** As the engine does it. */
function setStatus(name: string, status: Pod["status"]): void {
  const stored = api.store.get({ resource: "pods", namespace: "default", name }) as Pod;
  api.store.update("pods", { ...stored, status: { ...stored.status, ...status } });
}

const config = (name: string, data: Record<string, string> = {}) => ({ kind: "ConfigMap", metadata: { name }, data });
const CONFIGS = "/api/v1/namespaces/default/configmaps";

describe("the socket", () => {
  test("only its owner may open it", () => {
    expect(statSync(api.socket).mode & 0o777).toBe(0o600);
  });

  test("a live server is not pushed aside, a dead one is", async () => {
    const { createKubeServer } = await import("../../src/server/kube/create-kube-server.ts");
    const { listenOnSocket } = await import("../../src/server/kube/listen.ts");
    expect(createKubeServer).toBeTypeOf("function");
    await expect(listenOnSocket(createServer(), api.socket)).rejects.toThrow(/another server answers there/);
    const path = join(api.directory, "dead.sock");
    const dead = createServer();
    await using _gone = await listenOnSocket(dead, path);
    dead.close();
    await once(dead, "close");
    const next = createServer();
    const listening = await listenOnSocket(next, path);
    await listening[Symbol.asyncDispose]();
    next.close();
  });
});

describe("create", () => {
  test("a Pod gets its defaults, its node and a status in one write", async () => {
    const { json } = await create("a");
    expect(json).toMatchObject({
      metadata: { name: "a", namespace: "default", generation: 1, uid: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      spec: { nodeName: "node-a", restartPolicy: "Always", terminationGracePeriodSeconds: 30 },
      status: { phase: "Pending", qosClass: "BestEffort", conditions: [{ type: "PodScheduled", status: "True" }] },
    });
    expect((await api.call(`${PODS}/a`)).json).toEqual(json);
  });

  test("a name is made from generateName", async () => {
    const body = { ...(pod("") as object), metadata: { generateName: "web-" } };
    const { json } = await api.call(PODS, { method: "POST", body });
    expect(json).toMatchObject({
      metadata: { name: expect.stringMatching(/^web-[a-z0-9]{5}$/), generateName: "web-" },
    });
  });

  test("YAML, whose numbers mean what kubectl means", async () => {
    const body = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: yaml}\ndata: {mode: '0644'}\n";
    const answer = await api.call(CONFIGS, { method: "POST", body, type: "application/yaml" });
    expect(answer.json).toMatchObject({ data: { mode: "0644" } });
  });

  test("a dry run stores nothing", async () => {
    const answer = await api.call(`${PODS}?dryRun=All`, { method: "POST", body: pod("a") });
    expect(answer.code).toBe(201);
    expect((await api.call(`${PODS}/a`)).code).toBe(404);
  });

  test.each([
    ["no body", PODS, undefined, 400, "no body was sent: an object is expected"],
    ["broken JSON", PODS, "{", 400, /Cannot read the body: it is not JSON/],
    ["another kind", PODS, config("x"), 400, 'ConfigMap in version "v1" cannot be handled as a Pod'],
    [
      "another version",
      PODS,
      { apiVersion: "v2", kind: "Pod" },
      400,
      "the API version in the data (v2) does not match the expected API version (v1)",
    ],
    [
      "another namespace",
      PODS,
      pod("a", { metadata: { name: "a", namespace: "b" } }),
      400,
      "the namespace of the provided object does not match the namespace sent on the request",
    ],
    ["no such namespace", "/api/v1/namespaces/x/pods", pod("a"), 404, 'namespaces "x" not found'],
    [
      "a bad name",
      PODS,
      pod("A_b"),
      422,
      /^Pod "A_b" is invalid: metadata.name: Invalid value: "A_b": a lowercase RFC 1123/,
    ],
    ["no containers", PODS, pod("a", { spec: { containers: [] } }), 422, /spec.containers: Required value/],
    ["wrong type", PODS, pod("a", { spec: { containers: 1 } }), 400, /spec\.containers/],
    [
      "another node",
      PODS,
      pod("a", { spec: { nodeName: "b", containers: [{ name: "c", image: "a" }] } }),
      422,
      'Pod "a" is invalid: spec.nodeName: Invalid value: "b": must be empty or "node-a", the only node',
    ],
  ])("%s is refused", async (_what, path, body, code, message) => {
    const answer = await api.call(path, { method: "POST", body });
    expect([answer.code, answer.json]).toMatchObject([code, { kind: "Status", status: "Failure", code }]);
    if (typeof message === "string") expect(answer.json["message"]).toBe(message);
    else expect(answer.json["message"]).toMatch(message);
  });

  test("a name that is taken", async () => {
    await create("a");
    const answer = await api.call(PODS, { method: "POST", body: pod("a") });
    expect(answer.json).toMatchObject({
      code: 409,
      reason: "AlreadyExists",
      message: 'pods "a" already exists',
      details: { name: "a", kind: "pods" },
    });
  });

  test("unknown fields: an error, a warning, or nothing", async () => {
    const body = pod("a", { spec: { containers: [{ name: "c", image: "a", colour: "red" }] } });
    const strict = await api.call(`${PODS}?fieldValidation=Strict`, { method: "POST", body });
    expect(strict.json).toMatchObject({
      code: 400,
      message:
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].colour"',
    });
    const warned = await api.call(`${PODS}?dryRun=All`, { method: "POST", body });
    expect(warned.headers["warning"]).toBe(String.raw`299 - "unknown field \"spec.containers[0].colour\""`);
    const silent = await api.call(`${PODS}?fieldValidation=Ignore`, { method: "POST", body });
    expect([silent.code, silent.headers["warning"]]).toEqual([201, undefined]);
  });

  test("fields that stand twice: an error, a warning, or nothing, in bodies and in patches", async () => {
    const body = `{"metadata":{"name":"a"},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"x","image":"a"}],"restartPolicy":"Always"}}`;
    const strict = await api.call(`${PODS}?fieldValidation=Strict`, { method: "POST", body });
    expect(strict.json).toMatchObject({
      code: 400,
      message:
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: duplicate field "spec.containers[0].image", duplicate field "spec.restartPolicy"',
    });
    const { code, headers } = await api.call(PODS, { method: "POST", body });
    expect(code).toBe(201);
    expect(headers["warning"]).toContain(String.raw`299 - "duplicate field \"spec.restartPolicy\""`);
    const patch = { method: "PATCH", body: '{"metadata":{"labels":{"a":"1","a":"2"}}}', type: MERGE };
    expect((await api.call(`${PODS}/a?fieldValidation=Strict`, patch)).json["message"]).toMatch(
      /strict decoding error: duplicate field "metadata\.labels\.a"$/,
    );
    expect((await api.call(`${PODS}/a?fieldValidation=Ignore`, patch)).json).toMatchObject({
      metadata: { labels: { a: "2" } },
    });
  });

  test("a field that is not honoured is refused or warned about by its path", async () => {
    const refused = await api.call(PODS, {
      method: "POST",
      body: pod("a", { spec: { hostUsers: false, containers: [{ name: "c", image: "a" }] } }),
    });
    expect([refused.code, refused.json["message"]]).toEqual([422, expect.stringMatching(/spec\.hostUsers/)]);
    const probe = { exec: { command: ["true"] } };
    const warned = await create("b", { spec: { containers: [{ name: "c", image: "a", livenessProbe: probe }] } });
    expect(warned.headers["warning"]).toMatch(/spec\.containers\[0\]\.livenessProbe/);
  });

  test("a body that is too large", async () => {
    const body = config("x", { a: "x".repeat(3 * 1024 * 1024) });
    expect((await api.call(CONFIGS, { method: "POST", body })).json).toMatchObject({
      code: 413,
      reason: "RequestEntityTooLarge",
    });
  });

  test("a Secret's text becomes data", async () => {
    const body = { kind: "Secret", metadata: { name: "s" }, stringData: { a: "b" } };
    const { json } = await api.call("/api/v1/namespaces/default/secrets", { method: "POST", body });
    expect(json).toMatchObject({ type: "Opaque", data: { a: "Yg==" } });
  });
});

describe("get and list", () => {
  test("what is not there", async () => {
    expect((await api.call(`${PODS}/a`)).json).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'pods "a" not found',
      reason: "NotFound",
      details: { name: "a", kind: "pods" },
      code: 404,
    });
    for (const path of ["/api/v1/unicorns", "/apis/apps/v1/deployments", "/nothing"]) {
      expect((await api.call(path)).json).toMatchObject({
        code: 404,
        message: "the server could not find the requested resource",
      });
    }
  });

  test("selectors", async () => {
    await create("a", { metadata: { name: "a", labels: { app: "x" } } });
    await create("b");
    setStatus("b", { phase: "Running" });
    const names = async (query: string) =>
      ((await api.call(`${PODS}?${query}`)).json["items"] as Pod[]).map((each) => each.metadata.name);
    expect(await names("")).toEqual(["a", "b"]);
    expect(await names("labelSelector=app%3Dx")).toEqual(["a"]);
    expect(await names("fieldSelector=status.phase%3DRunning")).toEqual(["b"]);
    expect((await api.call(`${PODS}?fieldSelector=spec.colour%3Dx`)).json).toMatchObject({ code: 400 });
  });

  test("of a version", async () => {
    await create("a");
    const { json } = await api.call("/api/v1/pods");
    const version = (json["metadata"] as { resourceVersion: string }).resourceVersion;
    expect((await api.call(`/api/v1/pods?resourceVersion=${version}&resourceVersionMatch=Exact`)).code).toBe(200);
    await create("b");
    expect((await api.call(`/api/v1/pods?resourceVersion=${version}&resourceVersionMatch=NotOlderThan`)).code).toBe(
      200,
    );
    const past = await api.call(`/api/v1/pods?resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect(past.json).toMatchObject({ metadata: { resourceVersion: version }, items: [{ metadata: { name: "a" } }] });
    expect((await api.call("/api/v1/pods?resourceVersion=999999")).json).toMatchObject({
      code: 504,
      reason: "Timeout",
    });
  });

  test("as a table", async () => {
    await create("a");
    const { json } = await api.call(PODS, { accept: TABLE });
    expect(json).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1", metadata: { resourceVersion: /\d/ } });
    const columns = (json["columnDefinitions"] as { name: string; priority: number }[]).filter(
      (column) => column.priority === 0,
    );
    expect(columns.map((column) => column.name)).toEqual(["Name", "Ready", "Status", "Restarts", "Age"]);
    const [row] = json["rows"] as { cells: unknown[]; object: Record<string, unknown> }[];
    expect(row!.cells.slice(0, 4)).toEqual(["a", "0/1", "Pending", "0"]);
    expect(row!.object).toMatchObject({ kind: "PartialObjectMetadata", metadata: { name: "a" } });
    const whole = (await api.call(`${PODS}?includeObject=Object`, { accept: TABLE })).json;
    expect(whole["rows"]).toMatchObject([{ object: { kind: "Pod", spec: {} } }]);
  });
});

describe("update and patch", () => {
  test("server-owned fields stay, a stale version is refused", async () => {
    const { json: first } = await api.call(CONFIGS, { method: "POST", body: config("a") });
    const metadata = first["metadata"] as { resourceVersion: string; uid: string };
    const body = {
      ...config("a", { k: "v" }),
      metadata: { ...(metadata as object), creationTimestamp: "2000-01-01T00:00:00Z" },
    };
    const { json } = await api.call(`${CONFIGS}/a`, { method: "PUT", body });
    expect(json).toMatchObject({ data: { k: "v" }, metadata: { uid: metadata.uid } });
    expect((json["metadata"] as { creationTimestamp: string }).creationTimestamp).not.toMatch(/^2000/);
    expect((await api.call(`${CONFIGS}/a`, { method: "PUT", body: { ...body, data: {} } })).json).toMatchObject({
      code: 409,
      reason: "Conflict",
      message:
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    });
  });

  test("the name in the body must be the one in the path", async () => {
    await api.call(CONFIGS, { method: "POST", body: config("a") });
    expect((await api.call(`${CONFIGS}/a`, { method: "PUT", body: config("b") })).json).toMatchObject({
      code: 400,
      message: "the name of the object (b) does not match the name on the URL (a)",
    });
    expect((await api.call(`${CONFIGS}/b`, { method: "PUT", body: config("b") })).code).toBe(404);
  });

  test("spec and status are written apart, and the spec's changes are counted", async () => {
    await create("a");
    const status = { status: { phase: "Running" } };
    await api.call(`${PODS}/a`, { method: "PATCH", body: status, type: MERGE });
    expect((await api.call(`${PODS}/a`)).json).toMatchObject({ status: { phase: "Pending" } });
    await api.call(`${PODS}/a/status`, { method: "PATCH", body: status, type: MERGE });
    const changed = { spec: { activeDeadlineSeconds: 5 } };
    const { json } = await api.call(`${PODS}/a`, { method: "PATCH", body: changed, type: MERGE });
    expect(json).toMatchObject({ metadata: { generation: 2 }, spec: changed.spec, status: status.status });
  });

  test("strategic merge meets containers by their name", async () => {
    await create("a", {
      spec: {
        containers: [
          { name: "c", image: "a" },
          { name: "d", image: "a" },
        ],
      },
    });
    const body = { spec: { containers: [{ name: "d", image: "b" }] } };
    const type = "application/strategic-merge-patch+json";
    const { json } = await api.call(`${PODS}/a`, { method: "PATCH", body, type });
    expect(json).toMatchObject({ spec: { containers: [{ image: "a" }, { name: "d", image: "b" }] } });
  });

  test("what may not change", async () => {
    await create("a");
    const body = { spec: { restartPolicy: "Never" } };
    const { json } = await api.call(`${PODS}/a`, { method: "PATCH", body, type: MERGE });
    expect(json).toMatchObject({ code: 422, reason: "Invalid", details: { kind: "Pod", name: "a" } });
  });

  test("a JSON patch does all of its operations or none", async () => {
    await create("a");
    const type = "application/json-patch+json";
    const patch = (...body: object[]) => api.call(`${PODS}/a`, { method: "PATCH", body, type });
    const label = { op: "add", path: "/metadata/labels", value: { a: "1" } };
    expect((await patch(label)).json).toMatchObject({ metadata: { labels: { a: "1" } } });
    const failed = await patch(
      { op: "remove", path: "/metadata/labels" },
      { op: "test", path: "/spec/hostname", value: "x" },
    );
    expect(failed.json).toMatchObject({
      code: 422,
      reason: "Invalid",
      message: expect.stringMatching(/^the server rejected our request due to an error in our request/),
    });
    expect((await api.call(`${PODS}/a`)).json).toMatchObject({ metadata: { labels: { a: "1" } } });
    const odd = await api.call(`${PODS}/a?fieldValidation=Strict`, {
      method: "PATCH",
      body: [{ ...label, vaule: 1 }],
      type,
    });
    expect([odd.code, odd.json["message"]]).toEqual([
      422,
      expect.stringContaining('json patch unknown field "[0].vaule"'),
    ]);
    expect((await patch({ op: "replace", path: "/metadata/resourceVersion", value: "1" })).json).toMatchObject({
      code: 409,
    });
  });

  const STRATEGIC = "application/strategic-merge-patch+json";
  test.each([
    [
      "of an unknown form",
      "text/plain",
      "",
      415,
      "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
    ],
    ["that is no JSON", MERGE, "{", 400, /^error decoding patch: /],
    ["that is no object", MERGE, "[]", 400, "Invalid JSON Patch"],
    ["that is no list", "application/json-patch+json", "{}", 400, /^error decoding patch: /],
    [
      "without a merge key",
      STRATEGIC,
      { spec: { containers: [{ image: "x" }] } },
      400,
      "map: map[image:x] does not contain declared merge key: name",
    ],
    [
      "with an unknown directive",
      STRATEGIC,
      { spec: { $patch: "x" } },
      400,
      "unknown patch type: x in map: map[$patch:x]",
    ],
    [
      "of the wrong type",
      MERGE,
      { spec: { containers: 1 } },
      422,
      /^ "" is invalid: patch: Invalid value: .*spec\.containers/,
    ],
    [
      "that takes the name away",
      MERGE,
      { metadata: { name: null } },
      400,
      "the name of the object (a based on URL) was undeterminable: name must be provided",
    ],
    [
      "that changes the name",
      MERGE,
      { metadata: { name: "b" } },
      400,
      "the name of the object (b) does not match the name on the URL (a)",
    ],
    ["that changes the uid", MERGE, { metadata: { uid: "b" } }, 409, /Precondition failed: UID in precondition: b/],
    ["that changes the kind", MERGE, { kind: "Node" }, 422, /Node in version "v1" cannot be handled as a Pod/],
  ])("a patch %s is refused", async (_what, type, body, code, message) => {
    await create("a");
    const { json } = await api.call(`${PODS}/a`, { method: "PATCH", body, type });
    expect(json).toMatchObject({ code });
    if (typeof message === "string") expect(json["message"]).toBe(message);
    else expect(json["message"]).toMatch(message);
  });

  test.each([
    [
      "dryRun=Some",
      'PatchOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
    ],
    [
      "force=true",
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ],
    [
      `fieldManager=${"x".repeat(129)}`,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ],
    [
      "fieldValidation=Some",
      /fieldValidation: Unsupported value: "Some": supported values: "", "Ignore", "Strict", "Warn"$/,
    ],
  ])("the option %s is refused", async (query, message) => {
    await create("a");
    const { json } = await api.call(`${PODS}/a?${query}`, { method: "PATCH", body: {}, type: MERGE });
    expect(json).toMatchObject({ code: 422, reason: "Invalid" });
    if (typeof message === "string") expect(json["message"]).toBe(message);
    else expect(json["message"]).toMatch(message);
  });
});

describe("delete", () => {
  test("a Pod that runs is marked, and the grace only shrinks", async () => {
    await create("a");
    setStatus("a", { phase: "Running", startTime: "2026-01-01T00:00:00Z" });
    const marked = await api.call(`${PODS}/a`, { method: "DELETE" });
    expect(marked.json).toMatchObject({ metadata: { deletionGracePeriodSeconds: 30, generation: 2 } });
    const longer = await api.call(`${PODS}/a?gracePeriodSeconds=60`, { method: "DELETE" });
    expect(longer.json).toMatchObject({ metadata: { deletionGracePeriodSeconds: 30 } });
    const shorter = await api.call(`${PODS}/a`, { method: "DELETE", body: { gracePeriodSeconds: 1 } });
    expect(shorter.json).toMatchObject({ metadata: { deletionGracePeriodSeconds: 1 } });
    await api.call(`${PODS}/a?gracePeriodSeconds=0`, { method: "DELETE" });
    expect((await api.call(`${PODS}/a`)).code).toBe(404);
  });

  test.each([
    ["that nothing has touched yet", {}],
    ["that has ended", { phase: "Succeeded", startTime: "2026-01-01T00:00:00Z" }],
  ])("a Pod %s goes at once", async (_what, status) => {
    await create("a");
    setStatus("a", status);
    await api.call(`${PODS}/a`, { method: "DELETE" });
    expect((await api.call(`${PODS}/a`)).code).toBe(404);
  });

  test("anything else goes at once, and a Status tells so", async () => {
    await api.call(CONFIGS, { method: "POST", body: config("a") });
    expect((await api.call(`${CONFIGS}/a`, { method: "DELETE" })).json).toMatchObject({
      kind: "Status",
      status: "Success",
      details: { name: "a", kind: "configmaps" },
    });
  });

  test("preconditions", async () => {
    await create("a");
    const body = { preconditions: { uid: "other" } };
    const { json } = await api.call(`${PODS}/a`, { method: "DELETE", body });
    expect(json).toMatchObject({
      code: 409,
      message: expect.stringMatching(/Precondition failed: UID in precondition: other/),
    });
  });

  test("finalizers hold an object until the last is gone", async () => {
    const metadata = { name: "a", finalizers: ["example.com/hold"] };
    await api.call(CONFIGS, { method: "POST", body: { ...config("a"), metadata } });
    await api.call(`${CONFIGS}/a`, { method: "DELETE" });
    expect((await api.call(`${CONFIGS}/a`)).json).toMatchObject({ metadata: { deletionGracePeriodSeconds: 0 } });
    await api.call(`${CONFIGS}/a`, { method: "PATCH", body: { metadata: { finalizers: null } }, type: MERGE });
    expect((await api.call(`${CONFIGS}/a`)).code).toBe(404);
  });

  test("a collection, by label", async () => {
    await create("a", { metadata: { name: "a", labels: { app: "x" } } });
    await create("b");
    const { json } = await api.call(`${PODS}?labelSelector=app%3Dx`, { method: "DELETE" });
    expect(json).toMatchObject({ kind: "PodList", items: [{ metadata: { name: "a" } }] });
    expect((await api.call(`${PODS}/b`)).code).toBe(200);
  });

  test("a namespace takes its objects with it and waits for its Pods", async () => {
    await api.call("/api/v1/namespaces", { method: "POST", body: { kind: "Namespace", metadata: { name: "n" } } });
    await api.call("/api/v1/namespaces/n/configmaps", { method: "POST", body: config("a") });
    const { json } = await api.call("/api/v1/namespaces/n/pods", { method: "POST", body: pod("p") });
    api.store.update("pods", {
      ...(json as Pod),
      status: { phase: "Running", startTime: "2026-01-01T00:00:00Z" },
    });
    await api.call("/api/v1/namespaces/n", { method: "DELETE" });
    expect((await api.call("/api/v1/namespaces/n")).json).toMatchObject({ status: { phase: "Terminating" } });
    // What a Pod may still read stays until it has ended.
    expect((await api.call("/api/v1/namespaces/n/configmaps/a")).code).toBe(200);
    expect(
      (await api.call("/api/v1/namespaces/n/configmaps", { method: "POST", body: config("b") })).json,
    ).toMatchObject({
      code: 403,
      message: expect.stringMatching(/unable to create new content in namespace n because it is being terminated/),
    });
    api.store.delete({ resource: "pods", namespace: "n", name: "p" });
    expect((await api.call("/api/v1/namespaces/n/configmaps/a")).code).toBe(404);
    expect((await api.call("/api/v1/namespaces/n")).code).toBe(404);
  });

  test("the first namespaces stay", async () => {
    expect((await api.call("/api/v1/namespaces/default", { method: "DELETE" })).json).toMatchObject({
      code: 403,
      message: 'namespaces "default" is forbidden: this namespace may not be deleted',
    });
  });
});

describe("watch", () => {
  const watch = (query: string, accept?: string) => api.watch(`${PODS}?watch=true&${query}`, accept);

  test("from a version on, every change once and in order", async () => {
    const { json } = await create("a");
    const from = (json["metadata"] as { resourceVersion: string }).resourceVersion;
    await create("b");
    const stream = await watch(`resourceVersion=${from}`);
    expect(await stream.next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "b" } } });
    setStatus("a", { phase: "Running" });
    expect(await stream.next()).toMatchObject({ type: "MODIFIED", object: { status: { phase: "Running" } } });
    await api.call(`${PODS}/b`, { method: "DELETE" });
    expect(await stream.next()).toMatchObject({ type: "DELETED", object: { metadata: { name: "b" } } });
  });

  test("what comes into a selector is added, what leaves it is deleted", async () => {
    await create("a");
    const stream = await watch("fieldSelector=status.phase%3DRunning");
    setStatus("a", { phase: "Running" });
    expect((await stream.next()).type).toBe("ADDED");
    setStatus("a", { phase: "Failed" });
    expect((await stream.next()).type).toBe("DELETED");
  });

  test("initial events end with a marked bookmark", async () => {
    await create("a");
    const stream = await watch("sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");
    expect((await stream.next()).type).toBe("ADDED");
    expect(await stream.next()).toMatchObject({
      type: "BOOKMARK",
      object: { kind: "Pod", metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
    });
  });

  test("a version that nobody remembers", async () => {
    const stream = await watch("resourceVersion=999999");
    expect(await stream.next()).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
    expect(await stream.ended()).toBe(true);
    expect((await api.call(`${PODS}?watch=true&resourceVersion=x`)).json).toMatchObject({ code: 400 });
  });

  test("it ends when its time is over, with a last bookmark", async () => {
    const stream = await watch("timeoutSeconds=1&allowWatchBookmarks=true");
    expect((await stream.next()).type).toBe("BOOKMARK");
    expect(await stream.ended()).toBe(true);
  });

  test("tables, the columns once", async () => {
    const stream = await watch("", TABLE);
    await create("a");
    await create("b");
    expect(await stream.next()).toMatchObject({
      object: { kind: "Table", columnDefinitions: [{ name: "Name" }, {}, {}, {}, {}, {}, {}, {}, {}] },
    });
    expect(await stream.next()).toMatchObject({ object: { kind: "Table", columnDefinitions: null } });
  });
});

describe("logs", () => {
  const two = {
    spec: {
      containers: [
        { name: "c", image: "a" },
        { name: "d", image: "a" },
      ],
      initContainers: [{ name: "i", image: "a" }],
    },
  };

  test.each([
    ["", 400, "a container name must be specified for pod a, choose one of: [c d] or one of the init containers: [i]"],
    ["?container=x", 400, "container x is not valid for pod a"],
    ["?container=c", 400, 'container "c" in pod "a" is waiting to start: ContainerCreating'],
    [
      "?container=c&tailLines=-1",
      422,
      'PodLogOptions "a" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      "?container=c&stream=Both",
      422,
      'PodLogOptions "a" is invalid: stream: Unsupported value: "Both": supported values: "All", "Stderr", "Stdout"',
    ],
    [
      "?container=c&sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z",
      422,
      'PodLogOptions "a" is invalid: : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    ],
  ])("%s", async (query, code, message) => {
    await create("a", two);
    expect((await api.call(`${PODS}/a/log${query}`)).json).toMatchObject({ code, message });
  });

  test("cut by time, stream and length, whatever is said of the TLS that is not there", async () => {
    const { writeFile } = await import("node:fs/promises");
    await create("a");
    const logPath = join(api.directory, "0.log");
    const rows = ["0Z stdout F zero", "1Z stdout F one", "1Z stderr F two", "2Z stdout F three"];
    await writeFile(logPath, rows.map((row) => `2026-01-01T00:00:0${row}\n`).join(""));
    api.containers.set("a/c", { containerId: "1", sandboxId: "s", running: true, logPath, tty: false, stdin: false });
    const read = async (query: string) =>
      (await api.call(`${PODS}/a/log?insecureSkipTLSVerifyBackend=true&${query}`)).text;
    expect(await read("sinceTime=2026-01-01T00:00:01Z")).toBe("one\ntwo\nthree\n");
    expect(await read("stream=Stderr")).toBe("two\n");
    expect(await read("stream=Stdout&tailLines=2&limitBytes=6")).toBe("one\nth");
  });

  test("followed until the container has ended", async () => {
    const { appendFile, writeFile } = await import("node:fs/promises");
    await create("a");
    const logPath = join(api.directory, "0.log");
    await writeFile(logPath, "2026-01-01T00:00:00Z stdout F one\n");
    const ref = { containerId: "1", sandboxId: "s", running: true, logPath, tty: false, stdin: false };
    api.containers.set("a/c", ref);
    expect((await api.call(`${PODS}/a/log?timestamps=true`)).text).toBe("2026-01-01T00:00:00Z one\n");
    const response = await api.open(`${PODS}/a/log?follow=true`);
    const lines = createInterface({ input: response })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("one");
    await appendFile(logPath, "2026-01-01T00:00:01Z stdout F two\n");
    expect((await lines.next()).value).toBe("two");
    api.containers.set("a/c", { ...ref, running: false });
    setStatus("a", { phase: "Succeeded" });
    expect((await lines.next()).done).toBe(true);
  });
});

describe("beside the objects", () => {
  test("version and health", async () => {
    expect((await api.call("/version")).json).toMatchObject({
      major: "1",
      gitVersion: expect.stringMatching(/^v1\.\d+\.0\+minke/),
    });
    for (const path of ["/healthz", "/livez", "/readyz"]) expect((await api.call(path)).text).toBe("ok");
  });

  test("discovery, in both forms, names what is served", async () => {
    const list = (await api.call("/api/v1")).json["resources"] as { name: string; verbs: string[] }[];
    expect(list.find((row) => row.name === "pods")).toMatchObject({ shortNames: ["po"], namespaced: true });
    expect(list.map((row) => row.name)).toEqual(
      expect.arrayContaining(["pods/log", "pods/exec", "namespaces", "nodes"]),
    );
    expect((await api.call("/api")).json).toMatchObject({ kind: "APIVersions", versions: ["v1"] });
    expect((await api.call("/apis")).json).toMatchObject({
      kind: "APIGroupList",
      groups: expect.arrayContaining([
        expect.objectContaining({
          name: "events.k8s.io",
          versions: [{ groupVersion: "events.k8s.io/v1", version: "v1" }],
        }),
        expect.objectContaining({
          name: "metrics.k8s.io",
          preferredVersion: { groupVersion: "metrics.k8s.io/v1", version: "v1" },
          versions: [
            { groupVersion: "metrics.k8s.io/v1", version: "v1" },
            { groupVersion: "metrics.k8s.io/v1beta1", version: "v1beta1" },
          ],
        }),
      ]),
    });
    const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    const aggregated = await api.call("/api", { accept });
    expect(aggregated.headers["content-type"]).toBe(
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    );
    expect(aggregated.json).toMatchObject({
      kind: "APIGroupDiscoveryList",
      items: [{ versions: [{ version: "v1" }] }],
    });
  });

  test("OpenAPI v3 says what kubectl looks for before it writes", async () => {
    const { paths } = (await api.call("/openapi/v3")).json as { paths: Record<string, { serverRelativeURL: string }> };
    const { json } = await api.call(paths["api/v1"]!.serverRelativeURL);
    const document = json as {
      paths: Record<string, { patch: { parameters: { name: string }[] } }>;
      components: { schemas: Record<string, { properties: Record<string, object> }> };
    };
    const { patch } = document.paths["/api/v1/namespaces/{namespace}/pods/{name}"]!;
    expect(patch).toMatchObject({ "x-kubernetes-group-version-kind": { group: "", version: "v1", kind: "Pod" } });
    expect(patch.parameters.map((parameter) => parameter.name)).toContain("fieldValidation");
    expect(document.components.schemas["io.k8s.api.core.v1.PodSpec"]!.properties["containers"]).toMatchObject({
      "x-kubernetes-patch-merge-key": "name",
      "x-kubernetes-patch-strategy": "merge",
    });
    const known = new Set(Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`));
    const referred = JSON.stringify(json).matchAll(/"\$ref":"([^"]+)"/g);
    expect([...referred].filter(([, to]) => !known.has(to!))).toEqual([]);
  });

  test("verbs that a resource does not have", async () => {
    for (const [method, path] of [
      ["POST", "/api/v1/nodes"],
      ["DELETE", "/api/v1/namespaces"],
      ["POST", "/api/v1/pods"],
      ["PUT", PODS],
    ] as const) {
      expect((await api.call(path, { method, body: {} })).json).toMatchObject({
        code: 405,
        reason: "MethodNotAllowed",
      });
    }
  });

  test("metrics of this node", async () => {
    const { json } = await api.call("/apis/metrics.k8s.io/v1beta1/nodes");
    expect(json).toMatchObject({
      kind: "NodeMetricsList",
      items: [
        {
          metadata: { name: "node-a" },
          usage: { cpu: expect.stringMatching(/^\d+n$/), memory: expect.stringMatching(/^\d+Ki$/) },
        },
      ],
    });
  });

  test("the trace of a Pod's start", async () => {
    const { json } = await create("a");
    api.trace.span((json["metadata"] as { uid: string }).uid, "cni.add")[Symbol.dispose]();
    const path = "/apis/node.minke.dev/v1alpha1/namespaces/default/pods/a/trace";
    expect((await api.call(path)).json).toMatchObject({ spans: [{ name: "cni.add" }] });
    expect((await api.call("/apis/node.minke.dev/v1alpha1/info")).json).toEqual({ instance: "test" });
  });

  test("images", async () => {
    const group = "/apis/node.minke.dev/v1alpha1";
    const post = (path: string, body?: string) =>
      api.call(`${group}/${path}`, { method: "POST", body, type: "application/x-tar" });
    expect((await api.call(`${group}/images`)).json).toEqual({ items: [TEST_IMAGE] });
    expect((await api.call(`${group}/image?reference=a`)).json).toMatchObject({ id: TEST_IMAGE.id });
    expect((await api.call(`${group}/image?reference=b`)).json).toMatchObject({ code: 404, reason: "NotFound" });
    expect((await api.call(`${group}/image`)).json).toMatchObject({ code: 400 });
    expect((await post("images/import?name=n&env=A%3Db&env=C%3Dd", "12345")).json).toMatchObject({
      repoTags: ["n"],
      sizeBytes: 5,
    });
    expect((await post("images/load", "123")).json).toMatchObject({ items: [{ sizeBytes: 3 }] });
    expect((await api.call(`${group}/images/save?reference=a`)).text).toBe("archive");
    expect((await post("images/tag?source=a&target=b")).json).toMatchObject({ repoTags: ["b"] });
    await create("p");
    expect((await post("images/prune?all=true")).json).toMatchObject({ removed: [TEST_IMAGE.id] });
    const pulled = (await post("images/pull?reference=a")).text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(pulled).toMatchObject([{ message: "looking" }, { image: { id: TEST_IMAGE.id } }]);
    const failed = (await post("images/pull?reference=b")).text.trim().split("\n").at(-1)!;
    expect(JSON.parse(failed)).toMatchObject({ kind: "Status", status: "Failure", message: "Cannot pull b" });
  });

  test("closing the server ends the watches that are open, and removes the socket", async () => {
    const other = await startTestApi();
    const response = await other.open(`${PODS}?watch=true`);
    response.resume();
    const ended = once(response, "end");
    await other[Symbol.asyncDispose]();
    await ended;
    expect(existsSync(other.socket)).toBe(false);
  });
});
