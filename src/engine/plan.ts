/**
 * What to do next for one Pod, as data. Pure: no I/O, no clock. An empty plan means that the Pod is as it should be.
 *
 * Actions of one plan may run side by side. An action whose {@link keyOf} is in `facts.busy` is under way already and is not
 * planned again; whatever depends on it waits for the next plan. The rules are those of the kubelet
 * (pkg/kubelet/kuberuntime/kuberuntime_manager.go, computePodActions), level-triggered.
 */
import type { Container as ContainerSpec, Pod } from "../api/gen/types.ts";
import type { Sandbox } from "../runtime/runtime.ts";
import { keyOf } from "./action.ts";
import type { Action } from "./action.ts";
import { deadlineOf, endingOf } from "./ending.ts";
import { isLive, isUsable, newestContainer } from "./observe.ts";
import type { Observation } from "./observe.ts";
import { planContainers } from "./plan-containers.ts";
import { endOfPod, planEnd } from "./plan-end.ts";
import type { PlanInput } from "./plan-input.ts";
import { mayRestart, toldStatus } from "./restart.ts";

/** The actions that bring the Pod nearer to what it should be; empty when it is in sync. */
export function plan(input: PlanInput): readonly Action[] {
  const { pod, now } = input;
  const ending = endingOf(pod, now);
  const wanted = ending || !pod ? planEnd(input, ending ?? "orphan") : planRun(input, pod);
  const ready: Action[] = [];
  for (const action of wanted) {
    const key = keyOf(action);
    if (input.facts.busy.has(key) && action.type !== "StopContainer") continue;
    const retryAt = input.facts.retryAt.get(key) ?? 0;
    ready.push(retryAt > now ? { type: "WaitUntil", atMs: retryAt } : action);
  }
  return ready;
}

function planRun(input: PlanInput, pod: Pod): Action[] {
  const { observed } = input;
  const actions: Action[] = [];
  const deadline = deadlineOf(pod);
  if (deadline !== undefined) actions.push({ type: "WaitUntil", atMs: deadline });
  const sandbox = observed.sandboxes[0];
  if (!isUsable(sandbox) || sandbox.config.namespaces.network !== networkOf(pod)) {
    return [...actions, ...planSandbox(input, pod, sandbox)];
  }
  return [...actions, ...planContainers(input, pod, sandbox), ...removeOldSandboxes(observed)];
}

/** A new sandbox: first everything in the old one has to end. */
function planSandbox(input: PlanInput, pod: Pod, old: Sandbox | undefined): Action[] {
  const { observed, facts } = input;
  const stops: Action[] = observed.containers.filter(isLive).map((container) => ({
    type: "StopContainer",
    id: container.id,
    name: container.config.metadata.name,
    reason: "sandbox",
  }));
  if (stops.length > 0) return stops;
  if ([...facts.busy].some((key) => key.startsWith("run/"))) return [];
  if (old?.state === "ready") return [{ type: "StopSandbox", id: old.id }];
  if (!wantsSandbox(pod, observed, old)) return endOfPod(input);
  const actions: Action[] = [];
  if (!facts.volumesReady) actions.push({ type: "PrepareVolumes" });
  for (const container of firstToStart(pod)) {
    if (!facts.images.has(container.name)) actions.push({ type: "EnsureImage", name: container.name });
  }
  actions.push({ type: "RunSandbox", attempt: old ? old.config.metadata.attempt + 1 : 0 });
  return [...actions, ...removeOldSandboxes(observed)];
}

/**
 * True when the sandbox is gone and will not be made again: what has not run by now never will, such as a container of a
 * `Never` Pod that a reboot came before.
 */
export function isLeftAlone(pod: Pod, observed: Observation): boolean {
  const sandbox = observed.sandboxes[0];
  return sandbox !== undefined && !isUsable(sandbox) && !wantsSandbox(pod, observed, sandbox);
}

/** Whether a Pod whose sandbox is gone gets another one: not when nothing would run in it. */
function wantsSandbox(pod: Pod, observed: Observation, old: Sandbox | undefined): boolean {
  const ran = observed.containers.length > 0;
  if (pod.spec?.restartPolicy === "Never" && old !== undefined && ran) return false;
  const containers = pod.spec?.containers ?? [];
  const toStart = containers.some((container) =>
    mayRestart(pod, container.name, newestContainer(observed, container.name)),
  );
  return toStart || !containers.some(({ name }) => newestContainer(observed, name) ?? toldStatus(pod, name));
}

function firstToStart(pod: Pod): readonly ContainerSpec[] {
  const first = pod.spec?.initContainers?.[0];
  return first ? [first] : (pod.spec?.containers ?? []);
}

/** Sandboxes before the newest go when they are stopped and hold no record that is still told. */
function removeOldSandboxes(observed: Observation): Action[] {
  return observed.sandboxes
    .slice(1)
    .filter((sandbox) => !observed.containers.some((container) => container.sandboxId === sandbox.id))
    .map((sandbox) => ({ type: "RemoveSandbox", id: sandbox.id }));
}

function networkOf(pod: Pod): "pod" | "node" {
  return pod.spec?.hostNetwork ? "node" : "pod";
}
