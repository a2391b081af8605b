/** Server-side apply and managed fields over the API, by hand and by every kubectl of this machine. */
import { once } from "node:events";
import { createConnection, createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { ManagedFieldsEntry } from "../../src/api/gen/types.ts";
import type { KubeObject } from "../../src/api/object.ts";
import { startTestApi } from "../fixtures/api-server.ts";
import type { Answer, TestApi } from "../fixtures/api-server.ts";
import { kubectls, runKubectl } from "../fixtures/kubectl.ts";

let api: TestApi;
beforeEach(async () => void (api = await startTestApi()));
afterEach(() => api[Symbol.asyncDispose]());

const CONFIGS = "/api/v1/namespaces/default/configmaps";
const PODS = "/api/v1/namespaces/default/pods";
const APPLY = "application/apply-patch+yaml";

const config = (data: Record<string, string>, metadata: object = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", ...metadata },
  data,
});
const apply = (body: unknown, query = "fieldManager=m", path = `${CONFIGS}/a`): Promise<Answer> =>
  api.call(`${path}?${query}`, { method: "PATCH", body, type: APPLY });
const managersOf = ({ json }: Answer): string[] =>
  ((json as unknown as KubeObject).metadata.managedFields ?? []).map(
    ({ manager, operation, subresource }) => `${operation} ${manager}${subresource ? ` ${subresource}` : ""}`,
  );

describe("apply", () => {
  test("makes what is not there, in YAML too, and nothing twice", async () => {
    const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n";
    const made = await apply(yaml);
    expect([made.code, managersOf(made)]).toEqual([201, ["Apply m"]]);
    const again = await apply(config({ k: "v" }));
    expect([again.code, again.json]).toEqual([200, made.json]);
    expect((await apply(config({}), "fieldManager=m&dryRun=All")).json["data"]).toBeUndefined();
    expect((await api.call(`${CONFIGS}/a`)).json).toEqual(made.json);
  });

  test("conflicts, force, and what is not applied any more", async () => {
    await apply(config({ k: "v", l: "w" }));
    const refused = await apply(config({ k: "x" }), "fieldManager=n");
    expect(refused.json).toMatchObject({
      code: 409,
      reason: "Conflict",
      message: 'Apply failed with 1 conflict: conflict with "m": .data.k',
      details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "m"', field: ".data.k" }] },
    });
    const forced = await apply(config({ k: "x" }), "fieldManager=n&force=true");
    expect(forced.json).toMatchObject({ data: { k: "x", l: "w" } });
    expect((await apply(config({}), "fieldManager=m")).json).toMatchObject({ data: { k: "x" } });
    expect((await api.call(`${CONFIGS}/a`)).json).toMatchObject({ data: { k: "x" } });
  });

  test("a Pod gets its defaults, which belong to nobody, and a status of its own", async () => {
    const body = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "a" }] },
    };
    const made = await apply(body, "fieldManager=m", `${PODS}/p`);
    expect(made.json).toMatchObject({
      spec: { restartPolicy: "Always", nodeName: "node-a" },
      status: { phase: "Pending" },
    });
    const [entry] = (made.json as unknown as KubeObject).metadata.managedFields!;
    expect(entry!.fieldsV1).toEqual({
      "f:spec": { "f:containers": { 'k:{"name":"c"}': { ".": {}, "f:image": {}, "f:name": {} } } },
    });
    const status = { ...body, spec: undefined, status: { phase: "Running" } };
    const answer = await apply(status, "fieldManager=s&force=1", `${PODS}/p/status`);
    expect([answer.json["status"], managersOf(answer)]).toMatchObject([
      { phase: "Running" },
      ["Apply m", "Apply s status"],
    ]);
    expect((await apply(body, "fieldManager=m", `${PODS}/none/status`)).code).toBe(404);
  });

  test.each([
    [
      "without a manager",
      config({}),
      "",
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    ["of another kind", { ...config({}), kind: "Pod" }, "fieldManager=m", 400, "invalid object type: /v1, Kind=Pod"],
    ["without a kind", { metadata: { name: "a" } }, "fieldManager=m", 400, "invalid object type: , Kind="],
    [
      "without a name",
      config({}, { name: undefined }),
      "fieldManager=m",
      400,
      /undeterminable: name must be provided$/,
    ],
    [
      "with another name",
      config({}, { name: "b" }),
      "fieldManager=m",
      400,
      "the name of the object (b) does not match the name on the URL (a)",
    ],
    [
      "with managed fields",
      config({}, { managedFields: [] }),
      "fieldManager=m",
      400,
      "metadata.managedFields must be nil",
    ],
    [
      "with a uid of nobody",
      config({}, { uid: "u" }),
      "fieldManager=m",
      409,
      /uid mismatch: the provided object specified uid u/,
    ],
    ["that is no object", "[1]", "fieldManager=m", 400, /^error decoding patch: /],
    ["that is no YAML", "a: b: c", "fieldManager=m", 400, /^error decoding patch: /],
    [
      "with unknown fields",
      { ...config({}), colour: 1 },
      "fieldManager=m",
      400,
      "failed to create typed patch object (/a; v1, Kind=ConfigMap): .colour: field not declared in schema",
    ],
    [
      "with a field twice",
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","a":"2"}}',
      "fieldManager=m&fieldValidation=Strict",
      400,
      'error strict decoding patch: duplicate field "data.a"',
    ],
    ["in no namespace", config({}), "fieldManager=m", 404, 'namespaces "none" not found'],
  ])("%s is refused", async (what, body, query, code, message) => {
    const path = what === "in no namespace" ? "/api/v1/namespaces/none/configmaps/a" : `${CONFIGS}/a`;
    const { json } = await apply(body, query, path);
    expect(json).toMatchObject({ code });
    if (typeof message === "string") expect(json["message"]).toBe(message);
    else expect(json["message"]).toMatch(message);
  });
});

