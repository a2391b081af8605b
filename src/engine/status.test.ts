/** What is told of a Pod, whole: (pod, observation, now) → PodStatus. */
import { describe, expect, test } from "vitest";

import type { Container as Spec, ContainerStatus, Pod, PodSpec, PodStatus } from "../api/gen/types.ts";
import type { Container, ContainerState, Sandbox } from "../runtime/runtime.ts";
import { CONTAINER_NAME } from "./labels.ts";
import type { StatusInput } from "./status-input.ts";
import { containerLimits } from "./resources.ts";
import { statusOf } from "./status.ts";

const NOW = Date.UTC(2026, 10, 23, 12, 0, 30);
const T = (second: number): string => `2026-11-23T12:00:${String(second).padStart(2, "0")}Z`;
const ms = (second: number): number => Date.UTC(2026, 10, 23, 12, 0, second);

const WEB: Spec = { name: "web", image: "app:1" };
const SIDE: Spec = { name: "side", image: "app:2" };
const INIT: Spec = { name: "init", image: "app:1" };
const INIT2: Spec = { name: "init2", image: "app:1" };

const running: ContainerState = { phase: "running", pid: 1, startedMs: ms(10) };
const exited = (exitCode: number, reason = exitCode === 0 ? "Completed" : "Error"): ContainerState => ({
  phase: "exited",
  exitCode,
  reason,
  message: "",
  startedMs: ms(10),
  finishedMs: ms(20),
});

function pod(spec: Partial<PodSpec> = {}, status: PodStatus = {}, metadata: Partial<Pod["metadata"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "d", uid: "u", generation: 3, ...metadata },
    spec: { containers: [WEB], ...spec },
    status: { phase: "Pending", startTime: T(0), ...status },
  };
}

const sandbox = (attempt = 0, state: Sandbox["state"] = "ready", ips = ["10.0.0.1"]): Sandbox =>
  ({ id: `s${attempt}`, state, ips, config: { metadata: { attempt }, namespaces: { network: "pod" } } }) as never;

const container = (spec: Spec, state: ContainerState, attempt = 0): Container =>
  ({
    id: `${spec.name}${attempt}`,
    sandboxId: "s0",
    state,
    createdMs: ms(9) + attempt,
    imageRef: `sha256:${spec.image}`,
    config: {
      metadata: { name: spec.name, attempt },
      labels: { [CONTAINER_NAME]: spec.name },
      annotations: {},
      resources: containerLimits(spec),
    },
  }) as never;

function told(subject: Pod, containers: readonly Container[], more: Partial<StatusInput> = {}): PodStatus {
  return statusOf({
    pod: subject,
    observed: { sandboxes: [sandbox()], containers },
    now: NOW,
    nodeIp: "192.0.2.1",
    waiting: new Map(),
    replacing: new Set(),
    messages: new Map(),
    ending: undefined,
    leftAlone: false,
    pulling: new Map(),
    ...more,
  });
}

/** The parts of a whole status. */
const never = ({ name, image }: Spec, reason = "ContainerCreating"): ContainerStatus => ({
  name,
  state: { waiting: { reason } },
  lastState: {},
  ready: false,
  restartCount: 0,
  image: image!,
  imageID: "",
  started: false,
});
const live = ({ name, image }: Spec, restartCount = 0): ContainerStatus => ({
  name,
  state: { running: { startedAt: T(10) } },
  lastState: {},
  ready: true,
  restartCount,
  image: image!,
  imageID: `sha256:${image}`,
  containerID: `minke://${name}${restartCount}`,
  started: true,
});
const end = (name: string, exitCode: number, attempt = 0, reason = exitCode === 0 ? "Completed" : "Error") => ({
  exitCode,
  reason,
  startedAt: T(10),
  finishedAt: T(20),
  containerID: `minke://${name}${attempt}`,
});
const dead = (spec: Spec, exitCode: number, restartCount = 0): ContainerStatus => ({
  ...live(spec, restartCount),
  state: { terminated: end(spec.name, exitCode, restartCount) },
  ready: false,
  started: false,
});
const LOST = {
  exitCode: 137,
  reason: "ContainerStatusUnknown",
  message: "The container could not be located when the pod was terminated",
};

