import { describe, expect, test } from "vitest";

import type { Container as Spec, Pod, PodSpec } from "../api/gen/types.ts";
import type { Container, ContainerState, Sandbox } from "../runtime/runtime.ts";
import { CONTAINER_HASH, CONTAINER_NAME, containerHash } from "./labels.ts";
import type { Observation } from "./observe.ts";
import type { Facts } from "./plan-input.ts";
import { containerLimits, podResources } from "./resources.ts";
import { plan } from "./plan.ts";

const NOW = 1_000_000_000_000;
const WEB: Spec = { name: "web", image: "a" };
const INIT: Spec = { name: "init", image: "a" };
const RUNNING: ContainerState = { phase: "running", pid: 1, startedMs: NOW };

const exited = (exitCode: number): ContainerState => ({
  phase: "exited",
  exitCode,
  reason: exitCode === 0 ? "Completed" : "Error",
  message: "",
  startedMs: NOW,
  finishedMs: NOW,
});

function pod(spec: Partial<PodSpec> = {}, rest: Partial<Pod> = {}): Pod {
  const metadata = { name: "p", namespace: "d", uid: "u", ...rest.metadata };
  return { ...rest, apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [WEB], ...spec } };
}

function sandbox(attempt = 0, state: Sandbox["state"] = "ready", ips = ["10.0.0.1"]): Sandbox {
  const config = { metadata: { attempt }, namespaces: { network: "pod" }, resources: { cpuShares: 2 } };
  return { id: `s${attempt}`, state, ips, config } as unknown as Sandbox;
}

function container(spec: Spec, state: ContainerState, attempt = 0, sandboxId = "s0"): Container {
  return {
    id: `${spec.name}-${attempt}`,
    sandboxId,
    state,
    createdMs: NOW + attempt,
    config: {
      metadata: { name: spec.name, attempt },
      labels: { [CONTAINER_NAME]: spec.name },
      annotations: { [CONTAINER_HASH]: containerHash(spec) },
      resources: containerLimits(spec),
    },
  } as unknown as Container;
}

const FACTS: Facts = {
  volumesReady: true,
  volumesHeld: true,
  refreshAtMs: Infinity,
  released: false,
  images: new Set(),
  busy: new Set(),
  retryAt: new Map(),
  backoffUntil: new Map(),
  replacing: new Set(),
  killAtMs: NOW + 30_000,
  nextAttempt: new Map(),
};

/** The plan in short: `RunContainer web 0`. */
function planned(subject: Pod | undefined, observed: Partial<Observation>, facts: Partial<Facts> = {}): string[] {
  return plan({
    pod: subject,
    observed: { sandboxes: [], containers: [], ...observed },
    facts: { ...FACTS, ...facts },
    now: NOW,
  }).map((action) => {
    switch (action.type) {
      case "RunContainer":
        return `Run ${action.name} ${action.attempt}`;
      case "StopContainer":
        return `Stop ${action.id} ${action.reason}`;
      case "WaitUntil":
        return `WaitUntil +${action.atMs - NOW}`;
      case "RunSandbox":
        return `RunSandbox ${action.attempt}`;
      case "EnsureImage":
        return `EnsureImage ${action.name}`;
      case "RemoveContainer":
      case "StopSandbox":
      case "RemoveSandbox":
        return `${action.type} ${action.id}`;
      default:
        return action.type;
    }
  });
}

const s0 = { sandboxes: [sandbox()] };
const deleted = { metadata: { deletionTimestamp: "2001-09-09T01:46:40Z" } };

