/** The cgroup that a sandbox' containers have in common: whose it is, and how it goes. */
import { posix } from "node:path";

import { MinkeError } from "../../base/errors.ts";
import type { SandboxRecord } from "../records.ts";
import type { SandboxConfig } from "../runtime.ts";
import type { Scope } from "../scope.ts";
import { initCgroup } from "./init.ts";

/** Whether the caller named a cgroup outside of the instance's, which is the caller's then. */
export function isForeign({ cgroupParent }: Pick<SandboxConfig, "cgroupParent">): boolean {
  return cgroupParent.startsWith("/");
}

/** Full path of the cgroup, relative to the hierarchy's root; `.` is that itself. Rejects a way out of the instance's own. */
export function sandboxCgroup(scope: Scope, id: string, config: SandboxConfig): string {
  const { cgroupParent } = config;
  const { cgroupRoot } = scope.instance;
  if (isForeign(config)) return scope.host.cgroup.placeOfCallers(cgroupParent);
  const path = posix.join(cgroupRoot, cgroupParent === "" ? `sandbox-${id}` : cgroupParent).replace(/\/$/, "");
  if (isWithin(path, cgroupRoot) && path !== cgroupRoot) return scope.host.cgroup.placeOf(path);
  throw new MinkeError(
    "InvalidArgument",
    `Cannot run sandbox ${id.slice(0, 12)}: its cgroup parent "${cgroupParent}" is not below the instance's cgroup; begin with "/" to name any other`,
    { details: { cgroupParent } },
  );
}

/**
 * The topmost cgroup that has to be made for a foreign one; undefined when it is there. A sandbox that shares one which an
 * earlier one has made has made it too, for the last of them removes it.
 */
export async function cgroupToMake(scope: Scope, config: SandboxConfig, path: string): Promise<string | undefined> {
  if (!isForeign(config)) return undefined;
  const made = othersIn(scope, { cgroupPath: path }).find((other) => other.madeCgroup !== undefined)?.madeCgroup;
  if (made !== undefined) return made;
  let missing: string | undefined;
  for (let at = path; at !== "." && !(await scope.host.cgroup.exists(at)); at = posix.dirname(at)) missing = at;
  return missing;
}

/**
 * Kills what runs in the sandbox, has crun forget its init, and removes its cgroups. Of a cgroup that is shared with another sandbox, or the caller's,
 * only the sandbox' own part goes; of the caller's also what the sandbox itself made, once it is empty.
 */
export async function releaseCgroup(
  scope: Scope,
  record: SandboxRecord,
  deleteInit: () => Promise<void>,
): Promise<void> {
  const { cgroup } = scope.host;
  const shared = othersIn(scope, record).length > 0;
  const foreign = isForeign(record.config);
  const whole = !foreign && !shared;
  const containers = [...(scope.sandboxes.get(record.id)?.containers ?? [])].map((entry) => entry.record.cgroupPath);
  const own = whole ? [record.cgroupPath] : [initCgroup(scope, record).path, ...(foreign ? containers : [])];
  const killAll = async (): Promise<void> => void (await Promise.all(own.map(async (path) => cgroup.kill(path))));
  await killAll();
  await deleteInit();
  // What a crun that was cut short had begun may have come into the cgroup only now.
  await killAll();
  await Promise.all(own.map(async (path) => cgroup.remove(path)));
  if (!foreign || shared || record.madeCgroup === undefined) return;
  for (let at = record.cgroupPath; isWithin(at, record.madeCgroup); at = posix.dirname(at)) {
    if ((await cgroup.children(at)).length > 0 || (await cgroup.processes(at)).length > 0) return;
    await cgroup.remove(at);
  }
}

function isWithin(path: string, top: string): boolean {
  return path === top || path.startsWith(`${top}/`);
}

/** Other sandboxes in the same cgroup: a Pod's next sandbox has that of a lost one. */
function othersIn(
  scope: Scope,
  { id, cgroupPath }: { readonly id?: string; readonly cgroupPath: string },
): readonly SandboxRecord[] {
  const all = [...[...scope.sandboxes.values()].map((entry) => entry.record), ...scope.making];
  return all.filter((other) => other.id !== id && !other.stopped && other.cgroupPath === cgroupPath);
}
