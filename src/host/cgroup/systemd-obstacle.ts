/** Whether cgroups can be units of systemd on this host. */
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface Obstacle {
  readonly why: string;
  readonly remedy: string;
}

const USE_CGROUPFS = "start Minke with --cgroup-driver cgroupfs";
/** sd_booted(3): there exactly when systemd is the init. */
const BOOTED = "run/systemd/system";
/** crun and busctl ask systemd through it. */
const BUS = "run/dbus/system_bus_socket";
const PROGRAMS = ["busctl", "systemctl"] as const;
const PROGRAM_FOLDERS = ["usr/bin", "bin", "usr/local/bin"] as const;

/** Why not, the first reason; undefined when they can. `system` is where `/` of the host is. */
export function systemdObstacle(system: string, version: 1 | 2): Obstacle | undefined {
  const has = (path: string): boolean => existsSync(join(system, path));
  if (!has(BOOTED)) return { why: "systemd is not this machine's init", remedy: USE_CGROUPFS };
  if (version === 1) {
    return {
      why: "this machine has cgroup version 1, where systemd and the limits of containers get in each other's way",
      remedy: `boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line, or ${USE_CGROUPFS}`,
    };
  }
  if (!has(BUS)) return { why: `there is no system bus at /${BUS}`, remedy: "apt-get install dbus" };
  const lacking = PROGRAMS.filter((name) => !PROGRAM_FOLDERS.some((folder) => has(join(folder, name))));
  if (lacking.length === 0) return undefined;
  return { why: `${lacking.join(", ")} not found`, remedy: "apt-get install systemd" };
}
