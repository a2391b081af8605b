import type { Pod } from "../../api/gen/types.ts";
import { messageOf } from "../../base/errors.ts";
import type { Scene } from "../act.ts";
import { shownOf } from "../shown.ts";

/** What volumes show is as their objects and the clock have it. What can not be read leaves the old content. */
export async function refreshVolumes({ deps, pod, memory }: Scene & { readonly pod: Pod }): Promise<void> {
  using _span = deps.trace.span(memory.uid, "engine.refresh");
  memory.shown = shownOf(pod);
  // What changes from here on makes it 0 again.
  memory.refreshAtMs = Infinity;
  try {
    const dueMs = await deps.volumes.refresh(pod);
    memory.refreshAtMs = Math.min(memory.refreshAtMs, dueMs);
  } catch (error) {
    memory.refreshAtMs = 0;
    deps.events.record(pod, "Warning", "FailedMount", messageOf(error));
    throw error;
  }
}