describe("managed fields of every writer", () => {
  test("create, update, patch and status", async () => {
    const body = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "a" }] } };
    const made = await api.call(PODS, { method: "POST", body, userAgent: "tool/v1 (linux)" });
    expect(managersOf(made)).toEqual(["Update tool"]);
    const [entry] = (made.json as unknown as KubeObject).metadata.managedFields!;
    const { "f:spec": spec } = entry!.fieldsV1 as { "f:spec": object };
    // The API's defaults are the writer's, what admission adds is nobody's.
    expect(Object.keys(spec)).toEqual(
      [
        "containers",
        "dnsPolicy",
        "enableServiceLinks",
        "restartPolicy",
        "schedulerName",
        "securityContext",
        "terminationGracePeriodSeconds",
      ].map((field) => `f:${field}`),
    );
    const patch = { method: "PATCH", body: { metadata: { labels: { a: "b" } } }, type: "application/merge-patch+json" };
    expect(managersOf(await api.call(`${PODS}/p?fieldManager=other`, patch))).toEqual(["Update other", "Update tool"]);
    const status = { ...patch, body: { status: { message: "x" } }, userAgent: "tool/v1" };
    expect(managersOf(await api.call(`${PODS}/p/status`, status))).toContain("Update tool status");
    const silent = await api.call(CONFIGS, { method: "POST", body: { metadata: { name: "c" }, data: { k: "v" } } });
    expect(managersOf(silent)).toEqual(["Update unknown"]);
  });

  test("an update that changes nothing leaves no trace", async () => {
    const made = await api.call(CONFIGS, { method: "POST", body: config({ k: "v" }), userAgent: "a" });
    const same = await api.call(`${CONFIGS}/a`, { method: "PUT", body: made.json, userAgent: "b" });
    expect(same.json).toEqual(made.json);
    const cleared = { ...made.json, metadata: { ...(made.json["metadata"] as object), managedFields: [{}] } };
    expect(managersOf(await api.call(`${CONFIGS}/a`, { method: "PUT", body: cleared }))).toEqual([]);
  });
});

