/** A Pod's conditions, in the kubelet's order and words. Pure. Kubernetes: pkg/kubelet/status/generate.go. */
import type { ContainerStatus, Pod, PodCondition } from "../api/gen/types.ts";
import { rfc3339 } from "../base/clock.ts";

export interface ConditionsInput {
  readonly pod: Pod;
  readonly now: number;
  readonly phase: string;
  readonly sandboxReady: boolean;
  /** Conditions that are there only while new resources are wanted. */
  readonly resize: readonly (readonly [string, Verdict])[];
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
}

export interface Verdict {
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
}

const OWN = [
  "PodResizePending",
  "PodResizeInProgress",
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
];

export function conditionsOf(input: ConditionsInput): readonly PodCondition[] {
  const { pod, now } = input;
  const old = pod.status?.conditions ?? [];
  const containersReady = containersReadyOf(input);
  const verdicts: (readonly [string, Verdict])[] = [
    ...input.resize,
    ["PodReadyToStartContainers", { status: input.sandboxReady ? "True" : "False" }],
    ["Initialized", initializedOf(input)],
    ["Ready", readyOf(input, containersReady)],
    ["ContainersReady", containersReady],
    ["PodScheduled", { status: "True" }],
  ];
  const generation = pod.metadata.generation;
  const own = verdicts.map(([type, verdict]) => {
    const before = old.find((condition) => condition.type === type);
    const same = before?.status === verdict.status && before.lastTransitionTime !== undefined;
    return {
      type,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...verdict,
      lastTransitionTime: same ? before.lastTransitionTime! : rfc3339(now),
    };
  });
  return [...old.filter(({ type }) => !OWN.includes(type)), ...own];
}

function initializedOf({ phase, initStatuses, statuses }: ConditionsInput): Verdict {
  if (phase === "Succeeded") return { status: "True", reason: "PodCompleted" };
  const incomplete = initStatuses.filter((status) => !status.ready).map(({ name }) => name);
  // Once a regular container has started, init containers that run again (in a new sandbox) do not undo it.
  if (incomplete.length === 0 || statuses.some(hasStarted)) return { status: "True" };
  return {
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${incomplete.join(" ")}]`,
  };
}

function hasStarted({ state }: ContainerStatus): boolean {
  return state?.running !== undefined || state?.terminated !== undefined;
}

function containersReadyOf({ phase, statuses }: ConditionsInput): Verdict {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const unready = statuses.filter((status) => !status.ready).map(({ name }) => name);
  if (unready.length === 0) return { status: "True" };
  return {
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: [${unready.join(" ")}]`,
  };
}

function readyOf({ pod }: ConditionsInput, containersReady: Verdict): Verdict {
  if (containersReady.status === "False") return containersReady;
  const met = pod.status?.conditions ?? [];
  const messages = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = met.find(({ type }) => type === conditionType);
    if (condition?.status === "True") return [];
    return condition
      ? [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`]
      : [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
  });
  if (messages.length === 0) return containersReady;
  return { status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") };
}
