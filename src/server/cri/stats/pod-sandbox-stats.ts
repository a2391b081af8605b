import type { PodSandboxStatsRequestSchema, PodSandboxStatsResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { requireSandbox } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { sandboxStatsMessage } from "./sandbox-stats-message.ts";

export const podSandboxStats: UnaryHandler<
  typeof PodSandboxStatsRequestSchema,
  typeof PodSandboxStatsResponseSchema
> = async (node, { podSandboxId }) => ({
  stats: await sandboxStatsMessage(node, await requireSandbox(node, podSandboxId, "tell the statistics")),
});
