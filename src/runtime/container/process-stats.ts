/** Counting what the processes of containers hold open. */
import { openFiles } from "../../host/process/open-files.ts";
import type { ContainerFilter, ProcessStats } from "../runtime.ts";
import type { ContainerEntry, Scope } from "../scope.ts";
import { findContainers } from "./list.ts";

/** Per container id; containers that have ended are left out. */
export async function processStats(scope: Scope, filter?: ContainerFilter): Promise<ReadonlyMap<string, ProcessStats>> {
  const counted = new Map<string, ProcessStats>();
  for (const entry of await findContainers(scope, filter)) {
    if (!entry.record.ended) counted.set(entry.record.id, await count(scope, entry));
  }
  return counted;
}

async function count(scope: Scope, { record }: ContainerEntry): Promise<ProcessStats> {
  const pids = await scope.host.cgroup.processes(record.cgroupPath);
  let processes = 0;
  let fileDescriptors = 0;
  let sockets = 0;
  let fileDescriptorsMax: number | undefined;
  for (const pid of pids) {
    const open = await openFiles(pid);
    if (!open) continue;
    processes++;
    fileDescriptors += open.descriptors;
    sockets += open.sockets;
    if (pid === record.process?.pid) fileDescriptorsMax = open.limit;
  }
  return { processes, fileDescriptors, sockets, ...(fileDescriptorsMax === undefined ? {} : { fileDescriptorsMax }) };
}
