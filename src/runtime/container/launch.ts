/** A container's process and its monitor: making them, and taking them away again before the process has run. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";

import { BUNDLE_FILES } from "../../oci/conmon.ts";
import { containerPaths } from "../layout.ts";
import type { ContainerRecord } from "../records.ts";
import { handlerOf, refOf, type Scope } from "../scope.ts";

/** Starts the monitor, which runs `crun create`: the process exists afterwards, and waits. Rejects with crun's words. */
export async function launch(
  scope: Scope,
  record: ContainerRecord,
  signal?: AbortSignal,
): Promise<Required<Pick<ContainerRecord, "process" | "conmon">>> {
  const { config, id } = record;
  using _span = scope.trace.span(record.podUid, "container.conmon", config.metadata.name);
  const launched = await handlerOf(scope, record).conmon.launch({
    id,
    name: config.metadata.name,
    bundle: containerPaths(scope.layout, id).bundle,
    logPath: record.logPath,
    terminal: config.tty,
    stdin: config.stdin,
    leaveStdinOpen: config.stdin && !config.stdinOnce,
    signal,
  });
  // A process that is gone already has left, or leaves, an exit file; a reference that can match nothing tells so.
  return {
    process: refOf(scope, launched.pid) ?? { pid: launched.pid, startTime: -1 },
    conmon: refOf(scope, launched.conmonPid) ?? { pid: launched.conmonPid, startTime: -1 },
  };
}

/** Whether something is left of a launch, a whole one or one that was cut short. */
export function isLaunched(scope: Pick<Scope, "handlers" | "layout">, record: ContainerRecord): boolean {
  const { bundle } = containerPaths(scope.layout, record.id);
  return (
    existsSync(join(bundle, BUNDLE_FILES.conmonPid)) || existsSync(join(handlerOf(scope, record).crun.root, record.id))
  );
}

/**
 * Kills monitor and process, and removes all that a launch has made: crun's record, the cgroup, the monitor's files. The
 * monitor goes first, so that it tells of no end. What was created stays, and can be launched again. Idempotent.
 */
export async function unlaunch(
  scope: Pick<Scope, "host" | "handlers" | "layout">,
  record: Pick<ContainerRecord, "id" | "handler" | "cgroupPath">,
): Promise<void> {
  const { crun, conmon } = handlerOf(scope, record);
  const { bundle, exit } = containerPaths(scope.layout, record.id);
  conmon.abandon(record.id, bundle);
  await scope.host.cgroup.kill(record.cgroupPath);
  await crun.delete(record.id, { force: true });
  await scope.host.cgroup.remove(record.cgroupPath);
  for (const file of Object.values(BUNDLE_FILES)) rmSync(join(bundle, file), { force: true });
  rmSync(exit, { force: true });
}