describe("starting", () => {
  test.each<[string, Pod, Partial<Observation>, Partial<Facts>, string[]]>([
    [
      "volumes, image and sandbox side by side",
      pod(),
      {},
      { volumesReady: false },
      ["PrepareVolumes", "EnsureImage web", "RunSandbox 0"],
    ],
    [
      "only the first init container's image",
      pod({ initContainers: [INIT] }),
      {},
      {},
      ["EnsureImage init", "RunSandbox 0"],
    ],
    ["nothing twice", pod(), {}, { busy: new Set(["sandbox", "image/web"]) }, []],
    [
      "a failed step waits",
      pod(),
      {},
      { images: new Set(["web"]), retryAt: new Map([["sandbox", NOW + 5]]) },
      ["WaitUntil +5"],
    ],
    ["all regular containers at once", pod({ containers: [WEB, { name: "b" }] }), s0, {}, ["Run web 0", "Run b 0"]],
    ["not before the volumes", pod(), s0, { volumesReady: false }, ["PrepareVolumes"]],
    [
      "one that was killed before it ran goes first, and counts for nothing",
      pod({ restartPolicy: "Never" }),
      { ...s0, containers: [container(WEB, { ...(exited(137) as object), startedMs: 0 } as ContainerState)] },
      {},
      ["RemoveContainer web-0"],
    ],
    ["not before its image", pod(), s0, { busy: new Set(["image/web"]) }, []],
    ["the count goes on", pod(), s0, { nextAttempt: new Map([["web", 4]]) }, ["Run web 4"]],
    ["in sync", pod(), { ...s0, containers: [container(WEB, RUNNING)] }, {}, []],
    [
      "half-made is taken away",
      pod(),
      { ...s0, containers: [container(WEB, { phase: "created" })] },
      {},
      ["RemoveContainer web-0"],
    ],
  ])("%s", (_name, subject, observed, facts, expected) => {
    expect(planned(subject, observed, facts)).toEqual(expected);
  });
});

describe("init containers", () => {
  const inits = [INIT, { name: "two", image: "a" }];
  test.each<[string, Container[], string, string[]]>([
    ["the first", [], "Always", ["Run init 0"]],
    ["waits for the first", [container(INIT, RUNNING)], "Always", []],
    ["the next", [container(INIT, exited(0))], "Always", ["Run two 0"]],
    ["again after a failure", [container(INIT, exited(1))], "OnFailure", ["Run init 1"]],
    ["over after a failure with Never", [container(INIT, exited(1))], "Never", ["StopSandbox s0", "ReleaseVolumes"]],
    ["done", [container(INIT, exited(0)), container(inits[1]!, exited(0))], "Always", ["Run web 0"]],
    ["done once a regular one exists", [container(WEB, RUNNING)], "Always", []],
    [
      "all again in a new sandbox",
      [container(INIT, exited(0), 0, "old"), container(WEB, exited(1), 0, "old")],
      "Always",
      ["Run init 1"],
    ],
  ])("%s", (_name, containers, restartPolicy, expected) => {
    expect(planned(pod({ initContainers: inits, restartPolicy }), { ...s0, containers })).toEqual(expected);
  });
});

describe("refreshing what volumes show", () => {
  const projected = { volumes: [{ name: "v", projected: { sources: [] } }] };
  const live = { ...s0, containers: [container(WEB, RUNNING)] };
  test.each<[string, Pod, Partial<Observation>, Partial<Facts>, string[]]>([
    ["when it is due", pod(projected), live, { refreshAtMs: NOW }, ["RefreshVolumes"]],
    ["not before", pod(projected), live, { refreshAtMs: NOW + 5 }, ["WaitUntil +5"]],
    ["never, when time does not age it", pod(projected), live, {}, []],
    ["only where something is shown", pod({ volumes: [{ name: "v", emptyDir: {} }] }), live, { refreshAtMs: 0 }, []],
    ["once at a time", pod(projected), live, { refreshAtMs: 0, busy: new Set(["volumes"]) }, []],
    [
      "later, when it has failed",
      pod(projected),
      live,
      { refreshAtMs: 0, retryAt: new Map([["volumes", NOW + 7]]) },
      ["WaitUntil +7"],
    ],
    [
      "not for the dead",
      pod({ ...projected, restartPolicy: "Never" }),
      { ...s0, containers: [container(WEB, exited(0))] },
      { refreshAtMs: 0, volumesHeld: false },
      ["StopSandbox s0"],
    ],
  ])("%s", (_, subject, observed, facts, expected) => {
    expect(planned(subject, observed, facts)).toEqual(expected);
  });
});

