import { messageOf } from "../../base/errors.ts";
import type { LiveScene } from "../act.ts";
import { shownOf } from "../shown.ts";

/** What volumes show is as their objects and the clock have it. What can not be read leaves the old content. */
export async function refreshVolumes(scene: LiveScene): Promise<void> {
  const { deps, pod, memory } = scene;
  using _span = deps.trace.span(memory.uid, "engine.refresh");
  await showing(scene, async () => deps.volumes.refresh(pod));
}

/** Remembers what `show` shows, which returns when time alone makes that old; a failure is told, and tried again. */
export async function showing({ deps, pod, memory }: LiveScene, show: () => Promise<number>): Promise<void> {
  memory.shown = shownOf(pod);
  // What changes from here on makes it 0 again.
  memory.refreshAtMs = Infinity;
  try {
    const dueMs = await show();
    memory.refreshAtMs = Math.min(memory.refreshAtMs, dueMs);
  } catch (error) {
    memory.refreshAtMs = 0;
    deps.events.record(pod, "Warning", "FailedMount", messageOf(error));
    throw error;
  }
}
