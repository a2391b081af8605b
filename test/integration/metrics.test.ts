/** `/metrics`: read by a strict reader, after requests of all sorts. */
import { afterEach, beforeEach, expect, test } from "vitest";

import { startTestApi, type TestApi } from "../fixtures/api-server.ts";
import { parseExposition } from "../fixtures/exposition.ts";

let api: TestApi;
beforeEach(
  async () => void (api = await startTestApi({ audit: { write: () => {}, counts: { written: 7, lost: 2 } } })),
);
afterEach(async () => api[Symbol.asyncDispose]());

const PODS = "/api/v1/namespaces/default/pods";

test("requests, watches, objects, Pods, the audit log and the process", async () => {
  const pod = (name: string): object => ({ metadata: { name }, spec: { containers: [{ name: "c", image: "i" }] } });
  for (const name of ["a", "b"]) await api.call(PODS, { method: "POST", body: pod(name) });
  await api.call(PODS, { method: "POST", body: pod("a") });
  await api.call("/api/v1/things/x");
  const stored = api.store.get({ resource: "pods", namespace: "default", name: "a" })!;
  const state = { running: { startedAt: "2026-01-01T00:00:00Z" } };
  const status = { phase: "Running", containerStatuses: [{ name: "c", state, restartCount: 0 }] };
  api.store.update("pods", { ...stored, status });
  const watch = await api.open("/api/v1/pods?watch=true");
  const { text, headers, code } = await api.call("/metrics");
  watch.destroy();
  expect(code).toBe(200);
  expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  const page = parseExposition(text);
  const labels = (verb: string, scope: string): string =>
    `component="apiserver",verb="${verb}",group="",version="v1",resource="pods",subresource="",scope="${scope}"`;
  const created = `${labels("POST", "resource")},dry_run=""`;
  expect(page.get(`apiserver_request_total{code="201",${created}}`)).toBe(2);
  expect(page.get(`apiserver_request_total{code="409",${created}}`)).toBe(1);
  expect(page.get(`apiserver_request_duration_seconds_bucket{${created},le="+Inf"}`)).toBe(3);
  expect(page.get(`apiserver_longrunning_requests{${labels("WATCH", "cluster")}}`)).toBe(1);
  expect([...page.keys()].filter((series) => series.includes("things"))).toEqual([]);
  expect(page.get('apiserver_current_inflight_requests{request_kind="readOnly"}')).toBe(1);
  expect(page.get('apiserver_storage_objects{resource="pods"}')).toBe(2);
  expect(page.get("apiserver_audit_event_total")).toBe(7);
  expect(page.get('apiserver_audit_error_total{plugin="log"}')).toBe(2);
  expect(page.get("kubelet_running_pods")).toBe(1);
  expect(page.get('kubelet_running_containers{container_state="running"}')).toBe(1);
  expect(page.get("process_resident_memory_bytes")).toBeGreaterThan(1e7);
  expect(page.get("process_open_fds")).toBeGreaterThan(3);
  expect(page.get("process_start_time_seconds")).toBeGreaterThan(1.7e9);
});

test("is for those whom a role lets read it", async () => {
  const as = (user: string, ...groups: string[]) => ({
    headers: { "impersonate-user": user, ...(groups.length > 0 ? { "impersonate-group": groups } : {}) },
  });
  expect(await api.call("/metrics", as("jane"))).toMatchObject({
    code: 403,
    json: { message: 'forbidden: User "jane" cannot get path "/metrics"' },
  });
  expect((await api.call("/metrics", as("prometheus", "system:monitoring"))).code).toBe(200);
});