describe("restarting", () => {
  test.each<[string, number, Partial<Facts>, string[]]>([
    ["Always", 0, {}, ["Run web 1"]],
    ["OnFailure", 1, {}, ["Run web 1"]],
    ["OnFailure", 0, {}, ["StopSandbox s0", "ReleaseVolumes"]],
    ["Never", 1, {}, ["StopSandbox s0", "ReleaseVolumes"]],
    ["Never", 1, { replacing: new Set(["web"]) }, ["Run web 1"]],
    ["Always", 1, { backoffUntil: new Map([["web", NOW + 10_000]]) }, ["WaitUntil +10000"]],
    ["Always", 1, { busy: new Set(["run/web"]) }, []],
  ])("%s after exit code %i", (restartPolicy, exitCode, facts, expected) => {
    const containers = [container(WEB, exited(exitCode))];
    expect(planned(pod({ restartPolicy }), { ...s0, containers }, facts)).toEqual(expected);
  });

  test("a changed definition stops what runs", () => {
    const containers = [container({ ...WEB, image: "old" }, RUNNING)];
    expect(planned(pod({ restartPolicy: "Never" }), { ...s0, containers })).toEqual(["Stop web-0 changed"]);
  });

  test("one dead container per name is kept, and none goes before its successor runs", () => {
    const dead = [container(WEB, exited(1), 1), container(WEB, exited(1), 0)];
    const running = { ...s0, containers: [container(WEB, RUNNING, 2), ...dead] };
    expect(planned(pod(), running)).toEqual(["RemoveContainer web-0"]);
    expect(planned(pod(), { ...s0, containers: dead }, { busy: new Set(["run/web"]) })).toEqual([]);
  });
});

describe("a lost sandbox", () => {
  const lost = sandbox(0, "notready", []);
  test.each<[string, Sandbox[], Container[], string, string[]]>([
    ["stops what runs in it", [lost], [container(WEB, RUNNING)], "Always", ["Stop web-0 sandbox"]],
    ["is made again", [lost], [container(WEB, exited(255))], "Always", ["EnsureImage web", "RunSandbox 1"]],
    ["without an address is stopped first", [sandbox(0, "ready", [])], [], "Always", ["StopSandbox s0"]],
    ["is not made again for Never", [lost], [container(WEB, exited(255))], "Never", ["ReleaseVolumes"]],
    ["is not made again for what is done", [lost], [container(WEB, exited(0))], "OnFailure", ["ReleaseVolumes"]],
    [
      "goes when nothing in it is told any more",
      [sandbox(1), lost],
      [container(WEB, RUNNING, 0, "s1")],
      "Always",
      ["RemoveSandbox s0"],
    ],
  ])("%s", (_name, sandboxes, containers, restartPolicy, expected) => {
    expect(planned(pod({ restartPolicy }), { sandboxes, containers })).toEqual(expected);
  });
});

describe("ending", () => {
  const gone = { sandboxes: [sandbox(0, "notready")] };
  test.each<[string, Pod | undefined, Partial<Observation>, Partial<Facts>, string[]]>([
    ["stops what runs", pod({}, deleted), { ...s0, containers: [container(WEB, RUNNING)] }, {}, ["Stop web-0 delete"]],
    ["waits for what starts", pod({}, deleted), s0, { busy: new Set(["run/web"]) }, []],
    ["then the sandbox", pod({}, deleted), { ...s0, containers: [container(WEB, exited(0))] }, {}, ["StopSandbox s0"]],
    ["then its record", pod({}, deleted), gone, {}, ["RemoveSandbox s0"]],
    ["then files", pod({}, deleted), {}, {}, ["ReleasePod"]],
    ["then the object", pod({}, deleted), {}, { released: true }, ["DeletePodObject"]],
    [
      "unless a finalizer holds it",
      pod({}, { metadata: { ...deleted.metadata, finalizers: ["x"] } }),
      {},
      { released: true },
      [],
    ],
    ["an orphan", undefined, { ...s0, containers: [container(WEB, RUNNING)] }, {}, ["Stop web-0 orphan"]],
    ["an orphan that is gone", undefined, {}, { released: true }, []],
    [
      "a finished Pod keeps its records",
      pod({}, { status: { phase: "Failed" } }),
      { ...gone, containers: [container(WEB, exited(1))] },
      { volumesHeld: false },
      [],
    ],
    [
      "a deadline to come",
      pod({ activeDeadlineSeconds: 5 }, { status: { startTime: new Date(NOW).toISOString() } }),
      { ...s0, containers: [container(WEB, RUNNING)] },
      {},
      ["WaitUntil +5000"],
    ],
    [
      "a deadline passed",
      pod({ activeDeadlineSeconds: 5 }, { status: { startTime: new Date(NOW - 5000).toISOString() } }),
      { ...s0, containers: [container(WEB, RUNNING)] },
      {},
      ["Stop web-0 deadline"],
    ],
  ])("%s", (_name, subject, observed, facts, expected) => {
    expect(planned(subject, observed, facts)).toEqual(expected);
  });
});

