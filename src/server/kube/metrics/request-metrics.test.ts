import { expect, test } from "vitest";

import { requestInfoOf } from "../request-info.ts";
import type { RequestRecord } from "../request-record.ts";
import { RequestMetrics } from "./request-metrics.ts";

function recordOf(method: string, path: string, rest: RequestRecord = {}): RequestRecord {
  return { method, info: requestInfoOf(method, new URL(path, "http://localhost"))!, isServed: true, ...rest };
}

const PODS = "/api/v1/namespaces/default/pods";

test.each([
  ["GET", `${PODS}/a`, {}, "GET resource"],
  ["GET", PODS, {}, "LIST namespace"],
  ["GET", "/api/v1/pods", {}, "LIST cluster"],
  ["GET", "/api/v1/pods?watch=1", {}, "WATCH cluster"],
  ["POST", PODS, {}, "POST resource"],
  ["PATCH", `${PODS}/a`, {}, "PATCH resource"],
  ["PATCH", `${PODS}/a`, { isApply: true }, "APPLY resource"],
  ["DELETE", PODS, {}, "DELETECOLLECTION namespace"],
  ["GET", `${PODS}/a/exec`, {}, "CONNECT resource"],
])("%s %s is counted as Kubernetes names it", (method, path, rest, expected) => {
  const metrics = new RequestMetrics();
  metrics.ended(recordOf(method, path, rest), 200, 0.03);
  const [{ labels, value }] = [...metrics.totals()] as [{ labels: Record<string, string>; value: number }];
  expect(`${labels["verb"]} ${labels["scope"]}`).toBe(expected);
  expect(labels).toMatchObject({ code: 200, group: "", version: "v1", resource: "pods", component: "apiserver" });
  expect(value).toBe(1);
  expect([...metrics.durations()][0]).toMatchObject({ counts: expect.arrayContaining([1]), sum: 0.03, count: 1 });
});

test("whatever clients ask for, the number of series is bounded, and nothing is lost", () => {
  const metrics = new RequestMetrics();
  for (let i = 0; i < 3_000; i++) {
    metrics.ended(recordOf("GET", `/apis/g${i}/v1/things`), 404, 1);
    metrics.ended(recordOf("GET", `/apis/g${i}/v1/things`, { isServed: false }), 404, 1);
  }
  const totals = [...metrics.totals()];
  expect(totals.length).toBeLessThanOrEqual(1_001);
  expect(totals.reduce((sum, { value }) => sum + value, 0)).toBe(6_000);
});

test("what is under way goes up and down again", () => {
  const metrics = new RequestMetrics();
  const open = [
    metrics.begin(recordOf("POST", PODS)),
    metrics.begin(recordOf("GET", PODS)),
    metrics.begin(recordOf("GET", `${PODS}?watch=1`, { isLongRunning: true })),
  ];
  expect([...metrics.inFlight()].map(({ value }) => value)).toEqual([1, 1]);
  expect([...metrics.longRunning()]).toMatchObject([{ labels: { verb: "WATCH", resource: "pods" }, value: 1 }]);
  for (const each of open) each[Symbol.dispose]();
  expect([...metrics.inFlight()].map(({ value }) => value)).toEqual([0, 0]);
  expect([...metrics.longRunning()]).toEqual([]);
});