type Told = readonly [status: "True" | "False", reason?: string, message?: string];
const FALSE: Told = ["False"];
function conditions(all: Readonly<Record<string, Told>>): NonNullable<PodStatus["conditions"]> {
  const order = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
  return order.map((type) => {
    const [status, reason, message] = all[type] ?? ["True"];
    return {
      type,
      observedGeneration: 3,
      status,
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      lastTransitionTime: T(30),
    };
  });
}
const both = (...verdict: Told) => ({ Ready: verdict, ContainersReady: verdict });
const notReady = (...names: string[]) =>
  both("False", "ContainersNotReady", `containers with unready status: [${names.join(" ")}]`);
const uninitialized = (...names: string[]): Told => [
  "False",
  "ContainersNotInitialized",
  `containers with incomplete status: [${names.join(" ")}]`,
];

const BASE = {
  hostIP: "192.0.2.1",
  hostIPs: [{ ip: "192.0.2.1" }],
  podIP: "10.0.0.1",
  podIPs: [{ ip: "10.0.0.1" }],
  startTime: T(0),
  qosClass: "BestEffort",
  observedGeneration: 3,
} as const;

describe("a whole status", () => {
  test.each<[string, PodStatus, PodStatus]>([
    [
      "nothing yet: no address, no start time of before",
      told(pod({}, { startTime: undefined } as never), [], { observed: { sandboxes: [], containers: [] } }),
      {
        phase: "Pending",
        conditions: conditions({ PodReadyToStartContainers: FALSE, ...notReady("web") }),
        hostIP: BASE.hostIP,
        hostIPs: BASE.hostIPs,
        startTime: T(30),
        containerStatuses: [never(WEB)],
        qosClass: "BestEffort",
        observedGeneration: 3,
      },
    ],
    [
      "a sandbox: its address before any container",
      told(pod(), []),
      { phase: "Pending", conditions: conditions(notReady("web")), ...BASE, containerStatuses: [never(WEB)] },
    ],
    [
      "all run; containers by name",
      told(pod({ containers: [WEB, SIDE] }), [container(WEB, running), container(SIDE, running)]),
      { phase: "Running", conditions: conditions({}), ...BASE, containerStatuses: [live(SIDE), live(WEB)] },
    ],
    [
      "one of two waits for its image",
      told(pod({ containers: [WEB, SIDE] }), [container(WEB, running)], {
        waiting: new Map([["side", { reason: "ErrImagePull", message: "no" }]]),
      }),
      {
        phase: "Pending",
        conditions: conditions(notReady("side")),
        ...BASE,
        containerStatuses: [
          { ...never(SIDE), state: { waiting: { reason: "ErrImagePull", message: "no" } } },
          live(WEB),
        ],
      },
    ],
    [
      "restarted: the end before is the last state, the attempt the count",
      told(pod(), [container(WEB, running, 4), container(WEB, exited(1), 3)]),
      {
        phase: "Running",
        conditions: conditions({}),
        ...BASE,
        containerStatuses: [{ ...live(WEB, 4), lastState: { terminated: end("web", 1, 3) } }],
      },
    ],
    [
      "held up by back-off: waiting, with its end as last state; the Pod stays Running",
      told(pod(), [container(WEB, exited(1), 1)], {
        waiting: new Map([["web", { reason: "CrashLoopBackOff", message: "back-off 10s" }]]),
      }),
      {
        phase: "Running",
        conditions: conditions(notReady("web")),
        ...BASE,
        containerStatuses: [
          {
            ...dead(WEB, 1, 1),
            state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } },
            lastState: { terminated: end("web", 1, 1) },
          },
        ],
      },
    ],
    [
      "ended and about to restart: terminated is told as it is",
      told(pod(), [container(WEB, exited(137, "OOMKilled"))]),
      {
        phase: "Running",
        conditions: conditions(notReady("web")),
        ...BASE,
        containerStatuses: [{ ...dead(WEB, 137), state: { terminated: end("web", 137, 0, "OOMKilled") } }],
      },
    ],
    [
      "succeeded: PodCompleted everywhere, the address stays when the sandbox has lost it",
      told(
        pod({ restartPolicy: "OnFailure" }, { phase: "Running", podIPs: [{ ip: "10.0.0.1" }] }),
        [container(WEB, exited(0))],
        { observed: { sandboxes: [sandbox(0, "notready", [])], containers: [container(WEB, exited(0))] } },
      ),
      {
        phase: "Succeeded",
        conditions: conditions({
          PodReadyToStartContainers: FALSE,
          Initialized: ["True", "PodCompleted"],
          ...both("False", "PodCompleted"),
        }),
        ...BASE,
        containerStatuses: [dead(WEB, 0)],
      },
    ],
    [
      "failed, with a last word",
      told(pod({ restartPolicy: "Never" }), [container(WEB, exited(3))], { messages: new Map([["web0", "alas"]]) }),
      {
        phase: "Failed",
        conditions: conditions(both("False", "PodFailed")),
        ...BASE,
        containerStatuses: [{ ...dead(WEB, 3), state: { terminated: { ...end("web", 3), message: "alas" } } }],
      },
    ],
    [
      "init containers: the one that runs, those that wait, and the rest behind them",
      told(pod({ initContainers: [INIT, INIT2] }), [container(INIT, running)]),
      {
        phase: "Pending",
        conditions: conditions({ Initialized: uninitialized("init", "init2"), ...notReady("web") }),
        ...BASE,
        initContainerStatuses: [{ ...live(INIT), ready: false }, never(INIT2, "PodInitializing")],
        containerStatuses: [never(WEB, "PodInitializing")],
      },
    ],
    [
      "init containers that are done are ready, and in the order of the spec",
      told(pod({ initContainers: [INIT2, INIT] }), [
        container(INIT, exited(0)),
        container(INIT2, exited(0)),
        container(WEB, running),
      ]),
      {
        phase: "Running",
        conditions: conditions({}),
        ...BASE,
        initContainerStatuses: [
          { ...dead(INIT2, 0), ready: true },
          { ...dead(INIT, 0), ready: true },
        ],
        containerStatuses: [live(WEB)],
      },
    ],
    [
      "an init container that fails for good: what is behind it never started, and says so",
      told(
        pod({ restartPolicy: "Never", initContainers: [INIT, INIT2] }, { phase: "Failed" }),
        [container(INIT, exited(1))],
        { ending: "finished" },
      ),
      {
        phase: "Failed",
        conditions: conditions({
          PodReadyToStartContainers: FALSE,
          Initialized: uninitialized("init", "init2"),
          ...both("False", "PodFailed"),
        }),
        ...BASE,
        initContainerStatuses: [dead(INIT, 1), never(INIT2, "PodInitializing")],
        containerStatuses: [never(WEB, "PodInitializing")],
      },
    ],
    [
      "past its deadline",
      told(pod({}, { phase: "Running" }), [container(WEB, exited(137))], { ending: "deadline" }),
      {
        phase: "Failed",
        conditions: conditions({ PodReadyToStartContainers: FALSE, ...both("False", "PodFailed") }),
        reason: "DeadlineExceeded",
        message: "Pod was active on the node longer than the specified deadline",
        ...BASE,
        containerStatuses: [dead(WEB, 137)],
      },
    ],
    [
      "deleted while a container never started: it could not be located",
      told(pod({ containers: [WEB, SIDE] }, { phase: "Pending" }), [container(WEB, exited(0))], { ending: "delete" }),
      {
        phase: "Failed",
        conditions: conditions({ PodReadyToStartContainers: FALSE, ...both("False", "PodFailed") }),
        ...BASE,
        containerStatuses: [{ ...never(SIDE), state: { terminated: LOST } }, dead(WEB, 0)],
      },
    ],
    [
      "the host's network: the node's address",
      told(pod({ hostNetwork: true }), [container(WEB, running)]),
      {
        phase: "Running",
        conditions: conditions({}),
        ...BASE,
        podIP: "192.0.2.1",
        podIPs: [{ ip: "192.0.2.1" }],
        containerStatuses: [live(WEB)],
      },
    ],
    [
      "resources are told per container, and make the class",
      told(
        pod({
          containers: [
            { ...WEB, resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } } },
          ],
        }),
        [container({ ...WEB, resources: { limits: { cpu: "1", memory: "1Gi" } } }, running)],
      ),
      {
        phase: "Running",
        conditions: conditions({}),
        ...BASE,
        qosClass: "Guaranteed",
        containerStatuses: [
          {
            ...live(WEB),
            allocatedResources: { cpu: "1", memory: "1Gi" },
            resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } },
          },
        ],
      },
    ],
  ])("%s", (_what, is, wanted) => {
    expect(is).toEqual(wanted);
  });
});

