import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { renewalOf } from "../../volume/volume.ts";
import type { LiveScene } from "../act.ts";
import { logDirectoryName } from "../translate.ts";
import { showing } from "./refresh-volumes.ts";

/** Volumes, and the directories for logs, so that no container start has to make them. */
export async function prepareVolumes(scene: LiveScene): Promise<void> {
  const { deps, pod, memory } = scene;
  using _span = deps.trace.span(memory.uid, "engine.volumes");
  memory.volumesHeld = true;
  const logs = join(deps.paths.podLogs, logDirectoryName(pod));
  const names = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ name }) => name);
  await showing(scene, async () => {
    const [volumes] = await Promise.all([
      deps.volumes.prepare(pod),
      ...names.map((name) => mkdir(join(logs, name), { recursive: true, mode: 0o755 })),
      mkdir(join(deps.paths.podsRoot, memory.uid), { recursive: true, mode: 0o750 }),
    ]);
    memory.volumes = volumes;
    return renewalOf(volumes.values());
  });
}
