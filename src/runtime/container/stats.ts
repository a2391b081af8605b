/** What containers use, read from their cgroups. */
import type { ContainerFilter, ContainerStats } from "../runtime.ts";
import type { Scope } from "../scope.ts";
import { findContainers } from "./list.ts";

/** The statistics of every container that has not ended. */
export async function containerStats(scope: Scope, filter?: ContainerFilter): Promise<readonly ContainerStats[]> {
  const entries = (await findContainers(scope, filter)).filter(({ record }) => !record.ended);
  const all = await Promise.all(
    entries.map(async ({ record }) => {
      const stats = await scope.host.cgroup.stats(record.cgroupPath);
      return stats && { ...stats, containerId: record.id, atMs: scope.clock.now() };
    }),
  );
  return all.filter((stats) => stats !== undefined);
}