describe("phase", () => {
  const backoff = new Map([["web", { reason: "CrashLoopBackOff", message: "" }]]);
  const initBackoff = new Map([["init", { reason: "CrashLoopBackOff", message: "" }]]);
  const two = { containers: [WEB, SIDE] };
  test.each<[string, Partial<PodSpec>, readonly Container[], Partial<StatusInput>, string]>([
    ["Always, exit 0", {}, [container(WEB, exited(0))], {}, "Running"],
    ["OnFailure, exit 0", { restartPolicy: "OnFailure" }, [container(WEB, exited(0))], {}, "Succeeded"],
    ["OnFailure, exit 1", { restartPolicy: "OnFailure" }, [container(WEB, exited(1))], {}, "Running"],
    [
      "OnFailure, held up",
      { restartPolicy: "OnFailure" },
      [container(WEB, exited(1))],
      { waiting: backoff },
      "Running",
    ],
    ["Never, exit 1", { restartPolicy: "Never" }, [container(WEB, exited(1))], {}, "Failed"],
    [
      "Never, one of two still runs",
      { ...two, restartPolicy: "Never" },
      [container(WEB, exited(1)), container(SIDE, running)],
      {},
      "Running",
    ],
    [
      "Never, one of two has not started",
      { ...two, restartPolicy: "Never" },
      [container(WEB, exited(1))],
      {},
      "Pending",
    ],
    [
      "Never, 0 and 1",
      { ...two, restartPolicy: "Never" },
      [container(WEB, exited(0)), container(SIDE, exited(1))],
      {},
      "Failed",
    ],
    ["created, not started", {}, [container(WEB, { phase: "created" })], {}, "Pending"],
    ["Always, init failed", { initContainers: [INIT] }, [container(INIT, exited(1))], {}, "Pending"],
    [
      "Always, init held up",
      { initContainers: [INIT] },
      [container(INIT, exited(1))],
      { waiting: initBackoff },
      "Pending",
    ],
    [
      "Never, init failed",
      { restartPolicy: "Never", initContainers: [INIT] },
      [container(INIT, exited(1))],
      {},
      "Failed",
    ],
    [
      "init runs again in a new sandbox after the containers ran",
      { initContainers: [INIT] },
      [container(INIT, running, 1), container(WEB, exited(255))],
      {},
      "Running",
    ],
    ["deleted, all 0", {}, [container(WEB, exited(0))], { ending: "delete" }, "Succeeded"],
    ["deleted, 137", {}, [container(WEB, exited(137))], { ending: "delete" }, "Failed"],
    ["deleted, still stopping", {}, [container(WEB, running)], { ending: "delete" }, "Running"],
    [
      "replaced under Never",
      { restartPolicy: "Never" },
      [container(WEB, exited(143))],
      { replacing: new Set(["web"]) },
      "Running",
    ],
    ["left alone", { restartPolicy: "Never" }, [container(WEB, exited(255))], { leftAlone: true }, "Failed"],
  ])("%s: %#", (_what, spec, containers, more, phase) => {
    expect(told(pod(spec), containers, more).phase).toBe(phase);
  });

  test.each(["Succeeded", "Failed"])("%s never leaves, nor do its reason and message", (phase) => {
    const old = pod({}, { phase, reason: "Evicted", message: "why" });
    expect(told(old, [container(WEB, running)])).toMatchObject({ phase, reason: "Evicted", message: "why" });
  });
});

