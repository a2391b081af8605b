/** The cgroup tree. */
import { join } from "node:path";

import type { CgroupDriver } from "../cgroup/driver.ts";
import { layoutOf } from "../cgroup/layout.ts";
import { systemdObstacle } from "../cgroup/systemd-obstacle.ts";
import { readIfExists } from "../files.ts";
import type { Requirement } from "../requirements.ts";
import { found, missing, warning } from "./verdict.ts";

/** Without these the limits of Pods do not hold. */
const NEEDED_V2 = ["cpu", "cpuset", "memory", "pids"] as const;
const NEEDED_V1 = ["cpu", "cpuacct", "cpuset", "memory", "pids", "devices", "freezer"] as const;

export async function checkCgroups(system: string, driver: CgroupDriver | "auto" = "cgroupfs"): Promise<Requirement[]> {
  const layout = layoutOf((await readIfExists(join(system, "proc/self/mountinfo"))) ?? "");
  if (!layout)
    return [missing("cgroup", "no cgroup file system is mounted", "mount -t cgroup2 cgroup2 /sys/fs/cgroup")];
  const wordsOf = async (base: string): Promise<string[]> =>
    ((await readIfExists(join(system, base, "cgroup.controllers"))) ?? "").split(/\s+/).filter((word) => word !== "");
  if (layout.version === 2) {
    const tree = [found("cgroup", `version 2 at ${layout.base}`), controllers(NEEDED_V2, await wordsOf(layout.base))];
    return [...tree, checkDriver(system, driver, 2)];
  }
  const mounted = layout.hierarchies.flatMap((hierarchy) => hierarchy.controllers);
  const hybrid = layout.unified === undefined ? "version 1" : "version 1 with a version 2 tree beside it (hybrid)";
  const result = [
    warning(
      "cgroup",
      `${hybrid}: supported, but version 2 is what Kubernetes itself goes on with`,
      "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line",
    ),
    controllers(NEEDED_V1, mounted),
    checkDriver(system, driver, 1),
  ];
  const stray = layout.unified === undefined ? [] : await wordsOf(layout.unified);
  return stray.length === 0 ? result : [...result, strayWarning(stray)];
}

/** Who makes the cgroups of Pods, and who could. */
function checkDriver(system: string, driver: CgroupDriver | "auto", version: 1 | 2): Requirement {
  const name = "cgroup driver";
  const obstacle = systemdObstacle(system, version);
  if (driver === "systemd" && obstacle) {
    return missing(name, `systemd was asked for: ${obstacle.why}`, obstacle.remedy);
  }
  if (obstacle) return found(name, `cgroupfs; systemd can not be: ${obstacle.why}`);
  return found(name, driver === "cgroupfs" ? "cgroupfs; systemd can be, with --cgroup-driver systemd" : "systemd");
}

function controllers(needed: readonly string[], there: readonly string[]): Requirement {
  const lacking = needed.filter((name) => !there.includes(name));
  if (lacking.length === 0) return found("cgroup controllers", there.join(", "));
  const remedy = lacking.includes("memory")
    ? "boot with cgroup_enable=memory on the kernel's command line"
    : "enable them in the parent's cgroup.subtree_control, or mount them";
  return missing(
    "cgroup controllers",
    `lacking ${lacking.join(", ")}; there are ${there.join(", ") || "none"}`,
    remedy,
  );
}

/** The node mends this itself when it starts: see cgroup/hybrid.ts. */
function strayWarning(stray: readonly string[]): Requirement {
  const commands = stray.map(
    (name) => `mkdir -p /sys/fs/cgroup/${name} && mount -t cgroup -o ${name} cgroup /sys/fs/cgroup/${name}`,
  );
  return warning(
    "cgroup hybrid layout",
    `${stray.join(", ")} in the version 2 tree, where crun refuses it; the node mounts it as version 1 when it starts`,
    commands.join(" && "),
  );
}
