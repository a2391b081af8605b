import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Pod } from "../../api/gen/types.ts";
import { messageOf } from "../../base/errors.ts";
import { renewalOf } from "../../volume/volume.ts";
import type { Scene } from "../act.ts";
import { shownOf } from "../shown.ts";
import { logDirectoryName } from "../translate.ts";

/** Volumes, and the directories for logs, so that no container start has to make them. */
export async function prepareVolumes({ deps, pod, memory }: Scene & { readonly pod: Pod }): Promise<void> {
  using _span = deps.trace.span(memory.uid, "engine.volumes");
  memory.volumesHeld = true;
  memory.shown = shownOf(pod);
  // What changes from here on makes it 0 again.
  memory.refreshAtMs = Infinity;
  const logs = join(deps.paths.podLogs, logDirectoryName(pod));
  const names = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ name }) => name);
  try {
    const [volumes] = await Promise.all([
      deps.volumes.prepare(pod),
      ...names.map((name) => mkdir(join(logs, name), { recursive: true, mode: 0o755 })),
      mkdir(join(deps.paths.podsRoot, memory.uid), { recursive: true, mode: 0o750 }),
    ]);
    memory.volumes = volumes;
    memory.refreshAtMs = Math.min(memory.refreshAtMs, renewalOf(volumes.values()));
  } catch (error) {
    memory.refreshAtMs = 0;
    deps.events.record(pod, "Warning", "FailedMount", messageOf(error));
    throw error;
  }
}
