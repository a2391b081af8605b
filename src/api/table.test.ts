import { describe, expect, test } from "vitest";
import { humanDuration } from "./human-duration.ts";
import type { KubeObject } from "./object.ts";
import { tableOf } from "./table.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

/** A Pod with this status, containers `a` and `b`, and init containers that are given. */
const pod = (status: object, { init = [] as object[], metadata = {}, spec = {} } = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "x", creationTimestamp: ago(200), ...metadata },
  spec: { containers: [{ name: "a" }, { name: "b" }], initContainers: init, ...spec },
  status,
});
const cells = (object: KubeObject) => tableOf(object.kind, [object], { now: NOW }).rows[0]!.cells;

const ok = (name: string, restartCount = 0): object => ({
  name,
  ready: true,
  started: true,
  restartCount,
  state: { running: {} },
});
const waiting = (name: string, reason: string): object => ({
  name,
  ready: false,
  restartCount: 0,
  state: { waiting: { reason } },
});
const ended = (name: string, exitCode: number, reason = "", more: object = {}): object => ({
  name,
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode, reason, ...more } },
});
const READY = [{ type: "Ready", status: "True" }];
const running = { phase: "Running" };
const pending = { phase: "Pending" };
const init = [{ name: "i" }, { name: "j" }];
const sidecar = [{ name: "i", restartPolicy: "Always" }];
const deleted = { deletionTimestamp: ago(0) };

describe("a Pod's READY, STATUS and RESTARTS", () => {
  test.each([
    ["new", pod({}), ["0/2", "", "0"]],
    ["pending", pod(pending), ["0/2", "Pending", "0"]],
    [
      "creating",
      pod({ ...pending, containerStatuses: [waiting("a", "ContainerCreating"), waiting("b", "ContainerCreating")] }),
      ["0/2", "ContainerCreating", "0"],
    ],
    ["running", pod({ ...running, containerStatuses: [ok("a"), ok("b")] }), ["2/2", "Running", "0"]],
    [
      "the first container's reason wins",
      pod({ ...running, containerStatuses: [waiting("a", "ErrImagePull"), waiting("b", "CrashLoopBackOff")] }),
      ["0/2", "ErrImagePull", "0"],
    ],
    [
      "one done, Pod ready",
      pod({ ...running, conditions: READY, containerStatuses: [ended("a", 0, "Completed"), ok("b")] }),
      ["1/2", "Running", "0"],
    ],
    [
      "one done, Pod not ready",
      pod({ ...running, containerStatuses: [ended("a", 0, "Completed"), ok("b")] }),
      ["1/2", "NotReady", "0"],
    ],
    [
      "one done, one failed",
      pod({ phase: "Failed", containerStatuses: [ended("a", 0, "Completed"), ended("b", 1, "Error")] }),
      ["0/2", "Error", "0"],
    ],
    [
      "done",
      pod({ phase: "Succeeded", containerStatuses: [ended("a", 0, "Completed"), ended("b", 0, "Completed")] }),
      ["0/2", "Completed", "0"],
    ],
    [
      "exit code without a reason",
      pod({ phase: "Failed", containerStatuses: [ended("a", 3)] }),
      ["0/2", "ExitCode:3", "0"],
    ],
    [
      "signal without a reason",
      pod({ phase: "Failed", containerStatuses: [ended("a", 137, "", { signal: 9 })] }),
      ["0/2", "Signal:9", "0"],
    ],
    ["reason of the Pod", pod({ phase: "Failed", reason: "Evicted" }), ["0/2", "Evicted", "0"]],
    [
      "gated",
      pod({ ...pending, conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] }),
      ["0/2", "SchedulingGated", "0"],
    ],
    [
      "init waiting",
      pod({ ...pending, initContainerStatuses: [waiting("i", "PodInitializing")] }, { init }),
      ["0/2", "Init:0/2", "0"],
    ],
    [
      "init second",
      pod({ ...pending, initContainerStatuses: [ended("i", 0, "Completed"), ok("j")] }, { init }),
      ["0/2", "Init:1/2", "0"],
    ],
    [
      "init failed",
      pod({ ...pending, initContainerStatuses: [ended("i", 1, "Error")] }, { init }),
      ["0/2", "Init:Error", "0"],
    ],
    [
      "init exit code",
      pod({ ...pending, initContainerStatuses: [ended("i", 2)] }, { init }),
      ["0/2", "Init:ExitCode:2", "0"],
    ],
    [
      "init backs off",
      pod({ ...pending, initContainerStatuses: [waiting("i", "CrashLoopBackOff")] }, { init }),
      ["0/2", "Init:CrashLoopBackOff", "0"],
    ],
    [
      "after init",
      pod(
        { ...running, initContainerStatuses: [ended("i", 0, "Completed")], containerStatuses: [ok("a", 1), ok("b")] },
        { init },
      ),
      ["2/2", "Running", "1"],
    ],
    [
      "sidecar",
      pod(
        { ...running, initContainerStatuses: [ok("i", 2)], containerStatuses: [ok("a"), ok("b")] },
        { init: sidecar },
      ),
      ["3/3", "Running", "2"],
    ],
    [
      "terminating",
      pod({ ...running, containerStatuses: [ok("a"), ok("b")] }, { metadata: deleted }),
      ["2/2", "Terminating", "0"],
    ],
    [
      "deleted when done",
      pod({ phase: "Succeeded", containerStatuses: [ended("a", 0, "Completed")] }, { metadata: deleted }),
      ["0/2", "Completed", "0"],
    ],
    ["node lost", pod({ ...running, reason: "NodeLost" }, { metadata: deleted }), ["0/2", "Unknown", "0"]],
  ])("%s", (_name, object, expected) => expect(cells(object).slice(1, 4)).toEqual(expected));

  test("restarts tell when the last one was", () => {
    const restarted = (name: string, seconds: number): object => ({
      ...ok(name, 1),
      lastState: { terminated: { exitCode: 1, finishedAt: ago(seconds) } },
    });
    const object = pod({ ...running, containerStatuses: [restarted("a", 12), restarted("b", 300)] });
    expect(cells(object)[3]).toBe("2 (12s ago)");
  });

  test("age and wide columns", () => {
    expect(cells(pod(pending)).slice(4)).toEqual(["3m20s", "<none>", "<none>", "<none>", "<none>"]);
    const spec = { nodeName: "n", readinessGates: [{ conditionType: "A" }, { conditionType: "B" }] };
    const status = { ...running, podIPs: [{ ip: "10.0.0.1" }], conditions: [{ type: "A", status: "True" }] };
    expect(cells(pod(status, { spec })).slice(5)).toEqual(["10.0.0.1", "n", "<none>", "1/2"]);
  });
});

