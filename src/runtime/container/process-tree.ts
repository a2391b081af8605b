/** Killing one process of a container with all that it has started, and nothing else in the container. */
import { readFileSync } from "node:fs";

import { messageOf } from "../../base/errors.ts";
import type { Scope } from "../scope.ts";

/** A tree that keeps growing is chased this many times. */
const ROUNDS_MAX = 10;

/** Sends SIGKILL to the process whose pid is in `pidFile`, and its descendants. False, and no error, when there is none. */
export async function killTree(scope: Scope, cgroupPath: string, pidFile: string): Promise<boolean> {
  try {
    const root = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const tree = descendants(root, await scope.host.cgroup.processes(cgroupPath));
      if (tree.length === 0) return round > 0;
      for (const pid of tree) scope.host.process.kill(pid, "SIGKILL");
    }
    return true;
  } catch (error) {
    scope.log.debug({ pidFile, why: messageOf(error) }, "No process tree to kill");
    return false;
  }
}

/** The root and what descends from it, of the pids given. */
function descendants(root: number, pids: readonly number[]): readonly number[] {
  const parents = new Map(pids.map((pid) => [pid, parentOf(pid)]));
  return pids.filter((pid) => {
    for (let at: number | undefined = pid; at !== undefined; at = parents.get(at)) if (at === root) return true;
    return false;
  });
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
