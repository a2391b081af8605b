/** The part of the plan that starts, replaces and tidies containers in a usable sandbox. Pure. */
import type { Container as ContainerSpec, Pod } from "../api/gen/types.ts";
import type { Container, Sandbox } from "../runtime/runtime.ts";
import type { Action, StopReason } from "./action.ts";
import { CONTAINER_HASH, containerHash } from "./labels.ts";
import type { ContainerKind } from "./labels.ts";
import { containersNamed, isLive, neverRan, newestContainer } from "./observe.ts";
import type { Observation } from "./observe.ts";
import { showsFiles } from "../volume/volume.ts";
import { endOfPod } from "./plan-end.ts";
import type { PlanInput } from "./plan-input.ts";
import { pendingResize, sandboxDiffers } from "./resize.ts";
import { mayRestart } from "./restart.ts";

/** Dead containers kept per name beside a live one: the source of `lastState` and of `logs --previous`. */
export const DEAD_KEPT = 1;

export function planContainers(input: PlanInput, pod: Pod, sandbox: Sandbox): Action[] {
  const strays: Action[] = input.observed.containers
    .filter((container) => container.sandboxId !== sandbox.id && isLive(container))
    .map((container) => stop(container, "sandbox"));
  const stage = initStage(pod, input.observed, sandbox);
  if (stage === "failed") return [...strays, ...stopAll(input)];
  const ephemeral = planEphemeral(input, pod, sandbox);
  if (stage !== "done") {
    const init = start(input, sandbox, stage, "init");
    return [...strays, ...ephemeral, ...init, ...removeDead(input, pod), ...refresh(input, pod)];
  }
  const wanted = (pod.spec?.containers ?? []).flatMap((container) => planMain(input, pod, sandbox, container));
  if (wanted.length === 0 && isOver(input, pod)) return [...strays, ...stopAll(input)];
  // A restart for new limits changes what the Pod as a whole needs, too.
  const resize: Action[] = sandboxDiffers(pod, sandbox) ? [{ type: "ResizePod", sandboxId: sandbox.id }] : [];
  return [...strays, ...ephemeral, ...resize, ...wanted, ...removeDead(input, pod), ...refresh(input, pod)];
}

/** Keeps tokens young while somebody could use them; a container that starts gets its volumes up to date anyway. */
function refresh({ observed, facts, now }: PlanInput, pod: Pod): Action[] {
  if (facts.refreshAtMs === Infinity || !observed.containers.some(isLive)) return [];
  if (!(pod.spec?.volumes ?? []).some(showsFiles)) return [];
  return facts.refreshAtMs > now ? [{ type: "WaitUntil", atMs: facts.refreshAtMs }] : [{ type: "RefreshVolumes" }];
}

/** They start once, before init containers even when these fail, and hold nothing open. */
function planEphemeral(input: PlanInput, pod: Pod, sandbox: Sandbox): Action[] {
  return (pod.spec?.ephemeralContainers ?? [])
    .filter(({ name }) => mayRestart(pod, name, newestContainer(input.observed, name)))
    .flatMap((container) => start(input, sandbox, container, "ephemeral"));
}

type InitStage = "done" | "failed" | ContainerSpec;

/**
 * The init container to run or to wait for. Walks from the last to the first, as the kubelet does, over what ran in this
 * sandbox only: a new sandbox runs all of them again. Once a regular container exists in it, they are done.
 */
function initStage(pod: Pod, observed: Observation, sandbox: Sandbox): InitStage {
  const inits = pod.spec?.initContainers ?? [];
  const here = (name: string): Container | undefined =>
    containersNamed(observed, name).find((container) => container.sandboxId === sandbox.id);
  if ((pod.spec?.containers ?? []).some((container) => here(container.name))) return "done";
  for (const [index, init] of [...inits.entries()].toReversed()) {
    const container = here(init.name);
    if (!container) continue;
    if (container.state.phase !== "exited" || neverRan(container)) return init;
    if (container.state.exitCode === 0) return inits[index + 1] ?? "done";
    return pod.spec?.restartPolicy === "Never" ? "failed" : init;
  }
  return inits[0] ?? "done";
}

function planMain(input: PlanInput, pod: Pod, sandbox: Sandbox, spec: ContainerSpec): Action[] {
  const newest = newestContainer(input.observed, spec.name);
  if (newest?.state.phase === "running" && newest.sandboxId === sandbox.id) {
    if (newest.config.annotations[CONTAINER_HASH] !== containerHash(spec)) return [stop(newest, "changed")];
    const resize = pendingResize(spec, newest);
    if (resize === "restart") return [stop(newest, "resize")];
    return resize === "update" ? [{ type: "ResizePod", sandboxId: sandbox.id }] : [];
  }
  return isWanted(input, pod, spec.name) ? start(input, sandbox, spec, "main") : [];
}

/** A changed definition starts again whatever the restart policy says; it was stopped for that. */
function isWanted(input: PlanInput, pod: Pod, name: string): boolean {
  return mayRestart(pod, name, newestContainer(input.observed, name)) || input.facts.replacing.has(name);
}

/** Starts a container as soon as back-off, volumes and leftovers permit. */
function start(input: PlanInput, sandbox: Sandbox, spec: ContainerSpec, kind: ContainerKind): Action[] {
  const { observed, facts, now } = input;
  if (facts.busy.has(`run/${spec.name}`)) return [];
  const newest = newestContainer(observed, spec.name);
  if (newest?.state.phase === "running") return [];
  if (newest && neverRan(newest)) return [{ type: "RemoveContainer", id: newest.id }];
  const until = Math.max(facts.backoffUntil.get(spec.name) ?? 0, facts.retryAt.get(`image/${spec.name}`) ?? 0);
  if (until > now) return [{ type: "WaitUntil", atMs: until }];
  if (!facts.volumesReady) return [{ type: "PrepareVolumes" }];
  if (facts.busy.has(`image/${spec.name}`)) return [];
  const attempt = Math.max(
    newest ? newest.config.metadata.attempt + 1 : 0,
    newest ? 0 : (facts.nextAttempt.get(spec.name) ?? 0),
  );
  return [{ type: "RunContainer", name: spec.name, kind, sandboxId: sandbox.id, attempt }];
}

/** True when no container runs, starts, or will start again. */
function isOver(input: PlanInput, pod: Pod): boolean {
  if ([...input.facts.busy].some((key) => key.startsWith("run/"))) return false;
  const containers = pod.spec?.containers ?? [];
  return containers.every((container) => {
    const newest = newestContainer(input.observed, container.name);
    return newest?.state.phase !== "running" && !isWanted(input, pod, container.name);
  });
}

function stopAll(input: PlanInput): Action[] {
  const live = input.observed.containers.filter(isLive);
  return live.length > 0 ? live.map((container) => stop(container, "finished")) : endOfPod(input);
}

/** Dead containers beyond the newest of each name, off the hot path: never before their successor runs. */
function removeDead(input: PlanInput, pod: Pod): Action[] {
  const names = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ name }) => name);
  return names
    .filter((name) => !input.facts.busy.has(`run/${name}`))
    .flatMap((name) =>
      containersNamed(input.observed, name)
        .filter((container) => !isLive(container))
        .slice(DEAD_KEPT),
    )
    .map((container) => ({ type: "RemoveContainer", id: container.id }));
}

function stop(container: Container, reason: StopReason): Action {
  return { type: "StopContainer", id: container.id, name: container.config.metadata.name, reason };
}
