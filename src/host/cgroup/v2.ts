/** The cgroup v2 driver (Documentation/admin-guide/cgroup-v2.rst). `base` is where the tree is mounted. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import { errnoOf, MinkeError } from "../../base/errors.ts";
import { exists } from "../files.ts";
import type { CgroupResources, CgroupTree } from "../host.ts";
import { type ControlWrite, readControl, readWords, writeControls } from "./control-file.ts";
import { cpuV2 } from "./cpu.ts";
import { cpusetLists } from "./cpuset.ts";
import { hugetlbV2 } from "./hugetlb.ts";
import { ioV2 } from "./io.ts";
import { killAll } from "./kill.ts";
import { memoryV2 } from "./memory.ts";
import { pidsMax } from "./pids.ts";
import { statsV2 } from "./stats-v2.ts";
import { childNames, makeBelow, pidsBelow, removeBelow } from "./tree.ts";
import { unifiedV2 } from "./unified.ts";

/** What Pods use. A controller that the host lacks is left out, and asking for a limit of it fails by name. */
const CONTROLLERS = ["cpu", "cpuset", "hugetlb", "io", "memory", "pids"] as const;
/** Where {@link prepare} moves the processes of a container's own root cgroup, which may not have both them and children. */
const INIT_LEAF = "minke-init";

export function createCgroupV2(base: string, clock: Clock): CgroupTree {
  const at = (path: string): string => join(base, path);
  return {
    version: 2,
    prepare: async () => await prepare(base),
    create: async (path, resources) => {
      await makeBelow(base, path, async () => {});
      const parts = path.split("/");
      for (let i = 0; i < parts.length; i++) await enableControllers(join(base, ...parts.slice(0, i)));
      await writeControls(at(path), writesOf(resources));
    },
    update: async (path, resources) => await writeControls(at(path), writesOf(resources)),
    exists: async (path) => await exists(at(path)),
    kill: async (path) => await kill(at(path), clock),
    hold: async () => {},
    processes: async (path) => await pidsBelow(at(path)),
    remove: async (path) => await removeBelow(at(path), clock),
    children: async (path) => (await childNames(at(path))).map((name) => join(path, name)),
    stats: async (path) => await statsV2(at(path)),
  };
}

const WRITES = [cpuV2, cpusetLists, memoryV2, pidsMax, ioV2, hugetlbV2, unifiedV2] as const;

function writesOf(resources: CgroupResources): ControlWrite[] {
  return WRITES.flatMap((writes) => writes(resources));
}

/** Makes the controllers usable below the root; in a container, first moves its processes out of the root cgroup. */
async function prepare(base: string): Promise<readonly string[]> {
  try {
    await enableControllers(base);
    return [];
  } catch (error) {
    if (errnoOf((error as Error).cause) !== "EBUSY") throw error;
  }
  await mkdir(join(base, INIT_LEAF), { recursive: true });
  for (const pid of await pidsOf(base)) {
    await writeFile(join(base, INIT_LEAF, "cgroup.procs"), pid).catch((error: unknown) => {
      if (errnoOf(error) !== "ESRCH") throw error;
    });
  }
  await enableControllers(base);
  return [`moved the processes of ${base} to ${join(base, INIT_LEAF)}, so that its controllers could be enabled`];
}

async function pidsOf(folder: string): Promise<string[]> {
  return ((await readControl(folder, "cgroup.procs")) ?? "").split("\n").filter((line) => line !== "");
}

/** Lets the children of `folder` use the controllers that are there. */
async function enableControllers(folder: string): Promise<void> {
  const [available, enabled] = await Promise.all([
    readWords(join(folder, "cgroup.controllers")),
    readWords(join(folder, "cgroup.subtree_control")),
  ]);
  const wanted = CONTROLLERS.filter((name) => available.includes(name) && !enabled.includes(name));
  if (wanted.length === 0) return;
  try {
    await writeFile(join(folder, "cgroup.subtree_control"), wanted.map((name) => `+${name}`).join(" "));
  } catch (error) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot enable cgroup controllers ${wanted.join(", ")} in ${folder}: ${errnoOf(error)}${
        errnoOf(error) === "EBUSY" ? "; processes are in it" : ""
      }`,
      { cause: error },
    );
  }
}

async function kill(folder: string, clock: Clock): Promise<void> {
  try {
    if (await exists(join(folder, "cgroup.kill"))) await writeFile(join(folder, "cgroup.kill"), "1");
  } catch (error) {
    if (!["ENOENT", "ENODEV"].includes(errnoOf(error) ?? "")) throw error;
  }
  await killAll(folder, async () => await pidsBelow(folder), clock);
}
