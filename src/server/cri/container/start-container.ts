import type { StartContainerRequestSchema, StartContainerResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { requireContainer } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";

export const startContainer: UnaryHandler<
  typeof StartContainerRequestSchema,
  typeof StartContainerResponseSchema
> = async (node, { containerId }) => {
  const { id } = await requireContainer(node, containerId, "start a container");
  await node.runtime.startContainer(id);
  return {};
};
