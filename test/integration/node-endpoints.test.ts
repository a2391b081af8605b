/** What tools read of the node itself: its Lease, and the kubelet's endpoints behind nodes/NAME/proxy. */
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import type { PodStats } from "../../src/engine/engine.ts";
import { startTestApi, type TestApi } from "../fixtures/api-server.ts";
import { parseExposition } from "../fixtures/exposition.ts";

let api: TestApi;
let looks: number;
beforeEach(async () => {
  looks = 0;
  api = await startTestApi({ stats: async () => statsOf(api.store.list("pods").items as readonly Pod[]) });
  const metadata = { name: "node-a", uid: "node-uid" };
  api.store.create("nodes", { apiVersion: "v1", kind: "Node", metadata });
  const body = { metadata: { name: "mine" }, spec: { containers: [{ name: "c", image: "i:1" }] } };
  expect((await api.call("/api/v1/namespaces/default/pods", { method: "POST", body })).code).toBe(201);
  // From a time when the node had another name.
  const mine = api.store.get({ resource: "pods", namespace: "default", name: "mine" }) as Pod;
  const { resourceVersion: _, ...rest } = mine.metadata;
  api.store.create("pods", {
    ...mine,
    metadata: { ...rest, name: "other" },
    spec: { ...mine.spec!, nodeName: "node-b" },
  });
});
afterEach(async () => api[Symbol.asyncDispose]());

const STARTED_MS = Date.now();

/** A tenth of a core between two looks, however long they are apart on a busy machine. */
function statsOf(pods: readonly Pod[]): readonly PodStats[] {
  const atMs = STARTED_MS + looks * 300;
  const cpuUsageNs = 5e9 + looks++ * 30e6;
  const stats = {
    cpuUsageNs,
    memoryUsageBytes: 3e6,
    memoryWorkingSetBytes: 2e6,
    memoryRssBytes: 1e6,
    oomKills: 2,
    pids: 4,
  };
  return pods
    .filter(({ metadata }) => metadata.name === "mine")
    .map((pod) => ({ pod, containers: [{ name: "c", atMs, stats }] }));
}

const LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const proxied = (path: string) => api.call(`/api/v1/nodes/node-a/proxy/${path}`);

test("the node's Lease is there and fresh for whoever reads it, and nothing writes it otherwise", async () => {
  const before = api.store.version();
  const { code, json } = await api.call(`${LEASES}/node-a`);
  expect(code).toBe(200);
  expect(json).toMatchObject({
    metadata: {
      namespace: "kube-node-lease",
      ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "node-a", uid: "node-uid" }],
    },
    spec: { holderIdentity: "node-a", leaseDurationSeconds: 40 },
  });
  const { renewTime } = json["spec"] as { renewTime: string };
  expect(renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  expect(Math.abs(Date.now() - Date.parse(renewTime))).toBeLessThan(10_000);
  // Within ten seconds nothing is written again.
  await api.call(LEASES);
  expect(Number(api.store.version())).toBe(Number(before) + 1);
  const stored = api.store.get({
    resource: "leases.coordination.k8s.io",
    namespace: "kube-node-lease",
    name: "node-a",
  })!;
  const stale = {
    ...stored,
    spec: { ...(stored["spec" as never] as object), renewTime: "2020-01-01T00:00:00.000000Z" },
  };
  api.store.update("leases.coordination.k8s.io", stale);
  const { json: list } = await api.call("/apis/coordination.k8s.io/v1/leases");
  expect(JSON.stringify(list)).not.toContain("2020");
  await api.call(`${LEASES}/node-a`, { method: "DELETE" });
  expect((await api.call(`${LEASES}/node-a`)).code).toBe(200);
  expect((await api.call(`${LEASES}/node-b`)).code).toBe(404);
});

test("the Pods of this node, its health, and what only a kubelet has", async () => {
  const { json } = await proxied("pods");
  expect(json).toMatchObject({ kind: "PodList", apiVersion: "v1", items: [{ metadata: { name: "mine" } }] });
  expect((await proxied("healthz")).text).toBe("ok");
  expect((await api.call("/api/v1/nodes/https:node-a:10250/proxy/healthz")).text).toBe("ok");
  expect((await proxied("configz")).code).toBe(404);
  expect((await proxied("constructor")).code).toBe(404);
  expect((await api.call("/api/v1/nodes/node-b/proxy/pods")).json).toMatchObject({
    message: 'nodes "node-b" not found',
  });
  expect((await api.call("/api/v1/nodes/node-a/proxy/pods", { method: "POST" })).code).toBe(405);
  const { json: discovery } = await api.call("/api/v1");
  expect(discovery["resources"]).toContainEqual(
    expect.objectContaining({ name: "nodes/proxy", kind: "NodeProxyOptions", namespaced: false }),
  );
});

test("/stats/summary", async () => {
  const { json } = await proxied("stats/summary");
  expect(json).toMatchObject({
    node: { nodeName: "node-a", fs: { capacityBytes: expect.any(Number) as number } },
    pods: [
      {
        podRef: { name: "mine", namespace: "default" },
        containers: [{ name: "c", memory: { usageBytes: 3e6, workingSetBytes: 2e6, rssBytes: 1e6 } }],
        memory: { workingSetBytes: 2e6 },
        process_stats: { process_count: 4 },
      },
    ],
  });
  const [pod] = json["pods"] as [{ cpu: { usageNanoCores: number; usageCoreNanoSeconds: number } }];
  expect(pod.cpu.usageCoreNanoSeconds).toBe(5e9 + 30e6);
  expect(pod.cpu.usageNanoCores).toBe(100e6);
});

test("/metrics, /metrics/resource and /metrics/cadvisor", async () => {
  const [kubelet, resource, cadvisor] = await Promise.all(
    ["metrics", "metrics/resource", "metrics/cadvisor"].map(async (path) =>
      parseExposition((await proxied(path)).text),
    ),
  );
  expect(kubelet!.get('kubelet_node_name{node="node-a"}')).toBe(1);
  const labels = 'container="c",namespace="default",pod="mine"';
  expect(resource!.get(`container_cpu_usage_seconds_total{${labels}}`)).toBeCloseTo(5, 0);
  expect(resource!.get('pod_memory_working_set_bytes{namespace="default",pod="mine"}')).toBe(2e6);
  expect(resource!.get("node_memory_working_set_bytes")).toBeGreaterThan(1e6);
  expect(resource!.get("resource_scrape_error")).toBe(0);
  expect(cadvisor!.get(`container_memory_working_set_bytes{${labels},id="",name="",image=""}`)).toBe(2e6);
  expect(cadvisor!.get(`container_oom_events_total{${labels},id="",name="",image=""}`)).toBe(2);
  expect(cadvisor!.get("machine_cpu_cores")).toBeGreaterThan(0);
  expect([...cadvisor!.keys()].some((series) => series.startsWith("container_memory_cache"))).toBe(false);
});
