import type {
  StreamPodSandboxStatsRequestSchema,
  StreamPodSandboxStatsResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import type { StreamHandler } from "../grpc.ts";
import { inMessages } from "../select.ts";
import { readySandboxStats } from "./list-pod-sandbox-stats.ts";

export const streamPodSandboxStats: StreamHandler<
  typeof StreamPodSandboxStatsRequestSchema,
  typeof StreamPodSandboxStatsResponseSchema
> = async function* (node, { filter }) {
  for (const podSandboxStats of inMessages(await readySandboxStats(node, filter))) yield { podSandboxStats };
};
