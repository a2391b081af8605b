/**
 * The cgroup v1 driver (Documentation/admin-guide/cgroup-v1). A Pod has the same path in every hierarchy, also in named
 * ones and in a hybrid layout's v2 tree as far as the OCI runtime made it there: whatever exists is removed.
 */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import { errnoOf } from "../../base/errors.ts";
import { exists } from "../files.ts";
import type { CgroupResources, CgroupTree } from "../host.ts";
import { type ControlWrite, readControl, readNumber, writeControls } from "./control-file.ts";
import { cpuV1 } from "./cpu.ts";
import { cpusetLists } from "./cpuset.ts";
import { hugetlbV1 } from "./hugetlb.ts";
import { ioV1 } from "./io.ts";
import { killAll } from "./kill.ts";
import type { Hierarchy } from "./layout.ts";
import { memoryV1, type SwapLimit } from "./memory.ts";
import { pidsMax } from "./pids.ts";
import { statsV1, UNLIMITED_BYTES } from "./stats-v1.ts";
import { childNames, makeBelow, pidsBelow, removeBelow } from "./tree.ts";
import { refuseUnified } from "./unified.ts";

/** What to write into a controller's folder, which exists. */
const WRITES: Readonly<Record<string, (resources: CgroupResources, folder: string) => Promise<ControlWrite[]>>> = {
  cpu: async (resources) => cpuV1(resources),
  cpuset: async (resources) => cpusetLists(resources),
  memory: async (resources, folder) =>
    memoryV1(resources, resources.memoryBytes === undefined ? undefined : await swapLimit(folder)),
  pids: async (resources) => pidsMax(resources),
  blkio: async (resources) => ioV1(resources),
  hugetlb: async (resources) => hugetlbV1(resources),
};
/** Whose task lists stand for all hierarchies: containers are in each of them. */
const TASK_CONTROLLERS = ["freezer", "pids", "memory"] as const;

export interface CgroupV1Options {
  /** Read at each call, since {@link CgroupTree.prepare} may add one. */
  readonly hierarchies: () => readonly Hierarchy[];
  /** The v2 tree of a hybrid layout. */
  readonly unified: string | undefined;
  readonly prepare: () => Promise<readonly string[]>;
  readonly clock: Clock;
}

export function createCgroupV1(options: CgroupV1Options): CgroupTree {
  const { hierarchies, unified, prepare, clock } = options;
  const bases = (): string[] => [...hierarchies().map(({ base }) => base), ...(unified === undefined ? [] : [unified])];
  const inAll = async <T>(path: string, act: (folder: string) => Promise<T>): Promise<T[]> =>
    await Promise.all(bases().map(async (base) => await act(join(base, path))));
  const folderOf = (controller: string, path: string): string | undefined => {
    const hierarchy = hierarchies().find(({ controllers }) => controllers.includes(controller));
    return hierarchy && join(hierarchy.base, path);
  };
  const pidsInAll = async (path: string): Promise<number[]> => [...new Set((await inAll(path, pidsBelow)).flat())];
  return {
    version: 1,
    prepare,
    create: async (path, resources) => {
      await Promise.all(hierarchies().map(async (hierarchy) => await createIn(hierarchy, path)));
      await apply(hierarchies(), path, resources);
    },
    update: async (path, resources) => await apply(hierarchies(), path, resources),
    exists: async (path) => (await inAll(path, exists)).includes(true),
    kill: async (path) => await kill(path, folderOf("freezer", path), async () => await pidsInAll(path), clock),
    hold: async () => {},
    processes: async (path) => {
      const folder = TASK_CONTROLLERS.map((name) => folderOf(name, path)).find((found) => found !== undefined);
      return folder === undefined ? await pidsInAll(path) : await pidsBelow(folder);
    },
    remove: async (path) => void (await inAll(path, async (folder) => await removeBelow(folder, clock))),
    children: async (path) => {
      const names = await inAll(path, childNames);
      return [...new Set(names.flat())].map((name) => join(path, name));
    },
    stats: async (path) => await statsV1((controller) => folderOf(controller, path)),
  };
}

async function createIn(hierarchy: Hierarchy, path: string): Promise<void> {
  const cpuset = hierarchy.controllers.includes("cpuset");
  await makeBelow(hierarchy.base, path, async (folder) => {
    if (cpuset) await inheritCpuset(folder);
  });
}

/** A new v1 cpuset is empty and takes no process, unless its parent says `cgroup.clone_children`. */
async function inheritCpuset(folder: string): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const own = await readControl(folder, file);
    if (own === undefined || own.trim() !== "") continue;
    await writeFile(join(folder, file), await readFile(join(dirname(folder), file)));
  }
}

async function apply(hierarchies: readonly Hierarchy[], path: string, resources: CgroupResources): Promise<void> {
  refuseUnified(resources);
  for (const [controller, writesOf] of Object.entries(WRITES)) {
    const hierarchy = hierarchies.find(({ controllers }) => controllers.includes(controller));
    const folder = join(hierarchy?.base ?? `/sys/fs/cgroup/${controller}`, path);
    const writes = await writesOf(resources, folder);
    if (writes.length > 0) await writeControls(folder, writes);
  }
}

async function swapLimit(folder: string): Promise<SwapLimit | undefined> {
  const bytes = await readNumber(folder, "memory.memsw.limit_in_bytes");
  return bytes === undefined ? undefined : bytes >= UNLIMITED_BYTES ? {} : { limitBytes: bytes };
}

/** Freezes, so that nothing can fork away, kills, thaws: a frozen process dies only when thawed. */
async function kill(
  path: string,
  freezer: string | undefined,
  pids: () => Promise<number[]>,
  clock: Clock,
): Promise<void> {
  const setState = async (state: string): Promise<void> => {
    if (freezer === undefined) return;
    try {
      await writeFile(join(freezer, "freezer.state"), state);
    } catch (error) {
      if (!["ENOENT", "ENODEV", "EACCES", "EPERM"].includes(errnoOf(error) ?? "")) throw error;
    }
  };
  const frozenPids = async (): Promise<number[]> => {
    if ((await pids()).length === 0) return [];
    await setState("FROZEN");
    return await pids();
  };
  try {
    await killAll(path, frozenPids, clock, async () => await setState("THAWED"));
  } finally {
    await setState("THAWED");
  }
}
