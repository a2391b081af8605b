import type {
  UpdatePodSandboxResourcesRequestSchema,
  UpdatePodSandboxResourcesResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import { requireSandbox } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { resourcesOf, updated } from "../translate/resources.ts";

/**
 * The kubelet calls this when it has set the limits of the Pod's cgroup itself, so that a runtime with a virtual machine can
 * follow; nothing is left to do then. Only a sandbox that was given no cgroup parent has one of its own to limit.
 */
export const updatePodSandboxResources: UnaryHandler<
  typeof UpdatePodSandboxResourcesRequestSchema,
  typeof UpdatePodSandboxResourcesResponseSchema
> = async (node, request) => {
  const { id, config } = await requireSandbox(node, request.podSandboxId, "change the limits");
  const change = resourcesOf(request.resources, "resources");
  resourcesOf(request.overhead, "overhead");
  if (config.cgroupParent === "") await node.runtime.updateSandboxResources(id, updated(config.resources, change));
  return {};
};
