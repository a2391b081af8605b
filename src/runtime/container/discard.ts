/** Removing every trace of a container from the host: for remove, for the undo of a failed create, and for recovery. */
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";

import { removeCheckpoint } from "../checkpoint/checkpoint.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord } from "../records.ts";
import { handlerOf, type Scope } from "../scope.ts";
import { unlaunch } from "./launch.ts";
import { unmountPlaces } from "./own-mounts.ts";

/**
 * `launched`: kills monitor and processes, and removes what their start has made. Otherwise nothing runs; `ended` ones have
 * left crun's record and a cgroup. Then the mounts, the bundle, the writable layer, and last the checkpoint go, so that what
 * is cut short can be done again. Idempotent.
 */
export async function discard(
  scope: Pick<Scope, "host" | "handlers" | "layout">,
  record: Pick<ContainerRecord, "id" | "handler" | "cgroupPath">,
  { launched }: { readonly launched: boolean },
): Promise<void> {
  const { host } = scope;
  const paths = containerPaths(scope.layout, record.id);
  const unmounted = Promise.all([host.mount.unmount(paths.rootfs), unmountPlaces(host, paths.places)]);
  const results = await Promise.allSettled([launched ? unlaunch(scope, record) : forget(scope, record), unmounted]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  await Promise.all([paths.upper, paths.work].map((path) => rm(path, { recursive: true, force: true })));
  rmSync(paths.bundle, { recursive: true, force: true });
  rmSync(paths.exit, { force: true });
  removeCheckpoint(paths.checkpoint);
  rmSync(paths.root, { recursive: true, force: true });
}

/** With the host's PIDs the first process may have left others behind. */
async function forget(
  scope: Pick<Scope, "host" | "handlers">,
  record: Pick<ContainerRecord, "id" | "handler" | "cgroupPath">,
): Promise<void> {
  const { cgroup } = scope.host;
  if ((await cgroup.processes(record.cgroupPath)).length > 0) await cgroup.kill(record.cgroupPath);
  await handlerOf(scope, record).crun.forget(record.id);
  await cgroup.remove(record.cgroupPath);
}
