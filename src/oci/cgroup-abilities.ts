/** What this host can limit per cgroup beyond the ordinary. A spec must not mention the rest: crun would fail. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";

import { layoutOf } from "../host/cgroup/layout.ts";

export interface CgroupAbilities {
  readonly swap: boolean;
  readonly hugetlb: boolean;
}

/** `cgroup` is one that exists, relative to the hierarchy's root: the root itself has no such files in v2. */
export async function cgroupAbilities(cgroup: string): Promise<CgroupAbilities> {
  const layout = layoutOf(await readFile("/proc/self/mountinfo", "utf8"));
  if (!layout) return { swap: false, hugetlb: false };
  if (layout.version === 2) {
    const controllers = await readFile(join(layout.base, cgroup, "cgroup.controllers"), "utf8").catch(() => "");
    const hugetlb = controllers.split(/\s/).includes("hugetlb");
    return { swap: await isThere(join(layout.base, cgroup, "memory.swap.max")), hugetlb };
  }
  const baseOf = (name: string): string | undefined =>
    layout.hierarchies.find(({ controllers }) => controllers.includes(name))?.base;
  const memory = baseOf("memory");
  return {
    swap: memory !== undefined && (await isThere(join(memory, cgroup, "memory.memsw.limit_in_bytes"))),
    hugetlb: baseOf("hugetlb") !== undefined,
  };
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
