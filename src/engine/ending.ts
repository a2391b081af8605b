/** Whether and why a Pod has to end. Pure. */
import type { Pod } from "../api/gen/types.ts";

/** When `activeDeadlineSeconds` runs out, or undefined. */
export function deadlineOf(pod: Pod): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const start = pod.status?.startTime;
  if (seconds === undefined || start === undefined) return undefined;
  return Date.parse(start) + seconds * 1000;
}

export type Ending = "orphan" | "delete" | "deadline" | "finished";

/** Why the Pod has to end, or undefined when it shall run. */
export function endingOf(pod: Pod | undefined, now: number): Ending | undefined {
  if (!pod) return "orphan";
  if (pod.metadata.deletionTimestamp !== undefined) return "delete";
  const phase = pod.status?.phase;
  if (phase === "Succeeded" || phase === "Failed") return "finished";
  const deadline = deadlineOf(pod);
  return deadline !== undefined && now >= deadline ? "deadline" : undefined;
}
