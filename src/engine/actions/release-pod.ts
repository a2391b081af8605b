import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";

import type { Pod } from "../../api/gen/types.ts";
import { errnoOf } from "../../base/errors.ts";
import type { Deps } from "../deps.ts";
import type { PodMemory } from "../memory.ts";

/** Volumes, logs and files of a Pod of which nothing runs any more. Idempotent. */
export async function releasePod(deps: Deps, memory: PodMemory, pod: Pod | undefined): Promise<void> {
  await deps.volumes.release(memory.uid);
  memory.volumes = undefined;
  memory.volumesHeld = false;
  await Promise.all([removePodDirectory(deps.paths.podsRoot, memory.uid), deps.logs.removePod(memory.uid, pod)]);
  deps.puller.forget(memory.uid);
  memory.released = true;
}

/** Our own files one by one, then the directory only if it is empty: what we did not make, we do not delete. */
async function removePodDirectory(podsRoot: string, uid: string): Promise<void> {
  const directory = join(podsRoot, uid);
  await rm(join(directory, "etc-hosts"), { force: true });
  await rm(join(directory, "containers"), { recursive: true, force: true });
  for (const name of await readdir(directory).catch(() => [])) await rmdir(join(directory, name)).catch(() => {});
  try {
    await rmdir(directory);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
