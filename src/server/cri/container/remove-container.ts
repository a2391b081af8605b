import type { RemoveContainerRequestSchema, RemoveContainerResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { findContainer } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";

/** Idempotent: success for a container that is not there. */
export const removeContainer: UnaryHandler<
  typeof RemoveContainerRequestSchema,
  typeof RemoveContainerResponseSchema
> = async (node, { containerId }) => {
  const container = await findContainer(node, containerId);
  if (container) await node.runtime.removeContainer(container.id);
  return {};
};
