/** From a Pod's names to the runtime's ids, with the kubelet's words for what is not there. */
import type { Pod } from "../api/gen/types.ts";
import { MinkeError } from "../base/errors.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { ContainerRef } from "./engine.ts";
import { containersNamed, isUsable, observe } from "./observe.ts";

export async function findRunning(runtime: Runtime, pod: Pod, name: string, previous: boolean): Promise<ContainerRef> {
  const podName = pod.metadata.name ?? "";
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const specs = [...initContainers, ...containers, ...ephemeralContainers];
  if (!specs.some((spec) => spec.name === name)) {
    throw new MinkeError("NotFound", `container ${name} is not valid for pod ${podName}`);
  }
  const named = containersNamed(await observe(runtime, pod.metadata.uid ?? ""), name);
  const container = named[previous ? firstEnded(named) : 0];
  if (container && container.state.phase !== "created") {
    return {
      containerId: container.id,
      sandboxId: container.sandboxId,
      running: container.state.phase === "running",
      logPath: container.logPath,
      tty: container.config.tty,
      stdin: container.config.stdin,
    };
  }
  if (previous) {
    const message = `previous terminated container "${name}" in pod "${podName}" not found`;
    throw new MinkeError("InvalidArgument", message);
  }
  const message = `container "${name}" in pod "${podName}" is waiting to start: ${waitingReason(pod, name)}`;
  throw new MinkeError("InvalidArgument", message);
}

/**
 * Which of a name's containers `previous` means: the one behind the newest; while a restart is held up the newest itself has
 * ended and is the one that ran last.
 */
function firstEnded(named: readonly { readonly state: { readonly phase: string } }[]): number {
  return named.length === 1 && named[0]!.state.phase === "exited" ? 0 : 1;
}

export async function findSandbox(runtime: Runtime, pod: Pod): Promise<string> {
  const { sandboxes } = await observe(runtime, pod.metadata.uid ?? "");
  const sandbox = sandboxes[0];
  if (isUsable(sandbox)) return sandbox.id;
  throw new MinkeError(
    "FailedPrecondition",
    `unable to forward port because pod is not running. Current status=${pod.status?.phase ?? "Pending"}`,
  );
}

function waitingReason(pod: Pod, name: string): string {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const statuses = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  return statuses.find((status) => status.name === name)?.state?.waiting?.reason ?? "ContainerCreating";
}
