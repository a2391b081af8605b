/**
 * A hybrid layout whose v2 tree still has controllers: crun refuses it ("cgroups in hybrid mode not supported"). The
 * remedy is to mount each of them (in practice hugetlb) as a v1 hierarchy, which takes it out of the v2 tree.
 */
import { mkdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { MinkeError } from "../../base/errors.ts";
import type { MountHost } from "../host.ts";
import { readWords } from "./control-file.ts";

/** Controllers that the v2 tree beside v1 hierarchies still has. */
export async function strayControllers(unified: string | undefined): Promise<string[]> {
  if (unified === undefined) return [];
  return await readWords(join(unified, "cgroup.controllers"));
}

/** Mounts the stray controllers as v1 hierarchies. Returns what it did, as sentences. */
export async function splitHybrid(mount: MountHost, unified: string | undefined): Promise<readonly string[]> {
  const done: string[] = [];
  for (const controller of await strayControllers(unified)) {
    const target = join(dirname(unified!), controller);
    await mkdir(target, { recursive: true });
    try {
      await mount.mount({ type: "cgroup", source: "cgroup", target, data: controller });
    } catch (error) {
      await rmdir(target).catch(() => {});
      throw new MinkeError(
        "FailedPrecondition",
        `Cannot take controller ${controller} out of the cgroup v2 tree, which crun needs: ${(error as Error).message}; ` +
          `boot with systemd.unified_cgroup_hierarchy=1, or mount it: mount -t cgroup -o ${controller} cgroup ${target}`,
        { cause: error },
      );
    }
    done.push(`mounted the ${controller} controller as a cgroup v1 hierarchy at ${target}, which crun needs`);
  }
  return done;
}
