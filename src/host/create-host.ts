/** Puts the real host layer together. */
import { type Clock, systemClock } from "../base/clock.ts";
import { type Logger, noLog } from "../base/logger.ts";
import { createCgroupHost } from "./cgroup/cgroup.ts";
import type { CgroupDriver } from "./cgroup/driver.ts";
import type { Host } from "./host.ts";
import { createMountHost } from "./mount.ts";
import { createNamespaceHost } from "./namespace.ts";
import { Agent } from "./process/agent.ts";
import { createProcessHost } from "./process/process.ts";

export interface HostOptions {
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Perl interpreter that runs the agent; default `perl`. */
  readonly perl?: string;
  /** Who makes the cgroups of Pods; `auto`: systemd where it can be. Default `cgroupfs`. */
  readonly cgroupDriver?: CgroupDriver | "auto";
}

/**
 * Opens the host. The agent is started at once, in the background. Dispose when done: what was started or mounted through
 * it stays.
 */
export async function createHost(options: HostOptions = {}): Promise<Host> {
  const { log = noLog, clock = systemClock, perl, cgroupDriver = "cgroupfs" } = options;
  const agent = new Agent({ clock, log, ...(perl === undefined ? {} : { perl }) });
  const mount = createMountHost(agent);
  const process = createProcessHost(agent);
  const cgroup = createCgroupHost({ mount, process, clock, driver: cgroupDriver });
  agent.start();
  return {
    process,
    namespace: createNamespaceHost(agent),
    mount,
    cgroup,
    [Symbol.asyncDispose]: async () => await agent[Symbol.asyncDispose](),
  };
}
