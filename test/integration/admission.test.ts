/** What a new Pod gets, or is refused for, because of other objects. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { startTestApi } from "../fixtures/api-server.ts";
import type { TestApi } from "../fixtures/api-server.ts";

let api: TestApi;
beforeEach(async () => void (api = await startTestApi()));
afterEach(() => api[Symbol.asyncDispose]());

const DEFAULT = "/api/v1/namespaces/default";
const MERGE = "application/merge-patch+json";

async function post(path: string, body: object): Promise<object> {
  const { code, json, text } = await api.call(path, { method: "POST", body });
  expect(code, text).toBe(201);
  return json;
}

async function createPod(name: string, spec: object = {}): Promise<Pod> {
  const containers = [{ name: "c", image: "a" }];
  return (await post(`${DEFAULT}/pods`, { kind: "Pod", metadata: { name }, spec: { containers, ...spec } })) as Pod;
}

/** The message with which such a Pod is refused. */
async function refusal(spec: object, name = "refused"): Promise<unknown> {
  const containers = [{ name: "c", image: "a" }];
  const body = { kind: "Pod", metadata: { name }, spec: { containers, ...spec } };
  const { code, json, text } = await api.call(`${DEFAULT}/pods`, { method: "POST", body });
  expect(code, text).toBe(403);
  return json["message"];
}

const withResources = (...resources: object[]): object => ({
  containers: resources.map((each, index) => ({ name: `c${index}`, image: "a", resources: each })),
});

