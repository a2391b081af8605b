/** Which cgroup version this host has, who makes cgroups in it, and the driver for both. */
import { readFileSync } from "node:fs";

import type { Clock } from "../../base/clock.ts";
import { MinkeError } from "../../base/errors.ts";
import type { CgroupHost, CgroupTree, MountHost, ProcessHost } from "../host.ts";
import { CGROUP_PLACES, type CgroupDriver } from "./driver.ts";
import { splitHybrid } from "./hybrid.ts";
import { type CgroupLayout, type Hierarchy, layoutOf } from "./layout.ts";
import { withUnits } from "./systemd.ts";
import { systemdObstacle } from "./systemd-obstacle.ts";
import { createCgroupV1 } from "./v1.ts";
import { createCgroupV2 } from "./v2.ts";

export interface CgroupOptions {
  readonly mount: MountHost;
  readonly process: Pick<ProcessHost, "run">;
  readonly clock: Clock;
  /** `auto`: systemd where it can be, else cgroupfs. */
  readonly driver: CgroupDriver | "auto";
  /** The text of /proc/self/mountinfo; a test gives its own. */
  readonly mountinfo?: () => string;
}

/**
 * Rejects (throws) with `FailedPrecondition` when no cgroup file system is mounted, or when the driver can not work here. With
 * either driver what is systemd's is left to it, so that what the other one has made can be removed.
 */
export function createCgroupHost(options: CgroupOptions): CgroupHost {
  const { mount, process, clock, driver, mountinfo = () => readFileSync("/proc/self/mountinfo", "utf8") } = options;
  const layout = requireLayout(mountinfo());
  const tree = layout.version === 2 ? createCgroupV2(layout.base, clock) : treeV1(layout, { mount, clock, mountinfo });
  const obstacle = systemdObstacle("/", layout.version);
  if (driver === "systemd" && obstacle) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot use the cgroup driver systemd: ${obstacle.why}; ${obstacle.remedy}`,
    );
  }
  const drivers: CgroupDriver[] = obstacle ? ["cgroupfs"] : ["cgroupfs", "systemd"];
  return {
    ...(layout.version === 2 && !obstacle ? withUnits(tree, { process, base: layout.base }) : tree),
    ...CGROUP_PLACES[driver === "auto" ? drivers.at(-1)! : driver],
    placesOf: (path) => drivers.map((each) => CGROUP_PLACES[each].placeOf(path)),
  };
}

function treeV1(
  layout: Extract<CgroupLayout, { readonly version: 1 }>,
  { mount, clock, mountinfo }: Required<Pick<CgroupOptions, "mount" | "clock" | "mountinfo">>,
): CgroupTree {
  let { hierarchies }: { hierarchies: readonly Hierarchy[] } = layout;
  return createCgroupV1({
    hierarchies: () => hierarchies,
    unified: layout.unified,
    clock,
    prepare: async () => {
      const done = await splitHybrid(mount, layout.unified);
      const now = requireLayout(mountinfo());
      if (now.version === 1) hierarchies = now.hierarchies;
      return done;
    },
  });
}

function requireLayout(mountinfo: string): CgroupLayout {
  const layout = layoutOf(mountinfo);
  if (layout) return layout;
  throw new MinkeError(
    "FailedPrecondition",
    "Cannot use cgroups: no cgroup file system is mounted; mount -t cgroup2 cgroup2 /sys/fs/cgroup",
  );
}
