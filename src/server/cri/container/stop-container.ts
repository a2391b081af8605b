import type { StopContainerRequestSchema, StopContainerResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { findContainer } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { integer } from "../invalid.ts";

const SECONDS_MAX = Number.MAX_SAFE_INTEGER / 1000;

/** Idempotent. A client that leaves does not take its request back: the container still stops. */
export const stopContainer: UnaryHandler<
  typeof StopContainerRequestSchema,
  typeof StopContainerResponseSchema
> = async (node, { containerId, timeout }) => {
  const seconds = integer(timeout, "timeout", { min: 0, max: Math.trunc(SECONDS_MAX) });
  const container = await findContainer(node, containerId);
  if (container) await node.runtime.stopContainer(container.id, seconds * 1000);
  return {};
};
