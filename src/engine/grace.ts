/** When the containers of a Pod that has to end are killed. */
import type { Pod } from "../api/gen/types.ts";
import { GRACE_MIN_MS } from "./actions/stop-container.ts";
import type { Ending } from "./ending.ts";
import type { PodMemory } from "./memory.ts";

const GRACE_DEFAULT_S = 30;
/** `deletionTimestamp` is cut to whole seconds. */
const TIMESTAMP_ERROR_MS = 1_000;

/** Sets or shortens the grace period that is kept; it never grows. */
export function keepGrace(memory: PodMemory, pod: Pod | undefined, ending: Ending, now: number): void {
  const seconds = secondsOf(pod, ending);
  if (memory.grace && seconds >= memory.grace.seconds) return;
  const least = now + GRACE_MIN_MS;
  const full = Math.max(now + seconds * 1000, least);
  // After a restart of the daemon the period that began before it goes on.
  const end = ending === "delete" ? Date.parse(pod?.metadata.deletionTimestamp ?? "") + TIMESTAMP_ERROR_MS : NaN;
  const killAtMs = Number.isNaN(end) ? full : Math.max(Math.min(full, end), least);
  memory.grace = { seconds, killAtMs: Math.min(killAtMs, memory.grace?.killAtMs ?? Infinity) };
}

function secondsOf(pod: Pod | undefined, ending: Ending): number {
  if (!pod || ending === "orphan") return 0;
  const own = pod.spec?.terminationGracePeriodSeconds ?? GRACE_DEFAULT_S;
  return ending === "delete" ? (pod.metadata.deletionGracePeriodSeconds ?? own) : own;
}
