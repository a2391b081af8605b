import type { ReopenContainerLogRequestSchema, ReopenContainerLogResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { requireContainer } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";

/** The new file is there when this has answered. A container that does not run has no log to reopen. */
export const reopenContainerLog: UnaryHandler<
  typeof ReopenContainerLogRequestSchema,
  typeof ReopenContainerLogResponseSchema
> = async (node, { containerId }) => {
  const { id } = await requireContainer(node, containerId, "reopen the log");
  await node.runtime.reopenLog(id);
  return {};
};
