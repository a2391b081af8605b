import { messageOf, MinkeError } from "../../base/errors.ts";
import type { Container } from "../../runtime/runtime.ts";
import type { LiveScene, Scene } from "../act.ts";
import type { Action } from "../action.ts";
import { newestContainer } from "../observe.ts";
import { pendingResize, widest } from "../resize.ts";
import { containerLimits, containerResources, podResources } from "../resources.ts";

/** New limits for what runs: first room in the Pod's cgroup, then its containers, then what nobody needs there any more. */
export async function resizePod(
  { deps, pod, memory, observed }: LiveScene,
  { sandboxId }: Action & { readonly type: "ResizePod" },
): Promise<void> {
  using _span = deps.trace.span(memory.uid, "engine.resize");
  const { runtime, node } = deps;
  const wanted = podResources(pod);
  try {
    const sandbox = observed.sandboxes.find(({ id }) => id === sandboxId);
    await runtime.updateSandboxResources(sandboxId, widest(sandbox?.config.resources ?? wanted, wanted));
    for (const spec of pod.spec?.containers ?? []) {
      const container = newestContainer(observed, spec.name);
      if (container?.state.phase !== "running" || pendingResize(spec, container) !== "update") continue;
      await requireRoom(runtime, container, containerLimits(spec).memoryBytes);
      await runtime.updateContainerResources(container.id, containerResources(pod, spec, node.capacity.memoryBytes));
    }
    await runtime.updateSandboxResources(sandboxId, wanted);
    memory.resizeError = undefined;
  } catch (error) {
    memory.resizeError = messageOf(error);
    throw error;
  }
}

/** The kernel would kill what is above its new limit. Kubernetes: kuberuntime_manager.go, validateMemoryResizeAction. */
async function requireRoom(
  runtime: Scene["deps"]["runtime"],
  container: Container,
  limit: number | undefined,
): Promise<void> {
  const before = container.config.resources.memoryBytes ?? Infinity;
  if (limit === undefined || limit >= before) return;
  const all = await runtime.stats({ sandboxId: container.sandboxId });
  const usage = all.find(({ containerId }) => containerId === container.id)?.memoryWorkingSetBytes ?? 0;
  if (usage <= limit) return;
  const why = `attempting to set container memory limit (${limit}) below current usage (${usage})`;
  throw new MinkeError("FailedPrecondition", why);
}
