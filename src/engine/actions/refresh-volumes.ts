import type { Pod } from "../../api/gen/types.ts";
import { messageOf } from "../../base/errors.ts";
import type { Scene } from "../act.ts";

/** What volumes show is as their objects and the clock have it. What can not be read leaves the old content. */
export async function refreshVolumes({ deps, pod, memory }: Scene & { readonly pod: Pod }): Promise<void> {
  using _span = deps.trace.span(memory.uid, "engine.refresh");
  try {
    memory.refreshAtMs = await deps.volumes.refresh(pod);
  } catch (error) {
    deps.events.record(pod, "Warning", "FailedMount", messageOf(error));
    throw error;
  }
}
