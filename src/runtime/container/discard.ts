/** Removing every trace of a container from the host: for remove, for the undo of a failed create, and for recovery. */
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";

import { removeCheckpoint } from "../checkpoint/checkpoint.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord } from "../records.ts";
import { handlerOf, type Scope } from "../scope.ts";
import { unmountPlaces } from "./own-mounts.ts";

/**
 * Kills its monitor and what runs in its cgroup (unless `ended` says that nothing does), removes crun's record, the cgroup, the mounts, the
 * bundle, the writable layer, and last the checkpoint, so that what is cut short can be done again. Idempotent.
 */
export async function discard(
  scope: Pick<Scope, "host" | "handlers" | "layout">,
  record: Pick<ContainerRecord, "id" | "handler" | "cgroupPath">,
  { ended }: { readonly ended: boolean } = { ended: false },
): Promise<void> {
  const { host } = scope;
  const { id, cgroupPath } = record;
  const { crun, conmon } = handlerOf(scope, record);
  const paths = containerPaths(scope.layout, id);
  const unmounted = Promise.all([host.mount.unmount(paths.rootfs), unmountPlaces(host, paths.places)]);
  if (!ended) conmon.abandon(id, paths.bundle);
  // With the host's PIDs the first process may have left others behind.
  if (!ended || (await host.cgroup.processes(cgroupPath)).length > 0) await host.cgroup.kill(cgroupPath);
  const forgotten = ended ? crun.forget(id) : crun.delete(id, { force: true });
  const results = await Promise.allSettled([forgotten, unmounted]);
  await host.cgroup.remove(cgroupPath);
  for (const result of results) if (result.status === "rejected") throw result.reason;
  await Promise.all([paths.upper, paths.work].map((path) => rm(path, { recursive: true, force: true })));
  rmSync(paths.bundle, { recursive: true, force: true });
  rmSync(paths.exit, { force: true });
  removeCheckpoint(paths.checkpoint);
  rmSync(paths.root, { recursive: true, force: true });
}