describe("conditions", () => {
  test("a time stays while the status does, foreign ones come first, readiness gates count", () => {
    const old: PodStatus = {
      conditions: [
        { type: "Ready", status: "True", lastTransitionTime: T(1) },
        { type: "example.org/gate", status: "False" },
        { type: "PodScheduled", status: "True", lastTransitionTime: T(2) },
      ],
    };
    const gates = [{ conditionType: "example.org/gate" }, { conditionType: "example.org/none" }];
    const { conditions: all } = told(pod({ readinessGates: gates }, old), [container(WEB, running)]);
    expect(all!.map(({ type, status, lastTransitionTime }) => [type, status, lastTransitionTime])).toEqual([
      ["example.org/gate", "False", undefined],
      ["PodReadyToStartContainers", "True", T(30)],
      ["Initialized", "True", T(30)],
      ["Ready", "False", T(30)],
      ["ContainersReady", "True", T(30)],
      ["PodScheduled", "True", T(2)],
    ]);
    expect(all!.find(({ type }) => type === "Ready")).toMatchObject({
      reason: "ReadinessGatesNotReady",
      message:
        'the status of pod readiness gate "example.org/gate" is not "True", but False, corresponding condition of pod readiness gate "example.org/none" does not exist.',
    });
  });

  test("init containers that run again do not undo Initialized once a container has run", () => {
    const { conditions: all } = told(pod({ initContainers: [INIT] }), [
      container(INIT, running, 1),
      container(WEB, exited(255)),
    ]);
    expect(all!.find(({ type }) => type === "Initialized")?.status).toBe("True");
  });
});