test("other kinds", () => {
  const metadata = { name: "x", creationTimestamp: ago(3600) };
  const object = (kind: string, fields: object): KubeObject => ({ apiVersion: "v1", kind, metadata, ...fields });
  expect(cells(object("ConfigMap", { data: { a: "1" }, binaryData: { b: "" } }))).toEqual(["x", 2, "60m"]);
  expect(cells(object("Secret", { type: "Opaque", data: { a: "" } }))).toEqual(["x", "Opaque", 1, "60m"]);
  expect(cells(object("Namespace", { status: { phase: "Active" } }))).toEqual(["x", "Active", "60m"]);
  const status = {
    conditions: [{ type: "Ready", status: "True" }],
    addresses: [{ type: "InternalIP", address: "10.0.0.2" }],
    nodeInfo: { kubeletVersion: "v1", kernelVersion: "6.1", architecture: "amd64", osImage: "Debian" },
  };
  expect(cells(object("Node", { status, spec: { unschedulable: true } }))).toEqual([
    "x",
    "Ready,SchedulingDisabled",
    "<none>",
    "60m",
    "v1",
    "10.0.0.2",
    "<none>",
    "Debian",
    "6.1 (amd64)",
    "<unknown>",
  ]);
  const event = {
    involvedObject: { kind: "Pod", name: "p", fieldPath: "spec.containers{a}" },
    type: "Normal",
    reason: "Started",
    message: "Container started\n",
    source: { component: "minke", host: "n" },
    firstTimestamp: ago(90),
    lastTimestamp: ago(5),
    count: 3,
  };
  expect(cells(object("Event", event))).toEqual([
    "5s",
    "Normal",
    "Started",
    "pod/p",
    "spec.containers{a}",
    "minke, n",
    "Container started",
    "90s",
    3,
    "x",
  ]);
});

test("rows carry what the client asked for", () => {
  const object = pod({ phase: "Succeeded" });
  const row = (includeObject: "None" | "Metadata" | "Object") =>
    tableOf("Pod", [object], { now: NOW, includeObject }).rows[0]!;
  expect(row("None").object).toBeUndefined();
  expect(row("Object").object).toBe(object);
  expect(row("Metadata").object).toEqual({
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: object.metadata,
  });
  expect(row("None").conditions).toEqual([{ type: "Completed", status: "True", reason: "Succeeded" }]);
  const table = tableOf("Pod", [], { now: NOW, metadata: { resourceVersion: "7" } });
  expect(table).toMatchObject({
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: "7" },
    rows: [],
  });
  expect(table.columnDefinitions!.map(({ name, priority }) => `${name}:${priority}`)).toEqual([
    "Name:0",
    "Ready:0",
    "Status:0",
    "Restarts:0",
    "Age:0",
    "IP:1",
    "Node:1",
    "Nominated Node:1",
    "Readiness Gates:1",
  ]);
});

test.each([
  [-2, "<invalid>"],
  [-1, "0s"],
  [119, "119s"],
  [120, "2m"],
  [599, "9m59s"],
  [600, "10m"],
  [10_799, "179m"],
  [10_800, "3h"],
  [20_000, "5h33m"],
  [100_000, "27h"],
  [200_000, "2d7h"],
  [700_000, "8d"],
  [63_072_000, "2y"],
  [100_000_000, "3y62d"],
  [300_000_000, "9y"],
])("humanDuration of %i s is %s", (seconds, text) => expect(humanDuration(seconds * 1000)).toBe(text));
