import type {
  StreamPodSandboxMetricsRequestSchema,
  StreamPodSandboxMetricsResponseSchema,
} from "../gen/runtime/v1/api_pb.ts";
import type { StreamHandler } from "../grpc.ts";
import { inMessages } from "../select.ts";
import { sandboxMetrics } from "./sandbox-metrics.ts";

export const streamPodSandboxMetrics: StreamHandler<
  typeof StreamPodSandboxMetricsRequestSchema,
  typeof StreamPodSandboxMetricsResponseSchema
> = async function* (node) {
  for (const podSandboxMetrics of inMessages(await sandboxMetrics(node))) yield { podSandboxMetrics };
};
