/** The part of the plan for a Pod that has to end: finished, past its deadline, deleted, or unknown to the store. Pure. */
import { isStart } from "./action.ts";
import type { Action } from "./action.ts";
import type { Ending } from "./ending.ts";
import { isLive } from "./observe.ts";
import type { PlanInput } from "./plan-input.ts";

export function planEnd(input: PlanInput, ending: Ending): Action[] {
  const { observed, facts } = input;
  const stops: Action[] = observed.containers.filter(isLive).map((container) => ({
    type: "StopContainer",
    id: container.id,
    name: container.config.metadata.name,
    reason: ending,
    killAtMs: facts.killAtMs,
  }));
  // What was starting has been told to give up; only when it has is it known what there is to take away.
  if ([...facts.busy].some((key) => isStart(key))) return stops;
  if (stops.length > 0) return stops;
  if (ending === "finished" || ending === "deadline") return endOfPod(input);
  return takeAway(input);
}

/** Sandboxes, then files, then the object: each step only when nothing before it is left. */
function takeAway(input: PlanInput): Action[] {
  const { pod, observed, facts } = input;
  const ready = observed.sandboxes.filter((sandbox) => sandbox.state === "ready");
  if (ready.length > 0) return ready.map((sandbox) => ({ type: "StopSandbox", id: sandbox.id }));
  if (observed.sandboxes.length > 0) {
    return observed.sandboxes.map((sandbox) => ({ type: "RemoveSandbox", id: sandbox.id }));
  }
  if (observed.containers.length > 0) {
    return observed.containers.map((container) => ({ type: "RemoveContainer", id: container.id }));
  }
  if (!facts.released) return [{ type: "ReleasePod" }];
  const held = (pod?.metadata.finalizers ?? []).length > 0;
  return pod && !held ? [{ type: "DeletePodObject" }] : [];
}

/** Nothing is left to run: the network goes back, the volumes are let go, the records stay. */
export function endOfPod(input: PlanInput): Action[] {
  const { observed, facts } = input;
  const actions: Action[] = observed.sandboxes
    .filter((sandbox) => sandbox.state === "ready")
    .map((sandbox) => ({ type: "StopSandbox", id: sandbox.id }));
  if (facts.volumesHeld) actions.push({ type: "ReleaseVolumes" });
  return actions;
}
