/** One container's status. Pure. Kubernetes: pkg/kubelet/kubelet_pods.go, convertToAPIContainerStatuses. */
import type {
  Container as ContainerSpec,
  ContainerState,
  ContainerStateTerminated,
  ContainerStatus,
} from "../api/gen/types.ts";
import { assert } from "../base/assert.ts";
import { rfc3339 } from "../base/clock.ts";
import type { Container } from "../runtime/runtime.ts";
import type { ContainerKind } from "./labels.ts";
import { containersNamed, neverRan } from "./observe.ts";
import { pendingResize } from "./resize.ts";
import { mayRestart } from "./restart.ts";
import type { StatusInput } from "./status-input.ts";
import { gone } from "./terminate.ts";

export const ID_PREFIX = "minke://";

export function containerStatus(
  input: StatusInput,
  spec: ContainerSpec,
  kind: ContainerKind,
  ended: boolean,
): ContainerStatus {
  const [newest, previous] = containersNamed(input.observed, spec.name);
  const old = oldStatus(input, spec.name, kind);
  if (!newest) return lost(input, spec, old, ended);
  const dead = previous?.state.phase === "exited" ? terminated(input, previous) : undefined;
  const { state, last } = statesOf(input, spec, newest, dead);
  const running = state.running !== undefined;
  return {
    name: spec.name,
    state,
    ...(last ? { lastState: { terminated: last } } : { lastState: {} }),
    // What only looks on is never asked whether it is ready.
    ready:
      kind === "init" ? newest.state.phase === "exited" && newest.state.exitCode === 0 : kind === "main" && running,
    restartCount: newest.config.metadata.attempt,
    image: spec.image ?? "",
    imageID: newest.imageRef,
    containerID: ID_PREFIX + newest.id,
    started: running,
    ...(spec.resources === undefined ? {} : resourcesOf(spec)),
    // What it really has stays told as long as newer resources are not applied.
    ...(isResizing(spec, newest) && old?.resources ? { resources: old.resources } : {}),
  };
}

function isResizing(spec: ContainerSpec, newest: Container): boolean {
  return newest.state.phase === "running" && pendingResize(spec, newest) !== "none";
}

function resourcesOf(spec: ContainerSpec): Pick<ContainerStatus, "resources" | "allocatedResources"> {
  return {
    ...(spec.resources?.requests === undefined ? {} : { allocatedResources: spec.resources.requests }),
    resources: spec.resources!,
  };
}

function statesOf(
  input: StatusInput,
  spec: ContainerSpec,
  newest: Container,
  dead: ContainerStateTerminated | undefined,
): { readonly state: ContainerState; readonly last: ContainerStateTerminated | undefined } {
  const { state } = newest;
  if (state.phase === "running") return { state: { running: { startedAt: rfc3339(state.startedMs) } }, last: dead };
  if (state.phase === "created" || neverRan(newest)) return { state: waiting(input, spec.name), last: dead };
  const own = terminated(input, newest);
  const reason = input.waiting.get(spec.name);
  // What will be started again, and is held up, waits; what it was is its last state.
  const held = input.ending === undefined && reason !== undefined && mayRestart(input.pod, spec.name, newest);
  if (held || (input.ending === undefined && input.replacing.has(spec.name))) {
    return { state: waiting(input, spec.name), last: own };
  }
  return { state: { terminated: own }, last: dead };
}

function terminated(input: StatusInput, container: Container): ContainerStateTerminated {
  const { state } = container;
  assert(state.phase === "exited", "only an exited container has an end to tell");
  const message = input.messages.get(container.id) ?? state.message;
  return {
    exitCode: state.exitCode,
    reason: state.reason,
    ...(message === "" ? {} : { message }),
    startedAt: rfc3339(state.startedMs),
    finishedAt: rfc3339(state.finishedMs),
    containerID: ID_PREFIX + container.id,
  };
}

function waiting(input: StatusInput, name: string): ContainerState {
  const reason = input.waiting.get(name);
  if (reason) return { waiting: reason };
  const inits = (input.pod.spec?.initContainers ?? []).length > 0;
  // The kubelet has no message here; a person who waits for an image wants one.
  const message = input.pulling.get(name);
  return {
    waiting: { reason: inits ? "PodInitializing" : "ContainerCreating", ...(message === undefined ? {} : { message }) },
  };
}

/** The runtime has no container of this name: it never started, or its record was lost. */
function lost(
  input: StatusInput,
  spec: ContainerSpec,
  old: ContainerStatus | undefined,
  ended: boolean,
): ContainerStatus {
  const never = {
    name: spec.name,
    state: waiting(input, spec.name),
    lastState: {},
    ready: false,
    restartCount: 0,
    image: spec.image ?? "",
    imageID: "",
    started: false,
    ...(spec.resources === undefined ? {} : resourcesOf(spec)),
  };
  if (old?.containerID === undefined) return never;
  const over = ended || !mayRestart(input.pod, spec.name, undefined);
  const end = old.state?.terminated ?? (old.state?.running ? gone(old.containerID, over) : old.lastState?.terminated);
  // What was told to have ended stays told so, as the kubelet has it, unless it is known what holds its restart up.
  if (over || (old.state?.terminated && !input.waiting.has(spec.name)))
    return { ...old, state: { terminated: end ?? gone(old.containerID, true) }, ready: isDone(old), started: false };
  return {
    ...old,
    state: waiting(input, spec.name),
    lastState: end ? { terminated: end } : {},
    ready: false,
    started: false,
  };
}

/** An init container that is done stays ready. */
function isDone(old: ContainerStatus): boolean {
  return old.state?.terminated?.exitCode === 0 && old.ready;
}

function oldStatus(input: StatusInput, name: string, kind: ContainerKind): ContainerStatus | undefined {
  const status = input.pod.status;
  const lists = {
    init: status?.initContainerStatuses,
    main: status?.containerStatuses,
    ephemeral: status?.ephemeralContainerStatuses,
  };
  return lists[kind]?.find((candidate) => candidate.name === name);
}
