/** Every resource that the API serves: its defaults, the words of its validation, its columns. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startTestApi } from "../fixtures/api-server.ts";
import type { Answer, TestApi } from "../fixtures/api-server.ts";

let api: TestApi;
beforeEach(async () => void (api = await startTestApi()));
afterEach(() => api[Symbol.asyncDispose]());

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const DEFAULT = "/api/v1/namespaces/default";

/** Where objects of a kind are. */
const PATHS: Readonly<Record<string, string>> = {
  ConfigMap: `${DEFAULT}/configmaps`,
  Event: `${DEFAULT}/events`,
  Lease: "/apis/coordination.k8s.io/v1/namespaces/default/leases",
  LimitRange: `${DEFAULT}/limitranges`,
  Namespace: "/api/v1/namespaces",
  PersistentVolume: "/api/v1/persistentvolumes",
  PersistentVolumeClaim: `${DEFAULT}/persistentvolumeclaims`,
  PodTemplate: `${DEFAULT}/podtemplates`,
  PriorityClass: "/apis/scheduling.k8s.io/v1/priorityclasses",
  ResourceQuota: `${DEFAULT}/resourcequotas`,
  RuntimeClass: "/apis/node.k8s.io/v1/runtimeclasses",
  Secret: `${DEFAULT}/secrets`,
  ServiceAccount: `${DEFAULT}/serviceaccounts`,
  StorageClass: "/apis/storage.k8s.io/v1/storageclasses",
};

async function post(kind: string, name: string, rest: object = {}): Promise<Answer> {
  return api.call(PATHS[kind]!, { method: "POST", body: { kind, metadata: { name }, ...rest } });
}

async function create(kind: string, name: string, rest: object = {}): Promise<Answer["json"]> {
  const answer = await post(kind, name, rest);
  expect(answer.code, answer.text).toBe(201);
  return answer.json;
}

