import type {
  StreamContainerStatsRequestSchema,
  StreamContainerStatsResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import type { StreamHandler } from "../grpc.ts";
import { inMessages } from "../select.ts";
import { runningContainerStats } from "./list-container-stats.ts";

export const streamContainerStats: StreamHandler<
  typeof StreamContainerStatsRequestSchema,
  typeof StreamContainerStatsResponseSchema
> = async function* (node, { filter }) {
  for (const containerStats of inMessages(await runningContainerStats(node, filter))) yield { containerStats };
};