describe("ephemeral containers", () => {
  const LOOK: Spec = { name: "look", image: "a" };
  const run = { type: "RunContainer", name: "look", kind: "ephemeral", sandboxId: "s0", attempt: 0 };
  const planFor = (spec: Partial<PodSpec>, containers: readonly Container[], rest: Partial<Pod> = {}) =>
    plan({
      pod: pod({ ephemeralContainers: [LOOK], ...spec }, rest),
      observed: { sandboxes: [sandbox()], containers },
      facts: FACTS,
      now: NOW,
    });

  test("one starts beside what runs, and before init containers that fail", () => {
    expect(planFor({}, [container(WEB, RUNNING)])).toEqual([run]);
    const failing = planFor({ initContainers: [INIT] }, [container(INIT, exited(1))]);
    expect(failing[0]).toEqual(run);
    expect(failing).toContainEqual(expect.objectContaining({ type: "RunContainer", name: "init" }));
  });

  test("it starts once, whatever the restart policy and its exit code", () => {
    expect(planFor({}, [container(WEB, RUNNING), container(LOOK, exited(1))])).toEqual([]);
    const told = { ephemeralContainerStatuses: [{ name: "look", containerID: "minke://x", ready: false }] };
    expect(planFor({}, [container(WEB, RUNNING)], { status: told as unknown as NonNullable<Pod["status"]> })).toEqual(
      [],
    );
  });

  test("it does not hold the Pod open: it ends with the last of the others", () => {
    const over = [container(WEB, exited(0)), container(LOOK, RUNNING)];
    expect(planFor({ restartPolicy: "Never" }, over)).toEqual([
      { type: "StopContainer", id: "look-0", name: "look", reason: "finished" },
    ]);
    expect(planFor({ restartPolicy: "Never" }, [container(WEB, exited(0))])).not.toContainEqual(run);
  });
});

describe("resize", () => {
  const SMALL = { limits: { cpu: "1" } };
  const planFor = (rest: Partial<Spec>) => {
    const has = container({ ...WEB, resources: SMALL }, RUNNING);
    const box = {
      ...sandbox(),
      config: { ...sandbox().config, resources: podResources(pod({ containers: [{ ...WEB, ...rest }] })) },
    };
    return plan({
      pod: pod({ containers: [{ ...WEB, ...rest }] }),
      observed: { sandboxes: [box], containers: [has] },
      facts: FACTS,
      now: NOW,
    });
  };

  test("new limits are applied in place, or by a restart where the policy says so", () => {
    const resources = { limits: { cpu: "2" } };
    expect(planFor({ resources: SMALL })).toEqual([]);
    expect(planFor({ resources })).toEqual([{ type: "ResizePod", sandboxId: "s0" }]);
    const resizePolicy = [{ resourceName: "cpu", restartPolicy: "RestartContainer" }];
    expect(planFor({ resources, resizePolicy })).toEqual([
      { type: "StopContainer", id: "web-0", name: "web", reason: "resize" },
    ]);
  });
});