interface Printed {
  readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

/** Headers and the last row, as `kubectl get -o wide` shows them. */
async function printed(kind: string, path = PATHS[kind]!): Promise<[string[], unknown[]]> {
  const { json } = await api.call(path, { accept: TABLE });
  const { columnDefinitions, rows } = json as unknown as Printed;
  return [columnDefinitions.map(({ name }) => name.toUpperCase()), [...rows.at(-1)!.cells]];
}

const TEMPLATE = { metadata: { labels: { b: "2", a: "1" } }, spec: { containers: [{ name: "c", image: "i" }] } };
const CLAIM = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const VOLUME = { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, hostPath: { path: "/data" } };

test("a new node has the system's objects", async () => {
  const names = async (path: string): Promise<unknown> =>
    ((await api.call(path)).json["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
  expect(await names("/api/v1/namespaces")).toEqual(["default", "kube-node-lease", "kube-public", "kube-system"]);
  expect(await names(PATHS["PriorityClass"]!)).toEqual(["system-cluster-critical", "system-node-critical"]);
  expect(await names("/api/v1/namespaces/kube-system/serviceaccounts")).toEqual(["default"]);
});

describe("columns", () => {
  const AGE = expect.stringMatching(/^\d+s$/);
  test.each<[string, object, string[], unknown[]]>([
    ["ServiceAccount", {}, ["NAME", "AGE"], ["x", AGE]],
    ["ConfigMap", { data: { a: "1" } }, ["NAME", "DATA", "AGE"], ["x", 1, AGE]],
    ["LimitRange", { spec: { limits: [] } }, ["NAME", "CREATED AT"], ["x", expect.stringMatching(/^\d{4}-.*Z$/)]],
    ["PodTemplate", { template: TEMPLATE }, ["NAME", "CONTAINERS", "IMAGES", "POD LABELS"], ["x", "c", "i", "a=1,b=2"]],
    ["Lease", { spec: { holderIdentity: "me" } }, ["NAME", "HOLDER", "AGE"], ["x", "me", AGE]],
    ["RuntimeClass", { handler: "runc" }, ["NAME", "HANDLER", "AGE"], ["x", "runc", AGE]],
    [
      "PriorityClass",
      { value: 7 },
      ["NAME", "VALUE", "GLOBAL-DEFAULT", "AGE", "PREEMPTIONPOLICY"],
      ["x", 7, false, AGE, "PreemptLowerPriority"],
    ],
    [
      "StorageClass",
      {
        provisioner: "a.example.com/b",
        metadata: { name: "x", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      },
      ["NAME", "PROVISIONER", "RECLAIMPOLICY", "VOLUMEBINDINGMODE", "ALLOWVOLUMEEXPANSION", "AGE"],
      ["x (default)", "a.example.com/b", "Delete", "Immediate", false, AGE],
    ],
    [
      "PersistentVolume",
      { spec: VOLUME },
      [
        "NAME",
        "CAPACITY",
        "ACCESS MODES",
        "RECLAIM POLICY",
        "STATUS",
        "CLAIM",
        "STORAGECLASS",
        "VOLUMEATTRIBUTESCLASS",
        "REASON",
        "AGE",
        "VOLUMEMODE",
      ],
      ["x", "1Gi", "RWO", "Retain", "Available", "", "", "<unset>", "", AGE, "Filesystem"],
    ],
    [
      "PersistentVolumeClaim",
      { spec: { ...CLAIM, storageClassName: "none" } },
      [
        "NAME",
        "STATUS",
        "VOLUME",
        "CAPACITY",
        "ACCESS MODES",
        "STORAGECLASS",
        "VOLUMEATTRIBUTESCLASS",
        "AGE",
        "VOLUMEMODE",
      ],
      ["x", "Pending", "", "", "", "none", "<unset>", AGE, "Filesystem"],
    ],
    [
      "ResourceQuota",
      { spec: { hard: { pods: "2", "limits.cpu": "1", "requests.memory": "1Gi" } } },
      ["NAME", "REQUEST", "LIMIT", "AGE"],
      ["x", "pods: 0/2, requests.memory: 0/1Gi", "limits.cpu: 0/1", AGE],
    ],
  ])("%s", async (kind, rest, headers, cells) => {
    await create(kind, "x", rest);
    expect(await printed(kind)).toEqual([headers, cells]);
  });
});

describe("validation", () => {
  test.each<[string, object, string]>([
    [
      "LimitRange",
      {
        spec: {
          limits: [
            { type: "Pod", default: { cpu: "1" } },
            { type: "X" },
            { type: "Container", max: { cpu: "1" }, min: { cpu: "2" } },
          ],
        },
      },
      '[spec.limits[0].default: Forbidden: may not be specified when `type` is \'Pod\', spec.limits[1].type: Invalid value: "X": must be a standard limit type or fully qualified, spec.limits[2].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1, spec.limits[2].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1, spec.limits[2].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1]',
    ],
    [
      "LimitRange",
      { spec: { limits: [{ type: "Container", max: { pods: "1" } }] } },
      "must be a standard resource for containers",
    ],
    [
      "ResourceQuota",
      { spec: { hard: { x: "1" } } },
      '[spec.hard[x]: Invalid value: "x": must be a standard resource type or fully qualified, spec.hard[x]: Invalid value: "x": must be a standard resource for quota]',
    ],
    [
      "ResourceQuota",
      { spec: { hard: { pods: "1.5" } } },
      'spec.hard[pods]: Invalid value: "1500m": must be an integer',
    ],
    [
      "ResourceQuota",
      { spec: { hard: { memory: "1" }, scopes: ["BestEffort"] } },
      'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
    ],
    [
      "PriorityClass",
      { value: 2_000_000_000 },
      "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
    ],
    [
      "PriorityClass",
      { metadata: { name: "system-x" }, value: 1 },
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-x is not a known system priority class",
    ],
    ["RuntimeClass", { handler: "A" }, 'handler: Invalid value: "A": a lowercase RFC 1123 label must consist of'],
    ["StorageClass", {}, "provisioner: Required value"],
    [
      "StorageClass",
      { provisioner: "a/b", volumeBindingMode: "x" },
      'volumeBindingMode: Unsupported value: "x": supported values: "Immediate", "WaitForFirstConsumer"',
    ],
    [
      "Lease",
      { spec: { leaseDurationSeconds: 0 } },
      "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
    ],
    [
      "PersistentVolumeClaim",
      {},
      "[spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]",
    ],
    [
      "PersistentVolume",
      { spec: { ...VOLUME, hostPath: undefined, local: { path: "/x" } } },
      "spec.nodeAffinity: Required value: Local volume requires node affinity",
    ],
    [
      "PersistentVolume",
      { spec: { ...VOLUME, nfs: { server: "s", path: "/" } } },
      "may not specify more than 1 volume type",
    ],
    [
      "PersistentVolume",
      { spec: { ...VOLUME, hostPath: undefined } },
      "spec: Required value: must specify a volume type",
    ],
    ["PodTemplate", { template: { spec: { containers: [] } } }, "template.spec.containers: Required value"],
    [
      "Event",
      { involvedObject: { namespace: "other" } },
      'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    ],
    [
      "ConfigMap",
      { metadata: { name: "x", finalizers: ["mine"] } },
      'metadata.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ],
    [
      "ConfigMap",
      { metadata: { name: "x", ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "", uid: "u" }] } },
      'metadata.ownerReferences.name: Invalid value: "": must not be empty',
    ],
  ])("%s %j", async (kind, rest, message) => {
    const { code, json } = await post(kind, "x", rest);
    expect({ code, message: json["message"] }).toEqual({ code: 422, message: expect.stringContaining(message) });
  });

  test.each<[string, object, object, string]>([
    ["PriorityClass", { value: 1 }, { value: 2 }, "value: Forbidden: may not be changed in an update."],
    ["RuntimeClass", { handler: "a" }, { handler: "b" }, 'handler: Invalid value: "b": field is immutable'],
    [
      "StorageClass",
      { provisioner: "a/b" },
      { provisioner: "a/c" },
      'provisioner: Invalid value: "a/c": field is immutable',
    ],
    [
      "PersistentVolume",
      { spec: VOLUME },
      { spec: { hostPath: { path: "/other" } } },
      "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
    ],
    [
      "PersistentVolumeClaim",
      { spec: { ...CLAIM, storageClassName: "a" } },
      { spec: { storageClassName: "b" } },
      "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    ],
    [
      "ResourceQuota",
      { spec: { scopes: ["NotBestEffort"] } },
      { spec: { scopes: ["BestEffort"] } },
      'spec.scopes: Invalid value: ["BestEffort"]: field is immutable',
    ],
  ])("a change of %s %j", async (kind, rest, change, message) => {
    await create(kind, "x", rest);
    const type = "application/merge-patch+json";
    const { code, json } = await api.call(`${PATHS[kind]}/x`, { method: "PATCH", body: change, type });
    expect({ code, message: json["message"] }).toEqual({ code: 422, message: expect.stringContaining(message) });
  });
});

describe("Events", () => {
  const NEW = "/apis/events.k8s.io/v1/namespaces/default/events";
  const event = {
    kind: "Event",
    metadata: { name: "e" },
    eventTime: "2026-01-01T00:00:00.000001Z",
    reportingController: "example.com/c",
    reportingInstance: "c-1",
    action: "Look",
    reason: "Seen",
    regarding: { kind: "Pod", name: "p", namespace: "default" },
    note: "hello",
    type: "Normal",
  };

  test("are the same objects through both groups", async () => {
    expect((await api.call(NEW, { method: "POST", body: event })).code).toBe(201);
    expect((await api.call(`${DEFAULT}/events/e`)).json).toMatchObject({
      apiVersion: "v1",
      involvedObject: { kind: "Pod", name: "p" },
      message: "hello",
      reportingComponent: "example.com/c",
    });
    await create("Event", "old", {
      involvedObject: { kind: "Pod", name: "q", namespace: "default" },
      message: "m",
      count: 3,
    });
    expect((await api.call(`${NEW}/old`)).json).toMatchObject({
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      eventTime: null,
      regarding: { name: "q" },
      note: "m",
      deprecatedCount: 3,
    });
    const selected = await api.call(`${NEW}?fieldSelector=regarding.name%3Dp`);
    expect(selected.json).toMatchObject({
      kind: "EventList",
      apiVersion: "events.k8s.io/v1",
      items: [{ note: "hello" }],
    });
    expect((await api.call(`${NEW}?fieldSelector=involvedObject.name%3Dp`)).code).toBe(400);
    const [headers, cells] = await printed("Event", NEW);
    expect(headers.slice(0, 4)).toEqual(["LAST SEEN", "TYPE", "REASON", "OBJECT"]);
    expect(cells[3]).toBe("pod/q");
  });

  test("in the new form go on as a series only", async () => {
    await api.call(NEW, { method: "POST", body: event });
    const type = "application/merge-patch+json";
    const series = { count: 2, lastObservedTime: "2026-01-01T00:01:00.000000Z" };
    const patched = await api.call(`${NEW}/e`, { method: "PATCH", body: { series }, type });
    expect(patched.json).toMatchObject({ series });
    expect((await api.call(`${NEW}/e`, { method: "PATCH", body: { note: "other" }, type })).json).toMatchObject({
      code: 422,
      message: expect.stringContaining('message: Invalid value: "other": field is immutable'),
    });
    const bad = { ...event, metadata: { name: "f" }, type: "Odd", action: "", deprecatedCount: 1 };
    const { json } = await api.call(NEW, { method: "POST", body: bad });
    expect(json["message"]).toMatch(
      /action: Required value.*type: Invalid value: "": has invalid value: Odd.*count: Invalid value: "": needs to be unset/,
    );
  });

  test("a watch of one group sees what is written through the other", async () => {
    const response = await api.open(`${NEW}?watch=true`);
    await create("Event", "w", { involvedObject: { kind: "Pod", name: "p", namespace: "default" }, message: "m" });
    for await (const chunk of response) {
      expect(JSON.parse(String(chunk))).toMatchObject({
        type: "ADDED",
        object: { apiVersion: "events.k8s.io/v1", note: "m" },
      });
      break;
    }
  });
});

test("metrics are served in both versions", async () => {
  for (const version of ["v1", "v1beta1"]) {
    const { json } = await api.call(`/apis/metrics.k8s.io/${version}/pods`);
    expect(json).toMatchObject({ kind: "PodMetricsList", apiVersion: `metrics.k8s.io/${version}` });
  }
  expect((await api.call("/apis/metrics.k8s.io")).json).toMatchObject({ kind: "APIGroup", name: "metrics.k8s.io" });
});

test("what this node does not have is not found, as with a server without that group", async () => {
  for (const path of ["/apis/apps/v1/deployments", "/apis/apps/v1", `${DEFAULT}/endpoints`, "/apis/apps"]) {
    const { code, json } = await api.call(path);
    expect({ code, message: json["message"] }).toEqual({
      code: 404,
      message: "the server could not find the requested resource",
    });
  }
});

test("Services are listed, of which there are none, and not created", async () => {
  expect((await api.call(`${DEFAULT}/services`)).json).toMatchObject({ kind: "ServiceList", items: [] });
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: "s" }, spec: { ports: [{ port: 80 }] } };
  const { code, json } = await api.call(`${DEFAULT}/services`, { method: "POST", body: service });
  expect({ code, json }).toMatchObject({
    code: 405,
    json: {
      reason: "MethodNotAllowed",
      message:
        'create is not supported on resources of kind "services": a node without a cluster has no Services; publish a port with hostPort, or use port-forward',
    },
  });
});
