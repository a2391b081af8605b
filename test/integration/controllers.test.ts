/** What happens by itself: garbage collection, the end of namespaces, claims and their volumes. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { KubeObject } from "../../src/api/object.ts";
import { startTestApi } from "../fixtures/api-server.ts";
import type { TestApi } from "../fixtures/api-server.ts";

let api: TestApi;
beforeEach(async () => void (api = await startTestApi()));
afterEach(() => api[Symbol.asyncDispose]());

const DEFAULT = "/api/v1/namespaces/default";
const CONFIGS = `${DEFAULT}/configmaps`;
const MERGE = "application/merge-patch+json";

async function post(path: string, body: object): Promise<KubeObject> {
  const { code, json, text } = await api.call(path, { method: "POST", body });
  expect(code, text).toBe(201);
  return json as unknown as KubeObject;
}

async function get(path: string): Promise<KubeObject | undefined> {
  const { code, json } = await api.call(path);
  return code === 200 ? (json as unknown as KubeObject) : undefined;
}

async function patch(path: string, body: object): Promise<void> {
  const { code, text } = await api.call(path, { method: "PATCH", body, type: MERGE });
  expect(code, text).toBe(200);
}

const config = (name: string, metadata: object = {}): object => ({
  kind: "ConfigMap",
  metadata: { name, ...metadata },
});
const ownedBy = ({ apiVersion, kind, metadata }: KubeObject, rest: object = {}): object => ({
  ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid, ...rest }],
});
const exists = async (...names: string[]): Promise<boolean[]> =>
  Promise.all(names.map(async (name) => (await get(`${CONFIGS}/${name}`)) !== undefined));

describe("garbage", () => {
  test("what an object owns goes after it, and what that owns", async () => {
    const owner = await post(CONFIGS, config("owner"));
    const child = await post(CONFIGS, config("child", ownedBy(owner)));
    await post(CONFIGS, config("grandchild", ownedBy(child)));
    await post(CONFIGS, config("stranger"));
    await api.call(`${CONFIGS}/owner`, { method: "DELETE" });
    expect(await exists("owner", "child", "grandchild", "stranger")).toEqual([false, false, false, true]);
  });

  test("an object of an owner that never was does not stay; one of an unknown kind does", async () => {
    const reference = { apiVersion: "v1", kind: "ConfigMap", name: "none", uid: "u" };
    await post(CONFIGS, config("a", { ownerReferences: [reference] }));
    await post(
      CONFIGS,
      config("b", { ownerReferences: [{ ...reference, apiVersion: "apps/v1", kind: "ReplicaSet" }] }),
    );
    expect(await exists("a", "b")).toEqual([false, true]);
  });

  test("a name that was given anew is another owner", async () => {
    const owner = await post(CONFIGS, config("owner"));
    await api.call(`${CONFIGS}/owner`, { method: "DELETE" });
    await post(CONFIGS, config("owner"));
    await post(CONFIGS, config("child", ownedBy(owner)));
    expect(await exists("owner", "child")).toEqual([true, false]);
  });

  test("one of two owners is enough; the other's name goes", async () => {
    const [a, b] = [await post(CONFIGS, config("a")), await post(CONFIGS, config("b"))];
    const references = [a, b].flatMap((each) => (ownedBy(each) as { ownerReferences: object[] }).ownerReferences);
    await post(CONFIGS, config("child", { ownerReferences: references }));
    await api.call(`${CONFIGS}/a`, { method: "DELETE" });
    expect((await get(`${CONFIGS}/child`))!.metadata.ownerReferences).toEqual([references[1]]);
    await api.call(`${CONFIGS}/b`, { method: "DELETE" });
    expect(await exists("child")).toEqual([false]);
  });

  test("in the foreground the owner waits for those that hold it", async () => {
    const owner = await post(CONFIGS, config("owner"));
    const held = { finalizers: ["example.com/hold"] };
    await post(CONFIGS, config("child", { ...ownedBy(owner, { blockOwnerDeletion: true }), ...held }));
    const body = { propagationPolicy: "Foreground" };
    const answer = await api.call(`${CONFIGS}/owner`, { method: "DELETE", body });
    expect(answer.json).toMatchObject({ metadata: { finalizers: ["foregroundDeletion"] } });
    expect(await exists("owner", "child")).toEqual([true, true]);
    expect((await get(`${CONFIGS}/child`))!.metadata.deletionTimestamp).toBeDefined();
    await patch(`${CONFIGS}/child`, { metadata: { finalizers: null } });
    expect(await exists("owner", "child")).toEqual([false, false]);
  });

  test("orphans lose their owner and stay", async () => {
    const owner = await post(CONFIGS, config("owner"));
    await post(CONFIGS, config("child", ownedBy(owner)));
    await api.call(`${CONFIGS}/owner?propagationPolicy=Orphan`, { method: "DELETE" });
    expect(await exists("owner", "child")).toEqual([false, true]);
    expect((await get(`${CONFIGS}/child`))!.metadata.ownerReferences).toBeUndefined();
  });

  test("a policy that there is not", async () => {
    const { json } = await api.call(`${CONFIGS}/x?propagationPolicy=Odd`, { method: "DELETE" });
    expect(json).toMatchObject({ code: 400, message: expect.stringContaining('Unsupported value: "Odd"') });
  });
});

describe("finalizers", () => {
  test("hold an object that is deleted, and no more may come", async () => {
    await post(CONFIGS, config("a", { finalizers: ["example.com/one"] }));
    const { json } = await api.call(`${CONFIGS}/a`, { method: "DELETE" });
    expect(json).toMatchObject({ metadata: { deletionGracePeriodSeconds: 0 } });
    const body = { metadata: { finalizers: ["example.com/one", "example.com/two"] } };
    const refused = await api.call(`${CONFIGS}/a`, { method: "PATCH", body, type: MERGE });
    expect(refused.json["message"]).toContain(
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/two"}',
    );
    await patch(`${CONFIGS}/a`, { metadata: { finalizers: [] } });
    expect(await exists("a")).toEqual([false]);
  });
});

describe("namespaces", () => {
  test("tell what holds them up", async () => {
    await post("/api/v1/namespaces", { kind: "Namespace", metadata: { name: "n" } });
    const inside = "/api/v1/namespaces/n/configmaps";
    await post(inside, config("a", { finalizers: ["example.com/hold"] }));
    await api.call("/api/v1/namespaces/n", { method: "DELETE" });
    const namespace = await get("/api/v1/namespaces/n");
    const conditions = (namespace!["status"] as { conditions: { type: string; status: string; message: string }[] })
      .conditions;
    expect(conditions.map(({ type, status, message }) => [type, status, message])).toEqual([
      ["NamespaceDeletionDiscoveryFailure", "False", "All resources successfully discovered"],
      ["NamespaceDeletionGroupVersionParsingFailure", "False", "All legacy kube types successfully parsed"],
      ["NamespaceDeletionContentFailure", "False", "All content successfully deleted, may be waiting on finalization"],
      ["NamespaceContentRemaining", "True", "Some resources are remaining: configmaps. has 1 resource instances"],
      [
        "NamespaceFinalizersRemaining",
        "True",
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
      ],
    ]);
    await patch(`${inside}/a`, { metadata: { finalizers: null } });
    expect(await get("/api/v1/namespaces/n")).toBeUndefined();
  });

  test("go only when their own finalizers are gone too", async () => {
    await post("/api/v1/namespaces", { kind: "Namespace", metadata: { name: "n", finalizers: ["example.com/hold"] } });
    await api.call("/api/v1/namespaces/n", { method: "DELETE" });
    const namespace = await get("/api/v1/namespaces/n");
    expect(namespace).toMatchObject({ spec: { finalizers: [] }, status: { phase: "Terminating" } });
    await patch("/api/v1/namespaces/n", { metadata: { finalizers: null } });
    expect(await get("/api/v1/namespaces/n")).toBeUndefined();
  });

  test("have their account again when it is deleted", async () => {
    const before = await get(`${DEFAULT}/serviceaccounts/default`);
    await api.call(`${DEFAULT}/serviceaccounts/default`, { method: "DELETE" });
    const after = await get(`${DEFAULT}/serviceaccounts/default`);
    expect(after!.metadata.uid).not.toBe(before!.metadata.uid);
  });
});

describe("claims", () => {
  const CLAIMS = `${DEFAULT}/persistentvolumeclaims`;
  const VOLUMES = "/api/v1/persistentvolumes";
  const CLASSES = "/apis/storage.k8s.io/v1/storageclasses";
  const volume = (name: string, size: string, spec: object = {}): object => ({
    kind: "PersistentVolume",
    metadata: { name },
    spec: { accessModes: ["ReadWriteOnce"], capacity: { storage: size }, hostPath: { path: "/d" }, ...spec },
  });
  const claim = (name: string, size: string, spec: object = {}): object => ({
    kind: "PersistentVolumeClaim",
    metadata: { name },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: size } }, ...spec },
  });
  const user = (name: string, claimName: string): object => ({
    kind: "Pod",
    metadata: { name },
    spec: {
      containers: [{ name: "c", image: "a" }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName } }],
    },
  });
  const reasons = (name: string): unknown[] => {
    api.events.flush();
    const events = api.store.list("events").items as unknown as readonly {
      involvedObject: { name: string };
      reason: string;
    }[];
    return events.filter((event) => event.involvedObject.name === name).map(({ reason }) => reason);
  };

  test("get the smallest volume that is large enough", async () => {
    for (const [name, size] of Object.entries({ small: "1Gi", right: "2Gi", large: "3Gi" })) {
      await post(VOLUMES, volume(name, size));
    }
    await post(CLAIMS, claim("c", "1500Mi"));
    expect(await get(`${CLAIMS}/c`)).toMatchObject({
      metadata: {
        annotations: { "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" },
        finalizers: ["kubernetes.io/pvc-protection"],
      },
      spec: { volumeName: "right" },
      status: { phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "2Gi" } },
    });
    expect(await get(`${VOLUMES}/right`)).toMatchObject({
      spec: { claimRef: { kind: "PersistentVolumeClaim", namespace: "default", name: "c" } },
      status: { phase: "Bound" },
    });
    expect(await get(`${VOLUMES}/large`)).toMatchObject({ status: { phase: "Available" } });
  });

  test("wait, and say why, until a volume comes", async () => {
    await post(CLAIMS, claim("c", "1Gi"));
    expect(await get(`${CLAIMS}/c`)).toMatchObject({ status: { phase: "Pending" } });
    expect(reasons("c")).toEqual(["FailedBinding"]);
    await post(VOLUMES, volume("v", "1Gi"));
    expect(await get(`${CLAIMS}/c`)).toMatchObject({ status: { phase: "Bound" } });
  });

  test("of a class that waits are bound for the Pod that uses them", async () => {
    const late = { metadata: { name: "late" }, provisioner: "kubernetes.io/no-provisioner" };
    await post(CLASSES, { kind: "StorageClass", ...late, volumeBindingMode: "WaitForFirstConsumer" });
    await post(VOLUMES, volume("v", "1Gi", { storageClassName: "late" }));
    await post(CLAIMS, claim("c", "1Gi", { storageClassName: "late" }));
    expect(await get(`${CLAIMS}/c`)).toMatchObject({ status: { phase: "Pending" } });
    expect(reasons("c")).toEqual(["WaitForFirstConsumer"]);
    await post(`${DEFAULT}/pods`, user("p", "c"));
    expect(await get(`${CLAIMS}/c`)).toMatchObject({ status: { phase: "Bound" }, spec: { volumeName: "v" } });
  });

  test("that ask for a volume by name get that or none", async () => {
    await post(VOLUMES, volume("v", "1Gi"));
    await post(CLAIMS, claim("big", "2Gi", { volumeName: "v" }));
    expect(await get(`${CLAIMS}/big`)).toMatchObject({ status: { phase: "Pending" } });
    expect(reasons("big")).toEqual(["VolumeMismatch"]);
    await post(CLAIMS, claim("c", "1Gi", { volumeName: "v" }));
    expect(await get(`${CLAIMS}/c`)).toMatchObject({ status: { phase: "Bound" } });
  });

  test("a volume can be promised to a claim that is not there yet", async () => {
    await post(VOLUMES, volume("v", "1Gi", { claimRef: { namespace: "default", name: "mine" } }));
    await post(CLAIMS, claim("other", "1Gi"));
    expect(await get(`${CLAIMS}/other`)).toMatchObject({ status: { phase: "Pending" } });
    await post(CLAIMS, claim("mine", "1Gi"));
    expect(await get(`${CLAIMS}/mine`)).toMatchObject({ status: { phase: "Bound" } });
  });

  test("stay while a Pod uses them; their volume is released and kept", async () => {
    await post(VOLUMES, volume("v", "1Gi"));
    await post(CLAIMS, claim("c", "1Gi"));
    await post(`${DEFAULT}/pods`, user("p", "c"));
    await api.call(`${CLAIMS}/c`, { method: "DELETE" });
    expect((await get(`${CLAIMS}/c`))!.metadata.deletionTimestamp).toBeDefined();
    expect((await api.call(`${DEFAULT}/pods/p`, { method: "DELETE" })).code).toBe(200);
    expect(await get(`${CLAIMS}/c`)).toBeUndefined();
    expect(await get(`${VOLUMES}/v`)).toMatchObject({ status: { phase: "Released" } });
    // The data of the old claim is not handed to a new one.
    await post(CLAIMS, claim("c", "1Gi"));
    expect(await get(`${CLAIMS}/c`)).toMatchObject({ status: { phase: "Pending" } });
    await api.call(`${VOLUMES}/v`, { method: "DELETE" });
    expect(await get(`${VOLUMES}/v`)).toBeUndefined();
  });

  test("whose volume is taken away are lost", async () => {
    await post(VOLUMES, volume("v", "1Gi"));
    await post(CLAIMS, claim("c", "1Gi"));
    await api.call(`${VOLUMES}/v`, { method: "DELETE" });
    expect((await get(`${VOLUMES}/v`))!.metadata.deletionTimestamp).toBeDefined();
    await patch(`${VOLUMES}/v`, { metadata: { finalizers: null } });
    expect(await get(`${CLAIMS}/c`)).toMatchObject({ status: { phase: "Lost" } });
    expect(reasons("c")).toContain("ClaimLost");
  });

  test("without a class get the default one, also later", async () => {
    await post(CLAIMS, claim("early", "1Gi"));
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    const provisioner = "kubernetes.io/no-provisioner";
    await post(CLASSES, { kind: "StorageClass", metadata: { name: "usual", annotations }, provisioner });
    await post(CLAIMS, claim("c", "1Gi"));
    await post(CLAIMS, claim("none", "1Gi", { storageClassName: "" }));
    expect(await get(`${CLAIMS}/c`)).toMatchObject({ spec: { storageClassName: "usual" } });
    expect(await get(`${CLAIMS}/early`)).toMatchObject({ spec: { storageClassName: "usual" } });
    expect(await get(`${CLAIMS}/none`)).toMatchObject({ spec: { storageClassName: "" } });
  });
});