describe.each(kubectls())("%s", (kubectl) => {
  let relay: Server;
  let kubeconfig: string;

  beforeEach(async () => {
    relay = createServer((socket) => {
      const up = createConnection(api.socket);
      socket.pipe(up).pipe(socket);
      for (const each of [socket, up])
        each.on("error", () => each.destroy()).on("close", () => (socket.destroy(), up.destroy()));
    }).listen(0, "127.0.0.1");
    await once(relay, "listening");
    kubeconfig = join(api.directory, "kubeconfig");
    const server = `http://127.0.0.1:${(relay.address() as AddressInfo).port}`;
    const named = (kind: string, value: object): object => ({ name: "t", [kind]: value });
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "t",
        clusters: [named("cluster", { server })],
        contexts: [named("context", { cluster: "t", user: "t" })],
        users: [named("user", {})],
      }),
    );
  });
  afterEach(() => void relay.close());

  const run = async (args: string, input: unknown = "", code = 0): Promise<string> => {
    const text = typeof input === "string" ? input : JSON.stringify(input);
    const { code: got, stdout, stderr } = await runKubectl(kubectl, kubeconfig, args.split(" "), text);
    expect(got, `${basename(kubectl)} ${args}: ${stdout}${stderr}`).toBe(code);
    return stdout + stderr;
  };
  const entries = async (name: string): Promise<ManagedFieldsEntry[]> =>
    (JSON.parse(await run(`get configmap ${name} -o json --show-managed-fields`)) as KubeObject).metadata
      .managedFields as ManagedFieldsEntry[];

  test("applies on the server side", async () => {
    const server = "apply --server-side -f -";
    expect(await run(server, config({ k: "v", l: "w" }))).toContain("configmap/a serverside-applied");
    const refused = await run(`${server} --field-manager=n`, config({ k: "x" }), 1);
    expect(refused).toContain('Apply failed with 1 conflict: conflict with "kubectl": .data.k');
    await run(`${server} --field-manager=n --force-conflicts`, config({ k: "x" }));
    await run(server, config({ l: "w2" }));
    expect(await run("get configmap a -o jsonpath={.data}")).toBe('{"k":"x","l":"w2"}');
    const managers = (await entries("a")).map(({ manager, operation }) => `${operation} ${manager}`);
    expect(managers.toSorted()).toEqual(["Apply kubectl", "Apply n"]);
    expect(await run("get configmap a -o yaml")).not.toContain("managedFields");
    expect(await run("diff --server-side -f -", config({ l: "w2" }))).toBe("");
  });

  test("goes over from the client side to the server side", async () => {
    await run("apply -f -", config({ k: "v", l: "w" }));
    await run("apply -f -", config({ k: "v2", l: "w" }));
    await run("apply --server-side -f -", config({ k: "v3" }));
    expect(await run("get configmap a -o jsonpath={.data}")).toBe('{"k":"v3"}');
    const managers = (await entries("a")).map(({ manager }) => manager);
    expect([managers.includes("kubectl"), managers.includes("kubectl-client-side-apply")]).toEqual([true, false]);
  });

  test("explains every field", async () => {
    const text = await run("explain pod.spec.containers --recursive");
    expect(await run("explain pod.spec.containers.image")).toContain("The name of the image, with a tag or digest.");
    for (const field of ["livenessProbe", "readOnlyRootFilesystem", "mountPath"]) expect(text).toContain(field);
  });

  test("patches in every form, labels, annotates, lists in chunks", async () => {
    for (const name of ["a", "b"]) await run(`create configmap ${name} --from-literal=k=v`);
    await run('patch configmap a --type=json -p [{"op":"replace","path":"/data/k","value":"1"}]');
    await run('patch configmap a --type=merge -p {"data":{"l":"2"}}');
    await run('patch configmap a --type=strategic -p {"data":{"k":null}}');
    await run("label configmap a x=y");
    await run("annotate configmap a x=y");
    expect(await run("get configmap a -o jsonpath={.data}{.metadata.labels}")).toBe('{"l":"2"}{"x":"y"}');
    const failed = await run('patch configmap a --type=json -p [{"op":"test","path":"/data/l","value":"1"}]', "", 1);
    expect(failed).toContain("The request is invalid: the server rejected our request due to an error in our request");
    expect((await run("get configmaps --chunk-size=1 -o name")).trim().split("\n")).toEqual([
      "configmap/a",
      "configmap/b",
    ]);
    expect((await entries("a")).map(({ manager }) => manager)).toContain("kubectl-patch");
  });
});
