/** Whether this host can limit a cgroup's swap. Without that, a memory limit must not mention swap: crun would fail. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";

import { layoutOf } from "../host/cgroup/layout.ts";

/**
 * True when the memory controller has its swap files. `cgroup` is one that exists, relative to the hierarchy's root: the
 * root itself has no `memory.swap.max` in v2.
 */
export async function hasSwapController(cgroup: string): Promise<boolean> {
  const layout = layoutOf(await readFile("/proc/self/mountinfo", "utf8"));
  if (!layout) return false;
  const file =
    layout.version === 2
      ? join(layout.base, cgroup, "memory.swap.max")
      : join(memoryBase(layout.hierarchies), cgroup, "memory.memsw.limit_in_bytes");
  return await access(file).then(
    () => true,
    () => false,
  );
}

function memoryBase(
  hierarchies: readonly { readonly base: string; readonly controllers: readonly string[] }[],
): string {
  return hierarchies.find(({ controllers }) => controllers.includes("memory"))?.base ?? "/nowhere";
}
