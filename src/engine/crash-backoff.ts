/** The crash back-off of a Pod's containers, as the kubelet shows it. Kubernetes: kuberuntime_manager.go, doBackOff. */
import type { Container as ContainerSpec, Pod } from "../api/gen/types.ts";
import type { Container } from "../runtime/runtime.ts";
import { containerPath } from "./events.ts";
import type { EventRecorder } from "./events.ts";
import { CONTAINER_HASH, containerHash, podRef } from "./labels.ts";
import type { ContainerKind } from "./labels.ts";
import type { PodMemory } from "./memory.ts";
import { containersNamed, newestContainer } from "./observe.ts";
import type { Observation } from "./observe.ts";
import { mayRestart } from "./restart.ts";

/** Key of a container's restart back-off: a new image starts anew. */
export function backoffKey(spec: ContainerSpec): string {
  return `${spec.name}\0${spec.image ?? ""}`;
}

/** Until when each container that ended has to wait; notes reason and event for those that do. */
export function crashBackoff(
  pod: Pod,
  observed: Observation,
  memory: PodMemory,
  context: { readonly now: number; readonly events: EventRecorder },
): ReadonlyMap<string, number> {
  const until = new Map<string, number>();
  const kinds: readonly (readonly [ContainerKind, readonly ContainerSpec[]])[] = [
    ["init", pod.spec?.initContainers ?? []],
    ["main", pod.spec?.containers ?? []],
  ];
  for (const [kind, specs] of kinds) {
    for (const spec of specs) {
      const newest = newestContainer(observed, spec.name);
      if (newest?.state.phase !== "exited" || !mayRestart(pod, spec.name, newest)) continue;
      if (kind === "init" && newest.state.exitCode === 0) continue;
      // The restart after this end is under way, or failed for another reason: what it counted is for the next one.
      if (memory.counted.get(spec.name) === newest.id) continue;
      const wait = memory.restarts.waitMs(backoffKey(spec), newest.state.finishedMs, context.now);
      if (wait <= 0) continue;
      until.set(spec.name, context.now + wait);
      hold(pod, spec, { newest, kind, memory, events: context.events });
    }
  }
  return until;
}

/**
 * What a daemon that died had noted, from what is left of it: the two newest containers of a name tell when the last restart
 * was made, and how long after the end before it.
 */
export function restoreBackoff(pod: Pod, observed: Observation, memory: PodMemory): void {
  if (memory.restored) return;
  memory.restored = true;
  for (const spec of [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]) {
    const [newest, previous] = containersNamed(observed, spec.name);
    if (!newest || previous?.state.phase !== "exited") continue;
    const hash = containerHash(spec);
    // Another definition starts anew.
    if ([newest, previous].some(({ config }) => config.annotations[CONTAINER_HASH] !== hash)) continue;
    memory.restarts.restore(backoffKey(spec), newest.createdMs - previous.state.finishedMs, newest.createdMs);
  }
}

interface Held {
  readonly newest: Container;
  readonly kind: ContainerKind;
  readonly memory: PodMemory;
  readonly events: EventRecorder;
}

function hold(pod: Pod, spec: ContainerSpec, { newest, kind, memory, events }: Held): void {
  const { name } = spec;
  const before = memory.waiting.get(name);
  const delay = goDuration(memory.restarts.delayOf(backoffKey(spec)));
  const message = `back-off ${delay} restarting failed container=${name} pod=${podRef(pod)}`;
  memory.waiting.set(name, { reason: "CrashLoopBackOff", message });
  if (before?.message === message && memory.held.get(name) === newest.id) return;
  memory.held.set(name, newest.id);
  const text = `Back-off restarting failed container ${name} in pod ${podRef(pod)}`;
  events.record(pod, "Warning", "BackOff", text, containerPath(kind, name));
}

/** Whole seconds as Go prints a duration: `10s`, `1m20s`, `5m0s`. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`;
}
