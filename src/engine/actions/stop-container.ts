import type { Scene } from "../act.ts";
import type { Action, StopReason } from "../action.ts";
import { containerPath } from "../events.ts";
import { containerKind, containerName } from "../labels.ts";
import { noteReplacing } from "../replacing.ts";

/** Kubernetes gives every container at least 2 s between its stop signal and SIGKILL (minimumGracePeriodInSeconds). */
export const GRACE_MIN_MS = 2_000;
const GRACE_DEFAULT_S = 30;

/** What is told of a container that stops to start again. */
const MESSAGES: Readonly<Partial<Record<StopReason, (name: string) => string>>> = {
  changed: (name) => `Container ${name} definition changed, will be restarted`,
  resize: (name) => `Container ${name} resize requires restart`,
};

/** Stop signal, then SIGKILL when the grace period is over. Called again with less time left, it shortens the wait. */
export async function stopContainer(
  { deps, pod, observed, memory }: Scene,
  action: Action & { readonly type: "StopContainer" },
): Promise<void> {
  const container = observed.containers.find((candidate) => candidate.id === action.id);
  const name = container ? containerName(container) : action.name;
  if (pod && container) {
    const message = MESSAGES[action.reason]?.(name) ?? `Stopping container ${name}`;
    deps.events.record(pod, "Normal", "Killing", message, containerPath(containerKind(container), name));
  }
  if (MESSAGES[action.reason]) noteReplacing(deps.paths.podsRoot, memory, name, action.id);
  const graceMs = (pod?.spec?.terminationGracePeriodSeconds ?? GRACE_DEFAULT_S) * 1000;
  const leftMs = action.killAtMs === undefined ? graceMs : action.killAtMs - deps.clock.now();
  // A deadline that has been set is kept to the millisecond; the least that is given was put into it.
  await deps.runtime.stopContainer(action.id, Math.max(leftMs, action.killAtMs === undefined ? GRACE_MIN_MS : 0));
}