test("a Pod gets account, priority and tolerations, and keeps them when it is written anew", async () => {
  const pod = await createPod("a");
  expect(pod.spec).toMatchObject({
    serviceAccountName: "default",
    serviceAccount: "default",
    priority: 0,
    preemptionPolicy: "PreemptLowerPriority",
    tolerations: [
      { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
      { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    ],
  });
  const { priority: _p, preemptionPolicy: _q, ...spec } = pod.spec!;
  const again = await api.call(`${DEFAULT}/pods/a`, { method: "PUT", body: { ...pod, spec } });
  expect(again.json["spec"]).toEqual(pod.spec);
});

describe("service accounts", () => {
  test("have to be there, and lend their pull secrets", async () => {
    expect(await refusal({ serviceAccountName: "x" })).toBe(
      'pods "refused" is forbidden: error looking up service account default/x: serviceaccount "x" not found',
    );
    await post(`${DEFAULT}/serviceaccounts`, {
      kind: "ServiceAccount",
      metadata: { name: "x" },
      imagePullSecrets: [{ name: "s" }],
    });
    expect((await createPod("a", { serviceAccountName: "x" })).spec!.imagePullSecrets).toEqual([{ name: "s" }]);
    const own = { serviceAccountName: "x", imagePullSecrets: [{ name: "own" }] };
    expect((await createPod("b", own)).spec!.imagePullSecrets).toEqual([{ name: "own" }]);
  });

  test("on a node that issues no tokens none is mounted", async () => {
    expect((await createPod("a")).spec!.volumes).toBeUndefined();
  });

  test("every container gets what it needs to speak to the API", async () => {
    await using withCa = await startTestApi({ issuesTokens: true });
    const { json: ca } = await withCa.call(`${DEFAULT}/configmaps/kube-root-ca.crt`);
    expect(ca).toMatchObject({ data: { "ca.crt": "a CA" } });
    const own = [{ name: "own", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" }];
    const spec = {
      volumes: [{ name: "own", emptyDir: {} }],
      initContainers: [{ name: "i", image: "a" }],
      containers: [
        { name: "c", image: "a" },
        { name: "d", image: "a", volumeMounts: own },
      ],
    };
    const body = { kind: "Pod", metadata: { name: "a" }, spec };
    const { json } = await withCa.call(`${DEFAULT}/pods`, { method: "POST", body });
    const pod = json as unknown as Pod;
    const volume = pod.spec!.volumes![1]!;
    expect(volume).toEqual({
      name: expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/),
      projected: {
        defaultMode: 0o644,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
          { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
          {
            downwardAPI: {
              items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
            },
          },
        ],
      },
    });
    const mount = { name: volume.name, readOnly: true, mountPath: "/var/run/secrets/kubernetes.io/serviceaccount" };
    expect(pod.spec!.containers.map(({ volumeMounts }) => volumeMounts)).toEqual([[mount], own]);
    expect(pod.spec!.initContainers![0]!.volumeMounts).toEqual([mount]);
    const silent = { ...body, metadata: { name: "b" }, spec: { ...spec, automountServiceAccountToken: false } };
    const { json: without } = await withCa.call(`${DEFAULT}/pods`, { method: "POST", body: silent });
    expect((without as unknown as Pod).spec!.volumes).toHaveLength(1);
  });
});

describe("priority classes", () => {
  const CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses";
  const priorityClass = (name: string, value: number, globalDefault = false): object => ({
    kind: "PriorityClass",
    metadata: { name },
    value,
    globalDefault,
  });

  test("give a Pod its priority", async () => {
    await post(CLASSES, { ...priorityClass("high", 1000), preemptionPolicy: "Never" });
    const { spec } = await createPod("a", { priorityClassName: "high" });
    expect(spec).toMatchObject({ priority: 1000, preemptionPolicy: "Never" });
    expect(await refusal({ priorityClassName: "none" })).toBe(
      'pods "refused" is forbidden: no PriorityClass with name none was found',
    );
    expect(await refusal({ priorityClassName: "high", priority: 5 })).toBe(
      'pods "refused" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    );
  });

  test("one may be the default", async () => {
    await post(CLASSES, priorityClass("usual", 7, true));
    expect((await createPod("a")).spec).toMatchObject({ priorityClassName: "usual", priority: 7 });
    const { code, json } = await api.call(CLASSES, { method: "POST", body: priorityClass("other", 8, true) });
    expect({ code, message: json["message"] }).toEqual({
      code: 403,
      message:
        'priorityclasses.scheduling.k8s.io "other" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    });
  });
});

test("runtime classes give overhead, selectors and tolerations", async () => {
  await post("/apis/node.k8s.io/v1/runtimeclasses", {
    kind: "RuntimeClass",
    metadata: { name: "boxed" },
    handler: "runsc",
    overhead: { podFixed: { cpu: "0.25" } },
    scheduling: { nodeSelector: { a: "b" }, tolerations: [{ key: "k", operator: "Exists" }] },
  });
  const { spec } = await createPod("a", { runtimeClassName: "boxed" });
  expect(spec).toMatchObject({ overhead: { cpu: "250m" }, nodeSelector: { a: "b" } });
  expect(spec!.tolerations!.at(-1)).toEqual({ key: "k", operator: "Exists" });
  expect(await refusal({ runtimeClassName: "none" })).toBe(
    'pods "refused" is forbidden: pod rejected: RuntimeClass "none" not found',
  );
  expect(await refusal({ runtimeClassName: "boxed", nodeSelector: { a: "c" } })).toBe(
    'pods "refused" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[a] = b; pod.spec.nodeSelector[a] = c',
  );
  expect(await refusal({ overhead: { cpu: "1" } })).toBe(
    'pods "refused" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
  );
});

describe("limit ranges", () => {
  const limits = async (...items: object[]): Promise<object> =>
    post(`${DEFAULT}/limitranges`, { kind: "LimitRange", metadata: { name: "l" }, spec: { limits: items } });

  test("fill in, and tell what they filled in", async () => {
    await limits({ type: "Container", default: { cpu: "500m", memory: "64Mi" }, defaultRequest: { cpu: "100m" } });
    const pod = await createPod("a", withResources({}, { limits: { cpu: "1" } }));
    expect(pod.spec!.containers.map(({ resources }) => resources)).toEqual([
      { limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "100m", memory: "64Mi" } },
      { limits: { cpu: "1", memory: "64Mi" }, requests: { cpu: "1", memory: "64Mi" } },
    ]);
    expect(pod.metadata.annotations).toEqual({
      "kubernetes.io/limit-ranger":
        "LimitRanger plugin set: cpu, memory request for container c0; cpu, memory limit for container c0; memory request for container c1; memory limit for container c1",
    });
    expect(pod.status!.qosClass).toBe("Burstable");
  });

  test("bound containers and Pods", async () => {
    await limits(
      { type: "Container", min: { memory: "8Mi" }, max: { cpu: "1" }, maxLimitRequestRatio: { cpu: "2" } },
      { type: "Pod", max: { cpu: "1500m" } },
    );
    expect(await refusal(withResources({ requests: { memory: "4Mi" }, limits: { cpu: "2" } }))).toBe(
      'pods "refused" is forbidden: [minimum memory usage per Container is 8Mi, but request is 4Mi, maximum cpu usage per Container is 1, but limit is 2, maximum cpu usage per Pod is 1500m, but limit is 2]',
    );
    const fine = { requests: { memory: "8Mi", cpu: "500m" }, limits: { cpu: "1" } };
    expect(await refusal(withResources(fine, fine))).toBe(
      'pods "refused" is forbidden: maximum cpu usage per Pod is 1500m, but limit is 2',
    );
    const steep = { requests: { memory: "8Mi", cpu: "100m" }, limits: { cpu: "1" } };
    expect(await refusal(withResources(steep))).toBe(
      'pods "refused" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000',
    );
    await createPod("a", withResources(fine));
  });

  test("bound claims", async () => {
    await limits({ type: "PersistentVolumeClaim", max: { storage: "1Gi" } });
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "2Gi" } } };
    const body = { kind: "PersistentVolumeClaim", metadata: { name: "c" }, spec };
    const { json } = await api.call(`${DEFAULT}/persistentvolumeclaims`, { method: "POST", body });
    expect(json["message"]).toBe(
      'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    );
  });
});

describe("resource quotas", () => {
  const quota = async (hard: object, rest: object = {}): Promise<object> =>
    post(`${DEFAULT}/resourcequotas`, { kind: "ResourceQuota", metadata: { name: "q" }, spec: { hard, ...rest } });
  const used = async (): Promise<unknown> =>
    ((await api.call(`${DEFAULT}/resourcequotas/q`)).json["status"] as { readonly used: unknown }).used;
  const end = async (name: string): Promise<void> => {
    const type = MERGE;
    const body = { status: { phase: "Succeeded" } };
    await api.call(`${DEFAULT}/pods/${name}/status`, { method: "PATCH", body, type });
  };

  test("count what is there, and refuse more", async () => {
    await quota({ pods: "1", "requests.cpu": "1", "count/configmaps": "1" });
    expect(await used()).toEqual({ pods: "0", "requests.cpu": "0", "count/configmaps": "0" });
    await createPod("a", withResources({ requests: { cpu: "600m" } }));
    expect(await used()).toEqual({ pods: "1", "requests.cpu": "600m", "count/configmaps": "0" });
    expect(await refusal(withResources({ requests: { cpu: "500m" } }))).toBe(
      'pods "refused" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=500m, used: pods=1,requests.cpu=600m, limited: pods=1,requests.cpu=1',
    );
    expect(await refusal({})).toBe('pods "refused" is forbidden: failed quota: q: must specify requests.cpu for: c');
    await end("a");
    expect(await used()).toMatchObject({ pods: "0", "requests.cpu": "0" });
    await createPod("b", withResources({ requests: { cpu: "1" } }));
    await post(`${DEFAULT}/configmaps`, { kind: "ConfigMap", metadata: { name: "one" } });
    const body = { kind: "ConfigMap", metadata: { name: "two" } };
    const { json } = await api.call(`${DEFAULT}/configmaps`, { method: "POST", body });
    expect(json["message"]).toBe(
      'configmaps "two" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1',
    );
  });

  test("of a scope count only what is in it", async () => {
    await quota({ pods: "1" }, { scopes: ["BestEffort"] });
    await createPod("a");
    await createPod("b", withResources({ requests: { cpu: "1m" } }));
    expect(await refusal({})).toMatch(/exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1$/);
  });

  test("a dry run is counted and charged to nobody", async () => {
    await quota({ pods: "1" });
    const body = { kind: "Pod", metadata: { name: "d" }, spec: { containers: [{ name: "c", image: "a" }] } };
    expect((await api.call(`${DEFAULT}/pods?dryRun=All`, { method: "POST", body })).code).toBe(201);
    expect(await used()).toEqual({ pods: "0" });
  });
});
