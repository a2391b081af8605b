/** Which cgroup version this host has, and the driver for it. */
import { MinkeError } from "../../base/errors.ts";
import type { CgroupHost } from "../host.ts";

export function createCgroupHost(): CgroupHost {
  const no = async (): Promise<never> => {
    throw new MinkeError("Unimplemented", "Cannot use cgroups: under construction");
  };
  return {
    version: 1,
    prepare: no,
    create: no,
    update: no,
    exists: no,
    kill: no,
    processes: no,
    remove: no,
    children: no,
    stats: no,
  };
}
