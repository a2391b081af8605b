import type { Pod } from "../api/gen/types.ts";
import type { Deps } from "./deps.ts";
import type { PodStats } from "./engine.ts";
import { POD_UID, containerName } from "./labels.ts";

/** Current usage of the containers that run, by Pod. */
export async function podStats({ store, runtime }: Deps, namespace?: string): Promise<readonly PodStats[]> {
  const [stats, containers] = await Promise.all([
    runtime.stats({ owner: "engine" }),
    runtime.containers({ owner: "engine" }),
  ]);
  const byId = new Map(stats.map((each) => [each.containerId, each]));
  const running = Map.groupBy(
    containers.filter((container) => container.state.phase === "running"),
    (container) => container.config.labels[POD_UID] ?? "",
  );
  return (store.list("pods", namespace).items as readonly Pod[]).flatMap((pod) => {
    const own = (running.get(pod.metadata.uid ?? "") ?? []).flatMap((container) => {
      const usage = byId.get(container.id);
      return usage ? [{ name: containerName(container), stats: usage, atMs: usage.atMs }] : [];
    });
    return own.length === 0 ? [] : [{ pod, containers: own }];
  });
}
