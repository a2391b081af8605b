import type { ContainerStatsRequestSchema, ContainerStatsResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { requireContainer } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { containerStatsMessages } from "./container-stats-messages.ts";

export const containerStats: UnaryHandler<
  typeof ContainerStatsRequestSchema,
  typeof ContainerStatsResponseSchema
> = async (node, { containerId }) => {
  const container = await requireContainer(node, containerId, "tell the statistics");
  const [stats] = await containerStatsMessages(node, [container]);
  return { stats: stats! };
};
