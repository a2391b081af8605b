/** Which cgroup version this host has, and the driver for it. */
import { readFileSync } from "node:fs";

import type { Clock } from "../../base/clock.ts";
import { MinkeError } from "../../base/errors.ts";
import type { CgroupHost, MountHost } from "../host.ts";
import { splitHybrid } from "./hybrid.ts";
import { type CgroupLayout, type Hierarchy, layoutOf } from "./layout.ts";
import { createCgroupV1 } from "./v1.ts";
import { createCgroupV2 } from "./v2.ts";

export interface CgroupOptions {
  readonly mount: MountHost;
  readonly clock: Clock;
  /** The text of /proc/self/mountinfo; a test gives its own. */
  readonly mountinfo?: () => string;
}

/** Rejects (throws) with `FailedPrecondition` when no cgroup file system is mounted. */
export function createCgroupHost(options: CgroupOptions): CgroupHost {
  const { mount, clock, mountinfo = () => readFileSync("/proc/self/mountinfo", "utf8") } = options;
  const layout = requireLayout(mountinfo());
  if (layout.version === 2) return createCgroupV2(layout.base, clock);
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
