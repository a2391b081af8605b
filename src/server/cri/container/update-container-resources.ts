import { MinkeError } from "../../../base/errors.ts";
import type {
  UpdateContainerResourcesRequestSchema,
  UpdateContainerResourcesResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import { requireContainer } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { required, unsupported } from "../invalid.ts";
import { resourcesOf, updated } from "../translate/resources.ts";

export const updateContainerResources: UnaryHandler<
  typeof UpdateContainerResourcesRequestSchema,
  typeof UpdateContainerResourcesResponseSchema
> = async (node, request) => {
  const { id, config, state } = await requireContainer(node, request.containerId, "change the limits");
  if (request.windows) throw unsupported("windows", "this is Linux");
  const change = resourcesOf(required(request.linux, "linux"), "linux");
  if (state.phase === "exited") {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot change the limits of container "${config.metadata.name}": it has ended; create a new one`,
    );
  }
  await node.runtime.updateContainerResources(id, updated(config.resources, change));
  return {};
};
