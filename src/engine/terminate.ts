/**
 * What is told of containers without an end of their own once their Pod is over. Pure.
 * Kubernetes: pkg/kubelet/status/status_manager.go, TerminatePod.
 */
import type { ContainerStateTerminated, ContainerStatus } from "../api/gen/types.ts";
import { LOST_EXIT_CODE } from "./restart.ts";

export interface PodStatuses {
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
}

/**
 * Regular containers count as failed when the Pod had been initialized; before that they just go on waiting. Init containers
 * count as failed up to the last one that ever ran, and at least the first.
 */
export function terminated({ initStatuses, statuses }: PodStatuses): PodStatuses {
  const ran = initStatuses.findLastIndex((status) => !status.state?.waiting || status.lastState?.terminated);
  const reached = Math.max(ran + 1, 1);
  return {
    initStatuses: initStatuses.map((status, index) => (index < reached ? ended(status) : status)),
    statuses: isInitialized({ initStatuses, statuses }) ? statuses.map(ended) : statuses,
  };
}

function isInitialized({ initStatuses, statuses }: PodStatuses): boolean {
  const last = initStatuses.at(-1);
  if (!last || (last.state?.terminated ?? last.lastState?.terminated)?.exitCode === 0) return true;
  return statuses.some((status) => status.state?.running ?? status.state?.terminated ?? status.lastState?.terminated);
}

function ended(status: ContainerStatus): ContainerStatus {
  return status.state?.terminated ? status : { ...status, state: { terminated: gone(status.containerID, true) } };
}

/** The end of a container of which nobody knows how it ended. */
export function gone(containerID: string | undefined, over: boolean): ContainerStateTerminated {
  return {
    exitCode: LOST_EXIT_CODE,
    reason: "ContainerStatusUnknown",
    message: over
      ? "The container could not be located when the pod was terminated"
      : "The container could not be located when the pod was deleted.  The container used to be Running",
    ...(containerID === undefined ? {} : { containerID }),
  };
}