test("a container whose image is being pulled tells how far it is", () => {
  const pulling = new Map([[WEB.name, "Pulling 34 of 61 MB"]]);
  const status = told(pod({ containers: [WEB] }), [], { pulling });
  expect(status.containerStatuses).toEqual([
    { ...never(WEB), state: { waiting: { reason: "ContainerCreating", message: "Pulling 34 of 61 MB" } } },
  ]);
});

describe("a container that the runtime has lost", () => {
  const before = (status: ContainerStatus): Pod => pod({}, { phase: "Running", containerStatuses: [status] });
  const said = { ...LOST, containerID: "minke://web2" };
  const deletedText = "The container could not be located when the pod was deleted.  The container used to be Running";
  test.each<[string, ContainerStatus, Partial<StatusInput>, Partial<ContainerStatus>]>([
    [
      "ran: it waits for its restart, and how it ended is not known",
      live(WEB, 2),
      {},
      {
        state: { waiting: { reason: "ContainerCreating" } },
        lastState: { terminated: { ...said, message: deletedText } },
        ready: false,
        started: false,
      },
    ],
    ["had ended: that stays", dead(WEB, 1, 2), {}, {}],
    [
      "had ended, and is held up",
      dead(WEB, 1, 2),
      { waiting: new Map([["web", { reason: "ErrImagePull", message: "no" }]]) },
      {
        state: { waiting: { reason: "ErrImagePull", message: "no" } },
        lastState: { terminated: end("web", 1, 2) },
      },
    ],
    [
      "ran when the Pod was deleted",
      live(WEB, 2),
      { ending: "delete" },
      { state: { terminated: said }, ready: false, started: false },
    ],
  ])("%s", (_what, old, more, wanted) => {
    expect(told(before(old), [], more).containerStatuses).toEqual([{ ...old, ...wanted }]);
  });
});
